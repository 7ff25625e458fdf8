/* The transfer engine against a TLS server of our own. */
#include "t.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "base/file.h"
#include "codec/js.h"
#include "net/xfer.h"
#include "tls_server.h"

/* Two unrelated CAs; a server certificate for 127.0.0.1 and "kubernetes", an expired one, one for another name; a client certificate. */
static struct { struct arena *a; const char *ca, *other_ca; struct secret ca_key, other_key; struct x509_leaf server, expired, elsewhere, client; } P;

static void leaf(const char *cn, long life, struct x509_leaf *out, const char *const *sans, size_t n) {
  struct err e = ERR_INIT;
  if (!x509_issue(P.a, P.ca, &P.ca_key, cn, sans, n, life, out, &e)) abort();
}

static int make_certificates(void **s) {
  (void)s;
  struct err e = ERR_INIT;
  P.a = arena_new();
  if (!x509_make_ca(P.a, "test ca", "test", &P.ca, &P.ca_key, &e) || !x509_make_ca(P.a, "other ca", "test", &P.other_ca, &P.other_key, &e)) return 1;
  leaf("server", 3600, &P.server, (const char *const[]){"127.0.0.1", "localhost", "kubernetes"}, 3);
  leaf("expired", -60, &P.expired, (const char *const[]){"127.0.0.1"}, 1);
  leaf("elsewhere", 3600, &P.elsewhere, (const char *const[]){"elsewhere.example.com"}, 1);
  leaf("client-a", 3600, &P.client, (const char *const[]){"client-a"}, 1);
  return 0;
}

static int drop_certificates(void **s) {
  (void)s;
  x509_leaf_free(&P.server), x509_leaf_free(&P.expired), x509_leaf_free(&P.elsewhere), x509_leaf_free(&P.client);
  secret_free(&P.ca_key), secret_free(&P.other_key);
  arena_free(P.a);
  return 0;
}

static struct tls_server S;
static struct xfer *X;
static void begin(const struct x509_leaf *l, const char *client_ca) {
  server_start(&S, server_tls(l->cert_pem, &l->key_pkcs8, client_ca), false);
  X = xfer_new(64, 2);
}
static void end(void) { xfer_free(X), server_stop(&S); }

static struct identity *who(const char *ca) {
  struct identity *i = identity_new();
  identity_set(&i->base_url, arena_fmt(A, "https://127.0.0.1:%d", S.port));
  identity_set(&i->ca_pem, ca);
  return i;
}
static struct peer *peer(const char *ca) { return peer_new(X, who(ca)); }

static struct call get(const char *path) { return (struct call){.method = "GET", .path = path, .timeout_ms = 3000}; }

/* Runs one call to its end. */
static struct reply run(struct peer *p, struct call c) {
  struct xfer_done d = {0};
  int64_t until = clock_mono_ms() + 15000;
  xfer_start(X, p, A, &c, &d);
  while (!xfer_next(X, &d)) {
    assert_true(clock_mono_ms() < until);
    xfer_wait(X, NULL, 0, 200);
  }
  assert_int_equal(xfer_running(X), 0);
  return d.reply;
}
static int64_t number(const struct reply *r, const char *key) {
  js *v;
  OK(js_parse(A, r->body, r->n, 1 << 20, &v, &E));
  return js_int(v, key, -1);
}
static void fails(struct reply r, enum reply_fail f, enum net_cause c) {
  if (r.fail != f || r.cause != c) print_error("fail %d cause %d: %s\n", r.fail, r.cause, r.why);
  assert_int_equal(r.fail, f), assert_int_equal(r.cause, c), assert_true(*r.why);
}

static void an_answer_arrives_whole(void **s) {
  (void)s;
  begin(&P.server, NULL);
  struct peer *p = peer(P.ca);
  struct reply r = run(p, get("/ok"));
  assert_int_equal(r.fail, REPLY_OK), assert_int_equal(r.status, 200);
  assert_string_equal(r.content_type, "application/json");
  assert_int_equal(r.body[r.n], 0);
  assert_string_equal(r.peer, arena_fmt(A, "127.0.0.1:%d", S.port));
  r = run(p, get("/busy"));
  assert_int_equal(r.status, 429), assert_int_equal(r.retry_after_s, 7);
  r = run(p, get("/away"));
  assert_int_equal(r.status, 302);
  assert_int_equal(S.requests, 3); /* the redirect was not followed */
  r = run(p, get("/empty"));
  assert_int_equal(r.status, 204), assert_int_equal(r.n, 0), assert_string_equal(r.body, "");
  end();
}

