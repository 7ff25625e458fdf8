/* Whole-file reading and atomic writing (temporary name, fsync, rename). */
#ifndef BASE_FILE_H
#define BASE_FILE_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
struct arena; struct err;
bool file_read(struct arena *a, const char *path, size_t max, char **out, size_t *opt_n, struct err *e) __attribute__((warn_unused_result));
bool file_write(const char *path, const void *p, size_t n, mode_t mode, struct err *e) __attribute__((warn_unused_result));
#endif
