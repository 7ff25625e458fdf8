/* What a finished libcurl transfer means: reply class, cause, and words. CURLcode alone says little, so the error buffer, the system's errno, the
 * verification result and our own marks (address tried, request sent) are read together. */
#include <errno.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "net/xfer_impl.h"

static bool says(const struct transfer *t, const char *words) { return strcasestr(t->errors, words) != NULL; }

static const char *at(const struct transfer *t) { return *t->address ? t->address : "the server"; }

static enum net_cause connect_cause(struct transfer *t, const char **why) {
  long no = 0;
  curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &no);
  if (t->forbidden) return *why = arena_fmt(t->a, "%s is a link-local address, which is never called", at(t)), NET_FORBIDDEN;
  if (no == ECONNREFUSED || says(t, "refused")) return *why = arena_fmt(t->a, "connection refused by %s", at(t)), NET_REFUSED;
  if (no == EHOSTUNREACH || no == ENETUNREACH) return *why = arena_fmt(t->a, "no route to %s", at(t)), NET_NO_ROUTE;
  if (no == ETIMEDOUT) return *why = arena_fmt(t->a, "%s did not answer the connection attempt", at(t)), NET_CONNECT_TIMEOUT;
  return *why = arena_fmt(t->a, "could not connect to %s", at(t)), NET_NO_ROUTE;
}

static enum net_cause verify_cause(struct transfer *t, const char **why) {
  long result = 0;
  curl_easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &result);
  if (result == X509_V_ERR_CERT_HAS_EXPIRED || says(t, "has expired")) return *why = "the server's certificate has expired", NET_TLS_EXPIRED;
  if (result == X509_V_ERR_CERT_NOT_YET_VALID) return *why = "the server's certificate is not valid yet (is a clock wrong?)", NET_TLS_EXPIRED;
  if (says(t, "subject name")) return *why = "the server's certificate is for another name", NET_TLS_NAME;
  if (*t->peer->id->ca_pem) return *why = "the server's certificate is not signed by the CA in the kubeconfig", NET_TLS_UNTRUSTED;
  return *why = "the server's certificate is not signed by a public CA, and the kubeconfig names none", NET_TLS_UNTRUSTED;
}

static bool client_alert(const struct transfer *t) {
  static const char *const ALERTS[] = {"alert bad certificate", "alert certificate", "alert unknown ca", "certificate required", "alert unsupported certificate", "alert access denied"};
  for (size_t i = 0; i < sizeof ALERTS / sizeof *ALERTS; i++)
    if (says(t, ALERTS[i])) return true;
  return false;
}

static enum net_cause tls_cause(struct transfer *t, CURLcode code, const char **why) {
  if (code == CURLE_SSL_CERTPROBLEM) return *why = "our client certificate or key cannot be used", NET_TLS_CLIENT;
  if (code == CURLE_SSL_CACERT_BADFILE) return *why = "the CA in the kubeconfig cannot be read", NET_TLS_UNTRUSTED;
  if (client_alert(t)) return *why = arena_fmt(t->a, "%s refused our client certificate", at(t)), NET_TLS_CLIENT;
  if (says(t, "wrong version number") || says(t, "http request") || says(t, "unknown protocol")) return *why = arena_fmt(t->a, "%s does not speak TLS", at(t)), NET_TLS_PLAIN;
  if (says(t, "reset by peer") || says(t, "SSL_ERROR_SYSCALL") || says(t, "unexpected eof")) return *why = arena_fmt(t->a, "%s cut the connection during the TLS handshake", at(t)), NET_CUT;
  const char *detail = strstr(t->errors, "error:");
  detail = detail ? strrchr(detail, ':') : NULL; /* OpenSSL: "error:CODE:LIB:FUNC:reason"; the reason is readable */
  return *why = arena_fmt(t->a, "TLS with %s failed%s%s", at(t), detail ? ": " : "", detail ? str_excerpt(t->a, detail + 1, strlen(detail + 1), 120) : ""), NET_TLS;
}

static enum net_cause timeout_cause(struct transfer *t, const char **why) {
  curl_off_t name = 0;
  char *ip = NULL; /* set when the TCP connection stands; CONNECT_TIME is not, before TLS is through (7.88, seen) */
  curl_easy_getinfo(t->easy, CURLINFO_NAMELOOKUP_TIME_T, &name);
  curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &ip);
  long ms = (long)(clock_mono_ms() - t->started_ms);
  const char *s = arena_fmt(t->a, "%ld.%ld s", ms / 1000, ms % 1000 / 100);
  if (t->sent) return *why = arena_fmt(t->a, "no whole answer from %s within %s", at(t), s), NET_TIMEOUT;
  if (!*t->address && !name) return *why = arena_fmt(t->a, "the name server did not answer within %s", s), NET_DNS;
  if (ip && *ip) return *why = arena_fmt(t->a, "%s took the connection but did not finish the TLS handshake within %s", at(t), s), NET_CONNECT_TIMEOUT;
  return *why = arena_fmt(t->a, "%s did not answer the connection attempt within %s", at(t), s), NET_CONNECT_TIMEOUT;
}

static enum net_cause cut_cause(struct transfer *t, CURLcode code, const char **why) {
  if (!t->sent && *t->peer->id->proxy_url) return *why = "the proxy did not make the connection", NET_PROXY;
  if (client_alert(t)) return *why = arena_fmt(t->a, "%s refused our client certificate", at(t)), NET_TLS_CLIENT; /* TLS 1.3 says so after the handshake */
  if (code == CURLE_GOT_NOTHING) return *why = arena_fmt(t->a, "%s closed the connection without an answer", at(t)), NET_CUT;
  return *why = arena_fmt(t->a, "the connection with %s was cut before the answer was whole", at(t)), NET_CUT;
}

