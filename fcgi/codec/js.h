/* JSON reading on json-c with limits, and path in every error. Writing needs no tree: struct jsw below writes into a buf.
 *
 * Values belong to the arena given at parse (put back at its reset). Depth <= 32, strict UTF-8, size cap by the caller.
 * Getters with "loose" semantics of upstream's Go decoder for request bodies: key matched exactly first, then case-insensitively;
 * missing and null give the zero value; wrong type is an error naming the path.
 */
#ifndef CODEC_JS_H
#define CODEC_JS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
struct arena; struct err; struct json_object;
typedef struct json_object js; /* opaque outside codec/js.c */

bool js_parse(struct arena *a, const char *p, size_t n, size_t max, js **out, struct err *e) __attribute__((warn_unused_result));
/* Remote answers (hostile, lenient): NULL for missing or wrong type; keys may be a dotted path "status.conditions". */
const js *js_at(const js *opt_v, const char *dotted);
const char *js_str(const js *opt_v, const char *dotted);            /* NULL when absent or no string; belongs to the tree */
int64_t js_int(const js *opt_v, const char *dotted, int64_t fallback);
bool js_bool(const js *opt_v, const char *dotted, bool fallback);
const js *js_arr(const js *opt_v, const char *dotted);              /* NULL unless an array */
const js *js_obj(const js *opt_v, const char *dotted);              /* NULL unless an object */
size_t js_len(const js *opt_arr);
const js *js_item(const js *opt_arr, size_t i);
const char *js_self_str(const js *opt_v);                           /* the value itself as string, else NULL */
bool js_is_null(const js *opt_v);
/* Iterates an object: for (struct js_iter it = js_iter(v); js_next(&it);) it.key, it.val */
struct js_iter { const js *v; void *pos; const char *key; const js *val; };
struct js_iter js_iter(const js *opt_obj);
bool js_next(struct js_iter *it);
char *js_dump(struct arena *a, const js *opt_v);                    /* compact text; "null" for NULL */
/* Request bodies (ours to refuse): false = wrong type, FAIL_BAD_REQUEST with the path. Absent/null leaves zero value. */
bool jsq_str(const js *obj, const char *key, struct arena *a, const char **out, struct err *e) __attribute__((warn_unused_result)); /* "" when absent */
bool jsq_int(const js *obj, const char *key, int64_t min, int64_t max, int64_t *out, struct err *e) __attribute__((warn_unused_result));
bool jsq_bool(const js *obj, const char *key, bool *out, struct err *e) __attribute__((warn_unused_result));
bool jsq_obj(const js *obj, const char *key, const js **out, struct err *e) __attribute__((warn_unused_result));   /* NULL when absent */
bool jsq_strs(const js *obj, const char *key, struct arena *a, const char ***out, size_t *n, struct err *e) __attribute__((warn_unused_result));
/* Mutable trees, for work memos only. Owned by the arena of the parse or of js_new. */
js *js_new(struct arena *a);
void js_set_str(js *o, const char *key, const char *opt_s);         /* NULL removes the key */
void js_set_int(js *o, const char *key, int64_t v);
void js_set_bool(js *o, const char *key, bool v);
void js_set_copy(js *o, const char *key, const js *opt_v);          /* deep copy; NULL removes */

/* Streaming writer: commas are its business. jsw_key inside objects only. */
struct jsw { struct buf *b; unsigned depth; bool first[40]; bool after_key; };
void jsw_init(struct jsw *w, struct buf *b);
void jsw_obj(struct jsw *w); void jsw_end_obj(struct jsw *w);
void jsw_arr(struct jsw *w); void jsw_end_arr(struct jsw *w);
void jsw_key(struct jsw *w, const char *key);
void jsw_str(struct jsw *w, const char *opt_s);                     /* NULL prints null */
void jsw_i64(struct jsw *w, int64_t v); void jsw_bool(struct jsw *w, bool v); void jsw_null(struct jsw *w);
void jsw_raw(struct jsw *w, const char *json);                      /* JSON text from our own database */
/* key + value in one call */
void jsw_kstr(struct jsw *w, const char *k, const char *opt_s); void jsw_ki64(struct jsw *w, const char *k, int64_t v);
void jsw_kbool(struct jsw *w, const char *k, bool v); void jsw_kraw(struct jsw *w, const char *k, const char *json);
#endif
