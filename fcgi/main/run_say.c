/* Contract: run.h. What the launcher says, in the language of the terminal. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "main/run.h"

enum { TAIL_BYTES = 3000, TAIL_LINES = 12 };

const char *run_text(const struct run *r, struct text t) {
  struct buf b;
  buf_init(&b, r->a, 16384);
  text_plain(&b, r->lang, t);
  return b.p;
}

bool run_say_text(const struct run *r, struct text t) {
  fprintf(stderr, "%s\n", run_text(r, t));
  return false;
}

bool run_say_err(const struct run *r, const struct err *e) {
  run_say_text(r, err_text(e));
  if (e->detail[0]) fprintf(stderr, "  %s\n", e->detail);
  return false;
}

void run_log_tail(const struct run *r, const char *part) {
  const char *path = arena_fmt(r->a, "%s/log/%s.log", r->state, part);
  CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat st;
  char text[TAIL_BYTES + 1];
  if (fd < 0 || fstat(fd, &st) != 0) return;
  ssize_t n = pread(fd, text, TAIL_BYTES, st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0);
  if (n <= 0) return;
  text[n] = 0;
  char *from = text + n - 1;
  for (int lines = 0; from > text && (lines += from[-1] == '\n') < TAIL_LINES;) from--;
  run_say(r, MSG_RUN_LOG_TAIL, path);
  fprintf(stderr, "%s%s", from, str_ends(text, "\n") ? "" : "\n");
}
