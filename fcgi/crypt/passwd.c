/* Contract: passwd.h. */
#include "crypt/passwd.h"
#include <crypt.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/log.h"
#include "base/str.h"
#include "crypt/digest.h"
#include "crypt/rnd.h"

enum { YESCRYPT_COST = 5 };
/* A yescrypt hash of a random text nobody knows: the work for unknown users equals that for known ones. */
static const char DUMMY[] = "$y$j9T$Zq3dKp0hN5XgS1c7bV4rE.$e5WQ4oYtqk6V2jz9w1o3y0B4m8FfRkA6sUuP7nHcLdD";

/* crypt_r refuses phrases of 512 bytes and more; longer ones count by their digest, so that no input can end the process. */
static bool hash(const char *password, const char *setting, char *out, size_t n) {
  struct crypt_data *d = calloc(1, sizeof *d);
  struct arena *a = arena_new();
  BUG_ON(!d);
  if (strlen(password) >= CRYPT_MAX_PASSPHRASE_SIZE) password = sha256_hex(a, password, strlen(password));
  const char *h = crypt_r(password, setting, d);
  bool ok = h && h[0] != '*' && strlen(h) < n;
  if (ok) memcpy(out, h, strlen(h) + 1);
  OPENSSL_cleanse(d, sizeof *d);
  free(d);
  arena_free(a);
  return ok;
}

char *passwd_hash(struct arena *a, const char *password) {
  char seed[16], setting[CRYPT_GENSALT_OUTPUT_SIZE], out[CRYPT_OUTPUT_SIZE];
  rnd_bytes(seed, sizeof seed);
  BUG_ON(!crypt_gensalt_rn("$y$", YESCRYPT_COST, seed, sizeof seed, setting, sizeof setting));
  BUG_ON(!hash(password, setting, out, sizeof out));
  return arena_strdup(a, out);
}

bool passwd_verify(const char *password, const char *opt_hash) {
  char out[CRYPT_OUTPUT_SIZE];
  bool known = opt_hash && (str_starts(opt_hash, "$y$") || str_starts(opt_hash, "$2a$") || str_starts(opt_hash, "$2b$") || str_starts(opt_hash, "$2y$"));
  const char *setting = known ? opt_hash : DUMMY;
  if (!hash(password, setting, out, sizeof out)) return false;
  return known && strlen(out) == strlen(setting) && CRYPTO_memcmp(out, setting, strlen(out)) == 0;
}

bool passwd_needs_rehash(const char *h) { return !str_starts(h, "$y$j9T$"); }
