/* Contract: kubeconfig.h, kubeconfig_read. Rules field by field: reference 10 section 4.2. Everything that is wrong becomes a finding with the key path
 * as the file spells it, so that a person can repair the file in one go. */
#include "kube/kubeconfig.h"
#include <openssl/crypto.h>
#include <string.h>
#include "base/arena.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/name.h"
#include "base/str.h"
#include "codec/js.h"
#include "crypt/digest.h"
#include "crypt/x509.h"
#include "kube/kubeconfig_parts.h"

#define REMEDY "kubectl config view --raw --minify --flatten"
#define TOKEN_SECRET "kubernetes.io/service-account-token"
static const usec_t DAY = 86400LL * 1000000;

struct reading {
  struct arena *a; struct kubeconfig *out; struct picked p; struct canon c;
  bool allow_insecure; usec_t now;
};

static void find(struct reading *r, enum finding_level level, struct text t) {
  struct kubeconfig *k = r->out;
  if (level == FINDING_FAIL) k->ok = false;
  if (k->n_findings == (int)(sizeof k->findings / sizeof *k->findings)) return;
  for (int i = 0; i < t.n; i++) t.args[i] = arena_strdup(r->a, nn(t.args[i])); /* values may lie in a compound literal of the caller */
  k->findings[k->n_findings++] = (struct finding){level, t};
}
#define FAIL(...) find(r, FINDING_FAIL, TEXT(__VA_ARGS__))
#define WARN(...) find(r, FINDING_WARN, TEXT(__VA_ARGS__))
#define FINE(...) find(r, FINDING_OK, TEXT(__VA_ARGS__))

static const char *at_cluster(struct reading *r, const char *key) { return arena_fmt(r->a, "clusters[%s].cluster.%s", r->p.cluster, key); }
static const char *at_user(struct reading *r, const char *key) { return arena_fmt(r->a, "users[%s].user.%s", r->p.user, key); }
static const char *day(struct reading *r, usec_t t) { return arena_strndup(r->a, time_rfc3339(r->a, t), 10); }

/* --- the frame: lists, names, selection --- */
static bool list_ok(struct reading *r, const struct yml *list, const char *key, const char *inner) {
  if (yml_is_null(list)) return FAIL(MSG_KUBECONFIG_NOT_CONFIG, key, REMEDY), false;
  if (list->kind != YML_SEQ) return FAIL(MSG_KUBECONFIG_TYPE, key, "list"), false;
  for (size_t i = 0; i < list->n; i++) {
    const char *name = yml_str(list->val[i], "name");
    if (!name) return FAIL(MSG_KUBECONFIG_TYPE, arena_fmt(r->a, "%s[%zu].name", key, i), "name"), false;
    for (size_t k = 0; k < i; k++)
      if (streq(yml_str(list->val[k], "name"), name)) return FAIL(MSG_KUBECONFIG_TWICE, key, name), false;
    const struct yml *v = yml_get(list->val[i], inner);
    if (!yml_is_null(v) && v->kind != YML_MAP) return FAIL(MSG_KUBECONFIG_TYPE, arena_fmt(r->a, "%s[%s].%s", key, name, inner), "mapping"), false;
  }
  return true;
}

