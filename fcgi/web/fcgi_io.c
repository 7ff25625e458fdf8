#define NO_FCGI_DEFINES
#include "web/fcgi_io.h"
#include <errno.h>
#include <fastcgi.h>
#include <fcgiapp.h>
#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "web/route.h"

enum { BODY_MAX = 34 << 20, PAGE_MAX = 4 << 20 };
static FCGX_Request io;
static int waiter = -1;

/* EPOLLEXCLUSIVE: a connection wakes one idle worker, not all of them. If that one is killed before it accepts, the others are not told again: so each looks at
 * the socket itself after every pause. */
void fcgi_init(int fd) {
  struct epoll_event want = {.events = EPOLLIN | EPOLLEXCLUSIVE};
  BUG_ON(FCGX_Init() != 0 || FCGX_InitRequest(&io, fd, 0) != 0);
  BUG_ON((waiter = epoll_create1(EPOLL_CLOEXEC)) < 0 || epoll_ctl(waiter, EPOLL_CTL_ADD, fd, &want) != 0);
}

bool fcgi_next(volatile int *stop) {
  sigset_t open;
  sigprocmask(SIG_SETMASK, NULL, &open);
  sigdelset(&open, SIGTERM), sigdelset(&open, SIGQUIT), sigdelset(&open, SIGHUP);
  while (!*stop) {
    struct epoll_event ready;
    int n = epoll_pwait(waiter, &ready, 1, 5000, &open);
    if (n < 0 && errno != EINTR) return false;
    if (n < 0) continue;
    int r = FCGX_Accept_r(&io);
    if (r >= 0) return true;
    if (r != -EAGAIN && r != -EINTR) { log_warn("web", "accept failed", "code", num_text((char[24]){0}, r)); return false; }
    if (n == 0) return !*stop; /* a pause gives the caller time for its own duties */
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

/* Everything in one write: libfcgi's own writer cuts the answer into pieces of 8 KiB and a write for the end, and each would wake nginx. FCGX_Free then closes
 * the connection as FCGX_Finish_r does. */
static void put_header(struct arena *a, struct iovec *v, int type, size_t len) {
  FCGI_Header *h = ARENA_NEW(a, FCGI_Header);
  *h = (FCGI_Header){.version = FCGI_VERSION_1, .type = (unsigned char)type, .requestIdB1 = (unsigned char)(io.requestId >> 8), .requestIdB0 = (unsigned char)io.requestId,
                     .contentLengthB1 = (unsigned char)(len >> 8), .contentLengthB0 = (unsigned char)len};
  *v = (struct iovec){h, sizeof *h};
}

static void write_all(struct iovec *v, size_t n) {
  while (n) {
    ssize_t done = writev(io.ipcFd, v, (int)(n < IOV_MAX ? n : IOV_MAX));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return; /* nginx is gone: nobody is left to tell */
    for (; n && (size_t)done >= v->iov_len; v++, n--) done -= (ssize_t)v->iov_len;
    if (n) v->iov_base = (char *)v->iov_base + done, v->iov_len -= (size_t)done;
  }
}

static void send_records(struct arena *a, const struct buf *part, int n_parts) {
  size_t n = 0, most = 2;
  for (int i = 0; i < n_parts; i++) most += 2 * (part[i].n / FCGI_MAX_LENGTH + 1);
  struct iovec *v = ARENA_ARRAY(a, struct iovec, most + 1);
  for (int i = 0; i < n_parts; i++)
    for (size_t at = 0, len; at < part[i].n; at += len) {
      len = part[i].n - at < FCGI_MAX_LENGTH ? part[i].n - at : FCGI_MAX_LENGTH;
      put_header(a, &v[n++], FCGI_STDOUT, len), v[n++] = (struct iovec){part[i].p + at, len};
    }
  put_header(a, &v[n++], FCGI_STDOUT, 0);
  put_header(a, &v[n++], FCGI_END_REQUEST, sizeof(FCGI_EndRequestBody)), v[n++] = (struct iovec){ARENA_NEW(a, FCGI_EndRequestBody), sizeof(FCGI_EndRequestBody)};
  write_all(v, n);
  FCGX_Free(&io, 1);
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
  send_records(q->a, (struct buf[]){h, r->body}, status == 304 ? 1 : 2);
}

void fcgi_serve(struct app *app, struct arena *a) {
  struct err ignored = ERR_INIT;
  if (!io.in) { /* a pause, no request: a connection that was lost meanwhile is there again before somebody comes */
    if (!db_connect(app->db, &ignored)) log_debug("web", "database not ready");
    return;
  }
  struct req q = {.app = app, .a = a, .db = app->db};
  struct resp r = {0};
  fill(&q);
  buf_init(&r.body, a, PAGE_MAX);
  serve(&q, &r);
  send_answer(&q, &r);
}
