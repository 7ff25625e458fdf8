/* Contract: db.h. The only file that talks to libpq for queries. */
#include "db/db.h"
#include <libpq-fe.h>
#include <poll.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"

enum { MAX_PREPARED = 512 };

struct db {
  PGconn *pg;
  char *conninfo;
  bool read_only, in_tx, notified;
  unsigned count;
  char constraint[80];
  const struct stmt *prepared[MAX_PREPARED]; /* open addressing by pointer */
};

static void notice(void *arg, const PGresult *r) {
  (void)arg;
  log_debug("db", PQresultErrorMessage(r));
}

struct db *db_new(const char *conninfo, const char *application, int statement_timeout_ms) {
  struct db *db = calloc(1, sizeof *db);
  struct arena *a = arena_new();
  BUG_ON(!db);
  const char *full = arena_fmt(a, "%s application_name=%s connect_timeout=3 keepalives_idle=30 tcp_user_timeout=15000 "
                                  "options='-c statement_timeout=%d -c lock_timeout=2000 -c idle_in_transaction_session_timeout=30000 -c TimeZone=UTC'",
                               conninfo, application, statement_timeout_ms);
  db->conninfo = strdup(full);
  BUG_ON(!db->conninfo);
  arena_free(a);
  return db;
}

void db_free(struct db *db) {
  if (!db) return;
  PQfinish(db->pg);
  free(db->conninfo);
  free(db);
}

static bool unavailable(struct db *db, struct err *e) {
  err_set(e, FAIL_UNAVAILABLE, MSG_DB_UNAVAILABLE);
  e->retry = true;
  return err_detail(e, "%s", db->pg ? PQerrorMessage(db->pg) : "no connection");
}

bool db_connect(struct db *db, struct err *e) {
  if (db->pg && PQstatus(db->pg) == CONNECTION_OK) return true;
  memset(db->prepared, 0, sizeof db->prepared);
  db->in_tx = false;
  if (db->pg) PQreset(db->pg);
  else db->pg = PQconnectdb(db->conninfo);
  if (!db->pg || PQstatus(db->pg) != CONNECTION_OK) return unavailable(db, e);
  PQsetNoticeReceiver(db->pg, notice, NULL);
  return true;
}

bool db_alive(const struct db *db) { return db->pg && PQstatus(db->pg) == CONNECTION_OK; }
int db_socket(const struct db *db) { return db_alive(db) ? PQsocket(db->pg) : -1; }
unsigned db_count(const struct db *db) { return db->count; }
void db_count_reset(struct db *db) { db->count = 0; }
void db_set_read_only(struct db *db, bool ro) { db->read_only = ro; }
const char *db_constraint(const struct db *db) { return db->constraint; }
bool db_in_tx(const struct db *db) { return db->in_tx; }

static void clear_result(void *r) { PQclear(r); }

/* SQLSTATE to kind; the table of db.h. A result without a state is judged by the connection. */
static bool failed(struct db *db, const char *name, PGresult *r, struct err *e) {
  const char *state = r ? nn(PQresultErrorField(r, PG_DIAG_SQLSTATE)) : "";
  snprintf(db->constraint, sizeof db->constraint, "%s", r ? nn(PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME)) : "");
  enum err_kind kind = FAIL_BUG;
  enum msg key = MSG_INTERNAL_BUG;
  bool retry = false;
  if (PQstatus(db->pg) != CONNECTION_OK || !*state || str_starts(state, "08") || str_starts(state, "57P") || str_starts(state, "53")) kind = FAIL_UNAVAILABLE, key = MSG_DB_UNAVAILABLE, retry = true;
  else if (streq(state, "23505") || streq(state, "23503") || streq(state, "23P01")) kind = FAIL_CONFLICT, key = MSG_DB_CONFLICT;
  else if (str_starts(state, "22") || streq(state, "23514")) kind = FAIL_INVALID, key = MSG_DB_INVALID;
  else if (streq(state, "57014") || streq(state, "55P03")) kind = FAIL_TIMEOUT, key = MSG_DB_TIMEOUT, retry = true;
  else if (streq(state, "40001") || streq(state, "40P01")) kind = FAIL_UNAVAILABLE, key = MSG_DB_TIMEOUT, retry = true;
  err_set(e, kind, key);
  e->retry = retry;
  return err_detail(e, "statement %s: SQLSTATE %s: %s", name, *state ? state : "none", r ? PQresultErrorMessage(r) : PQerrorMessage(db->pg));
}

static size_t slot(struct db *db, const struct stmt *q) {
  size_t i = ((uintptr_t)q >> 3) % MAX_PREPARED, n = 0;
  while (db->prepared[i] && db->prepared[i] != q && n++ < MAX_PREPARED) i = (i + 1) % MAX_PREPARED;
  BUG_ON(n >= MAX_PREPARED);
  return i;
}

static bool prepare(struct db *db, const struct stmt *q, struct err *e) {
  size_t i = slot(db, q);
  if (db->prepared[i]) return true;
  PGresult *r = PQprepare(db->pg, q->name, q->sql, 0, NULL);
  bool ok = r && PQresultStatus(r) == PGRES_COMMAND_OK;
  if (ok) db->prepared[i] = q;
  else failed(db, q->name, r, e);
  PQclear(r);
  return ok;
}

