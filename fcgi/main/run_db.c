/* The private PostgreSQL cluster: initdb, role, database. Existing clusters are never touched: it listens on a Unix socket only. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "crypt/rnd.h"
#include "db/db.h"
#include "main/run.h"

static const char *secret_file(struct run *r, const char *name) {
  const char *path = arena_fmt(r->a, "%s/%s", r->state, name);
  struct err e = ERR_INIT;
  char *text;
  if (access(path, F_OK) != 0) {
    char *fresh = rnd_password(r->a, 32);
    if (!file_write(path, fresh, strlen(fresh), 0600, &e)) { fprintf(stderr, "%s\n", err_message(&e, r->a)); return NULL; }
  }
  return file_read(r->a, path, 200, &text, NULL, &e) ? str_trim(r->a, text) : NULL;
}

bool run_postgres_prepare(struct run *r) {
  struct arena *a = r->a;
  const char *data = arena_fmt(a, "%s/pg/data", r->state);
  if (r->root && r->pg_uid == 0) { fprintf(stderr, "PostgreSQL does not run as root and there is no account named postgres. Install the package postgresql.\n"); return false; }
  if (access(arena_fmt(a, "%s/pg/initialised", r->state), F_OK) == 0) return true;
  const char *pw = secret_file(r, "pg.owner");
  if (!pw) return false;
  const char *pwfile = arena_fmt(a, "%s/pg/pw", r->state);
  struct err e = ERR_INIT;
  unlink(pwfile);
  if (!file_write(pwfile, pw, strlen(pw), 0600, &e) || (r->root && chown(pwfile, r->pg_uid, r->pg_gid) != 0)) return false;
  /* An initdb that was killed half-way leaves a folder that is no cluster: start afresh. The mark is written last. */
  const char *const rm[] = {"/bin/rm", "-rf", data, NULL};
  const char *const initdb[] = {arena_fmt(a, "%s/initdb", r->pg_bin), "-D", data, "-U", "fedlcm_owner", arena_fmt(a, "--pwfile=%s", pwfile), "--auth=scram-sha-256", "--locale=C.UTF-8", "--encoding=UTF8", "--no-instructions", NULL};
  int keep = dup(1), null = open("/dev/null", O_WRONLY);
  bool ok = run_once(r, r->pg_uid, r->pg_gid, NULL, rm) && dup2(null, 1) >= 0 && run_once(r, r->pg_uid, r->pg_gid, NULL, initdb);
  dup2(keep, 1), close(keep), close(null);
  unlink(pwfile);
  return ok && file_write(arena_fmt(a, "%s/pg/initialised", r->state), "", 0, 0644, &e);
}

const char *run_conninfo(struct run *r) {
  const char *pw = secret_file(r, "pg.app");
  return pw ? arena_fmt(r->a, "host=%s/pg dbname=fedlcm user=fedlcm password=%s", r->sock, pw) : "";
}

static const struct stmt Q_ROLE = {"run_role", "select 1 from pg_roles where rolname = 'fedlcm'"};
static const struct stmt Q_DB = {"run_db", "select 1 from pg_database where datname = 'fedlcm'"};
const struct stmt *const STMTS_RUN[] = {&Q_ROLE, &Q_DB, NULL};

static bool make_database(struct run *r, struct db *db, struct err *e) {
  struct rows rows;
  const char *pw = secret_file(r, "pg.app");
  if (!pw || !db_query(db, r->a, &Q_ROLE, &rows, e)) return false;
  if (!db_script(db, arena_fmt(r->a, rows.n ? "alter role fedlcm password '%s'" : "create role fedlcm login password '%s'", pw), e)) return false;
  if (!db_query(db, r->a, &Q_DB, &rows, e)) return false;
  return rows.n ? true : db_script(db, "create database fedlcm owner fedlcm", e);
}

bool run_database(struct run *r) {
  const char *pw = secret_file(r, "pg.owner");
  struct err e = ERR_INIT;
  struct db *db = db_new(arena_fmt(r->a, "host=%s/pg dbname=postgres user=fedlcm_owner password=%s", r->sock, nn(pw)), "fedlcm-run", 10000);
  bool up = false;
  for (int i = 0; i < 600 && !up; i++) {
    up = db_connect(db, &e);
    if (!up) usleep(50 * 1000);
  }
  bool ok = up && make_database(r, db, &e);
  db_free(db);
  if (!ok) { fprintf(stderr, "The private PostgreSQL did not come up: %s (see %s/log/postgres.log)\n", e.detail, r->state); return false; }
  const char *const init[] = {arena_fmt(r->a, "%s/bin/fedlcm", r->app), "init", NULL};
  return run_once(r, r->poller_uid, r->poller_gid, run_env(r, true), init);
}
