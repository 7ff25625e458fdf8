/* People at the same time: two connections ask for things that exclude each other. Exactly one is done; the other is refused with a sentence, and nothing
 * more is changed than the one who came first would have changed alone. */
#include "races.h"

static void two_removals(void **s) {
  (void)s;
  if (!begin(true)) return;
  world_keep();
  excludes("removal and removal", removes, removes);
  excludes("removal and repair", removes, repairs);
  excludes("repair and repair", repairs, repairs);
}
static void a_removal_by_force_has_the_last_word(void **s) {
  (void)s;
  if (!begin(true)) return;
  world_keep();
  deed *const OTHER[] = {removes, removes_by_force, repairs};
  for (size_t i = 0; i < sizeof OTHER / sizeof *OTHER; i++)
    for (int k = 0; k < ROUNDS; k++) {
      world_again();
      at_once(removes_by_force, OTHER[i], k);
      assert_true(P[0].ok && (P[1].ok || P[1].e.kind == FAIL_CONFLICT));
      assert_string_equal(ask("select string_agg(kind || coalesce(input->>'force', ''), ' ') from operation where state in ('queued', 'running', 'failed')"), "cluster_removetrue");
      assert_int_equal(count("select count(*) from operation where state = 'superseded'"), P[1].ok);
      assert_int_equal(count("select count(distinct operation_id) from hold"), 1), assert_int_equal(count("select count(*) from work where not ended and class <> 'check'"), 1);
      if (k % 4 == 0) { assert_true(run_for(60, 5)); assert_true(buried(PARTY)); }
    }
}
static void what_has_failed_is_retried_by_one(void **s) {
  (void)s;
  if (!begin(false)) return;
  PARTY = create_cluster(9999);
  PLAN.seen = 0, PLAN.at = 3, PLAN.fault = STATUS_403;
  assert_true(run());
  OP = live_op(PARTY);
  assert_string_equal(op_state(PARTY), "failed");
  world_keep();
  excludes("retry and retry", retries, retries);
  world_again();
  OK(retries(W.db, A, &E));
  assert_true(run()), assert_int_equal(status_of(PARTY), PARTY_ACTIVE);
}
static void two_creations_of_the_same(void **s) {
  (void)s;
  if (!begin(false)) return;
  FORM = form(TYPE_CLUSTER, 9999, "fate-9999");
  world_keep();
  excludes("cluster and cluster of the same party", creates_cluster, creates_cluster);
  excludes("cluster and removal of its exchange", creates_cluster, removes_exchange);
  if (!world()) return;
  FORM_X = form(TYPE_EXCHANGE, 0, "ex");
  world_keep();
  excludes("exchange and exchange", creates_exchange, creates_exchange);
  excludes("exchange and removal of its endpoint", creates_exchange, removes_endpoint);
  excludes("removal and removal of an endpoint", removes_endpoint, removes_endpoint);
  excludes("removal and repair of an endpoint", removes_endpoint, repairs_endpoint);
}
static void a_federation_that_goes_takes_nobody_in(void **s) {
  (void)s;
  if (!begin(false)) return;
  FORM = form(TYPE_CLUSTER, 9999, "fate-9999");
  world_keep();
  excludes("removal and removal of a federation", removes_federation, removes_federation);
  for (int k = 0; k < ROUNDS; k++) {
    world_again();
    at_once(removes_federation, creates_cluster, k);
    assert_true(P[0].ok && (P[1].ok || P[1].e.kind == FAIL_CONFLICT)); /* who came before is removed with it */
    assert_true(run_for(150, 5));
    assert_int_equal(count("select count(*) from participant where deleted_at is null"), 0), assert_int_equal(objects_there(), 0);
    assert_int_equal(count("select count(*) from operation where state not in ('succeeded', 'superseded')"), 0);
  }
}

/* --- what is not there to be asked for --- */
static void what_does_not_fit_is_refused_and_changes_nothing(void **s) {
  (void)s;
  if (!begin(true)) return;
  const char *before = arena_strdup(A, rows());
  OP = live_op(PARTY); /* it succeeded */
  REFUSED(retries(W.db, A, &E), FAIL_CONFLICT); assert_int_equal(E.key, MSG_OP_STATE);
  REFUSED(cancels(W.db, A, &E), FAIL_CONFLICT); assert_int_equal(E.key, MSG_OP_STATE);
  OP = uuid_new();
  REFUSED(retries(W.db, A, &E), FAIL_NOT_FOUND);
  REFUSED(cancels(W.db, A, &E), FAIL_NOT_FOUND);
  REFUSED(participant_ops_delete(W.db, A, TYPE_EXCHANGE, PARTY, W.fed, true, "one", &E), FAIL_NOT_FOUND); /* another kind, another federation */
  REFUSED(participant_ops_delete(W.db, A, TYPE_CLUSTER, PARTY, uuid_new(), true, "one", &E), FAIL_NOT_FOUND);
  REFUSED(removes_exchange(W.db, A, &E), FAIL_CONFLICT); REFUSED(removes_endpoint(W.db, A, &E), FAIL_CONFLICT);
  assert_string_equal(rows(), before);
}

int main(void) {
  const struct CMUnitTest tests[] = {T(two_removals), T(a_removal_by_force_has_the_last_word), T(what_has_failed_is_retried_by_one), T(two_creations_of_the_same), T(a_federation_that_goes_takes_nobody_in),
                                     T(what_does_not_fit_is_refused_and_changes_nothing)};
  setenv("ENGINE_DB", "engine_races", 1);
  return cmocka_run_group_tests(tests, world_begin, world_end);
}
