/* The Kubernetes client against a real API server: KUBECONFIG_FILE names a kubeconfig with all rights. Makes namespaces fedlcm-client-* and removes them.
 * Last line: client: N passed, N failed, N skipped */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/b64.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "kube/kube.h"
#include "kube/kubeconfig.h"
#include "kube/read.h"
#include "kubefate/kubefate.h"
#include "net/xfer.h"

static struct arena *A;
static struct xfer *X;
static struct peer *P;
static struct err E;
static struct kubeconfig K;
static int passed, failed, skipped;
static const char *NS, *BASE;
enum { PATIENCE_MS = 240 * 1000 }; /* against waiting for ever, as PATIENCE of tests/lib/patience.py */

#define MUST(what, cond) do { if (cond) printf("ok %s\n", what), passed++; else printf("not ok %s (line %d): %s [%s]\n", what, __LINE__, err_message(&E, A), E.detail), failed++; } while (0)

static struct reply send_as(struct peer *p, struct call c) {
  struct xfer_done d;
  xfer_start(X, p, A, &c, NULL);
  while (!xfer_next(X, &d)) xfer_wait(X, NULL, 0, 1000);
  return d.reply;
}
static struct reply send(struct call c) { return send_as(P, c); }

static const js *TREE;
static enum kube_verdict ask_as(struct peer *p, struct call c, const char *what) {
  struct reply r = send_as(p, c);
  err_clear(&E);
  return kube_read(A, &r, what, &TREE, &E);
}
static enum kube_verdict ask(struct call c, const char *what) { return ask_as(P, c, what); }

static struct kube_ref ref(const char *version, const char *kind, const char *name) { return (struct kube_ref){version, kind, NS, name, ""}; }
static struct kube_ref map_ref(const char *name) { return ref("v1", "ConfigMap", name); }

static const char *map_doc(const char *name, const char *value) {
  return arena_fmt(A, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s, labels: {test: client}}\ndata: {key: \"%s\"}\n", name, NS, value);
}
static enum kube_verdict apply_map(const char *name, const char *value, bool dry) {
  const char *doc = map_doc(name, value);
  return ask(kube_apply(A, map_ref(name), doc, strlen(doc), dry), name);
}
static enum kube_verdict make_namespace(const char *name) {
  const char *doc = arena_fmt(A, "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"%s\"}}", name);
  return ask(kube_create(A, (struct kube_ref){"v1", "Namespace", "", name, ""}, doc, strlen(doc)), name);
}

static void version_and_discovery(void) {
  int major, minor;
  const char *git;
  struct kube_kind k;
  MUST("version is read", ask(kube_version(A), "version") == KUBE_DONE && kube_version_read(TREE, &major, &minor, &git) && major == 1 && minor >= 22);
  MUST("discovery knows Deployment", ask(kube_discover(A, "apps/v1"), "apps/v1") == KUBE_DONE && kube_discovered(A, TREE, "apps/v1", "Deployment", &k) && streq(k.plural, "deployments") && k.namespaced);
  MUST("discovery does not know a Widget", !kube_discovered(A, TREE, "apps/v1", "Widget", &k));
  MUST("an unserved group-version is told apart from an absent object", ask(kube_discover(A, "example.com/v1"), "example.com/v1") == KUBE_REFUSED && E.kind == FAIL_NOT_FOUND);
  /* Every kind of the built-in table that this server serves has the plural and the scope that the table says. */
  static const char *const GROUPS[] = {"v1", "apps/v1", "batch/v1", "networking.k8s.io/v1", "policy/v1", "rbac.authorization.k8s.io/v1", "admissionregistration.k8s.io/v1", "apiextensions.k8s.io/v1", "storage.k8s.io/v1"};
  int wrong = 0, seen = 0;
  for (size_t i = 0; i < sizeof GROUPS / sizeof *GROUPS; i++) {
    if (ask(kube_discover(A, GROUPS[i]), GROUPS[i]) != KUBE_DONE) { wrong++; continue; }
    const js *all = js_arr(TREE, "resources");
    for (size_t n = 0; n < js_len(all); n++) {
      const char *kind = js_str(js_item(all, n), "kind"), *name = js_str(js_item(all, n), "name");
      const struct kube_kind *t = kube_kind(GROUPS[i], kind);
      if (!t || strchr(name, '/')) continue;
      seen++, wrong += !streq(t->plural, name) || t->namespaced != js_bool(js_item(all, n), "namespaced", false);
    }
  }
  MUST("the built-in kinds agree with the server", !wrong && seen >= 25);
}

