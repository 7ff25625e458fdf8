#include "web/csrf.h"
#include "base/b64.h"
#include "base/str.h"
#include "crypt/digest.h"
#include "crypt/rnd.h"
#include "web/route.h"

/* host[:port] of an absolute URL. */
static const char *authority(struct arena *a, const char *url) {
  const char *p = strstr(url, "://");
  return p ? arena_strndup(a, p + 3, strcspn(p + 3, "/?#")) : "";
}

bool csrf_origin_ok(const struct req *q, struct err *e) {
  if (q->method == METHOD_GET) return true;
  if ((q->route->flags & ROUTE_API) && q->who.id && !q->who.by_cookie) return true; /* bearer tokens are not sent by browsers on their own */
  if (*q->sec_fetch_site && !streq(q->sec_fetch_site, "same-origin") && !streq(q->sec_fetch_site, "none")) return err_set(e, FAIL_FORBIDDEN, MSG_WEB_ORIGIN);
  const char *from = *q->origin ? q->origin : q->referer;
  if (!*from || streq(from, "null")) return *q->origin ? err_set(e, FAIL_FORBIDDEN, MSG_WEB_ORIGIN) : true;
  const char *ours = *q->app->conf.public_url ? authority(q->a, q->app->conf.public_url) : q->host;
  if (!streq_nocase(authority(q->a, from), ours)) return err_set(e, FAIL_FORBIDDEN, MSG_WEB_ORIGIN);
  if ((q->route->flags & (ROUTE_JSON | ROUTE_JSON_OPTIONAL)) && q->body_len && q->who.id && !str_starts(q->content_type, "application/json"))
    return err_set(e, FAIL_BAD_REQUEST, MSG_WEB_BODY_TYPE, "application/json");
  return true;
}

const char *csrf_value(const struct req *q) {
  size_t n = strlen(nn(q->who.csrf));
  unsigned char *m = arena_alloc(q->a, 2 * n + 1);
  rnd_bytes(m, n);
  for (size_t i = 0; i < n; i++) m[n + i] = (unsigned char)(m[i] ^ (unsigned char)q->who.csrf[i]);
  return b64url_encode(q->a, m, 2 * n);
}

bool csrf_token_ok(const struct req *q, struct err *e) {
  if (q->method == METHOD_GET || (q->route->flags & (ROUTE_API | ROUTE_CSRF_EXEMPT))) return true;
  const char *v = req_field(q, "_csrf");
  unsigned char *m;
  size_t n, k = strlen(nn(q->who.csrf));
  if (!k || !b64url_decode(q->a, v, strlen(v), &m, &n) || n != 2 * k) return err_set(e, FAIL_FORBIDDEN, MSG_WEB_CSRF);
  for (size_t i = 0; i < k; i++) m[k + i] = (unsigned char)(m[k + i] ^ m[i]);
  return bytes_equal(m + k, q->who.csrf, k) ? true : err_set(e, FAIL_FORBIDDEN, MSG_WEB_CSRF);
}
