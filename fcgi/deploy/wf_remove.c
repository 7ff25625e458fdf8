/* Removing an exchange or a cluster (reference 20 section 12). With force, a step that cannot succeed is noted and the next one follows. */
#include "deploy/op.h"
#include "deploy/values.h"
#include "deploy/wf_party.h"
#include "deploy/workflows.h"
#include "model/cert.h"

#define DONE_IF(x) ((x) ? OUT_DONE : OUT_FAIL)

enum { PUSH_PATIENCE_S = 20, STILL_US = 45 * 1000000 };

/* The push that takes the last party's routes out may still run: KubeFATE must not uninstall what it is just updating. Force does not wait for long; a
 * runner of the push sends nothing once it is superseded. */
static enum outcome after_push(struct work *w, struct err *e) {
  int64_t pushing = 0;
  if (w->party.type != TYPE_EXCHANGE) return OUT_SKIP;
  if (!op_pushing(w->db, w->a, w->party.uuid, &pushing, e)) return OUT_FAIL;
  bool enough = w->force && w->now - w->step_started > PUSH_PATIENCE_S * 1000000LL;
  if (pushing && !enough) return work_evidence(w, "routes", TEXT(MSG_CAUSE_PUSHING, w->party.name), e) ? (w->wait_ms = 500, OUT_WAIT) : OUT_FAIL;
  return DONE_IF(op_supersede_pushes(w->db, w->a, w->party.uuid, enough, e));
}

/* A superseded installer may have a request on its way: let it land before looking for what it made. */
enum outcome r_settle_q(struct work *w, struct call *c, struct err *e) {
  int64_t until = memo_int(w, "settle_until");
  (void)c;
  if (w->now >= until) return after_push(w, e);
  return work_evidence(w, "", TEXT(MSG_CAUSE_SETTLE), e) ? (w->wait_ms = 1000, OUT_WAIT) : OUT_FAIL;
}

enum outcome r_routes_q(struct work *w, struct call *c, struct err *e) {
  js *seen = NULL;
  (void)c;
  if (w->party.type != TYPE_CLUSTER || !w->has_exchange || !w->exchange.is_managed || w->exchange.status == PARTY_REMOVING) return OUT_SKIP;
  if (!js_parse(w->a, w->exchange.routes_seen, strlen(w->exchange.routes_seen), 1 << 20, &seen, e)) return OUT_FAIL;
  if (!js_at(seen, arena_fmt(w->a, "%ld", w->party.party_id))) return OUT_DONE;
  struct text failed;
  if (w->force && w->now - w->step_started > 20 * 1000000LL) return err_set(e, FAIL_TIMEOUT, MSG_CAUSE_ROUTES_OUT, w->exchange.name), OUT_FAIL;
  int64_t live;
  if (!routes_push_ensure(w, &failed, e) || !op_pushing(w->db, w->a, w->exchange.uuid, &live, e)) return OUT_FAIL;
  /* Nobody can take them out any more, however long we wait. */
  if (failed.key == MSG_ROUTES_FORGOTTEN && !live) return work_event(w, true, failed, e) ? OUT_SKIP : OUT_FAIL;
  return work_evidence(w, "routes", failed.key == MSG_NONE ? TEXT(MSG_CAUSE_ROUTES_OUT, w->exchange.name) : failed, e) ? OUT_WAIT : OUT_FAIL;
}

enum outcome r_stop_q(struct work *w, struct call *c, struct err *e) { return !w->party.is_managed || !*w->party.job_uuid ? OUT_SKIP : p_stop_q(w, c, e); }
/* What does not end then is deleted as it is: KubeFATE may have been killed over it. */
enum outcome r_stop_d(struct work *w, const struct reply *r, struct err *e) {
  enum outcome o = p_stop_d(w, r, e);
  return o == OUT_WAIT && w->now - w->step_started > STILL_US ? OUT_DONE : o;
}

