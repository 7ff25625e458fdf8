/* KubeFATE killed over a job and started again with its database: the row of the job keeps the status that it had, and nobody works on it. Every operation that
 * meets such a row comes to an end, and the truth is told. */
#include "engine_world.h"

static bool is_over(void) {
  if (run_for(120, 5)) return true;
  print_error("%s\n", ask("select string_agg(concat_ws(' ', o.kind, o.state, o.cause, o.evidence_class, o.evidence_args, w.step, w.memo, w.attempt, now(), w.run_at, w.lease_until), chr(10)) from operation o join work w on w.ref = o.id where w.class = 'operation'"));
  return false;
}

static void a_removal_asks_again_when_a_deletion_stands_still(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  assert_true(run());
  F.dies_in = "ClusterDelete";
  remove_party(x, TYPE_EXCHANGE, false);
  assert_true(is_over());
  assert_string_equal(op_state(x), "succeeded"), assert_true(buried(x));
  assert_int_equal(jobs_of("ClusterDelete"), 2), assert_false(F.rel[0].helm);
}
static void and_it_asks_within_a_minute(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  assert_true(run());
  F.dies_in = "ClusterDelete";
  remove_party(x, TYPE_EXCHANGE, false);
  assert_true(run_for(13, 5)), assert_true(buried(x));
}
static void a_push_that_stands_still_is_sent_again(void **s) {
  (void)s;
  if (!world()) return;
  create_exchange();
  assert_true(run());
  F.dies_in = "ClusterUpdate";
  struct uuid c = create_cluster(9999);
  assert_true(is_over());
  assert_int_equal(status_of(c), PARTY_ACTIVE), assert_int_equal(jobs_of("ClusterUpdate"), 2), assert_int_equal(F.overlaps, 0);
  assert_int_equal(count("select count(*) from operation where kind = 'routes_push' and state <> 'succeeded'"), 0);
}
/* FACTS: Helm refuses to update what is pending; KubeFATE rolls it back then, and with it the table. */
static void a_push_that_died_over_a_written_table_leaves_a_whole_release(void **s) {
  (void)s;
  if (!world()) return;
  create_exchange();
  assert_true(run());
  F.dies_in = "ClusterUpdate", F.dies_late = true;
  struct uuid c = create_cluster(9999);
  assert_true(is_over());
  assert_int_equal(status_of(c), PARTY_ACTIVE), assert_false(F.rel[0].half), assert_int_equal(jobs_of("ClusterUpdate"), 3), assert_non_null(strstr(F.table, "9999"));
  assert_int_equal(count("select count(*) from operation where kind = 'routes_push' and state <> 'succeeded'"), 0);
}
/* The same with a KubeFATE that has forgotten the release: the table is in place, and the traffic server reads it. */
static void a_push_that_died_with_its_database_is_over_when_the_table_is_in_place(void **s) {
  (void)s;
  if (!world()) return;
  create_exchange();
  assert_true(run());
  F.dies_in = "ClusterUpdate", F.dies_late = true;
  struct uuid c = create_cluster(9999);
  for (int i = 0; i < 40 && !jobs_of("ClusterUpdate"); i++) {
    while (one_claim("t/0")) {}
    tick(1);
  }
  fake_forget();
  assert_true(is_over());
  assert_int_equal(status_of(c), PARTY_ACTIVE), assert_int_equal(jobs_of("ClusterUpdate"), 1);
  assert_int_equal(count("select count(*) from operation where kind = 'routes_push' and state = 'succeeded'"), 1), assert_int_equal(count("select count(*) from event where class = 'event.pushed'"), 1), assert_int_equal(count("select count(*) from event where class = 'routes.forgotten'"), 1);
}
/* FACTS: the first update of all that fails has nothing to go back to and stays Failed. */
static void an_update_that_stays_failed_is_in_nobodys_way(void **s) {
  (void)s;
  if (!world()) return;
  create_exchange();
  assert_true(run());
  F.dies_in = "ClusterUpdate";
  create_cluster(9999);
  for (int i = 0; i < 40 && F.jobs < 3; i++) {
    while (one_claim("t/0")) {}
    if (jobs_of("ClusterUpdate")) F.job[F.jobs - 1].status = "Failed";
    tick(1);
  }
  assert_true(is_over());
  assert_int_equal(jobs_of("ClusterUpdate"), 2);
  assert_int_equal(count("select count(*) from operation where state <> 'succeeded'"), 0);
}
static void a_release_that_stays_half_made_is_no_deployment(void **s) {
  (void)s;
  if (!world()) return;
  F.dies_in = "ClusterInstall";
  struct uuid x = create_exchange();
  assert_true(is_over());
  assert_string_equal(op_state(x), "failed"), assert_int_equal(status_of(x), PARTY_FAILED), assert_int_equal(events(x, "party.half-made"), 1);
  assert_int_equal(jobs_of("ClusterInstall"), 1); /* what is half made is not installed over */
  F.job[0].status = "Pending"; /* it died in Helm's part, where nothing can be stopped */
  remove_party(x, TYPE_EXCHANGE, true);
  for (int i = 0; i < 3; i++) {
    while (one_claim("t/0")) {}
    tick(7);
  }
  assert_int_equal(count("select count(*) from operation where kind = 'exchange_remove' and state = 'running' and evidence_class = 'cause.stopping'"), 1);
  assert_true(run_for(10, 5));
  assert_true(buried(x)), assert_false(F.rel[0].helm);
}
static void what_helm_had_finished_is_a_deployment(void **s) {
  (void)s;
  if (!world()) return;
  F.dies_in = "ClusterInstall";
  struct uuid x = create_exchange();
  for (int i = 0; i < 20 && !F.rels; i++) {
    while (one_claim("t/0") && !F.rels) {}
    tick(1);
  }
  F.rel[0].half = false; /* it was killed while it waited for the pods */
  assert_true(is_over());
  assert_string_equal(op_state(x), "succeeded"), assert_int_equal(status_of(x), PARTY_ACTIVE), assert_int_equal(events(x, "event.own-eyes"), 1);
  create_cluster(9999); /* and its routes can be changed, although its install job reads Running for ever */
  assert_true(is_over());
  assert_int_equal(count("select count(*) from operation where state <> 'succeeded'"), 0);
}
static void a_job_that_nobody_is_there_to_stop_is_stopped(void **s) {
  (void)s;
  if (!world()) return;
  F.dies_in = "ClusterInstall";
  struct uuid x = create_exchange();
  for (int i = 0; i < 3; i++) {
    while (one_claim("t/0")) {}
    tick(1);
  }
  OK(op_cancel(W.db, A, live_op(x), "tester", &E));
  assert_true(is_over());
  assert_string_equal(op_state(x), "cancelled"), assert_int_equal(events(x, "event.stopped"), 1);
}
/* --- an hour and more passes while nobody looks: KubeFATE ends an install after one (reference 10 section 11.3), and takes away what it had made --- */
static struct uuid nobody_looks_for_two_hours(const char *status, bool stands) {
  struct uuid x = create_exchange();
  for (int i = 0; i < 20 && !F.rels; i++) {
    while (one_claim("t/0") && !F.rels) {}
    tick(1);
  }
  die();
  tick(7200);
  F.job[0].status = status, F.job[0].looks = 3, F.rel[0].half = false, F.rel[0].there = F.rel[0].helm = stands;
  return x;
}
static void what_came_about_meanwhile_is_seen_although_the_time_is_over(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = nobody_looks_for_two_hours("Success", true);
  assert_true(is_over());
  assert_string_equal(op_state(x), "succeeded"), assert_int_equal(status_of(x), PARTY_ACTIVE), assert_int_equal(jobs_of("ClusterInstall"), 1);
}
static void what_kubefate_gave_up_meanwhile_has_failed_and_is_installed_anew(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = nobody_looks_for_two_hours("Failed", false);
  assert_true(is_over());
  assert_string_equal(op_state(x), "failed"), assert_int_equal(events(x, "party.job-failed"), 1);
  OK(op_retry(W.db, A, live_op(x), "tester", &E));
  assert_true(is_over());
  assert_string_equal(op_state(x), "succeeded"), assert_int_equal(status_of(x), PARTY_ACTIVE), assert_int_equal(jobs_of("ClusterInstall"), 2), assert_int_equal(F.doubles, 0);
}
static void what_still_runs_after_the_time_is_over_fails_with_what_it_waits_for(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = nobody_looks_for_two_hours("Running", true);
  F.job[0].frozen = F.unready = true;
  assert_true(is_over());
  assert_string_equal(op_state(x), "failed");
  assert_int_equal(count("select count(*) from operation where error_class <> '' and next_action <> ''"), 1);
}
/* Its release stays with Helm alone; the next steps find no cluster to delete, and take what is left themselves. */
static void a_removal_does_not_wait_for_a_table_that_nobody_can_change(void **s) {
  (void)s;
  if (!world()) return;
  create_exchange();
  assert_true(run());
  struct uuid c = create_cluster(9999);
  assert_true(run());
  assert_int_equal(status_of(c), PARTY_ACTIVE);
  for (int i = 0; i < F.rels; i++) F.rel[i].forgotten = true;
  for (int i = 0; i < F.jobs; i++) F.job[i].forgotten = true;
  remove_party(c, TYPE_CLUSTER, false);
  assert_true(run_for(20, 2)); /* rounds of two seconds */
  assert_string_equal(op_state(c), "succeeded"), assert_true(buried(c)), assert_int_equal(events(c, "routes.forgotten"), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {T(a_removal_asks_again_when_a_deletion_stands_still), T(and_it_asks_within_a_minute), T(a_push_that_stands_still_is_sent_again), T(a_push_that_died_over_a_written_table_leaves_a_whole_release), T(a_push_that_died_with_its_database_is_over_when_the_table_is_in_place), T(an_update_that_stays_failed_is_in_nobodys_way),
                                     T(a_release_that_stays_half_made_is_no_deployment), T(what_helm_had_finished_is_a_deployment), T(a_job_that_nobody_is_there_to_stop_is_stopped),
                                     T(what_came_about_meanwhile_is_seen_although_the_time_is_over), T(what_kubefate_gave_up_meanwhile_has_failed_and_is_installed_anew), T(what_still_runs_after_the_time_is_over_fails_with_what_it_waits_for),
                                     T(a_removal_does_not_wait_for_a_table_that_nobody_can_change)};
  setenv("ENGINE_DB", "engine_dead", 1);
  return cmocka_run_group_tests(tests, world_begin, world_end);
}
