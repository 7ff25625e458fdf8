/* The JSON facade: what was read can be written and read again. */
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/js.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
static struct arena *a;

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
  struct err e = ERR_INIT;
  js *v = NULL, *w = NULL;
  if (!a) a = arena_new();
  if (js_parse(a, (const char *)p, n, 1 << 17, &v, &e)) {
    char *s = js_dump(a, v), *t;
    if (js_parse(a, s, strlen(s), 1 << 22, &w, &e)) {
      t = js_dump(a, w);
      BUG_ON(!streq(s, t));
    }
    const char *text, **list;
    int64_t num;
    bool flag;
    const js *obj;
    size_t k;
    for (struct js_iter it = js_iter(v); js_next(&it);) {
      (void)!jsq_str(v, it.key, a, &text, &e), (void)!jsq_int(v, it.key, 0, 100, &num, &e), (void)!jsq_bool(v, it.key, &flag, &e), (void)!jsq_obj(v, it.key, &obj, &e), (void)!jsq_strs(v, it.key, a, &list, &k, &e);
      js_str(v, it.key), js_int(v, it.key, 0), js_arr(v, it.key);
    }
  }
  arena_reset(a);
  return 0;
}
