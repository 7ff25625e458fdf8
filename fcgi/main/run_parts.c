/* Contract: run.h. Starting, watching and stopping the parts. Each runs in a session of its own, so that a Ctrl-C at the terminal reaches the launcher only.
 * The launcher is a subreaper: what a killed part leaves behind (nginx workers keep the port, backends the shared memory) becomes its child and is ended. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/num.h"
#include "base/str.h"
#include "main/run.h"

enum { LOG_MAX = 10 << 20, TICK_MS = 100, YOUNG_MS = 3000, SLOW_MS = 5000, CAP_EVERY_MS = 5000 };
static sigset_t watched;

/* nginx may use a port below 1024 although it is not root: one capability, kept over the change of account and over exec. */
static bool keep_low_ports(bool before) {
  struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct d[2] = {{.effective = 1u << CAP_NET_BIND_SERVICE, .permitted = 1u << CAP_NET_BIND_SERVICE, .inheritable = 1u << CAP_NET_BIND_SERVICE}};
  if (before) return prctl(PR_SET_KEEPCAPS, 1) == 0;
  return syscall(SYS_capset, &h, d) == 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) == 0;
}

static void become(const struct run *r, struct account as, bool low_port) {
  if (!r->root || as.uid == 0) return;
  if (low_port && !keep_low_ports(true)) _exit(126);
  if (setgroups(0, NULL) != 0 || setresgid(as.gid, as.gid, as.gid) != 0 || setresuid(as.uid, as.uid, as.uid) != 0) _exit(126);
  if (low_port && !keep_low_ports(false)) _exit(126);
}

