/* Options of one libcurl handle. Every line is here for a reason found in reference 81 section 9 or reference 10 section 12.2. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "net/xfer_impl.h"

#ifndef FEDLCM_VERSION
#define FEDLCM_VERSION "unknown"
#endif
#define SET(opt, value) BUG_ON(curl_easy_setopt(t->easy, (opt), (value)) != CURLE_OK)

/* --- callbacks --- */
static size_t on_body(char *p, size_t size, size_t n, void *user) {
  struct transfer *t = user;
  n *= size;
  if (n > t->reply.max - t->reply.n) {
    t->body_over = true;
    return 0;
  }
  buf_add(&t->reply, p, n);
  return n;
}

static size_t on_header(char *p, size_t size, size_t n, void *user) {
  struct transfer *t = user;
  (void)p;
  t->header_bytes += n * size;
  if (t->header_bytes > HEADERS_MAX) {
    t->headers_over = true;
    return 0;
  }
  return n * size;
}

/* Runs when the connection (proxy and TLS included) stands and before the first byte of the request: the border between "never sent" and "unknown".
 * It stays set when libcurl repeats the request on a fresh connection. */
static int on_prerequest(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port) {
  struct transfer *t = user;
  (void)local_ip, (void)local_port;
  if (t->call.send_by_ms && clock_mono_ms() > t->call.send_by_ms) {
    t->late = true;
    return CURL_PREREQFUNC_ABORT;
  }
  t->sent = true;
  if (remote_ip && *remote_ip) snprintf(t->address, sizeof t->address, strchr(remote_ip, ':') ? "[%s]:%d" : "%s:%d", remote_ip, remote_port);
  return CURL_PREREQFUNC_OK;
}

