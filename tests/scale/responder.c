/* A C responder that pretends to be many Kubernetes clusters with KubeFATE on each: one process, one TLS port a cluster, no threads.
 *
 *   responder CERT KEY CLUSTERS DEAD JOB_MIN_MS JOB_MAX_MS DELAY_MS
 *
 * Prints one line with the ports and serves until it is killed or its parent is. At SIGUSR1 the last DEAD clusters die, every second one of them so that
 * connections are refused, the others so that they are taken and nothing is ever said (a black hole). GET /scale on a living cluster: all install jobs.
 * Every answer leaves DELAY_MS after its request, as one that comes over a network does. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "clusters.h"

enum kind { LISTENER, CONNECTION, SIGNAL };
enum { MAX_CLUSTERS = 200, HEAD_MAX = 16384, REQUEST_MAX = 4 << 20 };
struct port { enum kind kind; int fd, number, port; struct cluster *cluster; bool dead, black_hole; };
struct conn {
  enum kind kind;
  int fd;
  struct port *at;
  SSL *ssl;
  char *in, *out;
  size_t n, cap, out_n, out_at;
  bool standing /* TLS is through */, silent;
  int64_t due;                                /* when the answer may leave, 0 = none waits */
  struct conn *next_due, *next, *prev;
};
static struct port ports[MAX_CLUSTERS];
static struct conn *conns, *due_first, *due_last;
static SSL_CTX *tls;
static struct arena *arena;
static int epoll, n_ports, n_dead, delay_ms;

static void die(const char *what) {
  fprintf(stderr, "responder: %s: %s\n", what, strerror(errno));
  exit(2);
}

static void open_port(int i) {
  struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof sa;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&sa, n) != 0 || listen(fd, 512) != 0 || getsockname(fd, (struct sockaddr *)&sa, &n) != 0) die("port");
  ports[i] = (struct port){.kind = LISTENER, .fd = fd, .number = i, .port = ntohs(sa.sin_port), .cluster = cluster_new(i)};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &ports[i]}) != 0) die("epoll");
}

static void forget_due(const struct conn *c) {
  struct conn *last = NULL;
  for (struct conn **at = &due_first; *at;)
    if (*at == c) *at = c->next_due;
    else last = *at, at = &(*at)->next_due;
  due_last = last;
}

static void close_conn(struct conn *c) {
  if (c->due) forget_due(c);
  if (c->prev) c->prev->next = c->next;
  else conns = c->next;
  if (c->next) c->next->prev = c->prev;
  if (c->ssl) SSL_free(c->ssl);
  close(c->fd);
  free(c->in), free(c->out), free(c);
}

static void watch(struct conn *c, bool writing) {
  if (epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &(struct epoll_event){.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.ptr = c}) != 0) die("epoll");
}

static void accept_one(struct port *p) {
  int one = 1, fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct conn *c = calloc(1, sizeof *c);
  BUG_ON(!c);
  *c = (struct conn){.kind = CONNECTION, .fd = fd, .at = p, .silent = p->black_hole, .next = conns};
  if (conns) conns->prev = c;
  conns = c;
  if (!c->silent) c->ssl = SSL_new(tls), SSL_set_fd(c->ssl, fd), SSL_set_accept_state(c->ssl);
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = c}) != 0) die("epoll");
}

