/* Contract: supervisor.h, the part about locks and sockets. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/num.h"
#include "base/str.h"
#include "main/supervisor.h"

enum { BACKLOG = 512, FIRST_INHERITED = 3 };

int lock_file(const char *path, bool wait) {
  int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0640);
  if (fd < 0) {
    fprintf(stderr, "The lock file %s cannot be opened: %s. Check that its folder exists and belongs to this account.\n", path, strerror(errno));
    return -1;
  }
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  if (wait) {
    fprintf(stderr, "Another process still holds %s; waiting until it has ended.\n", path);
    while (flock(fd, LOCK_EX) != 0)
      if (errno != EINTR) { close(fd); return -1; }
    return fd;
  }
  fprintf(stderr, "Another supervisor is running: it holds %s. Stop it first.\n", path);
  close(fd);
  return -1;
}

/* sd_listen_fds(3): the service manager made the sockets, opened them as 3, 4, ... and said for which process. */
static int inherited(int nth) {
  int pid, n;
  if (!num_int(getenv("LISTEN_PID"), 1, INT32_MAX, &pid) || pid != getpid() || !num_int(getenv("LISTEN_FDS"), 1, 64, &n) || nth >= n) return -1;
  int fd = FIRST_INHERITED + nth, flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return -1;
  return fd;
}

static int fault(const char *path, int fd) {
  fprintf(stderr, "The socket %s cannot be made: %s. Check the folder's owner and rights.\n", path, strerror(errno));
  if (fd >= 0) close(fd);
  return -1;
}

int listen_unix(const char *path, int nth) {
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  char tmp[sizeof sa.sun_path], lock[sizeof sa.sun_path + 4];
  int fd = inherited(nth);
  if (fd >= 0) return fd;
  if (strlen(path) + strlen(".new") >= sizeof sa.sun_path) {
    fprintf(stderr, "The socket path %s is longer than %zu bytes, which is the kernel's limit; choose a shorter folder.\n", path, sizeof sa.sun_path - sizeof ".new");
    return -1;
  }
  snprintf(tmp, sizeof tmp, "%s.new", path), snprintf(lock, sizeof lock, "%s.lock", path);
  if (lock_file(lock, false) < 0) return -1;
  unlink(tmp);
  memcpy(sa.sun_path, tmp, strlen(tmp) + 1);
  fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) != 0 || chmod(tmp, 0660) != 0 || listen(fd, BACKLOG) != 0 || rename(tmp, path) != 0) return fault(path, fd);
  return fd;
}
