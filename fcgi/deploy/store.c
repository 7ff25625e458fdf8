/* Contract: store.h. Every write names the lease token; zero rows mean that somebody else owns the work now, and the caller rolls back. */
#include "deploy/store.h"
#include <limits.h>
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "deploy/cause.h"
#include "deploy/drive.h"
#include "deploy/fsm.h"
#include "model/event.h"
#include "model/status.h"

static const struct stmt Q_RECOVER = {"work_recover",
    "update work set lease_until = null, lease_token = nextval('lease_token_seq') where lease_by = $1 and lease_until is not null and id <> all($2::bigint[])"};
/* greatest() passes over null: what nobody has leased is due at run_at (index work_when). The last row says when the next of the others is due. */
static const struct stmt Q_CLAIM = {"work_claim",
    "with c as materialized (select id from work where not ended and greatest(run_at, lease_until) <= now() "
    "order by greatest(run_at, lease_until) limit $3::int for update skip locked), "
    "u as (update work w set lease_until = now() + make_interval(secs => $2::float8), lease_by = $1, lease_token = nextval('lease_token_seq') from c where w.id = c.id returning w.id, w.lease_token) "
    "select id, lease_token, null::bigint from u union all select null, null, (select (extract(epoch from min(greatest(run_at, lease_until)) - now()) * 1000)::bigint "
    "from work where not ended and id not in (select id from c))"};
static const struct stmt Q_LOAD = {"work_load",
    "select w.class, w.ref, w.workflow, w.step, w.memo, " USEC("w.intent_at") ", " USEC("w.step_deadline") ", w.attempt, " USEC("now()") ", o.uuid, o.subject_type, o.subject, o.subject_name, coalesce(o.federation_uuid::text, ''), o.actor, o.input, "
    "o.cancel_requested, " USEC("o.deadline") ", o.state, o.retry_requested, o.cause, o.evidence_class, o.evidence_args, " USEC("o.evidence_at") ", "
    "h.target_type, h.target, h.failures from work w left join operation o on w.class = 'operation' and o.id = w.ref left join health_check h on w.class = 'check' and h.id = w.ref where w.id = $1 and w.lease_token = $2 and not w.ended", STMT_READS};
static const struct stmt Q_LOAD_PROBE = {"work_load_probe",
    "select uuid, coalesce(subject::text, ''), actor, input, coalesce(input_secret::text, '') from probe where id = $1", STMT_READS};
/* What failed is still live: its holds protect the parents until a retry or a removal, and its steps wait. */
static const struct stmt Q_OP_END = {"work_op_end",
    "with h as (delete from hold where operation_id = $1 and $2 <> 'failed'), s as (update operation_step set state = 'skipped' where operation_id = $1 and state = 'pending' and $2 <> 'failed') update operation set state = $2, percent = case when $2 = 'succeeded' then 100 else percent end, ended_at = now(), cause = $6, "
    "error_class = $3, error_args = $4::jsonb, next_action = $5, leftovers = coalesce($7::jsonb, leftovers), version = version + 1 where id = $1 and not ($2 = 'succeeded' and cancel_requested)"};
static const struct stmt Q_PROBE_END = {"work_probe_end",
    "update probe set state = $2, result = $3::jsonb, error_kind = $4, error_class = $5, error_args = $6::jsonb, ended_at = now(), version = version + 1 where id = $1"};
static const struct stmt Q_CHECK_END = {"work_check_end",
    "update health_check set ok = $2, failures = case when $2 then 0 else failures + 1 end, last_at = now(), last_class = $3, last_args = $4::jsonb where id = $1"};
static const struct stmt Q_AGAIN = {"work_again",
    "update work set step = 0, memo = '{}', attempt = 0, step_deadline = null, intent_at = null, lease_until = null, run_at = now() + make_interval(secs => $3::float8 / 1000) where id = $1 and lease_token = $2"};
static const struct stmt Q_DEFER = {"work_defer",
    "update work set lease_until = null, run_at = now() + make_interval(secs => $3::float8 / 1000) where id = $1 and lease_token = $2 and not ended"};
