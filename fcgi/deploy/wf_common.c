#include "deploy/wf.h"
#include "base/b64.h"

static const struct stmt Q_CHECK_BEGIN = {"wf_check_begin",
    "with h as (insert into health_check (target_type, target) values ($1, $2) on conflict (target_type, target) do update set failures = 0 returning id) "
    "insert into work (class, ref, workflow, run_at) select 'check', id, $3, now() + interval '5 seconds' from h on conflict (class, ref) do update set ended = false, run_at = excluded.run_at"};
static const struct stmt Q_CHECK_END = {"wf_check_end",
    "with h as (delete from health_check where target = $1 returning id) delete from work where class = 'check' and ref in (select id from h)"};
const struct stmt *const STMTS_WF[] = {&Q_CHECK_BEGIN, &Q_CHECK_END, NULL};

bool wf_check_begin(struct work *w, const char *type, struct uuid target, const char *workflow, struct err *e) { return db_exec(w->db, w->a, &Q_CHECK_BEGIN, NULL, e, type, target.s, workflow); }
bool wf_check_end(struct work *w, struct uuid target, struct err *e) { return db_exec(w->db, w->a, &Q_CHECK_END, NULL, e, target.s); }

/* Health checks are most of what is loaded all day, and need no YAML. */
static bool is_check(const struct work *w) { return streq(w->wf->class, "check"); }

/* Where it happens. What the work itself may change there (the circuit) makes the engine forget it. */
enum { PLACE_MS = 3000 };
static bool load_place(struct work *w, struct uuid endpoint, bool text, struct err *e) {
  struct arena *records = w->a;
  bool ok = w->place_ms && clock_mono_ms() - w->place_ms < PLACE_MS && uuid_eq(w->endpoint.uuid, endpoint);
  if (!ok) {
    arena_reset(w->place), w->a = w->place;
    ok = endpoint_place(w->db, w->a, endpoint, text, &w->endpoint, &w->infra, e);
    w->a = records, w->place_ms = ok ? clock_mono_ms() : 0;
  }
  if (!ok) return false;
  w->has_endpoint = w->has_infra = true, w->call_secret = w->infra.kubeconfig_secret;
  return true;
}

bool wf_load_endpoint(struct work *w, struct err *e) {
  w->place_ms = 0; /* the subject itself: it may just have been written */
  return load_place(w, w->subject, !is_check(w), e);
}

bool wf_load_party(struct work *w, struct err *e) {
  if (!participant_pair(w->db, w->a, w->subject, !is_check(w), &w->party, &w->exchange, &w->has_exchange, e)) return false;
  w->has_party = true;
  return !w->party.is_managed || load_place(w, w->party.endpoint_uuid, false, e);
}

enum outcome wf_kube(struct work *w, const struct reply *r, const char *what, bool missing_ok, const js **out, struct err *e) {
  const js *body = NULL;
  enum kube_verdict v = kube_read(w->a, r, what, &body, e);
  if (out) *out = body;
  switch (v) {
  case KUBE_DONE: case KUBE_EXISTS: return OUT_DONE;
  case KUBE_NOT_FOUND: return missing_ok ? OUT_SKIP : OUT_FAIL;
  case KUBE_TERMINATING: return work_evidence(w, "namespace", TEXT(MSG_WF_TERMINATING, what), e) ? OUT_WAIT : OUT_FAIL;
  case KUBE_RETRY: case KUBE_CONFLICT: case KUBE_GONE: return OUT_RETRY; /* 410 says that a list is too old, never that an object is absent */
  case KUBE_DENIED: case KUBE_UNAUTHORIZED: case KUBE_REFUSED: break;
  }
  return OUT_FAIL;
}

enum outcome wf_kf(struct work *w, const struct reply *r, const js **data, struct err *e) {
  const js *body = NULL;
  enum kf_verdict v = kf_read(w->a, r, &body, e);
  if (data) *data = js_at(body, "data") ? js_at(body, "data") : body;
  switch (v) {
  case KF_DONE: return OUT_DONE;
  case KF_NOT_FOUND: return OUT_SKIP;
  case KF_UNAUTHORIZED: return OUT_RELOGIN;
  case KF_RETRY: return OUT_RETRY;
  case KF_EXISTS: case KF_REFUSED: case KF_DENIED: case KF_KUBE_UNAUTHORIZED: break;
  }
  return OUT_FAIL;
}

struct kube_ref wf_ref(const char *api, const char *kind, const char *ns, const char *name) { return (struct kube_ref){.api_version = api, .kind = kind, .ns = ns, .name = name, .uid = ""}; }