static void only_the_given_ca_is_trusted(void **s) {
  (void)s;
  begin(&P.server, NULL);
  struct reply r = run(peer(P.other_ca), get("/ok"));
  fails(r, REPLY_NOT_SENT, NET_TLS_UNTRUSTED);
  assert_string_equal(r.why, "the server's certificate is not signed by the CA in the kubeconfig");
  r = run(peer(""), get("/ok"));
  fails(r, REPLY_NOT_SENT, NET_TLS_UNTRUSTED);
  assert_int_equal(S.requests, 0);
  struct identity *i = who("");
  i->insecure = true;
  assert_int_equal(run(peer_new(X, i), get("/ok")).status, 200);
  end();
}

static void put_file(const char *path, const char *text) {
  if (!file_write(path, text, strlen(text), 0644, &E)) _exit(9);
}

/* In a mount namespace of its own, the machine's folder of public CAs holds the server's CA. System trust then accepts the server; a pinned other CA must not. */
static int with_public_ca(void) {
  if (unshare(CLONE_NEWNS) != 0) return 77;
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("tmpfs", "/etc/ssl/certs", "tmpfs", 0, NULL) != 0) return 77;
  BIO *b = BIO_new_mem_buf(P.ca, -1);
  X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
  put_file(arena_fmt(A, "/etc/ssl/certs/%08lx.0", X509_NAME_hash_ex(X509_get_subject_name(x), NULL, NULL, NULL)), P.ca);
  put_file("/etc/ssl/certs/ca-certificates.crt", P.other_ca);
  begin(&P.server, NULL);
  struct reply trusted = run(peer(""), get("/ok")), pinned = run(peer(P.other_ca), get("/ok"));
  if (trusted.fail != REPLY_OK) return 1;
  return pinned.fail == REPLY_NOT_SENT && pinned.cause == NET_TLS_UNTRUSTED ? 0 : 2;
}

static void a_pinned_ca_shuts_out_the_public_ones(void **s) {
  (void)s;
  int status;
  pid_t pid = fork();
  if (!pid) _exit(with_public_ca());
  assert_int_equal(waitpid(pid, &status, 0), pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) { skip(); return; }
  assert_int_equal(status, 0);
}

static void certificates_are_checked_by_name_and_date(void **s) {
  (void)s;
  begin(&P.expired, NULL);
  fails(run(peer(P.ca), get("/ok")), REPLY_NOT_SENT, NET_TLS_EXPIRED);
  end();
  begin(&P.elsewhere, NULL);
  fails(run(peer(P.ca), get("/ok")), REPLY_NOT_SENT, NET_TLS_NAME);
  struct identity *i = who(P.ca);
  identity_set(&i->tls_server_name, "elsewhere.example.com");
  struct reply r = run(peer_new(X, i), get("/echo"));
  assert_int_equal(r.fail, REPLY_OK);
  assert_non_null(strstr(r.body, arena_fmt(A, "\r\nHost: 127.0.0.1:%d\r\n", S.port)));
  assert_null(strstr(r.body, "elsewhere"));
  end();
}

static void two_identities_never_share_a_connection(void **s) {
  (void)s;
  begin(&P.server, NULL);
  struct peer *p = peer(P.ca), *q = peer(P.ca); /* the same in every respect */
  struct reply a1 = run(p, get("/ok")), a2 = run(p, get("/ok")), b = run(q, get("/ok")), a3 = run(p, get("/ok"));
  assert_int_equal(number(&a1, "conn"), number(&a2, "conn")); /* so connections are reused at all */
  assert_int_equal(number(&a2, "nth"), 2);
  assert_int_not_equal(number(&b, "conn"), number(&a1, "conn"));
  assert_int_equal(number(&b, "nth"), 1);
  assert_int_equal(number(&a3, "conn"), number(&a1, "conn"));
  peer_drop(X, p);
  struct reply c = run(peer(P.ca), get("/ok"));
  assert_int_equal(number(&c, "nth"), 1);
  assert_int_equal(S.conns, 3);
  end();
}

static void a_request_that_may_change_things_is_never_sent_twice(void **s) {
  (void)s;
  begin(&P.server, NULL);
  struct peer *p = peer(P.ca);
  struct call c = get("/stale");
  assert_int_equal(run(p, get("/ok")).status, 200);
  int before = S.requests;
  c.method = "POST", c.body = "{}", c.body_len = 2;
  struct reply r = run(p, c); /* a connection of its own: first request there, so /stale answers */
  assert_int_equal(r.fail, REPLY_OK);
  assert_int_equal(S.requests, before + 1);
  c.path = "/closed";
  fails(run(p, c), REPLY_UNKNOWN, NET_CUT);
  assert_int_equal(S.requests, before + 2);
  c.method = "PUT", c.body = NULL, c.body_len = 0;
  fails(run(p, c), REPLY_UNKNOWN, NET_CUT);
  assert_int_equal(S.requests, before + 3);
  end();
}

