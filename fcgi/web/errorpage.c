#include "web/errorpage.h"
#include "base/log.h"
#include "base/str.h"
#include "tmpl/error.h"
#include "web/route.h"
#include "web/view.h"

static const int STATUS[] = {[FAIL_NONE] = 500, [FAIL_INVALID] = 422, [FAIL_BAD_REQUEST] = 400, [FAIL_NOT_FOUND] = 404, [FAIL_CONFLICT] = 409, [FAIL_AUTH] = 401, [FAIL_FORBIDDEN] = 403,
                             [FAIL_TOO_LARGE] = 413, [FAIL_BUSY] = 429, [FAIL_UPSTREAM] = 500, [FAIL_TIMEOUT] = 503, [FAIL_UNAVAILABLE] = 503, [FAIL_BUG] = 500};

int http_status(const struct err *e) { return STATUS[e->kind]; }

static void json(struct req *q, struct resp *r, const struct err *e) {
  struct jsw w;
  int status = r->status;
  r->type = "application/json; charset=utf-8";
  jsw_init(&w, &r->body);
  jsw_obj(&w), jsw_ki64(&w, "code", status == 401 || status == 403 ? status : 10001), jsw_kstr(&w, "message", err_message(e, q->a));
  jsw_key(&w, "data"), jsw_null(&w), jsw_end_obj(&w);
  if (status == 401 || status == 403) resp_header(r, q, "WWW-Authenticate", "JWT realm=lifecycle manager jwt");
}

/* The API keeps upstream's texts; a person gets a sentence. */
static const struct err *shown(const struct err *e, struct err *store) {
  if (e->key != MSG_WEB_FORBIDDEN) return e;
  err_set(store, e->kind, MSG_WEB_FORBIDDEN_SHOWN);
  return store;
}

static void body(struct buf *out, const struct page *p, const void *v) { tmpl_error_page(out, p, v); }

void error_answer(struct req *q, struct resp *r, const struct err *e) {
  bool api = q->route ? (q->route->flags & ROUTE_API) != 0 : str_starts(q->path, "/api/");
  if (e->kind == FAIL_BUG || e->kind == FAIL_UNAVAILABLE) log_err(LOG_LEVEL_ERROR, "web", q->path, e);
  *r = (struct resp){.body = r->body, .status = http_status(e)};
  buf_clear(&r->body);
  if (e->retry_after) resp_header(r, q, "Retry-After", arena_fmt(q->a, "%d", e->retry_after));
  if (api) {
    json(q, r, e);
    return;
  }
  struct page p;
  struct err ignored = ERR_INIT, store = ERR_INIT;
  page_init(&p, q, SEC_NONE, text_raw(q->lang, MSG_ERROR_TITLE));
  if (!page_render(&p, r, body, shown(e, &store), &ignored)) r->type = "text/plain; charset=utf-8", buf_clear(&r->body), buf_str(&r->body, err_message(e, q->a));
  r->status = http_status(e);
}
