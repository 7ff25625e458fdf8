/* The one error idiom: `bool f(..., struct err *e)`, false means failed and e is filled. No globals, no longjmp.
 *
 * kind is what callers branch on. The sentence is a catalogue key plus slot values (copied into the struct), so it can be said in
 * both languages; detail goes to the log only (SQLSTATE, URL without secrets, excerpt of a remote body).
 *     return err_set(e, FAIL_NOT_FOUND, MSG_INFRA_UNKNOWN, uuid.s);
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H
#include <stdbool.h>
#include "base/text.h"

enum err_kind {
  FAIL_NONE, FAIL_INVALID /* 422 */, FAIL_BAD_REQUEST /* 400 */, FAIL_NOT_FOUND /* 404 */, FAIL_CONFLICT /* 409 */,
  FAIL_AUTH /* 401 */, FAIL_FORBIDDEN /* 403 */, FAIL_TOO_LARGE /* 413 */, FAIL_BUSY /* 429 */, FAIL_UPSTREAM /* 500: remote said no */,
  FAIL_TIMEOUT /* 503 */, FAIL_UNAVAILABLE /* 503: our database */, FAIL_BUG /* 500 */,
};

struct err {
  enum err_kind kind;
  enum msg key;
  int n;
  const char *args[TEXT_MAX_ARGS]; /* point into store */
  const char *file;
  int line;
  int retry_after;      /* seconds, with FAIL_BUSY */
  bool retry;           /* the same call may succeed later */
  size_t used;
  char store[1536];
  char detail[768];
};

#define ERR_INIT {0}
/* Slot values are const char *. Too long values are cut at a character boundary. Returns false. */
#define err_set(e, kind, key, ...) err_set_at((e), (kind), (key), __FILE__, __LINE__, (const char *const[]){NULL, ##__VA_ARGS__}, sizeof((const char *const[]){NULL, ##__VA_ARGS__}) / sizeof(char *) - 1)
bool err_set_at(struct err *e, enum err_kind kind, enum msg key, const char *file, int line, const char *const *args_after_null, size_t n);
bool err_detail(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* returns false */
void err_clear(struct err *e);
/* Copy whose values belong to the new one (a plain assignment would leave them in the old). Returns false. */
bool err_move(struct err *to, const struct err *from);
struct text err_text(const struct err *e);
/* English sentence, for JSON `message` and the log. */
const char *err_message(const struct err *e, struct arena *a);
/* Decimal text of a number for a slot, in a compound literal that lives to the end of the enclosing block. */
#define NUM(v) num_text((char[24]){0}, (long long)(v))
const char *num_text(char *buf24, long long v);
#endif
