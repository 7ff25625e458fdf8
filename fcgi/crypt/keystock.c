/* Contract: keystock.h. */
#include "crypt/keystock.h"
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

enum { BITS = 2048, NICE = 5, AFTER_FAULT_S = 1 };
static struct { pthread_mutex_t lock; pthread_cond_t taken; EVP_PKEY *key[KEYSTOCK_MOST]; int n, most; bool over, faulty; pthread_t maker; } S = {.lock = PTHREAD_MUTEX_INITIALIZER, .taken = PTHREAD_COND_INITIALIZER};

static void *maker(void *arg) {
  (void)arg;
  setpriority(PRIO_PROCESS, (id_t)gettid(), NICE); /* Linux: of this thread alone. Refused, it works as fast as the others. */
  for (;;) {
    pthread_mutex_lock(&S.lock);
    while (S.n == S.most && !S.over) pthread_cond_wait(&S.taken, &S.lock);
    bool over = S.over;
    pthread_mutex_unlock(&S.lock);
    if (over) return NULL;
    EVP_PKEY *k = EVP_RSA_gen(BITS);
    pthread_mutex_lock(&S.lock);
    S.faulty = !k;
    if (k) S.key[S.n++] = k;
    pthread_mutex_unlock(&S.lock);
    if (!k) sleep(AFTER_FAULT_S);
  }
}

bool keystock_start(int n) {
  S.most = n < 1 ? 1 : n > KEYSTOCK_MOST ? KEYSTOCK_MOST : n, S.over = S.faulty = false;
  return !pthread_create(&S.maker, NULL, maker, NULL) || (S.most = 0, false);
}

void keystock_stop(void) {
  if (!S.most) return;
  pthread_mutex_lock(&S.lock);
  S.over = true, pthread_cond_signal(&S.taken);
  pthread_mutex_unlock(&S.lock);
  pthread_join(S.maker, NULL);
  while (S.n) EVP_PKEY_free(S.key[--S.n]);
  S.most = 0;
}

bool keystock_ready(void) {
  pthread_mutex_lock(&S.lock);
  bool ready = !S.most || S.n || S.faulty;
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