static void signals_default(void) {
  sigset_t none;
  sigemptyset(&none);
  for (int s = 1; s < 32; s++) signal(s, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void take_all(int fd, struct buf *out) {
  char b[4096];
  for (ssize_t n; (n = read(fd, b, sizeof b)) > 0 || (n < 0 && errno == EINTR);)
    if (n > 0) buf_add(out, b, (size_t)n);
}

int run_once(const struct run *r, struct account as, const char *const *env, const char *const *argv, struct buf *opt_out) {
  int fd[2] = {-1, -1}, status = -1;
  if (opt_out && pipe2(fd, O_CLOEXEC) != 0) return -1;
  pid_t pid = fork();
  if (pid == 0) {
    signals_default();
    become(r, as, false);
    if (chdir("/") != 0 || (opt_out && dup2(fd[1], 1) < 0)) _exit(126);
    execve(argv[0], (char *const *)(uintptr_t)argv, env ? (char *const *)(uintptr_t)env : environ);
    fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
  }
  if (opt_out) close(fd[1]), take_all(fd[0], opt_out), close(fd[0]);
  while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool product_setting(const char *v) {
  static const char *const PASS[] = {"FEDLCM_", "LIFECYCLEMANAGER_", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=", "TZ=", "http_proxy=", "https_proxy=", "no_proxy=", "HTTP_PROXY=", "HTTPS_PROXY=", "NO_PROXY="};
  static const char *const DROP[] = {"FEDLCM_DB=", "FEDLCM_DB_FILE=", "FEDLCM_SEAL_", "FEDLCM_WEB_SOCKET=", "FEDLCM_WAIT_SOCKET=", "FEDLCM_INSTANCE_DIR=", "FEDLCM_TLS", "FEDLCM_LISTEN=", "FEDLCM_PORT=", "FEDLCM_STATE=", "FEDLCM_PG_",
                                     "FEDLCM_BEHIND_PROXY=", "LIFECYCLEMANAGER_INITIAL_ADMIN_PASSWORD"};
  bool yes = false;
  for (size_t i = 0; i < sizeof PASS / sizeof *PASS; i++) yes |= str_starts(v, PASS[i]);
  for (size_t i = 0; i < sizeof DROP / sizeof *DROP; i++) yes &= !str_starts(v, DROP[i]);
  return yes;
}

const char *const *run_plain_env(void) {
  static const char *const ENV[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", NULL};
  return ENV;
}

/* Only what the product knows is passed on: the caller's environment may hold secrets that are nobody's business here. */
const char *const *run_env(struct run *r, bool owner, const char *opt_password) {
  int n = 0, max = 16;
  for (char **v = environ; *v; v++) max++;
  const char **env = ARENA_ARRAY(r->a, const char *, max);
  for (char **v = environ; *v; v++)
    if (product_setting(*v)) env[n++] = *v;
  for (const char *const *v = run_plain_env(); *v; v++) env[n++] = *v;
  if (owner) env[n++] = arena_fmt(r->a, "LC_MESSAGES=%s", lang_code(r->lang)); /* the command line speaks to a person */
  env[n++] = arena_fmt(r->a, "FEDLCM_DB=%s", run_conninfo(r, owner));
  env[n++] = arena_fmt(r->a, "FEDLCM_SEAL_PUBLIC=%s/keys/seal.pub", r->state);
  env[n++] = arena_fmt(r->a, "FEDLCM_SEAL_PRIVATE=%s/keys/seal.key", r->state);
  env[n++] = arena_fmt(r->a, "FEDLCM_WEB_SOCKET=%s/web/web.sock", r->sock), env[n++] = arena_fmt(r->a, "FEDLCM_WAIT_SOCKET=%s/web/wait.sock", r->sock);
  env[n++] = arena_fmt(r->a, "FEDLCM_INSTANCE_DIR=%s/poller", r->state);
  if (r->tls != TLS_NONE || r->behind_proxy) env[n++] = "FEDLCM_TLS=true";
  if (opt_password) env[n++] = arena_fmt(r->a, "LIFECYCLEMANAGER_INITIAL_ADMIN_PASSWORD=%s", opt_password);
  return env;
}

bool part_spawn(const struct run *r, struct part *p) {
  CLEANUP(close_fd) int log = open(arena_fmt(r->a, "%s/log/%s.log", r->state, p->name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
  pid_t parent = getpid(), pid = fork();
  if (pid == 0) {
    setsid();
    signals_default();
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) _exit(126);
    become(r, p->as, p->low_port);
    prctl(PR_SET_PDEATHSIG, p->stop_signal); /* after the change of account, which clears it */
    if (getppid() != parent || chdir("/") != 0) _exit(126);
    execve(p->argv[0], (char *const *)(uintptr_t)p->argv, (char *const *)(uintptr_t)p->env);
    fprintf(stderr, "%s: %s\n", p->argv[0], strerror(errno));
    _exit(127);
  }
  p->pid = pid > 0 ? pid : 0, p->started_ms = clock_mono_ms();
  if (pid < 0) p->not_before_ms = p->started_ms + 1000;
  return pid > 0;
}

static void note_death(struct part *p, int64_t now) {
  p->deaths = now - p->started_ms < YOUNG_MS ? p->deaths + 1 : 0;
  p->not_before_ms = now + (p->deaths > 10 ? SLOW_MS : INT64_C(100) * p->deaths);
  p->pid = 0;
}

bool part_gone(struct part *p) {
  int status;
  if (p->pid && waitpid(p->pid, &status, WNOHANG) == p->pid) note_death(p, clock_mono_ms());
  return p->pid == 0;
}

static struct part *part_of(struct part *parts, int n, pid_t pid) {
  for (int i = 0; i < n; i++)
    if (parts[i].pid == pid) return &parts[i];
  return NULL;
}

/* Ends every child that is no part: what a dead part left behind. */
static void sweep(struct run *r, struct part *parts, int n) {
  struct arena_mark m = arena_mark(r->a);
  DIR *d = opendir("/proc");
  for (struct dirent *x; d && (x = readdir(d));) {
    struct err e = ERR_INIT;
    char *stat, *p;
    int pid, parent;
    if (!num_int(x->d_name, 2, INT32_MAX, &pid) || !file_read(r->a, arena_fmt(r->a, "/proc/%d/stat", pid), 4096, &stat, NULL, &e) || !(p = strrchr(stat, ')'))) continue;
    char **col = str_split(r->a, str_trim(r->a, p + 1), " ", NULL); /* state, parent, ... */
    if (col[0] && num_int(col[1], 0, INT32_MAX, &parent) && parent == getpid() && !part_of(parts, n, pid)) kill(pid, SIGKILL);
  }
  if (d) closedir(d);
  arena_rewind(r->a, m);
}

static bool reap(struct run *r, struct part *parts, int n, bool stopping) {
  int status;
  bool any = false;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    struct part *p = part_of(parts, n, pid);
    if (!p) continue;
    any = true;
    if (!stopping && WIFSIGNALED(status)) run_say(r, MSG_RUN_PART_SIGNAL, p->name, NUM(pid), NUM(WTERMSIG(status)));
    else if (!stopping) run_say(r, MSG_RUN_PART_STATUS, p->name, NUM(pid), NUM(WEXITSTATUS(status)));
    note_death(p, clock_mono_ms());
    p->restarts += !stopping;
  }
  if (any) sweep(r, parts, n);
  return any;
}

/* A log that has grown too large becomes NAME.1 and starts afresh. Parts append, so truncating under them is safe; a few lines may be lost. */
static void cap_log(const struct run *r, const char *name) {
  struct stat st;
  CLEANUP(close_fd) int from = open(arena_fmt(r->a, "%s/log/%s", r->state, name), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (from < 0 || fstat(from, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < LOG_MAX) return;
  CLEANUP(close_fd) int to = open(arena_fmt(r->a, "%s/log/%s.1", r->state, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
  while (to >= 0 && sendfile(to, from, NULL, LOG_MAX) > 0) {}
  if (ftruncate(from, 0) != 0) perror(name);
}

static void cap_logs(struct run *r) {
  static int64_t last;
  if (clock_mono_ms() - last < CAP_EVERY_MS) return;
  last = clock_mono_ms();
  struct arena_mark m = arena_mark(r->a);
  DIR *d = opendir(arena_fmt(r->a, "%s/log", r->state));
  for (struct dirent *x; d && (x = readdir(d));)
    if (str_ends(x->d_name, ".log")) cap_log(r, x->d_name);
  if (d) closedir(d);
  arena_rewind(r->a, m);
}

void parts_signals(void) {
  sigemptyset(&watched);
  for (const int *s = (const int[]){SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD, 0}; *s; s++) sigaddset(&watched, *s);
  sigprocmask(SIG_BLOCK, &watched, NULL);
  signal(SIGPIPE, SIG_IGN);               /* the terminal may be gone */
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static bool is_stop(int sig) { return sig == SIGTERM || sig == SIGINT || sig == SIGHUP || sig == SIGQUIT; }

static int next_signal(int ms) { return sigtimedwait(&watched, NULL, &(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}); }

bool parts_asked_to_stop(void) {
  for (int sig; (sig = next_signal(0)) > 0;)
    if (is_stop(sig)) return true;
  return false;
}

void parts_loop(struct run *r, struct part *parts, int n, parts_tick *tick) {
  for (int sig = 0; !is_stop(sig); sig = next_signal(TICK_MS)) {
    reap(r, parts, n, false);
    for (int i = 0; i < n; i++)
      if (!parts[i].pid && clock_mono_ms() >= parts[i].not_before_ms) part_spawn(r, &parts[i]);
    cap_logs(r);
    if (!tick(r, parts, n)) return;
  }
}

static void stop(struct run *r, struct part *parts, int n, struct part *p, bool *hurry) {
  int64_t end = clock_mono_ms() + p->grace_s * INT64_C(1000);
  if (p->pid) kill(p->pid, p->stop_signal);
  while (p->pid) {
    if (*hurry || clock_mono_ms() >= end) kill(-p->pid, SIGKILL), kill(p->pid, SIGKILL);
    if (is_stop(next_signal(20))) *hurry = !streq(p->name, "postgres"); /* asked twice: no more patience, but the database always ends in order */
    reap(r, parts, n, true);
  }
}

void parts_stop(struct run *r, struct part *parts, int n) {
  bool hurry = false;
  run_say(r, MSG_RUN_STOPPING);
  for (int i = n - 1; i >= 0; i--) {
    if (streq(parts[i].name, "postgres")) hurry = false;
    stop(r, parts, n, &parts[i], &hurry);
  }
  for (int i = 0; i < 100 && (sweep(r, parts, n), waitpid(-1, NULL, WNOHANG)) >= 0; i++) usleep(20 * 1000);
  run_say(r, MSG_RUN_STOPPED);
}
