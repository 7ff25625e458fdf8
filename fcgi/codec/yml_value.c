/* Contract: yml.h. What a scalar means, and writing. The typing rules are those of go-yaml v2.4, which Kubernetes and KubeFATE read
 * with: yes/no/on/off/y/n are booleans, 0644 is octal, 0x and 0b and 0o are known, '_' may group digits, no base 60. */
#include <inttypes.h>
#include <math.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/yml.h"

enum { MAX_NODES = 200000, MAX_NUMBER = 64 };
enum type { T_STRING, T_NULL, T_BOOL, T_INT, T_UINT, T_FLOAT, T_NOT_FINITE, T_TIME };
struct typed { enum type type; bool b; int64_t i; uint64_t u; double d; char text[MAX_NUMBER + 2]; };

static bool one_of(const char *s, const char *const *v, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (streq(s, v[i])) return true;
  return false;
}
#define ONE_OF(s, ...) one_of((s), (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99; }
static size_t digits(const char *s) { return strspn(s, "0123456789"); }

/* Go's strconv.ParseInt and ParseUint with base 0. */
static bool integer(const char *s, struct typed *t) {
  bool neg = *s == '-', sign = neg || *s == '+';
  uint64_t v = 0, base = 10;
  s += sign;
  if (s[0] == '0' && s[1]) {
    char c = s[1] | 0x20;
    base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
    s += c == 'x' || c == 'b' || c == 'o' ? 2 : 1;
  }
  if (!*s) return false;
  for (; *s; s++)
    if ((uint64_t)digit(*s) >= base || __builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, (uint64_t)digit(*s), &v)) return false;
  if (v <= (uint64_t)INT64_MAX + neg) return t->type = T_INT, t->i = neg ? (int64_t)(0 - v) : (int64_t)v, true;
  return !sign ? (t->type = T_UINT, t->u = v, true) : false;
}

/* [-+]? digits [. digits] [e [-+] digits]; the JSON spelling of it goes to t->text. */
static bool decimal(const char *s, struct typed *t) {
  const char *from = s + (*s == '-' || *s == '+'), *p = from;
  size_t whole = digits(p), frac = 0;
  p += whole;
  if (*p == '.') frac = digits(p + 1), p += 1 + frac;
  if (!whole && !frac) return false;
  const char *exp = p;
  if (*p == 'e' || *p == 'E') {
    p += 1 + (p[1] == '-' || p[1] == '+');
    if (!digits(p)) return false;
    p += digits(p);
  }
  if (*p || !isfinite(t->d = strtod(s, NULL))) return false;
  t->type = T_FLOAT;
  if (fabs(t->d) < 9e18 && t->d == (double)(int64_t)t->d) { /* 1e3 is written 1000, as Go does: integer fields accept it */
    snprintf(t->text, sizeof t->text, "%.0f", t->d);
    return true;
  }
  while (whole > 1 && *from == '0') from++, whole--;
  const char *point = from + whole;
  snprintf(t->text, sizeof t->text, "%s%.*s%s%.*s%s", *s == '-' ? "-" : "", (int)whole, whole ? from : "", whole ? "" : "0", (int)(frac ? 1 + frac : 0), point, exp);
  return true;
}

/* 2001-12-14 with or without a time: a string to go-yaml v2, a time to v3. */
static bool timestamp(const char *s) {
  if (digits(s) != 4 || s[4] != '-') return false;
  size_t m = digits(s + 5), d = m && m <= 2 && s[5 + m] == '-' ? digits(s + 6 + m) : 0;
  return d && d <= 2 && (!s[6 + m + d] || strchr("Tt ", s[6 + m + d]));
}

