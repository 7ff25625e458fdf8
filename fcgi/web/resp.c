#include "web/resp.h"
#include "base/log.h"
#include "base/str.h"
#include "model/event.h"
#include "web/req.h"

void resp_header(struct resp *r, struct req *q, const char *name, const char *value) {
  if (strpbrk(value, "\r\n") || r->n_h >= (int)(sizeof r->h / sizeof *r->h)) {
    log_error("web", "header refused", "name", name);
    return;
  }
  r->h[r->n_h++] = (struct header){name, arena_strdup(q->a, value)};
}

bool resp_has(const struct resp *r, const char *name) {
  for (int i = 0; i < r->n_h; i++)
    if (streq(r->h[i].name, name)) return true;
  return false;
}

void resp_cookie(struct resp *r, struct req *q, const char *name, const char *value, long max_age_s, bool http_only) {
  resp_header(r, q, "Set-Cookie", arena_fmt(q->a, "%s=%s; Path=/%s; SameSite=Lax%s%s", name, value, max_age_s < 0 ? "" : arena_fmt(q->a, "; Max-Age=%ld", max_age_s), http_only ? "; HttpOnly" : "", q->https ? "; Secure" : ""));
}

bool resp_redirect(struct resp *r, struct req *q, const char *location) {
  r->status = 303;
  resp_header(r, q, "Location", location);
  return true;
}

bool resp_redirect_flash(struct resp *r, struct req *q, const char *location, const char *level, struct text t) {
  struct buf b;
  buf_init(&b, q->a, 2000);
  buf_fmt(&b, "%s.", level);
  buf_urlq(&b, text_key(t.key));
  buf_ch(&b, '.');
  buf_urlq(&b, text_args_json(q->a, t));
  if (!b.failed) resp_cookie(r, q, "flash", b.p, 60, true);
  return resp_redirect(r, q, location);
}

bool resp_etag(struct resp *r, struct req *q, const char *tag) {
  char *quoted = arena_fmt(q->a, "\"%s\"", tag);
  resp_header(r, q, "ETag", quoted);
  if (!streq(q->if_none_match, quoted)) return false;
  r->status = 304;
  buf_clear(&r->body);
  return true;
}

void resp_json_begin(struct resp *r, struct req *q, struct jsw *w) {
  (void)q;
  r->type = "application/json; charset=utf-8";
  jsw_init(w, &r->body);
  jsw_obj(w), jsw_ki64(w, "code", 0), jsw_kstr(w, "message", ""), jsw_key(w, "data");
}

bool resp_json_end(struct resp *r, struct jsw *w) {
  (void)r;
  jsw_end_obj(w);
  return true;
}

bool resp_json_null(struct resp *r, struct req *q) {
  struct jsw w;
  resp_json_begin(r, q, &w);
  jsw_null(&w);
  return resp_json_end(r, &w);
}

bool resp_json_string(struct resp *r, struct req *q, const char *s) {
  struct jsw w;
  resp_json_begin(r, q, &w);
  jsw_str(&w, s);
  return resp_json_end(r, &w);
}
