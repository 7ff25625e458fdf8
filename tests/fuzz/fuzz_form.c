/* Form bodies. The first line of the input is the content type of the multipart reading. */
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/form.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
static struct arena *a;

static void check(const struct form *f) {
  for (size_t i = 0; i < f->n; i++) BUG_ON(!f->f[i].name || !f->f[i].value || f->f[i].value[f->f[i].len]);
  form_get(f, "a"), form_field(f, "file");
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
  struct err e = ERR_INIT;
  struct form f = {0};
  if (!a) a = arena_new();
  if (form_urlencoded(a, (const char *)p, n, &f, &e)) check(&f);
  form_query(a, arena_strndup(a, (const char *)p, n), &f);
  check(&f);
  const uint8_t *nl = memchr(p, '\n', n);
  if (nl) {
    const char *type = arena_strndup(a, (const char *)p, (size_t)(nl - p));
    if (form_multipart(a, type, (const char *)nl + 1, n - (size_t)(nl - p) - 1, &f, &e)) check(&f);
  }
  arena_reset(a);
  return 0;
}
