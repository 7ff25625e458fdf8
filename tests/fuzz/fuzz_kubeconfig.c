/* The kubeconfig reader. Properties: what is accepted is a fixed point, gives an identity, and its shown form plus the stored one gives it back. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "kube/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
static struct arena *a;
static const usec_t NOW = 1790000000LL * 1000000;

static void accepted(struct kubeconfig *k) {
  struct kubeconfig again;
  struct identity *id;
  struct err e = ERR_INIT;
  bool same = false;
  const char *out, *copy = arena_strdup(a, k->canonical);
  BUG_ON(!kubeconfig_read(a, k->canonical, strlen(k->canonical), "m", true, NOW, &again, &e) || !again.ok || !streq(again.canonical, k->canonical));
  struct secret s = {(unsigned char *)(uintptr_t)copy, strlen(copy)};
  BUG_ON(!kubeconfig_same_destination(a, k->shown, k->shown, &same, &e) || !same);
  BUG_ON(!kubeconfig_unmask(a, k->shown, &s, &out, &e));
  BUG_ON(!kubeconfig_read(a, out, strlen(out), "m", true, NOW, &again, &e) || !again.ok || !streq(again.canonical_sha256, k->canonical_sha256));
  s = (struct secret){(unsigned char *)(uintptr_t)k->canonical, strlen(k->canonical)};
  BUG_ON(!kubeconfig_identity(&s, &id, &e));
  BUG_ON(!str_starts(id->base_url, "https://"));
  identity_free(id);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
  struct kubeconfig k;
  struct err e = ERR_INIT;
  bool same;
  if (!a) a = arena_new();
  const char *text = arena_strndup(a, (const char *)p, n);
  BUG_ON(!kubeconfig_read(a, (const char *)p, n, "m", n & 1, NOW, &k, &e));
  bool bad = false;
  for (int i = 0; i < k.n_findings; i++) {
    struct buf b;
    buf_init(&b, a, 1 << 16);
    text_html(&b, LANG_ZH, k.findings[i].t);
    bad |= k.findings[i].level == FINDING_FAIL;
  }
  BUG_ON(k.ok && bad);
  BUG_ON(!k.ok && *k.canonical);
  kubeconfig_is_masked(text);
  (void)!kubeconfig_same_destination(a, text, text, &same, &e);
  if (k.ok && !memchr(p, 0, n)) accepted(&k);
  arena_reset(a);
  return 0;
}
