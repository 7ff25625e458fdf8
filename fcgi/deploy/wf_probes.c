/* Probes: test an infrastructure, scan for KubeFATE, check an endpoint (reference 10 sections 5.5, 12.10). */
#include "deploy/wf.h"
#include "deploy/workflows.h"

/* --- test an infrastructure: one list of questions, one call each --- */
struct question { const char *verb, *group, *resource, *sub; bool optional, admin_only, namespaced_only; };
static const struct question Q[] = {
    {"create", "", "namespaces", "", false, true, false}, {"delete", "", "namespaces", "", false, true, false}, {"create", "", "serviceaccounts", "", false, false, false}, {"create", "", "secrets", "", false, false, false},
    {"patch", "", "secrets", "", false, false, false}, {"delete", "", "secrets", "", false, false, false}, {"create", "", "configmaps", "", false, false, false}, {"create", "", "services", "", false, false, false},
    {"create", "apps", "deployments", "", false, false, false}, {"list", "apps", "deployments", "", false, false, false}, {"delete", "apps", "deployments", "", false, false, false},
    {"create", "networking.k8s.io", "ingresses", "", false, false, false}, {"list", "", "pods", "", false, false, false}, {"delete", "", "pods", "", false, false, false}, {"create", "", "services", "proxy", false, false, false},
    {"get", "", "services", "proxy", false, false, false}, {"create", "rbac.authorization.k8s.io", "clusterrolebindings", "", false, true, false}, {"create", "rbac.authorization.k8s.io", "rolebindings", "", false, false, true},
    {"create", "", "persistentvolumeclaims", "", true, false, false}, {"get", "", "pods", "log", true, false, false}, {"list", "", "nodes", "", true, true, false}};
enum { N_QUESTIONS = sizeof Q / sizeof *Q };

static bool load_test(struct work *w, struct err *e) {
  if (!uuid_none(w->input_secret)) return w->call_secret = w->input_secret, true;
  if (!infra_get(w->db, w->a, w->subject, &w->infra, e)) return false;
  w->has_infra = true, w->call_secret = w->infra.kubeconfig_secret;
  return true;
}
static size_t spaces(const struct work *w) { return js_len(js_arr(w->input, "namespaces")); }
static const char *space(const struct work *w, size_t i) { return nn(js_self_str(js_item(js_arr(w->input, "namespaces"), i))); }

static enum outcome version_q(struct work *w, struct call *c, struct err *e) { (void)e; *c = kube_version(w->a); return OUT_CALL; }
static enum outcome version_d(struct work *w, const struct reply *r, struct err *e) {
  const js *v = NULL;
  int major, minor;
  const char *git;
  enum outcome o = wf_kube(w, r, "/version", false, &v, e);
  if (o == OUT_RETRY) return OUT_FAIL; /* a person is waiting: the first answer counts */
  if (o != OUT_DONE) return o;
  if (!kube_version_read(v, &major, &minor, &git)) return err_set(e, FAIL_UPSTREAM, MSG_TEST_NO_KUBERNETES), OUT_FAIL;
  if (major < 1 || (major == 1 && minor < 22)) return err_set(e, FAIL_INVALID, MSG_TEST_OLD, git, "1.22"), OUT_FAIL;
  js *f = js_new(w->a);
  js_set_str(f, "git_version", git), js_set_int(f, "major", major), js_set_int(f, "minor", minor), js_set_bool(f, "psp", minor < 25);
  js_set_copy(w->memo, "facts", f);
  return OUT_DONE;
}

/* The next question that applies: index over questions x namespaces. */
static const struct question *question(const struct work *w, const char **ns) {
  size_t n = spaces(w), i = (size_t)memo_int(w, "q");
  size_t k = n ? i / n : i;
  *ns = n ? space(w, i % n) : "";
  return k < N_QUESTIONS ? &Q[k] : NULL;
}
static bool applies(const struct work *w, const struct question *q) { return spaces(w) ? !q->admin_only : !q->namespaced_only; }

static enum outcome rights_q(struct work *w, struct call *c, struct err *e) {
  const char *ns;
  const struct question *q;
  (void)e;
  while ((q = question(w, &ns)) && !applies(w, q)) js_set_int(w->memo, "q", memo_int(w, "q") + 1);
  if (!q) return OUT_DONE;
  *c = kube_access_review(w->a, q->verb, q->group, q->resource, q->sub, ns, NULL);
  return OUT_CALL;
}
static enum outcome rights_d(struct work *w, const struct reply *r, struct err *e) {
  const char *ns;
  const struct question *q = question(w, &ns);
  const js *v = NULL;
  enum outcome o = wf_kube(w, r, "SelfSubjectAccessReview", false, &v, e);
  if (o != OUT_DONE) return OUT_FAIL;
  bool yes = kube_review_allowed(v);
  js_set_str(w->memo, "rights", arena_fmt(w->a, "%s%s %s%s%s%s%s%s|%d|%d\n", memo_str(w, "rights"), q->verb, q->resource, *q->sub ? "/" : "", q->sub, *q->group ? "." : "", q->group, *ns ? arena_fmt(w->a, " (%s)", ns) : "", yes, q->optional));
  if (!yes && !q->optional) js_set_str(w->memo, "lacks", arena_fmt(w->a, "%s%s%s %s", memo_str(w, "lacks"), *memo_str(w, "lacks") ? ", " : "", q->verb, q->resource));
  js_set_int(w->memo, "q", memo_int(w, "q") + 1);
  return OUT_MORE;
}

