/* Contract: read.h, kube_manifest. A manifest is checked whole before anything is sent (reference 10 section 12.7). */
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/str.h"
#include "codec/yml.h"
#include "kube/read.h"

struct reading { struct arena *a; struct kube_doc *docs; size_t n; size_t doc; struct err *e; };

/* Namespaces; definitions; what workloads need; workloads and everything unknown; what leads traffic in or intercepts requests. */
static int order_of(const char *kind) {
  static const struct { const char *kind; int order; } ORDER[] = {
      {"Namespace", 1}, {"CustomResourceDefinition", 2}, {"ServiceAccount", 3}, {"Secret", 3}, {"ConfigMap", 3}, {"Role", 3}, {"RoleBinding", 3}, {"ClusterRole", 3},
      {"ClusterRoleBinding", 3}, {"PersistentVolume", 3}, {"PersistentVolumeClaim", 3}, {"StorageClass", 3}, {"Service", 3}, {"ResourceQuota", 3}, {"LimitRange", 3},
      {"NetworkPolicy", 3}, {"IngressClass", 5}, {"Ingress", 5}, {"ValidatingWebhookConfiguration", 5}, {"MutatingWebhookConfiguration", 5}};
  for (size_t i = 0; i < sizeof ORDER / sizeof *ORDER; i++)
    if (streq(kind, ORDER[i].kind)) return ORDER[i].order;
  return 4;
}

/* Kubernetes' rule for names in paths (apimachinery, pkg/api/validation/path): neither "." nor "..", no '/' and no '%'. */
static bool segment_ok(const char *s) { return *s && strlen(s) <= 253 && !streq(s, ".") && !streq(s, "..") && !strpbrk(s, "/%"); }

static bool version_ok(const char *s) {
  const char *slash = strchr(s, '/');
  return *s && strlen(s) <= 253 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-/") == strlen(s) && s[0] != '/' && s[0] != '.' && (!slash || (slash[1] && !strchr(slash + 1, '/') && slash[1] != '.'));
}

static bool kind_ok(const char *s) { return *s && strlen(s) <= 63 && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == strlen(s); }

static bool missing(struct reading *r, const struct yml *d, const char *key) { return err_set(r->e, FAIL_INVALID, MSG_KUBE_MANIFEST_MISSING, NUM(r->doc), NUM(d->line), key); }
static bool bad(struct reading *r, const struct yml *d, const char *key, const char *value) { return err_set(r->e, FAIL_INVALID, MSG_KUBE_MANIFEST_BAD, NUM(r->doc), NUM(d->line), key, value); }

static const char *text_at(const struct yml *d, const char *path) {
  const struct yml *v = yml_at(d, path);
  return v && v->kind == YML_SCALAR && yml_is_string(v) ? v->s : NULL;
}

static bool check(struct reading *r, const struct yml *d, struct kube_ref *ref) {
  const char *version = text_at(d, "apiVersion"), *kind = text_at(d, "kind"), *name = text_at(d, "metadata.name"), *ns = text_at(d, "metadata.namespace");
  if (!version) return missing(r, d, "apiVersion");
  if (!kind) return missing(r, d, "kind");
  if (!name) return missing(r, d, "metadata.name");
  if (!version_ok(version)) return bad(r, d, "apiVersion", version);
  if (!kind_ok(kind)) return bad(r, d, "kind", kind);
  if (!segment_ok(name)) return bad(r, d, "metadata.name", name);
  if (!ns && !yml_is_null(yml_at(d, "metadata.namespace"))) return missing(r, d, "metadata.namespace");
  if (ns && !segment_ok(ns)) return bad(r, d, "metadata.namespace", ns);
  *ref = (struct kube_ref){version, kind, nn(ns), name, ""};
  const struct kube_kind *known = kube_kind(version, kind);
  if (known && !known->namespaced) ref->ns = ""; /* the server ignores a namespace there */
  for (size_t i = 0; i < r->n; i++) {
    const struct kube_ref *x = &r->docs[i].ref;
    if (streq(x->api_version, version) && streq(x->kind, kind) && streq(x->name, name) && streq(x->ns, ref->ns)) return err_set(r->e, FAIL_INVALID, MSG_KUBE_MANIFEST_TWICE, kube_label(r->a, x), NUM(d->line));
  }
  return true;
}

static bool add(struct reading *r, const struct yml *d) {
  struct kube_ref ref;
  struct buf b;
  if (d->kind != YML_MAP) return err_set(r->e, FAIL_INVALID, MSG_KUBE_MANIFEST_NOT_MAP, NUM(r->doc), NUM(d->line));
  if (!check(r, d, &ref)) return false;
  if (r->n == KUBE_MANIFEST_DOCS) return err_set(r->e, FAIL_INVALID, MSG_KUBE_MANIFEST_MANY, NUM(KUBE_MANIFEST_DOCS));
  buf_init(&b, r->a, 4 * KUBE_MANIFEST_MAX);
  if (!yml_to_json(d, &b, r->e)) return false;
  r->docs[r->n++] = (struct kube_doc){ref, b.p, b.n, order_of(ref.kind)};
  return true;
}

static bool is_list(const struct yml *d) { return d->kind == YML_MAP && streq(text_at(d, "kind"), "List"); }

static bool take(struct reading *r, const struct yml *d) {
  if (!is_list(d)) return add(r, d);
  const struct yml *items = yml_get(d, "items");
  if (yml_is_null(items)) return true;
  if (items->kind != YML_SEQ) return missing(r, d, "items");
  for (size_t i = 0; i < items->n; i++) {
    if (is_list(items->val[i])) return err_set(r->e, FAIL_INVALID, MSG_KUBE_MANIFEST_NESTED, NUM(r->doc), NUM(items->val[i]->line));
    if (!add(r, items->val[i])) return false;
  }
  return true;
}

/* Stable insertion sort: at most KUBE_MANIFEST_DOCS objects, and the order inside a class is the author's. */
static void sort(struct kube_doc *v, size_t n) {
  for (size_t i = 1; i < n; i++) {
    struct kube_doc x = v[i];
    size_t k = i;
    for (; k && v[k - 1].order > x.order; k--) v[k] = v[k - 1];
    v[k] = x;
  }
}

bool kube_manifest(struct arena *a, const char *yaml, size_t n, struct kube_doc **out, size_t *out_n, struct err *e) {
  const struct yml **docs;
  size_t count;
  if (!yml_parse_all(a, yaml, n, KUBE_MANIFEST_MAX, KUBE_MANIFEST_DOCS, &docs, &count, e)) return false;
  struct reading r = {.a = a, .docs = ARENA_ARRAY(a, struct kube_doc, KUBE_MANIFEST_DOCS), .e = e};
  for (size_t i = 0; i < count; i++) {
    r.doc = i + 1;
    if (yml_is_null(docs[i])) continue;
    if (!take(&r, docs[i])) return false;
  }
  if (!r.n) return err_set(e, FAIL_INVALID, MSG_KUBE_MANIFEST_EMPTY);
  sort(r.docs, r.n);
  *out = r.docs, *out_n = r.n;
  return true;
}
