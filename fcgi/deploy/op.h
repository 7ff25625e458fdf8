/* Operations from the asking side: insert with holds, cancel, retry, supersede. One live operation per subject; parents are held shared or
 * exclusive; a conflict is FAIL_CONFLICT naming the other operation. Call inside the transaction that makes the change. */
#ifndef DEPLOY_OP_H
#define DEPLOY_OP_H
#include <stdbool.h>
#include <stddef.h>
#include "base/uuid.h"
struct db; struct arena; struct err; struct workflow;
/* after_pushes: a live push of routes is no conflict; the workflow waits for its end before it does anything (op_pushing), and no other push comes in. */
struct op_hold { struct uuid object; bool exclusive, after_pushes; };
struct op_new {
  const char *workflow;            /* name in deploy/fsm.c, e.g. "exchange_create" */
  const char *subject_type; struct uuid subject; const char *subject_name; struct uuid federation;
  const char *actor, *input_json;
  const struct op_hold *holds; size_t n_holds;
  long parent;                     /* operation that asked for this one, 0 = a person */
  bool supersede;                  /* mark the subject's live operation superseded in the same transaction (forced removal) */
  bool supersede_failed;           /* only when that one has failed (a plain removal of what failed) */
};
bool op_insert(struct db *db, struct arena *a, const struct op_new *o, struct uuid *opt_out, struct err *e) __attribute__((warn_unused_result));
/* The lock that op_insert takes for an object, after op_lock_live of its subject: who looks for a live operation before inserting one takes both first. */
bool op_lock(struct db *db, struct arena *a, struct uuid subject, struct err *e) __attribute__((warn_unused_result));
/* The subject's record, the work of its live operations and these, locked in the order in which a runner writes them: whoever inserts, retries or supersedes an
 * operation takes them first, so that nobody waits for another in a circle. */
bool op_lock_live(struct db *db, struct arena *a, struct uuid subject, struct err *e) __attribute__((warn_unused_result));
/* The push of this exchange's routes that is under way, by the id of its operation; 0: none. */
bool op_pushing(struct db *db, struct arena *a, struct uuid exchange, int64_t *out, struct err *e)
    __attribute__((warn_unused_result));
/* The exchange goes: pushes that failed, and with `live` also one under way, are nobody's concern any more. */
bool op_supersede_pushes(struct db *db, struct arena *a, struct uuid exchange, bool live, struct err *e) __attribute__((warn_unused_result));
/* What a repair could not do came right by itself: nobody need retry it. */
bool op_supersede_repairs(struct db *db, struct arena *a, struct uuid subject, struct err *e) __attribute__((warn_unused_result));
/* The endpoint goes: what was to be given to its KubeFATE is not wanted any more. */
bool op_supersede_uploads(struct db *db, struct arena *a, struct uuid endpoint, struct err *e) __attribute__((warn_unused_result));
/* Columns of the live row; FAIL_CONFLICT when the state does not allow it. */
bool op_cancel(struct db *db, struct arena *a, struct uuid op, const char *actor, struct err *e) __attribute__((warn_unused_result));
/* Whether operations of this kind can be stopped at all. */
bool op_can_cancel(const char *kind);
/* op_retry inside the caller's transaction. */
bool op_retry_in(struct db *db, struct arena *a, struct uuid op, const char *actor, struct err *e) __attribute__((warn_unused_result));
bool op_retry(struct db *db, struct arena *a, struct uuid op, const char *actor, struct err *e) __attribute__((warn_unused_result));
/* Live operations that hold the object, as a sentence: FAIL_CONFLICT; true when free (exclusive wanted). Locks nothing. */
bool op_check_free(struct db *db, struct arena *a, struct uuid object, struct err *e) __attribute__((warn_unused_result));
#endif
