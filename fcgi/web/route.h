/* Routes are const tables, one per area, joined in main/routes.c. An unset permission denies. Trailing slashes are accepted; static segments
 * win over {uuid}. `fedlcm routes` prints the table. */
#ifndef WEB_ROUTE_H
#define WEB_ROUTE_H
#include <stdbool.h>
#include <stddef.h>
#include "web/req.h"
#include "web/resp.h"

/* PERM_LOGS: reading what programs in a cluster write; operators may. */
enum perm { PERM_DENY, PERM_PUBLIC, PERM_VIEW, PERM_OPERATE, PERM_ADMIN, PERM_LOGS };
enum route_flag {
  ROUTE_API = 1,           /* JSON envelope for errors; 401 instead of a redirect to the login page */
  ROUTE_JSON = 2,          /* body must be a JSON object */
  ROUTE_JSON_OPTIONAL = 4, /* body ignored when absent */
  ROUTE_CSRF_EXEMPT = 8,   /* page POST without session token (login); still origin-checked */
  ROUTE_MULTIPART = 16,
  ROUTE_WAIT = 32,         /* served by the wait pool's socket only (nginx location list is printed from this) */
  ROUTE_POLL = 64,         /* does not count as use of the session */
};
typedef bool handler(struct req *q, struct resp *r, struct err *e);
struct route { enum method method; const char *pattern; handler *h; enum perm perm; unsigned flags; size_t body_max; /* 0 = 1 MiB */ };
struct route_table { const struct route *r; size_t n; };

/* All tables; defined in main/routes.c. */
extern const struct route_table *const ROUTE_TABLES[];
extern const size_t N_ROUTE_TABLES;
/* Finds the route and fills q->seg. NULL: *out_other_method tells whether the path exists for another method. */
const struct route *route_find(struct req *q, bool *out_other_method);
/* Whoever asks may use routes of this permission (pages leave out what one may not). */
bool route_may(const struct req *q, enum perm p);
/* The whole life of a request: session, permission, CSRF, body parsing, handler, error page. */
void serve(struct req *q, struct resp *r);
#endif
