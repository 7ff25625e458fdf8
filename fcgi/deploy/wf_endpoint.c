/* Endpoint: install, adopt, remove (reference 10 sections 6, 13). Objects of others are never touched. */
#include "base/b64.h"
#include "deploy/endpoint_ops.h"
#include "deploy/op.h"
#include "deploy/reach.h"
#include "deploy/values.h"
#include "deploy/wf.h"
#include "deploy/why.h"
#include "deploy/workflows.h"

static const char *kube_ns(const struct work *w) { return w->endpoint.kube_ns; }

/* --- preflight: is there a KubeFATE that is not ours? --- */
static enum outcome preflight_request(struct work *w, struct call *c, struct err *e) {
  (void)e;
  *c = kube_get(w->a, wf_ref("apps/v1", "Deployment", kube_ns(w), "kubefate"));
  return OUT_CALL;
}
static enum outcome preflight_digest(struct work *w, const struct reply *r, struct err *e) {
  const js *d = NULL;
  enum outcome o = wf_kube(w, r, "Deployment kubefate", true, &d, e);
  if (o == OUT_SKIP) return OUT_DONE;
  if (o != OUT_DONE) return o;
  const js *labels = js_obj(d, "metadata.labels");
  const char *owner = NULL;
  for (struct js_iter it = js_iter(labels); js_next(&it);)
    if (streq(it.key, LABEL_ENDPOINT)) owner = js_self_str(it.val);
  if (owner && streq(owner, w->endpoint.uuid.s)) return OUT_DONE;
  return err_set(e, FAIL_CONFLICT, MSG_ENDPOINT_FOREIGN, kube_ns(w)), OUT_FAIL;
}

/* --- apply: one document a call; the inventory is written with each --- */
static bool documents(struct work *w, struct kube_doc **docs, size_t *n, struct err *e) {
  struct named_secret *ns;
  size_t k;
  if (!named_secret_list(w->db, w->a, w->endpoint.uuid, &ns, &k, e)) return false;
  const char **names = ARENA_ARRAY(w->a, const char *, k + 1);
  struct secret *vals = ARENA_ARRAY(w->a, struct secret, k + 1), full = {0};
  bool ok = true;
  for (size_t i = 0; i < k && ok; i++) names[i] = ns[i].name, ok = work_open(w, ns[i].secret, &vals[i], e);
  ok = ok && values_fill(w->endpoint.manifest, names, vals, k, &full, e) && kube_manifest(w->a, (const char *)full.p, full.n, docs, n, e);
  for (size_t i = 0; i < k; i++) secret_free(&vals[i]);
  secret_free(&full);
  return ok;
}
static const char *doc_name(struct work *w, const struct kube_doc *d) { return arena_fmt(w->a, "%s %s", d->ref.kind, d->ref.name); }

