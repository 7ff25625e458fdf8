/* A chart's archive, and as the text of KubeFATE's list of charts. */
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/js.h"
#include "codec/tgz.h"
#include "kubefate/kubefate.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
static struct arena *a;

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
  struct err e = ERR_INIT;
  struct tgz t;
  struct kf_chart c;
  js *v;
  if (!a) a = arena_new();
  if (tgz_read(a, p, n, 20, 1 << 20, &t, &e)) {
    BUG_ON(!t.n || t.n > 20);
    for (size_t i = 0; i < t.n; i++) BUG_ON(!t.f[i].path || t.f[i].data[t.f[i].n]);
  } else BUG_ON(e.kind != FAIL_INVALID);
  if (js_parse(a, (const char *)p, n, 1 << 20, &v, &e)) {
    for (size_t i = 0; i < js_len(v); i++)
      if (kf_chart_read(a, js_item(v, i), &c)) BUG_ON(strlen(kf_chart_content(a, &c)) != 64);
    if (kf_chart_read(a, v, &c)) BUG_ON(strlen(kf_chart_content(a, &c)) != 64);
  }
  arena_reset(a);
  return 0;
}