static void no_more_connections_rest_than_can_be_in_use(void **s) {
  (void)s;
  begin(&P.server, NULL);
  struct peer *p = peer(P.ca);
  struct call c = get("/ok");
  c.method = "POST", c.body = "{}", c.body_len = 2;
  for (int i = 0; i < 6; i++) assert_int_equal(run(p, c).status, 200); /* each on a connection of its own */
  assert_int_equal(S.conns, 6);
  for (int i = 0; i < 500 && S.open > 2; i++) usleep(10000);
  assert_int_equal(S.open, 2);
  assert_int_equal(run(p, get("/ok")).status, 200), assert_int_equal(S.conns, 6);
  end();
}

static void a_reading_call_outlives_a_dead_connection(void **s) {
  (void)s;
  begin(&P.server, NULL);
  struct peer *p = peer(P.ca);
  assert_int_equal(run(p, get("/stale")).status, 200);
  assert_int_equal(run(p, get("/stale")).status, 200); /* the second request kills its connection; libcurl repeats it on a new one */
  assert_int_equal(S.requests, 3);
  end();
}

static void sent_and_not_sent_are_told_apart(void **s) {
  (void)s;
  begin(&P.server, NULL);
  struct peer *p = peer(P.ca);
  fails(run(p, get("/cut")), REPLY_UNKNOWN, NET_CUT);
  fails(run(p, get("/closed")), REPLY_UNKNOWN, NET_CUT);
  fails(run(p, get("/garbage")), REPLY_UNKNOWN, NET_GARBAGE);
  struct call c = get("/hang"); /* with time for the handshake: only the answer is late */
  struct reply r = run(p, c);
  fails(r, REPLY_UNKNOWN, NET_TIMEOUT);
  assert_true(r.timed_out);
  c.timeout_ms = 300;
  end();
  server_start(&S, NULL, true); /* takes connections, never speaks */
  X = xfer_new(4, 2);
  r = run(peer(P.ca), c);
  fails(r, REPLY_NOT_SENT, NET_CONNECT_TIMEOUT);
  assert_true(r.timed_out && strstr(r.why, "did not finish the TLS handshake"));
  end();
  server_start(&S, NULL, false); /* plain HTTP where TLS is expected */
  X = xfer_new(4, 2);
  fails(run(peer(P.ca), get("/ok")), REPLY_NOT_SENT, NET_TLS_PLAIN);
  end();
  begin(&P.server, NULL);
  p = peer(P.ca);
  server_stop(&S);
  r = run(p, get("/ok"));
  fails(r, REPLY_NOT_SENT, NET_REFUSED);
  assert_string_equal(r.why, arena_fmt(A, "connection refused by 127.0.0.1:%d", S.port));
  xfer_free(X);
}

static void large_answers_are_cut_off(void **s) {
  (void)s;
  begin(&P.server, NULL);
  struct peer *p = peer(P.ca);
  struct call c = get("/kilo");
  c.max_reply = 1000;
  struct reply r = run(p, c);
  assert_int_equal(r.fail, REPLY_OK), assert_int_equal(r.n, 1000);
  c.max_reply = 999;
  fails(run(p, c), REPLY_TOO_LARGE, NET_TOO_LARGE);
  c.path = "/endless", c.max_reply = 100000;
  fails(run(p, c), REPLY_TOO_LARGE, NET_TOO_LARGE);
  fails(run(p, get("/headers")), REPLY_TOO_LARGE, NET_TOO_LARGE);
  fails(run(p, get("/oneheader")), REPLY_TOO_LARGE, NET_TOO_LARGE);
  end();
}

static void client_certificates_are_shown_and_refused(void **s) {
  (void)s;
  begin(&P.server, P.ca);
  struct reply r = run(peer(P.ca), get("/ok"));
  assert_int_equal(r.cause, NET_TLS_CLIENT);
  struct identity *i = who(P.ca);
  identity_set(&i->cert_pem, P.client.cert_pem);
  secret_set(&i->key_pem, P.client.key_pkcs8.p, P.client.key_pkcs8.n);
  r = run(peer_new(X, i), get("/ok"));
  assert_int_equal(r.fail, REPLY_OK);
  assert_non_null(strstr(r.body, "client-a"));
  i = who(P.ca);
  identity_set(&i->cert_pem, P.client.cert_pem);
  secret_set(&i->key_pem, P.server.key_pkcs8.p, P.server.key_pkcs8.n); /* another certificate's key */
  fails(run(peer_new(X, i), get("/ok")), REPLY_NOT_SENT, NET_TLS_CLIENT);
  end();
}

