/* Participants of FATE federations: the exchange (type 1, party 0) and the clusters (type 2). */
#ifndef MODEL_PARTICIPANT_H
#define MODEL_PARTICIPANT_H
#include <stdbool.h>
#include <stddef.h>
#include "base/clock.h"
#include "base/uuid.h"
struct db; struct arena; struct err;
struct participant {
  struct uuid uuid, federation_uuid, endpoint_uuid, infra_uuid, chart_uuid, registry_secret;   /* none for external ones */
  const char *name, *description; int type; long party_id; int status; bool is_managed;
  const char *namespace_, *deployment_name, *generated_yaml, *deployment_yaml, *chart_version, *cluster_uuid, *job_uuid;
  bool is_new_namespace; const char *namespace_uid;
  bool use_registry_secret; const char *registry_server, *registry_username;
  int service_type;
  const char *cert_modes, *access_info, *ingress_info /* NULL none */, *routes_seen; usec_t routes_seen_at;
  const char *error_class, *error_args; usec_t checked_at; bool was_active; long row_version;
  usec_t created_at, updated_at;
  /* joined */
  const char *federation_name, *domain, *endpoint_name, *endpoint_kube_ns, *infra_name, *chart_name, *chart_title;
  bool portal;
  const char *op_uuid, *op_kind, *op_state; int op_percent; const char *op_cause;   /* live operation, "" none */
};
/* Exchange first, then clusters by party id; one statement whatever the length. Lists hold what lists show: names, uuids, type, party, status, namespace, version,
 * access_info, the exchange's routes_seen, error_class, created_at; by endpoint and for the page also the live operation's state and percent and the name of the
 * federation. All else is "" or 0. */
bool participant_list(struct db *db, struct arena *a, struct uuid federation, struct participant **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
/* The federation with its participants, in one statement; with ingress also their ingress_info. FAIL_NOT_FOUND when it is not there. */
struct federation;
bool participant_page(struct db *db, struct arena *a, struct uuid federation, bool ingress, struct federation *fed, struct participant **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
bool participant_list_endpoint(struct db *db, struct arena *a, struct uuid endpoint, struct participant **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
bool participant_get(struct db *db, struct arena *a, struct uuid id, struct participant *out, struct err *e) __attribute__((warn_unused_result));   /* live rows only */
bool participant_exchange(struct db *db, struct arena *a, struct uuid federation, struct participant *out, bool *found, struct err *e) __attribute__((warn_unused_result));
/* A participant and the exchange of its federation (itself, if it is one), in one statement and without generated_yaml and operation, without `text` also
 * without deployment_yaml, which is most of the row: for the engine. */
bool participant_pair(struct db *db, struct arena *a, struct uuid id, bool text, struct participant *out, struct participant *exchange, bool *found, struct err *e) __attribute__((warn_unused_result));
/* Inserts; conflicts by constraint: exchange exists, party id taken, name taken, namespace taken on that infrastructure (each its own sentence). */
bool participant_insert(struct db *db, struct arena *a, const struct participant *p, struct err *e) __attribute__((warn_unused_result));
/* FAIL_CONFLICT when taken (or 0: the exchange's), FAIL_INVALID outside 1..2147483647. */
bool participant_party_free(struct db *db, struct arena *a, struct uuid federation, long party_id, struct err *e) __attribute__((warn_unused_result));
bool participant_next_party(struct db *db, struct arena *a, struct uuid federation, long *out, struct err *e) __attribute__((warn_unused_result)); /* 9999, 10000, ... */
/* Where the status is any of `from` (bit set 1<<status); *changed false: it is not, or status and sentence are these already. */
bool participant_set_status(struct db *db, struct arena *a, struct uuid id, unsigned from, int to, const char *error_class, const char *error_args, bool *changed, struct err *e) __attribute__((warn_unused_result));
/* One column each; name is one of a const list ("cluster_uuid", "job_uuid", "deployment_yaml", "access_info", "ingress_info", "cert_modes", "routes_seen", "chart_version",
 * "is_new_namespace", "namespace_uid", "was_active"); value is text as SQL casts it. routes_seen also sets routes_seen_at. */
bool participant_set(struct db *db, struct arena *a, struct uuid id, const char *column, const char *value, struct err *e) __attribute__((warn_unused_result));
bool participant_bury(struct db *db, struct arena *a, struct uuid id, struct err *e) __attribute__((warn_unused_result));   /* deleted_at, named secrets, registry secret */
/* The wanted route table of an exchange's federation: clusters that are not being removed and have both addresses. */
struct route_row { long party_id; struct uuid participant; const char *http_host; int http_port; const char *sni_fqdn, *sni_host; int sni_port; };
bool participant_routes_wanted(struct db *db, struct arena *a, struct uuid federation, struct route_row **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
#endif
