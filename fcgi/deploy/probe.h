/* Probes: small questions that the poller answers within a second (test connection, scan, check). A page shows their progress; an API call
 * waits for them in the wait pool. kinds: "infra_test", "endpoint_scan", "endpoint_probe"; and of watch.h
 * "party_workloads", "endpoint_workloads", "pod_log". */
#ifndef DEPLOY_PROBE_H
#define DEPLOY_PROBE_H
#include <stdbool.h>
#include "base/clock.h"
#include "base/uuid.h"
#include "codec/js.h"
struct db; struct arena; struct err;
struct probe { struct uuid uuid, subject, input_secret; const char *kind, *actor, *state /* queued done failed */; const js *input, *result; const char *error_kind, *error_class, *error_args; long version; usec_t created_at; };
bool probe_start(struct db *db, struct arena *a, const char *kind, const char *actor, struct uuid opt_subject, const char *input_json, struct uuid opt_secret, struct uuid *out, struct err *e) __attribute__((warn_unused_result));
bool probe_get(struct db *db, struct arena *a, struct uuid id, struct probe *out, struct err *e) __attribute__((warn_unused_result));
/* Waits without a transaction, at most timeout_ms (LISTEN + 100 ms looks). Not finished: FAIL_TIMEOUT sentence. Finished with failure: that failure as e. */
bool probe_wait(struct db *db, struct arena *a, struct uuid id, int timeout_ms, struct probe *out, struct err *e) __attribute__((warn_unused_result));
/* The failure of a finished probe as an error with its stored sentence; never FAIL_AUTH or FAIL_FORBIDDEN, and FAIL_INVALID when a test of an infrastructure
 * found that its values cannot be used. */
bool probe_error(struct arena *a, const struct probe *p, struct err *e);   /* always returns false */
#endif
