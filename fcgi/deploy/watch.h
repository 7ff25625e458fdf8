/* Waiting works whose step says what matters in the answers (engine.h, step_see) stay with their runner: it asks the step's first calls again, ever more rarely,
 * and compares. Nothing is digested, nothing stored, until the gist differs, a look in full is due, somebody wants the work stopped, or a call fails; then the work
 * is driven as any other. The leases of all of them are renewed by one statement, which also renews the age of their evidence and finds what is not ours any
 * more. Nothing here is needed to be right: a runner that dies leaves works whose leases end. */
#ifndef DEPLOY_WATCH_H
#define DEPLOY_WATCH_H
#include <stddef.h>
#include <stdint.h>
#include "deploy/drive.h"
/* Of an answer's text, the same for all that differ only in what counts along all the time: a number alone in quotes (the resourceVersion of a list) or in
 * brackets (KubeFATE's "checkout Cluster status [12]", rewritten every second). Such an answer is not even read again. */
uint64_t watch_hash(const char *p, size_t n);
/* The engine's marks: a call leaves, its answer came (before the digest). */
void watch_called(struct work *w, const struct call *c);
void watch_answered(struct work *w, const struct reply *r);
/* Whether the work that is about to wait can be watched; its lease is kept then. */
bool watch_wants(const struct work *w);
void watch_park(struct work *w);
void watch_forget(struct work *w);
/* Asks what is due, renews leases. */
void watch_turn(struct engine *en);
/* When to call it again, on clock_mono_ms(). */
int64_t watch_due(const struct engine *en);
/* True when the answer belonged to a watch (it is dealt with). */
bool watch_reply(struct work *w, const struct reply *r);
#endif