/* Link-local addresses lead to the metadata service of a cloud, which hands out credentials: never (reference 10 section 4.2, SSRF). */
static bool link_local4(const unsigned char *b) { return b[0] == 169 && b[1] == 254; }
static bool link_local(const struct sockaddr *sa) {
  if (sa->sa_family == AF_INET) return link_local4((const unsigned char *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr);
  if (sa->sa_family != AF_INET6) return true;
  const unsigned char *b = ((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr.s6_addr;
  static const unsigned char MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, EC2[16] = {0xfd, 0x00, 0x0e, 0xc2, [15] = 0x54, [14] = 0x02};
  if (!memcmp(b, MAPPED, 12)) return link_local4(b + 12);
  return (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) || !memcmp(b, EC2, 16);
}

static curl_socket_t on_socket(void *user, curlsocktype purpose, struct curl_sockaddr *addr) {
  struct transfer *t = user;
  char ip[INET6_ADDRSTRLEN] = "";
  bool six = addr->family == AF_INET6;
  const struct sockaddr *sa = &addr->addr;
  const void *raw = six ? (const void *)&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr : (const void *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr;
  int port = ntohs(six ? ((const struct sockaddr_in6 *)(const void *)sa)->sin6_port : ((const struct sockaddr_in *)(const void *)sa)->sin_port);
  (void)purpose;
  if (inet_ntop(addr->family, raw, ip, sizeof ip)) snprintf(t->address, sizeof t->address, six ? "[%s]:%d" : "%s:%d", ip, port);
  if (link_local(sa)) {
    t->forbidden = true;
    return CURL_SOCKET_BAD;
  }
  return socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}

/* --- headers --- */
void transfer_headers_free(struct curl_slist **list) {
  for (struct curl_slist *h = *list; h; h = h->next) OPENSSL_cleanse(h->data, strlen(h->data));
  curl_slist_free_all(*list);
  *list = NULL;
}

/* "Name: value"; an empty value removes libcurl's own header. Control characters end the value: nobody can add a header line. */
static void header(struct transfer *t, const char *name, const char *prefix, const char *value) {
  size_t n = 0, room = strlen(name) + strlen(prefix) + strlen(value) + 3;
  while ((unsigned char)value[n] >= 0x20 && value[n] != 0x7f) n++;
  char *line = malloc(room);
  BUG_ON(!line);
  snprintf(line, room, "%s:%s%s%.*s", name, n ? " " : "", prefix, (int)n, value);
  t->headers = curl_slist_append(t->headers, line);
  BUG_ON(!t->headers);
  OPENSSL_cleanse(line, room);
  free(line);
}

static void set_headers(struct transfer *t) {
  const struct identity *id = t->peer->id;
  header(t, "Accept", "", t->call.accept ? t->call.accept : "application/json");
  header(t, "Content-Type", "", t->call.content_type ? t->call.content_type : "");
  header(t, "Expect", "", ""); /* no 100-continue round: some gateways let it time out */
  if (id->token.n) header(t, "Authorization", "Bearer ", (const char *)id->token.p);
  if (t->call.cookie) header(t, "Cookie", "", t->call.cookie);
  if (*t->peer->host_header) header(t, "Host", "", t->peer->host_header);
  SET(CURLOPT_HTTPHEADER, t->headers);
}

/* --- options --- */

/* NOCOPY: the identity lives as long as its peer, which lives as long as its transfers; so no copies of keys remain in libcurl's memory. */
static void blob(struct transfer *t, CURLoption opt, const void *p, size_t n) {
  struct curl_blob b = {(void *)(uintptr_t)p, n, CURL_BLOB_NOCOPY};
  SET(opt, &b);
}

static void set_tls(struct transfer *t) {
  const struct identity *id = t->peer->id;
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_SSL_VERIFYPEER, id->insecure ? 0L : 1L);
  SET(CURLOPT_SSL_VERIFYHOST, id->insecure ? 0L : 2L);
  if (*id->ca_pem) {
    /* The blob replaces CAINFO only. With Debian's default CAPATH left in place every public CA would be accepted for a cluster (measured). */
    blob(t, CURLOPT_CAINFO_BLOB, id->ca_pem, strlen(id->ca_pem));
    SET(CURLOPT_CAPATH, NULL);
  }
  if (*id->cert_pem && id->key_pem.n) {
    SET(CURLOPT_SSLCERTTYPE, "PEM");
    SET(CURLOPT_SSLKEYTYPE, "PEM");
    blob(t, CURLOPT_SSLCERT_BLOB, id->cert_pem, strlen(id->cert_pem));
    blob(t, CURLOPT_SSLKEY_BLOB, id->key_pem.p, id->key_pem.n);
  }
}

/* client-go's socks5 resolves names at the proxy; libcurl calls that socks5h. Environment proxies never count. */
static void set_proxy(struct transfer *t) {
  const struct identity *id = t->peer->id;
  const char *url = id->proxy_url;
  if (!*url) {
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    return;
  }
  SET(CURLOPT_PROXY, str_starts(url, "socks5://") ? arena_fmt(t->a, "socks5h://%s", url + 9) : url);
  SET(CURLOPT_NOPROXY, "");
  SET(CURLOPT_HTTPPROXYTUNNEL, 1L);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (str_starts(url, "https://") && *id->ca_pem) { /* client-go checks such a proxy against the same CA */
    blob(t, CURLOPT_PROXY_CAINFO_BLOB, id->ca_pem, strlen(id->ca_pem));
    SET(CURLOPT_PROXY_CAPATH, NULL);
  }
}

static void set_request(struct transfer *t) {
  const char *m = t->call.method;
  bool writes = streq(m, "POST") || streq(m, "PUT") || streq(m, "PATCH");
  if (streq(m, "HEAD")) SET(CURLOPT_NOBODY, 1L);
  else if (writes || t->call.body_len) {
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDS, t->body);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->call.body_len);
  } else SET(CURLOPT_HTTPGET, 1L);
  SET(CURLOPT_CUSTOMREQUEST, streq(m, "HEAD") ? NULL : m);
  if ((streq(m, "POST") || streq(m, "PUT") || streq(m, "DELETE")) && !t->call.repeatable) SET(CURLOPT_FRESH_CONNECT, 1L); /* see call.h */
}

static void set_limits(struct transfer *t) {
  long total = t->call.timeout_ms > 0 ? t->call.timeout_ms : CALL_TIMEOUT_MS;
  if (total > TIMEOUT_MAX_MS) total = TIMEOUT_MAX_MS;
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_CONNECTTIMEOUT_MS, total < CONNECT_MS ? total : (long)CONNECT_MS); /* name, connect and TLS together */
  SET(CURLOPT_TIMEOUT_MS, total);
  SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
  SET(CURLOPT_LOW_SPEED_TIME, total / 1000 + 1);
  SET(CURLOPT_QUICK_EXIT, 1L); /* a resolver thread that still asks must not hold up the loop when its transfer ends */
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  BUG_ON(curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "https") != CURLE_OK);
}

void transfer_setup(struct transfer *t) {
  SET(CURLOPT_PRIVATE, (char *)t);
  SET(CURLOPT_ERRORBUFFER, t->errors);
  SET(CURLOPT_SHARE, t->peer->share);
  /* An address that libcurl cannot read (only possible with an identity made by hand) ends the transfer with "URL malformed". */
  curl_easy_setopt(t->easy, CURLOPT_URL, arena_fmt(t->a, "%s%s", t->peer->url, t->call.path));
  SET(CURLOPT_PATH_AS_IS, 1L);
  SET(CURLOPT_USERAGENT, "fedlcm/" FEDLCM_VERSION);
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_WRITEDATA, t);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_HEADERDATA, t);
  SET(CURLOPT_PREREQFUNCTION, on_prerequest);
  SET(CURLOPT_PREREQDATA, t);
  SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
  SET(CURLOPT_OPENSOCKETDATA, t);
  if (*t->peer->connect_to) {
    t->connect_to = curl_slist_append(NULL, t->peer->connect_to);
    SET(CURLOPT_CONNECT_TO, t->connect_to);
  }
  set_limits(t);
  set_tls(t);
  set_proxy(t);
  set_request(t);
  set_headers(t);
}
