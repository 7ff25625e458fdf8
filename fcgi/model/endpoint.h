/* Endpoints: the KubeFATE service on an infrastructure, and what was applied for it. */
#ifndef MODEL_ENDPOINT_H
#define MODEL_ENDPOINT_H
#include <stdbool.h>
#include <stddef.h>
#include "base/clock.h"
#include "base/uuid.h"
struct db; struct arena; struct err;
struct endpoint {
  struct uuid uuid, infra_uuid, credential_secret;
  const char *infra_name, *namespace_, *kube_ns /* namespace_ or "kube-fate" */, *name, *description, *version, *type;
  int status;
  const char *manifest /* "" in lists */; bool adopted;
  const char *host, *address, *way, *way_class, *way_args, *error_class, *error_args;
  usec_t checked_at, created_at, updated_at;
  long row_version;
  int n_participants;
  /* live operation, "" none */
  const char *op_uuid, *op_kind, *op_state; int op_percent;
  bool check_known, check_ok;                 /* last health check */
};
bool endpoint_list(struct db *db, struct arena *a, struct endpoint **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
bool endpoint_get(struct db *db, struct arena *a, struct uuid id, struct endpoint *out, struct err *e) __attribute__((warn_unused_result));
/* An endpoint and its infrastructure in one statement, without what pages show besides (participants, operations, checks), without `text` also
 * without the manifest: for the engine. */
struct infra;
bool endpoint_place(struct db *db, struct arena *a, struct uuid id, bool text, struct endpoint *out, struct infra *infra, struct err *e) __attribute__((warn_unused_result));
bool endpoint_find(struct db *db, struct arena *a, struct uuid infra, const char *ns, struct endpoint *out, bool *found, struct err *e) __attribute__((warn_unused_result));
bool endpoint_insert(struct db *db, struct arena *a, const struct endpoint *x, struct err *e) __attribute__((warn_unused_result)); /* conflicts: name, place */
/* Where the status is any of `from` (bit set 1<<status); *changed false: it is not, or status and sentence are these already. */
bool endpoint_set_status(struct db *db, struct arena *a, struct uuid id, unsigned from, int to, const char *error_class, const char *error_args, bool *changed, struct err *e) __attribute__((warn_unused_result));
bool endpoint_set_reached(struct db *db, struct arena *a, struct uuid id, const char *version, const char *way, const char *address, struct uuid credential, struct err *e) __attribute__((warn_unused_result));
bool endpoint_set_checked(struct db *db, struct arena *a, struct uuid id, bool ok, const char *cls, const char *args, struct err *e) __attribute__((warn_unused_result));
bool endpoint_delete_row(struct db *db, struct arena *a, struct uuid id, struct err *e) __attribute__((warn_unused_result));
struct endpoint_object { int ord; const char *api_version, *kind, *ns, *name, *uid; bool created, gone; };
bool endpoint_objects(struct db *db, struct arena *a, struct uuid id, struct endpoint_object **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
bool endpoint_object_put(struct db *db, struct arena *a, struct uuid id, const struct endpoint_object *o, struct err *e) __attribute__((warn_unused_result)); /* upsert by ord */
bool endpoint_object_gone(struct db *db, struct arena *a, struct uuid id, int ord, struct err *e) __attribute__((warn_unused_result));
#endif