static const struct stmt Q_WAKE_FED = {"work_wake_fed",
    "update work w set run_at = now() from operation o where w.class = 'operation' and w.ref = o.id and o.federation_uuid = $1 and o.state in ('queued', 'running') "
    "and w.lease_until is null and not w.ended and w.run_at > now()"};
static const struct stmt Q_NOTIFY = {"work_notify", "select pg_notify('fedlcm_work', '')"};
static const struct stmt Q_LAST_EVIDENCE = {"work_last_evidence", "select evidence_class, evidence_args from operation where id = $1 and cause <> ''"};
const struct stmt *const STMTS_STORE[] = {&Q_LAST_EVIDENCE, &Q_RECOVER, &Q_CLAIM, &Q_LOAD, &Q_LOAD_PROBE, &Q_OP_END, &Q_PROBE_END, &Q_CHECK_END, &Q_AGAIN, &Q_DEFER, &Q_WAKE_FED, &Q_NOTIFY, NULL};

static const char *l(struct arena *a, long v) { return arena_fmt(a, "%ld", v); }
static bool is_op(const struct work *w) { return streq(w->wf->class, "operation"); }

bool store_recover(struct db *db, struct arena *a, const char *holder, const struct work *but, int *released, struct err *e) {
  struct buf b;
  buf_init(&b, a, 65536), buf_ch(&b, '{');
  for (const struct work *w = but; w; w = w->next) buf_fmt(&b, "%s%ld", w == but ? "" : ",", w->id);
  buf_ch(&b, '}');
  return db_exec(db, a, &Q_RECOVER, released, e, holder, b.p);
}

bool store_defer(struct work *w, int wait_ms, struct err *e) { return db_exec(w->db, w->a, &Q_DEFER, NULL, e, l(w->a, w->id), l(w->a, w->token), l(w->a, wait_ms)); }

int store_deadline_s(const struct work *w) {
  int s = w->st->deadline_s * w->eng->conf->deadline_scale_pct / 100;
  return s < 5 ? 5 : s;
}

bool store_claim(struct db *db, struct arena *a, const char *holder, int lease_s, int limit, struct claim *out, int *n, int *opt_due_ms, struct err *e) {
  struct rows r;
  *n = 0;
  if (!db_query(db, a, &Q_CLAIM, &r, e, holder, l(a, lease_s), l(a, limit))) return false;
  for (int i = 0; i < r.n; i++) {
    if (!row_null(&r, i, 0)) { if (*n < limit) out[(*n)++] = (struct claim){row_i64(&r, i, 0), row_i64(&r, i, 1)}; continue; }
    int64_t ms = row_null(&r, i, 2) ? INT_MAX : row_i64(&r, i, 2);
    if (opt_due_ms) *opt_due_ms = ms < 0 ? 0 : ms < INT_MAX ? (int)ms : INT_MAX;
  }
  return true;
}

static bool load_op(struct work *w, const struct rows *r, struct err *e) {
  js *in = NULL;
  if (row_null(r, 0, 9)) return err_set(e, FAIL_BUG, MSG_INTERNAL_BUG);
  w->op_uuid = row_uuid(r, 0, 9), w->subject_type = row_text(r, 0, 10), w->subject = row_uuid(r, 0, 11), w->subject_name = row_text(r, 0, 12);
  w->federation = row_uuid(r, 0, 13), w->actor = row_text(r, 0, 14), w->cancel = row_bool(r, 0, 16), w->op_deadline = row_time(r, 0, 17);
  if (!js_parse(w->a, row_text(r, 0, 15), strlen(row_text(r, 0, 15)), 4 << 20, &in, e)) return false;
  w->input = in, w->force = js_bool(in, "force", false), w->cause = row_text(r, 0, 20);
  w->seen = text_stored(w->a, row_text(r, 0, 21), row_text(r, 0, 22)), w->seen_at = row_time(r, 0, 23);
  if (row_bool(r, 0, 19) && w->st->retry_from) w->goto_key = w->st->retry_from; /* the engine goes there before its first request */
  return true;
}

