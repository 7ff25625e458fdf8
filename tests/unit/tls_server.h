/* A small HTTP/1.1 server over TLS (or plain TCP) inside the test program, one thread per connection. What it does depends on the path; it counts connections and
 * requests so that tests can prove what was shared, repeated or cut. */
#ifndef UNIT_TLS_SERVER_H
#define UNIT_TLS_SERVER_H
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "crypt/x509.h"

enum { CONNS = 64 };
struct tls_server {
  int fd, port;
  SSL_CTX *tls;                       /* NULL: plain TCP */
  bool silent;                        /* takes connections and says nothing */
  pthread_t acceptor;
  pthread_t conn[CONNS];
  int conn_fd[CONNS];
  atomic_int conns, open, requests, now, most;
};
struct one { struct tls_server *s; int n; SSL *ssl; int fd; };

static int say_n(struct one *o, const char *p, size_t n) { return o->ssl ? SSL_write(o->ssl, p, (int)n) : (int)send(o->fd, p, n, MSG_NOSIGNAL); }
static int say(struct one *o, const char *s) { return say_n(o, s, strlen(s)); }
static int hear(struct one *o, char *p, int n) { return o->ssl ? SSL_read(o->ssl, p, n) : (int)recv(o->fd, p, (size_t)n, 0); }

static void answer(struct one *o, const char *status, const char *extra, const char *body, bool close_after) {
  char head[1024];
  snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: application/json\r\n%s%sContent-Length: %zu\r\n\r\n", status, extra, close_after ? "Connection: close\r\n" : "", strlen(body));
  say(o, head), say(o, body);
}

