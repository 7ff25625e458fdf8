/* Contract: x509.h. EVP and X509 of OpenSSL 3 only. */
#include "crypt/x509.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/log.h"
#include "base/name.h"
#include "base/str.h"
#include "crypt/keystock.h"

static void drop_bio(BIO **b) { BIO_free_all(*b); }
static void drop_x509(X509 **x) { X509_free(*x); }
static void drop_pkey(EVP_PKEY **k) { EVP_PKEY_free(*k); }
static void drop_sans(GENERAL_NAMES **g) { GENERAL_NAMES_free(*g); }
static void drop_bn(BIGNUM **b) { BN_free(*b); }
#define WITH(fn) __attribute__((cleanup(fn)))

/* What OpenSSL itself could not do; faults of the input have sentences of their own. */
static bool crypto_fault(struct err *e, const char *on_what) {
  char why[256] = "";
  unsigned long code = ERR_get_error();
  if (code) ERR_error_string_n(code, why, sizeof why);
  ERR_clear_error();
  err_set(e, FAIL_BUG, MSG_X509_FAULT, on_what);
  return err_detail(e, "openssl: %s", why);
}

/* The empty passphrase keeps OpenSSL from asking the terminal for one. */
static EVP_PKEY *read_key(const void *pem, size_t n) {
  WITH(drop_bio) BIO *b = BIO_new_mem_buf(pem, (int)n);
  EVP_PKEY *k = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, (void *)(uintptr_t)"") : NULL;
  ERR_clear_error();
  return k;
}

static X509 *first(const char *pem, size_t n) {
  WITH(drop_bio) BIO *b = BIO_new_mem_buf(pem, (int)n);
  X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
  ERR_clear_error();
  return x;
}

static usec_t when(const ASN1_TIME *t) {
  int day, sec;
  ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
  bool ok = epoch && ASN1_TIME_diff(&day, &sec, epoch, t) == 1;
  ASN1_TIME_free(epoch);
  return ok ? ((usec_t)day * 86400 + sec) * 1000000 : 0;
}

static char *cn_of(struct arena *a, const X509_NAME *name) {
  int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  const ASN1_STRING *s = at >= 0 ? X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)) : NULL;
  unsigned char *utf8 = NULL;
  int n = s ? ASN1_STRING_to_UTF8(&utf8, s) : -1; /* also from BMPString and the like */
  char *cn = n >= 0 ? str_excerpt(a, (const char *)utf8, (size_t)n, 256) : arena_strdup(a, "");
  OPENSSL_free(utf8);
  return cn;
}

static void read_sans(struct arena *a, X509 *x, struct x509_facts *out) {
  WITH(drop_sans) GENERAL_NAMES *g = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
  int n = g ? sk_GENERAL_NAME_num(g) : 0;
  out->sans = ARENA_ARRAY(a, const char *, n + 1);
  for (int i = 0; i < n; i++) {
    const GENERAL_NAME *v = sk_GENERAL_NAME_value(g, i);
    if (v->type == GEN_DNS || v->type == GEN_EMAIL || v->type == GEN_URI) /* three IA5Strings in one union */
      out->sans[out->n_sans++] = str_excerpt(a, (const char *)ASN1_STRING_get0_data(v->d.ia5), (size_t)ASN1_STRING_length(v->d.ia5), 256);
    char ip[INET6_ADDRSTRLEN];
    if (v->type == GEN_IPADD && inet_ntop(ASN1_STRING_length(v->d.iPAddress) == 16 ? AF_INET6 : AF_INET, ASN1_STRING_get0_data(v->d.iPAddress), ip, sizeof ip))
      out->sans[out->n_sans++] = arena_strdup(a, ip);
  }
}

bool x509_read(struct arena *a, const char *pem, size_t n, struct x509_facts *out, struct err *e) {
  WITH(drop_x509) X509 *x = first(pem, n);
  if (!x) return err_set(e, FAIL_INVALID, MSG_X509_NO_CERT);
  *out = (struct x509_facts){0};
  out->subject_cn = cn_of(a, X509_get_subject_name(x)), out->issuer_cn = cn_of(a, X509_get_issuer_name(x));
  WITH(drop_bn) BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
  char *dec = bn ? BN_bn2dec(bn) : NULL, *hex = bn ? BN_bn2hex(bn) : NULL;
  out->serial_dec = arena_strdup(a, nn(dec)), out->serial_hex = str_lower(a, nn(hex));
  OPENSSL_free(dec), OPENSSL_free(hex);
  unsigned char md[EVP_MAX_MD_SIZE];
  unsigned k = 0;
  if (X509_digest(x, EVP_sha256(), md, &k) != 1) return crypto_fault(e, "fingerprint");
  out->fingerprint_sha256 = hex_encode(a, md, k);
  EVP_PKEY *pk = X509_get0_pubkey(x);
  out->key_alg = pk ? arena_fmt(a, "%s %d", EVP_PKEY_get0_type_name(pk) ? EVP_PKEY_get0_type_name(pk) : "?", EVP_PKEY_get_bits(pk)) : "?";
  out->not_before = when(X509_get0_notBefore(x)), out->not_after = when(X509_get0_notAfter(x));
  out->is_ca = X509_check_ca(x) == 1;
  read_sans(a, x, out);
  ERR_clear_error();
  return true;
}

