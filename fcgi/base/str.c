#include "base/str.h"
#include "base/arena.h"

bool str_eq(struct str a, struct str b) { return a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0); }
bool streq(const char *a, const char *b) { return strcmp(nn(a), nn(b)) == 0; }
bool streq_nocase(const char *a, const char *b) { return strcasecmp(nn(a), nn(b)) == 0; }
bool str_starts(const char *s, const char *prefix) { return strncmp(s, prefix, strlen(prefix)) == 0; }
bool str_ends(const char *s, const char *suffix) {
  size_t n = strlen(s), k = strlen(suffix);
  return n >= k && memcmp(s + n - k, suffix, k) == 0;
}
static bool space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v'; }

bool str_blank(const char *s) {
  for (s = nn(s); *s; s++)
    if (!space(*s)) return false;
  return true;
}

char *str_trim(struct arena *a, const char *opt_s) {
  const char *s = nn(opt_s);
  while (space(*s)) s++;
  size_t n = strlen(s);
  while (n && space(s[n - 1])) n--;
  return arena_strndup(a, s, n);
}

char *str_lower(struct arena *a, const char *s) {
  char *d = arena_strdup(a, s);
  for (char *p = d; *p; p++)
    if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
  return d;
}

char **str_split(struct arena *a, const char *s, const char *seps, size_t *opt_n) {
  size_t n = 1;
  for (const char *p = s; *p; p++) n += strchr(seps, *p) != NULL;
  char **v = ARENA_ARRAY(a, char *, n + 1);
  for (size_t i = 0; i < n; i++) {
    size_t k = strcspn(s, seps);
    v[i] = arena_strndup(a, s, k);
    s += k + (s[k] != 0);
  }
  if (opt_n) *opt_n = n;
  return v;
}

char *str_join(struct arena *a, const char *const *parts, size_t n, const char *sep) {
  size_t len = 1, k = strlen(sep);
  for (size_t i = 0; i < n; i++) len += strlen(parts[i]) + k;
  char *s = arena_alloc(a, len), *p = s;
  for (size_t i = 0; i < n; i++) {
    if (i) p = (char *)memcpy(p, sep, k) + k;
    size_t m = strlen(parts[i]);
    p = (char *)memcpy(p, parts[i], m) + m;
  }
  return s;
}

size_t str_utf8_seq(const char *s, size_t n) {
  const unsigned char *p = (const unsigned char *)s;
  size_t k = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
  if (!k || n < k) return 0;
  for (size_t i = 1; i < k; i++)
    if ((p[i] & 0xc0) != 0x80) return 0;
  if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) return 0;
  return k;
}

bool str_utf8_ok(const char *p, size_t n) {
  for (size_t i = 0; i < n;) {
    size_t k = str_utf8_seq(p + i, n - i);
    if (!k || !p[i]) return false;
    i += k;
  }
  return true;
}

size_t str_utf8_len(const char *s) {
  size_t n = 0;
  for (; *s; s++) n += ((unsigned char)*s & 0xc0) != 0x80;
  return n;
}

char *str_excerpt(struct arena *a, const char *p, size_t n, size_t max) {
  char *d = arena_alloc(a, max + 1);
  size_t o = 0;
  for (size_t i = 0; i < n && o < max;) {
    size_t k = str_utf8_seq(p + i, n - i);
    unsigned char c = (unsigned char)p[i];
    if (!k) d[o++] = '?', i++;
    else if (k == 1) d[o++] = c < 0x20 || c == 0x7f ? ' ' : (char)c, i++;
    else if (o + k > max) break;
    else memcpy(d + o, p + i, k), o += k, i += k;
  }
  return d;
}
