#include "codec/tgz.h"
#include <archive.h>
#include <archive_entry.h>
#include <zlib.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

static void cleanup_inflate(z_stream *z) { inflateEnd(z); }
static void cleanup_archive(struct archive **x) { archive_read_free(*x); }

/* Members may follow each other (RFC 1952 section 2.2); what is left over after the last one is no gzip. */
static bool gunzip(struct arena *a, const void *p, size_t n, size_t max_bytes, struct buf *out, struct err *e) {
  enum { PIECE = 65536 };
  __attribute__((cleanup(cleanup_inflate))) z_stream z = {.next_in = (Bytef *)(uintptr_t)p, .avail_in = (uInt)n};
  unsigned char *piece = arena_alloc(a, PIECE);
  buf_init(out, a, max_bytes + PIECE);
  if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) return err_set(e, FAIL_UNAVAILABLE, MSG_TGZ_MEMORY);
  for (;;) {
    z.next_out = piece, z.avail_out = PIECE;
    int rc = inflate(&z, Z_NO_FLUSH);
    buf_add(out, piece, PIECE - z.avail_out);
    if (out->n > max_bytes || out->failed) return err_set(e, FAIL_INVALID, MSG_TGZ_LARGE, NUM(max_bytes >> 20));
    if (rc == Z_STREAM_END && !z.avail_in) return true;
    if (rc == Z_STREAM_END && inflateReset(&z) == Z_OK) continue;
    if (rc == Z_BUF_ERROR || (rc == Z_OK && !z.avail_in && z.avail_out)) return err_set(e, FAIL_INVALID, MSG_TGZ_CUT);
    if (rc != Z_OK) return out->n ? err_set(e, FAIL_INVALID, MSG_TGZ_DAMAGED) : err_set(e, FAIL_INVALID, MSG_TGZ_NO_GZIP);
  }
}

static bool take(struct arena *a, struct archive *x, struct archive_entry *entry, size_t max_bytes, struct tgz_file *out, struct err *e) {
  const char *path = archive_entry_pathname(entry);
  struct buf b;
  char piece[16384];
  la_ssize_t k;
  buf_init(&b, a, max_bytes + 1);
  while ((k = archive_read_data(x, piece, sizeof piece)) > 0) buf_add(&b, piece, (size_t)k);
  if (k < 0 || b.failed || !path) return err_set(e, FAIL_INVALID, MSG_TGZ_DAMAGED);
  *out = (struct tgz_file){arena_strdup(a, path), nn(b.p), b.n};
  return true;
}

bool tgz_read(struct arena *a, const void *p, size_t n, size_t max_files, size_t max_bytes, struct tgz *out, struct err *e) {
  struct buf tar;
  struct archive_entry *entry;
  int rc;
  *out = (struct tgz){.f = ARENA_ARRAY(a, struct tgz_file, max_files + 1)};
  if (!gunzip(a, p, n, max_bytes, &tar, e)) return false;
  __attribute__((cleanup(cleanup_archive))) struct archive *x = archive_read_new();
  if (!x || archive_read_support_format_tar(x) != ARCHIVE_OK || archive_read_open_memory(x, tar.p, tar.n) != ARCHIVE_OK) return err_set(e, FAIL_INVALID, MSG_TGZ_NO_TAR);
  while ((rc = archive_read_next_header(x, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN) { /* a warning is about names or times that cannot be shown in this locale */
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    if (out->n == max_files) return err_set(e, FAIL_INVALID, MSG_TGZ_MANY, NUM(max_files));
    if (!take(a, x, entry, max_bytes, &out->f[out->n++], e)) return false;
  }
  return rc == ARCHIVE_EOF && out->n ? true : err_set(e, FAIL_INVALID, out->n ? MSG_TGZ_DAMAGED : MSG_TGZ_NO_TAR);
}
