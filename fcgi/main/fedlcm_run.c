/* fedlcm-run: starts PostgreSQL, poller, web pools and nginx privately, restarts what dies, stops all in reverse order on INT, TERM and HUP.
 * fedlcm-run [run|stop|status|reset] */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "main/run.h"

static const char *url(const struct run *r) {
  bool six = strchr(r->listen, ':') != NULL;
  return arena_fmt(r->a, six ? "http%s://[%s]:%d/" : "http%s://%s:%d/", *r->tls_cert ? "s" : "", r->listen, r->port);
}

const char *const *run_env(struct run *r, bool poller) {
  static const char *const PASS[] = {"LIFECYCLEMANAGER_", "FEDLCM_", NULL};
  extern char **environ;
  int n = 0, max = 40;
  for (char **v = environ; *v; v++) max++;
  const char **env = ARENA_ARRAY(r->a, const char *, max);
  for (char **v = environ; *v; v++)
    for (int i = 0; PASS[i]; i++)
      if (str_starts(*v, PASS[i]) && !str_starts(*v, "FEDLCM_DB=")) env[n++] = *v;
  env[n++] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", env[n++] = "LANG=C.UTF-8";
  env[n++] = arena_fmt(r->a, "FEDLCM_DB=%s", run_conninfo(r));
  env[n++] = arena_fmt(r->a, "FEDLCM_SEAL_PUBLIC=%s/keys/seal.pub", r->state);
  if (poller) env[n++] = arena_fmt(r->a, "FEDLCM_SEAL_PRIVATE=%s/keys/seal.key", r->state);
  env[n++] = arena_fmt(r->a, "FEDLCM_WEB_SOCKET=%s/web/web.sock", r->sock), env[n++] = arena_fmt(r->a, "FEDLCM_WAIT_SOCKET=%s/web/wait.sock", r->sock);
  env[n++] = arena_fmt(r->a, "FEDLCM_INSTANCE_DIR=%s/poller", r->state);
  if (*r->tls_cert || r->behind_proxy) env[n++] = "FEDLCM_TLS=true";
  return env;
}

static const char *pid_path(struct run *r) { return arena_fmt(r->a, "%s/run.pid", r->sock); }

/* The process that runs on this state, 0 when none: it holds a lock on the file that carries its number. */
static pid_t running(struct run *r) {
  struct err e = ERR_INIT;
  char *text;
  int pid = 0, fd = open(pid_path(r), O_RDWR | O_CLOEXEC);
  if (fd < 0) return 0;
  bool is_free = flock(fd, LOCK_EX | LOCK_NB) == 0;
  close(fd);
  if (is_free || !file_read(r->a, pid_path(r), 100, &text, NULL, &e)) return 0;
  char **line = str_split(r->a, text, "\n", NULL);
  if (!num_int(line[0], 1, INT32_MAX, &pid)) return -1;
  if (line[1] && *line[1]) printf("It is running as process %d: %s\n", pid, line[1]);
  return pid;
}

