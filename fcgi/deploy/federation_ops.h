/* What a person can do with a federation as a whole; used by pages and API alike. */
#ifndef DEPLOY_FEDERATION_OPS_H
#define DEPLOY_FEDERATION_OPS_H
#include <stdbool.h>
#include "base/uuid.h"
struct db; struct arena; struct err;
/* Everything below in order (clusters, exchange, record) as one operation. No participant can be added from then on, until it has failed or was stopped.
 * force: each removal is a forced one. FAIL_CONFLICT when a removal of the federation is under way. */
bool federation_ops_remove(struct db *db, struct arena *a, struct uuid federation, bool force, const char *actor, struct uuid *out_op, struct err *e) __attribute__((warn_unused_result));
#endif
