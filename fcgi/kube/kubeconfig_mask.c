/* Contract: kubeconfig.h: identity from the stored text, and masks that stand for stored secrets. */
#include <openssl/crypto.h>
#include <string.h>
#include "base/arena.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/str.h"
#include "kube/kubeconfig.h"
#include "kube/kubeconfig_parts.h"

/* Secrets in a tree of ours are wiped before the arena goes back to malloc. libyaml's own copies are out of reach. */
static void wipe_text(const struct yml *map, const char *key) {
  const struct yml *v = yml_get(map, key);
  if (v && v->kind == YML_SCALAR) OPENSSL_cleanse((char *)(uintptr_t)v->s, v->len);
}

static bool decode_into(struct arena *a, const struct yml *map, const char *key, unsigned char **p, size_t *n) {
  const char *s = yml_str(map, key);
  *p = NULL, *n = 0;
  return !s || b64_decode(a, s, strlen(s), true, p, n);
}

static bool identity_from(struct arena *a, const struct secret *canonical, struct identity *id, struct err *e) {
  const struct yml *root;
  struct picked p;
  unsigned char *ca, *cert, *key;
  size_t ca_n, cert_n, key_n;
  if (!yml_parse(a, (const char *)canonical->p, canonical->n, 4 * KUBECONFIG_MAX, &root, e)) return false;
  kubeconfig_pick(root, &p);
  bool ok = p.in_cluster && p.in_user && yml_str(p.in_cluster, "server") && decode_into(a, p.in_cluster, "certificate-authority-data", &ca, &ca_n) &&
            decode_into(a, p.in_user, "client-certificate-data", &cert, &cert_n) && decode_into(a, p.in_user, "client-key-data", &key, &key_n) &&
            kubeconfig_switch(yml_get(p.in_cluster, "insecure-skip-tls-verify"), &id->insecure);
  if (ok) {
    const char *token = yml_str(p.in_user, "token");
    identity_set(&id->base_url, yml_str(p.in_cluster, "server"));
    identity_set(&id->ca_pem, (char *)ca), identity_set(&id->cert_pem, (char *)cert);
    identity_set(&id->tls_server_name, yml_str(p.in_cluster, "tls-server-name")), identity_set(&id->proxy_url, yml_str(p.in_cluster, "proxy-url"));
    if (key_n) secret_set(&id->key_pem, key, key_n), OPENSSL_cleanse(key, key_n);
    if (token) secret_set(&id->token, token, strlen(token));
  }
  wipe_text(p.in_user, "client-key-data"), wipe_text(p.in_user, "token");
  return ok ? true : err_set(e, FAIL_INVALID, MSG_KUBECONFIG_NOT_CONFIG, "clusters, users", "kubectl config view --raw --minify --flatten");
}

bool kubeconfig_identity(const struct secret *canonical, struct identity **out, struct err *e) {
  struct arena *a = arena_new();
  struct identity *id = identity_new();
  bool ok = identity_from(a, canonical, id, e);
  arena_free(a);
  if (ok) *out = id;
  else identity_free(id);
  return ok;
}

static const char *const FIELDS[] = {"client-key-data", "token"};
enum { N_FIELDS = sizeof FIELDS / sizeof *FIELDS };

/* --- same destination --- */

/* Where requests of this file go and whom they trust there. The verification switch belongs to it: turning it on would send a stored secret to whoever answers. */
static const char *destination(struct arena *a, const struct picked *p) {
  struct address s = kubeconfig_address(a, nn(yml_str(p->in_cluster, "server")));
  unsigned char *ca;
  size_t n;
  bool insecure = false;
  if (!s.ok || !decode_into(a, p->in_cluster, "certificate-authority-data", &ca, &n) || !kubeconfig_switch(yml_get(p->in_cluster, "insecure-skip-tls-verify"), &insecure)) return NULL;
  struct canon c = {.context = "", .cluster = "", .user = "", .ns = "", .server = s.url, .ca_b64 = n ? b64_encode(a, ca, n) : "", .tls_name = str_trim(a, yml_str(p->in_cluster, "tls-server-name")),
                    .proxy = str_trim(a, yml_str(p->in_cluster, "proxy-url")), .cert_b64 = "", .key_b64 = "", .token = "", .insecure = insecure};
  return kubeconfig_emit(a, &c);
}

