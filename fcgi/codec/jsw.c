/* The streaming JSON writer of js.h. */
#include "base/log.h"
#include "codec/js.h"

void jsw_init(struct jsw *w, struct buf *b) { *w = (struct jsw){.b = b, .first = {true}}; }

static void sep(struct jsw *w) {
  if (w->after_key) w->after_key = false;
  else if (w->first[w->depth]) w->first[w->depth] = false;
  else buf_ch(w->b, ',');
}
static void open_(struct jsw *w, char c) {
  sep(w);
  buf_ch(w->b, c);
  BUG_ON(++w->depth >= sizeof w->first);
  w->first[w->depth] = true;
}
static void close_(struct jsw *w, char c) {
  BUG_ON(!w->depth);
  w->depth--;
  buf_ch(w->b, c);
}
void jsw_obj(struct jsw *w) { open_(w, '{'); }
void jsw_end_obj(struct jsw *w) { close_(w, '}'); }
void jsw_arr(struct jsw *w) { open_(w, '['); }
void jsw_end_arr(struct jsw *w) { close_(w, ']'); }
void jsw_key(struct jsw *w, const char *key) {
  sep(w);
  buf_js(w->b, key);
  buf_ch(w->b, ':');
  w->after_key = true;
}
void jsw_str(struct jsw *w, const char *s) { sep(w); buf_js(w->b, s); }
void jsw_i64(struct jsw *w, int64_t v) { sep(w); buf_i64(w->b, v); }
void jsw_bool(struct jsw *w, bool v) { sep(w); buf_str(w->b, v ? "true" : "false"); }
void jsw_null(struct jsw *w) { sep(w); buf_str(w->b, "null"); }
void jsw_raw(struct jsw *w, const char *json) { sep(w); buf_str(w->b, json && *json ? json : "null"); }
void jsw_kstr(struct jsw *w, const char *k, const char *s) { jsw_key(w, k); jsw_str(w, s); }
void jsw_ki64(struct jsw *w, const char *k, int64_t v) { jsw_key(w, k); jsw_i64(w, v); }
void jsw_kbool(struct jsw *w, const char *k, bool v) { jsw_key(w, k); jsw_bool(w, v); }
void jsw_kraw(struct jsw *w, const char *k, const char *json) { jsw_key(w, k); jsw_raw(w, json); }
