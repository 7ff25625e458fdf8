/* The port and nginx. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "main/run.h"

static bool can_bind(const struct run *r) {
  bool six = strchr(r->listen, ':') != NULL;
  struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)r->port)};
  struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)r->port)};
  int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  inet_pton(six ? AF_INET6 : AF_INET, r->listen, six ? (void *)&a6.sin6_addr : (void *)&a4.sin_addr);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  bool ok = fd >= 0 && bind(fd, six ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4, six ? sizeof a6 : sizeof a4) == 0 && listen(fd, 1) == 0;
  if (fd >= 0) close(fd);
  return ok;
}

/* Inode of a listening socket on our port, from the kernel's table (state 0A). */
static bool listener_inode(struct run *r, const char *table, char *out, size_t n) {
  FILE *f = fopen(table, "r");
  char line[512], want[16];
  bool found = false;
  snprintf(want, sizeof want, ":%04X", (unsigned)r->port);
  while (f && !found && fgets(line, sizeof line, f)) {
    size_t k;
    char **col = str_split(r->a, str_trim(r->a, line), " ", &k);
    const char *v[16];
    size_t m = 0;
    for (size_t i = 0; i < k && m < 16; i++)
      if (*col[i]) v[m++] = col[i];
    found = m > 9 && str_ends(v[1], want) && streq(v[3], "0A");
    if (found) snprintf(out, n, "socket:[%s]", v[9]);
  }
  if (f) fclose(f);
  return found;
}

static bool holds(struct run *r, const char *pid, const char *inode) {
  DIR *d = opendir(arena_fmt(r->a, "/proc/%s/fd", pid));
  bool yes = false;
  for (struct dirent *x; d && !yes && (x = readdir(d));) {
    char to[256];
    ssize_t n = readlink(arena_fmt(r->a, "/proc/%s/fd/%s", pid, x->d_name), to, sizeof to - 1);
    if (n > 0) to[n] = 0, yes = streq(to, inode);
  }
  if (d) closedir(d);
  return yes;
}

static const char *owner(struct run *r) {
  char inode[64];
  if (!listener_inode(r, "/proc/net/tcp", inode, sizeof inode) && !listener_inode(r, "/proc/net/tcp6", inode, sizeof inode)) return "another program";
  DIR *d = opendir("/proc");
  const char *who = "another account's program";
  for (struct dirent *x; d && (x = readdir(d));) {
    char *cmd;
    struct err e = ERR_INIT;
    if (x->d_name[0] < '0' || x->d_name[0] > '9' || !holds(r, x->d_name, inode)) continue;
    if (!file_read(r->a, arena_fmt(r->a, "/proc/%s/comm", x->d_name), 4096, &cmd, NULL, &e)) cmd = arena_strdup(r->a, "?");
    who = arena_fmt(r->a, "%s (process %s)", str_trim(r->a, cmd), x->d_name);
    break;
  }
  if (d) closedir(d);
  return who;
}

bool run_port_free(const struct run *r) {
  if (can_bind(r)) return true;
  struct run copy = *r;
  fprintf(stderr, "Port %d on %s is in use by %s. Stop it, or choose another port with FEDLCM_PORT=... make run.\n", r->port, r->listen, owner(&copy));
  return false;
}

static bool render(struct run *r, const char *from, const char *to, const char *const (*vars)[2]) {
  char *text;
  struct err e = ERR_INIT;
  struct buf b;
  if (!file_read(r->a, from, 1 << 20, &text, NULL, &e)) { fprintf(stderr, "%s\n", err_message(&e, r->a)); return false; }
  buf_init(&b, r->a, 1 << 20);
  for (const char *s = text; *s;) {
    bool hit = false;
    for (int i = 0; *s == '@' && vars[i][0] && !hit; i++)
      if (str_starts(s, vars[i][0])) buf_str(&b, vars[i][1]), s += strlen(vars[i][0]), hit = true;
    if (!hit) buf_ch(&b, *s++);
  }
  if (!file_write(to, b.p, b.n, 0644, &e)) { fprintf(stderr, "%s\n", err_message(&e, r->a)); return false; }
  return true;
}

bool run_nginx_conf(struct run *r) {
  bool tls = *r->tls_cert && *r->tls_key, six = strchr(r->listen, ':') != NULL;
  const char *listen = arena_fmt(r->a, six ? "[%s]:%d%s" : "%s:%d%s", r->listen, r->port, tls ? " ssl http2" : "");
  const char *ssl = tls ? arena_fmt(r->a, "ssl_certificate \"%s\"; ssl_certificate_key \"%s\"; ssl_protocols TLSv1.2 TLSv1.3; add_header Strict-Transport-Security \"max-age=31536000\" always;", r->tls_cert, r->tls_key) : "";
  const char *const vars[][2] = {{"@LISTEN@", listen}, {"@SSL@", ssl}, {"@STATE@", r->state}, {"@SOCK@", r->sock}, {"@STATIC@", arena_fmt(r->a, "%s/static", r->app)}, {"@HTTPS@", tls || r->behind_proxy ? "on" : ""}, {NULL, NULL}};
  return render(r, arena_fmt(r->a, "%s/conf/nginx.conf.in", r->source), arena_fmt(r->a, "%s/nginx.conf", r->state), vars);
}
