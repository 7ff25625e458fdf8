/* Sealed box for stored secrets (reference 40 section 12.3): ephemeral X25519, HKDF-SHA256, AES-256-GCM, AAD "kind|uuid".
 * Text form: <enc-v2:KEYID>base64url(ephemeral public key 32 || nonce 12 || ciphertext || tag 16). KEYID is the first 8 hex digits of
 * SHA-256 of the public key. Web workers hold the public half only and can seal; the poller alone opens.
 *
 * Key files: public "fedlcm-seal-public-v1 <base64url 32>\n", private "fedlcm-seal-private-v1 <base64url 32>\n" (mode 0400).
 */
#ifndef CRYPT_SEAL_H
#define CRYPT_SEAL_H
#include <stdbool.h>
#include <stddef.h>
struct arena; struct err;
struct seal_pub { unsigned char k[32]; char id[9]; };
struct seal_key { unsigned char k[32]; struct seal_pub pub; };
/* Secret bytes: own allocation, cleansed by secret_free; never in an arena, never logged. */
struct secret { unsigned char *p; size_t n; };
void secret_free(struct secret *s);
static inline void cleanup_secret_free(struct secret *s) { secret_free(s); }

void seal_keygen(struct seal_key *out);
bool seal_pub_load(const char *path, struct seal_pub *out, struct err *e) __attribute__((warn_unused_result));
bool seal_key_load(const char *path, struct seal_key *out, struct err *e) __attribute__((warn_unused_result));
bool seal_pub_save(const char *path, const struct seal_pub *k, struct err *e) __attribute__((warn_unused_result));
bool seal_key_save(const char *path, const struct seal_key *k, struct err *e) __attribute__((warn_unused_result));
char *seal(struct arena *a, const struct seal_pub *k, const char *kind, const char *uuid, const void *p, size_t n);
/* Wrong key, kind, uuid or damaged text: false (FAIL_BUG-free, FAIL_INVALID). out->p is NUL-terminated one byte beyond n. */
bool seal_open(const struct seal_key *k, const char *kind, const char *uuid, const char *sealed, struct secret *out, struct err *e) __attribute__((warn_unused_result));
#endif
