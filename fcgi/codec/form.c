#include "codec/form.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { MAX_FIELDS = 500 };

static int hex(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

static bool decode(struct arena *a, const char *p, size_t n, bool strict, const char **out, size_t *out_n) {
  char *d = arena_alloc(a, n + 1);
  size_t o = 0;
  for (size_t i = 0; i < n; i++) {
    int hi = p[i] == '%' && i + 2 < n ? hex(p[i + 1]) : -1, lo = hi >= 0 ? hex(p[i + 2]) : -1;
    if (p[i] == '%' && lo >= 0) d[o++] = (char)(hi * 16 + lo), i += 2;
    else if (p[i] == '%' && strict) return false;
    else d[o++] = p[i] == '+' ? ' ' : p[i];
  }
  *out = d, *out_n = o;
  return str_utf8_ok(d, o);
}

static bool pairs(struct arena *a, const char *p, size_t n, bool strict, struct form *out) {
  size_t max = 1;
  for (size_t i = 0; i < n; i++) max += p[i] == '&';
  if (max > MAX_FIELDS) {
    if (strict) return false;
    max = MAX_FIELDS;
  }
  out->f = ARENA_ARRAY(a, struct form_field, max), out->n = 0;
  for (size_t at = 0; at < n && out->n < max;) {
    const char *amp = memchr(p + at, '&', n - at);
    size_t end = amp ? (size_t)(amp - p) : n;
    const char *eq = memchr(p + at, '=', end - at);
    size_t ke = eq ? (size_t)(eq - p) : end, vs = eq ? ke + 1 : end, kn;
    struct form_field f = {0};
    bool ok = decode(a, p + at, ke - at, strict, &f.name, &kn) && decode(a, p + vs, end - vs, strict, &f.value, &f.len);
    if (!ok && strict) return false;
    if (ok && kn) out->f[out->n++] = f;
    at = end + 1;
  }
  return true;
}

bool form_urlencoded(struct arena *a, const char *p, size_t n, struct form *out, struct err *e) {
  return pairs(a, p, n, true, out) ? true : err_set(e, FAIL_BAD_REQUEST, MSG_FORM_BAD);
}

void form_query(struct arena *a, const char *q, struct form *out) { pairs(a, nn(q), strlen(nn(q)), false, out); }

/* Value of attribute in a header line such as: form-data; name="a"; filename="b" */
static char *attribute(struct arena *a, const char *line, size_t n, const char *name) {
  size_t k = strlen(name);
  for (size_t i = 0; i + k + 2 < n; i++)
    if (!strncasecmp(line + i, name, k) && line[i + k] == '=' && line[i + k + 1] == '"' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == ';')) {
      const char *s = line + i + k + 2, *end = memchr(s, '"', n - i - k - 2);
      return end ? arena_strndup(a, s, (size_t)(end - s)) : NULL;
    }
  return NULL;
}

bool form_multipart(struct arena *a, const char *type, const char *p, size_t n, struct form *out, struct err *e) {
  const char *b = strstr(type, "boundary=");
  char *bound = b ? str_trim(a, b + 9) : NULL;
  if (bound && bound[0] == '"') bound = arena_strndup(a, bound + 1, strcspn(bound + 1, "\""));
  if (!bound || !*bound || strlen(bound) > 200) return err_set(e, FAIL_BAD_REQUEST, MSG_FORM_BAD);
  char *mark = arena_fmt(a, "--%s", bound);
  size_t k = strlen(mark);
  out->f = ARENA_ARRAY(a, struct form_field, MAX_FIELDS), out->n = 0;
  const char *at = memmem(p, n, mark, k), *end = p + n;
  while (at && (at += k) + 2 <= end && strncmp(at, "--", 2)) {
    const char *head = at + 2, *body = memmem(head, (size_t)(end - head), "\r\n\r\n", 4);
    if (!body || out->n == MAX_FIELDS) return err_set(e, FAIL_BAD_REQUEST, MSG_FORM_BAD);
    char *sep = arena_fmt(a, "\r\n%s", mark);
    const char *next = memmem(body + 4, (size_t)(end - body - 4), sep, k + 2);
    if (!next) return err_set(e, FAIL_BAD_REQUEST, MSG_FORM_BAD);
    struct form_field f = {.name = attribute(a, head, (size_t)(body - head), "name"), .opt_filename = attribute(a, head, (size_t)(body - head), "filename")};
    f.len = (size_t)(next - body - 4);
    f.value = arena_strndup(a, body + 4, f.len);
    if (!f.name || !str_utf8_ok(f.name, strlen(f.name))) return err_set(e, FAIL_BAD_REQUEST, MSG_FORM_BAD);
    if (!f.opt_filename && !str_utf8_ok(f.value, f.len)) return err_set(e, FAIL_BAD_REQUEST, MSG_FORM_BAD);
    out->f[out->n++] = f;
    at = next + 2;
  }
  return at ? true : err_set(e, FAIL_BAD_REQUEST, MSG_FORM_BAD);
}

const struct form_field *form_field(const struct form *f, const char *name) {
  for (size_t i = 0; i < f->n; i++)
    if (streq(f->f[i].name, name)) return &f->f[i];
  return NULL;
}

const char *form_get(const struct form *f, const char *name) {
  const struct form_field *x = form_field(f, name);
  return x ? x->value : NULL;
}
