/* Contract: supervisor.h. During a rolling restart a slot has two processes: the serving one and its successor or its draining predecessor. */
#include "main/supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

enum { MAX_SLOTS = 160, TICK_MS = 250, DEATHS = 5, DEATHS_MS = 10000, SLOW_MS = 5000, READY_MS = 30000 };

enum stage { NOW, NEXT, OLD, STAGES };              /* serving; started for a rolling restart, not ready yet; told to end */
struct child { pid_t pid; int64_t started, end_by; int ready_fd, beat; bool ready; };
struct slot {
  const struct slot_kind *kind;
  int index, fast;                                /* fast: deaths within two seconds of the start, in a row */
  struct child c[STAGES];
  bool roll;
  int64_t not_before, death[DEATHS];
};
static struct slot slots[MAX_SLOTS];
static int n_slots, my_beat = -1, grace_ms;
static volatile int64_t *beats;                   /* shared page, two entries a slot: since when busy, 0 = idle */
static bool stopping;

void supervisor_beat(bool busy) {
  if (beats && my_beat >= 0) beats[my_beat] = busy ? clock_mono_ms() : 0;
}

static void in_child(struct slot *s, int beat, int ready_fd, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
  sigset_t none;
  sigemptyset(&none);
  for (int sig = 1; sig < 32; sig++) signal(sig, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
  my_beat = beat;
  _exit(s->kind->run(s->kind->arg, s->index, ready_fd));
}

static void start(struct slot *s, struct child *c) {
  int fd[2], beat = (int)(s - slots) * 2 + (s->c[NOW].pid && s->c[NOW].beat % 2 == 0);
  pid_t parent = getpid(), pid = -1;
  s->not_before = clock_mono_ms() + 1000;
  if (pipe2(fd, O_CLOEXEC) != 0) { log_error("supervisor", "no pipe for a new process, trying again", "kind", s->kind->name, "why", strerror(errno)); return; }
  beats[beat] = 0;
  if ((pid = fork()) == 0) {
    close(fd[0]);
    in_child(s, beat, fd[1], parent);
  }
  close(fd[1]);
  if (pid < 0) {
    close(fd[0]);
    log_error("supervisor", "no new process could be made, trying again", "kind", s->kind->name, "why", strerror(errno));
    return;
  }
  *c = (struct child){.pid = pid, .started = clock_mono_ms(), .ready_fd = fd[0], .beat = beat};
}

static void forget(struct child *c) {
  if (c->ready_fd > 0) close(c->ready_fd);
  *c = (struct child){0};
}

/* Five deaths in ten seconds slow a slot down to one start in five seconds; it never gives up. */
static bool too_many(struct slot *s, int64_t now) {
  memmove(s->death, s->death + 1, sizeof s->death - sizeof *s->death);
  s->death[DEATHS - 1] = now;
  return s->death[0] && now - s->death[0] < DEATHS_MS;
}

static void ended(struct slot *s, enum stage stage, int status) {
  struct child *c = &s->c[stage];
  int64_t now = clock_mono_ms();
  bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0, young = now - c->started < 2000;
  if (stage != OLD && (young || !clean)) {
    bool many = too_many(s, now);
    s->fast = young ? s->fast + 1 : 0;
    s->not_before = now + (many ? SLOW_MS : s->fast > 1 ? 200 * s->fast : 0);
    if (!stopping)
      log_warn("supervisor", many ? "process dies again and again, slowing down" : "process ended, starting it again", "kind", s->kind->name, "slot", NUM(s->index), "process", NUM(c->pid),
               WIFSIGNALED(status) ? "signal" : "status", NUM(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)));
  } else if (stage != OLD) s->fast = 0, s->not_before = now;   /* a worn worker left on its own */
  if (stage == NEXT) s->roll = false, log_warn("supervisor", "rolling restart given up for this slot: the new process did not become ready", "kind", s->kind->name, "slot", NUM(s->index));
  forget(c);
}

static void reap(void) {
  int status;
  for (pid_t p; (p = waitpid(-1, &status, WNOHANG)) > 0;)
    for (int i = 0; i < n_slots; i++)
      for (enum stage r = NOW; r < STAGES; r++)
        if (slots[i].c[r].pid == p) ended(&slots[i], r, status);
}

static void tell(const struct child *c, int sig) {
  if (c->pid > 0) kill(c->pid, sig);
}

static void kill_stuck(const struct slot *s, const struct child *c) {
  int64_t busy_since = c->pid > 0 ? beats[c->beat] : 0;
  if (!s->kind->stuck_s || !busy_since || clock_mono_ms() - busy_since < s->kind->stuck_s * INT64_C(1000)) return;
  log_warn("supervisor", "process is stuck in one piece of work, killing it", "kind", s->kind->name, "slot", NUM(s->index), "process", NUM(c->pid));
  kill(c->pid, SIGKILL);
}

