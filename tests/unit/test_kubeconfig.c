/* The kubeconfig reader: every row of reference 10 section 4.2, masks, hostile text. */
#include "t.h"
#include "base/b64.h"
#include "base/clock.h"
#include "crypt/x509.h"
#include "base/file.h"
#include "kube/incluster.h"
#include "kube/kubeconfig.h"
#include <unistd.h>

static struct { struct arena *a; const char *ca, *ca_b64, *cert_b64, *key_b64, *expired_b64, *expired_key, *soon_b64, *soon_key; struct secret ca_key; } P;
static usec_t NOW;

static void leaf(long life, const char **cert, const char **key) {
  struct x509_leaf l;
  struct err e = ERR_INIT;
  if (!x509_issue(P.a, P.ca, &P.ca_key, "admin-user", (const char *const[]){"x"}, 1, life, &l, &e)) abort();
  *cert = b64_encode(P.a, l.cert_pem, strlen(l.cert_pem)), *key = b64_encode(P.a, l.key_pkcs8.p, l.key_pkcs8.n);
  x509_leaf_free(&l);
}

static int make_certificates(void **s) {
  (void)s;
  struct err e = ERR_INIT;
  P.a = arena_new();
  NOW = clock_unix() * 1000000;
  if (!x509_make_ca(P.a, "test ca", "test", &P.ca, &P.ca_key, &e)) return 1;
  P.ca_b64 = b64_encode(P.a, P.ca, strlen(P.ca));
  leaf(365L * 86400, &P.cert_b64, &P.key_b64), leaf(-60, &P.expired_b64, &P.expired_key), leaf(10L * 86400, &P.soon_b64, &P.soon_key);
  return 0;
}
static int drop_certificates(void **s) {
  (void)s;
  secret_free(&P.ca_key);
  arena_free(P.a);
  return 0;
}

/* A kubeconfig of these cluster and user lines (indented by four). */
static const char *config(const char *cluster, const char *user) {
  return arena_fmt(A, "apiVersion: v1\nkind: Config\ncurrent-context: ctx\nclusters:\n- name: cl\n  cluster:\n%susers:\n- name: us\n  user:\n%scontexts:\n- name: ctx\n  context: {cluster: cl, user: us, namespace: some}\n", cluster, user);
}
static const char *server(const char *url) { return arena_fmt(A, "    server: %s\n    certificate-authority-data: %s\n", url, P.ca_b64); }
static const char *good_cluster(void) { return server("https://10.1.2.3:6443"); }
static const char *cert_user(void) { return arena_fmt(A, "    client-certificate-data: %s\n    client-key-data: %s\n", P.cert_b64, P.key_b64); }

static struct kubeconfig K;
static bool parse_with(const char *text, bool insecure) {
  OK(kubeconfig_read(A, text, strlen(text), "obj", insecure, NOW, &K, &E));
  return K.ok;
}
static bool parse(const char *text) { return parse_with(text, false); }
static bool has(enum finding_level l, enum msg key, const char *opt_arg0) {
  for (int i = 0; i < K.n_findings; i++)
    if (K.findings[i].level == l && K.findings[i].t.key == key && (!opt_arg0 || streq(K.findings[i].t.args[0], opt_arg0))) return true;
  for (int i = 0; i < K.n_findings; i++) print_error("finding %d: %s %s\n", K.findings[i].level, text_key(K.findings[i].t.key), nn(K.findings[i].t.args[0]));
  return false;
}
#define FAILS(key, path) assert_true(!K.ok && has(FINDING_FAIL, key, path) && !*K.canonical)

