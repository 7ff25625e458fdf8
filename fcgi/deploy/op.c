/* Inserting, cancelling, retrying and superseding operations (contract: op.h). */
#include "deploy/op.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/js.h"
#include "db/db.h"
#include "deploy/engine.h"
#include "deploy/fsm.h"

static const struct stmt Q_LOCK = {"op_lock", "select pg_advisory_xact_lock(hashtextextended($1, 7))"};
static const struct stmt Q_LIVE = {"op_live",
    "select o.id, o.uuid, o.kind, o.state, o.subject_name, coalesce(" USEC("greatest(w.lease_until, w.intent_at + interval '12 seconds')") ", 0) "
    "from operation o left join work w on w.class = 'operation' and w.ref = o.id "
    "where o.subject_type = $1 and o.subject = $2 and o.state in ('queued', 'running', 'failed') for update of o"};
static const struct stmt Q_LIVE_RECORD = {"op_live_record",
    "with p as (select from participant where uuid = $1 for no key update), e as (select from endpoint where uuid = $1 for no key update) select (select count(*) from p) + (select count(*) from e)"};
static const struct stmt Q_LIVE_WORK = {"op_live_work",
    "select w.id from work w join operation o on w.class = 'operation' and w.ref = o.id where o.subject = $1 and o.state in ('queued', 'running', 'failed') order by w.id for update of w"};
static const struct stmt Q_LIVE_LOCK = {"op_live_lock", "select id from operation where subject = $1 and state in ('queued', 'running', 'failed') order by id for update"};
static const struct stmt Q_SUPERSEDE = {"op_supersede",
    "with o as (update operation set state = 'superseded', ended_at = now(), version = version + 1 where id = $1 returning id), "
    "h as (delete from hold where operation_id in (select id from o)) "
    "update work set ended = true, lease_token = nextval('lease_token_seq'), lease_until = null where class = 'operation' and ref in (select id from o)"};
static const struct stmt Q_HELD = {"op_held",
    "select o.id, o.kind, o.state, o.subject_name from hold h join operation o on o.id = h.operation_id "
    "where h.object = $1 and (h.exclusive or $2::boolean) order by o.kind = 'routes_push', o.state = 'failed', o.id limit 1"};
static const struct stmt Q_PUSHING = {"op_pushing", "select id from operation where subject_type = 'exchange_routes' and subject = $1 and state in ('queued', 'running')"};
static const struct stmt Q_OVERTAKEN = {"op_overtaken", "select id from operation where subject = $1 and kind = any($2::text[]) and (state = 'failed' or $3::boolean and state in ('queued', 'running')) order by id"};
/* The operation, its steps and its work, and the word to the runners, who hear it at the commit. */
static const struct stmt Q_INSERT = {"op_insert",
    "with o as (insert into operation (kind, subject_type, subject, subject_name, federation_uuid, actor, input, deadline, parent) "
    "values ($1, $2, $3, $4, nullif($5, '')::uuid, $6, $7::jsonb, now() + make_interval(secs => $8::float8), nullif($9, '0')::bigint) returning id, uuid), "
    "s as (insert into operation_step (operation_id, ord, key, weight) select o.id, s.ord - 1, s.x->>'k', (s.x->>'w')::smallint from o, jsonb_array_elements($10::jsonb) with ordinality s(x, ord)), "
    "w as (insert into work (class, ref, workflow, memo) select 'operation', o.id, $1, $11::jsonb from o) select o.id, o.uuid, pg_notify('fedlcm_work', '') from o"};
static const struct stmt Q_HOLD = {"op_hold", "insert into hold (operation_id, object, exclusive) values ($1, $2, $3)"};
static const struct stmt Q_NOTIFY = {"op_notify", "select pg_notify('fedlcm_work', '')"};
static const struct stmt Q_CANCEL = {"op_cancel",
    "update operation set cancel_requested = true, input = input || jsonb_build_object('cancelled_by', $2::text), version = version + 1 where uuid = $1 and state in ('queued', 'running') returning id, kind"};
