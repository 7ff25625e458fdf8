/* Password hashes by crypt_r: new ones yescrypt ($y$ cost 5, 16 MiB); bcrypt $2a$/$2b$/$2y$ verified and to be rehashed. */
#ifndef CRYPT_PASSWD_H
#define CRYPT_PASSWD_H
#include <stdbool.h>
struct arena;
char *passwd_hash(struct arena *a, const char *password);
/* opt_hash NULL: does the same work on a dummy and answers false (hides whether a user exists). */
bool passwd_verify(const char *password, const char *opt_hash);
bool passwd_needs_rehash(const char *hash);
#endif
