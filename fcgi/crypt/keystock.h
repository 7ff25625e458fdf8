/* RSA 2048 keys made ahead, by threads of low priority. Making one takes a tenth of a second to a half, in which a runner would do nothing else for all the others.
 * The first KEYSTOCK_LOW of them are made as fast as it goes, the rest one at a time with rests,
 * while nobody takes any: hundreds of participants that are ordered at once find most of their
 * keys made before. A process that has just started has other things to do: for its first ten
 * seconds it makes none unless somebody asks whether there is one. Without keystock_start
 * everything works, and who takes a key makes it. The keys are in this process's memory only
 * (some 2.5 kB each). */
#ifndef CRYPT_KEYSTOCK_H
#define CRYPT_KEYSTOCK_H
#include <stdbool.h>
#include <openssl/types.h>
enum { KEYSTOCK_LOW = 8, KEYSTOCK_MOST = 128 };
/* Keeps up to n keys ready from now on, and makes one that is asked for when there is none (n may
 * be 0); after the last fork of the process. False: there is no thread, and who takes a key
 * makes it. */
bool keystock_start(int n);
/* Before the process ends: OpenSSL takes itself down then, and nobody may be at work in it. Keys that are being made are given up. */
void keystock_stop(void);
/* Whether to take one now: there is one, or nobody makes any (no thread, or its last attempt failed), and taking makes it or tells why it cannot. False: one is
 * being made from now on, if it was not before. */
bool keystock_ready(void);
/* Whether who has waited for long may take one now, and make it if there is none. After each key
 * that was made so this is false for as long as making it took: a runner that makes one
 * key after the other lets the leases of everything else run out. */
bool keystock_overdue(void);
/* How many there are just now. */
int keystock_count(void);
/* The caller's own; NULL: OpenSSL could make none (its error queue says why). */
EVP_PKEY *keystock_take(void);
#endif