static void objects(void) {
  struct kube_ref r = map_ref("one");
  MUST("a dry run changes nothing", apply_map("one", "a", true) == KUBE_DONE && ask(kube_get(A, r), "one") == KUBE_NOT_FOUND);
  MUST("apply creates", apply_map("one", "a", false) == KUBE_DONE && *kube_uid(TREE) && streq(js_str(TREE, "data.key"), "a"));
  const char *uid = arena_strdup(A, kube_uid(TREE));
  MUST("apply updates the same object", apply_map("one", "b", false) == KUBE_DONE && streq(kube_uid(TREE), uid) && streq(js_str(TREE, "data.key"), "b"));
  MUST("get reads it", ask(kube_get(A, r), "one") == KUBE_DONE && streq(js_str(TREE, "data.key"), "b") && streq(kube_name(TREE), "one") && !kube_is_deleting(TREE));
  const char *doc = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"one\"}}";
  MUST("create of an existing object says so", ask(kube_create(A, r, doc, strlen(doc)), "one") == KUBE_EXISTS);
  const char *bad = "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"d\"},\"spec\":{\"replicas\":-1,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"c\"}},\"spec\":{\"containers\":[]}}}}";
  MUST("an invalid object is refused with the field", ask(kube_apply(A, ref("apps/v1", "Deployment", "d"), bad, strlen(bad), false), "d") == KUBE_REFUSED && E.kind == FAIL_INVALID && strstr(err_message(&E, A), "spec.replicas"));
  struct kube_ref elsewhere = r;
  elsewhere.ns = "no-such-namespace";
  const char *away = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"one\"}}";
  MUST("apply into a missing namespace is not found", ask(kube_apply(A, elsewhere, away, strlen(away), false), "one") == KUBE_NOT_FOUND && strstr(err_message(&E, A), "no-such-namespace"));
  r.uid = "00000000-0000-0000-0000-000000000000";
  MUST("delete with another uid is a conflict", ask(kube_delete(A, r), "one") == KUBE_CONFLICT && !E.retry && E.key == MSG_KUBE_RECREATED);
  MUST("and the object is still there", ask(kube_get(A, r), "one") == KUBE_DONE);
  r.uid = uid;
  MUST("delete with its uid removes it", ask(kube_delete(A, r), "one") == KUBE_DONE && ask(kube_get(A, r), "one") == KUBE_NOT_FOUND);
  MUST("deleting again is not found", ask(kube_delete(A, r), "one") == KUBE_NOT_FOUND);
}

/* Field managers: what one applies another one may not take without force, and what it no longer applies goes. */
static struct call apply_as(const char *name, const char *doc, const char *manager, bool force) {
  struct call c = kube_apply(A, map_ref(name), doc, strlen(doc), false);
  c.path = arena_fmt(A, "/api/v1/namespaces/%s/configmaps/%s?fieldManager=%s%s", NS, name, manager, force ? "&force=true" : "");
  return c;
}
static struct call with_body(struct call c, const char *method, const char *content_type, const char *body) {
  c.method = method, c.content_type = content_type, c.body = body, c.body_len = strlen(body);
  return c;
}

