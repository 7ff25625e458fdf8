/* Contract: form.h. */
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

static size_t field_count(const char *p, size_t n) {
  size_t count = 1;
  for (size_t i = 0; i < n; i++) count += p[i] == '&';
  return count;
}

static bool pairs(struct arena *a, const char *p, size_t n, bool strict, struct form *out) {
  size_t max = field_count(p, n);
  if (max > MAX_FIELDS) max = MAX_FIELDS;
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
  if (field_count(p, n) > MAX_FIELDS) return err_set(e, FAIL_BAD_REQUEST, MSG_FORM_MANY, NUM(MAX_FIELDS));
  return pairs(a, p, n, true, out) ? true : err_set(e, FAIL_BAD_REQUEST, MSG_FORM_BAD);
}

void form_query(struct arena *a, const char *q, struct form *out) { pairs(a, nn(q), strlen(nn(q)), false, out); }

/* --- multipart/form-data (RFC 7578) --- */

/* Value of a quoted parameter of the Content-Disposition line among the headers of a part. Browsers write %22 for a quote. */
static char *parameter(struct arena *a, const char *head, size_t n, const char *name) {
  static const char LINE[] = "content-disposition:";
  const char *end = head + n, *s = head;
  while (s && ((size_t)(end - s) < strlen(LINE) || strncasecmp(s, LINE, strlen(LINE)))) {
    const char *nl = memmem(s, (size_t)(end - s), "\r\n", 2);
    s = nl ? nl + 2 : NULL;
  }
  if (!s) return NULL;
  const char *nl = memmem(s, (size_t)(end - s), "\r\n", 2);
  if (nl) end = nl;
  while ((s = memchr(s, ';', (size_t)(end - s)))) {
    for (s++; s < end && *s == ' ';) s++;
    size_t k = 0;
    while (s + k < end && s[k] != '=' && s[k] != ';') k++;
    if (s + k + 1 >= end || s[k] != '=' || s[k + 1] != '"') continue;
    const char *from = s + k + 2, *to = memchr(from, '"', (size_t)(end - from));
    if (!to) return NULL;
    if (k == strlen(name) && !strncasecmp(s, name, k)) return arena_strndup(a, from, (size_t)(to - from));
    s = to + 1;
  }
  return NULL;
}

/* "--boundary" from the content type, or NULL. */
static const char *delimiter(struct arena *a, const char *type) {
  const char *b = strncasecmp(type, "multipart/form-data", 19) ? NULL : strcasestr(type, "boundary=");
  if (!b) return NULL;
  b += 9;
  size_t n = *b == '"' ? strcspn(++b, "\"") : strcspn(b, "; \t");
  return n && n <= 200 ? arena_fmt(a, "--%.*s", (int)n, b) : NULL;
}

/* The delimiter at the start of a line, followed by a line end or "--"; a longer boundary that begins with ours is content. */
static const char *find_delimiter(const char *p, const char *from, const char *end, const char *mark, size_t k) {
  for (; (from = memmem(from, (size_t)(end - from), mark, k)); from++) {
    const char *after = from + k;
    bool starts = from == p || (from - p >= 2 && !memcmp(from - 2, "\r\n", 2));
    if (starts && end - after >= 2 && (!memcmp(after, "\r\n", 2) || !memcmp(after, "--", 2))) return from;
  }
  return NULL;
}

static bool part(struct arena *a, const char *head, const char *next, struct form_field *f) {
  const char *body = memmem(head, (size_t)(next - head), "\r\n\r\n", 4);
  if (!body || body + 4 > next - 2) return false;
  size_t n = (size_t)(body - head);
  f->name = parameter(a, head, n, "name"), f->opt_filename = parameter(a, head, n, "filename");
  f->len = (size_t)(next - 2 - (body + 4)); /* without the line end that belongs to the delimiter */
  f->value = arena_strndup(a, body + 4, f->len);
  if (!f->name || !*f->name || !str_utf8_ok(f->name, strlen(f->name))) return false;
  return f->opt_filename ? str_utf8_ok(f->opt_filename, strlen(f->opt_filename)) : str_utf8_ok(f->value, f->len);
}

bool form_multipart(struct arena *a, const char *type, const char *p, size_t n, struct form *out, struct err *e) {
  const char *mark = delimiter(a, type), *end = p + n;
  size_t k = mark ? strlen(mark) : 0;
  const char *at = mark ? find_delimiter(p, p, end, mark, k) : NULL;
  if (!at) return err_set(e, FAIL_BAD_REQUEST, MSG_FORM_BAD);
  struct form_field *v = ARENA_ARRAY(a, struct form_field, MAX_FIELDS);
  size_t count = 0;
  while (memcmp(at + k, "--", 2)) {
    const char *head = at + k + 2, *next = find_delimiter(p, head, end, mark, k);
    if (count == MAX_FIELDS) return err_set(e, FAIL_BAD_REQUEST, MSG_FORM_MANY, NUM(MAX_FIELDS));
    if (!next || !part(a, head, next, &v[count])) return err_set(e, FAIL_BAD_REQUEST, MSG_FORM_BAD);
    count++;
    at = next;
  }
  *out = (struct form){v, count};
  return true;
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
