#include "model/operation.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"

#define COLS "o.id, o.uuid, o.subject, coalesce(o.federation_uuid::text, ''), o.kind, o.subject_type, o.subject_name, o.actor, o.state, o.percent, o.cancel_requested, o.retries, o.cause, o.evidence_class, o.evidence_args, o.error_class, " \
  "o.error_args, o.next_action, " USEC("o.evidence_at") ", " USEC("o.created_at") ", " USEC("o.started_at") ", " USEC("o.ended_at") ", " USEC("o.deadline") ", " USEC("now()") ", o.version"
static const struct stmt Q_GET = {"operation_get", "select " COLS " from operation o where o.uuid = $1"};
static const struct stmt Q_LATEST = {"operation_latest", "select " COLS " from operation o where o.subject = $1 and o.subject_type <> 'exchange_routes' order by o.id desc limit 1"};
static const struct stmt Q_LIST = {"operation_list", "select " COLS " from operation o where not $1::boolean or o.state in ('queued', 'running', 'failed') order by o.id desc limit $2"};
static const struct stmt Q_STEPS = {"operation_steps", "select key, state, weight, fraction, " USEC("started_at") ", " USEC("ended_at") ", " USEC("deadline") ", attempts, detail_class, detail_args from operation_step where operation_id = $1 order by ord"};
static const struct stmt Q_PARTS = {"operation_parts", "select name, status, ready, reason, message, " USEC("since") " from operation_component where operation_id = $1 order by ready, name"};
static const struct stmt Q_TAG = {"operation_tag",
    "select coalesce((select uuid || '.' || version from operation where subject = $1 and subject_type <> 'exchange_routes' order by id desc limit 1), 'none') || '.' || "
    "coalesce((select row_version from participant where uuid = $1), (select row_version from endpoint where uuid = $1), 0)"};
const struct stmt *const STMTS_OPERATION[] = {&Q_GET, &Q_LATEST, &Q_LIST, &Q_STEPS, &Q_PARTS, &Q_TAG, NULL};

static void map(const struct rows *r, int i, struct operation *o) {
  *o = (struct operation){.id = row_i64(r, i, 0), .uuid = row_uuid(r, i, 1), .subject = row_uuid(r, i, 2), .federation_uuid = row_uuid(r, i, 3), .kind = row_text(r, i, 4), .subject_type = row_text(r, i, 5), .subject_name = row_text(r, i, 6),
      .actor = row_text(r, i, 7), .state = row_text(r, i, 8), .percent = row_int(r, i, 9), .cancel_requested = row_bool(r, i, 10), .retries = row_int(r, i, 11), .cause = row_text(r, i, 12), .evidence_class = row_text(r, i, 13),
      .evidence_args = row_text(r, i, 14), .error_class = row_text(r, i, 15), .error_args = row_text(r, i, 16), .next_action = row_text(r, i, 17), .evidence_at = row_time(r, i, 18), .created_at = row_time(r, i, 19),
      .started_at = row_time(r, i, 20), .ended_at = row_time(r, i, 21), .deadline = row_time(r, i, 22), .now = row_time(r, i, 23), .version = row_i64(r, i, 24)};
}

static bool fill(struct db *db, struct arena *a, struct operation *o, struct err *e) {
  struct rows r;
  const char *id = arena_fmt(a, "%ld", o->id);
  if (!db_query(db, a, &Q_STEPS, &r, e, id)) return false;
  o->steps = ARENA_ARRAY(a, struct op_step, r.n + 1), o->n_steps = (size_t)r.n;
  for (int i = 0; i < r.n; i++)
    o->steps[i] = (struct op_step){row_text(&r, i, 0), row_text(&r, i, 1), row_int(&r, i, 2), row_f64(&r, i, 3), row_time(&r, i, 4), row_time(&r, i, 5), row_time(&r, i, 6), row_int(&r, i, 7), row_text(&r, i, 8), row_text(&r, i, 9)};
  if (!db_query(db, a, &Q_PARTS, &r, e, id)) return false;
  o->parts = ARENA_ARRAY(a, struct op_part, r.n + 1), o->n_parts = (size_t)r.n;
  for (int i = 0; i < r.n; i++) o->parts[i] = (struct op_part){row_text(&r, i, 0), row_text(&r, i, 1), row_bool(&r, i, 2), row_text(&r, i, 3), row_text(&r, i, 4), row_time(&r, i, 5)};
  return true;
}

bool operation_get(struct db *db, struct arena *a, struct uuid id, struct operation *out, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_GET, &r, e, id.s)) return false;
  if (!r.n) return err_set(e, FAIL_NOT_FOUND, MSG_OPERATION_UNKNOWN, id.s);
  map(&r, 0, out);
  return fill(db, a, out, e);
}
bool operation_latest(struct db *db, struct arena *a, struct uuid subject, struct operation *out, bool *found, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_LATEST, &r, e, subject.s)) return false;
  *found = r.n > 0;
  if (!r.n) return true;
  map(&r, 0, out);
  return fill(db, a, out, e);
}
bool operation_list(struct db *db, struct arena *a, bool running, int limit, struct operation **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_LIST, &r, e, running ? "t" : "f", arena_fmt(a, "%d", limit))) return false;
  *out = ARENA_ARRAY(a, struct operation, r.n + 1), *n = (size_t)r.n;
  for (int i = 0; i < r.n; i++) map(&r, i, &(*out)[i]);
  return true;
}
bool operation_tag(struct db *db, struct arena *a, struct uuid subject, const char **out, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_TAG, &r, e, subject.s)) return false;
  *out = row_text(&r, 0, 0);
  return true;
}