static const struct stmt Q_RETRY = {"op_retry",
    "update operation set state = 'queued', retry_requested = true, retries = retries + 1, cancel_requested = false, ended_at = null, error_class = '', "
    "error_args = '[]', next_action = '', deadline = now() + make_interval(secs => $3::float8), actor = $2, version = version + 1 "
    "where uuid = $1 and state = 'failed' returning id, kind, subject"};
/* What is retried is no failure any more: an installation shows as one again. */
static const struct stmt Q_RETRY_PARTY = {"op_retry_party",
    "update participant set status = 2, error_class = '', error_args = '[]', row_version = row_version + 1, updated_at = now() where uuid = $1 and status = 5 and deleted_at is null and $2 in ('exchange_create', 'cluster_create')"};
static const struct stmt Q_RETRY_ENDPOINT = {"op_retry_endpoint",
    "update endpoint set status = 1, error_class = '', error_args = '[]', row_version = row_version + 1, updated_at = now() where uuid = $1 and status = 4 and $2 in ('endpoint_install', 'endpoint_adopt')"};
static const struct stmt Q_RETRY_WORK = {"op_retry_work",
    "update work set ended = false, attempt = 0, run_at = now(), lease_until = null, step_deadline = null, "
    "memo = (select coalesce(jsonb_object_agg(k, v), '{}') from jsonb_each(memo) x(k, v) where not starts_with(k, 'try_')) where class = 'operation' and ref = $1"};
static const struct stmt Q_WAKE = {"op_wake", "update work set run_at = now() where class = 'operation' and ref = $1 and lease_until is null and not ended"};
static const struct stmt Q_STATE = {"op_state", "select state, kind, subject from operation where uuid = $1"};
const struct stmt *const STMTS_OP[] = {&Q_LOCK, &Q_LIVE, &Q_LIVE_RECORD, &Q_LIVE_WORK, &Q_LIVE_LOCK, &Q_SUPERSEDE, &Q_HELD, &Q_PUSHING, &Q_OVERTAKEN, &Q_INSERT, &Q_HOLD, &Q_NOTIFY, &Q_CANCEL, &Q_RETRY, &Q_RETRY_PARTY, &Q_RETRY_ENDPOINT,
                                       &Q_RETRY_WORK, &Q_WAKE, &Q_STATE, NULL};

/* The sentence about the operation in the way; kind is shown as a word of the catalogue ("op.<kind>"). */
static bool conflict(struct err *e, struct arena *a, const struct rows *r, int kind_col) {
  const char *state = row_text(r, 0, kind_col + 1);
  return err_set(e, FAIL_CONFLICT, streq(state, "failed") ? MSG_OP_HELD_FAILED : MSG_OP_HELD, arena_fmt(a, "@op.%s", row_text(r, 0, kind_col)), row_text(r, 0, kind_col + 2));
}

static bool supersede(struct db *db, struct arena *a, const char *id, struct err *e) { return db_exec(db, a, &Q_SUPERSEDE, NULL, e, id); }

/* *settle: until when a call of the superseded operation may still be on its way. Its runner sends nothing after its lease, and no call takes 12 s. */
static bool clear_subject(struct db *db, struct arena *a, const struct op_new *o, int64_t *settle, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_LIVE, &r, e, o->subject_type, o->subject.s)) return false;
  for (int i = 0; i < r.n; i++) {
    if (!o->supersede && !(o->supersede_failed && streq(row_text(&r, i, 3), "failed"))) {
      struct rows one = r;
      return i == 0 ? conflict(e, a, &one, 2) : false;
    }
    if (row_time(&r, i, 5) > *settle) *settle = row_time(&r, i, 5);
    if (!supersede(db, a, row_text(&r, i, 0), e)) return false;
  }
  return true;
}

