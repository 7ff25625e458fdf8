#include "t.h"
#include "model/event.h"
#include "model/session.h"
#include "model/user.h"

static const struct stmt Q_PID = {"t_pid", "select pg_backend_pid()"}, Q_KILL = {"t_kill", "select pg_terminate_backend($1::int, 5000)"}, Q_END = {"t_end", "select pg_terminate_backend(pg_backend_pid())"},
                         Q_END_ONCE = {"t_end_once", "select n from nextval('ends') n where n > 1 or pg_terminate_backend(pg_backend_pid())"}, Q_DUP = {"t_dup", "insert into setting (key, value) values ('k', $1)"},
                         Q_BAD = {"t_bad", "select 1 / ($1::int - 1)"}, Q_COUNT = {"t_count", "select count(*) from setting"};

static void migrations_apply_once_and_edited_history_is_refused(void **s) {
  (void)s;
  struct db *db = test_db("t_migrate");
  int n = 9;
  if (!db) return;
  OK(migrate(db, A, &n, &E)); assert_int_equal(n, 0);
  OK(migrate_check(db, A, &E));
  OK(db_script(db, "update schema_migration set sha256 = 'x' where version = 1", &E));
  REFUSED(migrate(db, A, &n, &E), FAIL_CONFLICT);
  OK(db_script(db, "delete from schema_migration", &E));
  REFUSED(migrate_check(db, A, &E), FAIL_UNAVAILABLE);
  db_free(db);
}
static void commit_after_a_failed_statement_is_a_failure(void **s) {
  (void)s;
  struct db *db = test_db("t_commit");
  struct rows r;
  if (!db) return;
  {
    TX(tx);
    OK(tx_begin(db, &tx, &E)); OK(db_exec(db, A, &Q_DUP, NULL, &E, "v"));
    REFUSED(db_query(db, A, &Q_BAD, &r, &E, "1"), FAIL_INVALID);
    REFUSED(tx_commit(&tx, &E), FAIL_BUG);
  }
  {
    TX(tx);
    OK(tx_begin(db, &tx, &E)); OK(db_exec(db, A, &Q_DUP, NULL, &E, "v"));
  }
  OK(db_query(db, A, &Q_COUNT, &r, &E)); assert_int_equal(row_int(&r, 0, 0), 0);
  OK(db_exec(db, A, &Q_DUP, NULL, &E, "v"));
  REFUSED(db_exec(db, A, &Q_DUP, NULL, &E, "v"), FAIL_CONFLICT);
  assert_string_equal(db_constraint(db), "setting_pkey");
  db_free(db);
}
/* A statement that ends its own connection was sent, and nobody knows what became of it; a connection that ended between two statements is made again. */
static void a_lost_connection_heals_outside_a_transaction(void **s) {
  (void)s;
  struct db *db = test_db("t_lost");
  struct rows r;
  if (!db) return;
  struct db *killer = db_new(getenv("TEST_DB"), "killer", 5000);
  REFUSED(db_exec(db, A, &Q_END, NULL, &E), FAIL_UNAVAILABLE);
  OK(db_query(db, A, &Q_COUNT, &r, &E));
  OK(db_query(db, A, &Q_PID, &r, &E));
  OK(db_exec(killer, A, &Q_KILL, NULL, &E, row_text(&r, 0, 0)));
  OK(db_query(db, A, &Q_COUNT, &r, &E));
  db_free(killer);
  db_free(db);
}
static void a_reader_never_notices_a_lost_connection(void **s) {
  (void)s;
  struct db *db = test_db("t_lost_reader");
  struct rows r;
  if (!db) return;
  OK(db_script(db, "create sequence ends", &E));
  db_set_read_only(db, true);
  OK(db_query(db, A, &Q_END_ONCE, &r, &E));
  assert_int_equal(row_int(&r, 0, 0), 2);
  db_free(db);
}
static void logins_sessions_and_throttling(void **s) {
  (void)s;
  struct db *db = test_db("t_login");
  struct user u;
  struct session se;
  const char *token, *token2;
  if (!db) return;
  OK(user_ensure_admin(db, A, "admin", true, &E)); OK(user_ensure_admin(db, A, "other", false, &E));
  OK(user_login(db, A, "Admin", "admin", "127.0.0.1", &u, &E)); assert_true(u.default_password), assert_int_equal(u.role, 3);
  OK(session_create(db, A, &u, false, "127.0.0.1", "t", &token, &E)); OK(session_create(db, A, &u, true, "127.0.0.1", "t", &token2, &E));
  OK(session_find(db, A, token, true, &se, &E)); assert_string_equal(se.user.name, "Admin"), assert_false(se.api);
  REFUSED(session_find(db, A, "a.b", true, &se, &E), FAIL_AUTH); REFUSED(session_find(db, A, arena_fmt(A, "%sx", token), true, &se, &E), FAIL_AUTH);
  REFUSED(user_set_password(db, A, u.id, "nope", "long enough 1", &E), FAIL_INVALID); REFUSED(user_set_password(db, A, u.id, "admin", "short", &E), FAIL_INVALID); REFUSED(user_set_password(db, A, u.id, "admin", "password", &E), FAIL_INVALID);
  OK(user_set_password(db, A, u.id, "admin", "long enough 1", &E));
  REFUSED(session_find(db, A, token2, true, &se, &E), FAIL_AUTH);
  for (int i = 0; i < 5; i++) REFUSED(user_login(db, A, "Admin", "wrong", "10.0.0.1", &u, &E), FAIL_AUTH);
  REFUSED(user_login(db, A, "Admin", "long enough 1", "10.0.0.2", &u, &E), FAIL_BUSY);
  assert_true(E.retry_after > 0);
  db_free(db);
}
static void idle_page_sessions_end_and_api_tokens_stay(void **s) {
  (void)s;
  struct db *db = test_db("t_idle");
  struct user u;
  struct session se;
  const char *page, *api;
  if (!db) return;
  OK(user_ensure_admin(db, A, "admin", true, &E)); OK(user_login(db, A, "Admin", "admin", "127.0.0.1", &u, &E));
  OK(session_create(db, A, &u, false, "", "", &page, &E)); OK(session_create(db, A, &u, true, "", "", &api, &E));
  OK(db_script(db, "update session set last_seen = now() - interval '61 minutes'", &E));
  REFUSED(session_find(db, A, page, true, &se, &E), FAIL_AUTH);
  OK(session_find(db, A, api, true, &se, &E));
  OK(db_script(db, "update session set expires_at = now()", &E));
  REFUSED(session_find(db, A, api, true, &se, &E), FAIL_AUTH);
  db_free(db);
}
static void events_keep_their_sentences(void **s) {
  (void)s;
  struct db *db = test_db("t_event");
  struct uuid id = uuid_new();
  struct event *v;
  size_t n;
  if (!db) return;
  OK(event_add(db, A, id, 2, 0, false, "Admin", TEXT(MSG_FILE_READ, "a\"b", "集"), &E)); OK(event_add(db, A, id, 2, 0, true, "Admin", TEXT(MSG_DB_TIMEOUT), &E));
  OK(event_list(db, A, id, 0, 0, &v, &n, &E)); assert_int_equal(n, 2), assert_string_equal(v[0].level, "Error"), assert_string_equal(v[1].cls, "file.read");
  assert_non_null(strstr(text_stored_en(A, v[1].cls, v[1].args), "a\"b"));
  assert_string_equal(text_stored_en(A, "gone.key", "[]"), "gone.key");
  db_free(db);
}
int main(void) {
  const struct CMUnitTest t[] = {T(migrations_apply_once_and_edited_history_is_refused), T(commit_after_a_failed_statement_is_a_failure), T(a_lost_connection_heals_outside_a_transaction), T(a_reader_never_notices_a_lost_connection), T(logins_sessions_and_throttling), T(idle_page_sessions_end_and_api_tokens_stay), T(events_keep_their_sentences)};
  return cmocka_run_group_tests(t, NULL, NULL);
}