static bool same(struct arena *a, const struct picked *x, const struct picked *y) {
  const char *dx = x->in_cluster ? destination(a, x) : NULL, *dy = y->in_cluster ? destination(a, y) : NULL;
  return dx && dy && streq(dx, dy);
}

static bool pick(struct arena *a, const char *text, size_t n, struct picked *out, struct err *e) {
  const struct yml *root;
  if (!yml_parse(a, text, n, 4 * KUBECONFIG_MAX, &root, e)) return false;
  kubeconfig_pick(root, out);
  return true;
}

/* A secret of the selected user, not a word in a comment. Text that cannot be read holds none: the reader tells what is wrong with it. */
bool kubeconfig_is_masked(const char *text) {
  struct picked p;
  struct err unreadable = ERR_INIT;
  if (!strstr(nn(text), MASK_BEGIN)) return false;
  struct arena *a = arena_new();
  bool found = false;
  if (pick(a, text, strlen(text), &p, &unreadable))
    for (size_t i = 0; i < N_FIELDS && !found; i++) found = kubeconfig_mask_is(str_trim(a, nn(yml_str(p.in_user, FIELDS[i]))));
  arena_free(a);
  return found;
}

/* Both have the same certificate, and masks for the same secrets. A secret or certificate that was typed beside a mask would be dropped without a word. */
static bool same_login(struct arena *a, const struct picked *x, const struct picked *y) {
  unsigned char *cx, *cy;
  size_t nx, ny;
  for (size_t i = 0; i < N_FIELDS; i++) {
    const char *vx = str_trim(a, nn(yml_str(x->in_user, FIELDS[i]))), *vy = str_trim(a, nn(yml_str(y->in_user, FIELDS[i])));
    if (!*vx && !*vy) continue;
    if (!kubeconfig_mask_is(vx) || !kubeconfig_mask_is(vy)) return false;
  }
  if (!decode_into(a, x->in_user, "client-certificate-data", &cx, &nx) || !decode_into(a, y->in_user, "client-certificate-data", &cy, &ny)) return false;
  return nx == ny && (!nx || !memcmp(cx, cy, nx));
}

bool kubeconfig_same_destination(struct arena *a, const char *posted, const char *stored_shown, bool *out, struct err *e) {
  struct picked x, y;
  if (!pick(a, posted, strlen(posted), &x, e) || !pick(a, stored_shown, strlen(stored_shown), &y, e)) return false;
  *out = same(a, &x, &y) && same_login(a, &x, &y);
  return true;
}

/* --- putting secrets back --- */
bool kubeconfig_unmask(struct arena *a, const char *posted, const struct secret *stored, const char **out, struct err *e) {
  struct picked x, y;
  struct yml_edit edits[N_FIELDS];
  size_t n_edits = 0, n;
  if (!pick(a, posted, strlen(posted), &x, e) || !pick(a, (const char *)stored->p, stored->n, &y, e)) return false;
  if (!same(a, &x, &y)) return err_set(e, FAIL_INVALID, MSG_KUBECONFIG_MOVED);
  for (size_t i = 0; i < N_FIELDS; i++) {
    const struct yml *v = yml_get(x.in_user, FIELDS[i]);
    const char *secret = yml_str(y.in_user, FIELDS[i]);
    if (!v || v->kind != YML_SCALAR || !kubeconfig_mask_is(str_trim(a, v->s))) continue;
    if (!secret) return err_set(e, FAIL_INVALID, MSG_KUBECONFIG_MASKED, arena_fmt(a, "users[%s].user.%s", nn(x.user), FIELDS[i]));
    struct buf b;
    buf_init(&b, a, KUBECONFIG_MAX);
    yml_write_quoted(&b, secret);
    edits[n_edits++] = (struct yml_edit){v->start, v->end, b.p};
  }
  wipe_text(y.in_user, "client-key-data"), wipe_text(y.in_user, "token");
  *out = yml_splice(a, posted, strlen(posted), edits, n_edits, &n);
  return true;
}