static bool frame(struct reading *r, const struct yml *root) {
  const char *kind = yml_str(root, "kind"), *version = yml_str(root, "apiVersion");
  if (yml_is_null(root)) return FAIL(MSG_KUBECONFIG_EMPTY, REMEDY), false;
  if (root->kind != YML_MAP) return FAIL(MSG_KUBECONFIG_NOT_CONFIG, "clusters", REMEDY), false;
  if (kind && !streq(kind, "Config")) return FAIL(MSG_KUBECONFIG_NOT_CONFIG, "kind: Config", REMEDY), false;
  if (version && !streq(version, "v1")) return FAIL(MSG_KUBECONFIG_NOT_CONFIG, "apiVersion: v1", REMEDY), false;
  kubeconfig_pick(root, &r->p);
  struct picked *p = &r->p;
  bool lists = list_ok(r, p->clusters, "clusters", "cluster");
  lists = list_ok(r, p->users, "users", "user") && lists; /* all three are looked at: a person repairs the file in one go */
  lists = list_ok(r, p->contexts, "contexts", "context") && lists;
  if (!p->context || !*p->context) FAIL(MSG_KUBECONFIG_NO_CONTEXT, "current-context", REMEDY), lists = false;
  if (!lists) return false;
  if (!p->in_context) return FAIL(MSG_KUBECONFIG_MISSING_ENTRY, "current-context", p->context, "contexts"), false;
  bool ok = true;
  if (!p->cluster) FAIL(MSG_KUBECONFIG_TYPE, arena_fmt(r->a, "contexts[%s].context.cluster", p->context), "name"), ok = false;
  else if (!p->in_cluster) FAIL(MSG_KUBECONFIG_MISSING_ENTRY, arena_fmt(r->a, "contexts[%s].context.cluster", p->context), p->cluster, "clusters"), ok = false;
  if (!p->user) FAIL(MSG_KUBECONFIG_TYPE, arena_fmt(r->a, "contexts[%s].context.user", p->context), "name"), ok = false;
  else if (!p->in_user) FAIL(MSG_KUBECONFIG_MISSING_ENTRY, arena_fmt(r->a, "contexts[%s].context.user", p->context), p->user, "users"), ok = false;
  return ok;
}

/* Text of a key; "" when absent; a finding and "" when it is no text. */
static const char *text_of(struct reading *r, const struct yml *map, const char *key, const char *path) {
  const struct yml *v = yml_get(map, key);
  if (yml_is_null(v)) return "";
  if (v->kind == YML_SCALAR) return str_trim(r->a, v->s);
  FAIL(MSG_KUBECONFIG_TYPE, path, "text");
  return "";
}

static void unknown_keys(struct reading *r, const struct yml *map, const char *const *known, const char *(*path)(struct reading *, const char *)) {
  for (size_t i = 0; i < map->n; i++) {
    bool hit = false;
    for (const char *const *k = known; *k && !hit; k++) hit = streq(*k, map->key[i]->s);
    if (!hit) WARN(MSG_KUBECONFIG_UNKNOWN_KEY, path(r, str_excerpt(r->a, map->key[i]->s, map->key[i]->len, 100)));
  }
}

/* --- the cluster entry --- */
static void server(struct reading *r) {
  const char *path = at_cluster(r, "server"), *s = text_of(r, r->p.in_cluster, "server", path), *shown = str_excerpt(r->a, s, strlen(s), 200);
  if (!*s) { FAIL(MSG_KUBECONFIG_NO_SERVER, path); return; }
  struct address x = kubeconfig_address(r->a, s);
  if (x.login) { FAIL(MSG_KUBECONFIG_SERVER_LOGIN, path); return; }
  if (!x.ok) { FAIL(MSG_KUBECONFIG_BAD_SERVER, path, shown, "https://10.1.2.3:6443"); return; }
  r->out->server = r->c.server = x.url, r->out->host = x.host;
  if (!x.https) FAIL(MSG_KUBECONFIG_PLAIN_HTTP, path, shown);
  enum host_class c = kubeconfig_host_class(x.host);
  if (c == HOST_LINK_LOCAL) FAIL(MSG_KUBECONFIG_LINK_LOCAL, path, x.host);
  if (c == HOST_LOOPBACK) WARN(MSG_KUBECONFIG_LOOPBACK, path, x.host);
}

static bool decoded(struct reading *r, const char *path, const char *s, unsigned char **p, size_t *n) {
  if (b64_decode(r->a, s, strlen(s), true, p, n) && *n) return true;
  FAIL(MSG_KUBECONFIG_BASE64, path, REMEDY);
  return false;
}

