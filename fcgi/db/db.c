/* Contract: db.h. The only file that talks to libpq for queries. */
#include "db/db.h"
#include <libpq-fe.h>
#include <poll.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"

enum { MAX_PREPARED = 512, MAX_OPTIONS = 64, SLOW_REFUSAL_MS = 500, SLOW_PAUSE_MS = 1000 };

struct db {
  PGconn *pg;
  char *conninfo, *application;
  int statement_timeout_ms;
  bool read_only;
  bool patient;
  bool in_tx;
  bool late; /* BEGIN has not been sent yet */
  bool last; /* and need not be */
  bool stale;                        /* a plan of the open transaction was made stale: prepare everything anew at its end */
  int64_t not_before;                /* no new attempt to connect until then */
  unsigned count, written, connections;
  char constraint[80];
  char channel[64]; /* LISTENed again after a reconnect; "" = none */
  const struct stmt *prepared[MAX_PREPARED]; /* open addressing by pointer */
};

static void notice(void *arg, const PGresult *r) {
  (void)arg;
  log_debug("db", PQresultErrorMessage(r));
}

struct db *db_new(const char *conninfo, const char *application, int statement_timeout_ms) {
  struct db *db = calloc(1, sizeof *db);
  BUG_ON(!db);
  db->conninfo = strdup(conninfo), db->application = strdup(application), db->statement_timeout_ms = statement_timeout_ms;
  BUG_ON(!db->conninfo || !db->application);
  return db;
}

void db_free(struct db *db) {
  if (!db) return;
  PQfinish(db->pg);
  free(db->conninfo);
  free(db->application);
  free(db);
}

static bool unavailable(struct db *db, struct err *e) {
  err_set(e, FAIL_UNAVAILABLE, MSG_DB_UNAVAILABLE);
  e->retry = true;
  return err_detail(e, "%s", db->pg ? PQerrorMessage(db->pg) : "no connection");
}

static void drop_options(PQconninfoOption **o) { PQconninfoFree(*o); }

struct pairs { const char *key[MAX_OPTIONS + 8], *value[MAX_OPTIONS + 8]; size_t n; };

static void pair(struct pairs *p, const char *key, const char *value) {
  BUG_ON(p->n + 1 >= sizeof p->key / sizeof *p->key);
  p->key[p->n] = key, p->value[p->n++] = value;
}

static const char *given(const PQconninfoOption *o, const char *key) {
  for (; o->keyword; o++)
    if (streq(o->keyword, key) && o->val && *o->val) return o->val;
  return NULL;
}

/* The settings of the connection string win over our defaults, except for the name and the session options, which ours precede. Of several hosts only the one
 * that takes writes is of use; the time to connect counts for each. The other times end a connection whose host has vanished without a word: before people give
 * up, and for a runner long before its leases end. */
static PGconn *open_connection(struct db *db, struct err *e) {
  static const char *const DEFAULTS[][2] = {{"keepalives_idle", "5"}, {"keepalives_interval", "2"}, {"tcp_user_timeout", "4000"}};
  __attribute__((cleanup(drop_options))) PQconninfoOption *o = PQconninfoParse(db->conninfo, NULL);
  if (!o) return err_set(e, FAIL_UNAVAILABLE, MSG_DB_CONNINFO), NULL; /* libpq's reason would quote parts of the password */
  struct pairs p = {.n = 0};
  char options[1024];
  bool several = strchr(nn(given(o, "host")), ',') || strchr(nn(given(o, "hostaddr")), ',');
  int n = snprintf(options, sizeof options, "-c statement_timeout=%d -c lock_timeout=2000 -c idle_in_transaction_session_timeout=30000 -c TimeZone=UTC -c plan_cache_mode=force_generic_plan %s",
                   db->statement_timeout_ms, nn(given(o, "options")));
  if (n < 0 || (size_t)n >= sizeof options) return err_set(e, FAIL_UNAVAILABLE, MSG_DB_CONNINFO), NULL;
  const char *connect_s = several ? (db->patient ? "4" : "2") : db->patient ? "10" : "3";
  if (!given(o, "connect_timeout")) pair(&p, "connect_timeout", connect_s);
  if (several && !given(o, "target_session_attrs")) pair(&p, "target_session_attrs", "read-write");
  for (size_t i = 0; i < sizeof DEFAULTS / sizeof *DEFAULTS; i++)
    if (!given(o, DEFAULTS[i][0])) pair(&p, DEFAULTS[i][0], DEFAULTS[i][1]);
  for (const PQconninfoOption *x = o; x->keyword; x++)
    if (x->val && *x->val && !streq(x->keyword, "options") && !streq(x->keyword, "application_name")) pair(&p, x->keyword, x->val);
  pair(&p, "options", options), pair(&p, "application_name", db->application);
  return PQconnectdbParams(p.key, p.value, 0);
}

