#include "model/operation.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/js.h"
#include "db/db.h"

#define COLS "o.id, o.uuid, o.subject, coalesce(o.federation_uuid::text, ''), o.kind, o.subject_type, o.subject_name, o.actor, o.state, o.percent, o.cancel_requested, o.retries, o.cause, o.evidence_class, o.evidence_args, o.error_class, " \
  "o.error_args, o.next_action, " USEC("o.evidence_at") ", " USEC("o.created_at") ", " USEC("o.started_at") ", " USEC("o.ended_at") ", " USEC("o.deadline") ", " USEC("now()") ", o.version, coalesce(o.parent, 0), o.leftovers, " \
  "case when o.state in ('queued', 'running') then " USEC("least(o.deadline, (select min(s.deadline) from operation_step s where s.operation_id = o.id and s.state = 'running'))") " end"
static const struct stmt Q_GET = {"operation_get", "select " COLS " from operation o where o.uuid = $1"};
static const struct stmt Q_LATEST = {"operation_latest", "select " COLS " from operation o where o.subject = $1 and o.subject_type not in ('exchange_routes', 'endpoint_chart') order by o.id desc limit 1"};

/* A list is the page before an id or the one after it; the branch that is not asked for is not run. The variants let the narrowest index be used. */
#define NARROWED "and ($1 in ('', 'open') or o.state = $1) and ($2 = '' or o.kind = $2) and ($3 = '' or position(lower($3) in lower(o.subject_name)) > 0) and ($4 = '' or lower(o.actor) = lower($4)) " \
  "and ($5::text = '' or o.subject = nullif($5::text, '')::uuid) and ($6::text = '' or o.federation_uuid = nullif($6::text, '')::uuid) and ($7::bigint = 0 or o.created_at >= 'epoch'::timestamptz + $7::bigint * interval '1 microsecond') "
#define LIST(where) \
  "(select " COLS " from operation o where $9::bigint = 0 and o.id < coalesce(nullif($8::bigint, 0), 9223372036854775807) " where NARROWED "order by o.id desc limit $10::int) union all " \
  "(select " COLS " from operation o where $9::bigint > 0 and o.id > $9::bigint " where NARROWED "order by o.id limit $10::int) order by 1 desc"
static const struct stmt Q_LIST = {"operation_list", LIST("")};
static const struct stmt Q_LIST_OPEN = {"operation_list_open", LIST("and o.state in ('queued', 'running', 'failed') ")};
static const struct stmt Q_LIST_SUBJECT = {"operation_list_subject", LIST("and o.subject = nullif($5::text, '')::uuid ")};
static const struct stmt Q_LIST_FEDERATION = {"operation_list_federation", LIST("and o.federation_uuid = nullif($6::text, '')::uuid ")};

static const struct stmt Q_STEPS = {"operation_steps", "select key, state, weight, fraction, " USEC("started_at") ", " USEC("ended_at") ", " USEC("deadline") ", attempts, detail_class, detail_args from operation_step where operation_id = $1 order by ord"};
static const struct stmt Q_PARTS = {"operation_parts", "select name, status, ready, reason, message, " USEC("since") " from operation_component where operation_id = $1 order by ready, name"};
static const struct stmt Q_TAG = {"operation_tag",
    "select coalesce((select uuid || '.' || version from operation where subject = $1 and subject_type not in ('exchange_routes', 'endpoint_chart') order by id desc limit 1), 'none') || '.' || "
    "coalesce((select row_version from participant where uuid = $1), (select row_version from endpoint where uuid = $1), 0)"};

#define REF "o.uuid, o.kind, o.subject_name, o.state"
static const struct stmt Q_FAMILY = {"operation_family", "select " REF ", o.parent is not distinct from $1::bigint from operation o where o.id = $2::bigint or o.parent = $1::bigint order by o.id limit 500"};
/* Marked in the transaction that made the successor, so both have its time; or by a removal of its object that was under way then. What came right by itself has none. */
static const struct stmt Q_SUCCESSOR = {"operation_successor",
    "select " REF " from operation o, operation me where me.id = $1 and o.id > me.id and ("
    "(o.subject = me.subject or o.federation_uuid = me.federation_uuid) and o.created_at = me.ended_at or "
    "o.subject = me.subject and o.kind like '%remove' and o.created_at <= me.ended_at and coalesce(o.ended_at, 'infinity') >= me.ended_at) "
    "order by o.created_at = me.ended_at desc, o.subject = me.subject desc, o.id limit 1"};