static bool load_probe(struct work *w, struct err *e) {
  struct rows r;
  js *in = NULL;
  if (!db_query(w->db, w->a, &Q_LOAD_PROBE, &r, e, l(w->a, w->ref))) return false;
  if (!r.n) return err_set(e, FAIL_BUG, MSG_INTERNAL_BUG);
  w->op_uuid = row_uuid(&r, 0, 0), w->subject = row_uuid(&r, 0, 1), w->actor = row_text(&r, 0, 2), w->input_secret = row_uuid(&r, 0, 4);
  if (!js_parse(w->a, row_text(&r, 0, 3), strlen(row_text(&r, 0, 3)), 4 << 20, &in, e)) return false;
  w->input = in;
  return true;
}

static bool load_check(struct work *w, const struct rows *r, struct err *e) {
  if (row_null(r, 0, 25)) return err_set(e, FAIL_NOT_FOUND, MSG_INTERNAL_BUG);
  w->target_type = row_text(r, 0, 24), w->subject = row_uuid(r, 0, 25), w->failures = row_int(r, 0, 26);
  return true;
}

bool store_load(struct work *w, bool *lost, struct err *e) {
  struct rows r;
  *lost = false;
  if (!db_query(w->db, w->a, &Q_LOAD, &r, e, l(w->a, w->id), l(w->a, w->token))) return false;
  if (!r.n) return *lost = true;
  w->wf = workflow_find(row_text(&r, 0, 2));
  w->step = row_int(&r, 0, 3);
  if (!w->wf || w->step < 0 || w->step >= w->wf->n) return err_set(e, FAIL_BUG, MSG_INTERNAL_BUG), err_detail(e, "work %ld: workflow %s step %d", w->id, row_text(&r, 0, 2), w->step);
  w->st = &w->wf->steps[w->step];
  w->ref = row_i64(&r, 0, 1), w->intent_at = row_time(&r, 0, 5), w->step_deadline = row_time(&r, 0, 6), w->attempt = row_int(&r, 0, 7), w->now = row_time(&r, 0, 8);
  w->step_started = w->step_deadline ? w->step_deadline - (usec_t)store_deadline_s(w) * 1000000 : w->now;
  w->goto_key = NULL, w->wait_ms = 0, w->fraction = 0, w->result = NULL;
  if (!js_parse(w->a, row_text(&r, 0, 4), strlen(row_text(&r, 0, 4)), 4 << 20, &w->memo, e)) return false;
  w->turn = (struct turn){.n = 0};
  return is_op(w) ? load_op(w, &r, e) : streq(w->wf->class, "probe") ? load_probe(w, e) : load_check(w, &r, e);
}

static bool end_op(struct work *w, enum work_end how, const struct err *why, const char *opt_leftovers, struct err *e) {
  static const char *const STATE[] = {"succeeded", "failed", "cancelled"};
  const char *cls = why ? text_key(why->key) : "", *args = why ? text_args_json(w->a, err_text(why)) : "[]";
  /* The sentence tells the class; one that does not came at the end of a wait whose class is known. */
  const char *cause = how == END_SUCCEEDED ? "" : why && *cause_of(why->key) ? cause_of(why->key) : nn(w->cause);
  int n = 0;
  if (!db_exec(w->db, w->a, &Q_OP_END, &n, e, l(w->a, w->ref), STATE[how], cls, args, how == END_FAILED ? cause_next(cause, true) : "", cause, opt_leftovers)) return false;
  if (n) return true;
  err_set(e, FAIL_TIMEOUT, MSG_OPERATION_STOPPING); /* a wish to stop came meanwhile: nothing of this is kept, and the next load sees the wish */
  return !(e->retry = true);
}

/* The work is taken before the operation, as people take them (op_lock_live). */
bool store_end(struct work *w, enum work_end how, const struct err *why, bool *lost, struct err *e) {
  const char *leftovers = w->turn.leftovers;
  if (!store_over(w, lost, e)) return false;
  if (*lost) return true;
  if (is_op(w)) return end_op(w, how, why, leftovers, e);
  if (streq(w->wf->class, "check")) return true; /* its target is gone: there is nobody to tell */
  return db_exec(w->db, w->a, &Q_PROBE_END, NULL, e, l(w->a, w->ref), how == END_SUCCEEDED ? "done" : "failed", js_dump(w->a, js_at(w->memo, "result") ? js_at(w->memo, "result") : js_new(w->a)),
                 why ? l(w->a, why->kind) : "", why ? text_key(why->key) : "", why ? text_args_json(w->a, err_text(why)) : "[]");
}

