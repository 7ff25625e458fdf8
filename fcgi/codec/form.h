/* Form bodies: application/x-www-form-urlencoded, query strings, multipart/form-data (files in memory, size capped by the request). */
#ifndef CODEC_FORM_H
#define CODEC_FORM_H
#include <stdbool.h>
#include <stddef.h>
struct arena; struct err;
struct form_field { const char *name, *value; size_t len; const char *opt_filename; };
struct form { struct form_field *f; size_t n; };
/* Bad percent escapes, NUL or invalid UTF-8 in urlencoded text: FAIL_BAD_REQUEST. At most 500 fields. */
bool form_urlencoded(struct arena *a, const char *p, size_t n, struct form *out, struct err *e) __attribute__((warn_unused_result));
/* Tolerates raw ':' '/' blanks and a trailing '&' in queries (reference 50 section 8 no 5): never fails, drops bad pairs. */
void form_query(struct arena *a, const char *opt_q, struct form *out);
bool form_multipart(struct arena *a, const char *content_type, const char *p, size_t n, struct form *out, struct err *e) __attribute__((warn_unused_result));
/* First value or NULL. Values are NUL-terminated. */
const char *form_get(const struct form *f, const char *name);
const struct form_field *form_field(const struct form *f, const char *name);
#endif
