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
    if ((n += (size_t)k) > max) return err_set(e, FAIL_TOO_LARGE, MSG_FILE_LARGE, path, NUM(max));
  }
  p[n] = 0;
  *out = p;
  if (opt_n) *opt_n = n;
  return true;
}

/* The name itself must reach the disk too, or a power cut brings the old file back. */
static bool sync_folder(const char *path) {
  char dir[4096];
  const char *slash = strrchr(path, '/');
  size_t n = slash ? (size_t)(slash - path) + 1 : 2;
  if (n >= sizeof dir) return false;
  memcpy(dir, slash ? path : "./", n);
  dir[n] = 0;
  CLEANUP(close_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd >= 0 && fsync(fd) == 0;
}

static bool write_all(int fd, const char *p, size_t n) {
  while (n) {
    ssize_t k = write(fd, p, n);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) return false;
    p += k, n -= (size_t)k;
  }
  return true;
}

bool file_write(const char *path, const void *p, size_t n, mode_t mode, struct err *e) {
  char tmp[4096];
  if ((size_t)snprintf(tmp, sizeof tmp, "%s.XXXXXX", path) >= sizeof tmp) return err_set(e, FAIL_INVALID, MSG_FILE_WRITE, path, strerror(ENAMETOOLONG));
  CLEANUP(close_fd) int fd = mkostemp(tmp, O_CLOEXEC);
  if (fd < 0) return err_set(e, FAIL_UNAVAILABLE, MSG_FILE_WRITE, path, strerror(errno));
  if (write_all(fd, p, n) && fchmod(fd, mode) == 0 && fsync(fd) == 0 && rename(tmp, path) == 0 && sync_folder(path)) return true;
  int why = errno;
  unlink(tmp);
  return err_set(e, FAIL_UNAVAILABLE, MSG_FILE_WRITE, path, strerror(why));
}
