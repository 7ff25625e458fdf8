/* Contract: keystock.h. */
#include "crypt/keystock.h"
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

enum { BITS = 2048, NICE = 5, AFTER_FAULT_S = 1 };
static struct { pthread_mutex_t lock; pthread_cond_t taken; EVP_PKEY *key[KEYSTOCK_MOST]; int n, most; } S = {.lock = PTHREAD_MUTEX_INITIALIZER, .taken = PTHREAD_COND_INITIALIZER};

static void *maker(void *arg) {
  (void)arg;
  setpriority(PRIO_PROCESS, (id_t)gettid(), NICE); /* Linux: of this thread alone. Refused, it works as fast as the others. */
  for (;;) {
    pthread_mutex_lock(&S.lock);
    while (S.n == S.most) pthread_cond_wait(&S.taken, &S.lock);
    pthread_mutex_unlock(&S.lock);
    EVP_PKEY *k = EVP_RSA_gen(BITS);
    if (!k) { sleep(AFTER_FAULT_S); continue; } /* nobody waits for it: who takes a key when there is none makes it */
    pthread_mutex_lock(&S.lock);
    S.key[S.n++] = k;
    pthread_mutex_unlock(&S.lock);
  }
  return NULL;
}

bool keystock_start(int n) {
  pthread_t t;
  S.most = n < 1 ? 1 : n > KEYSTOCK_MOST ? KEYSTOCK_MOST : n;
  if (pthread_create(&t, NULL, maker, NULL)) return S.most = 0, false;
  pthread_detach(t);
  return true;
}

bool keystock_ready(void) {
  pthread_mutex_lock(&S.lock);
  bool ready = !S.most || S.n;
  pthread_mutex_unlock(&S.lock);
  return ready;
}

EVP_PKEY *keystock_take(void) {
  EVP_PKEY *k = NULL;
  pthread_mutex_lock(&S.lock);
  if (S.n) k = S.key[--S.n], pthread_cond_signal(&S.taken);
  pthread_mutex_unlock(&S.lock);
  return k ? k : EVP_RSA_gen(BITS);
}
