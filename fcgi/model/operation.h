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
  usec_t evidence_at, created_at, started_at, ended_at, deadline, now; long version, parent;
  usec_t until;                                  /* until when it waits at most: the end of the running step's time, or of its own; 0 when it has ended */
  const char **leftovers; size_t n_leftovers;    /* commands that show what a forced end may have left in the cluster */
  struct op_step *steps; size_t n_steps; struct op_part *parts; size_t n_parts;
};
bool operation_live(const struct operation *o);  /* queued or running */
bool operation_open(const struct operation *o);  /* live, or failed and waiting for a person */

bool operation_get(struct db *db, struct arena *a, struct uuid id, struct operation *out, struct err *e) __attribute__((warn_unused_result));      /* with steps and parts; at most 3 statements */
bool operation_latest(struct db *db, struct arena *a, struct uuid subject, struct operation *out, bool *found, struct err *e) __attribute__((warn_unused_result)); /* newest of the subject, with steps and parts */

/* Which operations a list shows; all zero: the newest. */
struct operation_filter {
  const char *opt_state;                         /* one state, or "open": queued, running, failed */
  const char *opt_kind, *opt_name, *opt_actor;   /* name: a part of the object's name; actor: the whole name; case does not count in both */
  struct uuid subject, federation;
  usec_t since;                                  /* made then or later */
  long before, after;                            /* pages by id: the newest ones before it, or the next ones after it; at most one of them */
  int limit;
};
/* Newest first, without steps and parts; one statement. *more: there are further ones in the direction of the page. */
bool operation_list(struct db *db, struct arena *a, const struct operation_filter *f, struct operation **out, size_t *n, bool *more, struct err *e) __attribute__((warn_unused_result));

/* What surrounds an operation. */
struct op_ref { struct uuid uuid; const char *kind, *subject_name, *state; };
struct op_hold_row { struct uuid object; const char *object_type, *object_name; bool exclusive, own; struct op_ref by; };
struct op_context {
  const struct op_ref *parent, *successor;       /* NULL: none; successor is what superseded it */
  struct op_ref *children; size_t n_children;
  struct op_hold_row *holds; size_t n_holds;     /* while it is open: on what it holds and on its object, by object, its own first */
  bool at_work; const char *worker; usec_t lease_until, next_look; int attempt; /* while it is live; worker "" = nobody just now */
};
bool operation_context(struct db *db, struct arena *a, const struct operation *o, struct op_context *out, struct err *e) __attribute__((warn_unused_result));

/* "<uuid>.<version>" of the object's newest operation and the object's own row version, for ETags; one statement. */
bool operation_tag(struct db *db, struct arena *a, struct uuid subject, const char **out, struct err *e) __attribute__((warn_unused_result));
#endif