static void managers(void) {
  const char *two = arena_fmt(A, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared, namespace: %s}\ndata: {ours: \"1\", both: \"1\"}\n", NS);
  const char *theirs = arena_fmt(A, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared, namespace: %s}\ndata: {both: \"2\", theirs: \"2\"}\n", NS);
  const char *less = arena_fmt(A, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared, namespace: %s}\ndata: {both: \"1\"}\n", NS);
  struct kube_ref r = map_ref("shared");
  MUST("apply leaves its manager", ask(kube_apply(A, r, two, strlen(two), false), "shared") == KUBE_DONE && streq(js_str(js_item(js_arr(TREE, "metadata.managedFields"), 0), "manager"), "fedlcm") &&
       streq(js_str(js_item(js_arr(TREE, "metadata.managedFields"), 0), "operation"), "Apply"));
  MUST("another manager's other value is a conflict that names both", ask(apply_as("shared", theirs, "other", false), "shared") == KUBE_CONFLICT && strstr(err_message(&E, A), "fedlcm") && strstr(err_message(&E, A), ".data.both"));
  MUST("and has changed nothing", ask(kube_get(A, r), "shared") == KUBE_DONE && streq(js_str(TREE, "data.both"), "1") && !js_str(TREE, "data.theirs"));
  MUST("with force it takes the field", ask(apply_as("shared", theirs, "other", true), "shared") == KUBE_DONE && streq(js_str(TREE, "data.both"), "2") && streq(js_str(TREE, "data.ours"), "1"));
  MUST("ours takes it back and drops what it no longer applies", ask(kube_apply(A, r, less, strlen(less), false), "shared") == KUBE_DONE && streq(js_str(TREE, "data.both"), "1") && !js_str(TREE, "data.ours") && streq(js_str(TREE, "data.theirs"), "2"));
  const char *version = arena_strdup(A, js_str(TREE, "metadata.resourceVersion")), *uid = arena_strdup(A, kube_uid(TREE));
  const char *merge = "{\"data\":{\"both\":null,\"added\":\"3\"}}";
  MUST("a merge patch adds and removes", ask(with_body(kube_get(A, r), "PATCH", "application/merge-patch+json", merge), "shared") == KUBE_DONE && !js_str(TREE, "data.both") && streq(js_str(TREE, "data.added"), "3") && streq(js_str(TREE, "data.theirs"), "2"));
  const char *stale = arena_fmt(A, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"shared\",\"resourceVersion\":\"%s\"},\"data\":{}}", version);
  MUST("an update of an older version is a conflict", ask(with_body(kube_get(A, r), "PUT", "application/json", stale), "shared") == KUBE_CONFLICT && E.retry && E.key == MSG_KUBE_CONFLICT);
  r.uid = uid;
  MUST("the shared object goes", ask(kube_delete(A, r), "shared") == KUBE_DONE);
}

static void lists(void) {
  const char *cont = NULL;
  int seen = 0, pages = 0, bad = 0;
  for (int i = 0; i < 5; i++) bad += apply_map(arena_fmt(A, "list-%d", i), "x", false) != KUBE_DONE;
  do {
    bad += ask(kube_list(A, "v1", "ConfigMap", NS, "test=client", NULL, 2, cont), "list") != KUBE_DONE;
    seen += (int)js_len(js_arr(TREE, "items")), pages++;
    const char *c = js_str(TREE, "metadata.continue");
    cont = c && *c ? arena_strdup(A, c) : NULL;
  } while (cont && !bad && pages < 10);
  MUST("a list is read in pages by label", !bad && seen == 5 && pages == 3);
  MUST("a field selector picks one", ask(kube_list(A, "v1", "ConfigMap", NS, NULL, "metadata.name=list-3", 0, NULL), "list") == KUBE_DONE && js_len(js_arr(TREE, "items")) == 1);
  MUST("a list of names has metadata and no content", ask(kube_list_names(A, "v1", "ConfigMap", NS, "test=client"), "list") == KUBE_DONE && js_len(js_arr(TREE, "items")) == 5 &&
       streq(kube_name(js_item(js_arr(TREE, "items"), 0)), "list-0") && !js_at(js_item(js_arr(TREE, "items"), 0), "data"));
  MUST("a bad continue token is refused or gone", (ask(kube_list(A, "v1", "ConfigMap", NS, NULL, NULL, 2, "bm9uc2Vuc2U"), "list"), E.kind != FAIL_NONE));
}

static bool allowed_as(struct peer *p, const char *verb, const char *group, const char *resource, const char *sub, const char *ns) {
  return ask_as(p, kube_access_review(A, verb, group, resource, sub, ns, NULL), "access review") == KUBE_DONE && kube_review_allowed(TREE);
}
static bool allowed(const char *verb, const char *group, const char *resource, const char *sub, const char *ns) { return allowed_as(P, verb, group, resource, sub, ns); }

