/* Driving one piece of work: request, transfer, digest, commit (contract of the steps: engine.h). The runner owns the loop around it. */
#ifndef DEPLOY_DRIVE_H
#define DEPLOY_DRIVE_H
#include "base/conf.h"
#include "deploy/engine.h"
#include "deploy/reach.h"
#include "net/xfer.h"
/* SQL statements by the class of the work they were for; logged once a minute. */
enum { SPENT_OPERATIONS, SPENT_PROBES, SPENT_CHECKS, SPENT_KINDS };
struct engine { const struct conf *conf; struct db *db; struct xfer *xfer; struct reach *reach; int64_t next_due; int targets /* of health checks, in all */; unsigned long spent[SPENT_KINDS]; int in_flight; struct work *all; /* in flight, linked by next */ bool stopping; struct { bool on, look; int parked; int64_t ask_ms /* the earliest question */, asked_ms /* the last ones */, renew_ms, look_ms; } watching; };
/* Takes the claimed work as far as it gets without waiting; frees it, or leaves it with a transfer under way. */
void drive(struct work *w);
/* A transfer ended. */
void drive_reply(struct work *w, const struct reply *r);
struct work *work_new(struct engine *en, long id, long token);
void work_free(struct work *w);
#endif
