/* SQL of the engine: claim, load, save, end. Only engine.c and runner.c use it. */
#ifndef DEPLOY_STORE_H
#define DEPLOY_STORE_H
#include "deploy/engine.h"
struct claim { long id, token; };
/* Frees what the holder had leased, except the work in the list (linked by next): calls of it are under way in this very process. */
bool store_recover(struct db *db, struct arena *a, const char *holder, const struct work *but, int *released, struct err *e) __attribute__((warn_unused_result));
/* Leases up to limit pieces of work that are due. *opt_due_ms: milliseconds until the next one of the others is due (0 = it is, and somebody else is at it;
 * INT_MAX = there is none). */
bool store_claim(struct db *db, struct arena *a, const char *holder, int lease_s, int limit, struct claim *out, int *n, int *opt_due_ms, struct err *e) __attribute__((warn_unused_result));
/* Fills w from the rows under its token; *lost when the lease is not ours any more. */
bool store_load(struct work *w, bool *lost, struct err *e) __attribute__((warn_unused_result));
enum keep { KEEP_LEASE, KEEP_RELEASE };
/* Gives the work back to the table as it was last committed; nothing happens when the lease is not ours any more. */
bool store_defer(struct work *w, int wait_ms, struct err *e) __attribute__((warn_unused_result));
/* Seconds that the step may take (settings can shorten them). */
int store_deadline_s(const struct work *w);
/* Writes step, memo, intent, run_at, and all that store_step and its like have noted since the load, in one statement under the token, the last one of its
 * transaction. wait_ms only with KEEP_RELEASE. *lost as above. */
bool store_save(struct work *w, enum keep keep, int lease_s, int wait_ms, bool *lost, struct err *e) __attribute__((warn_unused_result));
/* Noted for the next store_save or store_end. */
void store_step(struct work *w, const char *state, double fraction);
void store_step_begin(struct work *w, int deadline_s);
/* What was waited for has come: cause and evidence go, so that the next step is not blamed for it. */
void store_settled(struct work *w);
/* For work_evidence and work_event of operations. */
void store_evidence(struct work *w, const char *cause, struct text t, const char *next_action);
void store_event(struct work *w, int entity_type, bool error, struct text t);
void store_percent(struct work *w);
bool store_has_noted(const struct work *w);
/* The work is over, under the token, and what was noted is written. *lost as above. */
bool store_over(struct work *w, bool *lost, struct err *e) __attribute__((warn_unused_result));
/* store_over and the end of its operation or probe. */
bool store_end(struct work *w, enum work_end how, const struct err *opt_why, bool *lost, struct err *e) __attribute__((warn_unused_result));
/* Components and progress of a waiting step, under the token and with a new lease. */
bool store_glimpse(struct work *w, const struct glimpse *g, bool *lost, struct err *e) __attribute__((warn_unused_result));
/* Checks: the outcome on their row. */
bool store_check_result(struct work *w, bool ok, struct text t, struct err *e) __attribute__((warn_unused_result));
/* The evidence last stored, as an error (kind FAIL_TIMEOUT), or nothing. */
void store_last_evidence(struct work *w, struct err *out);
bool store_again(struct work *w, int wait_ms, bool *lost, struct err *e) __attribute__((warn_unused_result));   /* checks: back to step 0 later */
#endif