/* --- find: the KubeFATE cluster by name and namespace, whatever uuid we stored --- */
enum outcome r_find_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  if (!w->party.is_managed) return OUT_SKIP;
  if (w->intent_at && w->now - w->intent_at < 3 * 1000000) return w->wait_ms = 1000, OUT_WAIT;
  *c = kf_cluster_list(w->a, w->kf_token);
  return OUT_CALL;
}
enum outcome r_find_d(struct work *w, const struct reply *r, struct err *e) {
  const js *list = NULL;
  enum outcome o = wf_kf(w, r, &list, e);
  if (o != OUT_DONE) return o == OUT_SKIP ? OUT_RETRY : o;
  js_set_str(w->memo, "cluster", NULL);
  for (size_t i = 0; i < js_len(list); i++) {
    struct kf_cluster x;
    if (!kf_cluster_read(js_item(list, i), &x) || !streq(x.name, w->party.deployment_name) || !streq(x.ns, w->party.namespace_)) continue;
    /* A delete under way: wait for it instead of sending a second one, which would only fail. After STILL_US its KubeFATE was killed over it: ask again. */
    if (streq(x.status, "Deleting") && w->now - w->step_started < STILL_US && !js_bool(w->memo, "still", false)) return work_evidence(w, "job", TEXT(MSG_CAUSE_DELETING), e) ? OUT_WAIT : OUT_FAIL;
    js_set_str(w->memo, "cluster", x.uuid);
  }
  w->intent_at = 0;
  return OUT_DONE;
}

/* --- delete: once --- */
enum outcome r_delete_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  if (!w->party.is_managed || !*memo_str(w, "cluster")) return OUT_SKIP;
  *c = kf_delete(w->a, w->kf_token, memo_str(w, "cluster"));
  return OUT_CALL;
}
enum outcome r_delete_d(struct work *w, const struct reply *r, struct err *e) {
  const js *d = NULL;
  struct kf_job j;
  enum outcome o = wf_kf(w, r, &d, e);
  if (o == OUT_SKIP) return OUT_DONE; /* record not found: it is gone */
  if (o == OUT_RETRY) return w->goto_key = "find", OUT_GOTO;
  if (o != OUT_DONE) return o;
  if (!kf_job_read(w->a, d, &j)) return w->goto_key = "find", OUT_GOTO;
  js_set_str(w->memo, "job", j.uuid), js_set_bool(w->memo, "still", false);
  return DONE_IF(participant_set(w->db, w->a, w->party.uuid, "job_uuid", nn(j.uuid), e) && work_event(w, false, TEXT(MSG_EVENT_DELETE_JOB, nn(j.uuid)), e));
}
enum outcome r_gone_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  if (!w->party.is_managed || !*memo_str(w, "cluster")) return OUT_SKIP;
  if (w->force && js_bool(w->memo, "went_on", false) && !*memo_str(w, "job")) return OUT_SKIP; /* nobody took the removal: there is nothing to wait for */
  *c = kf_cluster_get(w->a, w->kf_token, memo_str(w, "cluster"));
  return OUT_CALL;
}
enum outcome r_gone_d(struct work *w, const struct reply *r, struct err *e) {
  const js *d = NULL;
  enum outcome o = wf_kf(w, r, &d, e);
  if (o == OUT_SKIP) return OUT_DONE;
  if (o != OUT_DONE) return o;
  if (w->now - w->step_started > STILL_US) return js_set_bool(w->memo, "still", true), w->goto_key = "find", OUT_GOTO;
  return work_evidence(w, "job", TEXT(MSG_CAUSE_DELETING), e) ? OUT_WAIT : OUT_FAIL;
}

/* --- leftovers: what a failed uninstall left under the release's label, object by object --- */
static const struct { const char *api, *kind; } KINDS[] = {{"apps/v1", "Deployment"}, {"apps/v1", "StatefulSet"}, {"networking.k8s.io/v1", "Ingress"}, {"v1", "Service"}, {"v1", "ConfigMap"}, {"v1", "Secret"}};
enum { N_KINDS = sizeof KINDS / sizeof *KINDS };
enum outcome r_leftover_q(struct work *w, struct call *c, struct err *e) {
  int64_t k = memo_int(w, "kind");
  (void)e;
  if (!w->party.is_managed || w->party.is_new_namespace) return OUT_SKIP; /* a namespace of ours goes as a whole */
  if (k >= N_KINDS) return OUT_DONE;
  w->fraction = (double)k / N_KINDS;
  if (*memo_str(w, "left_uid")) *c = kube_delete(w->a, (struct kube_ref){KINDS[k].api, KINDS[k].kind, w->party.namespace_, memo_str(w, "left_name"), memo_str(w, "left_uid")});
  else *c = kube_list(w->a, KINDS[k].api, KINDS[k].kind, w->party.namespace_, arena_fmt(w->a, streq(KINDS[k].kind, "Secret") ? "owner=helm,name=%s" : "name=%s", w->party.deployment_name), NULL, 50, NULL);
  return OUT_CALL;
}
enum outcome r_leftover_d(struct work *w, const struct reply *r, struct err *e) {
  const js *list = NULL;
  bool del = *memo_str(w, "left_uid") != 0;
  enum outcome o = wf_kube(w, r, del ? memo_str(w, "left_name") : "leftovers", true, &list, e);
  if (o != OUT_DONE && o != OUT_SKIP) return o;
  js_set_str(w->memo, "left_uid", NULL);
  if (del) return OUT_MORE;
  const js *items = js_arr(list, "items");
  for (size_t i = 0; i < js_len(items); i++) {
    const js *x = js_item(items, i);
    if (kube_is_deleting(x) || !kube_uid(x)) continue;
    js_set_str(w->memo, "left_uid", kube_uid(x)), js_set_str(w->memo, "left_name", nn(kube_name(x)));
    return work_event(w, false, TEXT(MSG_EVENT_LEFTOVER, KINDS[memo_int(w, "kind")].kind, nn(kube_name(x))), e) ? OUT_MORE : OUT_FAIL;
  }
  js_set_int(w->memo, "kind", memo_int(w, "kind") + 1);
  return OUT_MORE;
}