static enum outcome lists_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  switch (memo_int(w, "list")) {
  case 0: *c = kube_list(w->a, "v1", "Node", "", NULL, NULL, 500, NULL); return OUT_CALL;
  case 1: *c = kube_list(w->a, "storage.k8s.io/v1", "StorageClass", "", NULL, NULL, 100, NULL); return OUT_CALL;
  case 2: *c = kube_list(w->a, "networking.k8s.io/v1", "IngressClass", "", NULL, NULL, 100, NULL); return OUT_CALL;
  default: return OUT_DONE;
  }
}
static void names_fact(struct work *w, js *facts, const char *key, const js *items) {
  struct buf b;
  struct jsw j;
  js *v = NULL;
  struct err ignored = ERR_INIT;
  buf_init(&b, w->a, 65536), jsw_init(&j, &b), jsw_arr(&j);
  for (size_t i = 0; i < js_len(items); i++) jsw_str(&j, nn(kube_name(js_item(items, i))));
  jsw_end_arr(&j);
  if (js_parse(w->a, b.p, b.n, 65536, &v, &ignored)) js_set_copy(facts, key, v);
}
static enum outcome lists_d(struct work *w, const struct reply *r, struct err *e) {
  const js *v = NULL;
  struct err ignored = ERR_INIT;
  int64_t i = memo_int(w, "list");
  js *facts = js_new(w->a);
  (void)e;
  for (struct js_iter it = js_iter(js_obj(w->memo, "facts")); js_next(&it);) js_set_copy(facts, it.key, it.val);
  /* These may be forbidden; what cannot be listed is simply not known. */
  if (kube_read(w->a, r, "list", &v, &ignored) == KUBE_DONE) {
    const js *items = js_arr(v, "items");
    if (i == 0) js_set_int(facts, "nodes", (int64_t)js_len(items)), js_set_str(facts, "node_address", kube_node_address(v));
    if (i == 1) names_fact(w, facts, "storage_classes", items);
    if (i == 2) names_fact(w, facts, "ingress_classes", items);
  }
  js_set_copy(w->memo, "facts", facts), js_set_int(w->memo, "list", i + 1);
  return OUT_MORE;
}
static enum outcome verdict_q(struct work *w, struct call *c, struct err *e) {
  struct buf b;
  struct jsw j;
  js *res = NULL;
  size_t n;
  (void)c;
  js *facts = js_new(w->a);
  for (struct js_iter it = js_iter(js_obj(w->memo, "facts")); js_next(&it);) js_set_copy(facts, it.key, it.val);
  js_set_bool(facts, "cluster_admin", !spaces(w) && !*memo_str(w, "lacks"));
  char **lines = str_split(w->a, memo_str(w, "rights"), "\n", &n);
  buf_init(&b, w->a, 1 << 20), jsw_init(&j, &b), jsw_obj(&j), jsw_kraw(&j, "facts", js_dump(w->a, facts)), jsw_key(&j, "rights"), jsw_arr(&j);
  for (size_t i = 0; i < n; i++) {
    size_t k;
    char **f = str_split(w->a, lines[i], "|", &k);
    if (k == 3) jsw_obj(&j), jsw_kstr(&j, "what", f[0]), jsw_kbool(&j, "allowed", f[1][0] == '1'), jsw_kbool(&j, "optional", f[2][0] == '1'), jsw_end_obj(&j);
  }
  jsw_end_arr(&j), jsw_end_obj(&j);
  if (!js_parse(w->a, b.p, b.n, 1 << 20, &res, e)) return OUT_FAIL;
  js_set_copy(w->memo, "result", res), js_set_str(w->memo, "rights", NULL);
  if (*memo_str(w, "lacks")) return err_set(e, FAIL_INVALID, spaces(w) ? MSG_TEST_RIGHTS : MSG_TEST_RIGHTS_CLUSTER, memo_str(w, "lacks")), OUT_FAIL;
  return OUT_DONE;
}
static bool test_ended(struct work *w, enum work_end how, const struct err *why, struct err *e) {
  if (uuid_none(w->subject) || !w->has_infra) return true; /* a new one, or new values of an old one: nothing is stored about it yet */
  struct text t = why ? err_text(why) : TEXT(MSG_NONE);
  const js *facts = js_obj(w->memo, "result.facts");
  return infra_set_test(w->db, w->a, w->subject, how == END_SUCCEEDED, facts ? js_dump(w->a, facts) : NULL, why ? text_key(t.key) : "", why ? text_args_json(w->a, t) : "[]", e);
}
static const struct step TEST[] = {
    {"version", version_q, version_d, EFFECT_READ, 0, 1, 12, NULL, NULL},
    {"rights", rights_q, rights_d, EFFECT_READ, 0, 1, 12, NULL, NULL},
    {"lists", lists_q, lists_d, EFFECT_READ, 0, 1, 12, NULL, NULL},
    {"verdict", verdict_q, NULL, EFFECT_NONE, 0, 1, 12, NULL, NULL},
};
const struct workflow WF_INFRA_TEST = {"infra_test", "probe", TEST, 4, 60, load_test, test_ended, NULL};

