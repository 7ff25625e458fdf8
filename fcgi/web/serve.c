/* The life of a request (contract: route.h). */
#include "base/log.h"
#include "base/str.h"
#include "crypt/digest.h"
#include "db/migrate.h"
#include "model/session.h"
#include "web/csrf.h"
#include "web/errorpage.h"
#include "web/route.h"
#include "web/view.h"

static void preferences(struct req *q) {
  const char *l = req_cookie(q, "lang"), *theme = req_cookie(q, "theme");
  q->lang = LANG_EN;
  if (!lang_parse(req_query(q, "lang"), &q->lang) && l) (void)lang_parse(l, &q->lang);
  q->theme = theme && (streq(theme, "light") || streq(theme, "dark")) ? theme : "auto";
  q->tz_offset = nn(req_cookie(q, "tz"));
}

static const char *token(struct req *q, bool *by_cookie) {
  *by_cookie = false;
  if (str_starts(q->authorization, "Bearer ")) return q->authorization + 7;
  *by_cookie = true;
  const char *page = req_cookie(q, q->https ? "__Host-fedlcm" : "fedlcm"), *jwt = req_cookie(q, "jwt");
  bool api = str_starts(q->path, "/api/");
  return nn(api && jwt ? jwt : page ? page : api ? jwt : NULL);
}

static bool identify(struct req *q, struct err *e) {
  bool by_cookie;
  struct session s;
  const char *t = token(q, &by_cookie);
  if (!session_find(q->db, q->a, t, !(q->route->flags & ROUTE_POLL), &s, e)) return false;
  q->who = (struct who){s.user.id, s.user.uuid, s.user.name, (enum role)s.user.role, s.user.default_password, s.id, s.csrf, by_cookie};
  return true;
}

bool route_may(const struct req *q, enum perm p) {
  static const enum role LEAST[] = {[PERM_VIEW] = ROLE_VIEWER, [PERM_OPERATE] = ROLE_OPERATOR, [PERM_ADMIN] = ROLE_ADMIN, [PERM_LOGS] = ROLE_OPERATOR};
  return p == PERM_PUBLIC || (p != PERM_DENY && q->who.role >= LEAST[p]);
}
static bool permitted(const struct req *q, struct err *e) { return route_may(q, q->route->perm) ? true : err_set(e, FAIL_FORBIDDEN, MSG_WEB_FORBIDDEN); }

static bool read_json(struct req *q, struct err *e) {
  js *v = NULL;
  unsigned f = q->route->flags;
  if (!(f & (ROUTE_JSON | ROUTE_JSON_OPTIONAL)) || (!q->body_len && (f & ROUTE_JSON_OPTIONAL))) return true;
  if (!js_parse(q->a, q->body, q->body_len, q->body_len, &v, e)) return f & ROUTE_JSON_OPTIONAL ? (err_clear(e), true) : false;
  if (!js_obj(v, "")) return f & ROUTE_JSON_OPTIONAL ? true : err_set(e, FAIL_BAD_REQUEST, MSG_WEB_BODY_OBJECT);
  q->json = v;
  return true;
}

static bool read_body(struct req *q, struct err *e) {
  size_t max = q->route->body_max ? q->route->body_max : 1 << 20;
  if (q->body_len > max) return err_set(e, FAIL_TOO_LARGE, MSG_WEB_BODY_LARGE, NUM(max));
  if (q->method == METHOD_GET) return true;
  if ((q->route->flags & (ROUTE_API | ROUTE_MULTIPART)) == ROUTE_API) return read_json(q, e);
  if (str_starts(q->content_type, "multipart/form-data")) return q->body_len ? form_multipart(q->a, q->content_type, q->body, q->body_len, &q->form, e) : true;
  return form_urlencoded(q->a, nn(q->body), q->body_len, &q->form, e);
}

static bool handle(struct req *q, struct resp *r, struct err *e) {
  if (q->route->perm != PERM_PUBLIC && !identify(q, e)) return false;
  if (!permitted(q, e) || !csrf_origin_ok(q, e) || !read_body(q, e) || !csrf_token_ok(q, e)) return false;
  return q->route->h(q, r, e);
}

/* A program that is newer than the schema serves nothing: its statements could not work. Asked until it is right once. */
static bool schema_fits(struct req *q, struct err *e) {
  return q->app->schema_fits || (q->app->schema_fits = migrate_check(q->db, q->a, e));
}

static void not_found(struct req *q, struct resp *r, bool other) {
  struct err e = ERR_INIT;
  if (str_starts(q->path, "/api/")) { /* upstream's router answers in plain text, without the envelope */
    r->status = 404, r->type = "text/plain";
    buf_str(&r->body, "404 page not found");
    return;
  }
  struct session s;
  bool by_cookie;
  if (session_find(q->db, q->a, token(q, &by_cookie), false, &s, &e)) q->who = (struct who){s.user.id, s.user.uuid, s.user.name, (enum role)s.user.role, s.user.default_password, s.id, s.csrf, true};
  err_set(&e, FAIL_NOT_FOUND, other ? MSG_WEB_METHOD : MSG_WEB_NOT_FOUND);
  error_answer(q, r, &e);
  if (other) r->status = 405;
}

static void to_login(struct req *q, struct resp *r) {
  struct buf b;
  buf_init(&b, q->a, 4096);
  buf_str(&b, "/login");
  if (q->method == METHOD_GET && !(q->route->flags & ROUTE_POLL) && strlen(q->path) > 1) {
    buf_str(&b, "?next=");
    buf_urlq(&b, *q->query_raw ? arena_fmt(q->a, "%s?%s", q->path, q->query_raw) : q->path);
  }
  *r = (struct resp){.body = r->body};
  buf_clear(&r->body);
  if (q->route->flags & ROUTE_POLL) { r->status = 401; return; }
  resp_redirect(r, q, b.failed ? "/login" : b.p);
}

void serve(struct req *q, struct resp *r) {
  struct err e = ERR_INIT;
  bool other;
  int64_t start = clock_mono_ms();
  db_count_reset(q->db);
  db_set_read_only(q->db, q->method == METHOD_GET);
  log_scope(q->request_id);
  preferences(q);
  q->route = route_find(q, &other);
  if (!schema_fits(q, &e)) error_answer(q, r, &e);
  else if (!q->route) not_found(q, r, other);
  else if (!handle(q, r, &e)) {
    if (e.kind == FAIL_AUTH && !(q->route->flags & ROUTE_API) && q->route->perm != PERM_PUBLIC) to_login(q, r);
    else error_answer(q, r, &e);
  }
  if (r->body.failed) {
    err_set(&e, FAIL_BUG, MSG_WEB_RENDER);
    error_answer(q, r, &e);
  }
  if (r->status == 503 && !resp_has(r, "Retry-After")) resp_header(r, q, "Retry-After", "3");
  if (db_in_tx(q->db)) log_bug("transaction left open by a handler", q->path, 0);
  log_info("web", "request", "method", q->method == METHOD_GET ? "GET" : q->method == METHOD_POST ? "POST" : q->method == METHOD_PUT ? "PUT" : "DELETE", "path", q->path, "status",
           arena_fmt(q->a, "%d", r->status ? r->status : 200), "ms", arena_fmt(q->a, "%lld", (long long)(clock_mono_ms() - start)), "sql", arena_fmt(q->a, "%u", db_count(q->db)));
  log_scope(NULL);
}
