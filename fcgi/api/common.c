#include "api/common.h"
#include "base/num.h"

void api_time(struct jsw *w, struct req *q, const char *key, usec_t t) { jsw_kstr(w, key, time_rfc3339(q->a, t)); }
const char *api_text(struct req *q, const char *name) { return nn(req_query(q, name)); }

bool api_bool(struct req *q, const char *name, bool fallback, bool *out, struct err *e) {
  const char *v = req_query(q, name);
  *out = fallback;
  return !v || num_bool(v, out) ? true : err_set(e, FAIL_BAD_REQUEST, MSG_VALUES_PARAMETER, name, "true or false");
}

bool api_int(struct req *q, const char *name, bool required, long fallback, long min, long max, long *out, struct err *e) {
  const char *v = req_query(q, name);
  int64_t n;
  *out = fallback;
  if ((!v || !*v) && !required) return true;
  if (!num_i64(v, min, max, &n)) return err_set(e, FAIL_BAD_REQUEST, MSG_API_NUMBER, name, NUM(min), NUM(max));
  *out = (long)n;
  return true;
}

bool api_json_uuid(struct req *q, const js *obj, const char *key, struct uuid *out, struct err *e) {
  const char *s;
  if (!jsq_str(obj, key, q->a, &s, e)) return false;
  return uuid_parse(s, out) ? true : err_set(e, FAIL_INVALID, MSG_VALUES_PARAMETER, key, "the id of an existing object");
}
