/* Contract: run.h. Certificate and key for nginx, copied to where its account can read them: given files, or a self-made certificate under a CA of this
 * state folder, so that a browser which imported the CA once keeps trusting renewed certificates. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "crypt/x509.h"
#include "main/run.h"

enum { MAX_NAMES = 32, PEM_MAX = 1 << 20, DAY = 86400, LIFE_DAYS = 397, RENEW_DAYS = 30 };

static usec_t now_us(void) { return clock_unix() * INT64_C(1000000); }

static bool install(struct run *r, const char *cert, size_t cn, const char *key, size_t kn) {
  const struct account me = {getuid(), getgid()};
  return run_put(r, arena_fmt(r->a, "%s/tls/server.crt", r->state), cert, cn, 0644, me) && run_put(r, arena_fmt(r->a, "%s/tls/server.key", r->state), key, kn, 0400, r->front);
}

static bool own_files(struct run *r) {
  const char *cert_path = getenv("FEDLCM_TLS_CERT"), *key_path = getenv("FEDLCM_TLS_KEY");
  struct err e = ERR_INIT;
  struct x509_facts f;
  char *cert, *key;
  size_t cn, kn;
  bool matches = false;
  if (!file_read(r->a, cert_path, PEM_MAX, &cert, &cn, &e) || !file_read(r->a, key_path, PEM_MAX, &key, &kn, &e)) return run_say_err(r, &e);
  if (!x509_read(r->a, cert, cn, &f, &e) || !x509_key_matches(cert, cn, key, kn, &matches, &e)) return run_say_err(r, &e);
  if (!matches) return run_say(r, MSG_RUN_TLS_MISMATCH, key_path, cert_path);
  if (f.not_after < now_us()) run_say(r, MSG_RUN_TLS_EXPIRED, cert_path, time_rfc3339(r->a, f.not_after));
  bool ok = install(r, cert, cn, key, kn);
  explicit_bzero(key, kn);
  return ok;
}

static void add_name(const char **names, size_t *n, const char *s) {
  for (size_t i = 0; i < *n; i++)
    if (streq(names[i], s)) return;
  if (*n < MAX_NAMES) names[(*n)++] = s;
}

/* What a browser may call this machine: its name and every address that it has. */
static size_t our_names(struct run *r, const char **names) {
  size_t n = 0;
  char host[256] = "", text[INET6_ADDRSTRLEN];
  struct ifaddrs *all = NULL;
  if (gethostname(host, sizeof host - 1) == 0 && *host) add_name(names, &n, arena_strdup(r->a, host));
  add_name(names, &n, "localhost"), add_name(names, &n, "127.0.0.1"), add_name(names, &n, "::1");
  if (!streq(r->listen, "0.0.0.0") && !streq(r->listen, "::")) add_name(names, &n, r->listen);
  if (getifaddrs(&all) != 0) all = NULL;
  for (struct ifaddrs *i = all; i; i = i->ifa_next) {
    if (!i->ifa_addr || (i->ifa_flags & IFF_LOOPBACK)) continue;
    const void *raw = i->ifa_addr->sa_family == AF_INET ? (const void *)&((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr
                      : i->ifa_addr->sa_family == AF_INET6 ? (const void *)&((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr : NULL;
    if (raw && inet_ntop(i->ifa_addr->sa_family, raw, text, sizeof text)) add_name(names, &n, arena_strdup(r->a, text));
  }
  freeifaddrs(all);
  return n;
}

static bool ca(struct run *r, const char **out_pem, struct secret *out_key) {
  const char *crt = arena_fmt(r->a, "%s/tls/ca.crt", r->state), *key = arena_fmt(r->a, "%s/tls/ca.key", r->state);
  const struct account me = {getuid(), getgid()};
  struct err e = ERR_INIT;
  char *pem, *text;
  size_t n;
  if (access(key, F_OK) == 0 && access(crt, F_OK) == 0) {
    if (!file_read(r->a, crt, PEM_MAX, &pem, NULL, &e) || !file_read(r->a, key, PEM_MAX, &text, &n, &e)) return run_say_err(r, &e);
    *out_key = (struct secret){(unsigned char *)strdup(text), n};
    explicit_bzero(text, n);
    return *out_pem = pem, out_key->p != NULL;
  }
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  if (!x509_make_ca(r->a, arena_fmt(r->a, "FedLCM CA of %.40s", host), "FedLCM", out_pem, out_key, &e)) return run_say_err(r, &e);
  return run_put(r, key, out_key->p, out_key->n, 0600, me) && run_put(r, crt, *out_pem, strlen(*out_pem), 0644, me);
}

/* The certificate that is there still serves: long enough, and for every name. */
static bool still_good(struct run *r, const char *const *names, size_t n) {
  struct err e = ERR_INIT;
  struct x509_facts f;
  char *pem;
  size_t len;
  if (!file_read(r->a, arena_fmt(r->a, "%s/tls/server.crt", r->state), PEM_MAX, &pem, &len, &e) || !x509_read(r->a, pem, len, &f, &e)) return false;
  if (!str_starts(nn(f.issuer_cn), "FedLCM CA of ") || f.not_after < now_us() + RENEW_DAYS * DAY * INT64_C(1000000)) return false;
  for (size_t i = 0; i < n; i++) {
    bool there = false;
    for (size_t k = 0; k < f.n_sans; k++) there |= str_ends(f.sans[k], names[i]);
    if (!there) return false;
  }
  return true;
}

static bool self_made(struct run *r) {
  const char *names[MAX_NAMES], *pem;
  size_t n = our_names(r, names);
  __attribute__((cleanup(cleanup_secret_free))) struct secret key = {0};
  struct x509_leaf leaf = {0};
  struct x509_facts f;
  struct err e = ERR_INIT;
  if (!ca(r, &pem, &key)) return false;
  bool ok = still_good(r, names, n);
  if (!ok) {
    if (!x509_issue(r->a, pem, &key, names[0], names, n, (long)LIFE_DAYS * DAY, &leaf, &e)) return run_say_err(r, &e);
    const char *chain = arena_fmt(r->a, "%s%s", leaf.cert_pem, pem);
    ok = install(r, chain, strlen(chain), (const char *)leaf.key_pkcs8.p, leaf.key_pkcs8.n);
    x509_leaf_free(&leaf);
  }
  if (ok && x509_read(r->a, pem, strlen(pem), &f, &e)) run_say(r, MSG_RUN_TLS_MADE, arena_fmt(r->a, "%s/tls/ca.crt", r->state), f.fingerprint_sha256);
  return ok;
}

bool run_tls(struct run *r) { return r->tls == TLS_NONE ? true : r->tls == TLS_FILES ? own_files(r) : self_made(r); }