/* False: the connection has ended. */
static bool blocked(struct conn *c, int rc) {
  int why = SSL_get_error(c->ssl, rc);
  ERR_clear_error();
  if (why == SSL_ERROR_WANT_WRITE) watch(c, true);
  return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

static bool flush(struct conn *c) {
  while (c->out_at < c->out_n) {
    int k = SSL_write(c->ssl, c->out + c->out_at, (int)(c->out_n - c->out_at));
    if (k <= 0) return blocked(c, k);
    c->out_at += (size_t)k;
  }
  c->out_n = c->out_at = 0;
  watch(c, false);
  return true;
}

/* One request at a time: clients here wait for an answer before they ask again. */
static bool serve(struct conn *c) {
  char *end, *len;
  if (c->due || c->out_n || !c->n) return true;
  c->in[c->n] = 0;
  if (!(end = strstr(c->in, "\r\n\r\n"))) return c->n < HEAD_MAX;
  *end = 0;
  len = strcasestr(c->in, "content-length:");
  size_t body = len ? (size_t)strtoul(len + 15, NULL, 10) : 0, head = (size_t)(end + 4 - c->in);
  if (body > REQUEST_MAX) return false;
  if (c->n < head + body) { *end = '\r'; return true; }
  char *method = c->in, *path = strchr(method, ' '), *rest = path ? strchr(path + 1, ' ') : NULL;
  if (!rest) return false;
  *path++ = 0, *rest = 0;
  struct answer a = {500, "", 0};
  char *text = arena_strndup(arena, c->in + head, body);
  cluster_answer(c->at->cluster, arena, method, path, text, body, clock_mono_ms(), &a);
  free(c->out);
  c->out = malloc(a.n + 256);
  BUG_ON(!c->out);
  int k = sprintf(c->out, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", a.status, a.n);
  memcpy(c->out + k, a.body, a.n);
  c->out_n = (size_t)k + a.n, c->out_at = 0;
  memmove(c->in, c->in + head + body, c->n - head - body);
  c->n -= head + body;
  arena_reset(arena);
  if (!delay_ms) return flush(c);
  c->due = clock_mono_ms() + delay_ms, c->next_due = NULL;
  if (due_last) due_last->next_due = c;
  else due_first = c;
  due_last = c;
  return true;
}

static bool take(struct conn *c) {
  char drop[4096];
  if (c->silent) {
    ssize_t k = read(c->fd, drop, sizeof drop);
    return k > 0 || (k < 0 && (errno == EAGAIN || errno == EINTR));
  }
  if (!c->standing) {
    int rc = SSL_do_handshake(c->ssl);
    if (rc != 1) return blocked(c, rc);
    c->standing = true;
    watch(c, false);
  }
  for (;;) {
    if (c->cap < c->n + 16385) {
      c->cap = (c->n + 16385) * 2;
      c->in = realloc(c->in, c->cap);
      BUG_ON(!c->in);
    }
    int k = SSL_read(c->ssl, c->in + c->n, (int)(c->cap - c->n - 1));
    if (k <= 0) return blocked(c, k) && serve(c);
    c->n += (size_t)k;
  }
}

static void turn_dead(void) {
  for (int i = n_ports - n_dead; i < n_ports; i++) {
    struct port *p = &ports[i];
    if (p->dead) continue;
    p->dead = true, p->black_hole = i % 2;
    if (!p->black_hole) close(p->fd);
  }
  for (struct conn *c = conns, *next; c; c = next) {
    next = c->next;
    if (c->at->dead) close_conn(c);
  }
}

static void send_due(void) {
  int64_t now = clock_mono_ms();
  while (due_first && due_first->due <= now) {
    struct conn *c = due_first;
    due_first = c->next_due, c->due = 0;
    if (!due_first) due_last = NULL;
    if (!flush(c) || !serve(c)) close_conn(c);
  }
}

static void event(void *ptr, unsigned what) {
  enum kind kind = *(enum kind *)ptr;
  struct signalfd_siginfo si;
  if (kind == LISTENER) accept_one(ptr);
  else if (kind == SIGNAL) {
    if (read(((struct port *)ptr)->fd, &si, sizeof si) == sizeof si) turn_dead();
  } else {
    struct conn *c = ptr;
    bool ok = !(what & EPOLLOUT) || !c->standing || c->due || flush(c);
    if (ok) ok = take(c);
    if (!ok) close_conn(c);
  }
}

static void sign_off(int argc, char **argv) {
  if (argc == 8) return;
  fprintf(stderr, "usage: %s CERT KEY CLUSTERS DEAD JOB_MIN_MS JOB_MAX_MS DELAY_MS\n", argv[0]);
  exit(2);
}

int main(int argc, char **argv) {
  static struct port sig = {.kind = SIGNAL};
  sigset_t set;
  sign_off(argc, argv);
  log_init("responder", LOG_LEVEL_INFO);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&set), sigaddset(&set, SIGUSR1), sigprocmask(SIG_BLOCK, &set, NULL);
  n_ports = atoi(argv[3]), n_dead = atoi(argv[4]), delay_ms = atoi(argv[7]);
  clusters_job_time(atoi(argv[5]), atoi(argv[6]));
  if (n_ports < 1 || n_ports > MAX_CLUSTERS || n_dead >= n_ports) return 2;
  tls = SSL_CTX_new(TLS_server_method());
  if (!tls || SSL_CTX_use_certificate_chain_file(tls, argv[1]) != 1 || SSL_CTX_use_PrivateKey_file(tls, argv[2], SSL_FILETYPE_PEM) != 1) die("certificate");
  arena = arena_new();
  epoll = epoll_create1(EPOLL_CLOEXEC);
  sig.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (epoll < 0 || sig.fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, sig.fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &sig}) != 0) die("epoll");
  for (int i = 0; i < n_ports; i++) open_port(i), printf("%d%s", ports[i].port, i + 1 < n_ports ? " " : "\n");
  fflush(stdout);
  for (;;) {
    struct epoll_event ev[1]; /* one at a time: an event may close the connection that a later one of the same batch is about */
    int64_t wait = due_first ? due_first->due - clock_mono_ms() : 1000;
    int k = epoll_wait(epoll, ev, 1, wait < 0 ? 0 : (int)wait);
    if (k < 0 && errno != EINTR) die("epoll");
    if (k > 0) event(ev[0].data.ptr, ev[0].events);
    send_due();
  }
}