static bool make(const char *version, const char *kind, const char *name, const char *more) {
  const char *doc = arena_fmt(A, "{\"apiVersion\":\"%s\",\"kind\":\"%s\",\"metadata\":{\"name\":\"%s\"%s}", version, kind, name, more);
  return ask(kube_create(A, ref(version, kind, name), doc, strlen(doc)), name) == KUBE_DONE;
}

/* A service account of the test namespace, by the lasting token that its Secret is given. NULL: something failed. */
static struct peer *account(const char *name) {
  struct secret s = {(unsigned char *)(uintptr_t)K.canonical, strlen(K.canonical)};
  struct identity *id;
  unsigned char *token;
  const char *text = NULL;
  size_t n;
  int64_t until = clock_mono_ms() + PATIENCE_MS;
  if (!make("v1", "ServiceAccount", name, "}") || !make("v1", "Secret", name, arena_fmt(A, ",\"annotations\":{\"kubernetes.io/service-account.name\":\"%s\"}},\"type\":\"kubernetes.io/service-account-token\"", name))) return NULL;
  while (!text && clock_mono_ms() < until)
    if (ask(kube_get(A, ref("v1", "Secret", name)), name) == KUBE_DONE && !(text = js_str(TREE, "data.token"))) usleep(100000);
  if (!text || !b64_decode(A, text, strlen(text), false, &token, &n) || !kubeconfig_identity(&s, &id, &E)) return NULL;
  secret_free(&id->key_pem), identity_set(&id->cert_pem, ""), secret_set(&id->token, token, n);
  return peer_new(X, id);
}

/* The rights of `admin` come one after another: the controller manager of a new cluster collects them from other roles. */
static bool may_work_there(struct peer *p) {
  static const char *const RIGHTS[][4] = {
      {"create", "apps", "deployments", ""},
      {"patch", "", "secrets", ""},
      {"create", "", "services", "proxy"},
      {"get", "", "pods", "log"},
      {"create", "rbac.authorization.k8s.io", "rolebindings", ""},
  };
  size_t n = 0;
  int64_t until = clock_mono_ms() + PATIENCE_MS;
  while (n < sizeof RIGHTS / sizeof *RIGHTS && clock_mono_ms() < until) {
    if (allowed_as(p, RIGHTS[n][0], RIGHTS[n][1], RIGHTS[n][2], RIGHTS[n][3], NS)) n++;
    else usleep(100000);
  }
  return n == sizeof RIGHTS / sizeof *RIGHTS;
}

/* The three kinds of account that people bring: all rights, those of one namespace, none. */
static void accounts(void) {
  struct peer *nobody = account("nobody"), *limited = account("limited");
  MUST("accounts have tokens", nobody && limited);
  if (!nobody || !limited) return;
  MUST("a namespace is given to one of them", make("rbac.authorization.k8s.io/v1", "RoleBinding", "limited", arena_fmt(A, "},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"ClusterRole\",\"name\":\"admin\"},"
       "\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"limited\",\"namespace\":\"%s\"}]", NS)));
  MUST("it may work there", may_work_there(limited));
  MUST("and nowhere else", !allowed_as(limited, "create", "apps", "deployments", "", "default") && !allowed_as(limited, "list", "apps", "deployments", "", "") && !allowed_as(limited, "create", "", "namespaces", "", "") && !allowed_as(limited, "list", "", "nodes", "", "") &&
       !allowed_as(limited, "create", "rbac.authorization.k8s.io", "clusterroles", "", ""));
  MUST("its own things it makes and reads", ask_as(limited, kube_apply(A, map_ref("by-limited"), map_doc("by-limited", "x"), strlen(map_doc("by-limited", "x")), false), "by-limited") == KUBE_DONE && ask_as(limited, kube_get(A, map_ref("by-limited")), "by-limited") == KUBE_DONE);
  struct kube_ref away = map_ref("kube-root-ca.crt");
  away.ns = "default";
  MUST("others are forbidden with the right that is missing", ask_as(limited, kube_get(A, away), away.name) == KUBE_DENIED && strstr(err_message(&E, A), "cannot get resource \"configmaps\"") && strstr(err_message(&E, A), "namespace \"default\""));
  MUST("a list over all namespaces too", ask_as(limited, kube_list(A, "v1", "ConfigMap", "", NULL, NULL, 0, NULL), "list") == KUBE_DENIED && strstr(err_message(&E, A), "at the cluster scope"));
  MUST("an account without rights may ask", ask_as(nobody, kube_version(A), "version") == KUBE_DONE && !allowed_as(nobody, "get", "", "pods", "", NS) && !allowed_as(nobody, "*", "*", "*", "", ""));
  MUST("and reads nothing", ask_as(nobody, kube_get(A, map_ref("by-limited")), "by-limited") == KUBE_DENIED);
}

