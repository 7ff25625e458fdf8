/* YAML reading on libyaml 0.2.5 with limits (reference 81 section 10): first a pass over events with depth <= 64, events <= 100,000,
 * aliases <= 100, anchors <= 1,000, then a tree; duplicate keys, several documents (unless yml_parse_all), and more than `max` bytes are refused with line
 * and column. Aliases are resolved by reference; conversions count emitted nodes (<= 200,000) so that an alias bomb ends in an error.
 *
 * Marks: libyaml counts characters; start/end here are BYTE offsets into the source, so text can be replaced in place.
 */
#ifndef CODEC_YML_H
#define CODEC_YML_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
struct arena; struct err;

enum yml_kind { YML_NULL, YML_SCALAR, YML_SEQ, YML_MAP };
struct yml {
  enum yml_kind kind;
  const char *s; size_t len;      /* scalar text */
  bool plain;                     /* unquoted scalar (typing rules apply) */
  bool flow;                      /* flow style collection */
  size_t start, end;              /* byte range of the node in the source */
  size_t line, col;               /* 1-based, of the start */
  size_t n;                       /* children: items, or pairs */
  const struct yml **key;         /* maps */
  const struct yml **val;         /* maps and sequences */
};

/* One document. Empty text or only comments: *out is a YML_NULL node. */
bool yml_parse(struct arena *a, const char *p, size_t n, size_t max, const struct yml **out, struct err *e) __attribute__((warn_unused_result));
/* All documents; empty ones are skipped. At most max_docs. */
bool yml_parse_all(struct arena *a, const char *p, size_t n, size_t max, size_t max_docs, const struct yml ***out, size_t *out_n, struct err *e) __attribute__((warn_unused_result));
const struct yml *yml_get(const struct yml *opt_map, const char *key);          /* NULL when absent */
const struct yml *yml_at(const struct yml *opt_map, const char *dotted);
const char *yml_str(const struct yml *opt_map, const char *dotted);             /* scalar text, NULL when absent/not scalar/null */
/* Plain scalar reads as null (~, null, empty). */
bool yml_is_null(const struct yml *opt_v);
/* A YAML-1.1 reader (KubeFATE) takes this scalar for a string: quoted, or plain and no number/bool/null. */
bool yml_is_string(const struct yml *v);
bool yml_int(const struct yml *opt_v, int64_t *out);
/* JSON text of the tree (numbers, booleans, nulls typed as Kubernetes' YAML does). Counts nodes. */
bool yml_to_json(const struct yml *v, struct buf *out, struct err *e) __attribute__((warn_unused_result));

/* In-place replacement keeping comments and everything else byte for byte. Edits must not overlap; applied in any order. */
struct yml_edit { size_t start, end; const char *text; };
char *yml_splice(struct arena *a, const char *src, size_t n, const struct yml_edit *edits, size_t n_edits, size_t *out_n);
/* Writers: a scalar as it must appear in block YAML, always double-quoted with escapes. */
void yml_write_quoted(struct buf *b, const char *s);
#endif