static void authority(struct reading *r) {
  const char *path = at_cluster(r, "certificate-authority-data"), *file = at_cluster(r, "certificate-authority");
  const char *s = text_of(r, r->p.in_cluster, "certificate-authority-data", path);
  unsigned char *pem;
  size_t n, count;
  if (*text_of(r, r->p.in_cluster, "certificate-authority", file)) FAIL(MSG_KUBECONFIG_PATH, file, REMEDY);
  if (!*s || !decoded(r, path, s, &pem, &n)) return;
  struct x509_facts f;
  struct err e = ERR_INIT;
  if (!x509_bundle_ok((char *)pem, n, &count) || !x509_read(r->a, (char *)pem, n, &f, &e)) { FAIL(MSG_KUBECONFIG_CA, path, REMEDY); return; }
  if (count == 1 && f.not_after < r->now) FAIL(MSG_KUBECONFIG_CA_EXPIRED, path, day(r, f.not_after));
  r->out->ca_sha256 = f.fingerprint_sha256;
  r->c.ca_b64 = b64_encode(r->a, pem, n);
}

static void verification(struct reading *r) {
  const char *path = at_cluster(r, "insecure-skip-tls-verify"), *name = at_cluster(r, "tls-server-name"), *proxy = at_cluster(r, "proxy-url");
  if (!kubeconfig_switch(yml_get(r->p.in_cluster, "insecure-skip-tls-verify"), &r->c.insecure)) FAIL(MSG_KUBECONFIG_TYPE, path, "true / false");
  r->out->insecure = r->c.insecure;
  if (r->c.insecure && *r->c.ca_b64) FAIL(MSG_KUBECONFIG_INSECURE_CA, path, at_cluster(r, "certificate-authority-data"));
  else if (r->c.insecure && !r->allow_insecure) FAIL(MSG_KUBECONFIG_INSECURE, path);
  else if (r->c.insecure) WARN(MSG_KUBECONFIG_INSECURE_CONFIRMED, path);
  const char *s = text_of(r, r->p.in_cluster, "tls-server-name", name);
  if (*s && !name_host(s)) FAIL(MSG_KUBECONFIG_TLS_NAME, name, str_excerpt(r->a, s, strlen(s), 200));
  else r->c.tls_name = s;
  s = text_of(r, r->p.in_cluster, "proxy-url", proxy);
  if (*s && !kubeconfig_proxy_ok(r->a, s)) FAIL(MSG_KUBECONFIG_PROXY, proxy, strchr(s, '@') ? "…@…" : str_excerpt(r->a, s, strlen(s), 200));
  else r->c.proxy = s;
}

static void cluster(struct reading *r) {
  static const char *const KNOWN[] = {"server", "certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify", "tls-server-name", "proxy-url", "disable-compression", "extensions", NULL};
  unknown_keys(r, r->p.in_cluster, KNOWN, at_cluster);
  server(r);
  authority(r);
  verification(r);
}

/* --- the user entry --- */

/* Ways to log in that would make us run something, read files or act as somebody else. */
static void refused_logins(struct reading *r) {
  static const struct { const char *key; enum msg msg; const char *hint; } NO[] = {
      {"exec", MSG_KUBECONFIG_EXEC, TOKEN_SECRET}, {"auth-provider", MSG_KUBECONFIG_AUTH_PROVIDER, TOKEN_SECRET}, {"client-certificate", MSG_KUBECONFIG_PATH, REMEDY},
      {"client-key", MSG_KUBECONFIG_PATH, REMEDY}, {"tokenFile", MSG_KUBECONFIG_PATH, REMEDY}, {"username", MSG_KUBECONFIG_BASIC, TOKEN_SECRET}, {"password", MSG_KUBECONFIG_BASIC, TOKEN_SECRET},
      {"as", MSG_KUBECONFIG_IMPERSONATE, ""}, {"as-uid", MSG_KUBECONFIG_IMPERSONATE, ""}, {"as-groups", MSG_KUBECONFIG_IMPERSONATE, ""}, {"as-user-extra", MSG_KUBECONFIG_IMPERSONATE, ""}};
  for (size_t i = 0; i < sizeof NO / sizeof *NO; i++) {
    const struct yml *v = yml_get(r->p.in_user, NO[i].key);
    bool set = !yml_is_null(v) && (v->kind == YML_SCALAR ? v->len > 0 : v->n > 0);
    if (set) FAIL(NO[i].msg, at_user(r, NO[i].key), NO[i].hint);
  }
}

