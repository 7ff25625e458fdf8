/* Removing a federation as a whole: its clusters side by side, then the exchange, then the record. Each of them is an operation of its own with its own page;
 * this one starts them, starts once more what failed, and waits. */
#include "deploy/federation_ops.h"
#include "deploy/op.h"
#include "deploy/participant_ops.h"
#include "deploy/wf.h"
#include "deploy/workflows.h"

enum { LOOK_MS = 1500 };

static const struct stmt Q_MEMBERS = {"wf_federation_members",
    "select p.uuid, p.name, coalesce(o.uuid::text, ''), coalesce(o.kind, ''), coalesce(o.state, '') from participant p left join operation o on o.subject = p.uuid and o.subject_type = 'participant' "
    "and o.state in ('queued', 'running', 'failed') where p.federation_uuid = $1 and p.type = $2::smallint and p.deleted_at is null order by p.id"};
static const struct stmt Q_SAVEPOINT = {"wf_federation_savepoint", "savepoint member"}, Q_BACK = {"wf_federation_back", "rollback to savepoint member"};
const struct stmt *const STMTS_WF_FEDERATION[] = {&Q_MEMBERS, &Q_SAVEPOINT, &Q_BACK, NULL};

/* Its own row before those of the members, as with a person who asks for something: the two never wait for each other in a circle. */
static bool load(struct work *w, struct err *e) { return op_lock_live(w->db, w->a, w->subject, e) && federation_get(w->db, w->a, w->subject, &w->fed, e); }

/* Starts the removal of a member, or says what is in its way: a deployment that still runs is waited for unless the person forced it. */
static bool start(struct work *w, int type, struct uuid member, struct err *conflict, struct err *e) {
  if (!db_exec(w->db, w->a, &Q_SAVEPOINT, NULL, e)) return false;
  if (participant_ops_remove(w->db, w->a, type, member, w->subject, w->force, w->ref, w->actor, conflict)) return true;
  if (conflict->kind != FAIL_CONFLICT && conflict->kind != FAIL_NOT_FOUND) return err_move(e, conflict);
  return db_exec(w->db, w->a, &Q_BACK, NULL, e);
}

/* One that failed is started again once by itself, and once more with each retry of a person. */
static bool again(struct work *w, const char *op, bool *tried, struct err *e) {
  const char *key = arena_fmt(w->a, "try_%s", op);
  struct uuid id;
  *tried = memo_int(w, key) > 0;
  if (*tried || !uuid_parse(op, &id)) return true;
  js_set_int(w->memo, key, 1);
  return op_retry_in(w->db, w->a, id, w->actor, e);
}

static enum outcome members(struct work *w, int type, struct err *e) {
  struct rows r;
  struct err conflict = ERR_INIT;
  if (!db_query(w->db, w->a, &Q_MEMBERS, &r, e, w->subject.s, arena_fmt(w->a, "%d", type))) return OUT_FAIL;
  if (!r.n) return OUT_DONE;
  const char **names = ARENA_ARRAY(w->a, const char *, r.n);
  for (int i = 0; i < r.n; i++) {
    const char *op = row_text(&r, i, 2), *kind = row_text(&r, i, 3), *state = row_text(&r, i, 4);
    bool removing = str_ends(kind, "_remove"), tried = false;
    names[i] = row_text(&r, i, 1);
    if (!removing || (w->force && streq(state, "failed"))) {
      if (!start(w, type, row_uuid(&r, i, 0), &conflict, e)) return OUT_FAIL;
    } else if (streq(state, "failed")) {
      if (!again(w, op, &tried, e)) return OUT_FAIL;
      if (tried) return err_set(e, FAIL_UPSTREAM, MSG_FEDERATION_MEMBER_FAILED, names[i]), OUT_FAIL;
    }
  }
  const char *most_key = type == TYPE_CLUSTER ? "most_clusters" : "most_exchanges";
  int64_t most = memo_int(w, most_key);
  if (r.n > most) js_set_int(w->memo, most_key, most = r.n);
  w->fraction = 1 - (double)r.n / (double)most, w->wait_ms = LOOK_MS;
  struct text t = conflict.kind ? err_text(&conflict) : TEXT(MSG_FEDERATION_WAITS_FOR, str_join(w->a, names, (size_t)(r.n < 10 ? r.n : 10), ", "), num_text((char[24]){0}, r.n));
  return work_evidence(w, "held", t, e) ? OUT_WAIT : OUT_FAIL;
}

static enum outcome clusters_q(struct work *w, struct call *c, struct err *e) {
  (void)c;
  return members(w, TYPE_CLUSTER, e);
}
static enum outcome exchange_q(struct work *w, struct call *c, struct err *e) {
  (void)c;
  return members(w, TYPE_EXCHANGE, e);
}
static enum outcome record_q(struct work *w, struct call *c, struct err *e) {
  (void)c;
  return federation_delete_in(w->db, w->a, w->subject, e) ? OUT_DONE : OUT_FAIL;
}

/* Stopped or failed, the federation takes participants again; removals of members that have begun go on by themselves. */
static bool ended(struct work *w, enum work_end how, const struct err *why, struct err *e) {
  (void)why;
  return how == END_SUCCEEDED || federation_set_removing(w->db, w->a, w->subject, false, e);
}

static const struct step REMOVE[] = {
    {"clusters-gone", clusters_q, NULL, EFFECT_NONE, 0, 70, 5400, NULL, NULL, NULL},
    {"exchange-gone", exchange_q, NULL, EFFECT_NONE, 0, 25, 5400, NULL, NULL, NULL},
    {"record-gone", record_q, NULL, EFFECT_NONE, STEP_LAST, 1, 60, NULL, NULL, NULL},
    STOPPED,
};
const struct workflow WF_FEDERATION_REMOVE = {"federation_remove", "operation", REMOVE, sizeof REMOVE / sizeof *REMOVE, 10800, load, ended, "stopped"};
