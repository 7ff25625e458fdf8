/* Text of strangers' logs: line breaks stay, the size is bounded, and a value that is known is gone. */
#include "base/arena.h"
#include "base/log.h"
#include "base/redact.h"
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
static struct arena *a;

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
  static const char *const KNOWN[] = {"KnownSecret1", "", NULL};
  size_t in = 0, out = 0;
  if (!a) a = arena_new();
  const char *r = redact(a, (const char *)p, n, KNOWN, sizeof KNOWN / sizeof *KNOWN);
  for (size_t i = 0; i < n; i++) in += p[i] == '\n';
  for (const char *c = r; *c; c++) out += *c == '\n';
  BUG_ON(in < out); /* a break within a colour is no line break */
  BUG_ON(strlen(r) > 3 * n + 3);
  BUG_ON(strstr(r, KNOWN[0]) != NULL);
  arena_reset(a);
  return 0;
}
