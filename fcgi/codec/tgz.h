/* A gzip-compressed tar archive in memory: zlib checks the whole stream (a cut one, a wrong checksum), libarchive reads the tar (old, GNU and pax forms). */
#ifndef CODEC_TGZ_H
#define CODEC_TGZ_H
#include <stdbool.h>
#include <stddef.h>
struct arena; struct err;
struct tgz_file { const char *path, *data; size_t n; };   /* path as it stands in the archive; data is NUL-terminated */
struct tgz { struct tgz_file *f; size_t n; };
/* Regular files only, in the archive's order. FAIL_INVALID: no gzip, no tar, cut, more than max_files files or max_bytes unpacked. */
bool tgz_read(struct arena *a, const void *p, size_t n, size_t max_files, size_t max_bytes, struct tgz *out, struct err *e) __attribute__((warn_unused_result));
#endif
