/* The chart archives of our own store. A chart with an archive is given to KubeFATE before a deployment needs it (workflow chart_upload); any other KubeFATE
 * fetches itself. */
#ifndef DEPLOY_CHART_OPS_H
#define DEPLOY_CHART_OPS_H
#include <stdbool.h>
#include <stddef.h>
#include "base/uuid.h"
struct db; struct arena; struct err;
enum { CHART_ARCHIVE_MAX = 2 << 20 };
/* Checks that it is a Helm chart of that name and version which KubeFATE can keep, and stores it in place of the former one. FAIL_INVALID, FAIL_TOO_LARGE, FAIL_CONFLICT
 * (a chart that is not deployed here) with the reason; nothing is changed then. */
bool chart_ops_store(struct db *db, struct arena *a, struct uuid chart, const void *p, size_t n, const char *actor, struct err *e) __attribute__((warn_unused_result));
/* FAIL_NOT_FOUND when there is none. What KubeFATE was given stays there. */
bool chart_ops_drop(struct db *db, struct arena *a, struct uuid chart, struct err *e) __attribute__((warn_unused_result));
/* Hands the archive to KubeFATE on an endpoint now, as the next deployment would. FAIL_NOT_FOUND without an archive, FAIL_CONFLICT while it is being handed over
 * or the endpoint is not ready. */
bool chart_ops_give(struct db *db, struct arena *a, struct uuid endpoint, struct uuid chart, const char *actor, struct err *e) __attribute__((warn_unused_result));
/* What that and a deployment insert; inside the caller's transaction. chart_title: name and version, for people. */
struct endpoint;
bool chart_ops_insert(struct db *db, struct arena *a, const struct endpoint *x, struct uuid chart, const char *chart_title, const char *actor, struct err *e) __attribute__((warn_unused_result));
#endif