static void headers_and_bodies_are_as_told(void **s) {
  (void)s;
  begin(&P.server, NULL);
  struct identity *i = who(P.ca);
  secret_set(&i->token, "tok-en", 6);
  struct call c = {.method = "PATCH", .path = "/echo", .content_type = "application/apply-patch+yaml", .cookie = "jwt=abc\r\nX-Evil: 1", .body = "a: 1\n", .body_len = 5, .timeout_ms = 3000, .secret_body = true};
  struct peer *p = peer_new(X, i);
  struct reply r = run(p, c);
  assert_true(str_starts(r.body, "PATCH /echo HTTP/1.1\r\n"));
  assert_non_null(strstr(r.body, "\r\nAuthorization: Bearer tok-en\r\n"));
  assert_non_null(strstr(r.body, "\r\nCookie: jwt=abc\r\n"));
  assert_null(strstr(r.body, "X-Evil"));
  assert_null(strstr(r.body, "Expect"));
  assert_non_null(strstr(r.body, "\r\nContent-Type: application/apply-patch+yaml\r\n"));
  assert_non_null(strstr(r.body, "\r\nAccept: application/json\r\n"));
  assert_true(str_ends(r.body, "\r\n\r\na: 1\n"));
  r = run(p, (struct call){.method = "DELETE", .path = "/echo", .content_type = "application/json", .body = "{}", .body_len = 2, .timeout_ms = 3000});
  assert_true(str_starts(r.body, "DELETE /echo ") && str_ends(r.body, "\r\n\r\n{}"));
  r = run(p, (struct call){.method = "PUT", .path = "/echo", .timeout_ms = 3000});
  assert_true(str_starts(r.body, "PUT /echo ") && strstr(r.body, "Content-Length: 0\r\n"));
  assert_null(strstr(r.body, "urlencoded"));
  end();
}

static void proxies_come_from_the_identity_only(void **s) {
  (void)s;
  begin(&P.server, NULL);
  setenv("https_proxy", "http://127.0.0.1:1", 1), setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
  assert_int_equal(run(peer(P.ca), get("/ok")).fail, REPLY_OK);
  unsetenv("https_proxy"), unsetenv("ALL_PROXY");
  struct identity *i = who(P.ca);
  identity_set(&i->proxy_url, "socks5://127.0.0.1:1");
  struct reply r = run(peer_new(X, i), get("/ok"));
  fails(r, REPLY_NOT_SENT, NET_REFUSED);
  assert_string_equal(r.peer, "127.0.0.1:1");
  struct tls_server real = S;
  server_start(&S, NULL, false); /* a "proxy" that answers CONNECT like any request, then has no tunnel */
  identity_set(&(i = identity_new())->base_url, arena_fmt(A, "https://127.0.0.1:%d", real.port));
  identity_set(&i->ca_pem, P.ca), identity_set(&i->proxy_url, arena_fmt(A, "http://127.0.0.1:%d", S.port));
  r = run(peer_new(X, i), get("/ok"));
  assert_int_equal(r.fail, REPLY_NOT_SENT);
  assert_int_equal(S.requests, 1), assert_int_equal(real.requests, 1);
  server_stop(&S);
  S = real;
  end();
}

static void some_addresses_are_never_called(void **s) {
  (void)s;
  begin(&P.server, NULL);
  struct identity *i = who(P.ca);
  identity_set(&i->base_url, "https://169.254.169.254");
  fails(run(peer_new(X, i), get("/latest/meta-data/")), REPLY_NOT_SENT, NET_FORBIDDEN);
  identity_set(&(i = who(P.ca))->base_url, "https://[::ffff:169.254.169.254]");
  fails(run(peer_new(X, i), get("/")), REPLY_NOT_SENT, NET_FORBIDDEN);
  identity_set(&(i = who(P.ca))->base_url, arena_fmt(A, "http://127.0.0.1:%d", S.port));
  fails(run(peer_new(X, i), get("/ok")), REPLY_NOT_SENT, NET_OTHER);
  identity_set(&(i = who(P.ca))->base_url, "https://no-such-host.invalid");
  struct reply r = run(peer_new(X, i), get("/ok"));
  fails(r, REPLY_NOT_SENT, NET_DNS);
  assert_string_equal(r.why, "name not found: no-such-host.invalid");
  assert_int_equal(S.requests, 0);
  end();
}