static PGresult *run(struct db *db, const struct stmt *q, const char *const *args, size_t n, struct err *e) {
  if (!db_connect(db, e) || !prepare(db, q, e)) return NULL;
  db->count++;
  PGresult *r = PQexecPrepared(db->pg, q->name, (int)n, args, NULL, NULL, 0);
  ExecStatusType s = r ? PQresultStatus(r) : PGRES_FATAL_ERROR;
  if (s == PGRES_TUPLES_OK || s == PGRES_COMMAND_OK) return r;
  failed(db, q->name, r, e);
  PQclear(r);
  return NULL;
}

/* A statement on a connection that has just been found dead is repeated once where nothing can have happened: outside a transaction, read-only. */
static PGresult *run_again(struct db *db, const struct stmt *q, const char *const *args, size_t n, struct err *e) {
  bool was_tx = db->in_tx;
  if (was_tx && !db_alive(db)) {
    unavailable(db, e);
    return NULL;
  }
  PGresult *r = run(db, q, args, n, e);
  if (r || db_alive(db) || was_tx || !db->read_only) return r;
  return run(db, q, args, n, e);
}

bool db_query_n(struct db *db, struct arena *a, const struct stmt *q, struct rows *rows, struct err *e, const char *const *args, size_t n) {
  PGresult *r = run_again(db, q, args + 1, n, e);
  if (!r) return false;
  arena_defer(a, clear_result, r);
  *rows = (struct rows){r, PQntuples(r)};
  return true;
}

bool db_exec_n(struct db *db, struct arena *a, const struct stmt *q, int *opt_affected, struct err *e, const char *const *args, size_t n) {
  (void)a;
  PGresult *r = run_again(db, q, args + 1, n, e);
  if (!r) return false;
  if (opt_affected && !num_int(PQcmdTuples(r), 0, INT32_MAX, opt_affected)) *opt_affected = PQntuples(r);
  PQclear(r);
  return true;
}

bool db_script(struct db *db, const char *sql, struct err *e) {
  if (!db_connect(db, e)) return false;
  PGresult *r = PQexec(db->pg, sql);
  bool ok = r && (PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK);
  if (!ok) failed(db, "script", r, e);
  PQclear(r);
  return ok;
}

const char *row_text(const struct rows *r, int i, int c) { return PQgetvalue((PGresult *)r->res, i, c); }
bool row_null(const struct rows *r, int i, int c) { return PQgetisnull((PGresult *)r->res, i, c); }
const char *row_opt(const struct rows *r, int i, int c) { return row_null(r, i, c) ? NULL : row_text(r, i, c); }

int64_t row_i64(const struct rows *r, int i, int c) {
  int64_t v = 0;
  return num_i64(row_text(r, i, c), INT64_MIN, INT64_MAX, &v) ? v : 0;
}
int row_int(const struct rows *r, int i, int c) { return (int)row_i64(r, i, c); }
double row_f64(const struct rows *r, int i, int c) { return strtod(row_text(r, i, c), NULL); }
bool row_bool(const struct rows *r, int i, int c) { return row_text(r, i, c)[0] == 't'; }
usec_t row_time(const struct rows *r, int i, int c) { return row_i64(r, i, c); }
struct uuid row_uuid(const struct rows *r, int i, int c) {
  struct uuid u = {{0}};
  return uuid_parse(row_text(r, i, c), &u) ? u : (struct uuid){{0}};
}

static bool plain(struct db *db, const char *sql, const char *expect_tag, struct err *e) {
  db->count++;
  PGresult *r = PQexec(db->pg, sql);
  bool ok = r && PQresultStatus(r) == PGRES_COMMAND_OK;
  if (!ok) failed(db, sql, r, e);
  else if (!streq(PQcmdStatus(r), expect_tag)) { /* COMMIT of a failed transaction "succeeds" with tag ROLLBACK */
    ok = false;
    err_set(e, FAIL_BUG, MSG_INTERNAL_BUG);
    err_detail(e, "%s answered %s", sql, PQcmdStatus(r));
  }
  PQclear(r);
  return ok;
}

bool tx_begin(struct db *db, struct tx *t, struct err *e) {
  BUG_ON(db->in_tx);
  if (!db_connect(db, e)) return false;
  if (!plain(db, "BEGIN", "BEGIN", e)) {
    /* The first statement after a server restart finds the old connection dead; nothing has happened yet, so once more. */
    if (db_alive(db) || !db_connect(db, e) || !plain(db, "BEGIN", "BEGIN", e)) return false;
  }
  *t = (struct tx){db, true};
  return db->in_tx = true;
}

bool tx_commit(struct tx *t, struct err *e) {
  BUG_ON(!t->open);
  t->open = false, t->db->in_tx = false;
  return plain(t->db, "COMMIT", "COMMIT", e);
}

void tx_rollback(struct tx *t) {
  struct err ignored = ERR_INIT;
  if (!t->open) return;
  t->open = false, t->db->in_tx = false;
  if (db_alive(t->db) && !plain(t->db, "ROLLBACK", "ROLLBACK", &ignored)) log_err(LOG_LEVEL_WARN, "db", "rollback", &ignored);
}

bool db_listen(struct db *db, const char *channel, struct err *e) {
  char sql[80];
  snprintf(sql, sizeof sql, "LISTEN %s", channel);
  return db_connect(db, e) && plain(db, sql, "LISTEN", e);
}

bool db_take_notifies(struct db *db) {
  bool any = false;
  if (!db_alive(db) || PQconsumeInput(db->pg) != 1) return false;
  for (PGnotify *n; (n = PQnotifies(db->pg)); PQfreemem(n)) any = true;
  return any;
}
