#include "base/name.h"
#include <arpa/inet.h>
#include <string.h>
#include "base/arena.h"
#include "base/str.h"

static bool lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

static bool label(const char *s, size_t n) {
  if (n < 1 || n > 63 || !lower_alnum(s[0]) || !lower_alnum(s[n - 1])) return false;
  for (size_t i = 0; i < n; i++)
    if (!lower_alnum(s[i]) && s[i] != '-') return false;
  return true;
}

bool name_dns_label(const char *s) { return label(s, strlen(s)); }

bool name_dns(const char *s) {
  if (strlen(s) > 253) return false;
  for (;;) {
    size_t n = strcspn(s, ".");
    if (!label(s, n)) return false;
    if (!s[n]) return true;
    s += n + 1;
  }
}

bool name_domain(const char *s) {
  const char *last = strrchr(s, '.');
  return last && name_dns(s) && strspn(last + 1, "0123456789") < strlen(last + 1);
}

bool name_host(const char *s) {
  unsigned char b[16];
  if (inet_pton(AF_INET, s, b) == 1 || inet_pton(AF_INET6, s, b) == 1) return true;
  if (strspn(s, "0123456789.") == strlen(s) || strlen(s) > 253) return false; /* a mistyped IPv4 address is no name */
  char low[254];
  size_t i = 0;
  for (; s[i]; i++) low[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i];
  low[i] = 0;
  return name_dns(low);
}

bool name_display(const char *s) {
  size_t n = strlen(s);
  if (str_blank(s) || !str_utf8_ok(s, n) || str_utf8_len(s) > 64) return false;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)s[i + 1] < 0xa0)) return false; /* C0, DEL, C1 (U+0080..U+009F) */
  }
  return true;
}

char *name_deployment(struct arena *a, const char *display) {
  char *d = arena_alloc(a, strlen(display) + 1);
  size_t o = 0;
  bool gap = false;
  for (const char *p = display; *p; p++) {
    char c = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    if (!lower_alnum(c)) { gap = o > 0; continue; }
    if (gap) d[o++] = '-', gap = false;
    d[o++] = c;
  }
  d[o] = 0;
  return d;
}
