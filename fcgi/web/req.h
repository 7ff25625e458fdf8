/* One HTTP request, filled once from FastCGI parameters into the request arena; libfcgi types never leave web/fcgi_io.c.
 * Handlers: `bool h(struct req *q, struct resp *r, struct err *e)`; order inside: parse and validate -> load -> check permission on the object
 * -> act in one transaction -> set view or redirect. */
#ifndef WEB_REQ_H
#define WEB_REQ_H
#include <stdbool.h>
#include <stddef.h>
#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/text.h"
#include "base/uuid.h"
#include "codec/form.h"
#include "codec/js.h"
#include "crypt/seal.h"
#include "db/db.h"

enum method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_DELETE, METHOD_OTHER };
enum role { ROLE_NONE, ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN };

/* The logged-in person; id 0 = nobody. */
struct who { long id; struct uuid uuid; const char *name; enum role role; bool default_password; long session_id; const char *csrf; bool by_cookie; };

struct app { struct db *db; struct seal_pub seal; struct conf conf; bool wait_pool, schema_fits; };

struct req {
  struct app *app;
  struct arena *a;
  struct db *db;                     /* = app->db */
  enum method method;
  const char *path;                  /* decoded DOCUMENT_URI without trailing slash (but "/" stays) */
  const char *query_raw;             /* QUERY_STRING */
  struct form query;
  const char *content_type, *body; size_t body_len;
  struct form form;                  /* POSTed fields (urlencoded or multipart) of page routes; parsed before the handler runs */
  const js *json;                    /* parsed body of API routes with BODY_JSON; an object, or NULL when the body was empty/optional */
  const char *remote_addr, *user_agent, *origin, *referer, *sec_fetch_site, *host, *accept, *if_none_match, *cookies, *authorization, *request_id;
  bool https;
  struct who who;
  enum lang lang;
  const char *theme;                 /* "auto", "light", "dark" */
  const char *seg[4]; int n_seg;     /* values of {..} in the route pattern, in order */
  const struct route *route;
  const char *tz_offset;             /* cookie "tz": minutes east of UTC, "" unknown */
};

const char *req_query(const struct req *q, const char *name);   /* NULL when absent */
const char *req_field(const struct req *q, const char *name);   /* posted field, "" when absent */
bool req_flag(const struct req *q, const char *name);           /* checkbox: "on" "1" "true" */
const char *req_cookie(const struct req *q, const char *name);  /* NULL when absent */
/* The path when it is one of our own, else "/": an open redirect would lend our name to others. */
const char *req_own_path(const char *opt_next);
/* {uuid} segment i; a malformed one is FAIL_NOT_FOUND (pages and API alike). */
bool req_uuid(const struct req *q, int i, struct uuid *out, struct err *e) __attribute__((warn_unused_result));
#endif
