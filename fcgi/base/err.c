/* Contract: err.h. */
#include "base/err.h"
#include <stdarg.h>
#include <stdio.h>
#include "base/arena.h"
#include "base/str.h"

enum { LEAST_ROOM = 160 };
_Static_assert(sizeof(((struct err *)0)->store) > (LEAST_ROOM + 1) * (TEXT_MAX_ARGS + 1), "every value has its least room");

/* Room that the values behind one keep for themselves, so that a long remote message does not push out the name it is about. */
static size_t reserved(const char *const *args, size_t from, size_t n) {
  size_t sum = 0;
  for (size_t i = from; i < n; i++) {
    size_t len = strlen(nn(args[i]));
    sum += (len < LEAST_ROOM ? len : LEAST_ROOM) + 1;
  }
  return sum;
}

bool err_set_at(struct err *e, enum err_kind kind, enum msg key, const char *file, int line, const char *const *args_after_null, size_t n) {
  const char *const *args = args_after_null + 1;
  e->kind = kind, e->key = key, e->file = file, e->line = line, e->n = 0, e->retry = false, e->retry_after = 0, e->detail[0] = 0;
  /* The values may point into our own store (an error made from itself): copy into a fresh one first. */
  char fresh[sizeof e->store];
  size_t used = 0;
  if (n > TEXT_MAX_ARGS) n = TEXT_MAX_ARGS;
  for (size_t i = 0; i < n; i++) {
    const char *v = nn(args[i]);
    size_t len = strlen(v), left = sizeof fresh - used - 1 - reserved(args, i + 1, n);
    if (len > left) len = left;
    while (len && ((unsigned char)v[len] & 0xc0) == 0x80) len--;
    memcpy(fresh + used, v, len);
    fresh[used + len] = 0;
    e->args[e->n++] = e->store + used;
    used += len + 1;
  }
  memcpy(e->store, fresh, used);
  e->used = used;
  return false;
}

bool err_detail(struct err *e, const char *fmt, ...) {
  va_list ap;
  char fresh[sizeof e->detail]; /* the arguments may hold the old detail */
  va_start(ap, fmt);
  vsnprintf(fresh, sizeof fresh, fmt, ap);
  va_end(ap);
  memcpy(e->detail, fresh, strlen(fresh) + 1);
  return false;
}

void err_clear(struct err *e) { *e = (struct err){0}; }

bool err_move(struct err *to, const struct err *from) {
  *to = *from;
  for (int i = 0; i < from->n; i++) to->args[i] = to->store + (from->args[i] - from->store);
  return false;
}

struct text err_text(const struct err *e) {
  struct text t = {.key = e->key, .n = e->n};
  for (int i = 0; i < e->n; i++) t.args[i] = e->args[i];
  return t;
}

const char *err_message(const struct err *e, struct arena *a) {
  struct buf b;
  buf_init(&b, a, 8192);
  text_plain(&b, LANG_EN, err_text(e));
  return b.p;
}

const char *num_text(char *buf24, long long v) {
  char digits[24];
  unsigned long long u = v < 0 ? 0 - (unsigned long long)v : (unsigned long long)v;
  size_t n = 0, k = 0;
  do digits[n++] = (char)('0' + u % 10);
  while (u /= 10);
  if (v < 0) buf24[k++] = '-';
  while (n) buf24[k++] = digits[--n];
  buf24[k] = 0;
  return buf24;
}