/* libcurl: "Could not resolve host: NAME". */
static const char *name_asked(struct transfer *t) {
  const char *colon = strrchr(t->errors, ':');
  return colon ? str_excerpt(t->a, colon + 1, strlen(colon + 1), 200) : " (the host in the server address)";
}

static enum net_cause cause_of(struct transfer *t, CURLcode code, const char **why) {
  if (t->body_over) return *why = arena_fmt(t->a, "the answer is larger than %zu bytes", t->reply.max), NET_TOO_LARGE;
  /* 7.88 reports a single header line beyond its own limit (100 KiB) as "out of memory". */
  if (t->headers_over || (t->sent && code == CURLE_OUT_OF_MEMORY)) return *why = "the answer's headers are larger than 64 KiB", NET_TOO_LARGE;
  if (t->late) return *why = "it was too late to send the request: this process stood still for a while", NET_OTHER;
  int c = (int)code; /* libcurl's list is long and grows: what is not named here falls through to its own words */
  if (c == CURLE_COULDNT_RESOLVE_HOST) return *why = arena_fmt(t->a, "name not found:%s", name_asked(t)), NET_DNS;
  if (c == CURLE_COULDNT_RESOLVE_PROXY) return *why = "the name of the proxy was not found", NET_PROXY;
  if (c == CURLE_PROXY) return *why = "the proxy refused the connection", NET_PROXY;
  if (c == CURLE_COULDNT_CONNECT) return connect_cause(t, why);
  if (c == CURLE_OPERATION_TIMEDOUT) return timeout_cause(t, why);
  if (c == CURLE_PEER_FAILED_VERIFICATION) return verify_cause(t, why);
  if (c == CURLE_SSL_CLIENTCERT) return *why = arena_fmt(t->a, "%s asks for a client certificate", at(t)), NET_TLS_CLIENT;
  if (c == CURLE_SSL_CONNECT_ERROR || c == CURLE_SSL_CERTPROBLEM || c == CURLE_SSL_CACERT_BADFILE || c == CURLE_SSL_CIPHER) return tls_cause(t, code, why);
  if (c == CURLE_GOT_NOTHING || c == CURLE_RECV_ERROR || c == CURLE_SEND_ERROR || c == CURLE_PARTIAL_FILE || c == CURLE_HTTP2 || c == CURLE_HTTP2_STREAM) return cut_cause(t, code, why);
  if (t->sent) return *why = arena_fmt(t->a, "%s answers something that is not HTTP", at(t)), NET_GARBAGE;
  const char *words = t->errors[0] ? t->errors : curl_easy_strerror(code);
  return *why = str_excerpt(t->a, words, strlen(words), 200), NET_OTHER;
}

void transfer_reply(struct transfer *t, CURLcode code, struct reply *out) {
  long status = 0;
  char *type = NULL;
  curl_off_t after = 0;
  *out = (struct reply){.content_type = "", .body = t->reply.p, .why = "", .ms = (long)(clock_mono_ms() - t->started_ms)};
  if (code == CURLE_OK) {
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &after);
    out->status = (int)status, out->n = t->reply.n;
    if (type) out->content_type = str_excerpt(t->a, type, strlen(type), 200);
    out->retry_after_s = after > 300 ? 300 : after > 0 ? (int)after : 0;
  } else {
    out->cause = cause_of(t, code, &out->why);
    out->fail = out->cause == NET_TOO_LARGE ? REPLY_TOO_LARGE : t->sent ? REPLY_UNKNOWN : REPLY_NOT_SENT;
    out->timed_out = code == CURLE_OPERATION_TIMEDOUT, out->ours = t->late;
    out->body = "";
  }
  out->peer = arena_strdup(t->a, t->address);
}

bool reply_err(const struct reply *r, const char *what, struct err *e) {
  static const enum msg KEY[] = {
      [NET_FINE] = MSG_NET_OTHER, [NET_DNS] = MSG_NET_DNS, [NET_REFUSED] = MSG_NET_REFUSED, [NET_NO_ROUTE] = MSG_NET_NO_ROUTE, [NET_CONNECT_TIMEOUT] = MSG_NET_CONNECT_TIMEOUT,
      [NET_TIMEOUT] = MSG_NET_TIMEOUT, [NET_TLS] = MSG_NET_TLS, [NET_TLS_UNTRUSTED] = MSG_NET_TLS_UNTRUSTED, [NET_TLS_NAME] = MSG_NET_TLS_NAME, [NET_TLS_EXPIRED] = MSG_NET_TLS_EXPIRED,
      [NET_TLS_CLIENT] = MSG_NET_TLS_CLIENT, [NET_TLS_PLAIN] = MSG_NET_TLS_PLAIN, [NET_PROXY] = MSG_NET_PROXY, [NET_CUT] = MSG_NET_CUT, [NET_GARBAGE] = MSG_NET_GARBAGE,
      [NET_TOO_LARGE] = MSG_NET_TOO_LARGE, [NET_FORBIDDEN] = MSG_NET_FORBIDDEN, [NET_OTHER] = MSG_NET_OTHER};
  BUG_ON(r->fail == REPLY_OK);
  err_set(e, r->timed_out ? FAIL_TIMEOUT : FAIL_UPSTREAM, (unsigned)r->cause < sizeof KEY / sizeof *KEY ? KEY[r->cause] : MSG_NET_OTHER, what, nn(r->why));
  e->retry = r->cause != NET_TOO_LARGE && r->cause != NET_FORBIDDEN;
  return false;
}
