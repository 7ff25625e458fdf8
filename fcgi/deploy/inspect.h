/* What a person can ask about what runs in a cluster for a participant or an endpoint: its workloads, and the log of a container. Both are probes
 * (deploy/probe.h) whose results are kept for a day and read here. Used by pages and API alike. */
#ifndef DEPLOY_INSPECT_H
#define DEPLOY_INSPECT_H
#include "deploy/probe.h"
enum inspect_of { INSPECT_PARTY, INSPECT_ENDPOINT };
enum { INSPECT_LINES = 100, INSPECT_LINES_MAX = 500 };

/* Starts a look at the workloads. FAIL_NOT_FOUND; FAIL_CONFLICT for a participant that is not managed. */
bool inspect_start(struct db *db, struct arena *a, enum inspect_of of, struct uuid subject, const char *actor, struct uuid *out, struct err *e) __attribute__((warn_unused_result));
/* Starts the reading of a log. Container "": the one that has most to tell. lines 0: INSPECT_LINES. FAIL_INVALID for impossible names and numbers; whether the
 * pod belongs to the subject is seen in the cluster. */
struct log_form { const char *pod, *container; bool previous; long lines; };
bool inspect_log_start(struct db *db, struct arena *a, enum inspect_of of, struct uuid subject, const struct log_form *f, const char *actor, struct uuid *out, struct err *e) __attribute__((warn_unused_result));
/* The look that ended well last, of the last 15 minutes; and one named by its id, only when it is a look (or a log) of this very subject. */
bool inspect_latest(struct db *db, struct arena *a, enum inspect_of of, struct uuid subject, struct probe *out, bool *found, struct err *e) __attribute__((warn_unused_result));
bool inspect_get(struct db *db, struct arena *a, enum inspect_of of, struct uuid subject, struct uuid probe, bool log, struct probe *out, struct err *e) __attribute__((warn_unused_result));

struct inspect_container { const char *name, *image, *state, *message; bool init, ok, previous; int restarts; };
struct inspect_pod { const char *name, *phase, *state, *ready, *node, *message; bool ok; int restarts; usec_t created; struct inspect_container *c; size_t n; };
struct inspect_load { const char *kind, *name, *message; int wanted, ready; bool ok; };
struct inspect_claim { const char *name, *state, *size, *storage_class; bool ok; };
struct inspect_event { const char *reason, *object, *message; int count; usec_t last; };
struct inspect_left { const char *what, *cls, *args; };           /* what could not be listed, and the sentence why */
struct inspection {
  usec_t at; bool more;                                         /* more: not everything is in it */
  struct inspect_pod *pods; size_t n_pods; struct inspect_load *loads; size_t n_loads; struct inspect_claim *claims; size_t n_claims; struct inspect_event *events; size_t n_events; struct inspect_left *left; size_t n_left;
};
void inspect_read(struct arena *a, const struct probe *p, struct inspection *out);

struct inspect_log { usec_t at; const char *pod, *container, *text; const char **containers; size_t n; bool previous, has_previous, cut; int lines; };
void inspect_log_read(struct arena *a, const struct probe *p, struct inspect_log *out);
#endif
