/* Shared by the JSON handlers. */
#ifndef API_COMMON_H
#define API_COMMON_H
#include "base/str.h"
#include "web/route.h"
void api_time(struct jsw *w, struct req *q, const char *key, usec_t t);
bool api_bool(struct req *q, const char *name, bool fallback, bool *out, struct err *e);
bool api_int(struct req *q, const char *name, bool required, long fallback, long min, long max, long *out, struct err *e);
/* "" when absent. */
const char *api_text(struct req *q, const char *name);
bool api_json_uuid(struct req *q, const js *obj, const char *key, struct uuid *out, struct err *e);
#endif
