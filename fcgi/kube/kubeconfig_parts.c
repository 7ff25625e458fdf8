/* Contract: kubeconfig_parts.h. Selection rules by reference 10 section 4.1. */
#include "kube/kubeconfig_parts.h"
#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>
#include "base/arena.h"
#include "base/log.h"
#include "base/str.h"

const struct yml *kubeconfig_entry(const struct yml *list, const char *name, const char *inner) {
  for (size_t i = 0; list && list->kind == YML_SEQ && name && i < list->n; i++)
    if (streq(yml_str(list->val[i], "name"), name)) {
      const struct yml *v = yml_get(list->val[i], inner);
      return v && v->kind == YML_MAP ? v : NULL;
    }
  return NULL;
}

void kubeconfig_pick(const struct yml *root, struct picked *out) {
  *out = (struct picked){.root = root, .clusters = yml_get(root, "clusters"), .users = yml_get(root, "users"), .contexts = yml_get(root, "contexts"), .context = yml_str(root, "current-context")};
  out->in_context = kubeconfig_entry(out->contexts, out->context, "context");
  out->cluster = yml_str(out->in_context, "cluster"), out->user = yml_str(out->in_context, "user"), out->ns = yml_str(out->in_context, "namespace");
  out->in_cluster = kubeconfig_entry(out->clusters, out->cluster, "cluster");
  out->in_user = kubeconfig_entry(out->users, out->user, "user");
}

/* --- addresses --- */
static void drop_url(CURLU **u) { curl_url_cleanup(*u); }

static const char *part(struct arena *a, CURLU *u, CURLUPart what, unsigned flags) {
  char *s = NULL;
  const char *out = "";
  if (curl_url_get(u, what, &s, flags) == CURLUE_OK && s) out = arena_strdup(a, s);
  curl_free(s);
  return out;
}

/* libcurl's parser is the one that will read the address again when it is called: no second opinion. It also turns 0x7f.1 into 127.0.0.1. */
struct address kubeconfig_address(struct arena *a, const char *url) {
  struct address out = {.url = "", .host = ""};
  __attribute__((cleanup(drop_url))) CURLU *u = curl_url();
  BUG_ON(!u);
  out.https = !strncasecmp(url, "https://", 8), out.http = !strncasecmp(url, "http://", 7);
  if ((!out.https && !out.http) || strlen(url) > 2048 || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK) return out;
  out.login = *part(a, u, CURLUPART_USER, 0) || *part(a, u, CURLUPART_PASSWORD, 0);
  const char *host = part(a, u, CURLUPART_HOST, 0);
  if (!*host || strpbrk(host, " %\\<>\"{}|^`") || *part(a, u, CURLUPART_ZONEID, 0)) return out;
  /* client-go drops query and fragment, keeps a path (Rancher and other gateways). */
  curl_url_set(u, CURLUPART_QUERY, NULL, 0);
  curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
  curl_url_set(u, CURLUPART_USER, NULL, 0);
  curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
  char *host_low = str_lower(a, host);
  curl_url_set(u, CURLUPART_HOST, host_low, 0);
  char *s = arena_strdup(a, part(a, u, CURLUPART_URL, CURLU_NO_DEFAULT_PORT));
  for (size_t n = strlen(s); n && s[n - 1] == '/'; n--) s[n - 1] = 0;
  out.url = s, out.ok = *s != 0;
  size_t n = strlen(host_low);
  out.host = host_low[0] == '[' && n > 2 ? arena_strndup(a, host_low + 1, n - 2) : host_low;
  return out;
}

enum host_class kubeconfig_host_class(const char *host) {
  unsigned char b[16];
  static const unsigned char V6_LOOP[16] = {[15] = 1}, V6_ANY[16] = {0}, MAPPED[12] = {[10] = 0xff, [11] = 0xff};
  if (streq(host, "localhost") || str_ends(host, ".localhost") || streq(host, "localhost.")) return HOST_LOOPBACK;
  bool four = inet_pton(AF_INET, host, b) == 1;
  if (!four && inet_pton(AF_INET6, host, b) == 1) {
    if (!memcmp(b, V6_LOOP, 16) || !memcmp(b, V6_ANY, 16)) return HOST_LOOPBACK;
    if (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) return HOST_LINK_LOCAL;
    if (memcmp(b, MAPPED, 12)) return HOST_ORDINARY;
    memmove(b, b + 12, 4);
    four = true;
  }
  if (!four) return HOST_ORDINARY;
  if (b[0] == 169 && b[1] == 254) return HOST_LINK_LOCAL;
  return b[0] == 127 || b[0] == 0 ? HOST_LOOPBACK : HOST_ORDINARY;
}

/* The schemes that client-go knows. A login inside would be shown with the address, so it is refused. */
bool kubeconfig_proxy_ok(struct arena *a, const char *url) {
  if (!str_starts(url, "http://") && !str_starts(url, "https://") && !str_starts(url, "socks5://")) return false;
  const char *rest = strstr(url, "://") + 3;
  struct address x = kubeconfig_address(a, arena_fmt(a, "http://%s", rest));
  return x.ok && !x.login && kubeconfig_host_class(x.host) != HOST_LINK_LOCAL && !strpbrk(rest, "?#");
}

bool kubeconfig_switch(const struct yml *v, bool *out) {
  *out = false;
  if (yml_is_null(v)) return true;
  if (v->kind != YML_SCALAR || !v->plain) return false;
  *out = streq_nocase(v->s, "true") || streq_nocase(v->s, "yes") || streq_nocase(v->s, "on");
  return *out || streq_nocase(v->s, "false") || streq_nocase(v->s, "no") || streq_nocase(v->s, "off");
}

/* --- writing --- */
static void line(struct buf *b, const char *indent, const char *key, const char *value) {
  if (!*value) return;
  buf_str(b, indent), buf_str(b, key), buf_str(b, ": ");
  yml_write_quoted(b, value);
  buf_ch(b, '\n');
}

const char *kubeconfig_emit(struct arena *a, const struct canon *c) {
  struct buf b;
  buf_init(&b, a, 4 * KUBECONFIG_MAX);
  buf_str(&b, "apiVersion: v1\nkind: Config\n");
  line(&b, "", "current-context", c->context);
  buf_str(&b, "clusters:\n");
  line(&b, "- ", "name", c->cluster);
  buf_str(&b, "  cluster:\n");
  line(&b, "    ", "server", c->server);
  line(&b, "    ", "certificate-authority-data", c->ca_b64);
  if (c->insecure) buf_str(&b, "    insecure-skip-tls-verify: true\n");
  line(&b, "    ", "tls-server-name", c->tls_name);
  line(&b, "    ", "proxy-url", c->proxy);
  buf_str(&b, "users:\n");
  line(&b, "- ", "name", c->user);
  buf_str(&b, "  user:\n");
  line(&b, "    ", "client-certificate-data", c->cert_b64);
  line(&b, "    ", "client-key-data", c->key_b64);
  line(&b, "    ", "token", c->token);
  buf_str(&b, "contexts:\n");
  line(&b, "- ", "name", c->context);
  buf_str(&b, "  context:\n");
  line(&b, "    ", "cluster", c->cluster);
  line(&b, "    ", "user", c->user);
  line(&b, "    ", "namespace", c->ns);
  return b.p;
}

const char *kubeconfig_mask(struct arena *a, const char *object, const char *field) { return arena_fmt(a, MASK_BEGIN "%s/%s)", object, field); }

bool kubeconfig_mask_is(const char *s) { return s && str_starts(s, MASK_BEGIN) && str_ends(s, ")"); }
