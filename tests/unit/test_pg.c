/* The database layer against a real server: connection strings, losses, stale plans, error kinds, transactions, migrations side by side. */
#include "t.h"
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"

static const struct stmt Q_PID = {"p_pid", "select pg_backend_pid()"}, Q_KILL = {"p_kill", "select pg_terminate_backend($1::int, 5000)"}, Q_SHOW = {"p_show", "select current_setting($1)"},
                         Q_PUT = {"p_put", "insert into t (id, parent, n) values ($1, $2, $3)"}, Q_COUNT = {"p_count", "select count(*) from t"}, Q_N = {"p_n", "select n from t where id = $1"},
                         Q_TYPO = {"p_typo", "selct 1"}, Q_CAST = {"p_cast", "select $1::text::int"}, Q_SLEEP = {"p_sleep", "select pg_sleep(5)"}, Q_LOCK = {"p_lock", "select 1 from t where id = 1 for update"},
                         Q_UPDATE = {"p_update", "update t set n = n + 1 where id >= $1"}, Q_LOCKS = {"p_locks", "select count(*) from pg_locks where locktype = 'advisory'"}, Q_NOTIFY = {"p_notify", "select pg_notify('wake', '')"},
                         Q_VALUES = {"p_values", "select null::text, 'x'::text, 9223372036854775807::bigint, 1.5::float8, true, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid, " USEC("'2024-03-01T09:30:00.12345Z'::timestamptz") ", null::bigint"};

static struct db *db_with_table(const char *name) {
  struct db *db = test_db(name);
  if (db)
    OK(db_script(db, "create table t (id int constraint t_key primary key, parent int constraint t_parent references t deferrable, n int constraint t_small check (n < 10))", &E));
  return db;
}
static const char *show(struct db *db, const char *setting) {
  struct rows r = {0};
  OK(db_query(db, A, &Q_SHOW, &r, &E, setting));
  return row_text(&r, 0, 0);
}
static void kill_backend(struct db *db) {
  struct db *killer = db_new(getenv("TEST_DB"), "killer", 5000);
  struct rows r;
  OK(db_query(db, A, &Q_PID, &r, &E));
  OK(db_exec(killer, A, &Q_KILL, NULL, &E, row_text(&r, 0, 0)));
  db_free(killer);
}
static int count(struct db *db) {
  struct rows r = {0};
  OK(db_query(db, A, &Q_COUNT, &r, &E));
  return row_int(&r, 0, 0);
}

