#include "model/event.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/js.h"
#include "db/db.h"

#define COLS "e.id, e.uuid, e.entity_uuid, e.entity_type, coalesce(e.operation_id, 0), coalesce(o.uuid::text, ''), coalesce(o.kind, ''), e.level, e.class, e.args, e.actor, coalesce(o.subject_name, ''), " USEC("e.created_at")
static const struct stmt Q_ADD = {"event_add",
    "insert into event (entity_uuid, entity_type, operation_id, level, class, args, actor) values ($1, $2, nullif($3, '0')::bigint, $4, $5, $6::jsonb, $7)", STMT_NOTES};
static const struct stmt Q_LIST = {"event_list",
    "select " COLS " from event e left join operation o on o.id = e.operation_id where e.entity_uuid = $1 and ($3::bigint = 0 or e.id < $3::bigint) order by e.id desc limit nullif($2, '0')::bigint"};
static const struct stmt Q_RECENT = {"event_recent", "select " COLS " from event e left join operation o on o.id = e.operation_id order by e.id desc limit $1"};
static const struct stmt Q_FEDERATION = {"event_federation",
    "select " COLS " from event e left join operation o on o.id = e.operation_id where e.entity_uuid in (select uuid from participant where federation_uuid = $1) order by e.id desc limit $2"};
static const struct stmt Q_OPERATION = {"event_operation",
    "select * from (select " COLS " from event e left join operation o on o.id = e.operation_id where e.operation_id = $1 order by e.id desc limit $2) x order by 1"};
const struct stmt *const STMTS_EVENT[] = {&Q_ADD, &Q_LIST, &Q_RECENT, &Q_FEDERATION, &Q_OPERATION, NULL};

const char *text_args_json(struct arena *a, struct text t) {
  struct buf b;
  struct jsw w;
  buf_init(&b, a, 65536);
  jsw_init(&w, &b);
  jsw_arr(&w);
  for (int i = 0; i < t.n; i++) jsw_str(&w, nn(t.args[i]));
  jsw_end_arr(&w);
  return b.failed ? "[]" : b.p;
}

struct text text_stored(struct arena *a, const char *key, const char *args) {
  struct text t = {.key = text_find(key)};
  struct err e = ERR_INIT;
  js *v = NULL;
  if (t.key == MSG_NONE || !js_parse(a, nn(args), strlen(nn(args)), 1 << 20, &v, &e)) return t;
  for (size_t i = 0; i < js_len(v) && t.n < TEXT_MAX_ARGS; i++) t.args[t.n++] = arena_strdup(a, nn(js_self_str(js_item(v, i))));
  return t;
}

const char *text_stored_en(struct arena *a, const char *key, const char *args) {
  struct buf b;
  struct text t = text_stored(a, key, args);
  if (t.key == MSG_NONE) return key;
  buf_init(&b, a, 65536);
  text_plain(&b, LANG_EN, t);
  return b.p;
}

bool event_add(struct db *db, struct arena *a, struct uuid entity, int type, long op, bool error, const char *actor, struct text t, struct err *e) {
  return db_exec(db, a, &Q_ADD, NULL, e, entity.s, arena_fmt(a, "%d", type), arena_fmt(a, "%ld", op), error ? "Error" : "Info", text_key(t.key), text_args_json(a, t), actor);
}

static void map(struct arena *a, const struct rows *r, struct event **out, size_t *n) {
  *n = (size_t)r->n;
  *out = ARENA_ARRAY(a, struct event, r->n + 1);
  for (int i = 0; i < r->n; i++)
    (*out)[i] = (struct event){.id = row_i64(r, i, 0), .uuid = row_uuid(r, i, 1), .entity_uuid = row_uuid(r, i, 2), .entity_type = row_int(r, i, 3), .operation_id = row_i64(r, i, 4),
                               .op_uuid = row_text(r, i, 5), .op_kind = row_text(r, i, 6), .level = row_text(r, i, 7), .cls = row_text(r, i, 8), .args = row_text(r, i, 9), .actor = row_text(r, i, 10),
                               .entity_name = row_text(r, i, 11), .created_at = row_time(r, i, 12)};
}

bool event_list(struct db *db, struct arena *a, struct uuid entity, int limit, long before, struct event **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_LIST, &r, e, entity.s, arena_fmt(a, "%d", limit), arena_fmt(a, "%ld", before))) return false;
  map(a, &r, out, n);
  return true;
}

bool event_recent(struct db *db, struct arena *a, int limit, struct event **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_RECENT, &r, e, arena_fmt(a, "%d", limit))) return false;
  map(a, &r, out, n);
  return true;
}

bool event_federation(struct db *db, struct arena *a, struct uuid federation, int limit, struct event **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_FEDERATION, &r, e, federation.s, arena_fmt(a, "%d", limit))) return false;
  map(a, &r, out, n);
  return true;
}

bool event_operation(struct db *db, struct arena *a, long operation, int limit, struct event **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_OPERATION, &r, e, arena_fmt(a, "%ld", operation), arena_fmt(a, "%d", limit))) return false;
  map(a, &r, out, n);
  return true;
}