/* --- secrets of ours, by label --- */
enum outcome r_secrets_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  if (!w->party.is_managed || w->party.is_new_namespace) return OUT_SKIP;
  if (*memo_str(w, "sec_uid")) *c = kube_delete(w->a, (struct kube_ref){"v1", "Secret", w->party.namespace_, memo_str(w, "sec_name"), memo_str(w, "sec_uid")});
  else *c = kube_list_names(w->a, "v1", "Secret", w->party.namespace_, arena_fmt(w->a, LABEL_PARTY "=%s", w->party.uuid.s));
  return OUT_CALL;
}
enum outcome r_secrets_d(struct work *w, const struct reply *r, struct err *e) {
  const js *list = NULL;
  bool del = *memo_str(w, "sec_uid") != 0;
  enum outcome o = wf_kube(w, r, "Secrets", true, &list, e);
  if (o != OUT_DONE && o != OUT_SKIP) return o;
  js_set_str(w->memo, "sec_uid", NULL);
  if (del) return OUT_MORE;
  const js *x = js_item(js_arr(list, "items"), 0);
  if (!x || !kube_uid(x)) return OUT_DONE;
  if (kube_is_deleting(x)) return work_evidence(w, "", TEXT(MSG_WF_TERMINATING, arena_fmt(w->a, "Secret %s", nn(kube_name(x)))), e) ? OUT_WAIT : OUT_FAIL; /* a finalizer holds it */
  js_set_str(w->memo, "sec_uid", kube_uid(x)), js_set_str(w->memo, "sec_name", nn(kube_name(x)));
  return OUT_MORE;
}

/* --- the namespace that we made; when nobody recorded that we did (the creation was superseded meanwhile), its label tells --- */
static bool space_known(const struct work *w) { return w->party.is_new_namespace && *w->party.namespace_uid; }
enum outcome r_space_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  if (!w->party.is_managed || !*nn(w->party.namespace_)) return OUT_SKIP;
  struct kube_ref ref = {"v1", "Namespace", "", w->party.namespace_, w->party.namespace_uid};
  *c = !space_known(w) || streq(memo_str(w, "space"), "gone") ? kube_get(w->a, ref) : kube_delete(w->a, ref);
  return OUT_CALL;
}
static enum outcome space_whose(struct work *w, const struct reply *r, struct err *e) {
  const js *ns = NULL;
  struct err denied = ERR_INIT;
  enum kube_verdict v = kube_read(w->a, r, arena_fmt(w->a, "Namespace %s", w->party.namespace_), &ns, &denied);
  if (v == KUBE_RETRY) return err_move(e, &denied), OUT_RETRY;
  if (v != KUBE_DONE || !streq(wf_label(ns, LABEL_PARTY), w->party.uuid.s) || !*nn(kube_uid(ns))) return OUT_SKIP; /* not there, or somebody else's, or not ours to see */
  return participant_set(w->db, w->a, w->party.uuid, "is_new_namespace", "t", e) && participant_set(w->db, w->a, w->party.uuid, "namespace_uid", kube_uid(ns), e) ? OUT_MORE : OUT_FAIL;
}
enum outcome r_space_d(struct work *w, const struct reply *r, struct err *e) {
  const js *ns = NULL;
  if (!space_known(w)) return space_whose(w, r, e);
  enum kube_verdict v = kube_read(w->a, r, arena_fmt(w->a, "Namespace %s", w->party.namespace_), &ns, e);
  if (v == KUBE_RETRY || (v == KUBE_CONFLICT && e->retry)) return OUT_RETRY;
  if (v == KUBE_NOT_FOUND || v == KUBE_CONFLICT) return OUT_DONE; /* gone, or somebody made it anew: not ours */
  if (v != KUBE_DONE && v != KUBE_TERMINATING) return OUT_FAIL;
  if (v == KUBE_DONE && streq(memo_str(w, "space"), "gone") && kube_uid(ns) && !streq(kube_uid(ns), w->party.namespace_uid)) return OUT_DONE;
  js_set_str(w->memo, "space", "gone");
  return work_evidence(w, "namespace", wf_terminating(w, ns, w->party.namespace_), e) ? (w->wait_ms = 400, OUT_WAIT) : OUT_FAIL;
}

