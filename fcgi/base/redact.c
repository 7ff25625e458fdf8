#include "base/redact.h"
#include <stdint.h>
#include "base/arena.h"
#include "base/b64.h"
#include "base/buf.h"
#include "base/redact_scan.h"
#include "base/str.h"

static const char MARK[] = "***";
enum { KNOWN_LEAST = 6 };

/* Terminals' colours would stand between a name and its value; NUL and other controls have no place in text. Line breaks and tabs stay. */
static char *plain(struct arena *a, const char *text, size_t n, size_t *out_n) {
  char *p = arena_alloc(a, n + 1);
  size_t o = 0;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == 0x1b && i + 1 < n && text[i + 1] == '[') {
      size_t k = i + 2;
      while (k < n && k < i + 32 && ((text[k] >= '0' && text[k] <= '?') || (text[k] >= ' ' && text[k] <= '/'))) k++;
      if (k < n && text[k] >= '@' && text[k] <= '~') { i = k; continue; }
    }
    if (c < 0x20 && c != '\n' && c != '\r' && c != '\t') continue;
    p[o++] = text[i];
  }
  p[o] = 0, *out_n = o;
  return p;
}

static void hide_all(struct scan *s, const char *what, size_t len) {
  if (len < KNOWN_LEAST) return;
  for (size_t i = 0; i + len <= s->n;) {
    const char *hit = memmem(s->p + i, s->n - i, what, len);
    if (!hit) return;
    i = (size_t)(hit - s->p);
    scan_hide(s, i, i + len);
    i += len; /* overlapping copies of one value share at least its end */
  }
}

/* As it is, and as it is written in JSON, in a URL and in a Secret's manifest. */
static void hide_known(struct scan *s, struct arena *a, const char *value) {
  size_t n = strlen(value);
  if (n < KNOWN_LEAST) return;
  hide_all(s, value, n);
  struct buf b;
  buf_init(&b, a, 6 * n + 8);
  buf_js(&b, value);
  if (!b.failed && b.n > n + 2) hide_all(s, b.p + 1, b.n - 2);
  buf_clear(&b);
  buf_urlq(&b, value);
  if (!b.failed && b.n > n) hide_all(s, b.p, b.n);
  const char *b64 = b64_encode(a, value, n);
  hide_all(s, b64, strlen(b64));
}

/* One mark for each hidden run of a line: neither length nor content of what was there can be seen. Indentation may. */
static size_t print(const struct scan *s, char *opt_out) {
  size_t o = 0;
  bool in = false, indent = true;
  for (size_t i = 0; i < s->n; i++) {
    char c = s->p[i];
    bool h = s->hide[i] && !c_eol(c) && !(indent && c_blank(c));
    indent = c_eol(c) || (indent && c_blank(c));
    size_t len = h ? (in ? 0 : sizeof MARK - 1) : 1;
    if (opt_out && len) memcpy(opt_out + o, h ? MARK : &s->p[i], len);
    o += len, in = h;
  }
  return o;
}

char *redact(struct arena *a, const char *text, size_t n, const char *const *known, size_t n_known) {
  struct scan s;
  s.p = plain(a, text, n, &s.n);
  s.hide = arena_alloc(a, s.n + 1);
  for (size_t i = 0; i < n_known; i++)
    if (known[i]) hide_known(&s, a, known[i]);
  redact_keys(&s);
  redact_tokens(&s);
  redact_urls(&s);
  redact_names(&s);
  char *out = arena_alloc(a, print(&s, NULL) + 1);
  out[print(&s, out)] = 0;
  return out;
}
