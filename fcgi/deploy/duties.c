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
    "with p as (select id from probe where created_at < now() - interval '1 day' and state <> 'queued' order by id limit 200), "
    "w as (delete from work where class = 'probe' and ref in (select id from p)) delete from probe where id in (select id from p)"};
/* What nothing points to any more: a kubeconfig or password that was replaced, or one of a test that nobody saved. A probe names the registry password of its
 * form only inside its input, therefore nothing younger than a probe's life is touched. */
static const struct stmt Q_SECRETS = {"duties_secrets",
    "delete from secret s where created_at < now() - interval '2 days' and not exists (select from infra where kubeconfig_secret = s.id or registry_secret = s.id) "
    "and not exists (select from endpoint where credential_secret = s.id) and not exists (select from named_secret where secret = s.id) "
    "and not exists (select from authority where key_secret = s.id) and not exists (select from participant where registry_secret = s.id) "
    "and not exists (select from probe where input_secret = s.id)"};
static const struct stmt Q_TARGETS = {"duties_targets", "select count(*) from health_check"};
const struct stmt *const STMTS_DUTIES[] = {&Q_TARGETS, &Q_LOCK, &Q_SESSIONS, &Q_FAILURES, &Q_EVENTS, &Q_OPS, &Q_PROBES, &Q_SECRETS, NULL};

bool duties_run(struct db *db, struct arena *a, int keep_days, struct err *e) {
  TX(tx);
  struct rows r;
  const char *days = arena_fmt(a, "%d", keep_days);
  if (!tx_begin(db, &tx, e) || !db_query(db, a, &Q_LOCK, &r, e)) return false;
  if (!row_bool(&r, 0, 0)) return true; /* another runner is at it */
  return db_exec(db, a, &Q_SESSIONS, NULL, e) && db_exec(db, a, &Q_FAILURES, NULL, e) && db_exec(db, a, &Q_EVENTS, NULL, e, days) && db_exec(db, a, &Q_OPS, NULL, e, days) &&
         db_exec(db, a, &Q_PROBES, NULL, e) && db_exec(db, a, &Q_SECRETS, NULL, e) && tx_commit(&tx, e);
}

bool duties_targets(struct db *db, struct arena *a, int *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_TARGETS, &r, e)) return false;
  *n = row_int(&r, 0, 0);
  return true;
}