/* --- scan --- */
static bool load_scan(struct work *w, struct err *e) {
  if (!infra_get(w->db, w->a, w->subject, &w->infra, e)) return false;
  w->has_infra = true, w->call_secret = w->infra.kubeconfig_secret;
  return true;
}
static enum outcome scan_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  const char *ns = nn(js_str(w->input, "namespace"));
  *c = kube_get(w->a, wf_ref("apps/v1", "Deployment", *ns ? ns : "kube-fate", "kubefate"));
  return OUT_CALL;
}
static enum outcome scan_d(struct work *w, const struct reply *r, struct err *e) {
  const js *d = NULL;
  js *res = js_new(w->a);
  enum outcome o = wf_kube(w, r, "Deployment kubefate", true, &d, e);
  if (o != OUT_DONE && o != OUT_SKIP) return OUT_FAIL;
  js_set_bool(res, "found", o == OUT_DONE);
  if (o == OUT_DONE) {
    const js *cs = js_arr(d, "spec.template.spec.containers");
    const char *image = NULL, *tag = NULL;
    for (size_t i = 0; i < js_len(cs); i++)
      if (streq(js_str(js_item(cs, i), "name"), "kubefate") || js_len(cs) == 1) image = js_str(js_item(cs, i), "image");
    tag = image ? strrchr(image, ':') : NULL;
    struct workload x;
    kube_workload(d, "Deployment", &x);
    js_set_str(res, "version", tag ? tag + 1 : ""), js_set_bool(res, "ready", x.available), js_set_str(res, "created_at", js_str(d, "metadata.creationTimestamp"));
    js *fake = js_new(w->a);
    const char *v;
    bool enough = false;
    js_set_str(fake, "version", tag ? tag + 1 : "");
    js_set_bool(res, "compatible", x.available && kf_version_read(fake, &v, &enough) && enough);
  }
  js_set_copy(w->memo, "result", res);
  return OUT_DONE;
}
static const struct step SCAN[] = {{"scan", scan_q, scan_d, EFFECT_READ, 0, 1, 12, NULL, NULL}};
const struct workflow WF_ENDPOINT_SCAN = {"endpoint_scan", "probe", SCAN, 1, 30, load_scan, NULL, NULL};

/* --- check an endpoint now --- */
static enum outcome ask_q(struct work *w, struct call *c, struct err *e) { (void)e; *c = kf_version(w->a, w->kf_token); return OUT_CALL; }
static enum outcome ask_d(struct work *w, const struct reply *r, struct err *e) {
  const js *d;
  const char *v;
  bool enough;
  enum outcome o = wf_kf(w, r, &d, e);
  if (o == OUT_RELOGIN) return o;
  if (o != OUT_DONE) return OUT_FAIL;
  if (!kf_version_read(d, &v, &enough)) return err_set(e, FAIL_UPSTREAM, MSG_KF_NO_VERSION), OUT_FAIL;
  js *res = js_new(w->a);
  js_set_str(res, "version", v);
  js_set_copy(w->memo, "result", res);
  return OUT_DONE;
}
static bool asked(struct work *w, enum work_end how, const struct err *why, struct err *e) {
  struct text t = why ? err_text(why) : TEXT(MSG_NONE);
  return endpoint_set_checked(w->db, w->a, w->subject, how == END_SUCCEEDED, text_key(t.key), text_args_json(w->a, t), e);
}
static const struct step ASK[] = {{"ask", ask_q, ask_d, EFFECT_READ, STEP_KUBEFATE, 1, 12, NULL, NULL}};
const struct workflow WF_ENDPOINT_PROBE = {"endpoint_probe", "probe", ASK, 1, 30, wf_load_endpoint, asked, NULL};