/* A quota that is used up: the workload says so, and a direct creation is refused with the quota's name. */
static void quotas(void) {
  struct workload w = {0};
  int64_t until = clock_mono_ms() + PATIENCE_MS;
  const char *doc = "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"full\"},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"full\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"full\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"example.com/full:1\"}]}}}}";
  MUST("a quota is made", make("v1", "ResourceQuota", "tight", "},\"spec\":{\"hard\":{\"pods\":\"0\",\"count/secrets\":\"0\"}}"));
  while (clock_mono_ms() < until && (ask(kube_get(A, ref("v1", "ResourceQuota", "tight")), "tight") != KUBE_DONE || !js_obj(TREE, "status.hard"))) usleep(100000);
  MUST("what is beyond it is refused", !make("v1", "Secret", "beyond", "}") && E.key == MSG_KUBE_QUOTA && strstr(err_message(&E, A), "tight"));
  MUST("a workload is accepted all the same", ask(kube_apply(A, ref("apps/v1", "Deployment", "full"), doc, strlen(doc), false), "full") == KUBE_DONE);
  while (clock_mono_ms() < until && !strstr(nn(w.problem_message), "exceeded quota"))
    if (ask(kube_get(A, ref("apps/v1", "Deployment", "full")), "full") == KUBE_DONE) kube_workload(TREE, "Deployment", &w), usleep(100000);
  MUST("and says why it has no pods", !w.available && streq(w.problem_reason, "FailedCreate") && strstr(w.problem_message, "exceeded quota: tight"));
}

static void rights(void) {
  MUST("this account may do everything", allowed("*", "*", "*", "", "") && allowed("create", "", "services", "proxy", NS));
  MUST("the rules of a namespace are listed", ask(kube_rules_review(A, NS), "rules") == KUBE_DONE && js_len(js_arr(TREE, "status.resourceRules")) > 0);
  struct identity *nobody;
  struct secret s = {(unsigned char *)(uintptr_t)K.canonical, strlen(K.canonical)};
  if (!kubeconfig_identity(&s, &nobody, &E)) { failed++; return; }
  secret_free(&nobody->key_pem), identity_set(&nobody->cert_pem, "");
  secret_set(&nobody->token, "no-such-token", 13);
  struct reply r = send_as(peer_new(X, nobody), kube_get(A, map_ref("list-0")));
  err_clear(&E);
  MUST("a wrong token is unauthorized", kube_read(A, &r, "list-0", NULL, &E) == KUBE_UNAUTHORIZED && r.status == 401);
  if (!kubeconfig_identity(&s, &nobody, &E)) { failed++; return; }
  secret_free(&nobody->key_pem), identity_set(&nobody->cert_pem, ""), secret_free(&nobody->token);
  r = send_as(peer_new(X, nobody), kube_get(A, map_ref("list-0")));
  MUST("no credentials are unauthorized too", kube_read(A, &r, "list-0", NULL, &E) == KUBE_UNAUTHORIZED);
}

static const char *WEB = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  type: %s\n  selector: {app: web}\n  ports: [{name: http, port: 80, targetPort: 8080}]\n---\n"
                         "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n"
                         "    spec: {containers: [{name: c, image: \"example.com/web:1\"%s}]}\n---\n";

static bool manifest(const char *type, const char *more) {
  struct kube_doc *d;
  size_t n;
  struct buf b;
  buf_init(&b, A, 8192);
  for (const char *s = WEB, *fill = type; *s; s++) {
    if (s[0] != '%') { buf_ch(&b, *s); continue; }
    buf_str(&b, fill), fill = more, s++;
  }
  if (!kube_manifest(A, b.p, b.n, &d, &n, &E)) return false;
  for (size_t i = 0; i < n; i++) {
    d[i].ref.ns = NS;
    if (ask(kube_apply(A, d[i].ref, d[i].json, d[i].n, false), kube_label(A, &d[i].ref)) != KUBE_DONE) return false;
  }
  return true;
}

