/* Contract: keystock.h. */
#include "crypt/keystock.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include "base/clock.h"

enum {
  BITS = 2048,
  NICE = 5,
  MAKERS = 2,
  QUIET_MS = 10000, /* since the start, or since somebody took a key */
  AFTER_FAULT_MS = 1000,
  REST_MS = 500, /* a limit of processor time is not for the stock alone */
  /* When a key took BUSY times its processor time: a processor that is shared between groups of
   * processes does not yield to our idle thread. */
  BUSY = 3,
  BUSY_REST_MS = 10000,
};
/* The one that keeps the first few, and the patient one that makes the rest while nothing happens. */
struct maker { int most; bool patient; pthread_t thread; };
static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  EVP_PKEY *key[KEYSTOCK_MOST];
  int n, makers;
  int64_t started_ms, quiet_ms; /* the process has started by then; from then on it is quiet */
  int64_t own_ms;               /* until then who takes a key does not make it */
  bool faulty;
  bool wanted; /* somebody asked since the start */
  bool asked;  /* somebody asked since the last key was made, and there was none */
  atomic_bool over;
  struct maker maker[MAKERS];
} S = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static int may_go_on(EVP_PKEY_CTX *c) { return (void)c, !S.over; }

/* NULL too when the stock is given up meanwhile: with what is left over, a key can take very long. */
static EVP_PKEY *make(void) {
  EVP_PKEY *k = NULL;
  EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
  if (c) EVP_PKEY_CTX_set_cb(c, may_go_on);
  if (!c || EVP_PKEY_keygen_init(c) != 1 || EVP_PKEY_CTX_set_rsa_keygen_bits(c, BITS) != 1 || EVP_PKEY_generate(c, &k) != 1) k = NULL;
  EVP_PKEY_CTX_free(c);
  return k;
}

/* With the lock held, which others have meanwhile. A change of the stock does not end it; the end
 * of the stock does, and if it may be cut short the wish for a key. */
static void rest(int ms, bool may_be_cut) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_sec += (t.tv_nsec + ms * 1000000L) / 1000000000L, t.tv_nsec = (t.tv_nsec + ms * 1000000L) % 1000000000L;
  while (!S.over && !(may_be_cut && S.wanted)) {
    if (pthread_cond_clockwait(&S.changed, &S.lock, CLOCK_MONOTONIC, &t)) break;
  }
}

/* How long a maker has to wait until it may begin. */
static int noise_ms(const struct maker *m) {
  int64_t until = m->patient ? S.quiet_ms : S.wanted ? 0 : S.started_ms;
  int64_t now = clock_mono_ms();
  return until > now ? (int)(until - now) : 0;
}

static int64_t cpu_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void *run(void *arg) {
  const struct maker *m = arg;
  /* Linux: of this thread alone. Refused, it works as fast as the others. Whoever asked for a key
   * that is not made ahead waits for it, so that one is made as fast as it goes. */
  if (m->patient) sched_setscheduler(gettid(), SCHED_IDLE, &(struct sched_param){0});
  else if (m->most) setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
  pthread_mutex_lock(&S.lock);
  for (;;) {
    int noise = noise_ms(m);
    if (S.over) break;
    bool enough = S.n >= m->most && (m->patient || S.n || !S.asked);
    if (enough) { pthread_cond_wait(&S.changed, &S.lock); continue; }
    if (noise) { rest(noise, !m->patient); continue; }
    pthread_mutex_unlock(&S.lock);
    int64_t began = clock_mono_ms(), worked = cpu_ms();
    EVP_PKEY *k = make();
    worked = cpu_ms() - worked;
    bool shared = clock_mono_ms() - began > worked * BUSY;
    pthread_mutex_lock(&S.lock);
    S.faulty = !k;
    S.asked = false;
    if (k && S.n < KEYSTOCK_MOST) S.key[S.n++] = k;
    else EVP_PKEY_free(k);
    if (!k || m->patient) rest(!k ? AFTER_FAULT_MS : shared ? BUSY_REST_MS : REST_MS, false);
  }
  pthread_mutex_unlock(&S.lock);
  return NULL;
}

bool keystock_start(int n) {
  S.over = false;
  S.faulty = S.wanted = S.asked = false;
  S.makers = 0;
  S.started_ms = S.quiet_ms = clock_mono_ms() + QUIET_MS;
  S.own_ms = 0;
  S.maker[0] = (struct maker){.most = n < KEYSTOCK_LOW ? n : KEYSTOCK_LOW};
  S.maker[1] = (struct maker){.most = n < KEYSTOCK_MOST ? n : KEYSTOCK_MOST, .patient = true};
  int wanted = n > KEYSTOCK_LOW ? MAKERS : 1;
  while (S.makers < wanted && !pthread_create(&S.maker[S.makers].thread, NULL, run, &S.maker[S.makers])) S.makers++;
  return S.makers;
}

void keystock_stop(void) {
  pthread_mutex_lock(&S.lock);
  S.over = true;
  pthread_cond_broadcast(&S.changed);
  pthread_mutex_unlock(&S.lock);
  while (S.makers) pthread_join(S.maker[--S.makers].thread, NULL);
  while (S.n) EVP_PKEY_free(S.key[--S.n]);
}

bool keystock_ready(void) {
  pthread_mutex_lock(&S.lock);
  bool ready = !S.makers || S.n || S.faulty;
  if (!ready && !S.asked) {
    S.wanted = S.asked = true;
    pthread_cond_broadcast(&S.changed);
  }
  pthread_mutex_unlock(&S.lock);
  return ready;
}

bool keystock_overdue(void) {
  pthread_mutex_lock(&S.lock);
  bool may = !S.makers || S.n || clock_mono_ms() >= S.own_ms;
  pthread_mutex_unlock(&S.lock);
  return may;
}

int keystock_count(void) {
  pthread_mutex_lock(&S.lock);
  int n = S.n;
  pthread_mutex_unlock(&S.lock);
  return n;
}

EVP_PKEY *keystock_take(void) {
  EVP_PKEY *k = NULL;
  pthread_mutex_lock(&S.lock);
  if (S.n) k = S.key[--S.n], S.quiet_ms = clock_mono_ms() + QUIET_MS, pthread_cond_broadcast(&S.changed);
  pthread_mutex_unlock(&S.lock);
  if (k) return k;
  int64_t began = clock_mono_ms();
  k = EVP_RSA_gen(BITS);
  int64_t now = clock_mono_ms();
  pthread_mutex_lock(&S.lock);
  S.own_ms = now + (now - began);
  pthread_mutex_unlock(&S.lock);
  return k;
}
