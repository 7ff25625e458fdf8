/* Contract: run.h. The port: is it free, who has it, does the page come. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/num.h"
#include "base/str.h"
#include "main/run.h"

enum { PATIENCE_MS = 1500, TABLE_MAX = 32 << 20 };
union address { struct sockaddr any; struct sockaddr_in a4; struct sockaddr_in6 a6; };

static socklen_t address(const struct run *r, union address *out) {
  *out = (union address){0};
  if (strchr(r->listen, ':')) {
    out->a6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)r->port)};
    inet_pton(AF_INET6, r->listen, &out->a6.sin6_addr);
    return sizeof out->a6;
  }
  out->a4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)r->port)};
  inet_pton(AF_INET, r->listen, &out->a4.sin_addr);
  return sizeof out->a4;
}

/* 0, or why not. Root's own attempt says nothing about a low port: nginx gets that right on its own. */
static int try_bind(const struct run *r) {
  union address at;
  socklen_t n = address(r, &at);
  int on = 1;
  CLEANUP(close_fd) int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return bind(fd, &at.any, n) == 0 && listen(fd, 1) == 0 ? 0 : errno;
}

/* Listening sockets (state 0A) on our port in the kernel's table: inode and account of the first. */
static bool listener(struct run *r, const char *table, const char **inode, int *uid) {
  struct err e = ERR_INIT;
  char *text, want[16];
  snprintf(want, sizeof want, ":%04X", (unsigned)r->port);
  if (!file_read(r->a, table, TABLE_MAX, &text, NULL, &e)) return false;
  for (char **line = str_split(r->a, text, "\n", NULL); *line; line++) {
    const char *v[10];
    int m = 0;
    for (char **c = str_split(r->a, *line, " ", NULL); *c && m < 10; c++)
      if (**c) v[m++] = *c;
    if (m < 10 || !str_ends(v[1], want) || !streq(v[3], "0A")) continue;
    *inode = arena_fmt(r->a, "socket:[%s]", v[9]);
    return num_int(v[7], 0, INT32_MAX, uid) || (*uid = -1, true);
  }
  return false;
}

static bool holds(struct run *r, const char *pid, const char *inode) {
  DIR *d = opendir(arena_fmt(r->a, "/proc/%s/fd", pid));
  bool yes = false;
  for (struct dirent *x; d && !yes && (x = readdir(d));) {
    char to[64];
    ssize_t n = readlink(arena_fmt(r->a, "/proc/%s/fd/%s", pid, x->d_name), to, sizeof to - 1);
    to[n > 0 ? n : 0] = 0;
    yes = streq(to, inode);
  }
  if (d) closedir(d);
  return yes;
}

static const char *command_of(struct run *r, const char *pid) {
  struct err e = ERR_INIT;
  char *cmd;
  size_t n;
  if (!file_read(r->a, arena_fmt(r->a, "/proc/%s/cmdline", pid), 65536, &cmd, &n, &e) || !n) return "?";
  for (size_t i = 0; i + 1 < n; i++)
    if (!cmd[i]) cmd[i] = ' ';
  return str_trim(r->a, str_excerpt(r->a, cmd, strlen(cmd), 160));
}

static const char *owner(struct run *r) {
  const char *inode;
  int uid = -1;
  if (!listener(r, "/proc/net/tcp", &inode, &uid) && !listener(r, "/proc/net/tcp6", &inode, &uid)) return run_text(r, TEXT(MSG_RUN_PORT_UNKNOWN));
  const char *who = NULL;
  DIR *d = opendir("/proc");
  for (struct dirent *x; d && !who && (x = readdir(d));)
    if (x->d_name[0] >= '1' && x->d_name[0] <= '9' && holds(r, x->d_name, inode)) who = run_text(r, TEXT(MSG_RUN_PORT_PROCESS, arena_strdup(r->a, x->d_name), command_of(r, x->d_name)));
  if (d) closedir(d);
  if (who) return who;
  const struct passwd *p = uid >= 0 ? getpwuid((uid_t)uid) : NULL;
  return uid < 0 ? run_text(r, TEXT(MSG_RUN_PORT_UNKNOWN)) : run_text(r, TEXT(MSG_RUN_PORT_ACCOUNT, p ? arena_strdup(r->a, p->pw_name) : NUM(uid)));
}

bool run_port_free(const struct run *r) {
  struct run copy = *r;
  int why = try_bind(r);
  /* What a killed launcher left behind is just going down. */
  for (int64_t end = clock_mono_ms() + PATIENCE_MS; why == EADDRINUSE && clock_mono_ms() < end; why = try_bind(r)) usleep(100 * 1000);
  if (!why) return true;
  if (why == EACCES) return run_say(r, MSG_RUN_PORT_LOW, NUM(r->port));
  if (why != EADDRINUSE) return run_say(r, MSG_RUN_ADDRESS_ABSENT, r->listen, NUM(r->port), strerror(why));
  return run_say(r, MSG_RUN_PORT_TAKEN, NUM(r->port), r->listen, owner(&copy), arena_fmt(r->a, "make run FEDLCM_PORT=%d", r->port < 65535 ? r->port + 1 : 9080));
}

bool run_page_answers(const struct run *r) {
  static const char ASK[] = "GET /login HTTP/1.0\r\nHost: localhost\r\n\r\n";
  union address at;
  socklen_t n = address(r, &at);
  char answer[16] = "";
  CLEANUP(close_fd) int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 5}, sizeof(struct timeval));
  if (fd < 0 || connect(fd, &at.any, n) != 0) return false;   /* 0.0.0.0 and :: reach this machine */
  if (r->tls != TLS_NONE) return access(arena_fmt(r->a, "%s/web/web.sock", r->sock), F_OK) == 0;
  if (write(fd, ASK, sizeof ASK - 1) != sizeof ASK - 1 || recv(fd, answer, 12, MSG_WAITALL) != 12) return false;
  return streq(answer + 8, " 200");
}
