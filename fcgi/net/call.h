/* One HTTP call as data, and its answer as data. Clients (kube, kubefate, stepca) build calls and read replies without any I/O. */
#ifndef NET_CALL_H
#define NET_CALL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct arena;

enum { CALL_TIMEOUT_MS = 10000, REPLY_MAX_DEFAULT = 4 << 20 };

struct call {
  const char *method;           /* "GET" ... */
  const char *path;             /* begins with '/', percent-encoded, query included; relative to the identity's base URL */
  const char *accept, *content_type;
  const char *cookie;           /* "jwt=..." or NULL; never logged */
  const void *body; size_t body_len;
  int timeout_ms;               /* 0 = CALL_TIMEOUT_MS */
  size_t max_reply;             /* 0 = REPLY_MAX_DEFAULT */
  bool secret_body;             /* cleanse after sending */
  int64_t send_by_ms;           /* clock_mono_ms() after which the request must not leave any more (REPLY_NOT_SENT); 0 = none. A process that was
                                 * stopped, or a long queue, must not send what somebody else has taken over meanwhile */
  bool repeatable;              /* a POST, PUT or DELETE that may run twice (a question, a login, a uid to be met). All others get a connection of their own:
                                 * libcurl silently sends a request again when a reused connection dies before the first byte of an answer
                                 * (lib/transfer.c Curl_retry_request), so that an install could run twice without anybody knowing */
};

enum reply_fail {
  REPLY_OK,                     /* an HTTP answer arrived whole (any status) */
  REPLY_NOT_SENT,               /* name, connect, TLS or proxy failed: the server never saw the request */
  REPLY_UNKNOWN,                /* sent, but no whole answer: time-out, cut, garbage; its effect is unknown */
  REPLY_TOO_LARGE,              /* sent; the answer passed the cap (body, or 64 KiB of headers) and was dropped; effect unknown too */
};
/* Why there is no whole answer, for sentences in the reader's language. */
enum net_cause {
  NET_FINE, NET_DNS, NET_REFUSED, NET_NO_ROUTE, NET_CONNECT_TIMEOUT, NET_TIMEOUT, NET_TLS, NET_TLS_UNTRUSTED, NET_TLS_NAME, NET_TLS_EXPIRED,
  NET_TLS_CLIENT /* our certificate was refused */, NET_TLS_PLAIN /* no TLS at the other end */, NET_PROXY, NET_CUT, NET_GARBAGE, NET_TOO_LARGE,
  NET_FORBIDDEN /* link-local address */, NET_OTHER,
};
struct reply {
  enum reply_fail fail;
  enum net_cause cause;
  int status;
  const char *content_type;     /* "" when absent */
  int retry_after_s;            /* from Retry-After, 0 = none, at most 300 */
  const char *body; size_t n;   /* NUL-terminated */
  bool timed_out;
  bool ours;                    /* not sent because this process came too late (send_by_ms): says nothing about the server */
  const char *why;              /* transport failure in words, without secrets: "connection refused by 10.0.0.4:6443" */
  const char *peer;             /* address that was tried, "" unknown */
  long ms;
};
struct err;
/* The sentence for a transport failure: what was asked, why there was no answer, what to do. FAIL_TIMEOUT or FAIL_UPSTREAM; e->retry unless repeating
 * cannot help (answer too large, address forbidden). Returns false. BUG when r->fail is REPLY_OK. */
bool reply_err(const struct reply *r, const char *what, struct err *e);
#endif
