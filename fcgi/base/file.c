#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"

bool file_read(struct arena *a, const char *path, size_t max, char **out, size_t *opt_n, struct err *e) {
  CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return err_set(e, FAIL_UNAVAILABLE, MSG_FILE_READ, path, strerror(errno));
  size_t cap = 4096, n = 0;
  char *p = arena_alloc(a, cap + 1);
  for (;;) {
    if (n == cap) p = arena_grow(a, p, n, (cap *= 2) + 1);
    ssize_t k = read(fd, p + n, cap - n);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) return err_set(e, FAIL_UNAVAILABLE, MSG_FILE_READ, path, strerror(errno));
    if (!k) break;
    if ((n += (size_t)k) > max) return err_set(e, FAIL_TOO_LARGE, MSG_FILE_LARGE, path);
  }
  p[n] = 0;
  *out = p;
  if (opt_n) *opt_n = n;
  return true;
}

bool file_write(const char *path, const void *p, size_t n, mode_t mode, struct err *e) {
  char tmp[4096];
  if ((size_t)snprintf(tmp, sizeof tmp, "%s.%d.tmp", path, (int)getpid()) >= sizeof tmp) return err_set(e, FAIL_INVALID, MSG_FILE_WRITE, path, "name too long");
  CLEANUP(close_fd) int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  bool ok = fd >= 0 && fchmod(fd, mode) == 0;
  for (size_t o = 0; ok && o < n;) {
    ssize_t k = write(fd, (const char *)p + o, n - o);
    if (k < 0 && errno != EINTR) ok = false;
    if (k > 0) o += (size_t)k;
  }
  if (ok && fsync(fd) == 0 && rename(tmp, path) == 0) return true;
  int why = errno;
  unlink(tmp);
  return err_set(e, FAIL_UNAVAILABLE, MSG_FILE_WRITE, path, strerror(why));
}