static void workload_and_addresses(void) {
  struct service_port sp = {0};
  struct workload w = {0};
  struct pod_problem pp = {0};
  int64_t until = clock_mono_ms() + PATIENCE_MS;
  MUST("a manifest is applied in order", manifest("NodePort", ""));
  MUST("a node port is read", ask(kube_get(A, ref("v1", "Service", "web")), "web") == KUBE_DONE && (kube_service_port(TREE, "http", &sp), sp.found) && streq(sp.type, "NodePort") && sp.port == 80 && sp.node_port >= 30000 && *sp.cluster_ip);
  MUST("a ready node has an address", ask(kube_list(A, "v1", "Node", "", NULL, NULL, 0, NULL), "nodes") == KUBE_DONE && kube_node_address(TREE));
  while (clock_mono_ms() < until && (ask(kube_get(A, ref("apps/v1", "Deployment", "web")), "web") != KUBE_DONE || (kube_workload(TREE, "Deployment", &w), !w.available))) usleep(200000);
  MUST("the workload becomes available", w.available && w.wanted == 1 && w.ready == 1);
  MUST("its pods have no problem", ask(kube_list(A, "v1", "Pod", NS, "app=web", NULL, 0, NULL), "pods") == KUBE_DONE && (kube_pod_problem(TREE, "web", &pp), pp.cause == POD_FINE));
  struct reply r = send(kube_pod_log(A, NS, kube_name(js_item(js_arr(TREE, "items"), 0)), "c", 10, false));
  const char *log;
  err_clear(&E);
  MUST("a pod log is text", kube_read_text(A, &r, "log", &log, &E) == KUBE_DONE);
  MUST("a load balancer service is applied", manifest("LoadBalancer", ", env: [{name: A, valueFrom: {secretKeyRef: {name: missing, key: a}}}]"));
  for (sp.lb_host = ""; clock_mono_ms() < until && !*sp.lb_host; usleep(200000))
    if (ask(kube_get(A, ref("v1", "Service", "web")), "web") == KUBE_DONE) kube_service_port(TREE, "http", &sp);
  MUST("its address is read", *sp.lb_host);
  for (pp.cause = POD_FINE; clock_mono_ms() < until && pp.cause != POD_CONFIG; usleep(200000))
    if (ask(kube_list(A, "v1", "Pod", NS, "app=web", NULL, 0, NULL), "pods") == KUBE_DONE) kube_pod_problem(TREE, "web", &pp);
  MUST("a missing secret is a configuration problem", pp.cause == POD_CONFIG && strstr(pp.message, "missing"));
}

static void service_proxy(void) {
  struct reply r = send(kube_via_service(A, NS, "nothing:8080", kf_hello(A)));
  err_clear(&E);
  MUST("a missing service is no missing object", kf_read(A, &r, NULL, &E) == KF_RETRY && E.key == MSG_KUBEFATE_NO_SERVICE);
  const char *doc = "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"empty\"},\"spec\":{\"selector\":{\"app\":\"nobody\"},\"ports\":[{\"name\":\"8080\",\"port\":8080}]}}";
  MUST("a service without pods is made", ask(kube_apply(A, ref("v1", "Service", "empty"), doc, strlen(doc), false), "empty") == KUBE_DONE);
  int64_t until = clock_mono_ms() + PATIENCE_MS;
  do r = send(kube_via_service(A, NS, "empty:8080", kf_hello(A))), err_clear(&E);
  while (kf_read(A, &r, NULL, &E) == KF_RETRY && E.key != MSG_KUBEFATE_NO_POD && clock_mono_ms() < until);
  MUST("no ready pod is said", E.key == MSG_KUBEFATE_NO_POD);
}

