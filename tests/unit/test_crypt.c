#include "t.h"
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>
#include "base/clock.h"
#include "crypt/digest.h"
#include "crypt/keystock.h"
#include "crypt/passwd.h"
#include "crypt/rnd.h"
#include "crypt/seal.h"
#include "crypt/x509.h"

static void sealed_text_opens_only_for_its_kind_record_and_key(void **s) {
  (void)s;
  struct seal_key k, other;
  struct secret out = {0};
  seal_keygen(&k), seal_keygen(&other);
  char *t = seal(A, &k.pub, "kubeconfig", "u1", "hello", 5);
  OK(seal_open(&k, "kubeconfig", "u1", t, &out, &E));
  assert_memory_equal(out.p, "hello", 6);
  secret_free(&out);
  REFUSED(seal_open(&k, "kubeconfig", "u2", t, &out, &E), FAIL_INVALID);
  REFUSED(seal_open(&k, "registry", "u1", t, &out, &E), FAIL_INVALID);
  REFUSED(seal_open(&other, "kubeconfig", "u1", t, &out, &E), FAIL_INVALID);
  t[strlen(t) - 3] ^= 1;
  REFUSED(seal_open(&k, "kubeconfig", "u1", t, &out, &E), FAIL_INVALID);
  REFUSED(seal_open(&k, "kubeconfig", "u1", "plain", &out, &E), FAIL_INVALID);
}
static void key_files_read_back(void **s) {
  (void)s;
  struct seal_key k, k2;
  struct seal_pub p;
  char dir[] = "/tmp/seal.XXXXXX";
  assert_non_null(mkdtemp(dir));
  char *f = arena_fmt(A, "%s/k", dir), *g = arena_fmt(A, "%s/p", dir);
  seal_keygen(&k);
  OK(seal_key_save(f, &k, &E)); OK(seal_pub_save(g, &k.pub, &E)); OK(seal_key_load(f, &k2, &E)); OK(seal_pub_load(g, &p, &E));
  assert_memory_equal(k.k, k2.k, 32), assert_memory_equal(k.pub.k, p.k, 32), assert_string_equal(p.id, k2.pub.id);
  REFUSED(seal_key_load(g, &k2, &E), FAIL_INVALID);
  unlink(f), unlink(g), rmdir(dir);
}
static void passwords_are_yescrypt_and_bcrypt_is_accepted(void **s) {
  (void)s;
  char *h = passwd_hash(A, "geheim 密码");
  assert_true(str_starts(h, "$y$j9T$")), assert_true(passwd_verify("geheim 密码", h)), assert_false(passwd_verify("geheim", h)), assert_false(passwd_needs_rehash(h));
  const char *go = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"; /* a published vector: "password" variants do not match */
  assert_false(passwd_verify("wrong", go)), assert_true(passwd_needs_rehash(go));
  assert_false(passwd_verify("x", NULL)), assert_false(passwd_verify("x", "*0"));
}
static X509 *cert(const char *pem) {
  BIO *b = BIO_new_mem_buf(pem, -1);
  X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
  BIO_free(b);
  return x;
}
static int verify(const char *ca, const char *leaf, int purpose) {
  X509_STORE *st = X509_STORE_new();
  X509 *c = cert(ca), *l = cert(leaf);
  X509_STORE_add_cert(st, c);
  X509_STORE_CTX *x = X509_STORE_CTX_new();
  X509_STORE_CTX_init(x, st, l, NULL);
  X509_STORE_CTX_set_purpose(x, purpose);
  int ok = X509_verify_cert(x);
  X509_STORE_CTX_free(x), X509_STORE_free(st), X509_free(c), X509_free(l);
  return ok;
}
static void leaves_verify_for_server_and_client_and_not_under_another_ca(void **s) {
  (void)s;
  const char *ca, *ca2;
  struct secret k = {0}, k2 = {0};
  struct x509_leaf l;
  struct x509_facts f;
  const char *const sans[] = {"9999.example.com", "10.0.0.5"};
  bool same;
  OK(x509_make_ca(A, "inst fed CA", "inst", &ca, &k, &E)); OK(x509_make_ca(A, "inst other CA", "inst", &ca2, &k2, &E));
  OK(x509_issue(A, ca, &k, "9999.example.com", sans, 2, 8760L * 3600, &l, &E));
  assert_int_equal(verify(ca, l.cert_pem, X509_PURPOSE_SSL_SERVER), 1), assert_int_equal(verify(ca, l.cert_pem, X509_PURPOSE_SSL_CLIENT), 1), assert_int_equal(verify(ca2, l.cert_pem, X509_PURPOSE_SSL_SERVER), 0);
  OK(x509_read(A, l.cert_pem, strlen(l.cert_pem), &f, &E));
  assert_string_equal(f.subject_cn, "9999.example.com"), assert_int_equal(f.n_sans, 2), assert_string_equal(f.sans[1], "10.0.0.5"), assert_false(f.is_ca);
  assert_int_equal((f.not_after - f.not_before) / 1000000, 8760L * 3600 + 300);
  assert_true(str_starts((char *)l.key_pkcs1.p, "-----BEGIN RSA PRIVATE KEY-----")), assert_true(str_starts((char *)l.key_pkcs8.p, "-----BEGIN PRIVATE KEY-----"));
  OK(x509_key_matches(l.cert_pem, strlen(l.cert_pem), (char *)l.key_pkcs8.p, l.key_pkcs8.n, &same, &E)); assert_true(same);
  OK(x509_key_matches(ca, strlen(ca), (char *)l.key_pkcs8.p, l.key_pkcs8.n, &same, &E)); assert_false(same);
  x509_leaf_free(&l);
  REFUSED(x509_issue(A, ca, &k, "a", (const char *const[]){"a"}, 1, 11L * 365 * 86400, &l, &E), FAIL_INVALID);
  secret_free(&k), secret_free(&k2);
}
static void long_names_live_in_the_sans_only(void **s) {
  (void)s;
  const char *ca, *cn = "site-2147483647.server.a-very-long-domain-name-for-a-federation.example.com";
  struct secret k = {0};
  struct x509_leaf l;
  struct x509_facts f;
  OK(x509_make_ca(A, "x", "y", &ca, &k, &E)); OK(x509_issue(A, ca, &k, cn, &cn, 1, 3600, &l, &E)); OK(x509_read(A, l.cert_pem, strlen(l.cert_pem), &f, &E));
  assert_string_equal(f.subject_cn, ""), assert_string_equal(f.sans[0], cn);
  x509_leaf_free(&l), secret_free(&k);
}
/* --- keys made ahead --- */
static EVP_PKEY *a_key(void) {
  EVP_PKEY *k = keystock_take();
  assert_non_null(k);
  assert_int_equal(EVP_PKEY_get_bits(k), 2048), assert_true(EVP_PKEY_is_a(k, "RSA"));
  return k;
}
static void keys_are_made_ahead_and_given_away_once(void **s) {
  enum { N = 3, TAKEN = 8 };
  EVP_PKEY *k[TAKEN];
  (void)s;
  assert_true(keystock_ready()); /* without a stock whoever takes a key makes it */
  k[0] = a_key();
  assert_true(keystock_start(N));
  usleep(1500000);
  assert_int_equal(keystock_count(), 0); /* a process that has just started makes none unless one is wanted */
  assert_false(keystock_ready());
  for (int i = 0; i < 6000 && !keystock_ready(); i++) usleep(10000);
  assert_true(keystock_ready());
  for (int i = 1; i < TAKEN; i++) k[i] = a_key(); /* more than there are */
  for (int i = 0; i < 6000 && !keystock_ready(); i++) usleep(10000);
  assert_true(keystock_ready()); /* and it is filled again */
  for (int i = 0; i < TAKEN; i++)
    for (int j = 0; j < i; j++) assert_int_not_equal(EVP_PKEY_eq(k[i], k[j]), 1);
  for (int i = 0; i < TAKEN; i++) EVP_PKEY_free(k[i]);
  keystock_stop();
  assert_true(keystock_ready());
}
/* Before the ten seconds of a start are over; on a busy machine a key may take longer than that. */
static void a_key_that_is_wanted_does_not_wait_for_the_start(void **s) {
  enum { TRIES = 5, START_MS = 10000 };
  bool early = false;
  (void)s;
  for (int i = 0; i < TRIES && !early; i++) {
    int64_t began = clock_mono_ms();
    assert_true(keystock_start(1));
    while (!keystock_ready() && clock_mono_ms() - began < START_MS) usleep(10000);
    early = clock_mono_ms() - began < START_MS;
    keystock_stop();
  }
  assert_true(early);
}
/* Whoever wants no stock still waits for nobody's key but his own. */
static void without_a_stock_a_key_is_made_when_it_is_asked_for(void **s) {
  enum { QUIET_S = 3 }; /* a key takes a half */
  (void)s;
  assert_true(keystock_start(0));
  for (int round = 0; round < 2; round++) {
    assert_false(keystock_ready());
    assert_int_equal(keystock_count(), 0);
    while (!keystock_ready()) usleep(10000);
    assert_int_equal(keystock_count(), 1);
    EVP_PKEY_free(a_key());
    sleep(QUIET_S);
    assert_int_equal(keystock_count(), 0);
  }
  keystock_stop();
}
/* Nobody has asked whether there is one, so the maker rests for ten seconds, and the only keys are
 * those that are made by who takes them. */
