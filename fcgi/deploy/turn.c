/* One turn of a piece of work in one statement: its own row under the token, the rows of the steps it left and entered, and the operation's state, percent
 * and evidence. Contract: store.h (store_save, store_step, ...). */
#include "base/log.h"
#include "base/str.h"
#include "deploy/drive.h"
#include "deploy/store.h"
#include "model/event.h"

#define WORK "update work set step = $3, memo = $4::jsonb, intent_at = case $5 when 'now' then now() when 'keep' then intent_at end, attempt = $6, " \
  "lease_until = case when $7 = '' then now() + make_interval(secs => $8::float8) end, run_at = case when $7 = '' then run_at else now() + make_interval(secs => $7::float8 / 1000) end, " \
  "step_deadline = case when $9 <> '0' then to_timestamp($9::float8 / 1000000) end where id = $1 and lease_token = $2"
/* k: one row when the work is still ours. It is the first to be written: what hangs on it must not run without it. */
#define NOTED(op, rows, percent, evidence, parts, events) \
  "v as (insert into event (entity_uuid, entity_type, operation_id, level, class, args, actor) select v.u, v.t, " op "::bigint, v.l, v.k, v.a, v.w from k, " \
  "rows from (jsonb_to_recordset(" events "::jsonb) as (u uuid, t smallint, l text, k text, a jsonb, w text)) with ordinality v order by ordinality), " \
  "y as (insert into operation_component (operation_id, name, status, ready, reason, message) select distinct on (y.n) " op "::bigint, y.n, y.s, y.r, y.w, y.m " \
  "from k, jsonb_to_recordset(" parts "::jsonb) as y(n text, s text, r boolean, w text, m text) on conflict (operation_id, name) do update set " \
  "since = case when operation_component.status <> excluded.status then now() else operation_component.since end, status = excluded.status, ready = excluded.ready, reason = excluded.reason, message = excluded.message " \
  "where (operation_component.status, operation_component.ready, operation_component.reason, operation_component.message) is distinct from (excluded.status, excluded.ready, excluded.reason, excluded.message)), " \
  "x as (select x.* from k, jsonb_to_recordset(" rows "::jsonb) as x(o smallint, s text, f real, b boolean, d float8)), " \
  "s as (update operation_step t set state = x.s, fraction = greatest(t.fraction, x.f), started_at = case when x.b then coalesce(t.started_at, now()) else t.started_at end, " \
  "deadline = case when x.b then now() + make_interval(secs => x.d) else t.deadline end, attempts = t.attempts + x.b::int, ended_at = case when x.s in ('done', 'skipped', 'failed') then now() end " \
  "from x where t.operation_id = " op "::bigint and t.ord = x.o and (x.b or t.state <> x.s or t.fraction < x.f) returning x.b), " \
  "p as (select least(99, coalesce((100 * sum(t.weight * case coalesce(x.s, t.state) when 'done' then 1 else greatest(t.fraction, x.f) end) / nullif(sum(t.weight), 0))::int, 0)) p " \
  "from operation_step t left join x on x.o = t.ord where " percent "::boolean and t.operation_id = " op "::bigint and coalesce(x.s, t.state) <> 'skipped'), " \
  "c as (select exists (select from s) steps, exists (select from s where b) begins), " \
  "o as (update operation o set percent = greatest(o.percent, p.p), state = case when c.begins and o.state = 'queued' then 'running' else o.state end, " \
  "started_at = case when c.begins then coalesce(o.started_at, now()) else o.started_at end, retry_requested = o.retry_requested and not c.begins, " \
  "cause = coalesce(" evidence "::jsonb->>'c', cause), next_action = coalesce(" evidence "::jsonb->>'n', next_action), evidence_class = coalesce(" evidence "::jsonb->>'k', evidence_class), " \
  "evidence_args = coalesce(" evidence "::jsonb->'a', evidence_args), evidence_at = case when " evidence "::jsonb is null then evidence_at when " evidence "::jsonb->>'k' <> '' then now() end, version = version + 1 " \
  "from k, p, c where o.id = " op "::bigint and (c.steps or p.p > o.percent or " evidence "::jsonb->>'k' <> '' or (" evidence "::jsonb is not null and o.evidence_class <> ''))) "
