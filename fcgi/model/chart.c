#include "model/chart.h"
#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"

#define COLS "c.uuid, c.id, c.name, c.description, c.type, c.chart_name, c.version, c.app_version, c.must_upload, c.portal, c.historical, c.about, c.values_text, c.values_template, " USEC("c.created_at") \
  ", (select count(*) from participant p where p.chart_uuid = c.uuid and p.deleted_at is null)"
static const struct stmt Q_LIST = {"chart_list", "select " COLS " from chart c where ($1::int = 0 and (c.type not in (3, 4) or $2::boolean)) or (c.type = $1::int and c.type > 0) order by c.id"};
static const struct stmt Q_GET = {"chart_get", "select " COLS " from chart c where c.uuid = $1"};
const struct stmt *const STMTS_CHART[] = {&Q_LIST, &Q_GET, NULL};

static void map(const struct rows *r, int i, struct chart *o) {
  *o = (struct chart){row_uuid(r, i, 0), row_int(r, i, 1), row_text(r, i, 2), row_text(r, i, 3), row_int(r, i, 4), row_text(r, i, 5), row_text(r, i, 6), row_text(r, i, 7), row_bool(r, i, 8), row_bool(r, i, 9), row_bool(r, i, 10),
      row_text(r, i, 11), row_text(r, i, 12), row_text(r, i, 13), row_time(r, i, 14), row_int(r, i, 15)};
}
bool chart_list(struct db *db, struct arena *a, int type, bool experiment, struct chart **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_LIST, &r, e, arena_fmt(a, "%d", type), experiment ? "t" : "f")) return false;
  *out = ARENA_ARRAY(a, struct chart, r.n + 1), *n = (size_t)r.n;
  for (int i = 0; i < r.n; i++) map(&r, i, &(*out)[i]);
  return true;
}
bool chart_get(struct db *db, struct arena *a, struct uuid id, struct chart *out, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_GET, &r, e, id.s)) return false;
  if (!r.n) return err_set(e, FAIL_NOT_FOUND, MSG_CHART_UNKNOWN, id.s);
  map(&r, 0, out);
  return true;
}
