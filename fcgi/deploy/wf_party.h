/* Steps shared by the create and remove workflows of exchange and cluster. */
#ifndef DEPLOY_WF_PARTY_H
#define DEPLOY_WF_PARTY_H
#include "deploy/wf.h"
/* Of the step "certificates". On a machine that is short of processor time a key can take minutes:
 * the deployment is slow then, and not failed. */
enum { CERTIFICATES_S = 600 };
/* create */
step_request p_connect_q, p_namespace_q, p_pull_q, p_certs_q, p_look_q, p_submit_q, p_parts_q, p_services_q, p_ingresses_q, p_routes_q, p_active_q, p_stop_q;
step_digest p_connect_d, p_namespace_d, p_pull_d, p_certs_d, p_look_d, p_submit_d, p_parts_d, p_services_d, p_ingresses_d, p_routes_d, p_stop_d;
step_see p_parts_see;
/* remove */
step_request r_settle_q, r_routes_q, r_stop_q, r_find_q, r_delete_q, r_gone_q, r_leftover_q, r_secrets_q, r_space_q, r_done_q;
step_digest r_stop_d, r_find_d, r_delete_d, r_gone_d, r_leftover_d, r_secrets_d, r_space_d;
/* The exchange's ConfigMaps, two calls: "sni" and "routes" in memo; OUT_DONE after both with *json the observed table. */
enum outcome routes_read_q(struct work *w, struct call *c);
enum outcome routes_read_d(struct work *w, const struct reply *r, const char **json, struct err *e);
/* Helm's own records of the party's release, names and labels only; the status of the newest one ("deployed", "pending-upgrade", ...), "" for none. */
struct call helm_secrets(struct work *w);
const char *helm_status(const js *list);
/* A live push for the federation's exchange exists from now on. */
/* *opt_failed: why the last push failed (key MSG_NONE when it did not). */
bool routes_push_ensure(struct work *w, struct text *opt_failed, struct err *e);
/* A chart of our own store is in KubeFATE as it is here (OUT_DONE, also when there is none in the store), or is being given (OUT_WAIT). */
enum outcome chart_given(struct work *w, struct err *e);
/* The filled YAML (placeholders replaced); free with secret_free. */
bool party_yaml(struct work *w, const char *text, struct uuid owner, struct secret *out, struct err *e);
/* Is the party's own entry in the observed table as wanted? */
bool route_seen(struct work *w, const struct participant *p, const char *seen_json);
#endif