static const struct stmt Q_HOLDS = {"operation_holds",
    "select h.object, coalesce(x.type, ''), coalesce(x.name, ''), h.exclusive, h.operation_id = $1, " REF " from hold h join operation o on o.id = h.operation_id left join lateral ("
    "select 'infra' as type, name from infra where uuid = h.object union all select 'endpoint', name from endpoint where uuid = h.object union all "
    "select 'federation', name from federation where uuid = h.object union all select case type when 1 then 'exchange' else 'cluster' end, name from participant where uuid = h.object) x on true "
    "where h.object = any (array(select object from hold where operation_id = $1) || $2::uuid) order by x.type, x.name, h.object, h.operation_id = $1 desc, o.id limit 200"};
static const struct stmt Q_WORK = {"operation_work", "select case when lease_until > now() then lease_by else '' end, " USEC("case when lease_until > now() then lease_until end") ", " USEC("run_at") ", attempt from work where class = 'operation' and ref = $1 and not ended"};
const struct stmt *const STMTS_OPERATION[] = {&Q_GET, &Q_LATEST, &Q_LIST, &Q_LIST_OPEN, &Q_LIST_SUBJECT, &Q_LIST_FEDERATION, &Q_STEPS, &Q_PARTS, &Q_TAG, &Q_FAMILY, &Q_SUCCESSOR, &Q_HOLDS, &Q_WORK, NULL};

bool operation_live(const struct operation *o) { return streq(o->state, "queued") || streq(o->state, "running"); }
bool operation_open(const struct operation *o) { return operation_live(o) || streq(o->state, "failed"); }

static void leftovers(struct arena *a, const char *json, struct operation *o) {
  struct err bad = ERR_INIT;
  js *v = NULL;
  if (streq(json, "[]") || !js_parse(a, json, strlen(json), 1 << 20, &v, &bad)) return;
  o->leftovers = ARENA_ARRAY(a, const char *, js_len(v) + 1);
  for (size_t i = 0; i < js_len(v); i++) {
    const char *s = js_self_str(js_item(v, i));
    if (s) o->leftovers[o->n_leftovers++] = s;
  }
}