static bool listen_again(struct db *db, struct err *e);

/* Between statements nothing is expected from the server but notifications and its end; an end that came meanwhile is seen here, not by the next statement. */
static void look_for_end(struct db *db) {
  struct pollfd p = {.fd = PQsocket(db->pg), .events = POLLIN};
  for (int i = 0; i < 8 && poll(&p, 1, 0) == 1; i++) /* a last message may come before the end */
    if (!PQconsumeInput(db->pg)) {
      log_info("db", "connection lost while idle");
      return;
    }
}

/* A server that does not even refuse costs each attempt its whole time; requests that come while it is so are refused at once, or they would queue up. */
static bool attempt(struct db *db, struct err *e) {
  int64_t began = clock_mono_ms();
  if (began < db->not_before) return unavailable(db, e);
  if (db->pg) PQreset(db->pg);
  else if (!(db->pg = open_connection(db, e))) return false;
  if (PQstatus(db->pg) == CONNECTION_OK) return true;
  if (clock_mono_ms() - began >= SLOW_REFUSAL_MS) db->not_before = clock_mono_ms() + SLOW_PAUSE_MS;
  return unavailable(db, e);
}

bool db_connect(struct db *db, struct err *e) {
  if (db->pg && PQstatus(db->pg) == CONNECTION_OK && !db->in_tx) look_for_end(db);
  if (db->pg && PQstatus(db->pg) == CONNECTION_OK) return true;
  if (db->in_tx) return unavailable(db, e); /* a new connection would run the rest of the transaction without its beginning */
  memset(db->prepared, 0, sizeof db->prepared);
  if (!attempt(db, e)) return false;
  PQsetNoticeReceiver(db->pg, notice, NULL);
  db->connections++;
  return listen_again(db, e);
}

bool db_alive(const struct db *db) { return db->pg && PQstatus(db->pg) == CONNECTION_OK; }
int db_socket(const struct db *db) { return db_alive(db) ? PQsocket(db->pg) : -1; }
unsigned db_connections(const struct db *db) { return db->connections; }
unsigned db_count(const struct db *db) { return db->count; }
void db_count_reset(struct db *db) { db->count = 0; }
unsigned db_written(const struct db *db) { return db->written; }
void db_set_read_only(struct db *db, bool ro) { db->read_only = ro; }
void db_set_patient(struct db *db, bool patient) { db->patient = patient; }
const char *db_constraint(const struct db *db) { return db->constraint; }
bool db_in_tx(const struct db *db) { return db->in_tx; }

static void clear_result(void *r) { PQclear(r); }

/* A migration changed the type of a column under a prepared statement (0A000), or somebody deallocated it (26000): nothing has happened. */
static bool plan_is_stale(const PGresult *r) {
  const char *state = r ? nn(PQresultErrorField(r, PG_DIAG_SQLSTATE)) : "";
  return streq(state, "0A000") || streq(state, "26000");
}

/* 25006: the server takes no writes any more, because another one took its place. The next statement looks for that one. */
static void leave(struct db *db) {
  PQfinish(db->pg);
  db->pg = NULL;
}

