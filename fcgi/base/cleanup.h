/* Scope-bound closing of library handles: `CLEANUP(free_ptr) char *p = NULL;`. TAKE() hands the value out and leaves NULL. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#define CLEANUP(fn) __attribute__((cleanup(cleanup_##fn)))
#define TAKE(p) ({ __typeof__(p) take_ = (p); (p) = NULL; take_; })
static inline void cleanup_free_ptr(void *pp) { void **p = pp; free(*p); *p = NULL; }
static inline void cleanup_close_fd(int *fd) { if (*fd >= 0) close(*fd); *fd = -1; }
static inline void cleanup_close_file(FILE **f) { if (*f) fclose(*f); *f = NULL; }
#endif