#define OVER "update work set ended = true, lease_until = null, lease_token = nextval('lease_token_seq'), step_deadline = null, step = $3, memo = $4::jsonb where id = $1 and lease_token = $2"
static const struct stmt Q_SAVE = {"work_save", WORK};
static const struct stmt Q_TURN = {"work_turn", "with k as (" WORK " returning id), " NOTED("$10", "$11", "$12", "$13", "$14", "$15") "select from k"};
static const struct stmt Q_END = {"work_end", OVER};
static const struct stmt Q_OVER = {"work_over", "with k as (" OVER " returning id), " NOTED("$5", "$6", "$7", "$8", "$9", "$10") "select from k"};
static const struct stmt Q_GLIMPSE = {"work_glimpse", "with k as (update work set lease_until = now() + make_interval(secs => $8::float8) where id = $6 and lease_token = $7 and not ended returning id), " NOTED("$1", "$2", "$3", "$4", "$5", "$9") "select from k"};
const struct stmt *const STMTS_TURN[] = {&Q_SAVE, &Q_TURN, &Q_END, &Q_OVER, &Q_GLIMPSE, NULL};

static const char *l(struct arena *a, long v) { return arena_fmt(a, "%ld", v); }
static bool is_op(const struct work *w) { return streq(w->wf->class, "operation"); }
bool store_has_noted(const struct work *w) { return is_op(w) && (w->turn.n || w->turn.percent || w->turn.evidence || w->turn.parts.n || w->turn.events.n); }
static const char *flag(bool v) { return v ? "t" : "f"; }

/* The last word about a step counts; that it began, too, stays. */
static void note(struct work *w, const char *state, double fraction, int begin_s) {
  struct turn *t = &w->turn;
  int i = 0;
  if (!is_op(w)) return;
  while (i < t->n && t->row[i].ord != w->step) i++;
  BUG_ON(i == TURN_ROWS);
  if (i == t->n) t->row[t->n++].ord = w->step, t->row[i].begin = false, t->row[i].fraction = 0, t->row[i].deadline_s = 0;
  t->row[i].state = state;
  if (fraction > t->row[i].fraction) t->row[i].fraction = fraction;
  if (begin_s) t->row[i].begin = true, t->row[i].deadline_s = begin_s;
}

void store_step(struct work *w, const char *state, double fraction) {
  note(w, state, fraction, 0);
  if (!streq(state, "running")) w->step_deadline = 0, w->attempt = 0;
}

void store_step_begin(struct work *w, int deadline_s) {
  if (w->step_deadline) return;
  w->step_deadline = w->now + (usec_t)deadline_s * 1000000, w->step_started = w->now;
  note(w, "running", 0, deadline_s);
}

void store_settled(struct work *w) {
  if (!is_op(w)) return;
  w->turn.evidence = "{\"c\":\"\",\"k\":\"\",\"a\":[],\"n\":\"\"}", w->turn.said = NULL;
  w->cause = "", w->seen.key = MSG_NONE;
}

void store_evidence(struct work *w, const char *cause, struct text t, const char *next) {
  struct buf b;
  struct jsw j;
  buf_init(&b, w->a, 1 << 20), jsw_init(&j, &b);
  jsw_obj(&j), jsw_kstr(&j, "c", cause), jsw_kstr(&j, "k", text_key(t.key)), jsw_kraw(&j, "a", w->turn.said_args = text_args_json(w->a, t)), jsw_kstr(&j, "n", next), jsw_end_obj(&j);
  w->turn.evidence = b.p, w->turn.said = text_key(t.key);
  w->cause = cause, w->seen.key = MSG_NONE;
}

void store_event(struct work *w, int entity_type, bool error, struct text t) {
  struct buf *b = &w->turn.events;
  struct jsw j;
  if (!b->a) buf_init(b, w->a, 1 << 20);
  buf_ch(b, b->n ? ',' : '['), jsw_init(&j, b);
  jsw_obj(&j), jsw_kstr(&j, "u", w->subject.s), jsw_ki64(&j, "t", entity_type), jsw_kstr(&j, "l", error ? "Error" : "Info"), jsw_kstr(&j, "k", text_key(t.key)), jsw_kraw(&j, "a", text_args_json(w->a, t));
  jsw_kstr(&j, "w", nn(w->actor)), jsw_end_obj(&j);
}
void store_percent(struct work *w) { w->turn.percent = true; }

