/* What the handlers of the JSON API share: reading queries and bodies, waiting for a probe, printing parts of records. Inside fcgi/api only.
 *
 * Every handler answers with the envelope {"code":0,"message":"","data":...}; member names and their order are upstream's (references 10, 20, 40).
 * A value whose switch is off is not looked at, whatever it holds (the front end sends registry=- with use_registry=false). */
#ifndef API_API_H
#define API_API_H
#include "base/clock.h"
#include "deploy/probe.h"
#include "web/req.h"
#include "web/resp.h"

/* Query parameters. Absent or empty: the fallback. Anything that is no number or none of Go's booleans: FAIL_BAD_REQUEST naming the parameter. */
const char *api_query(const struct req *q, const char *name, const char *fallback);
bool api_query_bool(const struct req *q, const char *name, bool fallback, bool *out, struct err *e) __attribute__((warn_unused_result));
bool api_query_long(const struct req *q, const char *name, long fallback, long *out, struct err *e) __attribute__((warn_unused_result));
/* FAIL_INVALID when the parameter is missing, empty, or no id. */
bool api_query_uuid(const struct req *q, const char *name, struct uuid *out, struct err *e) __attribute__((warn_unused_result));
/* The same for a member of the request body. */
bool api_body_uuid(const struct req *q, const char *name, struct uuid *out, struct err *e) __attribute__((warn_unused_result));
/* Any whole number that fits; what it may be is said by the code that uses it. */
bool api_body_long(const js *opt_obj, const char *name, long *out, struct err *e) __attribute__((warn_unused_result));
/* A display name without white space around it. */
bool api_body_name(const struct req *q, const char **out, struct err *e) __attribute__((warn_unused_result));

/* registry_config, registry_config_fate. All empty while their switches are off. */
struct api_registry { bool use; const char *registry; bool use_secret; const char *server, *username, *password; };
bool api_registry(const struct req *q, const js *opt_obj, const char *name, struct api_registry *out, struct err *e) __attribute__((warn_unused_result));

/* At most this long a caller waits for the poller; below the 10 s that clients allow, so that the sentence still arrives. */
enum { API_WAIT_MS = 9500 };
bool api_wait(struct req *q, struct uuid probe, struct probe *out, struct err *e) __attribute__((warn_unused_result));

void api_time(struct jsw *w, struct req *q, const char *key, usec_t t);
/* jsonb columns access_info and ingress_info: the database orders members by length, clients of upstream know them in its order. */
void api_access(struct jsw *w, const char *json);
void api_ingress(struct jsw *w, const char *opt_json);
#endif
