/* fedlcm-run: starts PostgreSQL, poller, web pools and nginx privately, restarts what dies, stops all in reverse order on INT, TERM and HUP. With FEDLCM_DB
 * it starts no PostgreSQL: so several hosts use one.
 *
 * Who runs on a state folder holds a record lock on its file run.lock, so the kernel names the process and forgets it when it dies. The file says the
 * address and, one line each, the parts. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "main/run.h"

enum { PARTS = 4, READY_S = 120, STOP_S = 90, FAILS = 8 };
static int lock_fd = -1;
static int64_t began;
static const char *login = "";
static bool announced, failed;

static const char *lock_path(const struct run *r) { return arena_fmt(r->a, "%s/run.lock", r->state); }

/* The process that runs on this state folder; 0 when there is none. *opt_lines: what it says about itself. */
static pid_t running(const struct run *r, char ***opt_lines) {
  struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  struct err e = ERR_INIT;
  char *text = arena_strdup(r->a, "");
  CLEANUP(close_fd) int fd = open(lock_path(r), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 || fcntl(fd, F_GETLK, &l) != 0 || l.l_type == F_UNLCK) return 0;
  if (opt_lines && !file_read(r->a, lock_path(r), 65536, &text, NULL, &e)) text = arena_strdup(r->a, "");
  if (opt_lines) *opt_lines = str_split(r->a, text, "\n", NULL);
  return l.l_pid > 1 ? l.l_pid : -1; /* -1: somebody in another process namespace */
}

static bool say_running(const struct run *r) {
  char **lines;
  pid_t pid = running(r, &lines);
  if (!pid) return false;
  if (str_starts(lines[0], "http")) printf("%s\n", run_text(r, TEXT(MSG_RUN_ALREADY, NUM(pid), lines[0])));
  else printf("%s\n", run_text(r, TEXT(MSG_RUN_STARTING, NUM(pid))));
  return true;
}