static void certificate_dates(struct reading *r, const char *path, const struct x509_facts *f) {
  if (f->not_after < r->now) FAIL(MSG_KUBECONFIG_CERT_EXPIRED, path, day(r, f->not_after));
  else if (f->not_after < r->now + 30 * DAY) WARN(MSG_KUBECONFIG_CERT_SOON, path, day(r, f->not_after));
  if (f->not_before > r->now + DAY / 288) WARN(MSG_KUBECONFIG_CERT_EARLY, path, time_rfc3339(r->a, f->not_before)); /* five minutes of clock difference are ordinary */
}

static void key_pair(struct reading *r, const char *cert_path, const char *key_path, const char *cert_text, const char *key_text) {
  unsigned char *cert, *key = NULL;
  size_t cn, kn = 0;
  struct x509_facts f;
  struct err e = ERR_INIT;
  bool match = false;
  if (!decoded(r, cert_path, cert_text, &cert, &cn)) return;
  if (!x509_read(r->a, (char *)cert, cn, &f, &e)) { FAIL(MSG_KUBECONFIG_CERT, cert_path, REMEDY); return; }
  certificate_dates(r, cert_path, &f);
  if (kubeconfig_mask_is(key_text)) { FAIL(MSG_KUBECONFIG_MASKED, key_path); return; }
  if (!decoded(r, key_path, key_text, &key, &kn)) return;
  if (!x509_key_matches((char *)cert, cn, (char *)key, kn, &match, &e)) FAIL(MSG_KUBECONFIG_KEY, key_path, REMEDY);
  else if (!match) FAIL(MSG_KUBECONFIG_MISMATCH, key_path, cert_path);
  else {
    r->out->auth_kind = "certificate", r->out->cert_subject = f.subject_cn, r->out->cert_not_after = f.not_after;
    r->c.cert_b64 = b64_encode(r->a, cert, cn), r->c.key_b64 = b64_encode(r->a, key, kn);
    FINE(MSG_KUBECONFIG_USES_CERT, f.subject_cn, day(r, f.not_after));
  }
  OPENSSL_cleanse(key, kn);
}

/* ServiceAccount tokens are JWTs: the payload tells their end. What is no JWT has no end that we know. */
static usec_t token_end(struct arena *a, const char *token) {
  const char *dot = strchr(token, '.'), *end = dot ? strchr(dot + 1, '.') : NULL;
  unsigned char *p;
  size_t n;
  js *v = NULL;
  struct err e = ERR_INIT;
  if (!end || !b64url_decode(a, dot + 1, (size_t)(end - dot - 1), &p, &n) || !js_parse(a, (char *)p, n, 16384, &v, &e)) return 0;
  int64_t exp = js_int(v, "exp", 0);
  return exp > 0 && exp < 253402300800LL ? exp * 1000000 : 0;
}

static void token(struct reading *r, const char *path, const char *s) {
  if (kubeconfig_mask_is(s)) { FAIL(MSG_KUBECONFIG_MASKED, path); return; }
  for (const unsigned char *p = (const unsigned char *)s; *p; p++)
    if (*p <= 0x20 || *p >= 0x7f) { FAIL(MSG_KUBECONFIG_TOKEN_BAD, path); return; }
  usec_t end = token_end(r->a, s);
  if (end && end < r->now) FAIL(MSG_KUBECONFIG_TOKEN_EXPIRED, path, day(r, end), TOKEN_SECRET);
  else if (end && end < r->now + 30 * DAY) WARN(MSG_KUBECONFIG_TOKEN_SOON, path, time_rfc3339(r->a, end), TOKEN_SECRET);
  r->c.token = s;
  if (!*r->out->auth_kind) r->out->auth_kind = "token";
  FINE(MSG_KUBECONFIG_USES_TOKEN);
}

