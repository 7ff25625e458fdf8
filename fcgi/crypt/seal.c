/* Contract: seal.h. Key agreement X25519 (RFC 7748), HKDF-SHA256 (RFC 5869) with salt = ephemeral || recipient public key, AES-256-GCM. */
#include "crypt/seal.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "crypt/digest.h"
#include "crypt/rnd.h"

enum { PUB = 32, NONCE = 12, TAG = 16 };

void secret_free(struct secret *s) {
  if (s->p) OPENSSL_cleanse(s->p, s->n);
  free(s->p);
  *s = (struct secret){0};
}

static void drop_pkey(EVP_PKEY **k) { EVP_PKEY_free(*k); }
static void drop_pctx(EVP_PKEY_CTX **c) { EVP_PKEY_CTX_free(*c); }
static void drop_kdf(EVP_KDF_CTX **c) { EVP_KDF_CTX_free(*c); }
static void drop_cipher(EVP_CIPHER_CTX **c) { EVP_CIPHER_CTX_free(*c); }
#define WITH(fn) __attribute__((cleanup(fn)))

static void name_key(struct seal_pub *p) {
  unsigned char d[32];
  sha256_raw(p->k, PUB, d);
  snprintf(p->id, sizeof p->id, "%02x%02x%02x%02x", d[0], d[1], d[2], d[3]);
}

static bool public_of(const unsigned char k[32], struct seal_pub *out) {
  WITH(drop_pkey) EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, k, 32);
  size_t n = PUB;
  if (!key || EVP_PKEY_get_raw_public_key(key, out->k, &n) != 1) return false;
  name_key(out);
  return true;
}

void seal_keygen(struct seal_key *out) {
  rnd_bytes(out->k, sizeof out->k);
  BUG_ON(!public_of(out->k, &out->pub));
}

static bool read_key(const char *path, const char *label, unsigned char k[32], struct err *e) {
  struct arena *a = arena_new();
  char *text;
  unsigned char *raw;
  size_t n, raw_n, skip = strlen(label);
  bool ok = file_read(a, path, 4096, &text, &n, e);
  if (ok) {
    size_t len = n;
    while (len && strchr(" \t\r\n", text[len - 1])) len--; /* in place: no second copy of a private key */
    ok = len > skip && str_starts(text, label) && b64url_decode(a, text + skip, len - skip, &raw, &raw_n) && raw_n == 32;
    if (ok) memcpy(k, raw, 32), OPENSSL_cleanse(raw, 32);
    else err_set(e, FAIL_INVALID, MSG_SEAL_FILE, path);
    OPENSSL_cleanse(text, n);
  }
  arena_free(a);
  return ok;
}

bool seal_pub_load(const char *path, struct seal_pub *out, struct err *e) {
  if (!read_key(path, "fedlcm-seal-public-v1 ", out->k, e)) return false;
  name_key(out);
  return true;
}

bool seal_key_load(const char *path, struct seal_key *out, struct err *e) {
  if (!read_key(path, "fedlcm-seal-private-v1 ", out->k, e)) return false;
  return public_of(out->k, &out->pub) ? true : err_set(e, FAIL_INVALID, MSG_SEAL_FILE, path);
}

static bool write_key(const char *path, const char *label, const unsigned char k[32], mode_t mode, struct err *e) {
  struct arena *a = arena_new();
  char *code = b64url_encode(a, k, 32), *text = arena_fmt(a, "%s%s\n", label, code);
  bool ok = file_write(path, text, strlen(text), mode, e);
  OPENSSL_cleanse(text, strlen(text)), OPENSSL_cleanse(code, strlen(code));
  arena_free(a);
  return ok;
}

bool seal_pub_save(const char *path, const struct seal_pub *k, struct err *e) { return write_key(path, "fedlcm-seal-public-v1 ", k->k, 0444, e); }
bool seal_key_save(const char *path, const struct seal_key *k, struct err *e) { return write_key(path, "fedlcm-seal-private-v1 ", k->k, 0400, e); }

