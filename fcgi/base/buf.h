/* Growable byte buffer in an arena, with a maximum fixed at init.
 *
 * Invariants: p is never NULL and always NUL-terminated, n is the truth. Appending beyond max sets `failed` (sticky) and
 * drops the bytes, so callers append freely and check once: `if (b.failed) ...`. Appenders are named by the escaping they do.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;
struct buf { struct arena *a; char *p; size_t n, cap, max; bool failed; };

void buf_init(struct buf *b, struct arena *a, size_t max);
void buf_clear(struct buf *b);
void buf_add_slow(struct buf *b, const void *p, size_t n);  /* only for buf_add */
static inline void buf_add(struct buf *b, const void *p, size_t n) { /* literal bytes; inline because templates are made of it */
  if (b->failed || !n || n > b->cap - b->n) { buf_add_slow(b, p, n); return; }
  memcpy(b->p + b->n, p, n);
  b->n += n, b->p[b->n] = 0;
}
void buf_str(struct buf *b, const char *opt_s);             /* literal C string */
void buf_ch(struct buf *b, char c);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vfmt(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void buf_i64(struct buf *b, int64_t v);
void buf_html(struct buf *b, const char *opt_s);            /* & < > " ' escaped: text and quoted attributes */
void buf_html_n(struct buf *b, const char *p, size_t n);
void buf_urlq(struct buf *b, const char *opt_s);            /* one URL component: all but unreserved is %XX */
void buf_urlpath(struct buf *b, const char *opt_s);         /* path: as buf_urlq but '/' stays */
void buf_js(struct buf *b, const char *opt_s);              /* JSON string with its quotes; NULL prints null */
void buf_js_n(struct buf *b, const char *p, size_t n);      /* invalid UTF-8 becomes U+FFFD; '<' '>' '&' are \u-escaped */
#endif
