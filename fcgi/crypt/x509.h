/* Certificates with OpenSSL 3: issuing for the embedded CA (reference 40 section 5.1), reading what a person should see. */
#ifndef CRYPT_X509_H
#define CRYPT_X509_H
#include <stdbool.h>
#include <stddef.h>
#include "base/clock.h"
#include "crypt/seal.h"
struct arena; struct err;

struct x509_facts {
  const char *subject_cn, *issuer_cn, *serial_dec, *serial_hex, *fingerprint_sha256, *key_alg;
  const char **sans; size_t n_sans;
  usec_t not_before, not_after;
  bool is_ca;
};
/* First certificate of the PEM text. */
bool x509_read(struct arena *a, const char *pem, size_t n, struct x509_facts *out, struct err *e) __attribute__((warn_unused_result));
/* Number of certificates in a PEM bundle; false when any block does not parse or there is none. */
bool x509_bundle_ok(const char *pem, size_t n, size_t *out_count);
/* The private key (PEM) belongs to the first certificate (PEM). */
bool x509_key_matches(const char *cert_pem, size_t cn, const char *key_pem, size_t kn, bool *out, struct err *e) __attribute__((warn_unused_result));

/* Self-signed CA: EC P-256, 10 years, notBefore -5 min, CA:TRUE pathlen:0 critical, keyCertSign+cRLSign, SKI. key: PKCS#8 PEM. */
bool x509_make_ca(struct arena *a, const char *cn, const char *org, const char **out_pem, struct secret *out_key, struct err *e) __attribute__((warn_unused_result));
/* Leaf: RSA 2048, subject CN only (left empty when longer than 64), DNS/IP SANs classified as step-ca does, serverAuth+clientAuth, lifetime
 * in seconds from now (backdated 5 min), never beyond the CA's end (FAIL_INVALID then). Keys in both PEM forms. */
struct x509_leaf { const char *cert_pem; struct secret key_pkcs1, key_pkcs8; };
bool x509_issue(struct arena *a, const char *ca_pem, const struct secret *ca_key, const char *cn, const char *const *sans, size_t n_sans,
                long lifetime_s, struct x509_leaf *out, struct err *e) __attribute__((warn_unused_result));
void x509_leaf_free(struct x509_leaf *l);
#endif