static bool hold(struct run *r) {
  int fd = open(pid_path(r), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  char *text = arena_fmt(r->a, "%d\n%s\n", (int)getpid(), url(r));
  if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) { fprintf(stderr, "FedLCM is already starting on %s.\n", r->state); return false; }
  return ftruncate(fd, 0) == 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool page_answers(const struct run *r) {
  for (int i = 0; i < 200; i++) {
    struct stat st;
    if (stat(arena_fmt(r->a, "%s/web/web.sock", r->sock), &st) == 0 && access(arena_fmt(r->a, "%s/nginx/nginx.pid", r->state), F_OK) == 0) return true;
    usleep(25 * 1000);
  }
  fprintf(stderr, "The pages did not come up within 5 seconds; see %s/log.\n", r->state);
  return false;
}

static int start(struct run *r) {
  struct arena *a = r->a;
  int64_t began = clock_mono_ms();
  if (running(r)) return 1;
  if (!run_port_free(r) || !run_dirs(r) || !hold(r) || !run_postgres_prepare(r) || !run_nginx_conf(r)) return 1;
  unlink(arena_fmt(a, "%s/nginx/nginx.pid", r->state));
  const char *const pg[] = {arena_fmt(a, "%s/postgres", r->pg_bin), "-D", arena_fmt(a, "%s/pg/data", r->state), "-k", arena_fmt(a, "%s/pg", r->sock), "-c", "listen_addresses=", "-c", "max_connections=60", "-c", "shared_buffers=32MB",
                            "-c", "client_connection_check_interval=5s", "-c", "unix_socket_permissions=0777", NULL};
  const char *const poller[] = {arena_fmt(a, "%s/bin/fedlcm-poller", r->app), NULL}, *const web[] = {arena_fmt(a, "%s/bin/fedlcm-web", r->app), NULL};
  const char *const nginx[] = {"/usr/sbin/nginx", "-p", arena_fmt(a, "%s/nginx/", r->state), "-c", arena_fmt(a, "%s/nginx.conf", r->state), "-e", "stderr", NULL};
  const char *const plain[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", NULL};
  struct part parts[] = {
      {.name = "postgres", .argv = pg, .uid = r->pg_uid, .gid = r->pg_gid, .env = plain, .stop_signal = SIGINT, .grace_s = 10},
      {.name = "poller", .argv = poller, .uid = r->poller_uid, .gid = r->poller_gid, .env = run_env(r, true), .stop_signal = SIGTERM, .grace_s = 18},
      {.name = "web", .argv = web, .uid = r->web_uid, .gid = r->web_gid, .env = run_env(r, false), .stop_signal = SIGTERM, .grace_s = 10},
      {.name = "nginx", .argv = nginx, .uid = r->web_uid, .gid = r->web_gid, .env = plain, .stop_signal = SIGQUIT, .grace_s = 3},
  };
  parts[0].pid = part_spawn(r, &parts[0]), parts[0].started_ms = (long)clock_mono_ms();
  if (!run_database(r)) { kill(parts[0].pid, SIGINT); return 1; }
  for (int i = 1; i < 4; i++) parts[i].pid = part_spawn(r, &parts[i]), parts[i].started_ms = (long)clock_mono_ms();
  if (page_answers(r))
    printf("FedLCM is ready after %.1f s: %s\nFirst login: Admin / %s\nLogs: %s/log   Stop: Ctrl-C or make stop\n", (double)(clock_mono_ms() - began) / 1000, url(r),
           getenv("LIFECYCLEMANAGER_INITIAL_ADMIN_PASSWORD") ? "the password from the environment" : "admin (the page asks you to change it)", r->state);
  fflush(stdout);
  return parts_loop(r, parts, 4);
}

static int stop(struct run *r) {
  pid_t pid = running(r);
  if (pid <= 0) { puts("FedLCM is not running."); return 0; }
  kill(pid, SIGTERM);
  for (int i = 0; i < 600; i++, usleep(50 * 1000))
    if (kill(pid, 0) != 0) { puts("Stopped."); return 0; }
  fprintf(stderr, "Process %d does not end; see %s/log.\n", (int)pid, r->state);
  return 1;
}

static int reset(struct run *r) {
  char answer[16] = "";
  if (running(r)) { fprintf(stderr, "Stop it first: make stop\n"); return 1; }
  printf("This deletes the database, the keys and all logs in %s. Type yes to go on: ", r->state);
  fflush(stdout);
  if (!fgets(answer, sizeof answer, stdin) || !streq(str_trim(r->a, answer), "yes")) { puts("Nothing was changed."); return 1; }
  const char *const rm[] = {"/bin/rm", "-rf", r->state, r->sock, NULL};
  return run_once(r, getuid(), getgid(), NULL, rm) ? 0 : 1;
}

int main(int argc, char **argv) {
  struct run r = {.a = arena_new()};
  const char *cmd = argc > 1 ? argv[1] : "run";
  log_init("fedlcm-run", LOG_LEVEL_WARN);
  if (!run_paths(&r)) return 1;
  if (streq(cmd, "run")) return start(&r);
  if (streq(cmd, "stop")) return stop(&r);
  if (streq(cmd, "reset")) return reset(&r);
  if (streq(cmd, "status")) return running(&r) ? 0 : (puts("FedLCM is not running."), 3);
  fprintf(stderr, "usage: fedlcm-run [run|stop|status|reset]\n");
  return 2;
}
