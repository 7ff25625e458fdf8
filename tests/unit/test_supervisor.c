#include "t.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "main/start.h"
#include "main/supervisor.h"

enum { MAX_SEEN = 400 };
/* What the children report: S started, R told to end, E ended. */
static struct seen { _Atomic int n; struct { char what; int slot; pid_t pid; } at[MAX_SEEN]; } *seen;
static volatile sig_atomic_t told;
static void on_term(int sig) { (void)sig; told = 1; }

static void report(char what, int slot) {
  int i = seen->n++;
  if (i < MAX_SEEN) seen->at[i].what = what, seen->at[i].slot = slot, seen->at[i].pid = getpid();
}
static int count(char what) {
  int k = 0;
  for (int i = 0; i < seen->n && i < MAX_SEEN; i++) k += seen->at[i].what == what;
  return k;
}
static bool reached(char what, int n, int ms) {
  for (int64_t end = clock_mono_ms() + ms; clock_mono_ms() < end; usleep(5000))
    if (count(what) >= n) return true;
  return false;
}

static int polite(void *arg, int slot, int ready_fd) {
  (void)arg;
  signal(SIGTERM, on_term);
  report('S', slot);
  if (write(ready_fd, "r", 1) != 1) return 1;
  while (!told) usleep(5000);
  report('E', slot);
  return 0;
}
/* Only the first process of a slot ever becomes ready. */
static int broken_successor(void *arg, int slot, int ready_fd) {
  (void)arg;
  if (count('S') == 0) return polite(arg, slot, ready_fd);
  report('B', slot);
  return 1;
}
static int stubborn(void *arg, int slot, int ready_fd) {
  (void)arg, (void)ready_fd;
  signal(SIGTERM, SIG_IGN);
  report('S', slot);
  while (getpid()) pause();
  return 0;
}
static int stuck(void *arg, int slot, int ready_fd) {
  (void)arg, (void)ready_fd;
  report('S', slot);
  supervisor_beat(true);
  while (getpid()) pause();
  return 0;
}
static int waiting(void *arg, int slot, int ready_fd) {
  (void)arg, (void)ready_fd;
  report('S', slot);
  supervisor_beat(true), supervisor_beat(false);
  while (getpid()) pause();
  return 0;
}
static int crash(void *arg, int slot, int ready_fd) {
  (void)arg, (void)ready_fd;
  report('S', slot);
  return 7;
}

static pid_t begin(struct slot_kind kind, int grace_s) {
  seen->n = 0;
  pid_t pid = fork();
  if (pid == 0) {
    log_init("test", LOG_LEVEL_ERROR + 1);
    _exit(supervise("test", &kind, 1, grace_s));
  }
  return pid;
}
static int end(pid_t pid, int sig) {
  int status = -1;
  kill(pid, sig);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return status;
}

