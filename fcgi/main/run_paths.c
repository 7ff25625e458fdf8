/* Where everything lives and as whom it runs. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/name.h"
#include "base/num.h"
#include "base/str.h"
#include "main/run.h"

/* Accounts without a name and without rights: nothing to create, nothing to clean up. */
enum { WEB_ID = 64211, POLLER_ID = 64210 };

static uint32_t hash(const char *s) {
  uint32_t h = 2166136261u;
  for (; *s; s++) h = (h ^ (unsigned char)*s) * 16777619u;
  return h;
}

static bool find_checkout(struct run *r) {
  char exe[4096];
  ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
  if (n <= 0) return false;
  exe[n] = 0;
  char *cut = strstr(exe, "/build/");
  if (!cut) { fprintf(stderr, "fedlcm-run must be started from its checkout (make run); %s lies elsewhere.\n", exe); return false; }
  *cut = 0;
  r->source = arena_strdup(r->a, exe);
  return true;
}

/* Other accounts can walk down to the checkout only if every folder on the way lets them. */
static bool reachable(struct run *r) {
  char *p = arena_fmt(r->a, "%s/", r->source);
  for (char *s = p + 1; (s = strchr(s, '/')); s++) {
    struct stat st;
    *s = 0;
    bool ok = stat(p, &st) == 0 && (st.st_mode & 0001);
    *s = '/';
    if (!ok) return false;
  }
  return true;
}

static bool postgres_bin(struct run *r) {
  static const char *const OWN[] = {"17", "16", "15", "14", NULL};
  for (int i = 0; OWN[i]; i++) {
    const char *d = arena_fmt(r->a, "/usr/lib/postgresql/%s/bin", OWN[i]);
    if (access(arena_fmt(r->a, "%s/initdb", d), X_OK) == 0) return r->pg_bin = d, true;
  }
  const char *env = getenv("FEDLCM_PG_BIN");
  if (env && access(arena_fmt(r->a, "%s/initdb", env), X_OK) == 0) return r->pg_bin = env, true;
  fprintf(stderr, "PostgreSQL's programs were not found. Install the package postgresql, or name their folder in FEDLCM_PG_BIN.\n");
  return false;
}

static void users(struct run *r) {
  struct passwd *pw = r->root ? getpwnam("postgres") : NULL;
  r->pg_uid = r->web_uid = r->poller_uid = getuid(), r->pg_gid = r->web_gid = r->poller_gid = getgid();
  if (!r->root) return;
  r->web_uid = WEB_ID, r->web_gid = WEB_ID, r->poller_uid = POLLER_ID, r->poller_gid = POLLER_ID;
  if (pw) r->pg_uid = pw->pw_uid, r->pg_gid = pw->pw_gid;
}

static bool is_loopback(const char *s) { return str_starts(s, "127.") || streq(s, "::1") || streq(s, "localhost"); }

static bool listening(struct run *r) {
  const char *l = getenv("FEDLCM_LISTEN"), *p = getenv("FEDLCM_PORT"), *pw = getenv("LIFECYCLEMANAGER_INITIAL_ADMIN_PASSWORD");
  r->listen = l && *l ? l : "127.0.0.1", r->port = 9080;
  if (p && *p && !num_int(p, 1, 65535, &r->port)) { fprintf(stderr, "FEDLCM_PORT is %s; it must be a port number from 1 to 65535.\n", p); return false; }
  r->tls_cert = nn(getenv("FEDLCM_TLS_CERT")), r->tls_key = nn(getenv("FEDLCM_TLS_KEY"));
  r->behind_proxy = streq(nn(getenv("FEDLCM_BEHIND_PROXY")), "yes");
  if (!(name_host(r->listen) && strpbrk(r->listen, ".:"))) { fprintf(stderr, "FEDLCM_LISTEN is %s; it must be an IP address.\n", r->listen); return false; }
  if (is_loopback(r->listen)) return true;
  if (!(*r->tls_cert && *r->tls_key) && !r->behind_proxy) {
    fprintf(stderr, "Listening on %s needs TLS: name certificate and key in FEDLCM_TLS_CERT and FEDLCM_TLS_KEY, or state FEDLCM_BEHIND_PROXY=yes when a proxy in front ends TLS.\n", r->listen);
    return false;
  }
  if (!pw || !*pw || streq(pw, "admin")) {
    fprintf(stderr, "Listening on %s needs a first password that is not the default: set LIFECYCLEMANAGER_INITIAL_ADMIN_PASSWORD.\n", r->listen);
    return false;
  }
  return true;
}