/* SQLSTATE to kind; the table of db.h. A result without a state is judged by the connection. */
static bool failed(struct db *db, const char *name, PGresult *r, struct err *e) {
  const char *state = r ? nn(PQresultErrorField(r, PG_DIAG_SQLSTATE)) : "";
  snprintf(db->constraint, sizeof db->constraint, "%s", r ? nn(PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME)) : "");
  enum err_kind kind = FAIL_BUG;
  enum msg key = MSG_INTERNAL_BUG;
  bool retry = false;
  if (PQstatus(db->pg) != CONNECTION_OK || !*state || str_starts(state, "08") || str_starts(state, "57P") || str_starts(state, "53") || streq(state, "25006")) kind = FAIL_UNAVAILABLE, key = MSG_DB_UNAVAILABLE, retry = true;
  else if (streq(state, "23505") || streq(state, "23503") || streq(state, "23P01")) kind = FAIL_CONFLICT, key = MSG_DB_CONFLICT;
  else if (str_starts(state, "22") || streq(state, "23514")) kind = FAIL_INVALID, key = MSG_DB_INVALID;
  else if (streq(state, "57014") || streq(state, "55P03")) kind = FAIL_TIMEOUT, key = MSG_DB_TIMEOUT, retry = true;
  else if (streq(state, "40001") || streq(state, "40P01")) kind = FAIL_UNAVAILABLE, key = MSG_DB_TIMEOUT, retry = true;
  else if (plan_is_stale(r)) kind = FAIL_UNAVAILABLE, key = MSG_DB_TIMEOUT, retry = true, db->stale = true; /* only inside a transaction is it not mended at once */
  err_set(e, kind, key);
  e->retry = retry;
  err_detail(e, "statement %s: SQLSTATE %s: %s", name, *state ? state : "none", r ? PQresultErrorMessage(r) : PQerrorMessage(db->pg));
  if (streq(state, "25006")) leave(db);
  return false;
}

static size_t slot(struct db *db, const struct stmt *q) {
  size_t i = ((uintptr_t)q >> 3) % MAX_PREPARED, n = 0;
  while (db->prepared[i] && db->prepared[i] != q && n++ < MAX_PREPARED) i = (i + 1) % MAX_PREPARED;
  BUG_ON(n >= MAX_PREPARED);
  return i;
}

static bool prepare_now(struct db *db, const struct stmt *q, struct err *e) {
  PGresult *r = PQprepare(db->pg, q->name, q->sql, 0, NULL);
  bool ok = r && PQresultStatus(r) == PGRES_COMMAND_OK;
  if (!ok) failed(db, q->name, r, e);
  PQclear(r);
  return ok;
}

static bool prepare(struct db *db, const struct stmt *q, struct err *e) {
  size_t i = slot(db, q);
  if (db->prepared[i]) return true;
  if (!prepare_now(db, q, e)) return false;
  db->prepared[i] = q;
  return true;
}

static PGresult *execute(struct db *db, const struct stmt *q, const char *const *args, size_t n) {
  db->count++, db->written += q->kind == STMT_WRITES;
  return PQexecPrepared(db->pg, q->name, (int)n, args, NULL, NULL, 0);
}

static bool good(const PGresult *r) { return r && (PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK); }

/* The table of prepared statements keeps its entry: when this fails, the next use finds 26000 and comes here again. */
static bool prepare_again(struct db *db, const struct stmt *q, struct err *e) {
  char sql[128];
  snprintf(sql, sizeof sql, "DEALLOCATE \"%s\"", q->name);
  PQclear(PQexec(db->pg, sql)); /* fails where it is gone already */
  return prepare_now(db, q, e);
}

static bool plain(struct db *db, const char *sql, const char *expect_tag, struct err *e);

static bool begin_now(struct db *db, const struct stmt *q, struct err *e) {
  if (!db->late || db->last || q->kind == STMT_READS) return true;
  return plain(db, "BEGIN", "BEGIN", e) && (db->late = false, true);
}