static void a_certificate_kubeconfig_is_accepted(void **s) {
  (void)s;
  assert_true(parse(config(good_cluster(), cert_user())));
  assert_string_equal(K.server, "https://10.1.2.3:6443"), assert_string_equal(K.host, "10.1.2.3"), assert_string_equal(K.auth_kind, "certificate"), assert_string_equal(K.cert_subject, "admin-user");
  assert_string_equal(K.context, "ctx"), assert_string_equal(K.default_namespace, "some"), assert_int_equal(strlen(K.canonical_sha256), 64), assert_int_equal(strlen(K.ca_sha256), 64);
  assert_true(K.cert_not_after > NOW);
  assert_non_null(strstr(K.canonical, P.key_b64));
  assert_null(strstr(K.shown, P.key_b64));
  assert_non_null(strstr(K.shown, "(stored: obj/client-key-data)"));
  assert_true(has(FINDING_OK, MSG_KUBECONFIG_USES, "ctx") && has(FINDING_OK, MSG_KUBECONFIG_USES_CERT, NULL));
}

static void cosmetic_edits_do_not_change_the_hash(void **s) {
  (void)s;
  assert_true(parse(config(good_cluster(), "    token: abc\n")));
  const char *h = K.canonical_sha256, *c = K.canonical;
  assert_true(parse(c)); /* the canonical form is a fixed point */
  assert_string_equal(K.canonical, c), assert_string_equal(K.canonical_sha256, h);
  assert_true(parse(arena_fmt(A, "{\"kind\":\"Config\",\"current-context\":\"other\",\"contexts\":[{\"name\":\"other\",\"context\":{\"cluster\":\"a\",\"user\":\"b\"}},{\"name\":\"unused\",\"context\":{\"cluster\":\"zz\",\"user\":\"zz\"}}],"
                              "\"users\":[{\"name\":\"b\",\"user\":{\"token\":\"abc\"}},{\"name\":\"zz\",\"user\":{\"exec\":{\"command\":\"rm\"}}}],\"clusters\":[{\"name\":\"a\",\"cluster\":{\"server\":\"HTTPS://10.1.2.3:6443/\",\"certificate-authority-data\":\"%s\"}}]}", P.ca_b64)));
  assert_string_equal(K.canonical_sha256, h); /* JSON, other names, other contexts: the same cluster as the same account */
  assert_null(strstr(K.canonical, "exec"));
  assert_true(parse(config(good_cluster(), "    token: abd\n")));
  assert_string_not_equal(K.canonical_sha256, h);
}

static void tokens_are_checked(void **s) {
  (void)s;
  assert_true(parse(config(good_cluster(), "    token: \"abc\\n\"\n")));
  assert_string_equal(K.auth_kind, "token"), assert_non_null(strstr(K.canonical, "token: \"abc\"")), assert_non_null(strstr(K.shown, "(stored: obj/token)"));
  assert_false(parse(config(good_cluster(), "    token: a b\n")));
  FAILS(MSG_KUBECONFIG_TOKEN_BAD, "users[us].user.token");
  const char *const claims[] = {"{\"exp\":1}", arena_fmt(A, "{\"exp\":%lld}", (long long)(NOW / 1000000 + 3600)), "{\"exp\":\"x\"}", "{"};
  for (int i = 0; i < 4; i++) {
    parse(config(good_cluster(), arena_fmt(A, "    token: h.%s.s\n", b64url_encode(A, claims[i], strlen(claims[i])))));
    if (i == 0) FAILS(MSG_KUBECONFIG_TOKEN_EXPIRED, NULL);
    else assert_true(K.ok);
    if (i == 1) assert_true(has(FINDING_WARN, MSG_KUBECONFIG_TOKEN_SOON, NULL));
  }
}

