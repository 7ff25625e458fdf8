#include "base/uuid.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct uuid uuid_new(void) {
  unsigned char b[16];
  if (getrandom(b, sizeof b, 0) != sizeof b) abort();
  b[6] = (unsigned char)((b[6] & 0x0f) | 0x40), b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
  struct uuid u;
  int o = 0;
  for (int i = 0; i < 16; i++) o += snprintf(u.s + o, sizeof u.s - (size_t)o, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b[i]);
  return u;
}

bool uuid_parse(const char *s, struct uuid *out) {
  if (!s || strlen(s) != 36) return false;
  for (int i = 0; i < 36; i++) {
    char c = s[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') return false;
    } else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) return false;
    out->s[i] = c >= 'A' && c <= 'F' ? (char)(c + 32) : c;
  }
  out->s[36] = 0;
  return true;
}

bool uuid_eq(struct uuid a, struct uuid b) { return strcmp(a.s, b.s) == 0; }