static bool agree(const unsigned char mine[32], const unsigned char theirs[32], const unsigned char salt[64], unsigned char key[32]) {
  unsigned char shared[32];
  size_t n = sizeof shared;
  WITH(drop_pkey) EVP_PKEY *priv = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, mine, 32);
  WITH(drop_pkey) EVP_PKEY *pub = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, theirs, 32);
  WITH(drop_pctx) EVP_PKEY_CTX *c = priv ? EVP_PKEY_CTX_new(priv, NULL) : NULL;
  if (!c || !pub || EVP_PKEY_derive_init(c) != 1 || EVP_PKEY_derive_set_peer(c, pub) != 1 || EVP_PKEY_derive(c, shared, &n) != 1) return false;
  EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
  WITH(drop_kdf) EVP_KDF_CTX *k = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
  EVP_KDF_free(kdf);
  OSSL_PARAM p[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0), OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, shared, n),
                    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, 64),
                    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (char[]){"fedlcm enc-v2"}, 13), OSSL_PARAM_construct_end()};
  bool ok = k && EVP_KDF_derive(k, key, 32, p) == 1;
  OPENSSL_cleanse(shared, sizeof shared);
  return ok;
}

char *seal(struct arena *a, const struct seal_pub *to, const char *kind, const char *uuid, const void *p, size_t n) {
  unsigned char eph[32], key[32], salt[64], *box = arena_alloc(a, PUB + NONCE + n + TAG);
  struct seal_pub pub;
  rnd_bytes(eph, sizeof eph);
  BUG_ON(!public_of(eph, &pub));
  memcpy(box, pub.k, PUB), memcpy(salt, pub.k, PUB), memcpy(salt + PUB, to->k, PUB);
  rnd_bytes(box + PUB, NONCE);
  BUG_ON(!agree(eph, to->k, salt, key));
  char *aad = arena_fmt(a, "%s|%s", kind, uuid);
  WITH(drop_cipher) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
  int k = 0;
  BUG_ON(!c || EVP_EncryptInit_ex2(c, EVP_aes_256_gcm(), key, box + PUB, NULL) != 1 || EVP_EncryptUpdate(c, NULL, &k, (unsigned char *)aad, (int)strlen(aad)) != 1 ||
         EVP_EncryptUpdate(c, box + PUB + NONCE, &k, p, (int)n) != 1 || EVP_EncryptFinal_ex(c, box + PUB + NONCE + k, &k) != 1 ||
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, box + PUB + NONCE + n) != 1);
  OPENSSL_cleanse(eph, sizeof eph), OPENSSL_cleanse(key, sizeof key);
  return arena_fmt(a, "<enc-v2:%s>%s", to->id, b64url_encode(a, box, PUB + NONCE + n + TAG));
}

static bool open_box(const struct seal_key *k, const char *aad, const unsigned char *box, size_t n, struct secret *out) {
  unsigned char key[32], salt[64];
  size_t len = n - PUB - NONCE - TAG;
  memcpy(salt, box, PUB), memcpy(salt + PUB, k->pub.k, PUB);
  if (!agree(k->k, box, salt, key)) return false;
  out->p = malloc(len + 1), out->n = len;
  BUG_ON(!out->p);
  WITH(drop_cipher) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
  int w = 0;
  bool ok = c && EVP_DecryptInit_ex2(c, EVP_aes_256_gcm(), key, box + PUB, NULL) == 1 && EVP_DecryptUpdate(c, NULL, &w, (const unsigned char *)aad, (int)strlen(aad)) == 1 &&
            EVP_DecryptUpdate(c, out->p, &w, box + PUB + NONCE, (int)len) == 1 && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, (void *)(uintptr_t)(box + n - TAG)) == 1 &&
            EVP_DecryptFinal_ex(c, out->p + w, &w) == 1;
  OPENSSL_cleanse(key, sizeof key);
  if (ok) out->p[len] = 0;
  else secret_free(out);
  return ok;
}

bool seal_open(const struct seal_key *k, const char *kind, const char *uuid, const char *sealed, struct secret *out, struct err *e) {
  static const char HEAD[] = "<enc-v2:";
  const char *end = str_starts(sealed, HEAD) ? strchr(sealed, '>') : NULL;
  if (!end || (size_t)(end - sealed) != strlen(HEAD) + 8) return err_set(e, FAIL_INVALID, MSG_SEAL_DAMAGED, kind);
  if (strncmp(sealed + strlen(HEAD), k->pub.id, 8)) return err_set(e, FAIL_INVALID, MSG_SEAL_OTHER_KEY, kind, k->pub.id);
  struct arena *a = arena_new();
  unsigned char *box;
  size_t n;
  bool ok = b64url_decode(a, end + 1, strlen(end + 1), &box, &n) && n >= PUB + NONCE + TAG && open_box(k, arena_fmt(a, "%s|%s", kind, uuid), box, n, out);
  arena_free(a);
  ERR_clear_error(); /* a failed tag leaves entries that would confuse the next library call */
  return ok ? true : err_set(e, FAIL_INVALID, MSG_SEAL_DAMAGED, kind);
}
