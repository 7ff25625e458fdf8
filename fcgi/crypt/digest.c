/* Contract: digest.h. */
#include "crypt/digest.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include "base/b64.h"
#include "base/log.h"

/* Fetched once: OpenSSL 3 looks an implicit algorithm up at each use. */
void sha256_raw(const void *p, size_t n, unsigned char out[32]) {
  static EVP_MD *md;
  if (!md) BUG_ON(!(md = EVP_MD_fetch(NULL, "SHA256", NULL)));
  BUG_ON(EVP_Digest(p, n, out, NULL, md, NULL) != 1);
}

char *sha256_hex(struct arena *a, const void *p, size_t n) {
  unsigned char d[32];
  sha256_raw(p, n, d);
  return hex_encode(a, d, sizeof d);
}

bool bytes_equal(const void *a, const void *b, size_t n) { return CRYPTO_memcmp(a, b, n) == 0; }
