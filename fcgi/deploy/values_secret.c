/* ${secret:name} placeholders (contract: values.h). "$${" is a literal "${". */
#include <stdlib.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/yml.h"
#include "crypt/seal.h"
#include "deploy/values.h"

static const char MARK[] = "${secret:";

/* Next placeholder at or after p, skipping literals; *name_n its length. NULL: none. *broken: opened but not closed, or an impossible name. */
static const char *next(const char *p, size_t *name_n, bool *broken) {
  *broken = false;
  while ((p = strstr(p, "${"))) {
    if (!str_starts(p, MARK)) { p += 2; continue; }
    const char *name = p + strlen(MARK);
    *name_n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    *broken = !*name_n || *name_n > 60 || name[*name_n] != '}';
    return p;
  }
  return NULL;
}

static bool literal(const char *text, const char *p) { return p > text && p[-1] == '$'; }

bool values_secrets(struct arena *a, const char *text, const char ***out, size_t *n, struct err *e) {
  size_t k, cap = 64;
  bool broken;
  *out = ARENA_ARRAY(a, const char *, cap), *n = 0;
  for (const char *p = text; (p = next(p, &k, &broken)); p += 2) {
    if (literal(text, p)) continue;
    if (broken || *n == cap) return err_set(e, FAIL_INVALID, MSG_VALUES_PLACEHOLDER, str_excerpt(a, p, strlen(p), 40));
    char *name = arena_strndup(a, p + strlen(MARK), k);
    bool known = false;
    for (size_t i = 0; i < *n; i++) known |= streq((*out)[i], name);
    if (!known) (*out)[(*n)++] = name;
  }
  return true;
}

static void put(struct buf *b, const struct secret *v) { /* inside double quotes */
  struct buf t;
  char *s = arena_strndup(b->a, (const char *)v->p, v->n);
  buf_init(&t, b->a, 65536);
  yml_write_quoted(&t, s);
  buf_add(b, t.p + 1, t.n - 2);
}

bool values_fill(const char *text, const char *const *names, const struct secret *values, size_t n, struct secret *out, struct err *e) {
  struct arena *a = arena_new();
  struct buf b;
  size_t k;
  bool broken, ok = true;
  buf_init(&b, a, 1 << 20);
  const char *at = text;
  for (const char *p = text; ok && (p = next(p, &k, &broken));) {
    if (literal(text, p)) { p += 2; continue; }
    const struct secret *v = NULL;
    for (size_t i = 0; i < n && !broken; i++)
      if (strlen(names[i]) == k && !strncmp(names[i], p + strlen(MARK), k)) v = &values[i];
    if (!v) { ok = err_set(e, FAIL_INVALID, MSG_VALUES_NO_SECRET, broken ? "?" : arena_strndup(a, p + strlen(MARK), k)); break; }
    buf_add(&b, at, (size_t)(p - at)), put(&b, v);
    at = p += strlen(MARK) + k + 1;
  }
  if (ok) buf_str(&b, at);
  if (ok && (b.failed || b.n > VALUES_MAX)) ok = err_set(e, FAIL_TOO_LARGE, MSG_VALUES_LARGE, NUM(VALUES_MAX));
  if (ok) {
    out->p = malloc(b.n + 1);
    BUG_ON(!out->p);
    size_t o = 0;
    for (size_t i = 0; i < b.n; i++) {
      if (b.p[i] == '$' && i + 2 < b.n && b.p[i + 1] == '$' && b.p[i + 2] == '{') continue; /* "$${" says "${" */
      out->p[o++] = (unsigned char)b.p[i];
    }
    out->p[o] = 0, out->n = o;
  }
  if (b.n) explicit_bzero(b.p, b.n);
  arena_free(a);
  return ok;
}