bool x509_bundle_ok(const char *pem, size_t n, size_t *out_count) {
  WITH(drop_bio) BIO *b = BIO_new_mem_buf(pem, (int)n);
  size_t count = 0, blocks = 0;
  for (const char *p = pem; (p = memmem(p, n - (size_t)(p - pem), "-----BEGIN", 10)); p += 10) blocks++;
  for (X509 *x; b && (x = PEM_read_bio_X509(b, NULL, NULL, NULL)); X509_free(x)) count++;
  ERR_clear_error();
  *out_count = count;
  return count > 0 && count == blocks;
}

bool x509_key_matches(const char *cert_pem, size_t cn, const char *key_pem, size_t kn, bool *out, struct err *e) {
  WITH(drop_x509) X509 *x = first(cert_pem, cn);
  if (!x) return err_set(e, FAIL_INVALID, MSG_X509_NO_CERT);
  WITH(drop_pkey) EVP_PKEY *k = read_key(key_pem, kn);
  if (!k) return err_set(e, FAIL_INVALID, MSG_X509_NO_KEY);
  *out = X509_check_private_key(x, k) == 1;
  ERR_clear_error();
  return true;
}

/* --- issuing --- */
static bool ext(X509 *x, X509 *issuer, int nid, const char *value) {
  X509V3_CTX c;
  X509V3_set_ctx_nodb(&c);
  X509V3_set_ctx(&c, issuer, x, NULL, NULL, 0);
  X509_EXTENSION *v = X509V3_EXT_conf_nid(NULL, &c, nid, value);
  bool ok = v && X509_add_ext(x, v, -1) == 1;
  X509_EXTENSION_free(v);
  return ok;
}

static bool serial(X509 *x) {
  unsigned char r[16];
  if (RAND_bytes(r, sizeof r) != 1) return false;
  r[0] = (unsigned char)((r[0] & 0x7f) | 0x40); /* positive, full length, never zero */
  WITH(drop_bn) BIGNUM *bn = BN_bin2bn(r, sizeof r, NULL);
  return bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x));
}

enum { NAME_MAX_CHARS = 64 }; /* RFC 5280 ub-common-name, ub-organization-name; OpenSSL refuses more */

