#include "web/tmpl.h"
#include "base/str.h"
#include "web/assets.h"
#include "tmpl/layout.h"

void tmpl_put_text(struct buf *b, const char *s) { buf_html(b, s); }
void tmpl_put_int(struct buf *b, long long v) { buf_i64(b, v); }
void tmpl_put_uint(struct buf *b, unsigned long long v) { buf_fmt(b, "%llu", v); }
void tmpl_put_bool(struct buf *b, bool v) { buf_str(b, v ? "true" : "false"); }
void tmpl_put_html(struct buf *b, struct html h) { buf_add(b, h.p, h.n); }
void tmpl_put_label(struct buf *b, const struct page *p, enum msg key) { buf_html(b, text_raw(p->lang, key)); }

/* Only addresses of our own or of the web: a javascript: URL from a hostile record becomes "#". */
void tmpl_put_url(struct buf *b, const char *s) {
  bool ok = s && ((s[0] == '/' && s[1] != '/') || str_starts(s, "http://") || str_starts(s, "https://"));
  buf_html(b, ok ? s : "#");
}

void tmpl_page_body(struct buf *out, const struct page *p, tmpl_body *body, const void *v) { body(out, p, v); }

const char *page_version(void) { return FEDLCM_VERSION; }

bool page_render(struct page *p, struct resp *r, tmpl_body *body, const void *v, struct err *e) {
  if (!r->type) r->type = "text/html; charset=utf-8";
  tmpl_layout(&r->body, p, body, v);
  if (p->flash_level) resp_cookie(r, p->q, "flash", "", 0, true);
  return r->body.failed ? err_set(e, FAIL_BUG, MSG_WEB_RENDER) : true;
}