static void refused_logins_name_their_key_and_a_way_out(void **s) {
  (void)s;
  static const struct { const char *yaml, *path; enum msg key; } ROW[] = {
      {"    exec: {command: /bin/sh, args: [-c, id]}\n", "users[us].user.exec", MSG_KUBECONFIG_EXEC}, {"    auth-provider: {name: gcp}\n", "users[us].user.auth-provider", MSG_KUBECONFIG_AUTH_PROVIDER},
      {"    client-certificate: /etc/passwd\n", "users[us].user.client-certificate", MSG_KUBECONFIG_PATH}, {"    client-key: /etc/shadow\n", "users[us].user.client-key", MSG_KUBECONFIG_PATH},
      {"    tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token\n", "users[us].user.tokenFile", MSG_KUBECONFIG_PATH}, {"    username: u\n    password: p\n", "users[us].user.username", MSG_KUBECONFIG_BASIC},
      {"    token: t\n    as: root\n", "users[us].user.as", MSG_KUBECONFIG_IMPERSONATE}, {"    token: t\n    as-groups: [system:masters]\n", "users[us].user.as-groups", MSG_KUBECONFIG_IMPERSONATE},
      {"    token: t\n    as-uid: '1'\n", "users[us].user.as-uid", MSG_KUBECONFIG_IMPERSONATE}, {"    token: t\n    as-user-extra: {a: [b]}\n", "users[us].user.as-user-extra", MSG_KUBECONFIG_IMPERSONATE},
      {"    {}\n", "users[us].user", MSG_KUBECONFIG_NO_CREDENTIALS}, {"    token: ''\n", "users[us].user", MSG_KUBECONFIG_NO_CREDENTIALS}, {"    token: [a]\n", "users[us].user.token", MSG_KUBECONFIG_TYPE},
      {"    token: '(stored: obj/token)'\n", "users[us].user.token", MSG_KUBECONFIG_MASKED}};
  for (size_t i = 0; i < sizeof ROW / sizeof *ROW; i++) {
    assert_false(parse(config(good_cluster(), ROW[i].yaml)));
    FAILS(ROW[i].key, ROW[i].path);
  }
  assert_true(parse(config(good_cluster(), "    token: t\n    frobnicate: 1\n")));
  assert_true(has(FINDING_WARN, MSG_KUBECONFIG_UNKNOWN_KEY, "users[us].user.frobnicate"));
}

static void certificates_are_checked_before_they_are_stored(void **s) {
  (void)s;
  const char *k = "users[us].user.client-key-data", *c = "users[us].user.client-certificate-data";
#define PAIR "    client-certificate-data: %s\n    client-key-data: %s\n"
  parse(config(good_cluster(), arena_fmt(A, PAIR, P.cert_b64, P.soon_key)));
  FAILS(MSG_KUBECONFIG_MISMATCH, k);
  parse(config(good_cluster(), arena_fmt(A, PAIR, P.expired_b64, P.expired_key)));
  FAILS(MSG_KUBECONFIG_CERT_EXPIRED, c);
  assert_true(parse(config(good_cluster(), arena_fmt(A, PAIR, P.soon_b64, P.soon_key))));
  assert_true(has(FINDING_WARN, MSG_KUBECONFIG_CERT_SOON, c));
  parse(config(good_cluster(), arena_fmt(A, PAIR, "'!!!'", P.soon_key)));
  FAILS(MSG_KUBECONFIG_BASE64, c);
  parse(config(good_cluster(), arena_fmt(A, PAIR, "aGVsbG8=", P.soon_key)));
  FAILS(MSG_KUBECONFIG_CERT, c);
  parse(config(good_cluster(), arena_fmt(A, PAIR, P.cert_b64, "aGVsbG8=")));
  FAILS(MSG_KUBECONFIG_KEY, k);
  parse(config(good_cluster(), arena_fmt(A, "    client-certificate-data: %s\n", P.cert_b64)));
  FAILS(MSG_KUBECONFIG_PAIR, c);
  parse(config(good_cluster(), arena_fmt(A, "    client-key-data: %s\n    token: t\n", P.key_b64)));
  FAILS(MSG_KUBECONFIG_PAIR, k);
  parse(config(good_cluster(), arena_fmt(A, "    client-certificate: /a\n    client-certificate-data: %s\n    client-key-data: %s\n", P.cert_b64, P.key_b64)));
  FAILS(MSG_KUBECONFIG_PATH, "users[us].user.client-certificate");
}

