#include "t.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "web/fcgi_io.h"

static struct sockaddr_un address;

static int listener(void) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof address.sun_path, "/tmp/fcgi-unit.%d", (int)getpid());
  unlink(address.sun_path);
  assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 8) == 0);
  return fd;
}

/* Another idle worker, first in line: is woken and ends before it accepts. */
static pid_t doomed(int fd) {
  int up[2];
  char c;
  assert_int_equal(pipe(up), 0);
  pid_t pid = fork();
  if (!pid) {
    int ep = epoll_create1(0);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLEXCLUSIVE};
    if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0 || write(up[1], "r", 1) != 1) _exit(1);
    _exit(epoll_wait(ep, &ev, 1, 10000) == 1 ? 0 : 1);
  }
  close(up[1]);
  assert_int_equal(read(up[0], &c, 1), 1);
  close(up[0]);
  return pid;
}

/* nginx: asks once both are waiting, and waits for an answer that this test does not give. */
static pid_t asker(void) {
  static const unsigned char REQUEST[] = {1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 4, 0, 1, 0, 0, 0, 0, 1, 5, 0, 1, 0, 0, 0, 0};
  pid_t pid = fork();
  if (!pid) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    usleep(300000);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 || write(fd, REQUEST, sizeof REQUEST) != sizeof REQUEST) _exit(1);
    while (getpid()) pause();
  }
  return pid;
}

static void a_connection_that_woke_a_dying_worker_is_taken_by_another(void **s) {
  (void)s;
  volatile int stop = 0;
  int status, fd = listener();
  pid_t dead = doomed(fd);
  fcgi_init(fd);
  pid_t nginx = asker();
  assert_true(fcgi_next(&stop));
  assert_int_equal(waitpid(dead, &status, 0), dead);
  assert_int_equal(status, 0); /* it was the one that was woken */
  struct pollfd p = {.fd = fd, .events = POLLIN};
  int left = poll(&p, 1, 0);
  kill(nginx, SIGKILL), waitpid(nginx, &status, 0);
  unlink(address.sun_path);
  assert_int_equal(left, 0); /* nobody waits any more */
}

int main(void) {
  const struct CMUnitTest t[] = {T(a_connection_that_woke_a_dying_worker_is_taken_by_another)};
  return cmocka_run_group_tests(t, NULL, NULL);
}
