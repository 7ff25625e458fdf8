#define NO_FCGI_DEFINES
#include "web/fcgi_io.h"
#include <errno.h>
#include <fcgiapp.h>
#include <poll.h>
#include <signal.h>
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "web/route.h"

enum { BODY_MAX = 34 << 20, PAGE_MAX = 4 << 20 };
static FCGX_Request io;

void fcgi_init(int fd) {
  BUG_ON(FCGX_Init() != 0 || FCGX_InitRequest(&io, fd, 0) != 0);
}

bool fcgi_next(int fd, volatile int *stop) {
  sigset_t open;
  sigprocmask(SIG_SETMASK, NULL, &open);
  sigdelset(&open, SIGTERM), sigdelset(&open, SIGQUIT), sigdelset(&open, SIGHUP);
  while (!*stop) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n = ppoll(&p, 1, &(struct timespec){.tv_sec = 5}, &open);
    if (n < 0 && errno != EINTR) return false;
    if (n <= 0) return !*stop && n == 0 ? true : !*stop; /* a pause gives the caller time for its own duties */
    int r = FCGX_Accept_r(&io);
    if (r >= 0) return true;
    if (r != -EAGAIN && r != -EINTR) { log_warn("web", "accept failed", "code", num_text((char[24]){0}, r)); return false; }
  }
  return false;
}

static const char *param(struct arena *a, const char *name) {
  const char *v = FCGX_GetParam(name, io.envp);
  return v ? arena_strdup(a, v) : "";
}

static void read_body(struct req *q) {
  int64_t n = 0;
  if (!num_i64(param(q->a, "CONTENT_LENGTH"), 0, BODY_MAX, &n)) n = 0;
  char *b = arena_alloc(q->a, (size_t)n + 1);
  q->body_len = n ? (size_t)FCGX_GetStr(b, (int)n, io.in) : 0;
  q->body = b;
}

static enum method method(const char *m) {
  return streq(m, "GET") || streq(m, "HEAD") ? METHOD_GET : streq(m, "POST") ? METHOD_POST : streq(m, "PUT") ? METHOD_PUT : streq(m, "DELETE") ? METHOD_DELETE : METHOD_OTHER;
}

static void fill(struct req *q) {
  struct arena *a = q->a;
  char *path = arena_strdup(a, param(a, "DOCUMENT_URI"));
  for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--) path[n - 1] = 0;
  q->path = *path ? path : "/";
  q->method = method(param(a, "REQUEST_METHOD"));
  q->query_raw = param(a, "QUERY_STRING");
  form_query(a, q->query_raw, &q->query);
  q->content_type = param(a, "CONTENT_TYPE"), q->remote_addr = param(a, "REMOTE_ADDR"), q->user_agent = param(a, "HTTP_USER_AGENT"), q->origin = param(a, "HTTP_ORIGIN");
  q->referer = param(a, "HTTP_REFERER"), q->sec_fetch_site = param(a, "HTTP_SEC_FETCH_SITE"), q->host = param(a, "HTTP_HOST"), q->accept = param(a, "HTTP_ACCEPT");
  q->if_none_match = param(a, "HTTP_IF_NONE_MATCH"), q->cookies = param(a, "HTTP_COOKIE"), q->authorization = param(a, "HTTP_AUTHORIZATION"), q->request_id = param(a, "REQUEST_ID");
  q->https = streq(param(a, "HTTPS"), "on") || q->app->conf.tls;
  read_body(q);
}

static void send_answer(struct req *q, struct resp *r) {
  struct buf h;
  int status = r->status ? r->status : 200;
  buf_init(&h, q->a, 65536);
  buf_fmt(&h, "Status: %d\r\nContent-Type: %s\r\nCache-Control: no-store\r\n", status, r->type ? r->type : "text/html; charset=utf-8");
  if (!r->type || str_starts(r->type, "text/html"))
    buf_str(&h, "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n");
  buf_fmt(&h, "X-Request-Id: %s\r\n", q->request_id);
  for (int i = 0; i < r->n_h; i++) buf_fmt(&h, "%s: %s\r\n", r->h[i].name, r->h[i].value);
  buf_str(&h, "\r\n");
  FCGX_PutStr(h.p, (int)h.n, io.out);
  if (status != 304) FCGX_PutStr(r->body.p, (int)r->body.n, io.out);
}

void fcgi_serve(struct app *app, struct arena *a) {
  if (!io.in) return; /* a pause, no request */
  struct req q = {.app = app, .a = a, .db = app->db};
  struct resp r = {0};
  fill(&q);
  buf_init(&r.body, a, PAGE_MAX);
  serve(&q, &r);
  send_answer(&q, &r);
  FCGX_Finish_r(&io);
  io.in = NULL;
}
