/* Contract: run.h. Where everything lies. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "main/run.h"

enum { SOCK_MAX = 60, PROGRAM_MAX = 256 << 20 };

static uint32_t hash(const char *s) {
  uint32_t h = 2166136261u;
  for (; *s; s++) h = (h ^ (unsigned char)*s) * 16777619u;
  return h;
}

/* CHECKOUT/build/FLAVOUR/bin/fedlcm-run */
static bool find_checkout(struct run *r) {
  char exe[4096];
  ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
  exe[n > 0 ? n : 0] = 0;
  for (int up = 0; up < 4; up++) {
    char *slash = strrchr(exe, '/');
    if (slash) *slash = 0;
    if (up == 0) r->bin = arena_strdup(r->a, exe);
  }
  r->source = arena_strdup(r->a, exe);
  return access(arena_fmt(r->a, "%s/conf/nginx.conf.in", r->source), R_OK) == 0 ? true : run_say(r, MSG_RUN_CHECKOUT, *exe ? exe : "/");
}

/* The first folder on the way to path that other accounts may not walk through; NULL when there is none. */
static const char *closed_folder(const struct run *r, const char *path) {
  char *p = arena_fmt(r->a, "%s/", path);
  for (char *s = p + 1; (s = strchr(s, '/')); s++) {
    struct stat st;
    *s = 0;
    if (stat(p, &st) == 0 && !(st.st_mode & 0001)) return p;
    *s = '/';
  }
  return NULL;
}

/* libpq reads a comma in a host as a list, and the kernel takes 107 bytes for a socket: so sockets get a folder of their own with a plain, short name. */
static const char *socket_folder(const struct run *r) {
  uint32_t h = hash(r->state);
  const char *xdg = getenv("XDG_RUNTIME_DIR");
  if (r->root) return arena_fmt(r->a, "/run/fedlcm-%08x", h);
  if (xdg && *xdg == '/' && strlen(xdg) < SOCK_MAX && !strpbrk(xdg, ", '\\\"$") && access(xdg, W_OK) == 0) return arena_fmt(r->a, "%s/fedlcm-%08x", xdg, h);
  return arena_fmt(r->a, "/tmp/fedlcm-%u-%08x", (unsigned)getuid(), h);
}

bool run_paths(struct run *r) {
  const char *own = getenv("FEDLCM_STATE"), *terminal = getenv("LC_ALL");
  if (!terminal || !*terminal) terminal = getenv("LC_MESSAGES");
  if (!terminal || !*terminal) terminal = getenv("LANG");
  (void)lang_parse(terminal, &r->lang);
  r->root = getuid() == 0;
  if (!find_checkout(r)) return false;
  bool elsewhere = r->root && closed_folder(r, r->source);
  if (own && *own == '/') r->state = own;
  else if (own && *own) r->state = arena_fmt(r->a, "%s/%s", r->source, own);
  else r->state = elsewhere ? arena_fmt(r->a, "/var/lib/fedlcm-%08x", hash(r->source)) : arena_fmt(r->a, "%s/var", r->source);
  r->sock = socket_folder(r);
  r->app = arena_fmt(r->a, "%s/app", r->state);
  run_accounts(r);
  return true;
}

bool run_folder(const struct run *r, const char *path, mode_t mode, struct account as) {
  struct stat st;
  if (mkdir(path, 0700) != 0 && errno != EEXIST) return run_say(r, MSG_RUN_FOLDER, path, strerror(errno));
  if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || (!r->root && st.st_uid != getuid())) return run_say(r, MSG_RUN_FOLDER_FOREIGN, path);
  if (r->root && (st.st_uid != as.uid || st.st_gid != as.gid) && chown(path, as.uid, as.gid) != 0) return run_say(r, MSG_RUN_FOLDER, path, strerror(errno));
  return chmod(path, mode) == 0 ? true : run_say(r, MSG_RUN_FOLDER, path, strerror(errno));
}

