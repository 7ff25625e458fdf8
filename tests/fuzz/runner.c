/* Plain runner of a fuzz target: runner SECONDS FILES... Runs every corpus file, its truncations, and mutations of it from a fixed seed, so that the run of
 * `make test` is the same everywhere; with SECONDS > 0 it goes on with fresh seeds until the time is over. Targets link with libFuzzer too:
 * LLVMFuzzerTestOneInput is the usual entry. A crash leaves the input behind in the file named by FUZZ_CRASH. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { MOST = 1 << 17, MUTANTS = 300 };
static uint64_t state = 88172645463325252ULL;
static uint8_t now[MOST];
static size_t now_n;
static unsigned long inputs;

static uint32_t random32(void) { /* xorshift64 */
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return (uint32_t)(state >> 16);
}

/* The sanitizers end with abort (abort_on_error), so the offender can be kept. */
static void keep_input(int sig) {
  const char *path = getenv("FUZZ_CRASH");
  FILE *f = path ? fopen(path, "w") : NULL;
  if (f) fwrite(now, 1, now_n, f), fclose(f);
  signal(sig, SIG_DFL);
  raise(sig);
}

static void one(const uint8_t *p, size_t n) {
  if (p != now) memcpy(now, p, n);
  now_n = n;
  uint8_t *exact = malloc(n ? n : 1); /* its own block: a read behind the end is seen */
  if (!exact) exit(2);
  memcpy(exact, now, n);
  LLVMFuzzerTestOneInput(exact, n);
  free(exact);
  inputs++;
}

static void mutate(const uint8_t *p, size_t n) {
  static const char *const BITS[] = {"{", "}", "[", "]", ":", ": ", "\n", "\"", "'", "&a ", "*a", "- ", "\\u0000", "\xff", "\xe4\xb8\xad", "%00", "%zz", "null", "-1", "99999999999999999999", "\t", "---\n", "!!", "=", "&", ";", "\r\n\r\n", "(stored: a/token)"};
  memcpy(now, p, n);
  for (unsigned k = 1 + random32() % 4; k; k--) {
    size_t at = n ? random32() % n : 0, len = n ? random32() % (n - at + 1) : 0;
    switch (random32() % 6) {
      case 0: if (n) now[at] ^= (uint8_t)(1u << random32() % 8); break;
      case 1: if (n) now[at] = (uint8_t)random32(); break;
      case 2: if (len > 32) len = 32; memmove(now + at, now + at + len, n - at - len), n -= len; break;
      case 3: if (n + len < MOST) memmove(now + at + len, now + at, n - at), n += len; break; /* repeats a piece */
      case 4: n = at; break;
      default: {
        const char *b = BITS[random32() % (sizeof BITS / sizeof *BITS)];
        size_t m = strlen(b);
        if (n + m < MOST) memmove(now + at + m, now + at, n - at), memcpy(now + at, b, m), n += m;
      }
    }
  }
  one(now, n);
}

static size_t load(const char *path, uint8_t *p) {
  FILE *f = fopen(path, "r");
  if (!f) { perror(path); exit(2); }
  size_t n = fread(p, 1, MOST, f);
  fclose(f);
  return n;
}

int main(int argc, char **argv) {
  static uint8_t p[MOST];
  time_t until = argc > 1 ? time(NULL) + (time_t)strtol(argv[1], NULL, 10) : 0;
  signal(SIGABRT, keep_input), signal(SIGSEGV, keep_input);
  if (argc < 3) { fputs("usage: runner SECONDS FILES...\n", stderr); return 2; }
  one((const uint8_t *)"", 0);
  do
    for (int i = 2; i < argc; i++) {
      size_t n = load(argv[i], p);
      one(p, n);
      for (size_t k = 0; k < n && k < 400; k++) one(p, n * k / (n < 400 ? n : 400));
      for (int k = 0; k < MUTANTS; k++) mutate(p, n);
    }
  while (time(NULL) < until);
  printf("%lu inputs\n", inputs);
  return 0;
}
