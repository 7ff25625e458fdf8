/* Remote answers: the first byte picks the HTTP status, the second the content type, the rest is the body. Every reader of Kubernetes and KubeFATE sees it. */
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "kube/read.h"
#include "kubefate/kubefate.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
static struct arena *a;

static void kubernetes(const js *v) {
  struct workload w;
  struct pod_problem pp;
  struct service_port sp;
  struct ingress in;
  struct kube_kind k;
  int major, minor;
  const char *git;
  kube_uid(v), kube_name(v), kube_is_deleting(v), kube_node_address(v), kube_review_allowed(v), kube_version_read(v, &major, &minor, &git), kube_discovered(a, v, "v1", "Pod", &k);
  kube_workload(v, "Deployment", &w), kube_workload(v, "StatefulSet", &w), kube_pod_problem(v, NULL, &pp), kube_pod_problem(v, "kubefate", &pp), kube_service_port(v, "http", &sp), kube_ingress(a, v, &in);
  pod_cause_key(pp.cause);
  BUG_ON(!w.problem_reason || !pp.pod || !pp.message || !sp.type);
}

static void kubefate(const js *v) {
  struct kf_job j;
  struct kf_cluster c;
  const char *s;
  bool b;
  kf_hello_ok(v), kf_token(v, &s), kf_version_read(v, &s, &b);
  if (kf_job_read(a, v, &j)) kf_job_final(&j);
  kf_cluster_read(v, &c);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
  static const int STATUS[] = {200, 201, 204, 301, 400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 502, 503, 504};
  static const char *const TYPE[] = {"application/json", "text/html", "text/plain", ""};
  struct err e = ERR_INIT;
  const js *v = NULL;
  const char *text;
  if (!a) a = arena_new();
  if (n < 2) return 0;
  struct reply r = {.status = STATUS[p[0] % (sizeof STATUS / sizeof *STATUS)], .content_type = TYPE[p[1] % 4], .body = arena_strndup(a, (const char *)p + 2, n - 2), .n = n - 2, .why = "", .peer = ""};
  if (kube_read(a, &r, "Pod a/b", &v, &e) != KUBE_DONE) BUG_ON(e.kind == FAIL_NONE);
  if (v) kubernetes(v), kubefate(v);
  err_message(&e, a);
  err_clear(&e);
  if (kf_read(a, &r, &v, &e) != KF_DONE) BUG_ON(e.kind == FAIL_NONE);
  err_clear(&e);
  kube_read_text(a, &r, "log", &text, &e);
  arena_reset(a);
  return 0;
}