bool work_part(struct work *w, const char *name, const char *status, bool ready, const char *reason, const char *message, struct err *e) {
  struct buf *b = &w->turn.parts;
  struct jsw j;
  (void)e;
  if (!is_op(w)) return true;
  if (!b->a) buf_init(b, w->a, 1 << 20);
  buf_ch(b, b->n ? ',' : '['), jsw_init(&j, b);
  jsw_obj(&j), jsw_kstr(&j, "n", name), jsw_kstr(&j, "s", status), jsw_kbool(&j, "r", ready), jsw_kstr(&j, "w", nn(reason)), jsw_kstr(&j, "m", nn(message)), jsw_end_obj(&j);
  return true;
}
static const char *closed(struct buf *b) { return b->n ? (buf_ch(b, ']'), b->p) : "[]"; }

static const char *rows_json(struct work *w) {
  struct buf b;
  buf_init(&b, w->a, 8192), buf_ch(&b, '[');
  for (int i = 0; i < w->turn.n; i++)
    buf_fmt(&b, "%s{\"o\":%d,\"s\":\"%s\",\"f\":%.4f,\"b\":%s,\"d\":%d}", i ? "," : "", w->turn.row[i].ord, w->turn.row[i].state, w->turn.row[i].fraction, w->turn.row[i].begin ? "true" : "false", w->turn.row[i].deadline_s);
  buf_ch(&b, ']');
  return b.p;
}

bool store_save(struct work *w, enum keep keep, int lease_s, int wait_ms, bool *lost, struct err *e) {
  int n = 0;
  const char *intent = w->intent_at == -1 ? "now" : w->intent_at ? "keep" : "none", *id = l(w->a, w->id), *token = l(w->a, w->token), *step = l(w->a, w->step), *memo = js_dump(w->a, w->memo), *attempt = l(w->a, w->attempt);
  const char *wait = keep == KEEP_RELEASE ? l(w->a, wait_ms) : "", *lease = l(w->a, lease_s), *deadline = arena_fmt(w->a, "%lld", (long long)w->step_deadline);
  BUG_ON(w->turn.leftovers != NULL); /* said by an operation that ends */
  tx_last(w->db);
  bool ok = store_has_noted(w) ? db_exec(w->db, w->a, &Q_TURN, &n, e, id, token, step, memo, intent, attempt, wait, lease, deadline, l(w->a, w->ref), rows_json(w), flag(w->turn.percent), w->turn.evidence, closed(&w->turn.parts), closed(&w->turn.events))
                     : db_exec(w->db, w->a, &Q_SAVE, &n, e, id, token, step, memo, intent, attempt, wait, lease, deadline);
  w->turn = (struct turn){.n = 0};
  *lost = n == 0, w->saved_ms = clock_mono_ms(), w->saved_step = w->step;
  return ok;
}

bool store_over(struct work *w, bool *lost, struct err *e) {
  int n = 0;
  const char *id = l(w->a, w->id), *token = l(w->a, w->token), *step = l(w->a, w->step), *memo = js_dump(w->a, w->memo);
  bool ok = store_has_noted(w) ? db_exec(w->db, w->a, &Q_OVER, &n, e, id, token, step, memo, l(w->a, w->ref), rows_json(w), flag(w->turn.percent), w->turn.evidence, closed(&w->turn.parts), closed(&w->turn.events))
                     : db_exec(w->db, w->a, &Q_END, &n, e, id, token, step, memo);
  w->turn = (struct turn){.n = 0};
  *lost = n == 0;
  return ok;
}

bool store_glimpse(struct work *w, const struct glimpse *g, bool *lost, struct err *e) {
  int n = 0;
  w->turn = (struct turn){.n = 0};
  note(w, "running", g->fraction, 0);
  bool ok = db_exec(w->db, w->a, &Q_GLIMPSE, &n, e, l(w->a, w->ref), rows_json(w), "t", NULL, g->parts, l(w->a, w->id), l(w->a, w->token), l(w->a, w->eng->conf->lease_s), "[]");
  w->turn = (struct turn){.n = 0};
  *lost = n == 0;
  return ok;
}
