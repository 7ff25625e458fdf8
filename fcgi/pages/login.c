/* Login, logout, account, language and theme. */
#include "base/str.h"
#include "model/session.h"
#include "pages/tables.h"
#include "pages/ui.h"
#include "tmpl/login.h"
#include "web/tmpl.h"
#include "web/view.h"

/* The API keeps upstream's texts; a person gets a sentence. */
static void say(struct err *why) {
  static const struct { enum msg upstream, shown; } SAID[] = {{MSG_LOGIN_WRONG, MSG_LOGIN_WRONG_SHOWN}, {MSG_LOGIN_MISSING, MSG_LOGIN_WRONG_SHOWN}, {MSG_PASSWORD_WRONG, MSG_PASSWORD_WRONG_SHOWN},
                                                              {MSG_PASSWORD_EMPTY, MSG_PASSWORD_EMPTY_SHOWN}, {MSG_PASSWORD_SAME, MSG_PASSWORD_SAME_SHOWN}};
  for (size_t i = 0; i < sizeof SAID / sizeof *SAID; i++)
    if (why->key == SAID[i].upstream) err_set(why, why->kind, SAID[i].shown);
}

struct login_view { const char *user, *next; const struct err *why; };
static void login_body(struct buf *out, const struct page *p, const void *v) {
  const struct login_view *l = v;
  tmpl_login_form(out, p, l->user, l->next, l->why);
}

static bool login_show(struct req *q, struct resp *r, const char *user, const char *next, const struct err *why, struct err *e) {
  struct page p;
  page_init(&p, q, SEC_NONE, text_raw(q->lang, MSG_LOGIN_TITLE));
  return page_render(&p, r, login_body, &(struct login_view){user, next, why}, e);
}

/* A session of this browser; the cookie is its only copy. */
static bool begin_session(struct req *q, struct resp *r, const struct user *u, struct err *e) {
  const char *token;
  if (!session_create(q->db, q->a, u, false, q->remote_addr, q->user_agent, &token, e)) return false;
  resp_cookie(r, q, q->https ? "__Host-fedlcm" : "fedlcm", token, 12 * 3600, true);
  return true;
}

static bool login_get(struct req *q, struct resp *r, struct err *e) { return login_show(q, r, "", req_own_path(req_query(q, "next")), NULL, e); }

static bool login_post(struct req *q, struct resp *r, struct err *e) {
  struct user u;
  struct err why = ERR_INIT;
  const char *next = req_own_path(req_field(q, "next"));
  if (!user_login(q->db, q->a, req_field(q, "username"), req_field(q, "password"), q->remote_addr, &u, &why)) {
    if (why.kind != FAIL_AUTH && why.kind != FAIL_BUSY) return err_move(e, &why);
    r->status = why.kind == FAIL_BUSY ? 429 : 401;
    if (why.retry_after) resp_header(r, q, "Retry-After", num_text((char[24]){0}, why.retry_after));
    say(&why);
    return login_show(q, r, req_field(q, "username"), next, &why, e);
  }
  return begin_session(q, r, &u, e) && resp_redirect(r, q, next);
}

static bool logout_post(struct req *q, struct resp *r, struct err *e) {
  if (!session_end(q->db, q->a, q->who.session_id, e)) return false;
  resp_cookie(r, q, q->https ? "__Host-fedlcm" : "fedlcm", "", 0, true);
  resp_cookie(r, q, "jwt", "", 0, true);
  return resp_redirect(r, q, "/login");
}

static void account_body(struct buf *out, const struct page *p, const void *v) {
  (void)v;
  tmpl_account_page(out, p);
}

static bool account_show(struct req *q, struct resp *r, const struct err *why, struct err *e) {
  struct page p;
  page_init(&p, q, SEC_NONE, text_raw(q->lang, MSG_ACCOUNT_TITLE));
  ui_refuse(&p, r, why);
  return page_render(&p, r, account_body, NULL, e);
}

static bool account_get(struct req *q, struct resp *r, struct err *e) { return account_show(q, r, NULL, e); }

static bool account_password(struct req *q, struct resp *r, struct err *e) {
  struct err why = ERR_INIT;
  bool ok = streq(req_field(q, "fresh"), req_field(q, "again")) ? user_set_password(q->db, q->a, q->who.id, req_field(q, "current"), req_field(q, "fresh"), &why)
                                                                : err_set(&why, FAIL_INVALID, MSG_PASSWORD_REPEAT);
  if (!ok) {
    say(&why);
    r->status = 422;
    return account_show(q, r, &why, e);
  }
  /* All sessions have ended; whoever just typed the new password has one that nobody else knows. */
  const struct user me = {.id = q->who.id, .uuid = q->who.uuid, .name = q->who.name, .role = (int)q->who.role};
  return begin_session(q, r, &me, e) && resp_redirect_flash(r, q, "/account", "ok", TEXT(MSG_ACCOUNT_CHANGED));
}

static bool account_theme(struct req *q, struct resp *r, struct err *e) {
  const char *t = req_field(q, "theme");
  resp_cookie(r, q, "theme", streq(t, "light") || streq(t, "dark") ? t : "auto", 365L * 86400, true);
  (void)e;
  return resp_redirect_flash(r, q, "/account", "ok", TEXT(MSG_ACCOUNT_SAVED));
}

static bool language_get(struct req *q, struct resp *r, struct err *e) {
  enum lang l = LANG_EN;
  (void)e;
  if (lang_parse(req_query(q, "lang"), &l)) resp_cookie(r, q, "lang", lang_code(l), 365L * 86400, true);
  return resp_redirect(r, q, req_own_path(req_query(q, "next")));
}

static const struct route R[] = {
    {METHOD_GET, "/login", login_get, PERM_PUBLIC, 0, 0},
    {METHOD_POST, "/login", login_post, PERM_PUBLIC, ROUTE_CSRF_EXEMPT, 16384},
    {METHOD_POST, "/logout", logout_post, PERM_VIEW, 0, 16384},
    {METHOD_GET, "/account", account_get, PERM_VIEW, 0, 0},
    {METHOD_POST, "/account/password", account_password, PERM_VIEW, 0, 16384},
    {METHOD_POST, "/account/theme", account_theme, PERM_VIEW, 0, 16384},
    {METHOD_GET, "/language", language_get, PERM_PUBLIC, 0, 0},
};
const struct route_table PAGES_LOGIN = {R, sizeof R / sizeof *R};