static struct typed typed(const struct yml *v) {
  struct typed t = {.type = T_STRING};
  const char *s = v->s;
  if (v->kind == YML_NULL) t.type = T_NULL;
  if (v->kind != YML_SCALAR || !v->plain) return t;
  if (ONE_OF(s, "", "~", "null", "Null", "NULL")) return t.type = T_NULL, t;
  if (ONE_OF(s, "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y")) return t.type = T_BOOL, t.b = true, t;
  if (ONE_OF(s, "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N")) return t.type = T_BOOL, t;
  if (ONE_OF(s, ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF")) return t.type = T_NOT_FINITE, t;
  if (*s == '.') return decimal(s, &t), t;
  if (!strchr("+-0123456789", *s) || v->len > MAX_NUMBER) return t;
  if (timestamp(s)) return t.type = T_TIME, t;
  char plain[MAX_NUMBER + 1];
  size_t n = 0;
  for (; *s; s++)
    if (*s != '_') plain[n++] = *s;
  plain[n] = 0;
  if (!integer(plain, &t)) decimal(plain, &t);
  return t;
}

bool yml_is_null(const struct yml *v) { return !v || typed(v).type == T_NULL; }
bool yml_is_string(const struct yml *v) { return v->kind == YML_SCALAR && typed(v).type == T_STRING; }

bool yml_int(const struct yml *v, int64_t *out) {
  struct typed t = v ? typed(v) : (struct typed){0};
  if (t.type != T_INT) return false;
  *out = t.i;
  return true;
}

static bool emit_scalar(const struct yml *v, struct buf *b, struct err *e) {
  struct typed t = typed(v);
  switch (t.type) {
  case T_NULL: buf_str(b, "null"); break;
  case T_BOOL: buf_str(b, t.b ? "true" : "false"); break;
  case T_INT: buf_i64(b, t.i); break;
  case T_UINT: buf_fmt(b, "%" PRIu64, t.u); break;
  case T_FLOAT: buf_str(b, t.text); break;
  case T_NOT_FINITE: return err_set(e, FAIL_INVALID, MSG_YAML_NOT_FINITE, NUM(v->line), v->s);
  case T_STRING:
  case T_TIME: buf_js(b, v->s); break;
  }
  return true;
}

/* The depth is bounded by the limits of the parse: 64 levels, 100 aliases, no cycles. */
static bool emit(const struct yml *v, struct buf *b, size_t *count, struct err *e) {
  if (++*count > MAX_NODES) return err_set(e, FAIL_INVALID, MSG_YAML_MANY, NUM(v->line));
  if (b->failed) return err_set(e, FAIL_TOO_LARGE, MSG_YAML_LARGE, NUM(b->max));
  if (v->kind == YML_NULL || v->kind == YML_SCALAR) return emit_scalar(v, b, e);
  bool map = v->kind == YML_MAP;
  buf_ch(b, map ? '{' : '[');
  for (size_t i = 0; i < v->n; i++) {
    if (i) buf_ch(b, ',');
    if (map) buf_js(b, v->key[i]->s), buf_ch(b, ':');
    if (!emit(v->val[i], b, count, e)) return false;
  }
  buf_ch(b, map ? '}' : ']');
  return true;
}

bool yml_to_json(const struct yml *v, struct buf *out, struct err *e) {
  size_t count = 0;
  if (!emit(v, out, &count, e)) return false;
  return out->failed ? err_set(e, FAIL_TOO_LARGE, MSG_YAML_LARGE, NUM(out->max)) : true;
}

char *yml_splice(struct arena *a, const char *src, size_t n, const struct yml_edit *edits, size_t n_edits, size_t *out_n) {
  const struct yml_edit **v = ARENA_ARRAY(a, const struct yml_edit *, n_edits + 1);
  size_t total = n, at = 0;
  for (size_t i = 0; i < n_edits; i++) { /* insertion sort: few edits, and two at one place keep their order */
    size_t k = i;
    for (; k && (v[k - 1]->start > edits[i].start || (v[k - 1]->start == edits[i].start && v[k - 1]->end > edits[i].end)); k--) v[k] = v[k - 1];
    v[k] = &edits[i];
    total += strlen(edits[i].text);
  }
  struct buf b;
  buf_init(&b, a, total);
  for (size_t i = 0; i < n_edits; i++) {
    BUG_ON(v[i]->start < at || v[i]->end < v[i]->start || v[i]->end > n);
    buf_add(&b, src + at, v[i]->start - at);
    buf_str(&b, v[i]->text);
    at = v[i]->end;
  }
  buf_add(&b, src + at, n - at);
  *out_n = b.n;
  return b.p;
}

/* Code points that YAML forbids (C1 controls, non-characters), takes for line breaks (U+0085, U+2028, U+2029) or drops (U+FEFF). */
static bool must_escape(unsigned cp) {
  return (cp >= 0x80 && cp < 0xa0) || cp == 0x2028 || cp == 0x2029 || cp == 0xfeff || cp == 0xfffe || cp == 0xffff;
}

void yml_write_quoted(struct buf *b, const char *s) {
  buf_ch(b, '"');
  for (size_t k, n = strlen(s); n; s += k, n -= k) {
    unsigned char c = (unsigned char)*s;
    k = str_utf8_seq(s, n);
    unsigned cp = k == 2 ? (c & 0x1fu) << 6 | ((unsigned char)s[1] & 0x3fu) : k == 3 ? (c & 0xfu) << 12 | ((unsigned char)s[1] & 0x3fu) << 6 | ((unsigned char)s[2] & 0x3fu) : 0;
    if (!k) buf_str(b, "\xef\xbf\xbd"), k = 1;
    else if (k > 1 && must_escape(cp)) buf_fmt(b, "\\u%04x", cp);
    else if (k > 1) buf_add(b, s, k);
    else if (c == '"' || c == '\\') buf_ch(b, '\\'), buf_ch(b, *s);
    else if (c == '\n') buf_str(b, "\\n");
    else if (c == '\t') buf_str(b, "\\t");
    else if (c == '\r') buf_str(b, "\\r");
    else if (c < 0x20 || c == 0x7f) buf_fmt(b, "\\x%02x", c);
    else buf_ch(b, *s);
  }
  buf_ch(b, '"');
}