static bool add_name(X509 *x, const char *field, const char *value) {
  return X509_NAME_add_entry_by_txt(X509_get_subject_name(x), field, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
}

static bool begin(X509 *x, EVP_PKEY *key, long lifetime_s) {
  return X509_set_version(x, X509_VERSION_3) == 1 && serial(x) && X509_gmtime_adj(X509_getm_notBefore(x), -300) && X509_gmtime_adj(X509_getm_notAfter(x), lifetime_s) &&
         X509_set_pubkey(x, key) == 1;
}

static const char *pem_of(struct arena *a, X509 *x) {
  WITH(drop_bio) BIO *b = BIO_new(BIO_s_mem());
  char *p;
  if (!b || PEM_write_bio_X509(b, x) != 1) return NULL;
  long n = BIO_get_mem_data(b, &p);
  return arena_strndup(a, p, (size_t)n);
}

static bool key_pem(EVP_PKEY *k, bool traditional, struct secret *out) {
  WITH(drop_bio) BIO *b = BIO_new(BIO_s_mem());
  char *p;
  if (!b || (traditional ? PEM_write_bio_PrivateKey_traditional(b, k, NULL, NULL, 0, NULL, NULL) : PEM_write_bio_PKCS8PrivateKey(b, k, NULL, NULL, 0, NULL, NULL)) != 1) return false;
  long n = BIO_get_mem_data(b, &p);
  out->p = malloc((size_t)n + 1), out->n = (size_t)n;
  BUG_ON(!out->p);
  memcpy(out->p, p, (size_t)n);
  out->p[n] = 0;
  OPENSSL_cleanse(p, (size_t)n);
  return true;
}

/* A CA needs a subject: too long names are cut, not left out. */
static char *cut(struct arena *a, const char *s) {
  size_t n = 0;
  for (size_t chars = 0; s[n]; n++)
    if (((unsigned char)s[n] & 0xc0) != 0x80 && ++chars > NAME_MAX_CHARS) break;
  return arena_strndup(a, s, n);
}

bool x509_make_ca(struct arena *a, const char *cn, const char *org, const char **out_pem, struct secret *out_key, struct err *e) {
  ERR_clear_error();
  WITH(drop_pkey) EVP_PKEY *k = EVP_EC_gen("P-256");
  WITH(drop_x509) X509 *x = X509_new();
  bool ok = k && x && begin(x, k, 3650L * 86400) && add_name(x, "CN", cut(a, cn)) && (!*org || add_name(x, "O", cut(a, org))) &&
            X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 && ext(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
            ext(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") && ext(x, x, NID_subject_key_identifier, "hash") && X509_sign(x, k, EVP_sha256()) > 0;
  const char *pem = ok ? pem_of(a, x) : NULL;
  if (!pem || !key_pem(k, false, out_key)) return crypto_fault(e, cn);
  *out_pem = pem;
  return true;
}

/* As step-ca sorts them: an address is an iPAddress, everything else we ask for is a DNS name (a first label "*" is a wildcard). Built as
 * ASN.1 values, not as OpenSSL's configuration text, so that no name can smuggle in a second one. */
static bool add_san(GENERAL_NAMES *all, const char *san) {
  unsigned char ip[16];
  size_t n = inet_pton(AF_INET, san, ip) == 1 ? 4 : inet_pton(AF_INET6, san, ip) == 1 ? 16 : 0;
  GENERAL_NAME *g = GENERAL_NAME_new();
  ASN1_STRING *v = n ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
  if (!g || !v || ASN1_STRING_set(v, n ? (const void *)ip : san, n ? (int)n : (int)strlen(san)) != 1) {
    GENERAL_NAME_free(g), ASN1_STRING_free(v);
    return false;
  }
  GENERAL_NAME_set0_value(g, n ? GEN_IPADD : GEN_DNS, v);
  if (sk_GENERAL_NAME_push(all, g) > 0) return true;
  GENERAL_NAME_free(g);
  return false;
}

static bool san_ok(struct arena *a, const char *san) {
  return name_host(san) || (str_starts(san, "*.") && name_dns(str_lower(a, san + 2)));
}

static bool set_sans(X509 *x, const char *const *sans, size_t n, bool critical) {
  WITH(drop_sans) GENERAL_NAMES *all = sk_GENERAL_NAME_new_null();
  for (size_t i = 0; all && i < n; i++)
    if (!add_san(all, sans[i])) return false;
  return all && X509_add1_ext_i2d(x, NID_subject_alt_name, all, critical, 0) == 1;
}

static bool fill_leaf(X509 *x, X509 *ca, EVP_PKEY *key, const char *cn, const char *const *sans, size_t n_sans, long lifetime_s) {
  bool named = str_utf8_len(cn) <= NAME_MAX_CHARS && *cn;
  return begin(x, key, lifetime_s) && (!named || add_name(x, "CN", cn)) && X509_set_issuer_name(x, X509_get_subject_name(ca)) == 1 &&
         ext(x, ca, NID_basic_constraints, "critical,CA:FALSE") && ext(x, ca, NID_key_usage, "critical,digitalSignature,keyEncipherment") &&
         ext(x, ca, NID_ext_key_usage, "serverAuth,clientAuth") && set_sans(x, sans, n_sans, !named) /* RFC 5280 4.2.1.6: critical without a subject */ &&
         ext(x, ca, NID_subject_key_identifier, "hash") && ext(x, ca, NID_authority_key_identifier, "keyid:always");
}

bool x509_issue(struct arena *a, const char *ca_pem, const struct secret *ca_key, const char *cn, const char *const *sans, size_t n_sans, long lifetime_s, struct x509_leaf *out, struct err *e) {
  ERR_clear_error();
  for (size_t i = 0; i < n_sans; i++)
    if (!san_ok(a, sans[i])) return err_set(e, FAIL_INVALID, MSG_X509_SAN, cn, sans[i]);
  if (!n_sans) return err_set(e, FAIL_INVALID, MSG_X509_SAN, cn, "");
  WITH(drop_x509) X509 *ca = first(ca_pem, strlen(ca_pem));
  WITH(drop_pkey) EVP_PKEY *signer = read_key(ca_key->p, ca_key->n);
  if (!ca) return err_set(e, FAIL_INVALID, MSG_X509_NO_CERT);
  if (!signer) return err_set(e, FAIL_INVALID, MSG_X509_NO_KEY);
  if (X509_check_private_key(ca, signer) != 1) return ERR_clear_error(), err_set(e, FAIL_INVALID, MSG_X509_OTHER_KEY, cn);
  WITH(drop_pkey) EVP_PKEY *k = keystock_take();
  WITH(drop_x509) X509 *x = X509_new();
  if (!k || !x || !fill_leaf(x, ca, k, cn, sans, n_sans, lifetime_s)) return crypto_fault(e, cn);
  int day, sec;
  if (ASN1_TIME_diff(&day, &sec, X509_get0_notAfter(x), X509_get0_notAfter(ca)) != 1 || day < 0 || sec < 0) return err_set(e, FAIL_INVALID, MSG_X509_CA_ENDS, cn);
  struct x509_leaf l = {0};
  if (X509_sign(x, signer, EVP_sha256()) > 0 && (l.cert_pem = pem_of(a, x)) && key_pem(k, true, &l.key_pkcs1) && key_pem(k, false, &l.key_pkcs8)) return *out = l, true;
  x509_leaf_free(&l);
  return crypto_fault(e, cn);
}

void x509_leaf_free(struct x509_leaf *l) {
  secret_free(&l->key_pkcs1);
  secret_free(&l->key_pkcs8);
}
