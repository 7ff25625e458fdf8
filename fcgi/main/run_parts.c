/* Starting, watching and stopping the parts. Each runs in a session of its own, so that a Ctrl-C at the terminal reaches only the launcher. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/str.h"
#include "main/run.h"

enum { LOG_MAX = 20 << 20 };

static void become(const struct run *r, uid_t uid, gid_t gid) {
  if (!r->root || uid == 0) return;
  if (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0) _exit(126);
}

static void signals_default(void) {
  sigset_t none;
  sigemptyset(&none);
  for (int s = 1; s < 32; s++) signal(s, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

bool run_once(struct run *r, uid_t uid, gid_t gid, const char *const *env, const char *const *argv) {
  pid_t pid = fork();
  if (pid == 0) {
    signals_default();
    become(r, uid, gid);
    if (chdir("/") != 0) _exit(126);
    extern char **environ;
    execve(argv[0], (char *const *)(uintptr_t)argv, env ? (char *const *)(uintptr_t)env : environ);
    fprintf(stderr, "%s cannot be started: %s.\n", argv[0], strerror(errno));
    _exit(127);
  }
  int status = 0;
  while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  fprintf(stderr, "%s failed.\n", argv[0]);
  return false;
}

static int log_fd(const struct run *r, const char *name) {
  char path[4096];
  struct stat st;
  snprintf(path, sizeof path, "%s/log/%s.log", r->state, name);
  bool large = stat(path, &st) == 0 && st.st_size > LOG_MAX;
  return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (large ? O_TRUNC : 0), 0640);
}

pid_t part_spawn(const struct run *r, const struct part *p) {
  int log = log_fd(r, p->name);
  pid_t parent = getpid(), pid = fork();
  if (pid == 0) {
    setsid();
    signals_default();
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) _exit(126);
    become(r, p->uid, p->gid);
    prctl(PR_SET_PDEATHSIG, p->stop_signal); /* after setuid, which clears it */
    if (getppid() != parent || chdir("/") != 0) _exit(126);
    execve(p->argv[0], (char *const *)(uintptr_t)p->argv, (char *const *)(uintptr_t)p->env);
    _exit(127);
  }
  if (log >= 0) close(log);
  return pid;
}

static void tend(struct run *r, struct part *p) {
  long now = (long)clock_mono_ms();
  if (p->pid > 0 || now < p->not_before_ms) return;
  p->pid = part_spawn(r, p), p->started_ms = now;
}

static void reap(struct part *parts, int n, bool stopping) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
    for (int i = 0; i < n; i++) {
      struct part *p = &parts[i];
      if (p->pid != pid) continue;
      long now = (long)clock_mono_ms();
      kill(-pid, SIGKILL); /* what a killed master leaves behind (nginx workers keep the port) */
      p->pid = 0, p->deaths = now - p->started_ms < 3000 ? p->deaths + 1 : 0;
      p->not_before_ms = now + (p->deaths > 10 ? 5000 : 100L * p->deaths);
      if (!stopping) fprintf(stderr, "%s ended (%s %d); starting it again.\n", p->name, WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
}

static void stop(struct part *parts, int n, struct part *p) {
  if (p->pid <= 0) return;
  kill(p->pid, p->stop_signal);
  for (long end = (long)clock_mono_ms() + p->grace_s * 1000L; p->pid > 0; usleep(20000)) {
    reap(parts, n, true);
    if (p->pid > 0 && (long)clock_mono_ms() > end) kill(-p->pid, SIGKILL);
  }
}

int parts_loop(struct run *r, struct part *parts, int n) {
  sigset_t set;
  sigemptyset(&set);
  for (const int *s = (const int[]){SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0}; *s; s++) sigaddset(&set, *s);
  sigprocmask(SIG_BLOCK, &set, NULL);
  for (;;) {
    for (int i = 0; i < n; i++) tend(r, &parts[i]);
    int sig = sigtimedwait(&set, NULL, &(struct timespec){.tv_nsec = 100 * 1000 * 1000});
    reap(parts, n, false);
    if (sig == SIGTERM || sig == SIGINT || sig == SIGHUP) break;
  }
  signal(SIGPIPE, SIG_IGN);
  for (int i = n - 1; i >= 0; i--) stop(parts, n, &parts[i]);
  return 0;
}
