/* Periodic duties of whichever runner gets the advisory lock: expired sessions, old events and ended operations in small batches. */
#ifndef DEPLOY_DUTIES_H
#define DEPLOY_DUTIES_H
#include <stdbool.h>
struct db; struct arena; struct err;
bool duties_run(struct db *db, struct arena *a, int keep_days, struct err *e) __attribute__((warn_unused_result));
/* How many there are that a health check looks at. */
bool duties_targets(struct db *db, struct arena *a, int *n, struct err *e) __attribute__((warn_unused_result));
#endif
