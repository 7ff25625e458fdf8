/* Random bytes from OpenSSL; failure aborts. */
#ifndef CRYPT_RND_H
#define CRYPT_RND_H
#include <stddef.h>
struct arena;
void rnd_bytes(void *p, size_t n);
char *rnd_token(struct arena *a, size_t bytes);   /* base64url of so many random bytes */
char *rnd_password(struct arena *a, size_t chars);/* letters and digits without look-alikes; at least one of each class */
#endif