static enum outcome apply_request(struct work *w, struct call *c, struct err *e) {
  struct kube_doc *docs;
  size_t n, i = (size_t)memo_int(w, "doc");
  if (!documents(w, &docs, &n, e)) return OUT_FAIL;
  if (i >= n) return OUT_DONE;
  w->fraction = (double)i / (double)n;
  /* Whether the namespace was there before us decides whether it may ever go: looked at, and stored, before it is applied. */
  if (streq(docs[i].ref.kind, "Namespace") && !js_at(w->memo, "ns_known")) {
    js_set_bool(w->memo, "ns_look", true);
    *c = kube_get(w->a, docs[i].ref);
    return OUT_CALL;
  }
  /* Repairing: whoever reads an account at his start only starts again when it was another one. */
  if (streq(w->wf->name, "endpoint_repair") && streq(docs[i].ref.kind, "Secret") && !*memo_str(w, "was")) {
    js_set_bool(w->memo, "was_look", true);
    *c = kube_get(w->a, docs[i].ref);
    return OUT_CALL;
  }
  *c = kube_apply(w->a, docs[i].ref, docs[i].json, docs[i].n, false);
  c->secret_body = streq(docs[i].ref.kind, "Secret");
  return OUT_CALL;
}
static enum outcome apply_digest(struct work *w, const struct reply *r, struct err *e) {
  struct kube_doc *docs;
  const js *obj = NULL;
  size_t n, i = (size_t)memo_int(w, "doc");
  if (!documents(w, &docs, &n, e) || i >= n) return OUT_FAIL;
  if (js_bool(w->memo, "ns_look", false)) {
    enum outcome o = wf_kube(w, r, doc_name(w, &docs[i]), true, &obj, e);
    if (o != OUT_DONE && o != OUT_SKIP) return o;
    if (o == OUT_DONE && kube_is_deleting(obj)) return work_evidence(w, "namespace", wf_terminating(w, obj, docs[i].ref.name), e) ? OUT_WAIT : OUT_FAIL;
    js_set_bool(w->memo, "ns_look", false), js_set_bool(w->memo, "ns_known", true), js_set_bool(w->memo, "ns_ours", o == OUT_SKIP);
    return OUT_MORE;
  }
  if (js_bool(w->memo, "was_look", false)) {
    enum outcome o = wf_kube(w, r, doc_name(w, &docs[i]), true, &obj, e);
    if (o != OUT_DONE && o != OUT_SKIP) return o;
    js_set_bool(w->memo, "was_look", false), js_set_str(w->memo, "was", o == OUT_DONE && *nn(js_str(obj, "metadata.resourceVersion")) ? js_str(obj, "metadata.resourceVersion") : "missing");
    return OUT_MORE;
  }
  enum outcome o = wf_kube(w, r, doc_name(w, &docs[i]), false, &obj, e);
  if (o != OUT_DONE) return o;
  if (*memo_str(w, "was") && !streq(memo_str(w, "was"), nn(js_str(obj, "metadata.resourceVersion")))) js_set_bool(w->memo, "restart", true);
  js_set_str(w->memo, "was", NULL);
  bool created = !streq(docs[i].ref.kind, "Namespace") || js_bool(w->memo, "ns_ours", false);
  struct endpoint_object x = {.ord = (int)i, .api_version = docs[i].ref.api_version, .kind = docs[i].ref.kind, .ns = docs[i].ref.ns, .name = docs[i].ref.name, .uid = nn(kube_uid(obj)), .created = created};
  if (!endpoint_object_put(w->db, w->a, w->endpoint.uuid, &x, e)) return OUT_FAIL;
  js_set_int(w->memo, "doc", (int64_t)i + 1);
  w->fraction = (double)(i + 1) / (double)n;
  if (i + 1 < n) return OUT_MORE;
  return work_event(w, false, TEXT(MSG_EVENT_APPLIED, num_text((char[24]){0}, (long long)n)), e) ? OUT_DONE : OUT_FAIL;
}

/* --- restart, after a repair that changed a secret: until the pods of before are gone, or the one with the old password would still answer --- */
static enum outcome restart_request(struct work *w, struct call *c, struct err *e) {
  (void)e;
  if (!js_bool(w->memo, "restart", false)) return OUT_SKIP;
  if (*memo_str(w, "pod_uid")) *c = kube_delete(w->a, (struct kube_ref){"v1", "Pod", kube_ns(w), memo_str(w, "pod"), memo_str(w, "pod_uid")});
  else *c = kube_list(w->a, "v1", "Pod", kube_ns(w), "fate=kubefate", NULL, 50, NULL);
  return OUT_CALL;
}
static enum outcome restart_digest(struct work *w, const struct reply *r, struct err *e) {
  const js *list = NULL;
  bool del = *memo_str(w, "pod_uid") != 0, left = false;
  enum outcome o = wf_kube(w, r, del ? "Pod of KubeFATE" : "Pods", true, &list, e);
  if (o != OUT_DONE && o != OUT_SKIP) return o;
  js_set_str(w->memo, "pod_uid", NULL);
  if (del) return OUT_MORE;
  const js *items = js_arr(list, "items");
  const char *old = memo_str(w, "old_pods");
  bool first = !*old;
  for (size_t i = 0; first && i < js_len(items); i++) js_set_str(w->memo, "old_pods", old = arena_fmt(w->a, "%s %s", old, nn(kube_uid(js_item(items, i)))));
  for (size_t i = 0; i < js_len(items); i++) {
    const js *x = js_item(items, i);
    if (!*nn(kube_uid(x)) || !strstr(old, kube_uid(x))) continue;
    left = true;
    if (kube_is_deleting(x)) continue;
    js_set_str(w->memo, "pod", nn(kube_name(x))), js_set_str(w->memo, "pod_uid", kube_uid(x));
    return OUT_MORE;
  }
  return left ? OUT_WAIT : OUT_DONE;
}