static void retire(struct slot *s) {
  s->c[OLD] = s->c[NOW], s->c[NOW] = (struct child){0};
  s->c[OLD].end_by = clock_mono_ms() + grace_ms;
  tell(&s->c[OLD], SIGTERM);
}

/* One slot at a time. With overlap the successor must be ready before the predecessor is told to end; without, the predecessor goes first. */
static void roll(struct slot *s) {
  if (!s->roll || s->c[OLD].pid) return;
  if (!s->kind->overlap) {
    s->roll = false;
    if (s->c[NOW].pid) retire(s);
  } else if (!s->c[NEXT].pid && s->c[NOW].pid) start(s, &s->c[NEXT]);
  else if (s->c[NEXT].pid && s->c[NEXT].ready) {
    s->roll = false;
    retire(s);
    s->c[NOW] = s->c[NEXT], s->c[NEXT] = (struct child){0};
  } else if (s->c[NEXT].pid && clock_mono_ms() - s->c[NEXT].started > READY_MS) tell(&s->c[NEXT], SIGKILL);
}

static bool rolling_before(int i) {
  while (i-- > 0)
    if (slots[i].roll || slots[i].c[OLD].pid) return true;
  return false;
}

static void tend(void) {
  int64_t now = clock_mono_ms();
  for (int i = 0; i < n_slots; i++) {
    struct slot *s = &slots[i];
    if (!s->c[NOW].pid && !s->c[NEXT].pid && now >= s->not_before && (s->kind->overlap || !s->c[OLD].pid)) start(s, &s->c[NOW]);
    kill_stuck(s, &s->c[NOW]), kill_stuck(s, &s->c[OLD]);
    if (s->c[OLD].pid) tell(&s->c[OLD], now >= s->c[OLD].end_by ? SIGKILL : SIGTERM);   /* repeated: a TERM can fall between check and wait */
    if (!rolling_before(i)) roll(s);
  }
}

/* Sleeps until a signal, a ready byte or the tick. */
static int wait_event(int sfd) {
  struct pollfd p[1 + 2 * MAX_SLOTS] = {{.fd = sfd, .events = POLLIN}};
  struct child *of[1 + 2 * MAX_SLOTS];
  int n = 1;
  for (int i = 0; i < n_slots; i++)
    for (enum stage r = NOW; r <= NEXT; r++) {
      struct child *c = &slots[i].c[r];
      if (c->pid && c->ready_fd > 0) of[n] = c, p[n++] = (struct pollfd){.fd = c->ready_fd, .events = POLLIN};
    }
  if (poll(p, (nfds_t)n, TICK_MS) <= 0) return 0;
  for (int i = 1; i < n; i++) {
    char b;
    if (!p[i].revents) continue;
    of[i]->ready = read(p[i].fd, &b, 1) == 1;
    close(p[i].fd);
    of[i]->ready_fd = 0;
  }
  struct signalfd_siginfo si;
  return p[0].revents && read(sfd, &si, sizeof si) == sizeof si ? (int)si.ssi_signo : 0;
}

static int drain(int sfd, int sig) {
  stopping = true;
  int64_t end = clock_mono_ms() + (sig == SIGQUIT ? 500 : grace_ms);
  for (;;) {
    bool left = false;
    reap();
    for (int i = 0; i < n_slots; i++)
      for (enum stage r = NOW; r < STAGES; r++) left |= slots[i].c[r].pid > 0, tell(&slots[i].c[r], clock_mono_ms() >= end ? SIGKILL : SIGTERM);
    if (!left) break;
    if (wait_event(sfd) == SIGQUIT) end = 0;
  }
  log_info("supervisor", "stopped");
  return 0;
}

int supervise(const char *program, const struct slot_kind *kinds, int n_kinds, int grace_s) {
  sigset_t set;
  sigemptyset(&set);
  for (const int *s = (const int[]){SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD, 0}; *s; s++) sigaddset(&set, *s);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  int sfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  beats = mmap(NULL, 2 * MAX_SLOTS * sizeof *beats, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  BUG_ON(sfd < 0 || beats == MAP_FAILED);
  grace_ms = grace_s * 1000;
  for (int k = 0; k < n_kinds; k++)
    for (int i = 0; i < kinds[k].count && n_slots < MAX_SLOTS; i++) slots[n_slots++] = (struct slot){.kind = &kinds[k], .index = i};
  log_info("supervisor", "started", "program", program, "processes", NUM(n_slots));
  for (;;) {
    reap();
    tend();
    int sig = wait_event(sfd);
    if (sig == SIGTERM || sig == SIGINT || sig == SIGQUIT) return drain(sfd, sig);
    if (sig != SIGHUP) continue;
    log_info("supervisor", "rolling restart");
    for (int i = 0; i < n_slots; i++) slots[i].roll = true;
  }
}