static void whoever_makes_keys_rests_between_them(void **s) {
  (void)s;
  assert_true(keystock_overdue()); /* without a stock there is nobody else */
  EVP_PKEY_free(a_key());
  assert_true(keystock_overdue());
  assert_true(keystock_start(1));
  assert_true(keystock_overdue());
  int64_t began = clock_mono_ms();
  EVP_PKEY_free(a_key());
  int64_t took = clock_mono_ms() - began;
  assert_false(keystock_overdue());
  while (!keystock_overdue()) usleep(1000);
  if (!keystock_count()) assert_true(clock_mono_ms() - began >= took);
  keystock_stop();
}
static void a_large_stock_is_filled_while_nobody_takes_any_and_given_up_at_once(void **s) {
  enum { N = KEYSTOCK_LOW + 2 };
  (void)s;
  assert_true(keystock_start(N));
  for (int i = 0; i < 12000 && keystock_count() < N; i++) usleep(10000);
  assert_int_equal(keystock_count(), N);
  EVP_PKEY_free(a_key());
  for (int64_t end = clock_mono_ms() + 9000; clock_mono_ms() < end; usleep(100000)) assert_int_equal(keystock_count(), N - 1); /* who took one may take more */
  for (int i = 0; i < 12000 && keystock_count() < N; i++) usleep(10000);
  assert_int_equal(keystock_count(), N);
  for (int i = 0; i < N; i++) EVP_PKEY_free(a_key());
  keystock_stop(); /* while both are at work */
  assert_int_equal(keystock_count(), 0);
  keystock_stop(); /* a second time changes nothing */
  assert_true(keystock_start(KEYSTOCK_MOST + 1));
  keystock_stop();
}

int main(void) {
  const struct CMUnitTest t[] = {T(sealed_text_opens_only_for_its_kind_record_and_key), T(key_files_read_back), T(passwords_are_yescrypt_and_bcrypt_is_accepted), T(leaves_verify_for_server_and_client_and_not_under_another_ca), T(long_names_live_in_the_sans_only), T(keys_are_made_ahead_and_given_away_once), T(a_key_that_is_wanted_does_not_wait_for_the_start),
                                 T(without_a_stock_a_key_is_made_when_it_is_asked_for), T(whoever_makes_keys_rests_between_them), T(a_large_stock_is_filled_while_nobody_takes_any_and_given_up_at_once)};
  return cmocka_run_group_tests(t, NULL, NULL);
}
