/* RSA 2048 keys made ahead, by a thread of low priority. Making one takes a tenth of a second or three, in which a runner would do nothing else for all the others.
 * Without keystock_start everything works, and who takes a key makes it. The keys are in this process's memory only. */
#ifndef CRYPT_KEYSTOCK_H
#define CRYPT_KEYSTOCK_H
#include <stdbool.h>
#include <openssl/types.h>
enum { KEYSTOCK_MOST = 16 };
/* Keeps up to n keys ready from now on; after the last fork of the process. False: there is no thread, and who takes a key makes it. */
bool keystock_start(int n);
/* Before the process ends: OpenSSL takes itself down then, and nobody may be at work in it. Waits for the key that is being made. */
void keystock_stop(void);
/* Whether to take one now: there is one, or nobody makes any (no thread, or its last attempt failed), and taking makes it or tells why it cannot. False: one is
 * being made. */
bool keystock_ready(void);
/* The caller's own; NULL: OpenSSL could make none (its error queue says why). */
EVP_PKEY *keystock_take(void);
#endif
