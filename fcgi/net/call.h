/* One HTTP call as data, and its answer as data. Clients (kube, kubefate, stepca) build calls and read replies without any I/O. */
#ifndef NET_CALL_H
#define NET_CALL_H
#include <stdbool.h>
#include <stddef.h>
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
};

enum reply_fail {
  REPLY_OK,                     /* an HTTP answer arrived whole (any status) */
  REPLY_NOT_SENT,               /* name, connect, TLS or proxy failed: the server never saw the request */
  REPLY_UNKNOWN,                /* sent, but no whole answer: time-out, cut, garbage; its effect is unknown */
  REPLY_TOO_LARGE,
};
struct reply {
  enum reply_fail fail;
  int status;
  const char *content_type;     /* "" when absent */
  int retry_after_s;            /* from Retry-After, 0 = none, at most 300 */
  const char *body; size_t n;   /* NUL-terminated */
  bool timed_out;
  const char *why;              /* transport failure in words, without secrets: "connection refused by 10.0.0.4:6443" */
  const char *peer;             /* address that was tried, "" unknown */
  long ms;
};
#endif
