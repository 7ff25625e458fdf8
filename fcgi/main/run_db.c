/* Contract: run.h. The private PostgreSQL cluster. Existing clusters are never touched: it listens on a Unix socket of its own only. With FEDLCM_DB there is none.
 *
 * Three roles, each with a random password: fedlcm_owner (superuser, used by this program only), fedlcm (owns the schema: `fedlcm init`, migrations) and
 * fedlcm_app (poller and web workers: reads and writes rows, changes no schema). */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/num.h"
#include "base/str.h"
#include "crypt/rnd.h"
#include "db/db.h"
#include "main/run.h"

enum { START_MS = 120000 };

static bool has_programs(const struct run *r, const char *d) {
  return d && *d && access(arena_fmt(r->a, "%s/initdb", d), X_OK) == 0 && access(arena_fmt(r->a, "%s/postgres", d), X_OK) == 0;
}

/* Version of the cluster that is there, "" before the first start. */
static const char *cluster_version(const struct run *r) {
  struct err e = ERR_INIT;
  char *text;
  return file_read(r->a, arena_fmt(r->a, "%s/pg/data/PG_VERSION", r->state), 64, &text, NULL, &e) ? str_trim(r->a, text) : "";
}

static const char *versioned(const struct run *r, const char *version) { return arena_fmt(r->a, "/usr/lib/postgresql/%s/bin", version); }

static const char *newest(const struct run *r) {
  int best = 0, v;
  DIR *d = opendir("/usr/lib/postgresql");
  for (struct dirent *x; d && (x = readdir(d));)
    if (num_int(x->d_name, 1, 999, &v) && v > best && has_programs(r, versioned(r, x->d_name))) best = v;
  if (d) closedir(d);
  return best ? versioned(r, NUM(best)) : NULL;
}

static const char *by_pg_config(const struct run *r) {
  const char *const argv[] = {"/usr/bin/pg_config", "--bindir", NULL};
  struct buf out;
  buf_init(&out, r->a, 4096);
  if (access(argv[0], X_OK) != 0 || run_once(r, (struct account){getuid(), getgid()}, run_plain_env(), argv, &out) != 0) return NULL;
  return str_trim(r->a, out.p);
}

/* The programs that made the cluster; for a new one those that pg_config names, or the newest. */
static bool find_programs(struct run *r) {
  const char *own = getenv("FEDLCM_PG_BIN"), *made_by = cluster_version(r);
  if (has_programs(r, own)) return r->pg_bin = own, true;
  if (*made_by && has_programs(r, versioned(r, made_by))) return r->pg_bin = versioned(r, made_by), true;
  const char *d = by_pg_config(r);
  r->pg_bin = has_programs(r, d) ? d : newest(r);
  if (!r->pg_bin) return run_say(r, MSG_RUN_NO_POSTGRES, "postgresql");
  if (*made_by && str_starts(r->pg_bin, "/usr/lib/postgresql/"))
    return run_say(r, MSG_RUN_PG_VERSION, r->state, made_by, r->pg_bin, arena_fmt(r->a, "postgresql-%s", made_by));
  return true;
}

static const char *password(const struct run *r, const char *name) {
  const char *path = arena_fmt(r->a, "%s/%s", r->state, name);
  struct err e = ERR_INIT;
  char *text;
  if (access(path, F_OK) != 0) {
    char *fresh = rnd_password(r->a, 32);
    if (!run_put(r, path, fresh, strlen(fresh), 0600, (struct account){getuid(), getgid()})) return NULL;
  }
  return file_read(r->a, path, 200, &text, NULL, &e) ? str_trim(r->a, text) : (run_say_err(r, &e), NULL);
}

static const char *conninfo(const struct run *r, const char *dbname, const char *user, const char *file) {
  return arena_fmt(r->a, "host=%s/pg dbname=%s user=%s password=%s", r->sock, dbname, user, nn(password(r, file)));
}

const char *run_conninfo(const struct run *r, bool owner) { return r->database ? r->database : owner ? conninfo(r, "fedlcm", "fedlcm", "pg.schema") : conninfo(r, "fedlcm", "fedlcm_app", "pg.app"); }

static bool make_cluster(struct run *r, const char *data) {
  struct arena *a = r->a;
  const char *file = arena_fmt(a, "%s/pg/password", r->state), *pw = password(r, "pg.owner");
  const char *const rm[] = {"/bin/rm", "-rf", data, NULL};
  const char *const initdb[] = {arena_fmt(a, "%s/initdb", r->pg_bin), "-D", data, "-U", "fedlcm_owner", arena_fmt(a, "--pwfile=%s", file), "--auth=scram-sha-256", "--locale=C.UTF-8", "--encoding=UTF8",
                                "--no-instructions", getenv("FEDLCM_PG_OPTIONS") ? "--no-sync" : NULL, NULL};
  struct buf out;
  buf_init(&out, a, 65536);
  if (!pw || !run_put(r, file, pw, strlen(pw), 0600, r->pg)) return false;
  int rc = run_once(r, r->pg, run_plain_env(), rm, NULL);
  if (rc == 0 && (rc = run_once(r, r->pg, run_plain_env(), initdb, &out)) != 0) fputs(out.p, stderr);
  unlink(file);
  return rc == 0 ? true : run_say(r, MSG_RUN_PROGRAM, "initdb", NUM(rc));
}

