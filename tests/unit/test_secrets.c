/* Sealing, passwords, random values and certificates beyond the plain round trips of test_crypt.c. */
#include "t.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/b64.h"
#include "base/clock.h"
#include "base/file.h"
#include "crypt/digest.h"
#include "crypt/passwd.h"
#include "crypt/rnd.h"
#include "crypt/seal.h"
#include "crypt/x509.h"

static void every_changed_character_of_a_sealed_text_is_noticed(void **s) {
  (void)s;
  struct seal_key k;
  struct secret out = {0};
  seal_keygen(&k);
  char *t = seal(A, &k.pub, "kubeconfig", "u", "secret", 6);
  for (size_t i = 0; t[i]; i++) {
    char was = t[i];
    t[i] = was == 'A' ? 'B' : 'A';
    REFUSED(seal_open(&k, "kubeconfig", "u", t, &out, &E), FAIL_INVALID);
    assert_null(out.p), assert_int_equal(ERR_peek_error(), 0);
    t[i] = 0;
    REFUSED(seal_open(&k, "kubeconfig", "u", t, &out, &E), FAIL_INVALID);
    t[i] = was;
  }
  OK(seal_open(&k, "kubeconfig", "u", t, &out, &E)); assert_memory_equal(out.p, "secret", 7);
  secret_free(&out), secret_free(&out);
  REFUSED(seal_open(&k, "kubeconfi", "g|u", t, &out, &E), FAIL_INVALID);
  assert_string_not_equal(seal(A, &k.pub, "a", "b", "x", 1), seal(A, &k.pub, "a", "b", "x", 1));
  OK(seal_open(&k, "a", "b", seal(A, &k.pub, "a", "b", "", 0), &out, &E)); assert_int_equal(out.n, 0), assert_int_equal(out.p[0], 0);
  secret_free(&out);
  char *big = arena_alloc(A, 1 << 20);
  OK(seal_open(&k, "a", "b", seal(A, &k.pub, "a", "b", big, 1 << 20), &out, &E)); assert_int_equal(out.n, 1 << 20);
  secret_free(&out);
}
static void key_files_have_their_rights_and_damage_is_refused(void **s) {
  (void)s;
  char dir[] = "/tmp/seal.XXXXXX";
  struct seal_key k;
  struct seal_pub p;
  struct stat st;
  assert_non_null(mkdtemp(dir));
  char *f = arena_fmt(A, "%s/k", dir);
  seal_keygen(&k);
  OK(seal_key_save(f, &k, &E)); OK(seal_key_save(f, &k, &E)); /* replaces */
  assert_int_equal(stat(f, &st), 0), assert_int_equal(st.st_mode & 0777, 0400);
  static const char *const BAD[] = {"", "fedlcm-seal-public-v1 ", "fedlcm-seal-public-v1 AAAA", "fedlcm-seal-public-v2 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "fedlcm-seal-public-v1 !!!!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    OK(file_write(f, BAD[i], strlen(BAD[i]), 0600, &E));
    REFUSED(seal_pub_load(f, &p, &E), FAIL_INVALID);
  }
  unlink(f);
  REFUSED(seal_pub_load(f, &p, &E), FAIL_UNAVAILABLE);
  rmdir(dir);
}
static void digests_match_the_published_vectors(void **s) {
  (void)s;
  assert_string_equal(sha256_hex(A, "abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert_string_equal(sha256_hex(A, "", 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert_true(bytes_equal("ab", "ab", 2)), assert_false(bytes_equal("ab", "ac", 2));
}
static void bcrypt_of_upstream_is_verified_and_replaced(void **s) {
  (void)s;
  /* Published bcrypt test vectors (OpenBSD, John the Ripper); Go writes $2a$. */
  static const struct { const char *password, *hash; } V[] = {{"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}, {"U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"}, {"", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"}};
  for (size_t i = 0; i < 3; i++) {
    assert_true(passwd_verify(V[i].password, V[i].hash)), assert_false(passwd_verify("other", V[i].hash)), assert_true(passwd_needs_rehash(V[i].hash));
    char *b = arena_strdup(A, V[i].hash);
    b[2] = 'b';
    assert_true(passwd_verify(V[i].password, b));
  }
}
static void no_password_or_stored_text_breaks_the_check(void **s) {
  (void)s;
  static const char *const BAD[] = {"", "*", "*0", "*1", "$", "$y$", "$y$j9T$", "$2a$", "$2a$10$short", "$1$salt$", "plain", "$6$x$y"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) assert_false(passwd_verify("x", BAD[i])), assert_false(passwd_verify(BAD[i], BAD[i]));
  char *huge = arena_alloc(A, 100001);
  memset(huge, 'a', 100000);
  char *h = passwd_hash(A, huge);
  assert_true(passwd_verify(huge, h));
  huge[99999] = 'b';
  assert_false(passwd_verify(huge, h)), assert_false(passwd_verify(huge, NULL));
}
static void an_unknown_user_costs_as_much_as_a_wrong_password(void **s) {
  (void)s;
  char *h = passwd_hash(A, "x");
  int64_t known = INT64_MAX, unknown = INT64_MAX, t;
  for (int i = 0; i < 5; i++) { /* the best of five: the machine may be busy */
    t = cpu_ms(), assert_false(passwd_verify("y", h)), t = cpu_ms() - t;
    if (t < known) known = t;
    t = cpu_ms(), assert_false(passwd_verify("y", NULL)), t = cpu_ms() - t;
    if (t < unknown) unknown = t;
  }
  assert_true(unknown * 2 >= known && known * 2 + 2 >= unknown);
}
static void made_passwords_hold_each_class_and_no_look_alikes(void **s) {
  (void)s;
  for (int i = 0; i < 200; i++) {
    char *p = rnd_password(A, 12);
    assert_int_equal(strlen(p), 12), assert_non_null(strpbrk(p, "ABCDEFGHJKLMNPQRSTUVWXYZ")), assert_non_null(strpbrk(p, "abcdefghijkmnpqrstuvwxyz")), assert_non_null(strpbrk(p, "23456789")), assert_null(strpbrk(p, "0O1lIo"));
  }
  assert_int_equal(strlen(rnd_token(A, 32)), 43), assert_string_not_equal(rnd_token(A, 32), rnd_token(A, 32));
}

/* --- certificates --- */
struct ca { const char *pem; struct secret key; };
static struct ca make_ca(const char *cn) {
  struct ca c = {0};
  OK(x509_make_ca(A, cn, "inst", &c.pem, &c.key, &E));
  return c;
}
static X509 *cert(const char *pem) {
  BIO *b = BIO_new_mem_buf(pem, -1);
  X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
  BIO_free(b);
  return x;
}
static int critical(X509 *x, int nid) { return X509_EXTENSION_get_critical(X509_get_ext(x, X509_get_ext_by_NID(x, nid, -1))); }
static int verified(const char *ca, const char *leaf, int purpose, const char *host, time_t at) {
  X509_STORE *st = X509_STORE_new();
  X509 *c = cert(ca), *l = cert(leaf);
  X509_STORE_CTX *x = X509_STORE_CTX_new();
  X509_STORE_add_cert(st, c), X509_STORE_CTX_init(x, st, l, NULL), X509_STORE_CTX_set_purpose(x, purpose), X509_STORE_CTX_set_time(x, 0, at);
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(x), X509_V_FLAG_X509_STRICT);
  int ok = X509_verify_cert(x) == 1 && (X509_check_host(l, host, 0, 0, NULL) == 1 || X509_check_ip_asc(l, host, 0) == 1);
  X509_STORE_CTX_free(x), X509_STORE_free(st), X509_free(c), X509_free(l);
  return ok;
}
static void the_ca_is_a_ca_of_one_level_for_ten_years(void **s) {
  (void)s;
  struct ca c = make_ca("fed CA");
  struct x509_facts f;
  X509 *x = cert(c.pem);
  OK(x509_read(A, c.pem, strlen(c.pem), &f, &E));
  assert_true(f.is_ca), assert_string_equal(f.subject_cn, "fed CA"), assert_string_equal(f.issuer_cn, "fed CA"), assert_string_equal(f.key_alg, "EC 256"), assert_int_equal(f.n_sans, 0);
  assert_int_equal(strlen(f.fingerprint_sha256), 64), assert_int_equal(strlen(f.serial_hex), 32);
  assert_in_range(clock_unix() - f.not_before / 1000000, 295, 310), assert_int_equal((f.not_after - f.not_before) / 1000000, 3650L * 86400 + 300);
  assert_int_equal(X509_get_pathlen(x), 0), assert_int_equal(X509_get_key_usage(x), KU_KEY_CERT_SIGN | KU_CRL_SIGN), assert_true(critical(x, NID_basic_constraints) && critical(x, NID_key_usage));
  assert_non_null(X509_get0_subject_key_id(x)), assert_true(str_starts((char *)c.key.p, "-----BEGIN PRIVATE KEY-----"));
  X509_free(x), secret_free(&c.key);
  c = make_ca("一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七");
  OK(x509_read(A, c.pem, strlen(c.pem), &f, &E)); assert_int_equal(str_utf8_len(f.subject_cn), 64); /* cut, never left out */
  secret_free(&c.key);
}
static void leaves_serve_and_call_under_all_their_names(void **s) {
  (void)s;
  struct ca c = make_ca("fed CA");
  struct x509_leaf l;
  struct x509_facts f;
  const char *const sans[] = {"9999.example.com", "10.0.0.5", "2001:db8::1", "*.fate.example.com", "exchange"}, *const hosts[] = {"9999.example.com", "10.0.0.5", "2001:db8::1", "x.fate.example.com", "exchange"};
  OK(x509_issue(A, c.pem, &c.key, sans[0], sans, 5, 3600, &l, &E));
  OK(x509_read(A, l.cert_pem, strlen(l.cert_pem), &f, &E));
  assert_int_equal(f.n_sans, 5), assert_string_equal(f.sans[2], "2001:db8::1"), assert_string_equal(f.key_alg, "RSA 2048"), assert_string_equal(f.issuer_cn, "fed CA");
  time_t now = time(NULL);
  for (int i = 0; i < 5; i++) assert_true(verified(c.pem, l.cert_pem, X509_PURPOSE_SSL_SERVER, hosts[i], now) && verified(c.pem, l.cert_pem, X509_PURPOSE_SSL_CLIENT, hosts[i], now - 250));
  assert_false(verified(c.pem, l.cert_pem, X509_PURPOSE_SSL_SERVER, "other.example.com", now)), assert_false(verified(c.pem, l.cert_pem, X509_PURPOSE_SSL_SERVER, hosts[0], now + 3700)), assert_false(verified(c.pem, l.cert_pem, X509_PURPOSE_SSL_SERVER, hosts[0], now - 400));
  X509 *x = cert(l.cert_pem);
  assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT), assert_int_equal(X509_get_extended_key_usage(x), XKU_SSL_SERVER | XKU_SSL_CLIENT), assert_false(critical(x, NID_subject_alt_name));
  X509_free(x), x509_leaf_free(&l), secret_free(&c.key);
}
static void long_names_leave_the_subject_empty_and_the_sans_critical(void **s) {
  (void)s;
  struct ca c = make_ca("x");
  struct x509_leaf l;
  for (size_t n = 64; n <= 65; n++) {
    char *cn = arena_fmt(A, "%.*s.example.com", (int)n - 12, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    OK(x509_issue(A, c.pem, &c.key, cn, (const char *const *)&cn, 1, 3600, &l, &E));
    X509 *x = cert(l.cert_pem);
    assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(x)), n == 64), assert_int_equal(critical(x, NID_subject_alt_name), n == 65);
    assert_true(verified(c.pem, l.cert_pem, X509_PURPOSE_SSL_SERVER, cn, time(NULL)));
    X509_free(x), x509_leaf_free(&l);
  }
  secret_free(&c.key);
}
static void names_that_are_no_hosts_are_refused(void **s) {
  (void)s;
  struct ca c = make_ca("x");
  struct x509_leaf l;
  static const char *const BAD[] = {"", "a,DNS:evil.com", "DNS:evil.com", "@section", "u@h", "x:y", "http://x/", "a b", "-a", "a..b", "集群", "*", "*.*.com", "999.1.1.1", "a\nb"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    REFUSED(x509_issue(A, c.pem, &c.key, "a.com", (const char *const[]){"a.com", BAD[i]}, 2, 3600, &l, &E), FAIL_INVALID);
    assert_int_equal(E.key, MSG_X509_SAN), assert_string_equal(E.args[1], BAD[i]);
  }
  REFUSED(x509_issue(A, c.pem, &c.key, "a.com", NULL, 0, 3600, &l, &E), FAIL_INVALID);
  secret_free(&c.key);
}
static void a_ca_signs_only_with_its_own_key_and_not_beyond_its_end(void **s) {
  (void)s;
  struct ca c = make_ca("one"), d = make_ca("two");
  struct x509_leaf l;
  const char *san = "a.com";
  static const char ENC[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBAAAAAAAAAAAAAAAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
  struct secret enc = {(unsigned char *)(uintptr_t)ENC, sizeof ENC - 1};
  REFUSED(x509_issue(A, c.pem, &d.key, san, &san, 1, 3600, &l, &E), FAIL_INVALID); assert_int_equal(E.key, MSG_X509_OTHER_KEY);
  REFUSED(x509_issue(A, "none", &d.key, san, &san, 1, 3600, &l, &E), FAIL_INVALID); assert_int_equal(E.key, MSG_X509_NO_CERT);
  REFUSED(x509_issue(A, c.pem, &enc, san, &san, 1, 3600, &l, &E), FAIL_INVALID); assert_int_equal(E.key, MSG_X509_NO_KEY); /* and nobody is asked for a passphrase */
  REFUSED(x509_issue(A, c.pem, &c.key, san, &san, 1, 3651L * 86400, &l, &E), FAIL_INVALID); assert_int_equal(E.key, MSG_X509_CA_ENDS);
  OK(x509_issue(A, c.pem, &c.key, san, &san, 1, 3649L * 86400, &l, &E));
  assert_int_equal(ERR_peek_error(), 0);
  x509_leaf_free(&l), secret_free(&c.key), secret_free(&d.key);
}
static void both_key_forms_belong_to_the_certificate(void **s) {
  (void)s;
  struct ca c = make_ca("x");
  struct x509_leaf l;
  const char *san = "a.com";
  bool same = false;
  OK(x509_issue(A, c.pem, &c.key, san, &san, 1, 3600, &l, &E));
  assert_true(str_starts((char *)l.key_pkcs1.p, "-----BEGIN RSA PRIVATE KEY-----\n")), assert_true(str_starts((char *)l.key_pkcs8.p, "-----BEGIN PRIVATE KEY-----\n"));
  assert_int_equal(strlen((char *)l.key_pkcs1.p), l.key_pkcs1.n);
  OK(x509_key_matches(l.cert_pem, strlen(l.cert_pem), (char *)l.key_pkcs1.p, l.key_pkcs1.n, &same, &E)); assert_true(same);
  OK(x509_key_matches(l.cert_pem, strlen(l.cert_pem), (char *)c.key.p, c.key.n, &same, &E)); assert_false(same);
  REFUSED(x509_key_matches(l.cert_pem, strlen(l.cert_pem), "no", 2, &same, &E), FAIL_INVALID);
  x509_leaf_free(&l), secret_free(&c.key);
}
static void bundles_hold_certificates_and_nothing_else(void **s) {
  (void)s;
  struct ca c = make_ca("x"), d = make_ca("y");
  size_t n = 9;
  char *two = arena_fmt(A, "text before\n%s\n%s", c.pem, d.pem), *mixed = arena_fmt(A, "%s%s", c.pem, (char *)c.key.p), *torn = arena_fmt(A, "%s%.100s", c.pem, d.pem);
  assert_true(x509_bundle_ok(two, strlen(two), &n) && n == 2), assert_true(x509_bundle_ok(c.pem, strlen(c.pem), &n) && n == 1);
  assert_false(x509_bundle_ok(mixed, strlen(mixed), &n)), assert_false(x509_bundle_ok(torn, strlen(torn), &n)), assert_false(x509_bundle_ok("", 0, &n)), assert_false(x509_bundle_ok("x", 1, &n));
  assert_int_equal(ERR_peek_error(), 0);
  secret_free(&c.key), secret_free(&d.key);
}
int main(void) {
  const struct CMUnitTest t[] = {T(every_changed_character_of_a_sealed_text_is_noticed), T(key_files_have_their_rights_and_damage_is_refused), T(digests_match_the_published_vectors), T(bcrypt_of_upstream_is_verified_and_replaced),
      T(no_password_or_stored_text_breaks_the_check), T(an_unknown_user_costs_as_much_as_a_wrong_password), T(made_passwords_hold_each_class_and_no_look_alikes), T(the_ca_is_a_ca_of_one_level_for_ten_years),
      T(leaves_serve_and_call_under_all_their_names), T(long_names_leave_the_subject_empty_and_the_sans_critical), T(names_that_are_no_hosts_are_refused), T(a_ca_signs_only_with_its_own_key_and_not_beyond_its_end),
      T(both_key_forms_belong_to_the_certificate), T(bundles_hold_certificates_and_nothing_else)};
  return cmocka_run_group_tests(t, NULL, NULL);
}