static bool take_hold(struct db *db, struct arena *a, const char *op_id, struct op_hold h, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_HELD, &r, e, h.object.s, h.exclusive ? "t" : "f")) return false;
  /* A push of routes that failed must not keep its exchange alive: removal supersedes it. It comes last, so nothing else is in the way then. */
  bool push = r.n && streq(row_text(&r, 0, 1), "routes_push"), failed = push && streq(row_text(&r, 0, 2), "failed");
  if (failed && !op_supersede_pushes(db, a, h.object, false, e)) return false;
  if (r.n && !failed && !(push && h.after_pushes)) return conflict(e, a, &r, 1);
  return db_exec(db, a, &Q_HOLD, NULL, e, op_id, h.object.s, h.exclusive ? "t" : "f");
}

bool op_pushing(struct db *db, struct arena *a, struct uuid exchange, int64_t *out, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_PUSHING, &r, e, exchange.s)) return false;
  *out = r.n ? row_i64(&r, 0, 0) : 0;
  return true;
}

/* Under the locks of their subject: somebody may just retry one of them. */
static bool supersede_kinds(struct db *db, struct arena *a, struct uuid subject, const char *kinds, bool live, struct err *e) {
  struct rows r;
  const char *too = live ? "t" : "f";
  if (!db_query(db, a, &Q_OVERTAKEN, &r, e, subject.s, kinds, too)) return false;
  if (!r.n) return true;
  if (!op_lock_live(db, a, subject, e) || !db_query(db, a, &Q_OVERTAKEN, &r, e, subject.s, kinds, too)) return false;
  for (int i = 0; i < r.n; i++)
    if (!supersede(db, a, row_text(&r, i, 0), e)) return false;
  return true;
}
bool op_supersede_pushes(struct db *db, struct arena *a, struct uuid exchange, bool live, struct err *e) { return supersede_kinds(db, a, exchange, "{routes_push}", live, e); }
bool op_supersede_repairs(struct db *db, struct arena *a, struct uuid subject, struct err *e) { return supersede_kinds(db, a, subject, "{participant_repair,endpoint_repair}", false, e); }
bool op_supersede_uploads(struct db *db, struct arena *a, struct uuid endpoint, struct err *e) { return supersede_kinds(db, a, endpoint, "{chart_upload}", true, e); }

static const char *steps_json(struct arena *a, const struct workflow *wf) {
  struct buf b;
  buf_init(&b, a, 16384);
  struct jsw w;
  jsw_init(&w, &b);
  jsw_arr(&w);
  for (int i = 0; i < wf->n; i++) {
    jsw_obj(&w);
    jsw_kstr(&w, "k", wf->steps[i].key);
    jsw_ki64(&w, "w", wf->steps[i].flags & STEP_CANCEL ? 0 : wf->steps[i].weight);
    jsw_end_obj(&w);
  }
  jsw_end_arr(&w);
  return b.p;
}

bool op_lock(struct db *db, struct arena *a, struct uuid subject, struct err *e) {
  struct rows r;
  return db_query(db, a, &Q_LOCK, &r, e, subject.s);
}

bool op_insert(struct db *db, struct arena *a, const struct op_new *o, struct uuid *opt_out, struct err *e) {
  const struct workflow *wf = workflow_find(o->workflow);
  BUG_ON(!wf || !db_in_tx(db));
  if (!op_lock_live(db, a, o->subject, e)) return false;
  /* Locks in one order, so that two inserts never wait for each other in a circle. */
  const char *ids[16];
  size_t n = 0;
  ids[n++] = o->subject.s;
  for (size_t i = 0; i < o->n_holds && n < 16; i++) ids[n++] = o->holds[i].object.s;
  for (size_t i = 0; i < n; i++)
    for (size_t k = i + 1; k < n; k++)
      if (strcmp(ids[k], ids[i]) < 0) { const char *t = ids[i]; ids[i] = ids[k]; ids[k] = t; }
  for (size_t i = 0; i < n; i++) {
    struct rows r;
    if (i && streq(ids[i], ids[i - 1])) continue;
    if (!db_query(db, a, &Q_LOCK, &r, e, ids[i])) return false;
  }
  int64_t settle = 0;
  if (!clear_subject(db, a, o, &settle, e)) return false;
  struct rows r;
  if (!db_query(db, a, &Q_INSERT, &r, e, o->workflow, o->subject_type, o->subject.s, o->subject_name, o->federation.s, o->actor,
                o->input_json ? o->input_json : "{}", arena_fmt(a, "%d", wf->deadline_s), arena_fmt(a, "%ld", o->parent),
                steps_json(a, wf), settle ? arena_fmt(a, "{\"settle_until\":%lld}", (long long)settle) : "{}"))
    return false;
  const char *id = row_text(&r, 0, 0);
  struct uuid u = row_uuid(&r, 0, 1);
  for (size_t i = 0; i < o->n_holds; i++)
    if (!take_hold(db, a, id, o->holds[i], e)) return false;
  if (opt_out) *opt_out = u;
  return true;
}