/* --- ready: both Deployments available; in between a look at the pods says what is missing --- */
static enum outcome ready_request(struct work *w, struct call *c, struct err *e) {
  if (why_active(w)) return why_request(w, c, e);
  *c = kube_list(w->a, "apps/v1", "Deployment", kube_ns(w), arena_fmt(w->a, "%s=%s", LABEL_ENDPOINT, w->endpoint.uuid.s), NULL, 50, NULL);
  return OUT_CALL;
}
static enum outcome ready_digest(struct work *w, const struct reply *r, struct err *e) {
  const js *list = NULL;
  if (why_active(w)) return why_digest(w, r, e);
  enum outcome o = wf_kube(w, r, "Deployments", false, &list, e);
  if (o != OUT_DONE) return o;
  const js *items = js_arr(list, "items");
  size_t n = js_len(items), up = 0;
  for (size_t i = 0; i < n; i++) {
    struct workload x;
    kube_workload(js_item(items, i), "Deployment", &x);
    up += x.available;
    if (!work_part(w, x.name, x.available ? "Available" : "Progressing", x.available, nn(x.problem_reason), nn(x.problem_message), e)) return OUT_FAIL;
  }
  w->fraction = n ? (double)up / (double)n : 0;
  if (n >= 2 && up == n) return OUT_DONE;
  /* Every second look asks why. */
  if (w->now - w->step_started < 1500000) return OUT_WAIT;
  why_begin(w, kube_ns(w), "fate in (kubefate,mariadb)");
  return OUT_MORE;
}

/* --- connect: who answers there? --- */
static enum outcome connect_request(struct work *w, struct call *c, struct err *e) {
  (void)e;
  *c = kf_version(w->a, w->kf_token);
  return OUT_CALL;
}
static enum outcome connect_digest(struct work *w, const struct reply *r, struct err *e) {
  const js *body = NULL;
  const char *v;
  bool enough;
  enum outcome o = wf_kf(w, r, &body, e);
  if (o == OUT_SKIP) o = OUT_RETRY;
  if (o != OUT_DONE) return o;
  if (!kf_version_read(body, &v, &enough)) return err_set(e, FAIL_UPSTREAM, MSG_KF_NO_VERSION), OUT_RETRY;
  if (!enough) return err_set(e, FAIL_UPSTREAM, MSG_KF_OLD, v, "1.4.4"), OUT_FAIL;
  js_set_str(w->memo, "version", v);
  return OUT_DONE;
}

static enum outcome finish_request(struct work *w, struct call *c, struct err *e) {
  bool changed;
  (void)c;
  const char *v = memo_str(w, "version");
  return endpoint_set_reached(w->db, w->a, w->endpoint.uuid, v, "proxy", "via Kubernetes API", w->endpoint.credential_secret, e) && endpoint_set_checked(w->db, w->a, w->endpoint.uuid, true, "", "[]", e) &&
                 endpoint_set_status(w->db, w->a, w->endpoint.uuid, ~0u, EP_READY, "", "[]", &changed, e) && wf_check_begin(w, "endpoint", w->endpoint.uuid, "endpoint_check", e) &&
                 work_event(w, false, TEXT(MSG_EVENT_ENDPOINT_READY, v), e)
             ? OUT_DONE : OUT_FAIL;
}

static bool install_ended(struct work *w, enum work_end how, const struct err *why, struct err *e) {
  bool changed;
  if (how == END_SUCCEEDED) return true;
  struct text t = why ? err_text(why) : TEXT(MSG_EVENT_STOPPED, wf_stopper(w));
  if (how == END_CANCELLED && !wf_endpoint_leftovers(w, e)) return false;
  return endpoint_set_status(w->db, w->a, w->endpoint.uuid, ~0u, EP_UNAVAILABLE, text_key(t.key), text_args_json(w->a, t), &changed, e) && work_event(w, true, t, e);
}

