/* Operations as people see them (written by deploy/engine): read side. */
#ifndef MODEL_OPERATION_H
#define MODEL_OPERATION_H
#include <stdbool.h>
#include <stddef.h>
#include "base/clock.h"
#include "base/uuid.h"
struct db; struct arena; struct err;
struct op_step { const char *key, *state; int weight; double fraction; usec_t started_at, ended_at, deadline; int attempts; const char *detail_class, *detail_args; };
struct op_part { const char *name, *status; bool ready; const char *reason, *message; usec_t since; };
struct operation {
  long id; struct uuid uuid, subject, federation_uuid; const char *kind, *subject_type, *subject_name, *actor, *state;
  int percent; bool cancel_requested; int retries;
  const char *cause, *evidence_class, *evidence_args, *error_class, *error_args, *next_action;
  usec_t evidence_at, created_at, started_at, ended_at, deadline, now; long version;
  struct op_step *steps; size_t n_steps; struct op_part *parts; size_t n_parts;
};
bool operation_get(struct db *db, struct arena *a, struct uuid id, struct operation *out, struct err *e) __attribute__((warn_unused_result));      /* with steps and parts; at most 3 statements */
bool operation_latest(struct db *db, struct arena *a, struct uuid subject, struct operation *out, bool *found, struct err *e) __attribute__((warn_unused_result)); /* newest of the subject, with steps and parts */
bool operation_list(struct db *db, struct arena *a, bool running_only, int limit, struct operation **out, size_t *n, struct err *e) __attribute__((warn_unused_result)); /* without steps */
/* "<uuid>.<version>" of the object's newest operation and the object's own row version, for ETags; one statement. */
bool operation_tag(struct db *db, struct arena *a, struct uuid subject, const char **out, struct err *e) __attribute__((warn_unused_result));
#endif
