/* Contract: migrate.h. */
#include "db/migrate.h"
#include <unistd.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "crypt/digest.h"
#include "db/db.h"

static const struct stmt Q_APPLIED = {"migrate_applied", "select version, name, sha256 from schema_migration order by version"};
static const struct stmt Q_RECORD = {"migrate_record", "insert into schema_migration (version, name, sha256) values ($1, $2, $3)"};
static const struct stmt Q_NEWEST = {"migrate_newest", "select coalesce(max(version), 0) from schema_migration"};
static const struct stmt Q_TABLE = {"migrate_table", "select to_regclass('schema_migration') is not null"};

enum { PATIENCE_MS = 60000, PAUSE_MS = 100, PAUSE_MAX_MS = 1600 };

static bool apply_once(struct db *db, struct arena *a, const struct migration *m, const char *sum, struct err *e) {
  TX(tx);
  if (!tx_begin(db, &tx, e) || !db_script(db, m->sql, e) || !db_exec(db, a, &Q_RECORD, NULL, e, arena_fmt(a, "%d", m->version), m->name, sum)) return false;
  if (!tx_commit(&tx, e)) return false;
  log_info("migrate", "applied", "name", m->name);
  return true;
}

/* A file takes its tables one after the other while requests hold some and want others. It gives up after a moment (LOCK_MOMENT), with all that it has, and
 * comes again: before PostgreSQL finds a deadlock (one second) and ends a request for it, and before requests that queue up behind it run out of time. */
#define LOCK_MOMENT "200ms"
static bool apply(struct db *db, struct arena *a, const struct migration *m, const char *sum, struct err *e) {
  int64_t end = clock_mono_ms() + PATIENCE_MS;
  for (int pause = PAUSE_MS;; pause = pause < PAUSE_MAX_MS ? 2 * pause : pause) {
    err_clear(e);
    if (apply_once(db, a, m, sum, e)) return true;
    if (!e->retry || !db_alive(db) || clock_mono_ms() > end) return false;
    usleep((useconds_t)pause * 1000);
  }
}

static bool locked(struct db *db, struct arena *a, int *opt_applied, struct err *e) {
  struct rows r;
  if (!db_script(db, "create table if not exists schema_migration (version int primary key, name text not null, sha256 text not null, applied_at timestamptz not null default now())", e)) return false;
  if (!db_query(db, a, &Q_APPLIED, &r, e)) return false;
  for (int i = 0; i < N_MIGRATIONS; i++) {
    const struct migration *m = &MIGRATIONS[i];
    const char *sum = sha256_hex(a, m->sql, strlen(m->sql));
    if (i < r.n) {
      if (row_int(&r, i, 0) != m->version || !streq(row_text(&r, i, 2), sum)) return err_set(e, FAIL_CONFLICT, MSG_MIGRATE_EDITED, row_text(&r, i, 1));
      continue;
    }
    if (!apply(db, a, m, sum, e)) return false;
    if (opt_applied) ++*opt_applied;
  }
  return true;
}

/* One migrator at a time: a session lock, since each file has a transaction of its own. */
static bool lock(struct db *db, struct err *e) {
  if (db_script(db, "set lock_timeout = '30s'; set statement_timeout = '120s'; select pg_advisory_lock(4242, 1); set lock_timeout = '" LOCK_MOMENT "'", e)) return true;
  return e->kind == FAIL_TIMEOUT ? err_set(e, FAIL_TIMEOUT, MSG_MIGRATE_BUSY) : false;
}

bool migrate(struct db *db, struct arena *a, int *opt_applied, struct err *e) {
  struct err ignored = ERR_INIT;
  if (opt_applied) *opt_applied = 0;
  bool ok = lock(db, e) && locked(db, a, opt_applied, e);
  if (!db_script(db, "select pg_advisory_unlock(4242, 1); reset lock_timeout; reset statement_timeout", &ignored) && ok) log_err(LOG_LEVEL_WARN, "migrate", "unlock", &ignored);
  return ok;
}

bool migrate_check(struct db *db, struct arena *a, struct err *e) {
  struct rows r;
  int have = 0, need = N_MIGRATIONS ? MIGRATIONS[N_MIGRATIONS - 1].version : 0;
  if (!db_query(db, a, &Q_TABLE, &r, e)) return false;
  if (row_bool(&r, 0, 0)) {
    if (!db_query(db, a, &Q_NEWEST, &r, e)) return false;
    have = row_int(&r, 0, 0);
  }
  return have >= need ? true : err_set(e, FAIL_UNAVAILABLE, MSG_MIGRATE_OLD, NUM(have), NUM(need));
}
