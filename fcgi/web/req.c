#include "web/req.h"
#include "base/str.h"
#include "web/route.h"

const char *req_query(const struct req *q, const char *name) { return form_get(&q->query, name); }
const char *req_field(const struct req *q, const char *name) { return nn(form_get(&q->form, name)); }

bool req_flag(const struct req *q, const char *name) {
  const char *v = req_field(q, name);
  return streq(v, "on") || streq(v, "1") || streq(v, "true");
}

const char *req_cookie(const struct req *q, const char *name) {
  size_t k = strlen(name);
  for (const char *p = q->cookies; *p;) {
    p += strspn(p, " ;");
    size_t n = strcspn(p, ";");
    if (n > k && p[k] == '=' && !strncmp(p, name, k)) return arena_strndup(q->a, p + k + 1, n - k - 1);
    p += n;
  }
  return NULL;
}

const char *req_own_path(const char *next) { return next && next[0] == '/' && next[1] != '/' && next[1] != '\\' && !strpbrk(next, "\r\n\t") ? next : "/"; }

bool req_uuid(const struct req *q, int i, struct uuid *out, struct err *e) {
  if (i < q->n_seg && uuid_parse(q->seg[i], out)) return true;
  return q->route->flags & ROUTE_API ? err_set(e, FAIL_NOT_FOUND, MSG_WEB_UNKNOWN_ID, i < q->n_seg ? q->seg[i] : "") : err_set(e, FAIL_NOT_FOUND, MSG_WEB_NOT_FOUND);
}