static void user(struct reading *r) {
  static const char *const KNOWN[] = {"client-certificate", "client-certificate-data", "client-key", "client-key-data", "token", "tokenFile", "as", "as-uid", "as-groups", "as-user-extra", "username", "password", "auth-provider", "exec", "extensions", NULL};
  const char *cp = at_user(r, "client-certificate-data"), *kp = at_user(r, "client-key-data"), *tp = at_user(r, "token");
  const struct yml *u = r->p.in_user;
  int before = r->out->n_findings;
  unknown_keys(r, u, KNOWN, at_user);
  refused_logins(r);
  const char *cert = text_of(r, u, "client-certificate-data", cp), *key = text_of(r, u, "client-key-data", kp), *t = text_of(r, u, "token", tp);
  if (*cert && *key) key_pair(r, cp, kp, cert, key);
  else if (*cert) FAIL(MSG_KUBECONFIG_PAIR, cp, kp);
  else if (*key) FAIL(MSG_KUBECONFIG_PAIR, kp, cp);
  if (*t) token(r, tp, t);
  bool told = false; /* a refused login is the reason already */
  for (int i = before; i < r->out->n_findings; i++) told |= r->out->findings[i].level == FINDING_FAIL;
  if (!*cert && !*key && !*t && !told) FAIL(MSG_KUBECONFIG_NO_CREDENTIALS, arena_fmt(r->a, "users[%s].user", r->p.user), TOKEN_SECRET);
}

/* --- the result --- */

/* The hash leaves the names out: renaming a context does not make another infrastructure (reference 10 section 4.2, "cosmetic edits"). */
static void finish(struct reading *r, const char *mask_object) {
  struct kubeconfig *k = r->out;
  struct canon bare = r->c, masked = r->c;
  k->canonical = kubeconfig_emit(r->a, &r->c);
  bare.context = bare.cluster = bare.user = bare.ns = "";
  const char *s = kubeconfig_emit(r->a, &bare);
  k->canonical_sha256 = sha256_hex(r->a, s, strlen(s));
  OPENSSL_cleanse((char *)(uintptr_t)s, strlen(s));
  if (*masked.key_b64) masked.key_b64 = kubeconfig_mask(r->a, mask_object, "client-key-data");
  if (*masked.token) masked.token = kubeconfig_mask(r->a, mask_object, "token");
  k->shown = kubeconfig_emit(r->a, &masked);
}

static void names(struct reading *r) {
  const struct picked *p = &r->p;
  const char *ns = nn(p->ns);
  r->out->context = r->c.context = nn(p->context), r->out->cluster = r->c.cluster = nn(p->cluster), r->out->user = r->c.user = nn(p->user);
  if (*ns && !name_dns_label(ns)) WARN(MSG_KUBECONFIG_TYPE, arena_fmt(r->a, "contexts[%s].context.namespace", p->context), "namespace"), ns = "";
  r->out->default_namespace = r->c.ns = ns;
}

bool kubeconfig_read(struct arena *a, const char *text, size_t n, const char *mask_object, bool allow_insecure, usec_t now, struct kubeconfig *out, struct err *e) {
  const struct yml *root = NULL;
  struct err parse = ERR_INIT;
  *out = (struct kubeconfig){.context = "", .cluster = "", .user = "", .server = "", .host = "", .default_namespace = "", .auth_kind = "", .cert_subject = "", .ca_sha256 = "",
                             .canonical = "", .canonical_sha256 = "", .shown = "", .ok = true};
  struct reading reading = {.a = a, .out = out, .allow_insecure = allow_insecure, .now = now,
                            .c = {.context = "", .cluster = "", .user = "", .ns = "", .server = "", .ca_b64 = "", .tls_name = "", .proxy = "", .cert_b64 = "", .key_b64 = "", .token = ""}};
  struct reading *r = &reading;
  if (n > KUBECONFIG_MAX) return FAIL(MSG_KUBECONFIG_TOO_LARGE, NUM(KUBECONFIG_MAX), REMEDY), true;
  if (!yml_parse(a, text, n, KUBECONFIG_MAX, &root, &parse)) {
    if (parse.kind == FAIL_BUG) return *e = parse, false;
    return find(r, FINDING_FAIL, err_text(&parse)), true;
  }
  if (!frame(r, root)) return true;
  names(r);
  cluster(r);
  user(r);
  if (!out->ok) return true;
  finish(r, mask_object);
  FINE(MSG_KUBECONFIG_USES, out->context, out->cluster, out->user, out->server);
  return true;
}