static void all_start_and_a_killed_one_is_replaced(void **s) {
  (void)s;
  pid_t p = begin((struct slot_kind){.name = "k", .count = 3, .run = polite, .overlap = true}, 5);
  assert_true(reached('S', 3, 20000));
  kill(seen->at[1].pid, SIGKILL);
  assert_true(reached('S', 4, 20000));
  assert_int_equal(seen->at[3].slot, seen->at[1].slot);
  assert_int_equal(end(p, SIGTERM), 0);
  assert_int_equal(count('E'), 3);
}
static void term_waits_for_the_grace_and_no_longer(void **s) {
  (void)s;
  pid_t p = begin((struct slot_kind){.name = "k", .count = 1, .run = stubborn}, 1);
  assert_true(reached('S', 1, 20000));
  int64_t from = clock_mono_ms();
  assert_int_equal(end(p, SIGTERM), 0);
  assert_in_range(clock_mono_ms() - from, 900, 20000);
  assert_int_equal(kill(seen->at[0].pid, 0), -1);
}
static void quit_does_not_wait_for_the_grace(void **s) {
  (void)s;
  pid_t p = begin((struct slot_kind){.name = "k", .count = 2, .run = stubborn}, 60);
  assert_true(reached('S', 2, 20000));
  int64_t from = clock_mono_ms();
  assert_int_equal(end(p, SIGQUIT), 0);
  assert_in_range(clock_mono_ms() - from, 0, 20000);
}
static void children_die_with_a_killed_supervisor(void **s) {
  (void)s;
  pid_t p = begin((struct slot_kind){.name = "k", .count = 2, .run = stubborn}, 60);
  assert_true(reached('S', 2, 20000));
  end(p, SIGKILL);
  for (int i = 0; i < 400 && (kill(seen->at[0].pid, 0) == 0 || kill(seen->at[1].pid, 0) == 0); i++) usleep(5000);
  assert_int_equal(kill(seen->at[0].pid, 0), -1);
  assert_int_equal(kill(seen->at[1].pid, 0), -1);
}
/* With overlap a slot is never without a serving process: each successor started before its predecessor ended. */
static void rolling_restart_starts_the_successor_first(void **s) {
  (void)s;
  pid_t p = begin((struct slot_kind){.name = "k", .count = 3, .run = polite, .overlap = true}, 5);
  assert_true(reached('S', 3, 20000));
  kill(p, SIGHUP);
  assert_true(reached('E', 3, 20000));
  for (int slot = 0; slot < 3; slot++) {
    char order[8] = "";
    for (int i = 0, k = 0; i < seen->n; i++)
      if (seen->at[i].slot == slot) order[k++] = seen->at[i].what;
    assert_string_equal(order, "SSE");
  }
  assert_int_equal(end(p, SIGTERM), 0);
}
/* Without overlap two processes never hold the same slot: a runner's leases belong to its slot. */
static void without_overlap_the_predecessor_ends_first(void **s) {
  (void)s;
  pid_t p = begin((struct slot_kind){.name = "k", .count = 2, .run = polite}, 5);
  assert_true(reached('S', 2, 20000));
  kill(p, SIGHUP);
  assert_true(reached('S', 4, 20000));
  for (int slot = 0; slot < 2; slot++) {
    char order[8] = "";
    for (int i = 0, k = 0; i < seen->n; i++)
      if (seen->at[i].slot == slot) order[k++] = seen->at[i].what;
    assert_string_equal(order, "SES");
  }
  assert_int_equal(end(p, SIGTERM), 0);
}
static void a_successor_that_is_not_ready_leaves_the_old_one_serving(void **s) {
  (void)s;
  pid_t p = begin((struct slot_kind){.name = "k", .count = 1, .run = broken_successor, .overlap = true}, 5);
  assert_true(reached('S', 1, 20000));
  kill(p, SIGHUP);
  assert_true(reached('B', 1, 20000));
  usleep(600 * 1000);
  assert_int_equal(count('E'), 0);
  assert_int_equal(count('B'), 1);
  assert_int_equal(kill(seen->at[0].pid, 0), 0);
  assert_int_equal(end(p, SIGTERM), 0);
}
static void five_deaths_in_ten_seconds_slow_a_slot_down(void **s) {
  (void)s;
  pid_t p = begin((struct slot_kind){.name = "k", .count = 1, .run = crash}, 1);
  assert_true(reached('S', 5, 20000));
  int before = count('S');
  usleep(2000 * 1000);
  assert_int_equal(count('S'), before);
  assert_true(reached('S', before + 1, 20000)); /* it never gives up */
  assert_int_equal(end(p, SIGTERM), 0);
}
static void a_stuck_child_is_killed_an_idle_one_is_not(void **s) {
  (void)s;
  pid_t p = begin((struct slot_kind){.name = "k", .count = 1, .run = stuck, .stuck_s = 1}, 1);
  assert_true(reached('S', 2, 20000));
  end(p, SIGQUIT);
  p = begin((struct slot_kind){.name = "k", .count = 1, .run = waiting, .stuck_s = 1}, 1);
  assert_true(reached('S', 1, 20000));
  usleep(1800 * 1000);
  assert_int_equal(count('S'), 1);
  end(p, SIGQUIT);
}

static char dir[64];
static const char *place(const char *name) {
  if (!*dir) {
    snprintf(dir, sizeof dir, "/tmp/fsup.XXXXXX");
    assert_non_null(mkdtemp(dir));
  }
  return arena_fmt(A, "%s/%s", dir, name);
}
static void silence(void) { if (!freopen("/dev/null", "w", stderr)) abort(); }

