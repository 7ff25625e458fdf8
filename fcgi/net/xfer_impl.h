/* Inside of the transfer engine; nobody but fcgi/net includes it. */
#ifndef NET_XFER_IMPL_H
#define NET_XFER_IMPL_H
#include <curl/curl.h>
#include "base/buf.h"
#include "net/xfer.h"

enum { HEADERS_MAX = 64 << 10, CONNECT_MS = 5000, TIMEOUT_MAX_MS = 120000 };

struct peer {
  struct peer *next;
  struct identity *id;
  CURLSH *share;
  char *connect_to;            /* "tlsname:port:host:port", "" = none */
  char *url, *host_header;     /* base URL as libcurl gets it; Host header value, "" = libcurl's own */
  int active, queued;
  bool dropped;
};

struct transfer {
  struct transfer *next;
  struct peer *peer;
  struct arena *a;
  void *user;
  struct call call;            /* strings and body are ours (owned) */
  char *text;                  /* one allocation behind the call's strings */
  unsigned char *body;
  CURL *easy;
  struct curl_slist *headers, *connect_to;
  char errors[CURL_ERROR_SIZE];
  struct buf reply;
  size_t header_bytes;
  int64_t started_ms;
  bool sent;                   /* request bytes may have left us */
  bool body_over, headers_over, forbidden, late;
  char address[80];            /* last address tried, with port */
};

/* Sets every option of t->easy. */
void transfer_setup(struct transfer *t);
void transfer_headers_free(struct curl_slist **list);
/* Result of a finished transfer as a reply in t->a. */
void transfer_reply(struct transfer *t, CURLcode code, struct reply *out);
#endif
