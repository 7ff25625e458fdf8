/* Status, login, logout, current user, password (reference 40 sections 7, 8), health. */
#include "api/tables.h"
#include "base/num.h"
#include "base/str.h"
#include "db/migrate.h"
#include "model/session.h"

static bool status(struct req *q, struct resp *r, struct err *e) {
  struct jsw w;
  (void)e;
  r->type = "application/json; charset=utf-8";
  jsw_init(&w, &r->body);
  jsw_obj(&w), jsw_kstr(&w, "api_version", "v1"), jsw_kstr(&w, "build_time", ""), jsw_kbool(&w, "experiment_enabled", q->app->conf.experiment);
  jsw_kstr(&w, "msg", "The service is running"), jsw_kstr(&w, "source_branch", ""), jsw_kstr(&w, "source_commit", FEDLCM_VERSION), jsw_end_obj(&w);
  return true;
}

static bool login(struct req *q, struct resp *r, struct err *e) {
  const char *name, *password, *token;
  struct user u;
  struct err bad = ERR_INIT;
  if (!q->json || !jsq_str(q->json, "username", q->a, &name, &bad) || !jsq_str(q->json, "password", q->a, &password, &bad)) return err_set(e, FAIL_AUTH, MSG_LOGIN_MISSING);
  if (!user_login(q->db, q->a, name, password, q->remote_addr, &u, e)) return false;
  if (!session_create(q->db, q->a, &u, true, q->remote_addr, q->user_agent, &token, e)) return false;
  resp_cookie(r, q, "jwt", token, 86400, true);
  return resp_json_string(r, q, token);
}

static bool logout(struct req *q, struct resp *r, struct err *e) {
  struct session s;
  const char *t = str_starts(q->authorization, "Bearer ") ? q->authorization + 7 : req_cookie(q, "jwt");
  struct err none = ERR_INIT;
  if (t && session_find(q->db, q->a, t, false, &s, &none) && !session_end(q->db, q->a, s.id, e)) return false;
  resp_cookie(r, q, "jwt", "", 0, true);
  r->type = "application/json; charset=utf-8";
  buf_str(&r->body, "{\"code\":200}");
  return true;
}

static bool current(struct req *q, struct resp *r, struct err *e) {
  (void)e;
  return resp_json_string(r, q, q->who.name);
}

static bool password(struct req *q, struct resp *r, struct err *e) {
  const char *cur, *fresh;
  int64_t id;
  if (!num_i64(q->seg[0], 1, INT64_MAX, &id)) return err_set(e, FAIL_BAD_REQUEST, MSG_API_USER_ID, q->seg[0]);
  if (id != q->who.id) return err_set(e, FAIL_FORBIDDEN, MSG_WEB_FORBIDDEN);
  if (!jsq_str(q->json, "cur_password", q->a, &cur, e) || !jsq_str(q->json, "new_password", q->a, &fresh, e)) return false;
  return user_set_password(q->db, q->a, id, cur, fresh, e) && resp_json_null(r, q);
}

static bool healthz(struct req *q, struct resp *r, struct err *e) {
  (void)q, (void)e;
  r->type = "text/plain";
  buf_str(&r->body, "ok\n");
  return true;
}

static bool readyz(struct req *q, struct resp *r, struct err *e) { return migrate_check(q->db, q->a, e) && healthz(q, r, e); }

static const struct route R[] = {
    {METHOD_GET, "/api/v1/status", status, PERM_PUBLIC, ROUTE_API, 0},
    {METHOD_POST, "/api/v1/user/login", login, PERM_PUBLIC, ROUTE_API | ROUTE_JSON_OPTIONAL, 16384},
    {METHOD_POST, "/api/v1/user/logout", logout, PERM_PUBLIC, ROUTE_API, 0},
    {METHOD_GET, "/api/v1/user/current", current, PERM_VIEW, ROUTE_API, 0},
    {METHOD_PUT, "/api/v1/user/{id}/password", password, PERM_VIEW, ROUTE_API | ROUTE_JSON, 16384},
    {METHOD_GET, "/healthz", healthz, PERM_PUBLIC, ROUTE_API, 0},
    {METHOD_GET, "/readyz", readyz, PERM_PUBLIC, ROUTE_API, 0},
};
const struct route_table API_USER = {R, sizeof R / sizeof *R};
