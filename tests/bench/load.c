/* Load generator: GETs over kept connections from one thread, each connection waiting for its answer before it asks again.
 *
 *   load PORT CONNECTIONS SECONDS|N REQUESTS HEADER PATH...     on 127.0.0.1; "4s" asks for four seconds, "10000" that many requests; paths in turn
 *
 * Prints one line: requests, errors (anything but a whole 200), body bytes of the last answer, seconds, then p50 p90 p99 and max in microseconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONN = 256, BUF = 1 << 20, MAX_SAMPLES = 4 << 20 };
struct conn { int fd; char *in; size_t n; long length, body_at; int64_t since; int path; };

static struct conn conns[MAX_CONN];
static struct sockaddr_in server;
static char *requests[64];
static int n_paths, epoll;
static uint32_t *samples;
static long done, errors, sent, bytes, want;
static int64_t until;

static int64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void die(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(2);
}

static bool more(void) { return want ? sent < want : now_us() < until; }

static void ask(struct conn *c) {
  const char *r = requests[c->path];
  c->n = 0, c->length = -1, c->body_at = 0, c->since = now_us();
  c->path = (c->path + 1) % n_paths;
  sent++;
  if (write(c->fd, r, strlen(r)) != (ssize_t)strlen(r)) die("write");
}

static void open_conn(struct conn *c) {
  int one = 1;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&server, sizeof server) != 0) die("connect");
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = c}) != 0) die("epoll");
  ask(c);
}

/* Length of the body once the head is there, -2 while it is not whole; only answers with a length or in chunks come from nginx. */
static bool whole(struct conn *c, long *body) {
  if (!c->body_at) {
    c->in[c->n] = 0;
    char *end = strstr(c->in, "\r\n\r\n"), *len;
    if (!end) return false;
    c->body_at = end + 4 - c->in;
    *end = 0;
    len = strcasestr(c->in, "content-length:");
    c->length = len ? atol(len + 15) : -1;
    *end = '\r';
  }
  if (c->length >= 0) {
    *body = c->length;
    return (long)c->n - c->body_at >= c->length;
  }
  c->in[c->n] = 0;
  *body = 0;
  for (char *p = c->in + c->body_at;;) { /* chunks */
    char *eol = strstr(p, "\r\n");
    if (!eol) return false;
    long k = strtol(p, NULL, 16);
    if (eol + 2 + k + 2 > c->in + c->n) return false;
    if (!k) return true;
    *body += k, p = eol + 2 + k + 2;
  }
}

static bool take(struct conn *c) { /* false: this connection has ended */
  long body = 0;
  ssize_t k = read(c->fd, c->in + c->n, BUF - 1 - c->n);
  bool lost = k <= 0;
  if (!lost) c->n += (size_t)k;
  if (!lost && !whole(c, &body)) {
    if (c->n >= BUF - 1) die("an answer larger than 1 MiB");
    return true;
  }
  if (lost || strncmp(c->in, "HTTP/1.1 200", 12) != 0) errors++;
  else bytes = body;
  if (done < MAX_SAMPLES) samples[done] = (uint32_t)(now_us() - c->since);
  done++;
  bool closes = lost || (c->in[c->body_at ? c->body_at - 1 : 0] = 0, strcasestr(c->in, "connection: close") != NULL);
  if (closes) close(c->fd);
  if (!more()) return closes ? false : (close(c->fd), false);
  if (closes) open_conn(c);
  else ask(c);
  return true;
}

static int by_size(const void *a, const void *b) { return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : *(const uint32_t *)a > *(const uint32_t *)b; }

int main(int argc, char **argv) {
  if (argc < 6) return fprintf(stderr, "usage: load PORT CONNECTIONS SECONDSs|REQUESTS HEADER PATH...\n"), 2;
  int n = atoi(argv[2]), open = n;
  server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (n < 1 || n > MAX_CONN || argc - 5 > 64) return 2;
  for (int i = 5; i < argc; i++)
    if (asprintf(&requests[n_paths++], "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n%s\r\n\r\n", argv[i], argv[1], argv[4]) < 0) die("memory");
  samples = malloc(MAX_SAMPLES * sizeof *samples);
  epoll = epoll_create1(0);
  int64_t start = now_us();
  if (strchr(argv[3], 's')) until = start + (int64_t)(atof(argv[3]) * 1e6);
  else want = atol(argv[3]);
  for (int i = 0; i < n; i++) conns[i].in = malloc(BUF), conns[i].path = i % n_paths, open_conn(&conns[i]);
  while (open > 0) {
    struct epoll_event ev[MAX_CONN];
    int k = epoll_wait(epoll, ev, MAX_CONN, 20000);
    if (k <= 0) die("no answer within 20 s");
    for (int i = 0; i < k; i++) open -= !take(ev[i].data.ptr);
  }
  double s = (double)(now_us() - start) / 1e6;
  long m = done < MAX_SAMPLES ? done : MAX_SAMPLES;
  qsort(samples, (size_t)m, sizeof *samples, by_size);
  if (!m) return 2;
  printf("%ld %ld %ld %.3f %u %u %u %u\n", done, errors, bytes, s, samples[m / 2], samples[m * 9 / 10], samples[m * 99 / 100], samples[m - 1]);
  return 0;
}