/* --- adopt: read the account from the Deployment, then the same connection test --- */
static enum outcome account_request(struct work *w, struct call *c, struct err *e) {
  (void)e;
  const char *secret = memo_str(w, "secret");
  *c = *secret ? kube_get(w->a, wf_ref("v1", "Secret", kube_ns(w), secret)) : kube_get(w->a, wf_ref("apps/v1", "Deployment", kube_ns(w), "kubefate"));
  return OUT_CALL;
}
static const js *container(const js *d) {
  const js *v = js_arr(d, "spec.template.spec.containers");
  for (size_t i = 0; i < js_len(v); i++)
    if (streq(js_str(js_item(v, i), "name"), "kubefate")) return js_item(v, i);
  return js_item(v, 0);
}
static bool store_account(struct work *w, const char *user, const char *password, struct err *e) {
  struct uuid id;
  char *text = arena_fmt(w->a, "%s\n%s", user, password);
  return work_seal(w, "kubefate", text, strlen(text), &id, e) && endpoint_set_reached(w->db, w->a, w->endpoint.uuid, "", "proxy", "via Kubernetes API", id, e);
}
static enum outcome account_from_secret(struct work *w, const js *s, struct err *e) {
  const char *v[2] = {"", ""}, *keys[2] = {memo_str(w, "user_key"), memo_str(w, "password_key")};
  for (struct js_iter it = js_iter(js_obj(s, "data")); js_next(&it);)
    for (int i = 0; i < 2; i++) {
      unsigned char *p;
      size_t n;
      const char *t = js_self_str(it.val);
      if (streq(it.key, keys[i]) && t && b64_decode(w->a, t, strlen(t), true, &p, &n)) v[i] = (const char *)p;
    }
  if (!*v[0] || !*v[1]) return err_set(e, FAIL_UPSTREAM, MSG_ENDPOINT_NO_ACCOUNT), OUT_FAIL;
  return store_account(w, v[0], v[1], e) ? OUT_DONE : OUT_FAIL;
}
static enum outcome account_digest(struct work *w, const struct reply *r, struct err *e) {
  const js *o = NULL;
  bool in_secret = *memo_str(w, "secret") != 0;
  enum outcome res = wf_kube(w, r, in_secret ? "Secret of KubeFATE" : "Deployment kubefate", false, &o, e);
  if (res != OUT_DONE) return res;
  if (in_secret) return account_from_secret(w, o, e);
  const js *env = js_arr(container(o), "env");
  const char *user = NULL, *password = NULL;
  for (size_t i = 0; i < js_len(env); i++) {
    const js *x = js_item(env, i);
    bool is_user = streq(js_str(x, "name"), "FATECLOUD_USER_USERNAME"), is_pw = streq(js_str(x, "name"), "FATECLOUD_USER_PASSWORD");
    const char *ref = js_str(x, "valueFrom.secretKeyRef.name");
    if (!is_user && !is_pw) continue;
    if (ref) js_set_str(w->memo, "secret", ref), js_set_str(w->memo, is_user ? "user_key" : "password_key", js_str(x, "valueFrom.secretKeyRef.key"));
    else if (is_user) user = js_str(x, "value");
    else password = js_str(x, "value");
  }
  if (*memo_str(w, "secret")) return OUT_MORE;
  return store_account(w, user ? user : "admin", password ? password : "admin", e) ? OUT_DONE : OUT_FAIL;
}

