#include "model/chart.h"
#include <string.h>
#include "base/arena.h"
#include "base/b64.h"
#include "base/err.h"
#include "db/db.h"

#define COLS "c.uuid, c.id, c.name, c.description, c.type, c.chart_name, c.version, c.app_version, c.must_upload, c.portal, c.historical, c.about, c.values_text, c.values_template, " USEC("c.created_at") \
  ", (select count(*) from participant p where p.chart_uuid = c.uuid and p.deleted_at is null), coalesce(x.file_name, ''), coalesce(x.sha256, ''), coalesce(x.content, ''), coalesce(x.uploaded_by, ''), coalesce(x.size, 0), " USEC("x.uploaded_at")
#define FROM " from chart c left join chart_archive x on x.chart_uuid = c.uuid "
static const struct stmt Q_LIST = {"chart_list", "select " COLS FROM "where ($1::int = 0 and (c.type not in (3, 4) or $2::boolean)) or (c.type = $1::int and c.type > 0) order by c.id"};
static const struct stmt Q_GET = {"chart_get", "select " COLS FROM "where c.uuid = $1"};
static const struct stmt Q_PUT = {"chart_archive_put",
    "insert into chart_archive (chart_uuid, file_name, archive, size, sha256, content, uploaded_by) select uuid, $2, decode($3, 'hex'), $4::int, $5, $6, $7 from chart where uuid = $1 on conflict (chart_uuid) do update set "
    "file_name = excluded.file_name, archive = excluded.archive, size = excluded.size, sha256 = excluded.sha256, content = excluded.content, uploaded_by = excluded.uploaded_by, uploaded_at = now()"};
static const struct stmt Q_DROP = {"chart_archive_drop", "delete from chart_archive where chart_uuid = $1"};
static const struct stmt Q_BYTES = {"chart_archive_bytes", "select encode(archive, 'base64') from chart_archive where chart_uuid = $1", STMT_READS};
static const struct stmt Q_GIVEN = {"chart_given_list",
    "select c.uuid, c.chart_name, c.version, coalesce(s.content = x.content, false), " USEC("s.seen_at") ", coalesce(o.uuid::text, ''), coalesce(o.state, '') from chart_archive x join chart c on c.uuid = x.chart_uuid "
    "left join endpoint_chart s on s.chart_uuid = c.uuid and s.endpoint_uuid = $1 left join operation o on o.subject = $1 and o.subject_type = 'endpoint_chart' and o.state in ('queued', 'running', 'failed') and o.input->>'chart' = c.uuid::text order by c.id"};
const struct stmt *const STMTS_CHART[] = {&Q_LIST, &Q_GET, &Q_PUT, &Q_DROP, &Q_BYTES, &Q_GIVEN, NULL};

static void map(const struct rows *r, int i, struct chart *o) {
  *o = (struct chart){row_uuid(r, i, 0), row_int(r, i, 1), row_text(r, i, 2), row_text(r, i, 3), row_int(r, i, 4), row_text(r, i, 5), row_text(r, i, 6), row_text(r, i, 7), row_bool(r, i, 8), row_bool(r, i, 9), row_bool(r, i, 10),
      row_text(r, i, 11), row_text(r, i, 12), row_text(r, i, 13), row_time(r, i, 14), row_int(r, i, 15), {row_text(r, i, 16), row_text(r, i, 17), row_text(r, i, 18), row_text(r, i, 19), row_int(r, i, 20), row_time(r, i, 21)}};
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

static const char *hex(struct arena *a, const unsigned char *p, size_t n) {
  static const char DIGIT[] = "0123456789abcdef";
  char *s = arena_alloc(a, 2 * n + 1);
  for (size_t i = 0; i < n; i++) s[2 * i] = DIGIT[p[i] >> 4], s[2 * i + 1] = DIGIT[p[i] & 15];
  return s[2 * n] = 0, s;
}
bool chart_archive_put(struct db *db, struct arena *a, struct uuid chart, const struct chart_archive *x, const void *p, size_t n, struct err *e) {
  int done = 0;
  if (!db_exec(db, a, &Q_PUT, &done, e, chart.s, x->file_name, hex(a, p, n), arena_fmt(a, "%zu", n), x->sha256, x->content, x->uploaded_by)) return false;
  return done ? true : err_set(e, FAIL_NOT_FOUND, MSG_CHART_UNKNOWN, chart.s);
}
bool chart_archive_drop(struct db *db, struct arena *a, struct uuid chart, bool *was_there, struct err *e) {
  int done = 0;
  if (!db_exec(db, a, &Q_DROP, &done, e, chart.s)) return false;
  return *was_there = done > 0, true;
}
bool chart_archive_bytes(struct db *db, struct arena *a, struct uuid chart, const unsigned char **p, size_t *n, struct err *e) {
  struct rows r;
  unsigned char *out;
  *n = 0;
  if (!db_query(db, a, &Q_BYTES, &r, e, chart.s) || !r.n) return !e->kind;
  if (!b64_decode(a, row_text(&r, 0, 0), strlen(row_text(&r, 0, 0)), true, &out, n)) return err_set(e, FAIL_BUG, MSG_INTERNAL_BUG);
  return *p = out, true;
}
bool chart_given_list(struct db *db, struct arena *a, struct uuid endpoint, struct chart_given **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_GIVEN, &r, e, endpoint.s)) return false;
  *out = ARENA_ARRAY(a, struct chart_given, r.n + 1), *n = (size_t)r.n;
  for (int i = 0; i < r.n; i++) (*out)[i] = (struct chart_given){row_uuid(&r, i, 0), row_text(&r, i, 1), row_text(&r, i, 2), row_bool(&r, i, 3), row_time(&r, i, 4), row_text(&r, i, 5), row_text(&r, i, 6)};
  return true;
}