static bool hold(struct run *r) {
  struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  lock_fd = open(lock_path(r), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (lock_fd < 0) return run_say(r, MSG_RUN_FOLDER, lock_path(r), strerror(errno));
  if (fcntl(lock_fd, F_SETLK, &l) == 0) return ftruncate(lock_fd, 0) == 0;
  say_running(r);
  return false;
}

static const char *account_name(const struct run *r, uid_t uid) {
  const struct passwd *p = getpwuid(uid);
  return p ? arena_strdup(r->a, p->pw_name) : arena_fmt(r->a, "%u", (unsigned)uid);
}

/* Address and parts for `status`; written again whenever a part was started. */
static void publish(struct run *r, const struct part *parts, int n) {
  static int64_t last[PARTS + 1];
  bool changed = last[PARTS] != announced;
  last[PARTS] = announced;
  for (int i = 0; i < n; i++) changed |= last[i] != parts[i].pid, last[i] = parts[i].pid;
  if (!changed) return;
  struct arena_mark m = arena_mark(r->a);
  struct buf b;
  buf_init(&b, r->a, 8192);
  buf_fmt(&b, "%s\n", announced ? run_url(r) : "starting");
  for (int i = 0; i < n; i++) buf_fmt(&b, "%-10s %8d  %-10s %d\n", parts[i].name, (int)parts[i].pid, account_name(r, parts[i].as.uid), parts[i].restarts);
  if (pwrite(lock_fd, b.p, b.n, 0) != (ssize_t)b.n || ftruncate(lock_fd, (off_t)b.n) != 0) perror(lock_path(r));
  arena_rewind(r->a, m);
}

static void announce(struct run *r, struct part *parts, int n) {
  char seconds[24];
  snprintf(seconds, sizeof seconds, "%.1f", (double)(clock_mono_ms() - began) / 1000);
  announced = true;
  for (int i = 0; i < n; i++) parts[i].deaths = 0;
  printf("%s\n%s\n%s\n", run_text(r, TEXT(MSG_RUN_READY, seconds, run_url(r))), login, run_text(r, TEXT(MSG_RUN_WHERE, r->state)));
  fflush(stdout);
}

/* Until the page has come once, a part that does not stay up ends the start; afterwards it is started again for ever. */
static bool tick(struct run *r, struct part *parts, int n) {
  struct arena_mark m = arena_mark(r->a);
  if (!announced && run_page_answers(r)) arena_rewind(r->a, m), announce(r, parts, n);
  for (int i = 0; !announced && !failed && i < n; i++) {
    if (parts[i].deaths < FAILS) continue;
    failed = true;
    run_say(r, MSG_RUN_PART_FAILS, parts[i].name, arena_fmt(r->a, "%s/log/%s.log", r->state, parts[i].name));
    run_log_tail(r, parts[i].name);
  }
  if (!announced && !failed && clock_mono_ms() - began > READY_S * 1000) failed = !run_say(r, MSG_RUN_PAGE_LATE, NUM(READY_S), arena_fmt(r->a, "%s/log", r->state));
  publish(r, parts, n);
  return !failed;
}

static bool remove_tree(const struct run *r, const char *path) {
  const char *const rm[] = {"/bin/rm", "-rf", "--", path, NULL};
  return run_once(r, (struct account){getuid(), getgid()}, NULL, rm, NULL) == 0;
}

static bool prepare(struct run *r) {
  if (!run_folder(r, r->state, r->root ? 0711 : 0700, (struct account){getuid(), getgid()}) || !hold(r)) return false;
  /* nginx/ holds temporary files of the last run */
  return run_port_free(r) && remove_tree(r, arena_fmt(r->a, "%s/nginx", r->state)) && run_dirs(r) && run_tls(r) && run_nginx_conf(r) && run_postgres_prepare(r);
}

static int start(struct run *r) {
  began = clock_mono_ms();
  if (say_running(r)) return 0;
  parts_signals();
  const char *const *nginx = run_nginx_argv(r);
  if (!nginx || !prepare(r)) return 1;
  const char *const poller[] = {arena_fmt(r->a, "%s/bin/fedlcm-poller", r->app), NULL}, *const web[] = {arena_fmt(r->a, "%s/bin/fedlcm-web", r->app), NULL}, *const *env = run_env(r, false, NULL);
  struct part parts[PARTS] = {
      {.name = "postgres", .argv = run_postgres_argv(r), .env = run_plain_env(), .as = r->pg, .stop_signal = SIGINT, .grace_s = 30},
      {.name = "poller", .argv = poller, .env = env, .as = r->poller, .stop_signal = SIGTERM, .grace_s = 18},
      {.name = "web", .argv = web, .env = env, .as = r->web, .stop_signal = SIGTERM, .grace_s = 22},
      {.name = "nginx", .argv = nginx, .env = run_plain_env(), .as = r->front, .stop_signal = SIGQUIT, .grace_s = 7, .low_port = r->port < 1024},
  };
  struct part *ours = r->database ? parts + 1 : parts;
  int n = (int)(parts + PARTS - ours);
  if ((r->database || part_spawn(r, &parts[0])) && run_database(r, &parts[0], &login)) parts_loop(r, ours, n, tick);
  else failed = true;
  parts_stop(r, ours, n);
  remove_tree(r, r->sock);
  return failed ? 1 : 0;
}

static int stop(struct run *r) {
  pid_t pid = running(r, NULL);
  if (!pid) { puts(run_text(r, TEXT(MSG_RUN_NOT_RUNNING))); return 0; }
  if (pid < 0 || kill(pid, SIGTERM) != 0) { run_say(r, MSG_RUN_STOP_FOREIGN, NUM(pid), pid < 0 ? "-" : strerror(errno)); return 1; }
  for (int i = 0; i < STOP_S * 50; i++, usleep(20 * 1000))
    if (running(r, NULL) != pid) { puts(run_text(r, TEXT(MSG_RUN_STOPPED))); return 0; }
  run_say(r, MSG_RUN_STOP_LATE, NUM(pid), arena_fmt(r->a, "%s/log", r->state));
  return 1;
}

static int status(struct run *r) {
  char **lines;
  if (!running(r, &lines)) { puts(run_text(r, TEXT(MSG_RUN_NOT_RUNNING))); return 3; }
  say_running(r);
  for (char **l = lines[0] ? lines + 1 : lines; *l; l++)
    if (**l) printf("  %s\n", *l);
  puts(run_text(r, TEXT(MSG_RUN_WHERE, r->state)));
  return 0;
}

static int reset(struct run *r, bool yes) {
  char answer[16] = "";
  struct stat st;
  pid_t pid = running(r, NULL);
  if (pid) { run_say(r, MSG_RUN_STOP_FIRST, NUM(pid)); return 1; }
  if (lstat(r->state, &st) != 0) { puts(run_text(r, TEXT(MSG_RUN_RESET_NOTHING, r->state))); return 0; }
  if (access(lock_path(r), F_OK) != 0) { run_say(r, MSG_RUN_NOT_OURS, r->state); return 1; }
  printf("%s ", run_text(r, TEXT(MSG_RUN_RESET_ASK, r->state)));
  fflush(stdout);
  if (yes) puts("yes");
  else if (!fgets(answer, sizeof answer, stdin) || !streq(str_trim(r->a, answer), "yes")) { puts(run_text(r, TEXT(MSG_RUN_RESET_KEPT))); return 1; }
  if (!remove_tree(r, r->state) || !remove_tree(r, r->sock)) return 1;
  puts(run_text(r, TEXT(MSG_RUN_RESET_DONE, r->state)));
  return 0;
}

/* The command line with the database and the keys of this state folder: fedlcm-run cli reset-password Admin */
static int cli(struct run *r, char **args, int n) {
  const char **argv = ARENA_ARRAY(r->a, const char *, n + 2);
  argv[0] = arena_fmt(r->a, "%s/bin/fedlcm", r->app);
  for (int i = 0; i < n; i++) argv[i + 1] = args[i];
  if (!running(r, NULL)) { run_say(r, MSG_RUN_START_FIRST); return 1; }
  return run_once(r, r->poller, run_env(r, true, NULL), argv, NULL);
}

/* Renders nginx.conf into the state folder without starting anything (`make check` lets nginx test it). */
static int render(struct run *r) {
  const char *const *argv = run_nginx_argv(r);
  if (!argv || !run_dirs(r) || !run_tls(r) || !run_nginx_conf(r)) return 1;
  if (!running(r, NULL)) remove_tree(r, r->sock);
  for (; *argv; argv++) puts(*argv);
  return 0;
}

int main(int argc, char **argv) {
  struct run r = {.a = arena_new()};
  const char *cmd = argc > 1 ? argv[1] : "run";
  log_init("fedlcm-run", LOG_LEVEL_WARN);
  if (!run_paths(&r) || !run_foreign_database(&r)) return 1;
  if (streq(cmd, "stop")) return stop(&r);
  if (streq(cmd, "status")) return status(&r);
  if (streq(cmd, "reset")) return reset(&r, argc > 2 && streq(argv[2], "--yes"));
  if (streq(cmd, "cli")) return cli(&r, argv + 2, argc - 2);
  if (streq(cmd, "run")) return run_conf(&r) ? start(&r) : 1;
  if (streq(cmd, "render")) return run_conf(&r) ? render(&r) : 1;
  fputs("usage: fedlcm-run [run | stop | status | reset [--yes] | cli COMMAND... | render]\n", stderr);
  return 2;
}
