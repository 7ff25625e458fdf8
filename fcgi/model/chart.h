/* Chart catalogue. */
#ifndef MODEL_CHART_H
#define MODEL_CHART_H
#include <stdbool.h>
#include <stddef.h>
#include "base/clock.h"
#include "base/uuid.h"
struct db; struct arena; struct err;
/* The archive of a chart in our own store; size 0: there is none. content: digest of what KubeFATE keeps of it. */
struct chart_archive { const char *file_name, *sha256, *content, *uploaded_by; int size; usec_t uploaded_at; };
struct chart { struct uuid uuid; int id; const char *name, *description; int type; const char *chart_name, *version, *app_version; bool must_upload, portal, historical;
  const char *about, *values_text, *values_template; usec_t created_at; int n_used; struct chart_archive archive; };
/* type 0 = all; with 0, OpenFL charts (3, 4) only when experiment. Ordered by id. type 0 rows (upgrade manager) are never listed for a type > 0. */
bool chart_list(struct db *db, struct arena *a, int type, bool experiment, struct chart **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
bool chart_get(struct db *db, struct arena *a, struct uuid id, struct chart *out, struct err *e) __attribute__((warn_unused_result));
/* Replaces the archive that is there. FAIL_NOT_FOUND: no such chart. */
bool chart_archive_put(struct db *db, struct arena *a, struct uuid chart, const struct chart_archive *x, const void *p, size_t n, struct err *e) __attribute__((warn_unused_result));
bool chart_archive_drop(struct db *db, struct arena *a, struct uuid chart, bool *was_there, struct err *e) __attribute__((warn_unused_result));
/* *n 0: there is none. */
bool chart_archive_bytes(struct db *db, struct arena *a, struct uuid chart, const unsigned char **p, size_t *n, struct err *e) __attribute__((warn_unused_result));
/* The charts of our store, and what KubeFATE on an endpoint was last seen to have of them. */
struct chart_given { struct uuid chart; const char *chart_name, *version; bool same; usec_t seen_at /* 0: never */; const char *op_uuid, *op_state /* being handed over, or failed to be; "" not */; };
bool chart_given_list(struct db *db, struct arena *a, struct uuid endpoint, struct chart_given **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
#endif
