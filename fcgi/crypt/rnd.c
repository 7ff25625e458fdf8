/* Contract: rnd.h. */
#include "crypt/rnd.h"
#include <openssl/rand.h>
#include <stdint.h>
#include <string.h>
#include "base/arena.h"
#include "base/b64.h"
#include "base/log.h"

void rnd_bytes(void *p, size_t n) { BUG_ON(RAND_bytes(p, (int)n) != 1); }

char *rnd_token(struct arena *a, size_t bytes) {
  unsigned char *p = arena_alloc(a, bytes);
  rnd_bytes(p, bytes);
  return b64url_encode(a, p, bytes);
}

char *rnd_password(struct arena *a, size_t chars) {
  static const char *const CLASS[] = {"ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnpqrstuvwxyz", "23456789"};
  static const char ALL[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
  char *s = arena_alloc(a, chars + 1);
  for (size_t i = 0; i < chars; i++) {
    unsigned char r;
    const char *set = i < 3 ? CLASS[i] : ALL;
    size_t n = strlen(set);
    do rnd_bytes(&r, 1);
    while (r >= 256 / n * n); /* no modulo bias */
    s[i] = set[r % n];
  }
  for (size_t i = chars; i > 1; i--) { /* the three fixed classes must not sit at known places */
    unsigned char r[8];
    uint64_t v;
    rnd_bytes(r, sizeof r);
    memcpy(&v, r, sizeof v);
    size_t k = v % i;
    char c = s[i - 1];
    s[i - 1] = s[k], s[k] = c;
  }
  return s;
}