bool run_put(const struct run *r, const char *path, const void *p, size_t n, mode_t mode, struct account as) {
  struct err e = ERR_INIT;
  if (!file_write(path, p, n, mode, &e)) return run_say_err(r, &e);
  return !r->root || chown(path, as.uid, as.gid) == 0 ? true : run_say(r, MSG_RUN_FOLDER, path, strerror(errno));
}

/* Copied again only when it changed: a start must be quick. */
static bool copy_program(struct run *r, const char *name) {
  const char *from = arena_fmt(r->a, "%s/%s", r->bin, name), *to = arena_fmt(r->a, "%s/bin/%s", r->app, name);
  struct stat a, b;
  struct err e = ERR_INIT;
  char *p;
  size_t n;
  if (stat(from, &a) == 0 && stat(to, &b) == 0 && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec) return true;
  struct arena *scratch = arena_new();
  bool ok = file_read(scratch, from, PROGRAM_MAX, &p, &n, &e) && file_write(to, p, n, 0755, &e);
  if (!ok) run_say_err(r, &e);
  arena_free(scratch);
  if (ok && utimensat(AT_FDCWD, to, (const struct timespec[]){a.st_atim, a.st_mtim}, 0) != 0) return run_say(r, MSG_RUN_FOLDER, to, strerror(errno));
  return ok;
}

static bool copies(struct run *r) {
  static const char *const PROGRAMS[] = {"fedlcm", "fedlcm-web", "fedlcm-poller"};
  for (size_t i = 0; i < sizeof PROGRAMS / sizeof *PROGRAMS; i++)
    if (!copy_program(r, PROGRAMS[i])) return false;
  const char *to = arena_fmt(r->a, "%s/static", r->app), *const rm[] = {"/bin/rm", "-rf", to, NULL};
  const char *const cp[] = {"/bin/cp", "-r", arena_fmt(r->a, "%s/build/static", r->source), to, NULL}, *const open[] = {"/bin/chmod", "-R", "a+rX", to, NULL};
  const struct account me = {getuid(), getgid()};
  return run_once(r, me, NULL, rm, NULL) == 0 && run_once(r, me, NULL, cp, NULL) == 0 && run_once(r, me, NULL, open, NULL) == 0;
}

bool run_dirs(struct run *r) {
  const struct account me = {getuid(), getgid()};
  const mode_t walk = r->root ? 0711 : 0700;
  const struct { const char *under, *name; mode_t mode; struct account as; } DIRS[] = {
      {r->state, "", walk, me},
      {r->sock, "", walk, me},
      {r->state, "/app", r->root ? 0755 : 0700, me},
      {r->state, "/app/bin", r->root ? 0755 : 0700, me},
      {r->state, "/log", walk, me},
      {r->state, "/tls", walk, me},
      {r->state, "/keys", walk, r->poller},
      {r->state, "/poller", 0700, r->poller},
      {r->state, "/nginx", 0700, r->front},
      {r->state, "/pg", 0700, r->pg},
      {r->sock, "/pg", walk, r->pg},
      {r->sock, "/web", r->root ? 02710 : 0700, {r->web.uid, r->front.gid}},   /* sockets made in it belong to nginx's group */
  };
  umask(0022);
  if (!r->pg.uid && r->root && !r->database) return run_say(r, MSG_RUN_NO_ACCOUNT, "postgresql");
  for (size_t i = 0; i < sizeof DIRS / sizeof *DIRS; i++) {
    if (!run_folder(r, arena_fmt(r->a, "%s%s", DIRS[i].under, DIRS[i].name), DIRS[i].mode, DIRS[i].as)) return false;
    const char *closed = i == 0 && r->root ? closed_folder(r, r->state) : NULL;
    if (closed) return run_say(r, MSG_RUN_STATE_CLOSED, r->state, closed);
  }
  if (!str_starts(r->state, r->source) && !getenv("FEDLCM_STATE")) run_say(r, MSG_RUN_STATE_ELSEWHERE, r->state);
  return copies(r);
}
