/* The answer: rendered whole into memory (2 MiB cap), sent once at the end; a failure mid-way gives a clean error page. */
#ifndef WEB_RESP_H
#define WEB_RESP_H
#include "base/buf.h"
#include "base/text.h"
#include "codec/js.h"
struct req; struct err;
struct header { const char *name, *value; };
struct resp {
  int status;                    /* 0 = 200 */
  const char *type;              /* content type; default by route kind */
  struct buf body;
  struct header h[16]; int n_h;  /* CR, LF, NUL in a value drop the header and log a bug */
};
void resp_header(struct resp *r, struct req *q, const char *name, const char *value);
bool resp_has(const struct resp *r, const char *name);
/* max_age_s below 0: until the browser ends. */
void resp_cookie(struct resp *r, struct req *q, const char *name, const char *value, long max_age_s, bool http_only);
bool resp_redirect(struct resp *r, struct req *q, const char *location);     /* 303, returns true */
/* Redirect with a flash sentence shown once on the next page (cookie "flash": key and arguments; survives no second page). */
bool resp_redirect_flash(struct resp *r, struct req *q, const char *location, const char *level /* "ok" "warn" "err" */, struct text t);
/* ETag handling: true when If-None-Match matches and the response was made a 304. */
bool resp_etag(struct resp *r, struct req *q, const char *tag);
/* JSON API envelope {"code":0,"message":"","data":...}: begin leaves the writer after the "data" key. */
void resp_json_begin(struct resp *r, struct req *q, struct jsw *w);
bool resp_json_end(struct resp *r, struct jsw *w);                            /* returns true */
bool resp_json_null(struct resp *r, struct req *q);                          /* data null */
bool resp_json_string(struct resp *r, struct req *q, const char *s);         /* data "..." */
#endif
