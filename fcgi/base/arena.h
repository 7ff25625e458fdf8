/* Region allocation by lifetime (request, step, loop scratch).
 *
 * Everything we allocate comes from an arena; nothing is freed singly. Memory is zeroed. Out of memory aborts the process
 * with a log line (the supervisor restarts it), so no caller checks for NULL. One block is kept between resets, so a worker
 * in steady state makes no malloc call.
 *
 *     struct arena *a = arena_new();
 *     char *s = arena_fmt(a, "%s-%d", name, n);
 *     arena_reset(a);
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *opt_a);
/* Runs the deferred destructors in reverse order, then forgets all memory but the first block. */
void arena_reset(struct arena *a);

void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));
/* Grown copy of p (old_size bytes) with new_size bytes; in place when p was the last allocation. */
void *arena_grow(struct arena *a, void *opt_p, size_t old_size, size_t new_size) __attribute__((returns_nonnull, warn_unused_result));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull, warn_unused_result));
char *arena_strndup(struct arena *a, const char *p, size_t n) __attribute__((returns_nonnull, warn_unused_result));
char *arena_fmt(struct arena *a, const char *fmt, ...) __attribute__((returns_nonnull, format(printf, 2, 3)));
char *arena_vfmt(struct arena *a, const char *fmt, va_list ap) __attribute__((returns_nonnull, format(printf, 2, 0)));

/* fn(ptr) runs at the next reset or free; for library handles whose lifetime is the arena's. */
void arena_defer(struct arena *a, void (*fn)(void *), void *ptr);

/* Scratch frames: everything allocated after the mark is forgotten by the rewind (destructors registered since run). */
struct arena_mark { void *block; size_t used; void *defers; };
struct arena_mark arena_mark(struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark m);

/* Bytes handed out since the last reset (tests, logging). */
size_t arena_used(const struct arena *a);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (size_t)(n)))
#endif