bool run_paths(struct run *r) {
  r->root = getuid() == 0;
  if (!find_checkout(r) || !listening(r) || !postgres_bin(r)) return false;
  const char *own = getenv("FEDLCM_STATE");
  uint32_t h = hash(own && *own ? own : r->source);
  bool inside = !r->root || reachable(r);
  r->state = own && *own ? own : inside ? arena_fmt(r->a, "%s/var", r->source) : arena_fmt(r->a, "/var/lib/fedlcm-%08x", h);
  h = hash(r->state);
  const char *run = getenv("XDG_RUNTIME_DIR");
  r->sock = r->root ? arena_fmt(r->a, "/run/fedlcm-%08x", h) : run && *run && strlen(run) < 60 ? arena_fmt(r->a, "%s/fedlcm-%08x", run, h) : arena_fmt(r->a, "/tmp/fedlcm-%u-%08x", (unsigned)getuid(), h);
  r->app = arena_fmt(r->a, "%s/app", r->state);
  users(r);
  if (!inside && !(own && *own)) printf("Other accounts cannot read this checkout, so the state lies in %s.\n", r->state);
  return true;
}

static bool dir(const char *path, mode_t mode, uid_t uid, gid_t gid) {
  struct stat st;
  if (mkdir(path, mode) != 0 && errno != EEXIST) { fprintf(stderr, "The folder %s cannot be made: %s.\n", path, strerror(errno)); return false; }
  if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || (st.st_uid != getuid() && st.st_uid != uid && getuid() != 0)) { fprintf(stderr, "%s is not a folder of this account.\n", path); return false; }
  if (getuid() == 0 && chown(path, uid, gid) != 0) { fprintf(stderr, "The owner of %s cannot be set: %s.\n", path, strerror(errno)); return false; }
  return chmod(path, mode) == 0;
}

static bool copy(struct run *r, const char *from, const char *to, mode_t mode) {
  char *p;
  size_t n;
  struct err e = ERR_INIT;
  if (!file_read(r->a, from, 64 << 20, &p, &n, &e) || !file_write(to, p, n, mode, &e)) { fprintf(stderr, "%s\n", err_message(&e, r->a)); return false; }
  return true;
}

static bool copies(struct run *r) {
  static const char *const BIN[] = {"fedlcm", "fedlcm-web", "fedlcm-poller", NULL};
  char exe[4096];
  ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
  exe[n > 0 ? n : 0] = 0;
  *strrchr(exe, '/') = 0;
  for (int i = 0; BIN[i]; i++)
    if (!copy(r, arena_fmt(r->a, "%s/%s", exe, BIN[i]), arena_fmt(r->a, "%s/bin/%s", r->app, BIN[i]), 0755)) return false;
  const char *const cp[] = {"/bin/cp", "-rT", arena_fmt(r->a, "%s/build/static", r->source), arena_fmt(r->a, "%s/static", r->app), NULL};
  return run_once(r, getuid(), getgid(), NULL, cp);
}

bool run_dirs(struct run *r) {
  struct arena *a = r->a;
  umask(0022);
  if (!dir(r->state, 0755, getuid(), getgid()) || !dir(r->sock, 0755, getuid(), getgid()) || !dir(r->app, 0755, getuid(), getgid())) return false;
  if (!dir(arena_fmt(a, "%s/bin", r->app), 0755, getuid(), getgid()) || !dir(arena_fmt(a, "%s/log", r->state), 0750, getuid(), getgid())) return false;
  if (!dir(arena_fmt(a, "%s/keys", r->state), 0755, r->poller_uid, r->poller_gid)) return false;
  if (!dir(arena_fmt(a, "%s/poller", r->state), 0700, r->poller_uid, r->poller_gid) || !dir(arena_fmt(a, "%s/nginx", r->state), 0700, r->web_uid, r->web_gid)) return false;
  if (!dir(arena_fmt(a, "%s/pg", r->sock), 0755, r->pg_uid, r->pg_gid) || !dir(arena_fmt(a, "%s/web", r->sock), 0750, r->web_uid, r->web_gid)) return false;
  if (!dir(arena_fmt(a, "%s/pg", r->state), 0700, r->pg_uid, r->pg_gid)) return false;
  return copies(r);
}
