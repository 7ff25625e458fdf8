/* PostgreSQL through libpq: one connection per process, opened after fork; statements are named constants prepared on first use.
 *
 *     static const struct stmt Q_BY_ID = {"infra_by_id", "select uuid, name from infra where uuid = $1"};
 *     struct rows r;
 *     if (!db_query(db, a, &Q_BY_ID, &r, e, id.s)) return false;
 *
 * Parameters are text (NULL = SQL NULL); results are text and belong to the arena (PQclear is deferred to its reset).
 * SQLSTATE mapping is here only: 23505/23503/23P01 FAIL_CONFLICT, 22xxx/23514 FAIL_INVALID, 57014 FAIL_TIMEOUT, 40001/40P01 retry, class 08,
 * 57Pxx, 53xxx, 25006 FAIL_UNAVAILABLE. The constraint name is in db_constraint() after a FAIL_CONFLICT.
 * Lost connection: PQreset and prepared bitmap cleared at the next call; one automatic retry only outside a transaction when db->read_only.
 * Inside a transaction nothing reconnects: every call fails until its end. A plan made stale by a migration (0A000, 26000) is prepared again
 * once outside a transaction; inside, the transaction may be repeated (FAIL_UNAVAILABLE). The channel of db_listen is listened to again after a reconnect.
 */
#ifndef DB_DB_H
#define DB_DB_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/uuid.h"
struct arena; struct err; struct db;

/* What a statement does to the records, for transactions that begin late (tx_begin_late): STMT_READS takes no lock and needs no transaction of its own; STMT_NOTES
 * writes what nobody reads back in the same piece of work (events, evidence). */
enum stmt_kind { STMT_WRITES, STMT_READS, STMT_NOTES };
struct stmt { const char *name, *sql; enum stmt_kind kind; };
struct rows { void *res; int n; };

/* conninfo: libpq string. application_name, statement_timeout etc. (reference 81 section 6.1) are added here, and for several hosts
 * target_session_attrs=read-write. An attempt to connect that took long is not repeated within a second. */
struct db *db_new(const char *conninfo, const char *application, int statement_timeout_ms);
bool db_connect(struct db *db, struct err *e) __attribute__((warn_unused_result));   /* also after a loss */
void db_free(struct db *opt_db);
bool db_alive(const struct db *db);
int db_socket(const struct db *db);
unsigned db_connections(const struct db *db);   /* how often it was connected: changes with every loss, whoever noticed it */
/* Statements executed since the last reset of the counter (tests prove "one query per list"; logged per request). */
unsigned db_count(const struct db *db);
void db_count_reset(struct db *db);
/* Statements of kind STMT_WRITES ever executed: unchanged means that what was read before is still what is stored. */
unsigned db_written(const struct db *db);
void db_set_read_only(struct db *db, bool ro);
/* Patient, an attempt to connect may take ten seconds instead of three, for a server that is only
 * busy: where one person waits for this program alone, or nobody yet. Of several hosts four instead
 * of two for each: one that has vanished must not keep from the next. */
void db_set_patient(struct db *db, bool patient);

#define DB_ARGS_(...) (const char *const[]){NULL, ##__VA_ARGS__}, sizeof((const char *const[]){NULL, ##__VA_ARGS__}) / sizeof(char *) - 1
#define db_query(db, a, q, r, e, ...) db_query_n((db), (a), (q), (r), (e), DB_ARGS_(__VA_ARGS__))
/* For statements without interest in rows; *opt_affected gets the row count. */
#define db_exec(db, a, q, opt_affected, e, ...) db_exec_n((db), (a), (q), (opt_affected), (e), DB_ARGS_(__VA_ARGS__))
bool db_query_n(struct db *db, struct arena *a, const struct stmt *q, struct rows *r, struct err *e, const char *const *args_after_null, size_t n) __attribute__((warn_unused_result));
bool db_exec_n(struct db *db, struct arena *a, const struct stmt *q, int *opt_affected, struct err *e, const char *const *args_after_null, size_t n) __attribute__((warn_unused_result));
const char *db_constraint(const struct db *db);

/* Several statements in one string; migrations and test set-up only. */
bool db_script(struct db *db, const char *sql, struct err *e) __attribute__((warn_unused_result));

/* Row access: row i, column c. Text is "" for NULL unless row_null asks. Pointers live as long as the arena of the query. */
const char *row_text(const struct rows *r, int i, int c);
const char *row_opt(const struct rows *r, int i, int c);        /* NULL for SQL NULL */
bool row_null(const struct rows *r, int i, int c);
int64_t row_i64(const struct rows *r, int i, int c);            /* 0 for NULL */
int row_int(const struct rows *r, int i, int c);
double row_f64(const struct rows *r, int i, int c);
bool row_bool(const struct rows *r, int i, int c);
struct uuid row_uuid(const struct rows *r, int i, int c);
/* Times are selected as microseconds: USEC("created_at") in the column list. date_part, since extract() counts in numeric, which costs lists dearly; a double holds
 * today's seconds to a quarter of a microsecond, so the rounded product is exact until the year 2242. */
usec_t row_time(const struct rows *r, int i, int c);
#define USEC(col) "(date_part('epoch', " col ") * 1000000)::bigint"
/* text[] columns are selected as to_json(col)::text and read with codec/js; written as JSON with `array(select jsonb_array_elements_text($n::jsonb))`. */

/* Transactions do not nest. Leaving scope without tx_commit rolls back. */
struct tx { struct db *db; bool open; };
bool tx_begin(struct db *db, struct tx *t, struct err *e) __attribute__((warn_unused_result));
/* BEGIN is sent before the first statement that is not STMT_READS; a transaction whose only such statement is the one announced by tx_last costs neither BEGIN
 * nor COMMIT. After tx_last: that one statement, then tx_commit (or tx_rollback when it failed or changed nothing). */
bool tx_begin_late(struct db *db, struct tx *t, struct err *e) __attribute__((warn_unused_result));
void tx_last(struct db *db);
bool tx_only_read(const struct db *db);   /* nothing has been written in this transaction that began late */
bool tx_commit(struct tx *t, struct err *e) __attribute__((warn_unused_result));   /* false also when the server answers ROLLBACK */
void tx_rollback(struct tx *t);
static inline void cleanup_tx(struct tx *t) { if (t->open) tx_rollback(t); }
#define TX(name) __attribute__((cleanup(cleanup_tx))) struct tx name = {0}
bool db_in_tx(const struct db *db);

/* LISTEN hint: a lost notification costs at most one poll interval. */
bool db_listen(struct db *db, const char *channel, struct err *e) __attribute__((warn_unused_result));
bool db_take_notifies(struct db *db);   /* reads what is there without blocking; true if any came */
#endif
