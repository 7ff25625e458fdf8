#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/err.h"

static const char *program = "fedlcm";
static enum log_level least = LOG_LEVEL_INFO;
static char scope[80];

void log_init(const char *p, enum log_level l) { program = p, least = l; }
void log_scope(const char *opt_id) { snprintf(scope, sizeof scope, "%s", opt_id ? opt_id : ""); }

static size_t put_value(char *d, size_t room, const char *v) {
  size_t o = 0;
  bool quote = !*v || strpbrk(v, " =\"\\\n\r\t") != NULL;
  if (quote && o < room) d[o++] = '"';
  for (; *v && o + 5 < room; v++) {
    unsigned char c = (unsigned char)*v;
    if (c == '"' || c == '\\') d[o++] = '\\', d[o++] = (char)c;
    else if (c < 0x20 || c == 0x7f) o += (size_t)snprintf(d + o, room - o, "\\x%02x", c);
    else d[o++] = (char)c;
  }
  if (quote && o < room) d[o++] = '"';
  return o;
}

void log_write(enum log_level l, const char *module, const char *msg, const char *const *kv, size_t n) {
  static const char *const NAMES[] = {"debug", "info", "warn", "error"};
  if (l < least) return;
  char line[4096];
  struct timespec ts;
  struct tm tm;
  clock_gettime(CLOCK_REALTIME, &ts);
  gmtime_r(&ts.tv_sec, &tm);
  size_t o = (size_t)snprintf(line, sizeof line, "time=%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ level=%s program=%s pid=%d module=%s", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                              tm.tm_hour, tm.tm_min, tm.tm_sec, ts.tv_nsec / 1000000, NAMES[l], program, (int)getpid(), module);
  if (scope[0]) o += (size_t)snprintf(line + o, sizeof line - o, " id=%s", scope);
  o += (size_t)snprintf(line + o, sizeof line - o, " msg=");
  o += put_value(line + o, sizeof line - o - 64, msg);
  for (size_t i = 0; i + 1 < n && o + 200 < sizeof line; i += 2) {
    o += (size_t)snprintf(line + o, sizeof line - o, " %.40s=", kv[i + 1]);
    o += put_value(line + o, sizeof line - o - 64, kv[i + 2] ? kv[i + 2] : "");
  }
  line[o++] = '\n';
  ssize_t ignored = write(STDERR_FILENO, line, o);
  (void)ignored;
}

void log_err(enum log_level l, const char *module, const char *doing, const struct err *e) {
  if (l < least) return;
  struct arena *a = arena_new();
  log_write(l, module, doing, LOG_KV_("error", err_message(e, a), "detail", e->detail, "at", arena_fmt(a, "%s:%d", e->file ? e->file : "", e->line)));
  arena_free(a);
}

void log_bug(const char *cond, const char *file, int line) {
  char at[200];
  snprintf(at, sizeof at, "%s:%d", file, line);
  log_write(LOG_LEVEL_ERROR, "bug", "invariant broken", LOG_KV_("condition", cond, "at", at));
  abort();
}
