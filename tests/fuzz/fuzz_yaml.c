/* The YAML facade: trees, JSON, splicing, and manifests on top of it. */
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "codec/js.h"
#include "codec/yml.h"
#include "kube/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
static struct arena *a;

static void walk(const struct yml *v, size_t n, int depth) {
  BUG_ON(v->start > v->end || v->end > n);
  if (depth > 70) return;
  for (size_t i = 0; i < v->n && i < 20; i++) walk(v->val[i], n, depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
  const struct yml *v;
  struct err e = ERR_INIT;
  struct kube_doc *docs;
  size_t k;
  js *tree;
  if (!a) a = arena_new();
  if (yml_parse(a, (const char *)p, n, 65536, &v, &e)) {
    struct buf b;
    buf_init(&b, a, 1 << 20);
    walk(v, n, 0);
    if (yml_to_json(v, &b, &e) && b.n < 65536) (void)!js_parse(a, b.p, b.n, 1 << 20, &tree, &e);
    if (v->kind == YML_MAP && v->n) {
      size_t out_n;
      struct yml_edit edit = {v->val[0]->start, v->val[0]->end, "\"new\""};
      yml_splice(a, (const char *)p, n, &edit, 1, &out_n);
    }
  }
  if (kube_manifest(a, (const char *)p, n, &docs, &k, &e))
    for (size_t i = 0; i < k; i++) {
      BUG_ON(!*docs[i].ref.name || !*docs[i].ref.kind || (i && docs[i].order < docs[i - 1].order));
      kube_label(a, &docs[i].ref);
    }
  arena_reset(a);
  return 0;
}