static void a_second_supervisor_on_the_same_socket_is_refused(void **s) {
  (void)s;
  int status;
  struct stat st;
  const char *path = place("a.sock");
  umask(0007);
  assert_true(listen_unix(path, 0) >= 0);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0660);
  ino_t before = st.st_ino;
  pid_t pid = fork();
  if (pid == 0) {
    silence();
    _exit(listen_unix(path, 0) >= 0);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
  assert_int_equal(stat(path, &st), 0);
  assert_true(st.st_ino == before); /* and the first one's socket is untouched */
}
static void a_socket_path_beyond_the_kernels_limit_is_refused(void **s) {
  (void)s;
  int status;
  pid_t pid = fork();
  if (pid == 0) {
    silence();
    _exit(listen_unix("/tmp/a-path-that-is-longer-than-the-hundred-and-seven-bytes-that-the-kernel-allows-for-the-name-of-a-unix-socket.sock", 0) >= 0);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
}
static void a_socket_of_the_service_manager_is_taken(void **s) {
  (void)s;
  int status;
  pid_t pid = fork();
  if (pid == 0) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    char me[40];
    dup2(fd, 3), dup2(fd, 4);
    snprintf(me, sizeof me, "LISTEN_PID=%d", (int)getpid());
    putenv(me), putenv((char[]){"LISTEN_FDS=2"});
    _exit(listen_unix("/nowhere/a.sock", 0) == 3 && listen_unix("/nowhere/b.sock", 1) == 4 && (fcntl(4, F_GETFL) & O_NONBLOCK) && fcntl(4, F_GETFD) == FD_CLOEXEC ? 42 : 1);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(WEXITSTATUS(status), 42);
}
/* Who gets the lock knows that supervisor and all its children are gone. */
static void the_lock_is_inherited_by_children(void **s) {
  (void)s;
  const char *path = place("lock");
  int pipes[2];
  assert_int_equal(pipe(pipes), 0);
  pid_t parent = fork();
  if (parent == 0) {
    if (lock_file(path, false) < 0) _exit(1);
    pid_t child = fork();
    if (child == 0) pause();
    _exit(write(pipes[1], &child, sizeof child) != sizeof child);
  }
  pid_t child = 0;
  int status;
  assert_int_equal(waitpid(parent, &status, 0), parent);
  assert_int_equal(read(pipes[0], &child, sizeof child), sizeof child);
  int keep = dup(2), null = open("/dev/null", O_WRONLY);
  dup2(null, 2);
  int early = lock_file(path, false);
  dup2(keep, 2), close(keep), close(null);
  assert_int_equal(early, -1);
  kill(child, SIGKILL);
  int fd = -1;
  for (int i = 0; i < 100 && fd < 0; i++, usleep(10000)) fd = lock_file(path, true);
  assert_true(fd >= 0);
}

/* Two machines made from one image have the same host name and the same inode; whoever starts again on one of them keeps its name. */
static void each_instance_has_a_name_of_its_own(void **s) {
  (void)s;
  char a[128], b[128], boot[128];
  snprintf(a, sizeof a, "%s/lock", dir), snprintf(b, sizeof b, "%s/a.sock.lock", dir), snprintf(boot, sizeof boot, "%s/a.sock", dir);
  unlink(a), unlink(b), unlink(boot);
  int fa = lock_file(a, false), fb = lock_file(b, false);
  const char *here = start_instance(A, fa, START_BOOT_ID);
  assert_true(fa >= 0 && fb >= 0 && strlen(here) > 17), assert_string_not_equal(here, start_instance(A, fb, START_BOOT_ID));
  close(fa), fa = lock_file(a, false);
  assert_string_equal(here, start_instance(A, fa, START_BOOT_ID));
  OK(file_write(boot, "1cbfa5ba-7f2c-4f3b-a5b5-35ae6d2cb0c5\n", 37, 0600, &E));
  assert_string_not_equal(here, start_instance(A, fa, boot)), assert_string_equal(start_instance(A, fa, boot), start_instance(A, fa, boot));
  unlink(boot);
  assert_string_not_equal(start_instance(A, fa, boot), start_instance(A, fa, boot));
  close(fa), close(fb);
}

static int share(void **s) {
  (void)s;
  seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return seen == MAP_FAILED;
}

static int tidy(void **s) {
  (void)s;
  static const char *const LEFT[] = {"a.sock", "a.sock.lock", "lock"};
  char path[128];
  for (size_t i = 0; i < sizeof LEFT / sizeof *LEFT; i++) snprintf(path, sizeof path, "%s/%s", dir, LEFT[i]), unlink(path);
  return rmdir(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {T(all_start_and_a_killed_one_is_replaced), T(term_waits_for_the_grace_and_no_longer), T(quit_does_not_wait_for_the_grace), T(children_die_with_a_killed_supervisor),
      T(rolling_restart_starts_the_successor_first), T(without_overlap_the_predecessor_ends_first), T(a_successor_that_is_not_ready_leaves_the_old_one_serving),
      T(five_deaths_in_ten_seconds_slow_a_slot_down), T(a_stuck_child_is_killed_an_idle_one_is_not), T(a_second_supervisor_on_the_same_socket_is_refused),
      T(a_socket_path_beyond_the_kernels_limit_is_refused), T(a_socket_of_the_service_manager_is_taken), T(the_lock_is_inherited_by_children), T(each_instance_has_a_name_of_its_own)};
  return cmocka_run_group_tests(tests, share, tidy);
}