bool store_again(struct work *w, int wait_ms, bool *lost, struct err *e) {
  int n = 0;
  if (!db_exec(w->db, w->a, &Q_AGAIN, &n, e, l(w->a, w->id), l(w->a, w->token), l(w->a, wait_ms))) return false;
  *lost = n == 0;
  return true;
}

bool store_check_result(struct work *w, bool ok, struct text t, struct err *e) {
  return db_exec(w->db, w->a, &Q_CHECK_END, NULL, e, l(w->a, w->ref), ok ? "t" : "f", ok ? "" : text_key(t.key), ok ? "[]" : text_args_json(w->a, t));
}

/* A hop that fails once or twice is no news; at the third time in a row it is, or when others have found the cluster silent. Once
 * in a step: memo member "told" is the class. Pods that cannot start are news at once. */
enum { NEWS_AT = 3, FRESH_US = 5 * 1000000 };
static bool hop_news(struct work *w, const char *cause) {
  bool sure = w->attempt >= NEWS_AT || (w->has_infra && w->infra.circuit_since);
  if (!sure || streq(memo_str(w, "told"), cause)) return false;
  return js_set_str(w->memo, "told", cause), true;
}
static bool known(const struct work *w, const char *cause, struct text t) {
  bool same = streq(cause, nn(w->cause)) && t.key == w->seen.key && t.n == w->seen.n && w->now - w->seen_at < FRESH_US;
  for (int i = 0; same && i < t.n; i++) same = streq(nn(t.args[i]), nn(w->seen.args[i]));
  return same;
}
bool work_evidence(struct work *w, const char *cause, struct text t, struct err *e) {
  if (!is_op(w)) return true;
  const struct cause *c = cause_find(cause);
  bool hop = str_starts(cause, "hop-") || streq(cause, "kubefate"), news = c && c->trouble && (hop ? hop_news(w, cause) : !streq(cause, nn(w->cause)));
  if (!hop && !w->attempt && *memo_str(w, "told")) js_set_str(w->memo, "told", NULL);
  if (!news && known(w, cause, t)) return true;
  store_evidence(w, cause, t, cause_next(cause, false));
  return !news || work_event(w, true, t, e);
}

void work_leftovers(struct work *w, const char *const *commands, size_t n) {
  struct buf b;
  struct jsw j;
  buf_init(&b, w->a, 65536), jsw_init(&j, &b), jsw_arr(&j);
  for (size_t i = 0; i < n; i++) jsw_str(&j, commands[i]);
  jsw_end_arr(&j), w->turn.leftovers = b.p;
}

bool work_event(struct work *w, bool error, struct text t, struct err *e) {
  if (streq(w->wf->class, "probe") || streq(w->subject_type, "federation")) return true; /* a federation's history is its members' */
  int type = w->has_party ? w->party.type + 1 : ENTITY_ENDPOINT;
  if (is_op(w)) return store_event(w, type, error, t), true;
  return event_add(w->db, w->a, w->subject, type, 0, error, nn(w->actor), t, e);
}

bool work_wake_federation(struct work *w, struct uuid federation, struct err *e) {
  struct rows r;
  return db_exec(w->db, w->a, &Q_WAKE_FED, NULL, e, federation.s) && db_query(w->db, w->a, &Q_NOTIFY, &r, e);
}

void store_last_evidence(struct work *w, struct err *out) {
  struct rows r;
  struct err e = ERR_INIT;
  struct text t = text_stored(w->a, nn(w->turn.said), w->turn.said_args);
  if (t.key == MSG_NONE || !*nn(w->cause)) {
    if (!is_op(w) || !db_query(w->db, w->a, &Q_LAST_EVIDENCE, &r, &e, l(w->a, w->ref)) || !r.n) return;
    t = text_stored(w->a, row_text(&r, 0, 0), row_text(&r, 0, 1));
  }
  const char *v[TEXT_MAX_ARGS + 1] = {NULL};
  for (int i = 0; i < t.n; i++) v[i + 1] = t.args[i];
  if (t.key != MSG_NONE) err_set_at(out, FAIL_TIMEOUT, t.key, __FILE__, __LINE__, v, (size_t)t.n);
}
