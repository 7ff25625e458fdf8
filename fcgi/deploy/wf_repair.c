/* Repairing a participant where we can: its secrets, and its routes in the exchange. What Helm made is Helm's: workloads are only waited for. */
#include "deploy/op.h"
#include "deploy/wf_party.h"
#include "deploy/workflows.h"

/* --- is everything of ours still there? --- */
static enum outcome namespace_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  *c = kube_get(w->a, wf_ref("v1", "Namespace", "", w->party.namespace_));
  return OUT_CALL;
}
static enum outcome namespace_d(struct work *w, const struct reply *r, struct err *e) {
  const js *ns = NULL;
  struct err why = ERR_INIT;
  enum kube_verdict v = kube_read(w->a, r, arena_fmt(w->a, "Namespace %s", w->party.namespace_), &ns, &why);
  if (v == KUBE_DENIED) return OUT_SKIP; /* an account of one namespace may not look at it */
  if (v == KUBE_RETRY) return err_move(e, &why), OUT_RETRY;
  if (v == KUBE_NOT_FOUND || (v == KUBE_DONE && kube_is_deleting(ns))) return err_set(e, FAIL_UPSTREAM, MSG_REPAIR_NO_NAMESPACE, w->party.namespace_), OUT_FAIL;
  return v == KUBE_DONE ? OUT_DONE : (err_move(e, &why), OUT_FAIL);
}

/* A certificate's key was dropped when its secret was confirmed: a secret that is gone needs a new certificate. */
static enum outcome certs_q(struct work *w, struct call *c, struct err *e) {
  if (streq(memo_str(w, "cert"), "missing")) return p_certs_q(w, c, e);
  *c = kube_get(w->a, wf_ref("v1", "Secret", w->party.namespace_, w->party.type == TYPE_EXCHANGE ? "traffic-server-cert" : "pulsar-cert"));
  return OUT_CALL;
}
static enum outcome certs_d(struct work *w, const struct reply *r, struct err *e) {
  if (streq(memo_str(w, "cert"), "missing")) return p_certs_d(w, r, e);
  enum outcome o = wf_kube(w, r, "Secret", true, NULL, e);
  if (o != OUT_SKIP) return o;
  js_set_str(w->memo, "cert", "missing");
  return OUT_MORE;
}

/* --- the workloads, as the cluster shows them --- */
static enum outcome loads_q(struct work *w, struct call *c, struct err *e) {
  js_set_str(w->memo, "job", NULL), js_set_bool(w->memo, "repair", true), js_set_bool(w->memo, "success", true); /* no job to wait for: the workloads are looked at from the start */
  return p_parts_q(w, c, e);
}

/* --- routes --- */
static enum outcome pushing(struct work *w, struct err *e) {
  struct text why = TEXT(MSG_CAUSE_ROUTES, w->exchange.name);
  w->wait_ms = 500;
  return work_evidence(w, "routes", why, e) ? OUT_WAIT : OUT_FAIL;
}
/* A push looks first; when nothing is missing it changes nothing. One that was under way before
 * may have looked before the damage was done: it is let end. */
static enum outcome table_q(struct work *w, struct call *c, struct err *e) {
  struct text failed;
  int64_t live;
  (void)c;
  if (!w->has_exchange || !w->exchange.is_managed || w->exchange.status == PARTY_REMOVING) return OUT_SKIP;
  if (!op_pushing(w->db, w->a, w->exchange.uuid, &live, e)) return OUT_FAIL;
  if (!memo_int(w, "try_asked")) {
    if (live && !memo_int(w, "try_before")) js_set_int(w->memo, "try_before", live);
    if (live && live == memo_int(w, "try_before")) return pushing(w, e);
    js_set_int(w->memo, "try_asked", 1);
    if (!op_supersede_pushes(w->db, w->a, w->exchange.uuid, false, e) || !routes_push_ensure(w, &failed, e)) return OUT_FAIL;
    return pushing(w, e);
  }
  if (live) return pushing(w, e);
  if (w->party.type == TYPE_CLUSTER && !route_seen(w, &w->party, w->exchange.routes_seen)) return err_set(e, FAIL_UPSTREAM, MSG_REPAIR_NO_ROUTES, w->exchange.name), OUT_FAIL;
  return OUT_DONE;
}

static bool ended(struct work *w, enum work_end how, const struct err *why, struct err *e) {
  bool changed;
  if (how == END_SUCCEEDED) return true;
  struct text t = how == END_CANCELLED || !why ? TEXT(MSG_EVENT_STOPPED, wf_stopper(w)) : err_text(why);
  return participant_set_status(w->db, w->a, w->party.uuid, 1u << PARTY_FAILED | 1u << PARTY_RECONFIGURING | 1u << PARTY_ACTIVE, PARTY_FAILED, text_key(t.key), text_args_json(w->a, t), &changed, e) && work_event(w, true, t, e);
}

static const struct step REPAIR[] = {
    {"namespace-there", namespace_q, namespace_d, EFFECT_READ, 0, 3, 120, NULL, NULL, NULL},
    {"pull-secret", p_pull_q, p_pull_d, EFFECT_SAFE, 0, 5, 120, NULL, NULL, NULL},
    {"certificates", certs_q, certs_d, EFFECT_SAFE, 0, 10, CERTIFICATES_S, NULL, NULL, NULL},
    {"components", loads_q, p_parts_d, EFFECT_READ, STEP_KUBEFATE, 60, 900, NULL, "namespace-there", NULL},
    {"routes", table_q, NULL, EFFECT_NONE, 0, 20, 900, NULL, "namespace-there", NULL},
    {"active", p_active_q, NULL, EFFECT_NONE, STEP_LAST, 1, 60, NULL, NULL, NULL},
    STOPPED,
};
const struct workflow WF_PARTICIPANT_REPAIR = {"participant_repair", "operation", REPAIR, sizeof REPAIR / sizeof *REPAIR, 2700, wf_load_party, ended, "stopped"};