enum outcome r_done_q(struct work *w, struct call *c, struct err *e) {
  (void)c;
  if (js_bool(w->memo, "went_on", false) && !wf_party_leftovers(w, e)) return OUT_FAIL;
  return DONE_IF(work_wake_federation(w, w->party.federation_uuid, e) && work_event(w, false, TEXT(MSG_EVENT_REMOVED, w->party.name), e) && cert_unbind(w->db, w->a, w->party.uuid, e) && wf_check_end(w, w->party.uuid, e) && participant_bury(w->db, w->a, w->party.uuid, e));
}

static bool ended(struct work *w, enum work_end how, const struct err *why, struct err *e) {
  struct text t = why ? err_text(why) : TEXT(MSG_EVENT_REMOVAL_STOPPED, wf_stopper(w));
  bool changed;
  if (how == END_SUCCEEDED) return true;
  /* Stopped, it is no removal any more: a check makes it Active again when nothing is missing yet. */
  if (how == END_CANCELLED)
    return wf_party_leftovers(w, e) && participant_set_status(w->db, w->a, w->party.uuid, 1u << PARTY_REMOVING, w->party.is_managed ? PARTY_FAILED : PARTY_ACTIVE, text_key(t.key), text_args_json(w->a, t), &changed, e) && work_event(w, true, t, e);
  return participant_set_status(w->db, w->a, w->party.uuid, 1u << PARTY_REMOVING, PARTY_REMOVING, text_key(t.key), text_args_json(w->a, t), &changed, e) && work_event(w, true, t, e);
}

#define STEPS \
    {"settle", r_settle_q, NULL, EFFECT_NONE, STEP_FREE, 0, 900, NULL, NULL}, \
    {"routes-out", r_routes_q, NULL, EFFECT_NONE, STEP_FORCE_ON, 20, 900, NULL, NULL}, \
    {"stop-job", r_stop_q, r_stop_d, EFFECT_SAFE, STEP_KUBEFATE | STEP_FORCE_ON, 5, 120, NULL, NULL}, \
    {"find", r_find_q, r_find_d, EFFECT_READ, STEP_KUBEFATE | STEP_FORCE_ON, 3, 300, NULL, NULL}, \
    {"delete", r_delete_q, r_delete_d, EFFECT_ONCE, STEP_KUBEFATE | STEP_FORCE_ON, 10, 120, "find", "find"}, \
    {"release-gone", r_gone_q, r_gone_d, EFFECT_READ, STEP_KUBEFATE | STEP_FORCE_ON, 42, 600, NULL, "find"}, \
    {"leftovers", r_leftover_q, r_leftover_d, EFFECT_SAFE, STEP_FORCE_ON, 5, 300, NULL, NULL}, \
    {"secrets-gone", r_secrets_q, r_secrets_d, EFFECT_SAFE, STEP_FORCE_ON, 5, 120, NULL, NULL}, \
    {"namespace-gone", r_space_q, r_space_d, EFFECT_SAFE, STEP_FORCE_ON, 10, 600, NULL, NULL}, \
    {"removed", r_done_q, NULL, EFFECT_NONE, STEP_LAST, 1, 60, NULL, NULL}, \
    STOPPED
static const struct step EXCHANGE[] = {STEPS}, CLUSTER[] = {STEPS};
#define N(v) (int)(sizeof v / sizeof *v)
const struct workflow WF_EXCHANGE_REMOVE = {"exchange_remove", "operation", EXCHANGE, N(EXCHANGE), 3600, wf_load_party, ended, "stopped"};
const struct workflow WF_CLUSTER_REMOVE = {"cluster_remove", "operation", CLUSTER, N(CLUSTER), 3600, wf_load_party, ended, "stopped"};
