/* The circuit breaker's two statements: what a failure, a success and the trial call do to the row, also with two callers at once. */
#include "t.h"
#include "model/infra.h"

static struct db *DB;
static struct uuid LAB;
static const struct stmt Q_PAST = {"t_past", "update infra set circuit_until = now() - interval '1 second' where uuid = $1"};

static bool begin(void) {
  DB = test_db("circuit");
  if (!DB) return false;
  LAB = uuid_new();
  OK(db_script(DB, arena_fmt(A, "insert into infra (uuid, name, kubeconfig_secret, config_sha256, kubeconfig_shown, api_host, auth_kind) values ('%s', 'lab', null, 'x', '', 'https://h', 'token')", LAB.s), &E));
  return true;
}
static struct infra row(void) {
  struct infra i = {0};
  OK(infra_get(DB, A, LAB, &i, &E));
  return i;
}
static bool fails(int after) {
  bool changed = false;
  OK(infra_circuit(DB, A, LAB, false, "net.refused", "[\"h\",\"x\"]", after, 30, &changed, &E));
  return changed;
}
static bool answers(void) {
  bool changed = true;
  OK(infra_circuit(DB, A, LAB, true, "", "[]", 3, 30, &changed, &E));
  return changed;
}
static bool trial(struct db *db) {
  bool mine = false;
  OK(infra_circuit_try(db, A, LAB, 30, &mine, &E));
  return mine;
}

static void the_third_failure_in_a_row_opens_it(void **s) {
  (void)s;
  if (!begin()) return;
  long version = row().version;
  assert_false(fails(3)), assert_false(fails(3));
  struct infra i = row();
  assert_int_equal(i.circuit_failures, 2), assert_int_equal(i.circuit_since, 0), assert_int_equal(i.circuit_until, 0), assert_string_equal(i.circuit_class, "net.refused"), assert_string_equal(i.circuit_args, "[\"h\", \"x\"]");
  assert_false(answers());
  assert_int_equal(row().circuit_failures, 0);
  assert_false(fails(3)), assert_false(fails(3)), assert_true(fails(3));
  i = row();
  assert_int_equal(i.circuit_failures, 3), assert_true(i.circuit_since > 0), assert_true(i.circuit_until - i.circuit_since == 30000000);
  usec_t since = i.circuit_since;
  assert_false(fails(3)); /* it stays open, since the same moment, for as long again */
  i = row();
  assert_int_equal(i.circuit_failures, 4), assert_int_equal(i.circuit_since, since), assert_true(i.circuit_until > since + 30000000);
  struct infra *all;
  size_t n;
  OK(infra_list(DB, A, &all, &n, &E));
  assert_int_equal(n, 1), assert_int_equal(all[0].circuit_failures, 4), assert_string_equal(all[0].circuit_class, "net.refused"), assert_int_equal(all[0].circuit_since, since);
  assert_true(answers()), assert_false(answers());
  i = row();
  assert_int_equal(i.circuit_failures, 0), assert_int_equal(i.circuit_since, 0), assert_int_equal(i.circuit_until, 0), assert_string_equal(i.circuit_class, ""), assert_string_equal(i.circuit_args, "[]");
  assert_int_equal(i.version, version);
  db_free(DB);
}
static void one_caller_gets_the_trial(void **s) {
  (void)s;
  if (!begin()) return;
  assert_false(trial(DB)); /* closed */
  assert_true(fails(1)), assert_false(trial(DB)); /* open, its time is not over */
  OK(db_exec(DB, A, &Q_PAST, NULL, &E, LAB.s));
  struct db *other = db_new(arena_fmt(A, "%s dbname=circuit", getenv("TEST_DB")), "unit", 10000);
  assert_true(trial(other)), assert_false(trial(DB)), assert_false(trial(other));
  bool changed;
  OK(infra_circuit(DB, A, uuid_new(), false, "x", "[]", 1, 30, &changed, &E)); /* deleted meanwhile */
  assert_false(changed);
  db_free(other), db_free(DB);
}

int main(void) {
  const struct CMUnitTest tests[] = {T(the_third_failure_in_a_row_opens_it), T(one_caller_gets_the_trial)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