bool run_postgres_prepare(struct run *r) {
  const char *data = arena_fmt(r->a, "%s/pg/data", r->state), *mark = arena_fmt(r->a, "%s/pg/initialised", r->state);
  if (r->database) return true;
  if (!find_programs(r)) return false;
  if (access(mark, F_OK) == 0) return true;
  /* An initdb that was killed half-way leaves a folder that is no cluster: the mark is written last. */
  run_say(r, MSG_RUN_FIRST_START, r->state);
  return make_cluster(r, data) && run_put(r, mark, "", 0, 0644, r->pg);
}

const char *const *run_postgres_argv(struct run *r) {
  struct arena *a = r->a;
  const char *const fixed[] = {arena_fmt(a, "%s/postgres", r->pg_bin), "-D", arena_fmt(a, "%s/pg/data", r->state), "-k", arena_fmt(a, "%s/pg", r->sock), "-c", "listen_addresses=", "-c", "unix_socket_permissions=0777",
                               "-c", "max_connections=60", "-c", "shared_buffers=64MB", "-c", "client_connection_check_interval=5s", "-c", "timezone=UTC", "-c", "log_timezone=UTC", "-c", "log_destination=stderr",
                               "-c", "logging_collector=off", "-c", "cluster_name=fedlcm"};
  size_t n = 0, k = 0;
  const char *more = getenv("FEDLCM_PG_OPTIONS");
  char **extra = str_split(a, nn(more), " ", &k);
  const char **argv = ARENA_ARRAY(a, const char *, sizeof fixed / sizeof *fixed + k + 1);
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) argv[n++] = fixed[i];
  for (size_t i = 0; i < k; i++)
    if (*extra[i]) argv[n++] = extra[i];
  return argv;
}

static const struct stmt Q_ROLE = {"run_role", "select 1 from pg_roles where rolname = $1"};
static const struct stmt Q_DB = {"run_db", "select 1 from pg_database where datname = 'fedlcm'"};
const struct stmt *const STMTS_RUN[] = {&Q_ROLE, &Q_DB, NULL};
/* Tables that are there, and those that later migrations make. */
static const char GRANTS[] = "alter default privileges for role fedlcm in schema public grant select, insert, update, delete on tables to fedlcm_app; "
                             "alter default privileges for role fedlcm in schema public grant usage, select on sequences to fedlcm_app; "
                             "grant select, insert, update, delete on all tables in schema public to fedlcm_app; grant usage, select on all sequences in schema public to fedlcm_app";

static bool role(struct run *r, struct db *db, const char *name, const char *file, struct err *e) {
  struct rows rows;
  const char *pw = password(r, file); /* letters and digits */
  if (!pw || !db_query(db, r->a, &Q_ROLE, &rows, e, name)) return false;
  return db_script(db, arena_fmt(r->a, "%s role %s login password '%s'", rows.n ? "alter" : "create", name, pw), e);
}

static bool make_database(struct run *r, struct db *db, struct err *e) {
  struct rows rows;
  if (!role(r, db, "fedlcm", "pg.schema", e) || !role(r, db, "fedlcm_app", "pg.app", e) || !db_query(db, r->a, &Q_DB, &rows, e)) return false;
  if (!rows.n && !db_script(db, "create database fedlcm owner fedlcm", e)) return false;
  struct db *inside = db_new(conninfo(r, "fedlcm", "fedlcm_owner", "pg.owner"), "fedlcm-run", 10000);
  bool ok = db_connect(inside, e) && db_script(inside, GRANTS, e);
  db_free(inside);
  return ok;
}

/* A server that was left behind by a killed launcher may still be going down, so an early end is tried again for a while. */
static bool wait_up(struct run *r, struct part *pg, struct db *db, struct err *e) {
  for (int64_t end = clock_mono_ms() + START_MS; clock_mono_ms() < end && !parts_asked_to_stop(); usleep(20 * 1000)) {
    err_clear(e);
    if (db_connect(db, e)) return true;
    if (part_gone(pg) && clock_mono_ms() >= pg->not_before_ms + 300) part_spawn(r, pg);
    if (pg->deaths > 15) return false;
  }
  return false;
}

static bool init(struct run *r, const char **out_login) {
  const char *const argv[] = {arena_fmt(r->a, "%s/bin/fedlcm", r->app), "init", r->loopback ? NULL : "--own-password", NULL};
  struct buf out;
  buf_init(&out, r->a, 4096);
  int rc = run_once(r, r->poller, run_env(r, true, run_first_password(r)), argv, &out);
  *out_login = str_trim(r->a, out.p);
  return rc == 0;
}

bool run_database(struct run *r, struct part *pg, const char **out_login) {
  struct err e = ERR_INIT;
  if (r->database) return init(r, out_login);
  struct db *db = db_new(conninfo(r, "postgres", "fedlcm_owner", "pg.owner"), "fedlcm-run", 10000);
  bool up = wait_up(r, pg, db, &e), ok = up && make_database(r, db, &e);
  db_free(db);
  if (!ok) {
    run_say(r, MSG_RUN_PG_START, *e.detail ? str_trim(r->a, e.detail) : "-", arena_fmt(r->a, "%s/log/postgres.log", r->state));
    run_log_tail(r, "postgres");
    return false;
  }
  return init(r, out_login);
}
