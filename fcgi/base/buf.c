#include "base/buf.h"
#include <stdio.h>
#include <string.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

void buf_init(struct buf *b, struct arena *a, size_t max) {
  *b = (struct buf){.a = a, .max = max, .cap = max < 255 ? max : 255};
  b->p = arena_alloc(a, b->cap + 1);
}

void buf_clear(struct buf *b) { b->n = 0, b->p[0] = 0, b->failed = false; }

static bool room(struct buf *b, size_t n) {
  if (b->failed || n > b->max - b->n) return b->failed = true, false;
  if (b->n + n <= b->cap) return true;
  size_t cap = b->cap * 2;
  if (cap < b->n + n) cap = b->n + n;
  if (cap > b->max) cap = b->max;
  b->p = arena_grow(b->a, b->p, b->n + 1, cap + 1);
  b->cap = cap;
  return true;
}

void buf_add_slow(struct buf *b, const void *p, size_t n) {
  if (!n || !room(b, n)) return;
  memcpy(b->p + b->n, p, n);
  b->n += n;
  b->p[b->n] = 0;
}

void buf_str(struct buf *b, const char *s) { if (s) buf_add(b, s, strlen(s)); }
void buf_ch(struct buf *b, char c) { buf_add(b, &c, 1); }

void buf_vfmt(struct buf *b, const char *fmt, va_list ap) {
  va_list again;
  va_copy(again, ap);
  size_t left = b->failed ? 0 : b->cap - b->n;
  int n = vsnprintf(left ? b->p + b->n : NULL, left ? left + 1 : 0, fmt, ap);
  bool fits = left && n >= 0 && (size_t)n <= left;
  if (left && !fits) b->p[b->n] = 0;
  if (fits) b->n += (size_t)n;
  else if (n >= 0 && room(b, (size_t)n)) {
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
    b->n += (size_t)n;
  }
  va_end(again);
}

void buf_fmt(struct buf *b, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  buf_vfmt(b, fmt, ap);
  va_end(ap);
}

void buf_i64(struct buf *b, int64_t v) {
  char t[24];
  buf_str(b, num_text(t, v));
}

static const char *const HTML[256] = {['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;"};

void buf_html_n(struct buf *b, const char *p, size_t n) {
  size_t from = 0;
  for (size_t i = 0; i < n; i++) {
    const char *r = HTML[(unsigned char)p[i]];
    if (!r) continue;
    buf_add(b, p + from, i - from);
    buf_str(b, r);
    from = i + 1;
  }
  buf_add(b, p + from, n - from);
}

void buf_html(struct buf *b, const char *s) { if (s) buf_html_n(b, s, strlen(s)); }

static void percent(struct buf *b, const char *s, const char *also) {
  static const char HEX[] = "0123456789ABCDEF";
  for (; s && *s; s++) {
    unsigned char c = (unsigned char)*s;
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c) || strchr(also, c);
    if (plain) buf_ch(b, *s);
    else buf_add(b, (char[]){'%', HEX[c >> 4], HEX[c & 15]}, 3);
  }
}
void buf_urlq(struct buf *b, const char *s) { percent(b, s, ""); }
void buf_urlpath(struct buf *b, const char *s) { percent(b, s, "/"); }

/* Printable ASCII that JSON inside HTML may hold as it is. */
static const bool JS_PLAIN[256] = {[' '... '!'] = true, ['#'... '%'] = true, ['\''... ';'] = true, ['='] = true, ['?'... '['] = true, [']'... '~'] = true};

void buf_js_n(struct buf *b, const char *s, size_t n) {
  const unsigned char *p = (const unsigned char *)s;
  buf_ch(b, '"');
  size_t from = 0;
  for (size_t i = 0; i < n;) {
    unsigned char c = p[i];
    if (JS_PLAIN[c]) {
      i++;
      continue;
    }
    size_t k = str_utf8_seq(s + i, n - i);
    if (k > 1) {
      i += k;
      continue;
    }
    buf_add(b, s + from, i - from);
    if (!k) buf_str(b, "\xef\xbf\xbd");
    else if (c == '"' || c == '\\') buf_add(b, (char[]){'\\', (char)c}, 2);
    else if (c == '\n') buf_str(b, "\\n");
    else if (c == '\t') buf_str(b, "\\t");
    else buf_fmt(b, "\\u%04x", c);
    from = ++i;
  }
  buf_add(b, s + from, n - from);
  buf_ch(b, '"');
}

void buf_js(struct buf *b, const char *s) {
  if (s) buf_js_n(b, s, strlen(s));
  else buf_str(b, "null");
}
