#include "deploy/duties.h"
#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"

static const struct stmt Q_LOCK = {"duties_lock", "select pg_try_advisory_xact_lock(4242, 2)"};
static const struct stmt Q_SESSIONS = {"duties_sessions",
    "delete from session where id in (select id from session where expires_at < now() or (not api and last_seen < now() - interval '60 minutes') limit 500)"};
static const struct stmt Q_FAILURES = {"duties_failures", "delete from login_failure where last_at < now() - interval '1 day'"};
static const struct stmt Q_EVENTS = {"duties_events", "delete from event where id in (select id from event where created_at < now() - make_interval(days => $1::int) order by id limit 500)"};
static const struct stmt Q_OPS = {"duties_ops",
    "with o as (select id from operation where state in ('succeeded', 'cancelled', 'superseded') and ended_at < now() - make_interval(days => $1::int) order by id limit 200), "
    "w as (delete from work where class = 'operation' and ref in (select id from o)) delete from operation where id in (select id from o)"};
static const struct stmt Q_PROBES = {"duties_probes",
    "with p as (select id, input_secret from probe where created_at < now() - interval '1 day' and state <> 'queued' order by id limit 200), "
    "w as (delete from work where class = 'probe' and ref in (select id from p)) delete from probe where id in (select id from p)"};
const struct stmt *const STMTS_DUTIES[] = {&Q_LOCK, &Q_SESSIONS, &Q_FAILURES, &Q_EVENTS, &Q_OPS, &Q_PROBES, NULL};

bool duties_run(struct db *db, struct arena *a, int keep_days, struct err *e) {
  TX(tx);
  struct rows r;
  const char *days = arena_fmt(a, "%d", keep_days);
  if (!tx_begin(db, &tx, e) || !db_query(db, a, &Q_LOCK, &r, e)) return false;
  if (!row_bool(&r, 0, 0)) return true; /* another runner is at it */
  return db_exec(db, a, &Q_SESSIONS, NULL, e) && db_exec(db, a, &Q_FAILURES, NULL, e) && db_exec(db, a, &Q_EVENTS, NULL, e, days) && db_exec(db, a, &Q_OPS, NULL, e, days) &&
         db_exec(db, a, &Q_PROBES, NULL, e) && tx_commit(&tx, e);
}
