/* SHA-256 (hex), constant-time compare. */
#ifndef CRYPT_DIGEST_H
#define CRYPT_DIGEST_H
#include <stdbool.h>
#include <stddef.h>
struct arena;
char *sha256_hex(struct arena *a, const void *p, size_t n);
void sha256_raw(const void *p, size_t n, unsigned char out[32]);
bool bytes_equal(const void *a, const void *b, size_t n);
#endif