static void server_addresses_are_classified(void **s) {
  (void)s;
  static const struct { const char *url; enum msg fail; } BAD[] = {{"http://10.1.2.3:8080", MSG_KUBECONFIG_PLAIN_HTTP}, {"ftp://x", MSG_KUBECONFIG_BAD_SERVER}, {"10.1.2.3:6443", MSG_KUBECONFIG_BAD_SERVER}, {"https://", MSG_KUBECONFIG_BAD_SERVER},
      {"https://169.254.169.254/", MSG_KUBECONFIG_LINK_LOCAL}, {"https://0xa9fea9fe/", MSG_KUBECONFIG_LINK_LOCAL}, {"https://[fe80::1]:6443", MSG_KUBECONFIG_LINK_LOCAL}, {"https://[::ffff:169.254.1.1]", MSG_KUBECONFIG_LINK_LOCAL},
      {"https://user:pw@host", MSG_KUBECONFIG_SERVER_LOGIN}, {"https://host:99999", MSG_KUBECONFIG_BAD_SERVER}, {"'https://a b'", MSG_KUBECONFIG_BAD_SERVER}, {"file:///etc/passwd", MSG_KUBECONFIG_BAD_SERVER}, {"''", MSG_KUBECONFIG_NO_SERVER},
      {"\"https://host/\\r\\nX: y\"", MSG_KUBECONFIG_BAD_SERVER}};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    assert_false(parse(config(server(BAD[i].url), "    token: t\n")));
    FAILS(BAD[i].fail, "clusters[cl].cluster.server");
  }
  static const char *const LOOP[] = {"https://127.0.0.1:6443", "https://localhost", "https://[::1]:1", "https://127.1", "https://0.0.0.0:6443"};
  for (size_t i = 0; i < sizeof LOOP / sizeof *LOOP; i++) {
    assert_true(parse(config(server(LOOP[i]), "    token: t\n")));
    assert_true(has(FINDING_WARN, MSG_KUBECONFIG_LOOPBACK, NULL));
  }
  static const char *const GOOD[][2] = {{"https://HOST.example.com/k8s/clusters/c-1/", "https://host.example.com/k8s/clusters/c-1"}, {"https://h:443/?a=b#c", "https://h"}, {"https://[2001:db8::1]:6443", "https://[2001:db8::1]:6443"}};
  for (size_t i = 0; i < 3; i++) {
    assert_true(parse(config(server(GOOD[i][0]), "    token: t\n")));
    assert_string_equal(K.server, GOOD[i][1]);
  }
  assert_string_equal(K.host, "2001:db8::1");
}