/* --- remove: by inventory, in reverse, each with its uid --- */
static const struct endpoint_object *next_object(struct work *w, struct endpoint_object *v, size_t n) {
  (void)w;
  for (size_t i = n; i-- > 0;)
    if (!v[i].gone && v[i].created && *v[i].uid && !streq(v[i].kind, "Namespace")) return &v[i];
  return NULL;
}
static enum outcome objects_request(struct work *w, struct call *c, struct err *e) {
  struct endpoint_object *v;
  size_t n;
  if (!endpoint_objects(w->db, w->a, w->endpoint.uuid, &v, &n, e)) return OUT_FAIL;
  if (js_bool(w->input, "keep", false)) return OUT_SKIP;
  const struct endpoint_object *x = next_object(w, v, n);
  if (!x) return n ? OUT_DONE : OUT_SKIP;
  size_t gone = 0;
  for (size_t i = 0; i < n; i++) gone += v[i].gone;
  w->fraction = (double)gone / (double)n;
  js_set_int(w->memo, "ord", x->ord);
  *c = kube_delete(w->a, (struct kube_ref){x->api_version, x->kind, x->ns, x->name, x->uid});
  return OUT_CALL;
}
static enum outcome objects_digest(struct work *w, const struct reply *r, struct err *e) {
  const js *o = NULL;
  enum kube_verdict v = kube_read(w->a, r, "object of the endpoint", &o, e);
  if (v == KUBE_RETRY || (v == KUBE_CONFLICT && e->retry)) return OUT_RETRY;
  /* Somebody made it anew under the same name: not ours any more, so it stays. */
  if (v != KUBE_DONE && v != KUBE_NOT_FOUND && v != KUBE_CONFLICT && v != KUBE_EXISTS && v != KUBE_GONE && v != KUBE_TERMINATING) return OUT_FAIL;
  return endpoint_object_gone(w->db, w->a, w->endpoint.uuid, (int)memo_int(w, "ord"), e) ? OUT_MORE : OUT_FAIL;
}

/* The namespace goes only if we made it and nobody else's workload is left in it. */
static enum outcome space_request(struct work *w, struct call *c, struct err *e) {
  struct endpoint_object *v, *ns = NULL;
  size_t n;
  if (!endpoint_objects(w->db, w->a, w->endpoint.uuid, &v, &n, e)) return OUT_FAIL;
  for (size_t i = 0; i < n; i++)
    if (streq(v[i].kind, "Namespace") && v[i].created) ns = &v[i];
  if (!ns || js_bool(w->input, "keep", false)) return OUT_SKIP;
  const char *ph = memo_str(w, "space");
  if (streq(ph, "delete")) *c = kube_delete(w->a, (struct kube_ref){"v1", "Namespace", "", ns->name, ns->uid});
  else if (streq(ph, "gone")) *c = kube_get(w->a, wf_ref("v1", "Namespace", "", ns->name));
  else *c = kube_list(w->a, "v1", "Pod", ns->name, NULL, NULL, 20, NULL);
  return OUT_CALL;
}
static enum outcome space_digest(struct work *w, const struct reply *r, struct err *e) {
  const js *o = NULL;
  const char *ph = memo_str(w, "space");
  if (!*ph) {
    enum outcome res = wf_kube(w, r, "Pods", true, &o, e);
    if (res != OUT_DONE) return res == OUT_SKIP ? OUT_DONE : res;
    const js *items = js_arr(o, "items");
    for (size_t i = 0; i < js_len(items); i++) {
      const char *mine = js_str(js_item(items, i), "metadata.labels.fate");
      if (streq(mine, "kubefate") || streq(mine, "mariadb")) return OUT_WAIT; /* ours are still ending */
      return work_event(w, false, TEXT(MSG_EVENT_SPACE_KEPT, kube_ns(w)), e) ? OUT_DONE : OUT_FAIL;
    }
    js_set_str(w->memo, "space", "delete");
    return OUT_MORE;
  }
  enum kube_verdict v = kube_read(w->a, r, "Namespace", &o, e);
  if (v == KUBE_RETRY || (v == KUBE_CONFLICT && e->retry)) return OUT_RETRY;
  if (v == KUBE_NOT_FOUND || v == KUBE_CONFLICT) return OUT_DONE;
  if (v != KUBE_DONE && v != KUBE_TERMINATING) return OUT_FAIL;
  bool was_delete = streq(ph, "delete");
  js_set_str(w->memo, "space", "gone");
  if (!work_evidence(w, "namespace", wf_terminating(w, o, kube_ns(w)), e)) return OUT_FAIL;
  return was_delete ? OUT_MORE : OUT_WAIT;
}
static enum outcome removed_request(struct work *w, struct call *c, struct err *e) {
  (void)c;
  if (js_bool(w->memo, "went_on", false) && !wf_endpoint_leftovers(w, e)) return OUT_FAIL;
  return work_event(w, false, TEXT(MSG_EVENT_ENDPOINT_GONE, w->endpoint.name), e) && wf_check_end(w, w->endpoint.uuid, e) && op_supersede_uploads(w->db, w->a, w->endpoint.uuid, e) && named_secret_drop(w->db, w->a, w->endpoint.uuid, e) &&
                 endpoint_delete_row(w->db, w->a, w->endpoint.uuid, e)
             ? OUT_DONE : OUT_FAIL;
}

