#include "base/b64.h"
#include <string.h>
#include "base/arena.h"

static const char STD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static char *encode(struct arena *a, const unsigned char *p, size_t n, const char *abc, bool pad) {
  char *d = arena_alloc(a, (n + 2) / 3 * 4 + 1), *o = d;
  for (size_t i = 0; i < n; i += 3) {
    unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
    *o++ = abc[v >> 18], *o++ = abc[v >> 12 & 63];
    if (i + 1 < n) *o++ = abc[v >> 6 & 63];
    else if (pad) *o++ = '=';
    if (i + 2 < n) *o++ = abc[v & 63];
    else if (pad) *o++ = '=';
  }
  return d;
}

static bool decode(struct arena *a, const char *s, size_t n, const char *abc, bool pad, bool skip, unsigned char **out, size_t *out_n) {
  unsigned char *d = arena_alloc(a, n / 4 * 3 + 4);
  size_t o = 0, count = 0, pads = 0;
  unsigned v = 0;
  for (size_t i = 0; i < n; i++) {
    char c = s[i];
    if (skip && (c == ' ' || c == '\n' || c == '\r' || c == '\t')) continue;
    if (pad && c == '=') { pads++; count++; continue; }
    const char *at = c ? strchr(abc, c) : NULL;
    if (!at || pads) return false;
    v = v << 6 | (unsigned)(at - abc);
    if (++count % 4 == 0) d[o++] = (unsigned char)(v >> 16), d[o++] = (unsigned char)(v >> 8), d[o++] = (unsigned char)v, v = 0;
  }
  size_t rest = (count - pads) % 4;
  if (rest == 1 || pads > 2 || (pad && count % 4) || (pads && rest + pads != 4)) return false;
  if (rest == 2) { if (v & 15) return false; d[o++] = (unsigned char)(v >> 4); }
  if (rest == 3) { if (v & 3) return false; d[o++] = (unsigned char)(v >> 10), d[o++] = (unsigned char)(v >> 2); }
  d[o] = 0;
  *out = d, *out_n = o;
  return true;
}

char *b64_encode(struct arena *a, const void *p, size_t n) { return encode(a, p, n, STD, true); }
char *b64url_encode(struct arena *a, const void *p, size_t n) { return encode(a, p, n, URL, false); }
bool b64_decode(struct arena *a, const char *s, size_t n, bool skip, unsigned char **out, size_t *out_n) { return decode(a, s, n, STD, true, skip, out, out_n); }
bool b64url_decode(struct arena *a, const char *s, size_t n, unsigned char **out, size_t *out_n) { return decode(a, s, n, URL, false, false, out, out_n); }

char *hex_encode(struct arena *a, const void *p, size_t n) {
  static const char HEX[] = "0123456789abcdef";
  char *d = arena_alloc(a, n * 2 + 1);
  for (size_t i = 0; i < n; i++) d[2 * i] = HEX[((const unsigned char *)p)[i] >> 4], d[2 * i + 1] = HEX[((const unsigned char *)p)[i] & 15];
  return d;
}