bool op_lock_live(struct db *db, struct arena *a, struct uuid subject, struct err *e) {
  struct rows r;
  return db_query(db, a, &Q_LIVE_RECORD, &r, e, subject.s) && db_query(db, a, &Q_LIVE_WORK, &r, e, subject.s) && db_query(db, a, &Q_LIVE_LOCK, &r, e, subject.s);
}

static bool not_live(struct db *db, struct arena *a, struct uuid op, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_STATE, &r, e, op.s)) return false;
  if (!r.n) return err_set(e, FAIL_NOT_FOUND, MSG_OP_UNKNOWN, op.s);
  return err_set(e, FAIL_CONFLICT, MSG_OP_STATE, arena_fmt(a, "@state.%s", row_text(&r, 0, 0)));
}

bool op_cancel(struct db *db, struct arena *a, struct uuid op, const char *actor, struct err *e) {
  TX(tx);
  struct rows r;
  if (!tx_begin(db, &tx, e) || !db_query(db, a, &Q_CANCEL, &r, e, op.s, actor)) return false;
  if (!r.n) return not_live(db, a, op, e);
  const struct workflow *wf = workflow_find(row_text(&r, 0, 1));
  if (!wf || !wf->cancel_at) return err_set(e, FAIL_CONFLICT, MSG_OP_NO_CANCEL);
  if (!db_exec(db, a, &Q_WAKE, NULL, e, row_text(&r, 0, 0)) || !db_query(db, a, &Q_NOTIFY, &r, e)) return false;
  return tx_commit(&tx, e);
}

bool op_can_cancel(const char *kind) {
  const struct workflow *wf = workflow_find(kind);
  return wf && wf->cancel_at;
}

bool op_retry_in(struct db *db, struct arena *a, struct uuid op, const char *actor, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_STATE, &r, e, op.s) || (r.n && !op_lock_live(db, a, row_uuid(&r, 0, 2), e))) return false;
  const struct workflow *wf = r.n ? workflow_find(row_text(&r, 0, 1)) : NULL;
  if (!wf || !db_query(db, a, &Q_RETRY, &r, e, op.s, actor, arena_fmt(a, "%d", wf->deadline_s)) || !r.n) return e->kind ? false : not_live(db, a, op, e);
  const char *kind = row_text(&r, 0, 1), *subject = row_text(&r, 0, 2);
  if (!db_exec(db, a, &Q_RETRY_PARTY, NULL, e, subject, kind) || !db_exec(db, a, &Q_RETRY_ENDPOINT, NULL, e, subject, kind) || !db_exec(db, a, &Q_RETRY_WORK, NULL, e, row_text(&r, 0, 0))) return false;
  return db_query(db, a, &Q_NOTIFY, &r, e);
}

bool op_retry(struct db *db, struct arena *a, struct uuid op, const char *actor, struct err *e) {
  TX(tx);
  return tx_begin(db, &tx, e) && op_retry_in(db, a, op, actor, e) && tx_commit(&tx, e);
}

bool op_check_free(struct db *db, struct arena *a, struct uuid object, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_HELD, &r, e, object.s, "t")) return false;
  return r.n ? conflict(e, a, &r, 1) : true;
}
