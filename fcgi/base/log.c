/* Contract: log.h. A line is built in a fixed buffer and written by one write(), so that lines of several processes do not mix. */
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

struct line { char p[4096]; size_t n; };
enum { VALUE_MAX = 1500 };

void log_init(const char *p, enum log_level l) { program = p, least = l; }
void log_scope(const char *opt_id) { snprintf(scope, sizeof scope, "%s", opt_id ? opt_id : ""); }

/* What does not fit is cut; the last byte is kept for the line end. */
static void put(struct line *l, const char *s, size_t n) {
  size_t room = sizeof l->p - 1 - l->n;
  if (n > room) n = room;
  memcpy(l->p + l->n, s, n);
  l->n += n;
}

static void put_value(struct line *l, const char *v) {
  bool quote = !*v || strpbrk(v, " =\"\\\n\r\t") != NULL;
  size_t from = l->n;
  if (quote) put(l, "\"", 1);
  for (; *v && l->n - from < VALUE_MAX; v++) {
    unsigned char c = (unsigned char)*v;
    char hex[8];
    if (c == '"' || c == '\\') put(l, (char[]){'\\', *v}, 2);
    else if (c < 0x20 || c == 0x7f) put(l, hex, (size_t)snprintf(hex, sizeof hex, "\\x%02x", c));
    else put(l, v, 1);
  }
  if (quote) put(l, "\"", 1);
}

static void put_pair(struct line *l, const char *key, const char *value) {
  put(l, " ", 1), put(l, key, strlen(key)), put(l, "=", 1);
  put_value(l, value);
}

void log_write(enum log_level level, const char *module, const char *msg, const char *const *kv, size_t n) {
  static const char *const NAMES[] = {"debug", "info", "warn", "error"};
  if (level < least) return;
  struct line l = {.n = 0};
  struct timespec ts;
  struct tm tm;
  char text[64];
  clock_gettime(CLOCK_REALTIME, &ts);
  gmtime_r(&ts.tv_sec, &tm);
  int k = snprintf(text, sizeof text, "time=%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ts.tv_nsec / 1000000);
  put(&l, text, (size_t)k);
  put_pair(&l, "level", NAMES[level]), put_pair(&l, "program", program);
  put_pair(&l, "pid", NUM(getpid())), put_pair(&l, "module", module);
  if (scope[0]) put_pair(&l, "id", scope);
  put_pair(&l, "msg", msg);
  for (size_t i = 0; i + 1 < n; i += 2) put_pair(&l, kv[i + 1], kv[i + 2] ? kv[i + 2] : "");
  l.p[l.n++] = '\n';
  ssize_t ignored = write(STDERR_FILENO, l.p, l.n);
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
