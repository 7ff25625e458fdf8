/* Chart catalogue. */
#ifndef MODEL_CHART_H
#define MODEL_CHART_H
#include <stdbool.h>
#include <stddef.h>
#include "base/clock.h"
#include "base/uuid.h"
struct db; struct arena; struct err;
struct chart { struct uuid uuid; int id; const char *name, *description; int type; const char *chart_name, *version, *app_version; bool must_upload, portal, historical;
  const char *about, *values_text, *values_template; usec_t created_at; int n_used; };
/* type 0 = all; with 0, OpenFL charts (3, 4) only when experiment. Ordered by id. type 0 rows (upgrade manager) are never listed for a type > 0. */
bool chart_list(struct db *db, struct arena *a, int type, bool experiment, struct chart **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
bool chart_get(struct db *db, struct arena *a, struct uuid id, struct chart *out, struct err *e) __attribute__((warn_unused_result));
#endif
