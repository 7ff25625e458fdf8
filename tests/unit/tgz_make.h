/* Archives for tests, written with libarchive. */
#ifndef UNIT_TGZ_MAKE_H
#define UNIT_TGZ_MAKE_H
#include <archive.h>
#include <archive_entry.h>
#include "t.h"

struct tgz_in { const char *path, *data; };
enum { TGZ_ROOM = 8 << 20 };
/* Ends at a file without a path. The memory is A's. */
static inline unsigned char *tgz_make(const struct tgz_in *f, size_t *n) {
  unsigned char *p = arena_alloc(A, TGZ_ROOM);
  struct archive *x = archive_write_new();
  assert_int_equal(archive_write_add_filter_gzip(x), ARCHIVE_OK);
  assert_int_equal(archive_write_set_format_pax_restricted(x), ARCHIVE_OK);
  assert_int_equal(archive_write_open_memory(x, p, TGZ_ROOM, n), ARCHIVE_OK);
  for (; f->path; f++) {
    struct archive_entry *e = archive_entry_new();
    archive_entry_set_pathname(e, f->path), archive_entry_set_filetype(e, f->data ? AE_IFREG : AE_IFDIR), archive_entry_set_perm(e, 0644), archive_entry_set_size(e, f->data ? (la_int64_t)strlen(f->data) : 0);
    assert_int_equal(archive_write_header(x, e), ARCHIVE_OK);
    if (f->data) assert_int_equal(archive_write_data(x, f->data, strlen(f->data)), strlen(f->data));
    archive_entry_free(e);
  }
  assert_int_equal(archive_write_free(x), ARCHIVE_OK);
  return p;
}
/* A chart that KubeFATE can keep; "more" stands in one of its files. */
static inline unsigned char *chart_make(const char *name, const char *version, const char *more, size_t *n) {
  const struct tgz_in f[] = {{"dir/", NULL}, {"dir/Chart.yaml", arena_fmt(A, "apiVersion: v1\nname: %s\nversion: %s\n", name, version)}, {"dir/values.yaml", "a: 1\n"}, {"dir/values-template.yaml", "a: {{ .a }}\n"},
                             {"dir/README.md", "not kept"}, {"dir/templates/b.yaml", more}, {"dir/templates/a.yaml", "kind: A\n"}, {NULL, NULL}};
  return tgz_make(f, n);
}
#endif
