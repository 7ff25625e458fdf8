/* Kubernetes calls as data: builders make exact requests, readers survive good, cut and hostile answers. */
#include "t.h"
#include "kube/kube.h"
#include "kube/read.h"

#define CALL(c, m, p) do { struct call c_ = (c); assert_string_equal(c_.method, m); assert_string_equal(c_.path, p); } while (0)

static void paths_follow_group_scope_and_encoding(void **s) {
  (void)s;
  CALL(kube_version(A), "GET", "/version");
  CALL(kube_discover(A, "v1"), "GET", "/api/v1");
  CALL(kube_discover(A, "apps/v1"), "GET", "/apis/apps/v1");
  CALL(kube_get(A, (struct kube_ref){"v1", "Namespace", "", "kube-fate", ""}), "GET", "/api/v1/namespaces/kube-fate");
  CALL(kube_get(A, (struct kube_ref){"apps/v1", "Deployment", "kube-fate", "kubefate", ""}), "GET", "/apis/apps/v1/namespaces/kube-fate/deployments/kubefate");
  CALL(kube_get(A, (struct kube_ref){"rbac.authorization.k8s.io/v1", "ClusterRole", "ignored", "system:node/x", ""}), "GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode%2Fx");
  CALL(kube_get(A, (struct kube_ref){"v1", "Pod", "..", ".", ""}), "GET", "/api/v1/namespaces/%2E%2E/pods/%2E");
  CALL(kube_get(A, (struct kube_ref){"v1", "Pod", "a?b", "c#d&e f\n", ""}), "GET", "/api/v1/namespaces/a%3Fb/pods/c%23d%26e%20f%0A");
  struct kube_kind widget = {"example.com/v1", "Widget", "widgets", true};
  CALL(kube_get(A, (struct kube_ref){"example.com/v1", "Widget", "n", "w", "", &widget}), "GET", "/apis/example.com/v1/namespaces/n/widgets/w");
  assert_null(kube_kind("example.com/v1", "Widget"));
  assert_string_equal(kube_kind("networking.k8s.io/v1", "Ingress")->plural, "ingresses");
}

