/* Contract: kube.h. Paths by reference 10 section 12.1: core group under /api/v1, named groups under /apis/GROUP/VERSION. */
#include "kube/kube.h"
#include <string.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/js.h"

enum { PATH_MAX_BYTES = 16 << 10, LIST_MAX = 32 << 20, LOG_MAX = 256 << 10 };

/* Reference 10 section 12.1: kinds that the manifests use. */
static const struct kube_kind KINDS[] = {
    {"v1", "Namespace", "namespaces", false},
    {"v1", "Node", "nodes", false},
    {"v1", "PersistentVolume", "persistentvolumes", false},
    {"v1", "Pod", "pods", true},
    {"v1", "Service", "services", true},
    {"v1", "Secret", "secrets", true},
    {"v1", "ConfigMap", "configmaps", true},
    {"v1", "ServiceAccount", "serviceaccounts", true},
    {"v1", "PersistentVolumeClaim", "persistentvolumeclaims", true},
    {"v1", "Event", "events", true},
    {"v1", "Endpoints", "endpoints", true},
    {"v1", "ResourceQuota", "resourcequotas", true},
    {"v1", "LimitRange", "limitranges", true},
    {"apps/v1", "Deployment", "deployments", true},
    {"apps/v1", "StatefulSet", "statefulsets", true},
    {"apps/v1", "DaemonSet", "daemonsets", true},
    {"apps/v1", "ReplicaSet", "replicasets", true},
    {"batch/v1", "Job", "jobs", true},
    {"batch/v1", "CronJob", "cronjobs", true},
    {"networking.k8s.io/v1", "Ingress", "ingresses", true},
    {"networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", true},
    {"networking.k8s.io/v1", "IngressClass", "ingressclasses", false},
    {"policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true},
    {"rbac.authorization.k8s.io/v1", "Role", "roles", true},
    {"rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", true},
    {"rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false},
    {"rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", false},
    {"admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", false},
    {"admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", false},
    {"apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false},
    {"storage.k8s.io/v1", "StorageClass", "storageclasses", false},
};

const struct kube_kind *kube_kind(const char *api_version, const char *kind) {
  for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
    if (streq(KINDS[i].api_version, api_version) && streq(KINDS[i].kind, kind)) return &KINDS[i];
  return NULL;
}

/* --- paths --- */

/* One path segment. "." and ".." would be eaten by anything that normalises paths, so their dots are encoded although RFC 3986 calls them unreserved. */
static void segment(struct buf *b, const char *opt_s) {
  const char *s = nn(opt_s);
  buf_ch(b, '/');
  if (streq(s, ".")) buf_str(b, "%2E");
  else if (streq(s, "..")) buf_str(b, "%2E%2E");
  else buf_urlq(b, s);
}

static void group_version(struct buf *b, const char *api_version) {
  const char *slash = strchr(api_version, '/');
  buf_str(b, slash ? "/apis" : "/api");
  if (!slash) {
    segment(b, api_version);
    return;
  }
  segment(b, arena_strndup(b->a, api_version, (size_t)(slash - api_version)));
  segment(b, slash + 1);
}

static void collection(struct buf *b, const struct kube_kind *k, const char *opt_ns) {
  group_version(b, k->api_version);
  if (k->namespaced && *nn(opt_ns)) buf_str(b, "/namespaces"), segment(b, opt_ns);
  segment(b, k->plural);
}

static const struct kube_kind *kind_of(const struct kube_ref *r) {
  const struct kube_kind *k = r->found ? r->found : kube_kind(r->api_version, r->kind);
  BUG_ON(!k);
  return k;
}

/* An object needs its namespace: without it the path would name something else. */
static void object(struct buf *b, const struct kube_ref *r) {
  const struct kube_kind *k = kind_of(r);
  BUG_ON(!*nn(r->name) || (k->namespaced && !*nn(r->ns)));
  collection(b, k, r->ns);
  segment(b, r->name);
}

static void query(struct buf *b, const char *key, const char *opt_value) {
  if (!*nn(opt_value)) return;
  buf_ch(b, strchr(b->p, '?') ? '&' : '?');
  buf_str(b, key), buf_ch(b, '=');
  buf_urlq(b, opt_value);
}

static struct call get(const char *path) { return (struct call){.method = "GET", .path = path, .accept = "application/json"}; }

static struct buf path_of(struct arena *a) {
  struct buf b;
  buf_init(&b, a, PATH_MAX_BYTES);
  return b;
}

/* --- reading --- */
struct call kube_version(struct arena *a) {
  (void)a;
  return get("/version");
}

struct call kube_discover(struct arena *a, const char *api_version) {
  struct buf b = path_of(a);
  group_version(&b, api_version);
  return get(b.p);
}

struct call kube_get(struct arena *a, struct kube_ref r) {
  struct buf b = path_of(a);
  object(&b, &r);
  return get(b.p);
}

struct call kube_list(struct arena *a, const char *api_version, const char *kind, const char *ns, const char *labels, const char *fields, int limit, const char *opt_cont) {
  struct buf b = path_of(a);
  const struct kube_kind *k = kube_kind(api_version, kind);
  BUG_ON(!k);
  collection(&b, k, ns);
  query(&b, "labelSelector", labels);
  query(&b, "fieldSelector", fields);
  if (limit > 0) query(&b, "limit", arena_fmt(a, "%d", limit));
  query(&b, "continue", opt_cont);
  struct call c = get(b.p);
  c.max_reply = LIST_MAX;
  return c;
}

struct call kube_list_names(struct arena *a, const char *api_version, const char *kind, const char *ns, const char *labels) {
  struct call c = kube_list(a, api_version, kind, ns, labels, NULL, 0, NULL);
  c.accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
  return c;
}

struct call kube_pod_log(struct arena *a, const char *ns, const char *pod, const char *container, int tail, bool previous) {
  struct buf b = path_of(a);
  object(&b, &(struct kube_ref){"v1", "Pod", ns, pod, ""});
  buf_str(&b, "/log");
  query(&b, "container", container);
  if (tail > 0) query(&b, "tailLines", arena_fmt(a, "%d", tail));
  if (previous) query(&b, "previous", "true");
  query(&b, "limitBytes", arena_fmt(a, "%d", LOG_MAX));
  struct call c = get(b.p);
  c.accept = "text/plain, */*";
  c.max_reply = LOG_MAX + 4096;
  return c;
}

/* --- writing --- */
struct call kube_apply(struct arena *a, struct kube_ref r, const char *doc, size_t n, bool dry_run) {
  struct buf b = path_of(a);
  object(&b, &r);
  query(&b, "fieldManager", "fedlcm");
  query(&b, "force", "true"); /* objects installed by upstream belong to its manager "fed-lifecycle-manager": taken over */
  if (dry_run) query(&b, "dryRun", "All");
  return (struct call){.method = "PATCH", .path = b.p, .accept = "application/json", .content_type = "application/apply-patch+yaml", .body = doc, .body_len = n};
}

struct call kube_create(struct arena *a, struct kube_ref r, const char *json, size_t n) {
  struct buf b = path_of(a);
  collection(&b, kind_of(&r), r.ns);
  query(&b, "fieldManager", "fedlcm");
  return (struct call){.method = "POST", .path = b.p, .accept = "application/json", .content_type = "application/json", .body = json, .body_len = n};
}

struct call kube_delete(struct arena *a, struct kube_ref r) {
  BUG_ON(!*nn(r.uid)); /* without it a foreign object of the same name could go */
  struct buf b = path_of(a), body;
  object(&b, &r);
  buf_init(&body, a, 4096);
  struct jsw w;
  jsw_init(&w, &body);
  jsw_obj(&w);
  jsw_kstr(&w, "kind", "DeleteOptions");
  jsw_kstr(&w, "apiVersion", "v1");
  jsw_kstr(&w, "propagationPolicy", "Background"); /* batch/v1 Jobs would orphan their pods by default (reference 10 section 12.8) */
  jsw_key(&w, "preconditions");
  jsw_obj(&w);
  jsw_kstr(&w, "uid", r.uid);
  jsw_end_obj(&w);
  jsw_end_obj(&w);
  return (struct call){.method = "DELETE", .path = b.p, .accept = "application/json", .content_type = "application/json", .body = body.p, .body_len = body.n, .repeatable = true};
}

/* --- permission questions (reference 10 section 12.10) --- */
static void attribute(struct jsw *w, const char *key, const char *opt_value) {
  if (*nn(opt_value)) jsw_kstr(w, key, opt_value);
}

static void review_head(struct jsw *w, struct buf *b, struct arena *a, const char *kind) {
  buf_init(b, a, 8192);
  jsw_init(w, b);
  jsw_obj(w);
  jsw_kstr(w, "apiVersion", "authorization.k8s.io/v1");
  jsw_kstr(w, "kind", kind);
  jsw_key(w, "spec");
  jsw_obj(w);
}

static struct call question(const char *path, const struct buf *b) {
  return (struct call){.method = "POST", .path = path, .accept = "application/json", .content_type = "application/json", .body = b->p, .body_len = b->n, .repeatable = true};
}

struct call kube_access_review(struct arena *a, const char *verb, const char *group, const char *resource, const char *subresource, const char *ns, const char *opt_name) {
  struct buf b;
  struct jsw w;
  review_head(&w, &b, a, "SelfSubjectAccessReview");
  jsw_key(&w, "resourceAttributes");
  jsw_obj(&w);
  attribute(&w, "namespace", ns);
  attribute(&w, "verb", verb);
  attribute(&w, "group", group);
  attribute(&w, "resource", resource);
  attribute(&w, "subresource", subresource);
  attribute(&w, "name", opt_name);
  jsw_end_obj(&w);
  jsw_end_obj(&w);
  jsw_end_obj(&w);
  return question("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &b);
}

struct call kube_rules_review(struct arena *a, const char *ns) {
  struct buf b;
  struct jsw w;
  review_head(&w, &b, a, "SelfSubjectRulesReview");
  jsw_kstr(&w, "namespace", ns);
  jsw_end_obj(&w);
  jsw_end_obj(&w);
  return question("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", &b);
}

/* The port must be written out: without it a service whose port has a name answers "no endpoints available" (reference 10 section 15.2). */
struct call kube_via_service(struct arena *a, const char *ns, const char *service_port, struct call inner) {
  struct buf b = path_of(a);
  BUG_ON(!strchr(service_port, ':') || inner.path[0] != '/');
  buf_str(&b, "/api/v1/namespaces"), segment(&b, ns);
  buf_str(&b, "/services/"), buf_str(&b, service_port); /* "name:port" stands as it is: the colon is the separator */
  buf_str(&b, "/proxy"), buf_str(&b, inner.path);
  inner.path = b.p;
  return inner;
}