static void trust_settings_are_never_dropped(void **s) {
  (void)s;
  const char *insecure = "    server: https://h\n    insecure-skip-tls-verify: true\n", *path = "clusters[cl].cluster.insecure-skip-tls-verify";
  assert_false(parse(config(insecure, "    token: t\n")));
  FAILS(MSG_KUBECONFIG_INSECURE, path);
  assert_true(parse_with(config(insecure, "    token: t\n"), true));
  assert_true(K.insecure && has(FINDING_WARN, MSG_KUBECONFIG_INSECURE_CONFIRMED, path));
  assert_non_null(strstr(K.canonical, "insecure-skip-tls-verify: true"));
  parse_with(config(arena_fmt(A, "%s    insecure-skip-tls-verify: true\n", good_cluster()), "    token: t\n"), true);
  FAILS(MSG_KUBECONFIG_INSECURE_CA, path);
  parse(config("    server: https://h\n    insecure-skip-tls-verify: maybe\n", "    token: t\n"));
  FAILS(MSG_KUBECONFIG_TYPE, path);
  parse(config("    server: https://h\n    certificate-authority: /etc/ca.pem\n", "    token: t\n"));
  FAILS(MSG_KUBECONFIG_PATH, "clusters[cl].cluster.certificate-authority");
  parse(config("    server: https://h\n    certificate-authority-data: aGVsbG8=\n", "    token: t\n"));
  FAILS(MSG_KUBECONFIG_CA, "clusters[cl].cluster.certificate-authority-data");
  assert_true(parse(config("    server: https://h\n", "    token: t\n"))); /* no CA: system trust */
  assert_string_equal(K.ca_sha256, "");
  assert_true(parse(config(arena_fmt(A, "%s    tls-server-name: kubernetes\n    proxy-url: socks5://p.example.com:1080\n", good_cluster()), "    token: t\n")));
  assert_non_null(strstr(K.canonical, "tls-server-name: \"kubernetes\"")), assert_non_null(strstr(K.canonical, "proxy-url: \"socks5://p.example.com:1080\""));
  static const char *const PROXY[] = {"ftp://p", "p:1080", "http://u:p@h", "socks5://169.254.169.254", "socks5://", "http://h/?x"};
  for (size_t i = 0; i < sizeof PROXY / sizeof *PROXY; i++) {
    parse(config(arena_fmt(A, "%s    proxy-url: %s\n", good_cluster(), PROXY[i]), "    token: t\n"));
    FAILS(MSG_KUBECONFIG_PROXY, "clusters[cl].cluster.proxy-url");
  }
  parse(config(arena_fmt(A, "%s    tls-server-name: 'a b'\n", good_cluster()), "    token: t\n"));
  FAILS(MSG_KUBECONFIG_TLS_NAME, NULL);
}

static void broken_files_become_findings(void **s) {
  (void)s;
  static const struct { const char *text; enum msg key; } ROW[] = {{"", MSG_KUBECONFIG_EMPTY}, {"# nothing\n", MSG_KUBECONFIG_EMPTY}, {"a: [1\n", MSG_YAML_SYNTAX}, {"just text", MSG_KUBECONFIG_NOT_CONFIG}, {"- a\n", MSG_KUBECONFIG_NOT_CONFIG},
      {"kind: Pod\n", MSG_KUBECONFIG_NOT_CONFIG}, {"kind: Config\n", MSG_KUBECONFIG_NO_CONTEXT}, {"a: 1\na: 2\n", MSG_YAML_TWICE}, {"a: 1\n---\nb: 1\n", MSG_YAML_DOCS}, {"a: \xff\n", MSG_YAML_UTF8}, {"a: 1\n\tb: 2\n", MSG_YAML_SYNTAX},
      {"current-context: c\nclusters: []\nusers: []\ncontexts: []\n", MSG_KUBECONFIG_MISSING_ENTRY}, {"current-context: c\nclusters: x\nusers: []\ncontexts: []\n", MSG_KUBECONFIG_TYPE},
      {"current-context: c\nclusters: []\nusers: []\ncontexts: [{name: c, context: {cluster: a, user: b}}, {name: c, context: {}}]\n", MSG_KUBECONFIG_TWICE},
      {"current-context: c\nclusters: [{name: a, cluster: {}}, {name: a, cluster: {}}]\nusers: []\ncontexts: [{name: c, context: {cluster: a, user: b}}]\n", MSG_KUBECONFIG_TWICE},
      {"clusters: []\nusers: []\ncontexts: []\n", MSG_KUBECONFIG_NO_CONTEXT}, {"current-context: c\nclusters: [3]\nusers: []\ncontexts: []\n", MSG_KUBECONFIG_TYPE}, {"current-context: c\nclusters: []\nusers: [{name: u, user: 3}]\ncontexts: []\n", MSG_KUBECONFIG_TYPE}};
  for (size_t i = 0; i < sizeof ROW / sizeof *ROW; i++) {
    assert_false(parse(ROW[i].text));
    assert_true(has(FINDING_FAIL, ROW[i].key, NULL));
  }
  char *deep = arena_alloc(A, 301);
  memset(deep, '[', 100), memset(deep + 100, ']', 100);
  assert_false(parse(deep));
  assert_true(has(FINDING_FAIL, MSG_YAML_DEEP, NULL));
  assert_false(parse("a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ncurrent-context: *d\nclusters: *d\nusers: *d\ncontexts: *d\n"));
  char *large = arena_alloc(A, KUBECONFIG_MAX + 2);
  memset(large, 'a', KUBECONFIG_MAX + 1);
  int64_t t = cpu_ms();
  assert_false(parse(large));
  assert_true(has(FINDING_FAIL, MSG_KUBECONFIG_TOO_LARGE, NULL));
  assert_true(cpu_ms() - t < 5000);
}