struct text wf_terminating(struct work *w, const js *ns, const char *name) {
  const char *by = kube_held_by(w->a, ns);
  return *by ? TEXT(MSG_CAUSE_HELD_BY, name, by) : TEXT(MSG_WF_TERMINATING, name);
}

const char *wf_label(const js *object, const char *key) {
  for (struct js_iter it = js_iter(js_obj(object, "metadata.labels")); js_next(&it);)
    if (streq(it.key, key)) return nn(js_self_str(it.val));
  return "";
}

enum outcome wf_stopped_q(struct work *w, struct call *c, struct err *e) {
  (void)w, (void)c, (void)e;
  return OUT_DONE;
}
const char *wf_stopper(const struct work *w) {
  const char *who = js_str(w->input, "cancelled_by");
  return who && *who ? who : nn(w->actor);
}

bool wf_party_leftovers(struct work *w, struct err *e) {
  const char *v[3], *ns = w->party.namespace_;
  if (!w->party.is_managed) return true;
  v[0] = arena_fmt(w->a, "kubectl get all,configmap,secret,pvc,ingress -n %s -l name=%s", ns, w->party.deployment_name);
  v[1] = arena_fmt(w->a, "kubectl get secret -n %s -l %s=%s", ns, LABEL_PARTY, w->party.uuid.s);
  v[2] = arena_fmt(w->a, "kubectl get namespace -l %s=%s", LABEL_PARTY, w->party.uuid.s);
  return work_leftovers(w, v, 3), work_event(w, false, TEXT(MSG_EVENT_LEFTOVERS, w->party.name, w->infra.name), e);
}

bool wf_endpoint_leftovers(struct work *w, struct err *e) {
  enum { SHOWN = 40 };
  struct endpoint_object *o;
  size_t n, k = 0;
  const char *v[SHOWN];
  if (!endpoint_objects(w->db, w->a, w->endpoint.uuid, &o, &n, e)) return false;
  for (size_t i = 0; i < n && k < SHOWN; i++)
    if (!o[i].gone && o[i].created) v[k++] = *nn(o[i].ns) ? arena_fmt(w->a, "kubectl get %s %s -n %s", o[i].kind, o[i].name, o[i].ns) : arena_fmt(w->a, "kubectl get %s %s", o[i].kind, o[i].name);
  return !k || (work_leftovers(w, v, k), work_event(w, false, TEXT(MSG_EVENT_LEFTOVERS, w->endpoint.name, w->infra.name), e));
}

const char *wf_secret_json(struct work *w, const char *ns, const char *name, const char *type, const struct wf_datum *d, size_t n) {
  struct buf b;
  struct jsw j;
  buf_init(&b, w->a, 1 << 20), jsw_init(&j, &b);
  jsw_obj(&j), jsw_kstr(&j, "apiVersion", "v1"), jsw_kstr(&j, "kind", "Secret"), jsw_key(&j, "metadata"), jsw_obj(&j), jsw_kstr(&j, "name", name), jsw_kstr(&j, "namespace", ns);
  jsw_key(&j, "labels"), jsw_obj(&j), jsw_kstr(&j, "app.kubernetes.io/managed-by", "fedlcm"), jsw_kstr(&j, LABEL_PARTY, w->party.uuid.s), jsw_end_obj(&j), jsw_end_obj(&j);
  jsw_kstr(&j, "type", type), jsw_key(&j, "data"), jsw_obj(&j);
  for (size_t i = 0; i < n; i++) jsw_kstr(&j, d[i].key, b64_encode(w->a, d[i].p, d[i].n));
  jsw_end_obj(&j), jsw_end_obj(&j);
  return b.p;
}

const char *wf_docker_config(struct arena *a, const char *server, const char *user, const char *password) {
  struct buf b;
  struct jsw j;
  char *pair = arena_fmt(a, "%s:%s", user, password);
  buf_init(&b, a, 65536), jsw_init(&j, &b);
  jsw_obj(&j), jsw_key(&j, "auths"), jsw_obj(&j), jsw_key(&j, server), jsw_obj(&j), jsw_kstr(&j, "username", user), jsw_kstr(&j, "password", password), jsw_kstr(&j, "auth", b64_encode(a, pair, strlen(pair)));
  jsw_end_obj(&j), jsw_end_obj(&j), jsw_end_obj(&j);
  return b.p;
}

/* --- secrets for steps (contract: engine.h) --- */
#include "deploy/drive.h"
bool work_open(struct work *w, struct uuid secret, struct secret *out, struct err *e) { return reach_open(w->eng->reach, w->db, w->a, secret, out, e); }
bool work_seal(struct work *w, const char *kind, const void *p, size_t n, struct uuid *out, struct err *e) { return secret_store(w->db, w->a, &reach_key(w->eng->reach)->pub, kind, p, n, out, e); }