static void connection_strings_of_both_forms_keep_our_session_settings(void **s) {
  (void)s;
  const char *info = getenv("TEST_DB");
  if (!info) { skip(); return; }
  const char *dir = strchr(info, '=') + 1;
  char *uri = arena_fmt(A, "postgresql://fedlcm@/postgres?host=%%2F%.*s&options=-c%%20search_path%%3Dpg_catalog", (int)strcspn(dir + 1, " "), dir + 1);
  const char *const both[] = {uri, arena_fmt(A, "%s options='-c search_path=pg_catalog' application_name=other", info)};
  for (int i = 0; i < 2; i++) {
    struct db *db = db_new(both[i], "a b'c", 1234);
    OK(db_connect(db, &E));
    assert_string_equal(show(db, "search_path"), "pg_catalog"), assert_string_equal(show(db, "statement_timeout"), "1234ms"), assert_string_equal(show(db, "TimeZone"), "UTC");
    assert_string_equal(show(db, "application_name"), "a b'c");
    db_free(db);
  }
  struct db *bad = db_new("host=/x passwd secret", "unit", 1000);
  REFUSED(db_connect(bad, &E), FAIL_UNAVAILABLE);
  assert_int_equal(E.key, MSG_DB_CONNINFO), assert_null(strstr(E.detail, "secret")), assert_false(db_alive(bad)), assert_int_equal(db_socket(bad), -1);
  db_free(bad);
  struct db *nowhere = db_new("host=/nonexistent dbname=x", "unit", 1000);
  REFUSED(db_connect(nowhere, &E), FAIL_UNAVAILABLE); assert_true(E.retry);
  REFUSED(db_connect(nowhere, &E), FAIL_UNAVAILABLE);
  db_free(nowhere);
}
static void of_several_hosts_the_one_that_takes_writes_is_used(void **s) {
  (void)s;
  const char *info = getenv("TEST_DB");
  struct db *db = db_with_table("p_several"), *one;
  if (!db) return;
  const char *dir = arena_strndup(A, info + strlen("host="), strcspn(info + strlen("host="), " "));
  one = db_new(arena_fmt(A, "host=/nonexistent,%s dbname=p_several user=fedlcm", dir), "unit", 5000);
  OK(db_exec(one, A, &Q_PUT, NULL, &E, "1", NULL, "1"));
  db_free(one);
  OK(db_script(db, "alter database p_several set default_transaction_read_only = on", &E));
  const struct { const char *hosts, *more; bool taken; } CASE[] = {{dir, "", true}, {arena_fmt(A, "%s,%s", dir, dir), "", false}, {arena_fmt(A, "%s,%s", dir, dir), "target_session_attrs=any", true}, {dir, "target_session_attrs=read-write", false}};
  for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
    one = db_new(arena_fmt(A, "host=%s dbname=p_several user=fedlcm %s", CASE[i].hosts, CASE[i].more), "unit", 5000);
    if (CASE[i].taken) OK(db_connect(one, &E));
    else REFUSED(db_connect(one, &E), FAIL_UNAVAILABLE);
    db_free(one);
  }
  db_free(db);
}
static void a_server_that_takes_no_writes_any_more_is_left(void **s) {
  (void)s;
  struct db *db = db_with_table("p_demoted");
  if (!db) return;
  OK(db_script(db, "set default_transaction_read_only = on", &E));
  REFUSED(db_exec(db, A, &Q_PUT, NULL, &E, "1", NULL, "1"), FAIL_UNAVAILABLE); assert_true(E.retry), assert_false(db_alive(db));
  OK(db_exec(db, A, &Q_PUT, NULL, &E, "1", NULL, "1"));
  OK(db_script(db, "set default_transaction_read_only = on", &E));
  {
    TX(tx);
    OK(tx_begin(db, &tx, &E));
    REFUSED(db_exec(db, A, &Q_PUT, NULL, &E, "2", NULL, "1"), FAIL_UNAVAILABLE); REFUSED(tx_commit(&tx, &E), FAIL_UNAVAILABLE);
  }
  assert_int_equal(count(db), 1);
  db_free(db);
}
/* A server that is paused takes connections and says nothing. */
static int silent_server(char *dir, struct sockaddr_un *at) {
  at->sun_family = AF_UNIX;
  assert_non_null(mkdtemp(dir));
  snprintf(at->sun_path, sizeof at->sun_path, "%s/.s.PGSQL.5432", dir);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)at, sizeof *at), 0);
  assert_int_equal(listen(fd, 8), 0);
  return fd;
}
static void a_patient_program_gives_a_busy_server_ten_seconds(void **s) {
  (void)s;
  char dir[] = "/tmp/fpq.XXXXXX";
  struct sockaddr_un at = {0};
  int fd = silent_server(dir, &at);
  struct db *db = db_new(arena_fmt(A, "host=%s port=5432 dbname=x user=x", dir), "unit", 1000);
  db_set_patient(db, true);
  int64_t began = clock_mono_ms();
  REFUSED(db_connect(db, &E), FAIL_UNAVAILABLE);
  assert_true(clock_mono_ms() - began >= 8900); /* libpq counts whole seconds */
  db_free(db);
  close(fd);
  unlink(at.sun_path);
  rmdir(dir);
}
static void of_several_hosts_a_silent_one_does_not_hold_a_patient_program_for_long(void **s) {
  (void)s;
  char dir[] = "/tmp/fpq.XXXXXX";
  struct sockaddr_un at = {0};
  const char *info = getenv("TEST_DB");
  struct db *there = db_with_table("p_patient"); /* makes the database */
  if (!there) return;
  const char *second = arena_strndup(A, info + strlen("host="), strcspn(info + strlen("host="), " "));
  int fd = silent_server(dir, &at);
  struct db *db = db_new(arena_fmt(A, "host=%s,%s dbname=p_patient user=fedlcm", dir, second), "unit", 1000);
  db_set_patient(db, true);
  int64_t began = clock_mono_ms();
  OK(db_connect(db, &E));
  assert_in_range(clock_mono_ms() - began, 2900, 8900); /* libpq counts whole seconds; less than that of one host */
  db_free(db);
  db_free(there);
  close(fd);
  unlink(at.sun_path);
  rmdir(dir);
}
static void a_silent_server_is_asked_once_a_second(void **s) {
  (void)s;
  char dir[] = "/tmp/fpq.XXXXXX";
  struct sockaddr_un at = {0};
  int fd = silent_server(dir, &at);
  struct db *db = db_new(arena_fmt(A, "host=%s port=5432 dbname=x user=x connect_timeout=2", dir), "unit", 1000);
  int64_t began = clock_mono_ms();
  REFUSED(db_connect(db, &E), FAIL_UNAVAILABLE);
  int64_t first = clock_mono_ms() - began;
  REFUSED(db_connect(db, &E), FAIL_UNAVAILABLE); REFUSED(db_connect(db, &E), FAIL_UNAVAILABLE);
  assert_true(first >= 900), assert_true(clock_mono_ms() - began - first < 1800);
  close(fd), unlink(at.sun_path);
  usleep(1050000);
  began = clock_mono_ms();
  REFUSED(db_connect(db, &E), FAIL_UNAVAILABLE); REFUSED(db_connect(db, &E), FAIL_UNAVAILABLE); /* refused, not silent: no pause */
  assert_non_null(strstr(E.detail, "No such file")), assert_true(clock_mono_ms() - began < 1800);
  db_free(db), rmdir(dir);
}
static void a_transaction_never_continues_on_a_new_connection(void **s) {
  (void)s;
  struct db *db = db_with_table("p_tx");
  if (!db) return;
  {
    TX(tx);
    OK(tx_begin(db, &tx, &E)); OK(db_exec(db, A, &Q_PUT, NULL, &E, "1", NULL, "1"));
    kill_backend(db);
    REFUSED(db_exec(db, A, &Q_PUT, NULL, &E, "2", NULL, "1"), FAIL_UNAVAILABLE);
    REFUSED(db_exec(db, A, &Q_PUT, NULL, &E, "3", NULL, "1"), FAIL_UNAVAILABLE);
    REFUSED(db_script(db, "select 1", &E), FAIL_UNAVAILABLE);
    assert_true(db_in_tx(db));
    REFUSED(tx_commit(&tx, &E), FAIL_UNAVAILABLE);
    assert_false(db_in_tx(db));
  }
  assert_int_equal(count(db), 0);
  kill_backend(db);
  { /* BEGIN on a connection that has died meanwhile is repeated: nothing can have happened */
    TX(tx);
    OK(tx_begin(db, &tx, &E)); OK(db_exec(db, A, &Q_PUT, NULL, &E, "1", NULL, "1")); OK(tx_commit(&tx, &E));
  }
  { TX(tx); OK(tx_begin(db, &tx, &E)); OK(db_exec(db, A, &Q_PUT, NULL, &E, "9", NULL, "1")); } /* left without commit */
  assert_int_equal(count(db), 1);
  db_free(db);
}
static void commit_reports_what_the_server_rolled_back(void **s) {
  (void)s;
  struct db *db = db_with_table("p_commit");
  if (!db) return;
  {
    TX(tx);
    OK(tx_begin(db, &tx, &E)); OK(db_script(db, "set constraints all deferred", &E)); OK(db_exec(db, A, &Q_PUT, NULL, &E, "1", "77", "1"));
    REFUSED(tx_commit(&tx, &E), FAIL_CONFLICT);
    assert_string_equal(db_constraint(db), "t_parent");
  }
  {
    TX(tx);
    OK(tx_begin(db, &tx, &E)); OK(db_exec(db, A, &Q_PUT, NULL, &E, "1", NULL, "1"));
    REFUSED(db_exec(db, A, &Q_PUT, NULL, &E, "1", NULL, "1"), FAIL_CONFLICT);
    REFUSED(tx_commit(&tx, &E), FAIL_BUG);
  }
  assert_int_equal(count(db), 0);
  db_free(db);
}
static void stale_plans_are_prepared_again(void **s) {
  (void)s;
  struct db *db = db_with_table("p_plan"), *other;
  struct rows r;
  if (!db) return;
  other = db_new(arena_fmt(A, "%s dbname=p_plan", getenv("TEST_DB")), "unit", 5000);
  OK(db_exec(db, A, &Q_PUT, NULL, &E, "1", NULL, "5")); OK(db_query(db, A, &Q_N, &r, &E, "1"));
  OK(db_script(other, "alter table t alter n type bigint", &E));
  OK(db_query(db, A, &Q_N, &r, &E, "1")); assert_string_equal(row_text(&r, 0, 0), "5");
  OK(db_script(db, "deallocate all", &E));
  OK(db_query(db, A, &Q_N, &r, &E, "1")); OK(db_query(db, A, &Q_COUNT, &r, &E));
  OK(db_script(other, "alter table t alter n type smallint", &E));
  for (int i = 0; i < 2; i++) { /* inside a transaction the first one fails, and its repetition works */
    TX(tx);
    OK(tx_begin(db, &tx, &E));
    if (i) OK(db_query(db, A, &Q_N, &r, &E, "1"));
    else { REFUSED(db_query(db, A, &Q_N, &r, &E, "1"), FAIL_UNAVAILABLE); assert_true(E.retry); }
  }
  db_free(other), db_free(db);
}
static void every_error_class_has_its_kind(void **s) {
  (void)s;
  struct db *db = db_with_table("p_kinds"), *holder, *hasty;
  struct rows r;
  if (!db) return;
  OK(db_exec(db, A, &Q_PUT, NULL, &E, "1", NULL, "1"));
  REFUSED(db_exec(db, A, &Q_PUT, NULL, &E, "1", NULL, "1"), FAIL_CONFLICT); assert_string_equal(db_constraint(db), "t_key"); assert_false(E.retry);
  REFUSED(db_exec(db, A, &Q_PUT, NULL, &E, "2", "77", "1"), FAIL_CONFLICT); assert_string_equal(db_constraint(db), "t_parent");
  REFUSED(db_exec(db, A, &Q_PUT, NULL, &E, "2", NULL, "10"), FAIL_INVALID); assert_string_equal(db_constraint(db), "t_small");
  REFUSED(db_query(db, A, &Q_CAST, &r, &E, "x"), FAIL_INVALID); assert_string_equal(db_constraint(db), "");
  REFUSED(db_query(db, A, &Q_TYPO, &r, &E), FAIL_BUG); assert_non_null(strstr(E.detail, "42601")), assert_non_null(strstr(E.detail, "p_typo"));
  REFUSED(db_query(db, A, &Q_TYPO, &r, &E), FAIL_BUG);
  const char *info = arena_fmt(A, "%s dbname=p_kinds options='-c lock_timeout=50'", getenv("TEST_DB"));
  hasty = db_new(info, "unit", 100), holder = db_new(info, "unit", 5000);
  REFUSED(db_query(hasty, A, &Q_SLEEP, &r, &E), FAIL_TIMEOUT); assert_true(E.retry);
  {
    TX(tx);
    OK(tx_begin(holder, &tx, &E)); OK(db_query(holder, A, &Q_LOCK, &r, &E));
    REFUSED(db_query(hasty, A, &Q_LOCK, &r, &E), FAIL_TIMEOUT);
  }
  OK(db_query(hasty, A, &Q_LOCK, &r, &E));
  db_free(hasty), db_free(holder), db_free(db);
}
static void serialization_failures_may_be_repeated(void **s) {
  (void)s;
  struct db *db = db_with_table("p_serial"), *other;
  if (!db) return;
  other = db_new(arena_fmt(A, "%s dbname=p_serial", getenv("TEST_DB")), "unit", 5000);
  OK(db_exec(db, A, &Q_PUT, NULL, &E, "1", NULL, "1"));
  TX(tx);
  OK(tx_begin(db, &tx, &E)); OK(db_script(db, "set transaction isolation level repeatable read; select 1 from t", &E));
  OK(db_exec(other, A, &Q_UPDATE, NULL, &E, "1"));
  REFUSED(db_exec(db, A, &Q_UPDATE, NULL, &E, "1"), FAIL_UNAVAILABLE); /* 40001 */
  assert_true(E.retry);
  tx_rollback(&tx);
  db_free(other), db_free(db);
}
static void values_come_back_with_their_types(void **s) {
  (void)s;
  struct db *db = db_with_table("p_values");
  struct rows r;
  int n = -1;
  if (!db) return;
  OK(db_query(db, A, &Q_VALUES, &r, &E));
  assert_int_equal(r.n, 1), assert_true(row_null(&r, 0, 0)), assert_null(row_opt(&r, 0, 0)), assert_string_equal(row_text(&r, 0, 0), ""), assert_string_equal(row_opt(&r, 0, 1), "x");
  assert_true(row_i64(&r, 0, 2) == INT64_MAX), assert_true(row_f64(&r, 0, 3) == 1.5), assert_true(row_bool(&r, 0, 4)), assert_string_equal(row_uuid(&r, 0, 5).s, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
  assert_true(row_time(&r, 0, 6) == 1709285400123450LL), assert_true(row_time(&r, 0, 7) == 0), assert_true(uuid_none(row_uuid(&r, 0, 1)));
  OK(db_exec(db, A, &Q_PUT, &n, &E, "1", NULL, "1")); assert_int_equal(n, 1);
  OK(db_exec(db, A, &Q_PUT, &n, &E, "2", "1", NULL)); OK(db_exec(db, A, &Q_UPDATE, &n, &E, "1")); assert_int_equal(n, 2);
  OK(db_exec(db, A, &Q_UPDATE, &n, &E, "9")); assert_int_equal(n, 0);
  db_count_reset(db), count(db), count(db);
  assert_int_equal(db_count(db), 2);
  db_free(db);
}
static void listening_survives_a_lost_connection(void **s) {
  (void)s;
  struct db *db = db_with_table("p_listen"), *other;
  struct rows r;
  if (!db) return;
  other = db_new(arena_fmt(A, "%s dbname=p_listen", getenv("TEST_DB")), "unit", 5000);
  OK(db_listen(db, "wake", &E));
  assert_false(db_take_notifies(db));
  for (int i = 0; i < 2; i++) {
    OK(db_query(other, A, &Q_NOTIFY, &r, &E));
    bool got = false;
    for (int64_t end = clock_mono_ms() + 5000; !got && clock_mono_ms() < end; got = db_take_notifies(db)) poll(&(struct pollfd){db_socket(db), POLLIN, 0}, 1, 100);
    assert_true(got), assert_false(db_take_notifies(db));
    if (i) break;
    kill_backend(db);
    poll(&(struct pollfd){db_socket(db), POLLIN, 0}, 1, 5000), usleep(50000); /* the end is there, and nothing was sent since */
    unsigned before = db_connections(db);
    OK(db_query(db, A, &Q_COUNT, &r, &E)); /* so this one is not lost */
    assert_int_equal(db_connections(db), before + 1);
  }
  db_free(other), db_free(db);
}
static void two_migrators_apply_everything_once(void **s) {
  (void)s;
  struct db *db = test_db("p_migrate");
  struct rows r;
  pid_t child[3];
  if (!db) return;
  OK(db_script(db, "drop schema public cascade; create schema public", &E));
  for (int i = 0; i < 3; i++)
    if (!(child[i] = fork())) { /* a process of its own, as in life; opens its own connection */
      struct db *mine = db_new(arena_fmt(A, "%s dbname=p_migrate", getenv("TEST_DB")), "unit", 10000);
      int n = 0;
      _exit(migrate(mine, A, &n, &E) ? n : 99);
    }
  int applied = 0;
  for (int i = 0; i < 3; i++) {
    int st;
    assert_int_equal(waitpid(child[i], &st, 0), child[i]), assert_true(WIFEXITED(st) && WEXITSTATUS(st) != 99);
    applied += WEXITSTATUS(st);
  }
  assert_int_equal(applied, N_MIGRATIONS);
  int n = 9;
  OK(db_script(db, "insert into schema_migration (version, name, sha256) values (9999, '9999_future.sql', 'x')", &E));
  OK(migrate(db, A, &n, &E)); assert_int_equal(n, 0); OK(migrate_check(db, A, &E)); /* newer than this program: tolerated */
  assert_string_equal(show(db, "lock_timeout"), "2s"), assert_string_equal(show(db, "statement_timeout"), "10s");
  OK(db_query(db, A, &Q_LOCKS, &r, &E)); assert_int_equal(row_int(&r, 0, 0), 0);
  db_free(db);
}
int main(void) {
  const struct CMUnitTest t[] = {T(connection_strings_of_both_forms_keep_our_session_settings), T(of_several_hosts_the_one_that_takes_writes_is_used),
      T(a_server_that_takes_no_writes_any_more_is_left), T(a_silent_server_is_asked_once_a_second), T(a_patient_program_gives_a_busy_server_ten_seconds),
      T(of_several_hosts_a_silent_one_does_not_hold_a_patient_program_for_long), T(a_transaction_never_continues_on_a_new_connection), T(commit_reports_what_the_server_rolled_back), T(stale_plans_are_prepared_again),
      T(every_error_class_has_its_kind), T(serialization_failures_may_be_repeated), T(values_come_back_with_their_types), T(listening_survives_a_lost_connection), T(two_migrators_apply_everything_once)};
  return cmocka_run_group_tests(t, NULL, NULL);
}