static PGresult *run(struct db *db, const struct stmt *q, const char *const *args, size_t n, struct err *e) {
  if (!db_connect(db, e) || !begin_now(db, q, e) || !prepare(db, q, e)) return NULL;
  PGresult *r = execute(db, q, args, n);
  if (!good(r) && (!db->in_tx || db->late) && plan_is_stale(r)) {
    PQclear(r);
    if (!prepare_again(db, q, e)) return NULL;
    r = execute(db, q, args, n);
  }
  if (good(r)) return r;
  failed(db, q->name, r, e);
  PQclear(r);
  return NULL;
}

/* A statement on a connection that has just been found dead is repeated once where nothing can have happened: outside a transaction, read-only. */
static PGresult *run_again(struct db *db, const struct stmt *q, const char *const *args, size_t n, struct err *e) {
  PGresult *r = run(db, q, args, n, e);
  if (r || db_alive(db) || db->in_tx || !db->read_only) return r;
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
  db->count++;
  PGresult *r = PQexec(db->pg, sql);
  bool ok = good(r);
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
  if (PQgetlength((PGresult *)r->res, i, c) == sizeof u.s - 1) memcpy(u.s, row_text(r, i, c), sizeof u.s - 1); /* a column of type uuid, printed by PostgreSQL */
  return u;
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

bool tx_begin_late(struct db *db, struct tx *t, struct err *e) {
  BUG_ON(db->in_tx);
  if (!db_connect(db, e)) return false;
  *t = (struct tx){db, true};
  return db->in_tx = db->late = true;
}

void tx_last(struct db *db) { db->last = db->late; }
bool tx_only_read(const struct db *db) { return db->in_tx && db->late; }

/* Whether anything has to be ended: a transaction that never began has not. */
static bool close_late(struct tx *t) {
  bool late = t->db->late;
  t->open = false, t->db->in_tx = t->db->late = t->db->last = false;
  return late;
}

/* Statements whose plans a migration made stale while the transaction ran: the repetition finds them prepared anew. */
static void forget_stale(struct db *db) {
  if (!db->stale) return;
  db->stale = false;
  PQclear(PQexec(db->pg, "DEALLOCATE ALL"));
  memset(db->prepared, 0, sizeof db->prepared);
}

bool tx_commit(struct tx *t, struct err *e) {
  BUG_ON(!t->open);
  if (close_late(t)) return forget_stale(t->db), true;
  bool ok = plain(t->db, "COMMIT", "COMMIT", e);
  forget_stale(t->db);
  return ok;
}

void tx_rollback(struct tx *t) {
  struct err ignored = ERR_INIT;
  if (!t->open || close_late(t) || !db_alive(t->db)) return;
  if (plain(t->db, "ROLLBACK", "ROLLBACK", &ignored)) {
    forget_stale(t->db);
    return;
  }
  log_err(LOG_LEVEL_WARN, "db", "rollback", &ignored);
  memset(t->db->prepared, 0, sizeof t->db->prepared);
  PQreset(t->db->pg); /* whatever state it was in, the next statement must not join it */
  if (!listen_again(t->db, &ignored)) log_err(LOG_LEVEL_WARN, "db", "listen", &ignored);
}

static bool listen_again(struct db *db, struct err *e) {
  char sql[80];
  if (!db->channel[0]) return true;
  snprintf(sql, sizeof sql, "LISTEN %s", db->channel);
  return plain(db, sql, "LISTEN", e);
}

bool db_listen(struct db *db, const char *channel, struct err *e) {
  if (!db_connect(db, e)) return false;
  snprintf(db->channel, sizeof db->channel, "%s", channel);
  return listen_again(db, e);
}

bool db_take_notifies(struct db *db) {
  bool any = false;
  if (!db_alive(db) || PQconsumeInput(db->pg) != 1) return false;
  for (PGnotify *n; (n = PQnotifies(db->pg)); PQfreemem(n)) any = true;
  return any;
}