static void every_finding_reads_in_both_languages(void **s) {
  (void)s;
  parse(config("    server: http://169.254.1.1\n    certificate-authority: x\n    certificate-authority-data: x\n    insecure-skip-tls-verify: true\n    foo: 1\n", "    exec: {a: b}\n    tokenFile: x\n    as: y\n    password: z\n    client-key-data: x\n"));
  assert_true(K.n_findings >= 10);
  for (int i = 0; i < K.n_findings; i++)
    for (enum lang l = LANG_EN; l < LANG__COUNT; l++) {
      struct buf b;
      buf_init(&b, A, 8000);
      text_html(&b, l, K.findings[i].t);
      assert_non_null(strstr(b.p, "<code>")), assert_null(strstr(b.p, "{="));
    }
}

/* --- masks --- */
static struct secret as_secret(const char *s) { return (struct secret){(unsigned char *)(uintptr_t)s, strlen(s)}; }

static void masks_bring_back_stored_secrets_only_to_the_same_place(void **s) {
  (void)s;
  assert_true(parse(config(arena_fmt(A, "%s    proxy-url: http://p:1\n", good_cluster()), arena_fmt(A, "%s    token: geheim\n", cert_user()))));
  const char *canonical = arena_strdup(A, K.canonical), *shown = K.shown, *hash = K.canonical_sha256, *out;
  struct secret stored = as_secret(arena_strdup(A, canonical));
  bool same;
  assert_true(kubeconfig_is_masked(shown) && !kubeconfig_is_masked(canonical));
  assert_false(parse(shown)); /* a mask alone is no secret */
  OK(kubeconfig_same_destination(A, shown, shown, &same, &E));
  assert_true(same);
  OK(kubeconfig_unmask(A, shown, &stored, &out, &E));
  assert_true(parse(out));
  assert_string_equal(K.canonical_sha256, hash);
  static const char *const EDIT[][2] = {{"https://10.1.2.3:6443", "https://10.1.2.4:6443"}, {"http://p:1", "http://evil:1"}, {"    proxy-url", "    insecure-skip-tls-verify: true\n    proxy-url"}, {"    proxy-url", "    tls-server-name: evil\n    proxy-url"},
      {"    certificate-authority-data", "    disable-compression"}};
  for (size_t i = 0; i < sizeof EDIT / sizeof *EDIT; i++) {
    const char *at = strstr(shown, EDIT[i][0]);
    const char *edited = arena_fmt(A, "%.*s%s%s", (int)(at - shown), shown, EDIT[i][1], at + strlen(EDIT[i][0]));
    stored = as_secret(arena_strdup(A, canonical));
    OK(kubeconfig_same_destination(A, edited, shown, &same, &E));
    assert_false(same);
    REFUSED(kubeconfig_unmask(A, edited, &stored, &out, &E), FAIL_INVALID);
    assert_int_equal(E.key, MSG_KUBECONFIG_MOVED);
    err_clear(&E);
  }
  /* A comment, other names and a context of its own may change. */
  const char *renamed = arena_fmt(A, "# hello\n%s", shown);
  OK(kubeconfig_same_destination(A, renamed, shown, &same, &E));
  assert_true(same);
  /* A mask for a secret that is not stored. */
  stored = as_secret(arena_strdup(A, config(arena_fmt(A, "%s    proxy-url: http://p:1\n", good_cluster()), "    token: other\n")));
  REFUSED(kubeconfig_unmask(A, shown, &stored, &out, &E), FAIL_INVALID);
  assert_int_equal(E.key, MSG_KUBECONFIG_MASKED);
  REFUSED(kubeconfig_unmask(A, "a: [", &stored, &out, &E), FAIL_INVALID);
  REFUSED(kubeconfig_unmask(A, "", &stored, &out, &E), FAIL_INVALID);
}