#define APPLIED \
    {"preflight", preflight_request, preflight_digest, EFFECT_READ, 0, 5, 120, NULL, NULL}, \
    {"apply", apply_request, apply_digest, EFFECT_SAFE, 0, 10, 300, NULL, NULL}
#define WORKS \
    {"ready", ready_request, ready_digest, EFFECT_READ, 0, 40, 900, NULL, "apply"}, \
    {"connect", connect_request, connect_digest, EFFECT_READ, STEP_KUBEFATE, 5, 300, NULL, NULL}, \
    {"finish", finish_request, NULL, EFFECT_NONE, STEP_LAST, 1, 60, NULL, NULL}
static const struct step INSTALL[] = {APPLIED, WORKS, STOPPED}, REPAIR[] = {APPLIED, {"kubefate-restart", restart_request, restart_digest, EFFECT_SAFE, 0, 5, 180, NULL, NULL}, WORKS, STOPPED};
static const struct step ADOPT[] = {
    {"account", account_request, account_digest, EFFECT_READ, 0, 20, 60, NULL, NULL},
    {"connect", connect_request, connect_digest, EFFECT_READ, STEP_KUBEFATE, 60, 120, NULL, "account"},
    {"finish", finish_request, NULL, EFFECT_NONE, STEP_LAST, 1, 60, NULL, NULL},
    STOPPED,
};
static const struct step REMOVE[] = {
    {"objects", objects_request, objects_digest, EFFECT_SAFE, STEP_FORCE_ON, 60, 300, NULL, NULL},
    {"namespace-gone", space_request, space_digest, EFFECT_SAFE, STEP_FORCE_ON, 40, 300, NULL, "objects"},
    {"removed", removed_request, NULL, EFFECT_NONE, STEP_LAST, 1, 60, NULL, NULL},
    STOPPED,
};
#define N(v) (int)(sizeof v / sizeof *v)
const struct workflow WF_ENDPOINT_INSTALL = {"endpoint_install", "operation", INSTALL, N(INSTALL), 1800, wf_load_endpoint, install_ended, "stopped"};
/* Objects that were deleted or changed come back, the account is set again. */
const struct workflow WF_ENDPOINT_REPAIR = {"endpoint_repair", "operation", REPAIR, N(REPAIR), 1800, wf_load_endpoint, install_ended, "stopped"};
const struct workflow WF_ENDPOINT_ADOPT = {"endpoint_adopt", "operation", ADOPT, N(ADOPT), 300, wf_load_endpoint, install_ended, "stopped"};
static bool remove_ended(struct work *w, enum work_end how, const struct err *why, struct err *e) {
  bool changed;
  if (how != END_CANCELLED) return install_ended(w, how, why, e);
  struct text t = TEXT(MSG_EVENT_REMOVAL_STOPPED, wf_stopper(w));
  return wf_endpoint_leftovers(w, e) && endpoint_set_status(w->db, w->a, w->endpoint.uuid, ~0u, EP_UNAVAILABLE, text_key(t.key), text_args_json(w->a, t), &changed, e) && work_event(w, true, t, e);
}
const struct workflow WF_ENDPOINT_REMOVE = {"endpoint_remove", "operation", REMOVE, N(REMOVE), 900, wf_load_endpoint, remove_ended, "stopped"};