static void map(struct arena *a, const struct rows *r, int i, struct operation *o) {
  *o = (struct operation){.id = row_i64(r, i, 0), .uuid = row_uuid(r, i, 1), .subject = row_uuid(r, i, 2), .federation_uuid = row_uuid(r, i, 3), .kind = row_text(r, i, 4), .subject_type = row_text(r, i, 5), .subject_name = row_text(r, i, 6),
      .actor = row_text(r, i, 7), .state = row_text(r, i, 8), .percent = row_int(r, i, 9), .cancel_requested = row_bool(r, i, 10), .retries = row_int(r, i, 11), .cause = row_text(r, i, 12), .evidence_class = row_text(r, i, 13),
      .evidence_args = row_text(r, i, 14), .error_class = row_text(r, i, 15), .error_args = row_text(r, i, 16), .next_action = row_text(r, i, 17), .evidence_at = row_time(r, i, 18), .created_at = row_time(r, i, 19),
      .started_at = row_time(r, i, 20), .ended_at = row_time(r, i, 21), .deadline = row_time(r, i, 22), .now = row_time(r, i, 23), .version = row_i64(r, i, 24), .parent = row_i64(r, i, 25), .until = row_time(r, i, 27)};
  leftovers(a, row_text(r, i, 26), o);
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
  map(a, &r, 0, out);
  return fill(db, a, out, e);
}
bool operation_latest(struct db *db, struct arena *a, struct uuid subject, struct operation *out, bool *found, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_LATEST, &r, e, subject.s)) return false;
  *found = r.n > 0;
  if (!r.n) return true;
  map(a, &r, 0, out);
  return fill(db, a, out, e);
}
bool operation_list(struct db *db, struct arena *a, const struct operation_filter *f, struct operation **out, size_t *n, bool *more, struct err *e) {
  struct rows r;
  int limit = f->limit > 0 ? f->limit : 50;
  const struct stmt *q = !uuid_none(f->subject) ? &Q_LIST_SUBJECT : !uuid_none(f->federation) ? &Q_LIST_FEDERATION : streq(f->opt_state, "open") || streq(f->opt_state, "queued") || streq(f->opt_state, "running") || streq(f->opt_state, "failed") ? &Q_LIST_OPEN : &Q_LIST;
  if (!db_query(db, a, q, &r, e, nn(f->opt_state), nn(f->opt_kind), nn(f->opt_name), nn(f->opt_actor), f->subject.s, f->federation.s, arena_fmt(a, "%lld", (long long)f->since), arena_fmt(a, "%ld", f->before),
                arena_fmt(a, "%ld", f->after), arena_fmt(a, "%d", limit + 1)))
    return false;
  *more = r.n > limit;
  int skip = *more && f->after ? 1 : 0, shown = *more ? limit : r.n; /* the one too many is the oldest, or after an id the newest */
  *out = ARENA_ARRAY(a, struct operation, shown + 1), *n = (size_t)shown;
  for (int i = 0; i < shown; i++) map(a, &r, i + skip, &(*out)[i]);
  return true;
}

static struct op_ref ref(const struct rows *r, int i, int c) { return (struct op_ref){row_uuid(r, i, c), row_text(r, i, c + 1), row_text(r, i, c + 2), row_text(r, i, c + 3)}; }
static const struct op_ref *kept(struct arena *a, struct op_ref x) {
  struct op_ref *p = ARENA_NEW(a, struct op_ref);
  *p = x;
  return p;
}

static bool holds(struct db *db, struct arena *a, const struct operation *o, const char *id, struct op_context *out, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_HOLDS, &r, e, id, o->subject.s)) return false;
  out->holds = ARENA_ARRAY(a, struct op_hold_row, r.n + 1);
  for (int i = 0; i < r.n; i++) out->holds[out->n_holds++] = (struct op_hold_row){row_uuid(&r, i, 0), row_text(&r, i, 1), row_text(&r, i, 2), row_bool(&r, i, 3), row_bool(&r, i, 4), ref(&r, i, 5)};
  return true;
}

bool operation_context(struct db *db, struct arena *a, const struct operation *o, struct op_context *out, struct err *e) {
  struct rows r;
  const char *id = arena_fmt(a, "%ld", o->id);
  *out = (struct op_context){.worker = ""};
  if (!db_query(db, a, &Q_FAMILY, &r, e, id, arena_fmt(a, "%ld", o->parent))) return false;
  out->children = ARENA_ARRAY(a, struct op_ref, r.n + 1);
  for (int i = 0; i < r.n; i++) {
    if (row_bool(&r, i, 4)) out->children[out->n_children++] = ref(&r, i, 0);
    else out->parent = kept(a, ref(&r, i, 0));
  }
  if (streq(o->state, "superseded")) {
    if (!db_query(db, a, &Q_SUCCESSOR, &r, e, id)) return false;
    if (r.n) out->successor = kept(a, ref(&r, 0, 0));
  }
  if (operation_open(o) && !holds(db, a, o, id, out, e)) return false;
  if (!operation_live(o)) return true;
  if (!db_query(db, a, &Q_WORK, &r, e, id)) return false;
  if (r.n) out->at_work = true, out->worker = row_text(&r, 0, 0), out->lease_until = row_time(&r, 0, 1), out->next_look = row_time(&r, 0, 2), out->attempt = row_int(&r, 0, 3);
  return true;
}

bool operation_tag(struct db *db, struct arena *a, struct uuid subject, const char **out, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_TAG, &r, e, subject.s)) return false;
  *out = row_text(&r, 0, 0);
  return true;
}