static void lists_carry_selectors_limit_and_continue(void **s) {
  (void)s;
  CALL(kube_list(A, "v1", "Pod", "n", NULL, NULL, 0, NULL), "GET", "/api/v1/namespaces/n/pods");
  CALL(kube_list(A, "v1", "Node", "", NULL, NULL, 0, NULL), "GET", "/api/v1/nodes");
  CALL(kube_list(A, "v1", "Pod", "", "a=b,c in (d,e)", "spec.nodeName=x", 250, "tok/en+="), "GET",
       "/api/v1/pods?labelSelector=a%3Db%2Cc%20in%20%28d%2Ce%29&fieldSelector=spec.nodeName%3Dx&limit=250&continue=tok%2Fen%2B%3D");
  struct call c = kube_list_names(A, "v1", "Secret", "n", "owner=helm");
  assert_string_equal(c.path, "/api/v1/namespaces/n/secrets?labelSelector=owner%3Dhelm");
  assert_string_equal(c.accept, "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
  CALL(kube_pod_log(A, "n", "p", "c", 20, true), "GET", "/api/v1/namespaces/n/pods/p/log?container=c&tailLines=20&previous=true&limitBytes=262144");
}

static void writes_have_manager_policy_and_precondition(void **s) {
  (void)s;
  struct kube_ref r = {"v1", "ConfigMap", "n", "c", "u-1"};
  struct call c = kube_apply(A, r, "{}", 2, false);
  CALL(c, "PATCH", "/api/v1/namespaces/n/configmaps/c?fieldManager=fedlcm&force=true");
  assert_string_equal(c.content_type, "application/apply-patch+yaml");
  assert_int_equal(c.body_len, 2);
  CALL(kube_apply(A, r, "{}", 2, true), "PATCH", "/api/v1/namespaces/n/configmaps/c?fieldManager=fedlcm&force=true&dryRun=All");
  c = kube_create(A, r, "{}", 2);
  CALL(c, "POST", "/api/v1/namespaces/n/configmaps?fieldManager=fedlcm");
  assert_false(c.repeatable);
  c = kube_delete(A, r);
  CALL(c, "DELETE", "/api/v1/namespaces/n/configmaps/c");
  assert_string_equal(c.body, "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"propagationPolicy\":\"Background\",\"preconditions\":{\"uid\":\"u-1\"}}");
  c = kube_access_review(A, "create", "apps", "deployments", "", "n", NULL);
  CALL(c, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
  assert_true(c.repeatable);
  assert_string_equal(c.body, "{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":\"SelfSubjectAccessReview\",\"spec\":{\"resourceAttributes\":{\"namespace\":\"n\",\"verb\":\"create\",\"group\":\"apps\",\"resource\":\"deployments\"}}}");
  c = kube_rules_review(A, "n");
  assert_string_equal(c.body, "{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":\"SelfSubjectRulesReview\",\"spec\":{\"namespace\":\"n\"}}");
}

static void a_service_call_is_wrapped_and_keeps_everything_else(void **s) {
  (void)s;
  struct call in = {.method = "POST", .path = "/v1/user/login", .cookie = "jwt=x", .body = "b", .body_len = 1, .secret_body = true, .repeatable = true};
  struct call c = kube_via_service(A, "kube-fate", "kubefate:8080", in);
  CALL(c, "POST", "/api/v1/namespaces/kube-fate/services/kubefate:8080/proxy/v1/user/login");
  assert_string_equal(c.cookie, "jwt=x");
  assert_true(c.secret_body && c.repeatable && c.body_len == 1);
  CALL(kube_via_service(A, "kube-fate", "kubefate:8080", (struct call){.method = "GET", .path = "/"}), "GET", "/api/v1/namespaces/kube-fate/services/kubefate:8080/proxy/");
}

/* --- readers --- */
static struct reply http(int status, const char *body) { return (struct reply){.status = status, .content_type = "application/json", .body = body, .n = strlen(body), .why = "", .peer = ""}; }
static struct reply status_of(int code, const char *reason, const char *message, const char *details) {
  return http(code, arena_fmt(A, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"%s\",\"reason\":\"%s\",\"details\":%s,\"code\":%d}", message, reason, details, code));
}
static const js *TREE;
static enum kube_verdict verdict(struct reply r) {
  err_clear(&E);
  enum kube_verdict v = kube_read(A, &r, "Deployment n/x", &TREE, &E);
  if (v == KUBE_DONE) assert_int_equal(E.kind, FAIL_NONE);
  else assert_non_null(strstr(err_message(&E, A), "Deployment n/x"));
  return v;
}
#define SAYS(words) assert_non_null(strstr(err_message(&E, A), words))

static void status_objects_become_verdicts(void **s) {
  (void)s;
  assert_int_equal(verdict(http(200, "{\"kind\":\"Deployment\",\"metadata\":{\"name\":\"x\",\"uid\":\"u\"}}")), KUBE_DONE);
  assert_string_equal(kube_uid(TREE), "u");
  assert_int_equal(verdict(http(200, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Success\"}")), KUBE_DONE);
  assert_int_equal(verdict(http(200, "")), KUBE_DONE);
  assert_null(TREE);
  assert_int_equal(verdict(status_of(404, "NotFound", "deployments.apps \\\"x\\\" not found", "{}")), KUBE_NOT_FOUND);
  SAYS("deployments.apps \"x\" not found");
  assert_int_equal(verdict(status_of(409, "AlreadyExists", "x already exists", "{}")), KUBE_EXISTS);
  assert_int_equal(verdict(status_of(409, "AlreadyExists", "object is being deleted: namespaces \\\"X\\\" already exists", "{}")), KUBE_TERMINATING);
  assert_true(E.retry);
  assert_int_equal(verdict(status_of(409, "Conflict", "the object has been modified", "{}")), KUBE_CONFLICT);
  assert_true(E.retry);
  assert_int_equal(verdict(status_of(409, "Conflict", "Precondition failed: UID in precondition: a, UID in object meta: b", "{}")), KUBE_CONFLICT);
  assert_false(E.retry);
  assert_int_equal(verdict(status_of(409, "Conflict", "Operation cannot be fulfilled on ConfigMap \\\"one\\\": the UID in the precondition (a) does not match the UID in record (b).", "{}")), KUBE_CONFLICT);
  assert_int_equal(E.key, MSG_KUBE_RECREATED);
  assert_int_equal(verdict(status_of(403, "Forbidden", "no new content", "{\"causes\":[{\"reason\":\"NamespaceTerminating\",\"message\":\"namespace n is being terminated\"}]}")), KUBE_TERMINATING);
  assert_int_equal(verdict(status_of(403, "Forbidden", "deployments.apps is forbidden: User \\\"u\\\" cannot create resource", "{}")), KUBE_DENIED);
  assert_int_equal(E.kind, FAIL_FORBIDDEN);
  assert_int_equal(verdict(status_of(403, "Forbidden", "forbidden: User \\\"system:anonymous\\\" cannot get path", "{}")), KUBE_UNAUTHORIZED);
  assert_int_equal(verdict(status_of(403, "Forbidden", "exceeded quota: q, requested: pods=1", "{}")), KUBE_REFUSED);
  assert_int_equal(E.key, MSG_KUBE_QUOTA);
  assert_int_equal(verdict(status_of(403, "Forbidden", "violates PodSecurity restricted", "{}")), KUBE_REFUSED);
  assert_int_equal(verdict(status_of(401, "Unauthorized", "Unauthorized", "{}")), KUBE_UNAUTHORIZED);
  assert_int_equal(verdict(status_of(410, "Expired", "too old resource version", "{}")), KUBE_GONE);
  assert_int_equal(verdict(status_of(400, "BadRequest", "bad", "{}")), KUBE_REFUSED);
  assert_int_equal(verdict(status_of(415, "UnsupportedMediaType", "media", "{}")), KUBE_REFUSED);
  assert_int_equal(verdict(status_of(422, "Invalid", "Deployment is invalid", "{\"causes\":[{\"reason\":\"FieldValueInvalid\",\"message\":\"must be positive\",\"field\":\"spec.replicas\"}]}")), KUBE_REFUSED);
  SAYS("spec.replicas: must be positive");
}

static void passing_failures_are_retried_with_the_servers_pause(void **s) {
  (void)s;
  struct reply r = status_of(429, "TooManyRequests", "slow down", "{\"retryAfterSeconds\":3}");
  r.retry_after_s = 7;
  assert_int_equal(verdict(r), KUBE_RETRY);
  assert_int_equal(E.retry_after, 7), assert_int_equal(E.kind, FAIL_BUSY);
  assert_int_equal(verdict(status_of(500, "ServerTimeout", "x", "{\"retryAfterSeconds\":99999999999}")), KUBE_RETRY);
  assert_int_equal(E.retry_after, 300);
  assert_int_equal(verdict(status_of(500, "InternalError", "failed calling webhook \\\"w\\\"", "{}")), KUBE_RETRY);
  assert_int_equal(E.key, MSG_KUBE_WEBHOOK);
  assert_int_equal(verdict(status_of(504, "Timeout", "t", "{}")), KUBE_RETRY);
  assert_int_equal(E.kind, FAIL_TIMEOUT);
  r = (struct reply){.fail = REPLY_UNKNOWN, .cause = NET_CUT, .why = "cut", .body = "", .content_type = ""};
  assert_int_equal(verdict(r), KUBE_RETRY);
  r.fail = REPLY_TOO_LARGE, r.cause = NET_TOO_LARGE;
  assert_int_equal(verdict(r), KUBE_REFUSED);
}

static void what_is_not_kubernetes_never_counts_as_absent(void **s) {
  (void)s;
  struct reply r = http(404, "<html>no backend</html>");
  r.content_type = "text/html";
  assert_int_equal(verdict(r), KUBE_RETRY);
  assert_null(strstr(err_message(&E, A), "backend")); /* bodies of others are not shown */
  assert_non_null(strstr(E.detail, "backend"));
  r = http(404, "404 page not found\n"), r.content_type = "text/plain";
  assert_int_equal(verdict(r), KUBE_REFUSED);
  assert_int_equal(E.key, MSG_KUBE_PATH);
  r = http(200, "<html>login</html>"), r.content_type = "text/html";
  assert_int_equal(verdict(r), KUBE_RETRY);
  assert_int_equal(verdict(http(200, "{\"a\":")), KUBE_RETRY);
  assert_int_equal(verdict(http(200, "[]")), KUBE_RETRY);
  assert_int_equal(verdict(http(404, "{\"error\":\"other program\"}")), KUBE_RETRY);
  assert_int_equal(verdict(http(302, "")), KUBE_RETRY);
  assert_int_equal(verdict(http(503, "")), KUBE_RETRY);
  assert_int_equal(verdict(http(401, "no")), KUBE_UNAUTHORIZED);
  assert_int_equal(verdict(status_of(200, "x", "failure under 200", "{}")), KUBE_RETRY);
  assert_null(TREE);
}

static void hostile_status_objects_are_survived(void **s) {
  (void)s;
  static const char *const BODY[] = {"{\"kind\":\"Status\",\"apiVersion\":\"v1\"}", "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"message\":7,\"details\":[],\"reason\":{}}",
      "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"details\":{\"causes\":{}}}", "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"details\":{\"causes\":[1,null,{\"message\":[]},{\"message\":\"\\u0000<script>\\u0007\"}]}}"};
  for (size_t i = 0; i < sizeof BODY / sizeof *BODY; i++)
    for (int code = 400; code < 520; code++) assert_int_not_equal(verdict(http(code, BODY[i])), KUBE_DONE);
  char *deep = arena_alloc(A, 5001);
  memset(deep, '[', 5000);
  assert_int_equal(verdict(http(500, deep)), KUBE_RETRY);
  struct buf b;
  buf_init(&b, A, 1 << 20);
  buf_str(&b, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"reason\":\"Invalid\",\"message\":\"");
  for (int i = 0; i < 50000; i++) buf_str(&b, "x\\u202e");
  buf_str(&b, "\"}");
  assert_int_equal(verdict(http(422, b.p)), KUBE_REFUSED);
  assert_true(strlen(err_message(&E, A)) < 2000);
}

static const js *tree(const char *text) {
  js *v;
  OK(js_parse(A, text, strlen(text), 1 << 20, &v, &E));
  return v;
}

static void logs_are_text(void **s) {
  (void)s;
  const char *out;
  struct reply r = http(200, "line 1\nline\x1b[31m 2\n");
  assert_int_equal(kube_read_text(A, &r, "log", &out, &E), KUBE_DONE);
  assert_string_equal(out, "line 1\nline [31m 2\n");
  r = http(200, "bad \xff utf8");
  assert_int_equal(kube_read_text(A, &r, "log", &out, &E), KUBE_DONE);
  assert_string_equal(out, "bad ? utf8");
  r = status_of(400, "BadRequest", "container is waiting to start", "{}");
  assert_int_equal(kube_read_text(A, &r, "log", &out, &E), KUBE_REFUSED);
}

static void discovery_skips_subresources(void **s) {
  (void)s;
  struct kube_kind k;
  const js *l = tree("{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"widgets/status\",\"kind\":\"Widget\",\"namespaced\":true},7,{\"kind\":\"Widget\"},{\"name\":\"widgets\",\"kind\":\"Widget\",\"namespaced\":true}]}");
  assert_true(kube_discovered(A, l, "example.com/v1", "Widget", &k));
  assert_string_equal(k.plural, "widgets"), assert_true(k.namespaced);
  assert_false(kube_discovered(A, l, "example.com/v1", "Gadget", &k));
  assert_false(kube_discovered(A, NULL, "example.com/v1", "Widget", &k));
}

static void workloads_are_ready_only_for_their_present_specification(void **s) {
  (void)s;
  struct workload w;
  kube_workload(tree("{\"metadata\":{\"name\":\"d\",\"generation\":3},\"spec\":{\"replicas\":2},\"status\":{\"observedGeneration\":3,\"updatedReplicas\":2,\"availableReplicas\":2,\"readyReplicas\":2}}"), "Deployment", &w);
  assert_true(w.available && w.wanted == 2 && w.ready == 2);
  kube_workload(tree("{\"metadata\":{\"generation\":3},\"spec\":{\"replicas\":2},\"status\":{\"observedGeneration\":2,\"updatedReplicas\":2,\"availableReplicas\":2}}"), "Deployment", &w);
  assert_false(w.available);
  kube_workload(tree("{\"metadata\":{\"generation\":1},\"spec\":{\"replicas\":1},\"status\":{\"observedGeneration\":1,\"conditions\":[{\"type\":\"Progressing\",\"status\":\"False\",\"reason\":\"ProgressDeadlineExceeded\",\"message\":\"m\"}]}}"), "Deployment", &w);
  assert_string_equal(w.problem_reason, "ProgressDeadlineExceeded");
  kube_workload(tree("{\"spec\":{},\"status\":{\"conditions\":[{\"type\":\"ReplicaFailure\",\"status\":\"True\",\"reason\":\"FailedCreate\",\"message\":\"exceeded quota\"}]}}"), "Deployment", &w);
  assert_string_equal(w.problem_message, "exceeded quota");
  kube_workload(tree("{\"metadata\":{\"generation\":1},\"spec\":{\"replicas\":1},\"status\":{\"observedGeneration\":1,\"readyReplicas\":1}}"), "StatefulSet", &w);
  assert_true(w.available);
  kube_workload(tree("{\"spec\":{\"replicas\":-5},\"status\":[]}"), "StatefulSet", &w);
  assert_false(w.available);
  kube_workload(NULL, "Deployment", &w);
  assert_false(w.available);
}

static void the_most_telling_pod_problem_wins(void **s) {
  (void)s;
  struct pod_problem p;
  const char *crash = "{\"metadata\":{\"name\":\"w-1\"},\"status\":{\"phase\":\"Running\",\"containerStatuses\":[{\"name\":\"c\",\"ready\":false,\"restartCount\":4,\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\",\"message\":\"back-off\"}},\"lastState\":{\"terminated\":{\"reason\":\"Error\",\"message\":\"last words\"}}}]}}";
  const char *image = "{\"metadata\":{\"name\":\"w-2\"},\"status\":{\"phase\":\"Pending\",\"containerStatuses\":[{\"name\":\"c\",\"ready\":false,\"state\":{\"waiting\":{\"reason\":\"ImagePullBackOff\",\"message\":\"no such image\"}}}]}}";
  const char *going = "{\"metadata\":{\"name\":\"w-3\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"},\"status\":{\"phase\":\"Pending\",\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"waiting\":{\"reason\":\"InvalidImageName\"}}}]}}";
  const char *place = "{\"metadata\":{\"name\":\"x-1\"},\"status\":{\"phase\":\"Pending\",\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":\"Unschedulable\",\"message\":\"0/1 nodes\"}]}}";
  kube_pod_problem(tree(arena_fmt(A, "{\"items\":[%s,%s,%s]}", crash, going, image)), "w", &p);
  assert_int_equal(p.cause, POD_IMAGE), assert_string_equal(p.pod, "w-2"), assert_string_equal(p.message, "no such image");
  kube_pod_problem(tree(arena_fmt(A, "{\"items\":[%s,%s]}", crash, place)), NULL, &p);
  assert_int_equal(p.cause, POD_CRASHING), assert_string_equal(p.message, "last words");
  kube_pod_problem(tree(arena_fmt(A, "{\"items\":[%s,%s]}", crash, place)), "x", &p);
  assert_int_equal(p.cause, POD_UNSCHEDULABLE), assert_string_equal(pod_cause_key(p.cause), "unschedulable");
  kube_pod_problem(tree("{\"items\":[{\"metadata\":{\"name\":\"w-1\"},\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}],\"containerStatuses\":[{\"name\":\"c\",\"ready\":true}]}}]}"), "w", &p);
  assert_int_equal(p.cause, POD_FINE);
  kube_pod_problem(tree("{\"items\":[7,null,{\"metadata\":[],\"status\":{\"containerStatuses\":[{\"state\":{\"waiting\":{\"reason\":[]}}},3]}}]}"), NULL, &p);
  assert_int_equal(p.cause, POD_STARTING);
  kube_pod_problem(NULL, NULL, &p);
  assert_int_equal(p.cause, POD_FINE);
}

static void addresses_come_from_ready_nodes_and_named_ports(void **s) {
  (void)s;
  struct service_port sp;
  const js *svc = tree("{\"spec\":{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"name\":\"a\",\"port\":1,\"nodePort\":30001},{\"name\":\"443\",\"port\":443,\"nodePort\":30443}]},\"status\":{\"loadBalancer\":{\"ingress\":[{\"hostname\":\"lb.example.com\"}]}}}");
  kube_service_port(svc, "443", &sp);
  assert_true(sp.found && sp.port == 443 && sp.node_port == 30443);
  assert_string_equal(sp.lb_host, "lb.example.com");
  kube_service_port(svc, "nope", &sp);
  assert_false(sp.found);
  kube_service_port(tree("{\"spec\":{\"ports\":[{\"name\":\"a\",\"port\":99999}]}}"), "a", &sp);
  assert_false(sp.found);
  assert_string_equal(kube_node_address(tree("{\"items\":[{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}],\"addresses\":[{\"type\":\"ExternalIP\",\"address\":\"1.1.1.1\"}]}},"
                                             "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}],\"addresses\":[{\"type\":\"Hostname\",\"address\":\"h\"},{\"type\":\"InternalIP\",\"address\":\"2.2.2.2\"}]}}]}")), "2.2.2.2");
  assert_null(kube_node_address(tree("{\"items\":[]}")));
  struct ingress in;
  kube_ingress(A, tree("{\"spec\":{\"rules\":[{\"host\":\"a.b\"},{},{\"host\":\"c.d\"}],\"tls\":[{}]},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"1.2.3.4\",\"hostname\":\"x\"}]}}}"), &in);
  assert_true(in.n_hosts == 2 && in.n_addresses == 2 && in.tls);
  kube_ingress(A, tree("{\"spec\":[],\"status\":7}"), &in);
  assert_true(!in.n_hosts && !in.n_addresses && !in.tls);
}

static void what_holds_a_deletion_is_told(void **s) {
  (void)s;
  assert_string_equal(kube_held_by(A, tree("{\"metadata\":{\"finalizers\":[\"a/b\",\"c\"]}}")), "finalizers: a/b, c");
  assert_string_equal(kube_held_by(A, tree("{\"status\":{\"conditions\":[{\"type\":\"NamespaceContentRemaining\",\"status\":\"True\",\"message\":\"pods. has 1\"},{\"type\":\"NamespaceDeletionContentFailure\",\"status\":\"False\",\"message\":\"no\"}]}}")), "pods. has 1");
  assert_string_equal(kube_held_by(A, tree("{\"metadata\":{\"finalizers\":{}},\"status\":[]}")), "");
}

static void versions_are_read_in_all_forms(void **s) {
  (void)s;
  int major, minor;
  const char *git;
  assert_true(kube_version_read(tree("{\"major\":\"1\",\"minor\":\"29+\",\"gitVersion\":\"v1.29.4+k3s1\"}"), &major, &minor, &git));
  assert_true(major == 1 && minor == 29);
  assert_string_equal(git, "v1.29.4+k3s1");
  assert_true(kube_version_read(tree("{\"major\":\"1\",\"minor\":\"34+\"}"), &major, &minor, &git));
  assert_true(minor == 34);
  assert_false(kube_version_read(tree("{\"gitVersion\":\"banana\",\"minor\":\"999999999999\",\"major\":\"1\"}"), &major, &minor, &git));
  assert_false(kube_version_read(NULL, &major, &minor, &git));
  assert_true(kube_review_allowed(tree("{\"status\":{\"allowed\":true}}")));
  assert_false(kube_review_allowed(tree("{\"status\":{\"allowed\":true,\"denied\":true}}")));
  assert_false(kube_review_allowed(tree("{\"status\":{\"allowed\":\"true\"}}")));
}

/* --- manifests --- */
static struct kube_doc *DOCS;
static size_t N;
static bool manifest(const char *yaml) { return kube_manifest(A, yaml, strlen(yaml), &DOCS, &N, &E); }

static void manifests_are_split_flattened_and_ordered(void **s) {
  (void)s;
  OK(manifest("# head\n---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: ns}\n---\n---\n# nothing\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: ns}\n"
              "---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: s, namespace: ns}, data: {a: \"Yg==\"}}\n- {apiVersion: v1, kind: Namespace, metadata: {name: ns, namespace: x}}\n---\n"
              "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\n"));
  assert_int_equal(N, 5);
  assert_string_equal(DOCS[0].ref.kind, "Namespace"), assert_string_equal(DOCS[0].ref.ns, "");
  assert_string_equal(DOCS[1].ref.kind, "Secret"), assert_string_equal(DOCS[2].ref.kind, "ConfigMap"), assert_string_equal(DOCS[2].ref.ns, "");
  assert_string_equal(DOCS[3].ref.kind, "Deployment"), assert_string_equal(DOCS[4].ref.kind, "Ingress");
  assert_string_equal(DOCS[1].json, "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"s\",\"namespace\":\"ns\"},\"data\":{\"a\":\"Yg==\"}}");
  assert_string_equal(kube_label(A, &DOCS[3].ref), "Deployment ns/d"), assert_string_equal(kube_label(A, &DOCS[0].ref), "Namespace ns");
}

static void bad_manifests_are_refused_with_their_place(void **s) {
  (void)s;
  static const char *const BAD[] = {"", "# only a comment\n", "just text", "- a\n", "kind: Pod\nmetadata: {name: x}\n", "apiVersion: v1\nmetadata: {name: x}\n", "apiVersion: v1\nkind: Pod\n",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: 9999}\n", "apiVersion: v1\nkind: Pod\nmetadata: {name: ../x}\n", "apiVersion: v1\nkind: Pod\nmetadata: {name: ..}\n", "apiVersion: ../../v1\nkind: Pod\nmetadata: {name: x}\n",
      "apiVersion: a/b/c\nkind: Pod\nmetadata: {name: x}\n", "apiVersion: v1\nkind: Pod/exec\nmetadata: {name: x}\n", "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: a%2f}\n",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: [a]}\n", "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: x}\n",
      "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: List, items: []}\n", "apiVersion: v1\nkind: List\nitems: x\n", "a: &a [x,x]\nb: *c\n", "apiVersion: v1\nkind: Pod\nkind: Pod\nmetadata: {name: x}\n"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    err_clear(&E);
    if (manifest(BAD[i])) fail_msg("accepted: %s", BAD[i]);
    assert_int_equal(E.kind, FAIL_INVALID);
  }
  assert_false(manifest("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n---\nkind: Pod\n"));
  SAYS("Document 2");
  struct buf b;
  buf_init(&b, A, 1 << 20);
  for (int i = 0; i < 101; i++) buf_fmt(&b, "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%d}\n", i);
  assert_false(manifest(b.p));
  for (int i = 0; i < 3000; i++) buf_fmt(&b, "# filler filler filler\n");
  err_clear(&E);
  assert_false(manifest(b.p));
  assert_int_equal(E.kind, FAIL_TOO_LARGE);
  err_clear(&E);
  assert_false(manifest("x: &a [1,1,1,1,1,1,1,1,1,1]\ny: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nz: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nq: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\nw: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
                        "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: [*e,*e,*e,*e,*e,*e]\n"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      T(paths_follow_group_scope_and_encoding), T(lists_carry_selectors_limit_and_continue), T(writes_have_manager_policy_and_precondition), T(a_service_call_is_wrapped_and_keeps_everything_else),
      T(status_objects_become_verdicts), T(passing_failures_are_retried_with_the_servers_pause), T(what_is_not_kubernetes_never_counts_as_absent), T(hostile_status_objects_are_survived), T(logs_are_text),
      T(discovery_skips_subresources), T(workloads_are_ready_only_for_their_present_specification), T(the_most_telling_pod_problem_wins), T(addresses_come_from_ready_nodes_and_named_ports),
      T(what_holds_a_deletion_is_told), T(versions_are_read_in_all_forms), T(manifests_are_split_flattened_and_ordered), T(bad_manifests_are_refused_with_their_place)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
