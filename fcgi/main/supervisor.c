#include "main/supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"

enum { MAX_SLOTS = 160, BACKLOG = 512 };

struct slot { const struct slot_kind *kind; int index; pid_t pid, old; int64_t started, not_before; int fast_deaths; bool replacing; int ready_fd; };
static struct slot slots[MAX_SLOTS];
static int n_slots, my_slot = -1;
static volatile int64_t *beats; /* shared page: time of the last beat of each slot, 0 = idle */
static bool stopping;

void supervisor_beat(bool busy) {
  if (beats && my_slot >= 0) beats[my_slot] = busy ? clock_mono_ms() : 0;
}

static void start(struct slot *s) {
  int fd[2];
  if (pipe2(fd, O_CLOEXEC) != 0) { log_error("supervisor", "pipe failed"); return; }
  pid_t parent = getpid(), pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    close(fd[0]);
    my_slot = (int)(s - slots);
    sigset_t none;
    sigemptyset(&none);
    for (int sig = 1; sig < 32; sig++) signal(sig, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int rc = s->kind->run(s->kind->arg, s->index, fd[1]);
    _exit(rc);
  }
  close(fd[1]);
  if (pid < 0) { close(fd[0]); log_error("supervisor", "fork failed"); s->not_before = clock_mono_ms() + 1000; return; }
  if (s->ready_fd > 0) close(s->ready_fd);
  beats[s - slots] = 0;
  s->pid = pid, s->started = clock_mono_ms(), s->ready_fd = fd[0];
}

/* Five deaths in ten seconds slow a slot down to one start in 5 s; it never gives up. */
static void died(struct slot *s, int status) {
  int64_t now = clock_mono_ms();
  bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  s->fast_deaths = now - s->started < 2000 && !clean ? s->fast_deaths + 1 : 0;
  s->not_before = s->fast_deaths >= 5 ? now + 5000 : s->fast_deaths ? now + 200 * s->fast_deaths : now;
  if (!stopping && !clean) {
    char how[48], slot[24];
    snprintf(how, sizeof how, WIFSIGNALED(status) ? "signal %d" : "status %d", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    snprintf(slot, sizeof slot, "%d", s->index);
    log_warn("supervisor", s->fast_deaths >= 5 ? "process dies again and again, slowing down" : "process ended, starting it again", "kind", s->kind->name, "slot", slot, "how", how);
  }
  s->pid = 0;
}

static void reap(void) {
  int status;
  for (pid_t p; (p = waitpid(-1, &status, WNOHANG)) > 0;)
    for (int i = 0; i < n_slots; i++) {
      if (slots[i].pid == p) died(&slots[i], status);
      if (slots[i].old == p) slots[i].old = 0;
    }
}

static void signal_all(int sig) {
  for (int i = 0; i < n_slots; i++) {
    if (slots[i].pid > 0) kill(slots[i].pid, sig);
    if (slots[i].old > 0) kill(slots[i].old, sig);
  }
}

static bool any_left(void) {
  for (int i = 0; i < n_slots; i++)
    if (slots[i].pid > 0 || slots[i].old > 0) return true;
  return false;
}

static void kill_stuck(struct slot *s) {
  int64_t beat = beats[s - slots];
  if (!s->kind->stuck_s || s->pid <= 0 || !beat || clock_mono_ms() - beat < s->kind->stuck_s * 1000) return;
  log_warn("supervisor", "process is stuck, killing it", "kind", s->kind->name);
  kill(s->pid, SIGKILL);
}

/* Rolling restart: a new process is started beside the old one, which is told to drain as soon as the new one has reported ready. */
static void roll(struct slot *s) {
  if (!s->replacing || s->old) return;
  s->old = s->pid, s->replacing = false;
  start(s);
  char b;
  int n = (int)read(s->ready_fd, &b, 1); /* blocks until ready or dead */
  if (s->old > 0 && n == 1) kill(s->old, SIGTERM);
}

static void tend(void) {
  for (int i = 0; i < n_slots && !stopping; i++) {
    struct slot *s = &slots[i];
    if (s->pid == 0 && clock_mono_ms() >= s->not_before) start(s);
    kill_stuck(s);
    roll(s);
  }
}

static int drain(int grace_s, int sig) {
  stopping = true;
  int64_t end = clock_mono_ms() + (sig == SIGQUIT ? 0 : grace_s * 1000);
  while (any_left()) {
    signal_all(clock_mono_ms() >= end ? SIGKILL : SIGTERM); /* repeated: a TERM may fall between check and wait */
    usleep(100 * 1000);
    reap();
  }
  return 0;
}

int supervise(const char *program, const struct slot_kind *kinds, int n_kinds, int grace_s) {
  sigset_t set;
  sigemptyset(&set);
  for (const int *s = (const int[]){SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD, 0}; *s; s++) sigaddset(&set, *s);
  sigprocmask(SIG_BLOCK, &set, NULL);
  beats = mmap(NULL, MAX_SLOTS * sizeof *beats, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  BUG_ON(beats == MAP_FAILED);
  for (int k = 0; k < n_kinds; k++)
    for (int i = 0; i < kinds[k].count && n_slots < MAX_SLOTS; i++) slots[n_slots++] = (struct slot){.kind = &kinds[k], .index = i};
  log_info("supervisor", "started", "program", program);
  for (;;) {
    tend();
    int sig = sigtimedwait(&set, NULL, &(struct timespec){.tv_nsec = 200 * 1000 * 1000});
    reap();
    if (sig == SIGTERM || sig == SIGINT || sig == SIGQUIT) return drain(grace_s, sig);
    if (sig == SIGHUP)
      for (int i = 0; i < n_slots; i++) slots[i].replacing = true;
  }
}

int lock_file(const char *path, bool wait) {
  int fd = open(path, O_RDWR | O_CREAT, 0640);
  if (fd < 0 || flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) != 0) {
    fprintf(stderr, fd < 0 ? "The lock file %s cannot be opened: %s.\n" : "Another process already holds %s; stop it first (%s).\n", path, strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
  }
  return fd;
}

int listen_unix(const char *path) {
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  char tmp[sizeof sa.sun_path + 8], lock[sizeof sa.sun_path + 8];
  if (strlen(path) + 5 >= sizeof sa.sun_path) { fprintf(stderr, "The socket path %s is longer than %zu bytes; choose a shorter state directory.\n", path, sizeof sa.sun_path - 6); return -1; }
  snprintf(tmp, sizeof tmp, "%s.new", path), snprintf(lock, sizeof lock, "%s.lck", path);
  if (lock_file(lock, false) < 0) return -1;
  unlink(tmp);
  memcpy(sa.sun_path, tmp, strlen(tmp) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) != 0 || chmod(tmp, 0660) != 0 || listen(fd, BACKLOG) != 0 || rename(tmp, path) != 0) {
    fprintf(stderr, "The socket %s cannot be made: %s.\n", path, strerror(errno));
    return -1;
  }
  return fd;
}
