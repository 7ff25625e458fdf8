/* Contract: arena.h. Bump allocation in blocks; allocations over a quarter block get a block of their own. A reset keeps a few blocks for the next request.
 * Under the address sanitizer memory that was not handed out is poisoned and allocations are a gap apart, so that overruns and
 * uses after a reset or rewind end the test. */
#include "base/arena.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef FEDLCM_ASAN
void __asan_poison_memory_region(volatile void *p, size_t n); /* sanitizer/asan_interface.h, which clang's package lacks */
void __asan_unpoison_memory_region(volatile void *p, size_t n);
#define POISON(p, n) __asan_poison_memory_region((p), (n))
#define UNPOISON(p, n) __asan_unpoison_memory_region((p), (n))
enum { BLOCK = 64 * 1024, ALIGN = 16, GAP = ALIGN };
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
enum { BLOCK = 64 * 1024, ALIGN = 16, GAP = 0 };
#endif
enum { SPARE_MAX = 512 * 1024, SPARE_BLOCK_MAX = 256 * 1024 };

struct block { struct block *prev; size_t cap, used; _Alignas(ALIGN) unsigned char data[]; };
struct defer { struct defer *prev; void (*fn)(void *); void *ptr; };
struct arena { struct block *top, *first, *spare; struct defer *defers; size_t total, spare_bytes; void *last; };

static void die(size_t n) {
  fprintf(stderr, "level=error module=arena msg=\"out of memory\" bytes=%zu\n", n);
  abort();
}

static struct block *block_new(size_t cap) {
  if (cap > SIZE_MAX / 2) die(cap);
  struct block *b = malloc(sizeof *b + cap);
  if (!b) die(cap);
  b->prev = NULL, b->cap = cap, b->used = 0;
  POISON(b->data, b->cap);
  return b;
}

static void block_free(struct block *b) {
  UNPOISON(b->data, b->cap);
  free(b);
}

static void block_shrink(struct block *b, size_t used) {
  b->used = used;
  POISON(b->data + used, b->cap - used);
}

static size_t padded(size_t size) {
  if (size > SIZE_MAX / 4) die(size);
  return ((size ? size : 1) + ALIGN - 1 + GAP) & ~(size_t)(ALIGN - 1);
}

struct arena *arena_new(void) {
  struct arena *a = calloc(1, sizeof *a);
  if (!a) die(sizeof *a);
  a->top = a->first = block_new(BLOCK);
  return a;
}

static void run_defers(struct arena *a, struct defer *until) {
  while (a->defers != until) {
    struct defer *d = a->defers;
    a->defers = d->prev;
    d->fn(d->ptr);
  }
}

static void drop_blocks(struct arena *a, struct block *keep) {
  while (a->top != keep) {
    struct block *b = a->top;
    a->top = b->prev;
    if (b->cap > SPARE_BLOCK_MAX || a->spare_bytes + b->cap > SPARE_MAX) { block_free(b); continue; }
    block_shrink(b, 0);
    b->prev = a->spare, a->spare = b, a->spare_bytes += b->cap;
  }
}

/* A spare block that is large enough and not wastefully larger, or a new one. */
static struct block *block_take(struct arena *a, size_t cap) {
  for (struct block **at = &a->spare; *at; at = &(*at)->prev) {
    struct block *b = *at;
    if (b->cap < cap || b->cap / 4 > cap) continue;
    *at = b->prev, a->spare_bytes -= b->cap;
    return b;
  }
  return block_new(cap);
}

void arena_reset(struct arena *a) {
  run_defers(a, NULL);
  drop_blocks(a, a->first);
  block_shrink(a->first, 0);
  a->total = 0, a->last = NULL;
}

void arena_free(struct arena *opt_a) {
  if (!opt_a) return;
  arena_reset(opt_a);
  for (struct block *b; (b = opt_a->spare);) opt_a->spare = b->prev, block_free(b);
  block_free(opt_a->first);
  free(opt_a);
}

void *arena_alloc(struct arena *a, size_t size) {
  size_t n = padded(size);
  if (a->top->cap - a->top->used < n) {
    struct block *b = block_take(a, n > BLOCK / 4 ? n : BLOCK);
    b->prev = a->top;
    a->top = b;
  }
  void *p = a->top->data + a->top->used;
  a->top->used += n, a->total += n, a->last = p;
  UNPOISON(p, n);
  memset(p, 0, n);
  POISON((unsigned char *)p + size, n - size);
  return p;
}

void *arena_grow(struct arena *a, void *opt_p, size_t old_size, size_t new_size) {
  if (opt_p && opt_p == a->last) {
    size_t at = (size_t)((unsigned char *)opt_p - a->top->data), n = padded(new_size);
    if (n <= a->top->cap - at && at + n >= a->top->used) {
      UNPOISON(opt_p, n);
      memset(a->top->data + a->top->used, 0, at + n - a->top->used);
      a->total += at + n - a->top->used;
      a->top->used = at + n;
      POISON((unsigned char *)opt_p + new_size, n - new_size);
      return opt_p;
    }
  }
  void *p = arena_alloc(a, new_size);
  if (opt_p) memcpy(p, opt_p, old_size < new_size ? old_size : new_size);
  return p;
}

char *arena_strndup(struct arena *a, const char *p, size_t n) {
  char *s = arena_alloc(a, n + 1);
  if (n) memcpy(s, p, n);
  return s;
}

char *arena_strdup(struct arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

char *arena_vfmt(struct arena *a, const char *fmt, va_list ap) {
  char small[256]; /* most texts: formatted once, then copied */
  va_list again;
  va_copy(again, ap);
  int n = vsnprintf(small, sizeof small, fmt, ap);
  if (n < 0) die(0);
  char *s = arena_alloc(a, (size_t)n + 1);
  if ((size_t)n < sizeof small) memcpy(s, small, (size_t)n);
  else vsnprintf(s, (size_t)n + 1, fmt, again);
  va_end(again);
  return s;
}

char *arena_fmt(struct arena *a, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  char *s = arena_vfmt(a, fmt, ap);
  va_end(ap);
  return s;
}

void arena_defer(struct arena *a, void (*fn)(void *), void *ptr) {
  struct defer *d = ARENA_NEW(a, struct defer);
  *d = (struct defer){a->defers, fn, ptr};
  a->defers = d;
}

struct arena_mark arena_mark(struct arena *a) { return (struct arena_mark){a->top, a->top->used, a->defers}; }

void arena_rewind(struct arena *a, struct arena_mark m) {
  run_defers(a, m.defers);
  drop_blocks(a, m.block);
  block_shrink(a->top, m.used);
  a->last = NULL;
}

size_t arena_used(const struct arena *a) { return a->total; }