static void the_stored_text_becomes_an_identity(void **s) {
  (void)s;
  struct identity *id;
  assert_true(parse(config(arena_fmt(A, "%s    tls-server-name: kubernetes\n    proxy-url: socks5://p:1\n", good_cluster()), arena_fmt(A, "%s    token: geheim\n", cert_user()))));
  struct secret c = as_secret(K.canonical);
  OK(kubeconfig_identity(&c, &id, &E));
  assert_string_equal(id->base_url, "https://10.1.2.3:6443"), assert_string_equal(id->ca_pem, P.ca), assert_string_equal(id->tls_server_name, "kubernetes"), assert_string_equal(id->proxy_url, "socks5://p:1");
  assert_string_equal((char *)id->token.p, "geheim"), assert_true(str_starts((char *)id->key_pem.p, "-----BEGIN PRIVATE KEY")), assert_true(str_starts(id->cert_pem, "-----BEGIN CERT"));
  assert_false(id->insecure);
  identity_free(id);
  c = as_secret("nonsense");
  REFUSED(kubeconfig_identity(&c, &id, &E), FAIL_INVALID);
}

static void the_own_cluster_is_found_by_environment_and_files(void **s) {
  (void)s;
  struct identity *id;
  char dir[] = "/tmp/incluster-XXXXXX";
  assert_non_null(mkdtemp(dir));
  const char *ca = arena_fmt(A, "%s/ca.crt", dir), *token = arena_fmt(A, "%s/token", dir);
  unsetenv("KUBERNETES_SERVICE_HOST"), unsetenv("KUBERNETES_SERVICE_PORT");
  REFUSED(kube_in_cluster(dir, &id, &E), FAIL_INVALID);
  assert_int_equal(E.key, MSG_KUBE_NOT_IN_CLUSTER);
  setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1), setenv("KUBERNETES_SERVICE_PORT", "443", 1);
  err_clear(&E);
  assert_false(kube_in_cluster(dir, &id, &E)); /* no files */
  OK(file_write(ca, P.ca, strlen(P.ca), 0644, &E));
  OK(file_write(token, "abc.def\n", 8, 0600, &E));
  OK(kube_in_cluster(dir, &id, &E));
  assert_string_equal(id->base_url, "https://[fd00::1]:443"), assert_string_equal((char *)id->token.p, "abc.def"), assert_string_equal(id->ca_pem, P.ca);
  identity_free(id);
  unsetenv("KUBERNETES_SERVICE_HOST"), unsetenv("KUBERNETES_SERVICE_PORT");
  unlink(ca), unlink(token), rmdir(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {T(a_certificate_kubeconfig_is_accepted), T(cosmetic_edits_do_not_change_the_hash), T(tokens_are_checked), T(refused_logins_name_their_key_and_a_way_out), T(certificates_are_checked_before_they_are_stored),
      T(server_addresses_are_classified), T(trust_settings_are_never_dropped), T(broken_files_become_findings), T(every_finding_reads_in_both_languages), T(masks_bring_back_stored_secrets_only_to_the_same_place), T(the_stored_text_becomes_an_identity), T(the_own_cluster_is_found_by_environment_and_files)};
  return cmocka_run_group_tests(tests, make_certificates, drop_certificates);
}