/* false: close the connection. */
static bool serve(struct one *o, const char *req, int nth) {
  char body[70000];
  if (strstr(req, " /hang ")) { /* until the client gives up, or the server is stopped */
    while (hear(o, body, sizeof body) > 0);
    return false;
  }
  if (strstr(req, " /closed ") || (strstr(req, " /stale ") && nth > 1)) return false;
  if (strstr(req, " /slow ")) usleep(80000);
  if (strstr(req, " /cut ")) { say(o, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"); return false; }
  if (strstr(req, " /garbage ")) { say(o, "\x01\x02\x03 this is no HTTP at all\r\n\r\n"); return false; }
  if (strstr(req, " /headers ")) {
    say(o, "HTTP/1.1 200 OK\r\n");
    while (say(o, "X-Filler: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n") > 0);
    return false;
  }
  if (strstr(req, " /oneheader ")) {
    say(o, "HTTP/1.1 200 OK\r\nX-Filler: ");
    while (say(o, "0123456789012345678901234567890123456789012345678901234567890123456789") > 0);
    return false;
  }
  if (strstr(req, " /endless ")) {
    say(o, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (say(o, "10\r\n0123456789abcdef\r\n") > 0);
    return false;
  }
  if (strstr(req, " /kilo ")) { memset(body, 'x', 1000), body[1000] = 0; answer(o, "200 OK", "", body, false); return true; }
  if (strstr(req, " /busy ")) { answer(o, "429 Too Many Requests", "Retry-After: 7\r\n", "{}", false); return true; }
  if (strstr(req, " /away ")) { answer(o, "302 Found", "Location: /ok\r\n", "{}", false); return true; }
  if (strstr(req, " /empty ")) { say(o, "HTTP/1.1 204 No Content\r\n\r\n"); return true; }
  if (strstr(req, " /echo ")) { answer(o, "200 OK", "", req, false); return true; }
  X509 *peer = o->ssl ? SSL_get1_peer_certificate(o->ssl) : NULL;
  char cn[256] = "";
  if (peer) X509_NAME_oneline(X509_get_subject_name(peer), cn, sizeof cn);
  X509_free(peer);
  snprintf(body, sizeof body, "{\"conn\":%d,\"nth\":%d,\"peer\":\"%s\"}", o->n, nth, cn);
  answer(o, "200 OK", "", body, false);
  return true;
}

/* One request: head until the blank line, then Content-Length bytes. */
static bool request(struct one *o, char *b, size_t max) {
  size_t n = 0, want = 0;
  b[0] = 0;
  for (;;) {
    char *end = strstr(b, "\r\n\r\n"), *len = strcasestr(b, "\r\nContent-Length:");
    if (end) {
      want = (size_t)(end - b) + 4 + (len && len < end ? strtoul(len + 17, NULL, 10) : 0);
      if (n >= want) return true;
    }
    int k = n + 1 < max ? hear(o, b + n, (int)(max - n - 1)) : 0;
    if (k <= 0) return false;
    n += (size_t)k, b[n] = 0;
    if (b[0] == 0x16) { say(o, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request to an HTTP server.\n"); return false; } /* as Go's server does */
  }
}

static void *conn_main(void *arg) {
  struct one *o = arg;
  char b[65000];
  bool up = true;
  atomic_fetch_add(&o->s->open, 1);
  if (o->s->tls) {
    o->ssl = SSL_new(o->s->tls);
    SSL_set_fd(o->ssl, o->fd);
    up = SSL_accept(o->ssl) == 1;
  }
  for (int nth = 1; up && !o->s->silent && request(o, b, sizeof b); nth++) {
    int now = atomic_fetch_add(&o->s->now, 1) + 1, most = atomic_load(&o->s->most);
    while (now > most && !atomic_compare_exchange_weak(&o->s->most, &most, now));
    atomic_fetch_add(&o->s->requests, 1);
    bool more = serve(o, b, nth);
    atomic_fetch_sub(&o->s->now, 1);
    if (!more) break;
  }
  while (o->s->silent && hear(o, b, sizeof b) > 0);
  if (o->ssl) SSL_free(o->ssl);
  ERR_clear_error();
  shutdown(o->fd, SHUT_RDWR); /* the descriptor itself is closed by server_stop: its number must not be reused before */
  atomic_fetch_sub(&o->s->open, 1);
  free(o);
  return NULL;
}

static void *accept_main(void *arg) {
  struct tls_server *s = arg;
  for (int fd; (fd = accept(s->fd, NULL, NULL)) >= 0;) {
    int n = s->conns;
    if (n == CONNS) { close(fd); continue; }
    struct one *o = calloc(1, sizeof *o);
    *o = (struct one){s, n + 1, NULL, fd};
    s->conn_fd[n] = fd;
    pthread_create(&s->conn[n], NULL, conn_main, o);
    atomic_fetch_add(&s->conns, 1);
  }
  return NULL;
}

static inline void server_start(struct tls_server *s, SSL_CTX *tls, bool silent) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof at;
  signal(SIGPIPE, SIG_IGN);
  *s = (struct tls_server){.tls = tls, .silent = silent};
  s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(s->fd, (struct sockaddr *)&at, n), 0);
  assert_int_equal(listen(s->fd, 64), 0);
  assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &n), 0);
  s->port = ntohs(at.sin_port);
  pthread_create(&s->acceptor, NULL, accept_main, s);
}

static inline void server_stop(struct tls_server *s) {
  shutdown(s->fd, SHUT_RDWR);
  pthread_join(s->acceptor, NULL);
  close(s->fd);
  for (int i = 0; i < s->conns; i++) shutdown(s->conn_fd[i], SHUT_RDWR);
  for (int i = 0; i < s->conns; i++) pthread_join(s->conn[i], NULL), close(s->conn_fd[i]);
  if (s->tls) SSL_CTX_free(s->tls);
}

/* TLS of a server with this certificate; opt_client_ca: clients must show a certificate of it. */
static inline SSL_CTX *server_tls(const char *cert_pem, const struct secret *key, const char *opt_client_ca) {
  SSL_CTX *c = SSL_CTX_new(TLS_server_method());
  BIO *b = BIO_new_mem_buf(cert_pem, -1), *kb = BIO_new_mem_buf(key->p, (int)key->n);
  X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
  EVP_PKEY *k = PEM_read_bio_PrivateKey(kb, NULL, NULL, NULL);
  assert_true(x && k && SSL_CTX_use_certificate(c, x) == 1 && SSL_CTX_use_PrivateKey(c, k) == 1);
  X509_free(x), EVP_PKEY_free(k), BIO_free(b), BIO_free(kb);
  if (opt_client_ca) {
    BIO *cb = BIO_new_mem_buf(opt_client_ca, -1);
    X509 *ca = PEM_read_bio_X509(cb, NULL, NULL, NULL);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(c), ca);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    X509_free(ca), BIO_free(cb);
  }
  return c;
}
#endif
