#include "base/num.h"
#include <errno.h>
#include <stdlib.h>
#include "base/str.h"

bool num_i64(const char *s, int64_t min, int64_t max, int64_t *out) {
  if (!s || !(*s == '-' || (*s >= '0' && *s <= '9'))) return false;
  char *end = NULL;
  errno = 0;
  long long v = strtoll(s, &end, 10);
  if (errno || *end || end == s || v < min || v > max) return false;
  *out = v;
  return true;
}

bool num_int(const char *s, int min, int max, int *out) {
  int64_t v;
  if (!num_i64(s, min, max, &v)) return false;
  *out = (int)v;
  return true;
}

bool num_bool(const char *s, bool *out) {
  static const char *const YES[] = {"1", "t", "T", "TRUE", "true", "True"}, *const NO[] = {"0", "f", "F", "FALSE", "false", "False"};
  for (int i = 0; i < 6; i++) {
    if (s && streq(s, YES[i])) return *out = true, true;
    if (s && streq(s, NO[i])) return *out = false, true;
  }
  return false;
}
