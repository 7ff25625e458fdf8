/* Tables: create an exchange, create a cluster (weights: reference 50 section 10.4). */
#include "deploy/wf_party.h"
#include "deploy/workflows.h"

static bool ended(struct work *w, enum work_end how, const struct err *why, struct err *e) {
  bool changed;
  if (how == END_SUCCEEDED) return true;
  struct text t = how == END_CANCELLED || !why ? TEXT(MSG_EVENT_STOPPED, wf_stopper(w)) : err_text(why);
  if (how == END_CANCELLED && !wf_party_leftovers(w, e)) return false;
  return participant_set_status(w->db, w->a, w->party.uuid, 1u << PARTY_INSTALLING, PARTY_FAILED, text_key(t.key), text_args_json(w->a, t), &changed, e) && work_event(w, true, t, e);
}

#define FIRST_STEPS \
    {"connect", p_connect_q, p_connect_d, EFFECT_READ, STEP_KUBEFATE, 3, 120, NULL, NULL}, \
    {"namespace", p_namespace_q, p_namespace_d, EFFECT_SAFE, 0, 3, 180, NULL, NULL}, \
    {"pull-secret", p_pull_q, p_pull_d, EFFECT_SAFE, 0, 2, 60, NULL, NULL}, \
    {"certificates", p_certs_q, p_certs_d, EFFECT_SAFE, 0, 8, CERTIFICATES_S, NULL, NULL}, \
    {"look", p_look_q, p_look_d, EFFECT_READ, STEP_KUBEFATE, 1, 120, NULL, NULL}, \
    {"submit", p_submit_q, p_submit_d, EFFECT_ONCE, STEP_KUBEFATE, 4, 120, "look", "look"}, \
    {"components", p_parts_q, p_parts_d, EFFECT_READ, STEP_KUBEFATE, 60, 3900, NULL, "look", NULL, p_parts_see}, \
    {"services", p_services_q, p_services_d, EFFECT_READ, 0, 5, 240, NULL, NULL}
#define LAST_STEPS \
    {"active", p_active_q, NULL, EFFECT_NONE, STEP_LAST, 1, 60, NULL, NULL}, \
    {"stop", p_stop_q, p_stop_d, EFFECT_SAFE, STEP_KUBEFATE | STEP_CANCEL | STEP_LAST, 0, 120, NULL, NULL}

static const struct step EXCHANGE[] = {FIRST_STEPS, {"routes-read", p_routes_q, p_routes_d, EFFECT_READ, 0, 4, 120, NULL, NULL}, LAST_STEPS};
static const struct step CLUSTER[] = {FIRST_STEPS,
    {"ingresses", p_ingresses_q, p_ingresses_d, EFFECT_READ, STEP_ALWAYS_ON, 4, 180, NULL, NULL},
    {"routes", p_routes_q, p_routes_d, EFFECT_NONE, 0, 6, 900, NULL, NULL}, LAST_STEPS};
#define N(v) (int)(sizeof v / sizeof *v)
const struct workflow WF_EXCHANGE_CREATE = {"exchange_create", "operation", EXCHANGE, N(EXCHANGE), 5400, wf_load_party, ended, "stop"};
const struct workflow WF_CLUSTER_CREATE = {"cluster_create", "operation", CLUSTER, N(CLUSTER), 5400, wf_load_party, ended, "stop"};