static void namespaces(void) {
  const char *name = arena_fmt(A, "%s-b", BASE);
  NS = name;
  MUST("a namespace is made", make_namespace(name) == KUBE_DONE);
  struct kube_ref r = {"v1", "Namespace", "", name, arena_strdup(A, kube_uid(TREE))};
  const char *pinned = arena_fmt(A, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"pinned\",\"finalizers\":[\"example.com/hold\"]}}");
  MUST("an object with a finalizer holds it", ask(kube_apply(A, map_ref("pinned"), pinned, strlen(pinned), false), "pinned") == KUBE_DONE);
  MUST("its deletion is accepted", ask(kube_delete(A, r), name) == KUBE_DONE);
  MUST("it is being deleted", ask(kube_get(A, r), name) == KUBE_DONE && kube_is_deleting(TREE));
  MUST("a terminating namespace takes no objects", apply_map("late", "x", false) == KUBE_TERMINATING && E.retry);
  MUST("making it again waits too", make_namespace(name) == KUBE_TERMINATING);
  const char *freed = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"pinned\",\"finalizers\":[]}}";
  MUST("the finalizer is taken off", ask(kube_apply(A, map_ref("pinned"), freed, strlen(freed), false), "pinned") == KUBE_DONE);
  int64_t until = clock_mono_ms() + PATIENCE_MS;
  enum kube_verdict v;
  while ((v = ask(kube_get(A, r), name)) == KUBE_DONE && clock_mono_ms() < until) usleep(300000);
  MUST("then it goes", v == KUBE_NOT_FOUND);
}

/* Wrong CA, wrong port: sentences as a person would see them. */
static void wrong_places(void) {
  struct identity *id;
  struct secret s = {(unsigned char *)(uintptr_t)K.canonical, strlen(K.canonical)};
  if (!kubeconfig_identity(&s, &id, &E)) { failed++; return; }
  identity_set(&id->ca_pem, ""); /* system trust does not know this cluster */
  struct reply r = send_as(peer_new(X, id), kube_version(A));
  MUST("a cluster without its CA is not trusted", r.fail == REPLY_NOT_SENT && r.cause == NET_TLS_UNTRUSTED);
  if (!kubeconfig_identity(&s, &id, &E)) { failed++; return; }
  identity_set(&id->base_url, arena_fmt(A, "https://%s:1", strchr(K.host, ':') ? arena_fmt(A, "[%s]", K.host) : K.host));
  r = send_as(peer_new(X, id), kube_version(A));
  MUST("a wrong port is refused and nothing was sent", r.fail == REPLY_NOT_SENT && r.cause == NET_REFUSED);
  printf("# %s\n", r.why);
}

static bool connect_as(const char *path) {
  char *text;
  size_t n;
  struct identity *id;
  if (!file_read(A, path, KUBECONFIG_MAX, &text, &n, &E) || !kubeconfig_read(A, text, n, "test", false, clock_unix() * 1000000, &K, &E)) return false;
  for (int i = 0; i < K.n_findings; i++) {
    struct buf b;
    buf_init(&b, A, 4096);
    text_plain(&b, LANG_EN, K.findings[i].t);
    printf("# %s\n", b.p);
  }
  struct secret s = {(unsigned char *)(uintptr_t)K.canonical, strlen(K.canonical)};
  if (!K.ok || !kubeconfig_identity(&s, &id, &E)) return false;
  P = peer_new(X, id);
  return true;
}

int main(void) {
  const char *path = getenv("KUBECONFIG_FILE");
  A = arena_new();
  X = xfer_new(8, 2);
  if (!path) {
    puts("KUBECONFIG_FILE is not set");
    puts("client: 0 passed, 0 failed, 1 skipped");
    return 0;
  }
  MUST("the kubeconfig is accepted", connect_as(path));
  if (failed) goto out;
  BASE = arena_fmt(A, "fedlcm-client-%lld", (long long)clock_unix());
  NS = arena_fmt(A, "%s-a", BASE);
  version_and_discovery();
  MUST("the test namespace is made", make_namespace(NS) == KUBE_DONE);
  struct kube_ref ns = {"v1", "Namespace", "", NS, arena_strdup(A, kube_uid(TREE))};
  objects();
  managers();
  lists();
  rights();
  accounts();
  workload_and_addresses();
  service_proxy();
  quotas();
  namespaces();
  wrong_places();
  MUST("the test namespace is removed", ask(kube_delete(A, ns), ns.name) == KUBE_DONE);
out:
  xfer_free(X);
  arena_free(A);
  printf("client: %d passed, %d failed, %d skipped\n", passed, failed, skipped);
  return failed != 0;
}