static void transfers_of_one_identity_queue(void **s) {
  (void)s;
  begin(&P.server, NULL);
  struct peer *p = peer(P.ca);
  struct xfer_done d;
  int done = 0;
  struct call c = get("/slow");
  for (intptr_t i = 0; i < 7; i++) xfer_start(X, p, A, &c, (void *)i);
  assert_int_equal(xfer_running(X), 7);
  xfer_cancel(X, (void *)1), xfer_cancel(X, (void *)6); /* one that runs, one that waits */
  peer_drop(X, p);                                      /* lives on until the last one is through */
  while (xfer_running(X)) {
    xfer_wait(X, NULL, 0, 200);
    while (xfer_next(X, &d)) assert_int_equal(d.reply.status, 200), assert_true(d.user != (void *)1 && d.user != (void *)6), done++;
  }
  assert_int_equal(done, 5);
  assert_true(S.most <= 3); /* two, and the cancelled one that the server still holds */
  end();
}

static void what_comes_too_late_is_not_sent(void **s) {
  (void)s;
  begin(&P.server, NULL);
  struct peer *p = peer(P.ca);
  struct call c = get("/ok");
  c.send_by_ms = clock_mono_ms() + 5000;
  assert_int_equal(run(p, c).status, 200);
  c.send_by_ms = clock_mono_ms() - 1; /* on the connection that stands, and on a new one */
  fails(run(p, c), REPLY_NOT_SENT, NET_OTHER);
  peer_drop(X, p);
  fails(run(peer(P.ca), c), REPLY_NOT_SENT, NET_OTHER);
  assert_int_equal(S.requests, 1);
  end();
}

static void waiting_ends_when_a_descriptor_speaks(void **s) {
  (void)s;
  int fd[2];
  begin(&P.server, NULL);
  struct peer *p = peer(P.ca);
  struct call c = get("/hang");
  struct xfer_done d;
  assert_int_equal(pipe(fd), 0);
  xfer_start(X, p, A, &c, &d);
  for (int i = 0; i < 20; i++) xfer_wait(X, fd, 1, 10);
  assert_int_equal(write(fd[1], "x", 1), 1);
  int64_t t = clock_mono_ms();
  xfer_wait(X, fd, 1, 5000);
  assert_true(clock_mono_ms() - t < 4000); /* of the 5 s that it may wait */
  assert_false(xfer_next(X, &d));
  close(fd[0]), close(fd[1]);
  end(); /* frees what still runs */
}

static void every_cause_has_a_sentence_in_both_languages(void **s) {
  (void)s;
  for (enum net_cause c = NET_DNS; c <= NET_OTHER; c++) {
    struct reply r = {.fail = REPLY_UNKNOWN, .cause = c, .why = "<why>", .timed_out = c == NET_TIMEOUT};
    assert_false(reply_err(&r, "Pod a/b", &E));
    assert_int_equal(E.kind, c == NET_TIMEOUT ? FAIL_TIMEOUT : FAIL_UPSTREAM);
    assert_int_equal(E.retry, c != NET_TOO_LARGE && c != NET_FORBIDDEN);
    for (enum lang l = LANG_EN; l < LANG__COUNT; l++) {
      struct buf b;
      buf_init(&b, A, 4000);
      text_plain(&b, l, err_text(&E));
      assert_non_null(strstr(b.p, "Pod a/b")), assert_non_null(strstr(b.p, "<why>"));
    }
    if (c != NET_OTHER) assert_int_not_equal(E.key, MSG_NET_OTHER);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      T(an_answer_arrives_whole), T(only_the_given_ca_is_trusted), T(a_pinned_ca_shuts_out_the_public_ones), T(certificates_are_checked_by_name_and_date),
      T(two_identities_never_share_a_connection), T(a_request_that_may_change_things_is_never_sent_twice), T(no_more_connections_rest_than_can_be_in_use), T(a_reading_call_outlives_a_dead_connection), T(sent_and_not_sent_are_told_apart),
      T(large_answers_are_cut_off), T(client_certificates_are_shown_and_refused), T(headers_and_bodies_are_as_told), T(proxies_come_from_the_identity_only), T(some_addresses_are_never_called),
      T(transfers_of_one_identity_queue), T(what_comes_too_late_is_not_sent), T(waiting_ends_when_a_descriptor_speaks), T(every_cause_has_a_sentence_in_both_languages)};
  return cmocka_run_group_tests(tests, make_certificates, drop_certificates);
}
