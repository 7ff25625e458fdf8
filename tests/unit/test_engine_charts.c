/* Charts of the store on their way into KubeFATE: who needs one there waits for it, many share one upload, and what cannot be done says so. */
#include "engine_world.h"
#include "deploy/chart_ops.h"
#include "tgz_make.h"

static struct uuid chart(int id) {
  struct uuid u;
  assert_true(uuid_parse(ask(arena_fmt(A, "select uuid from chart where id = %d", id)), &u));
  return u;
}
static void store(int id, const char *more) {
  size_t n;
  unsigned char *p = chart_make(id == 1 ? "fate-exchange" : "fate", "v1.11.1", more, &n);
  OK(chart_ops_store(W.db, A, chart(id), p, n, "tester", &E));
}
static int there(void) {
  int n = 0;
  for (int i = 0; i < F.charts; i++) n += F.chart[i].there;
  return n;
}
static long uploads(const char *state) { return count(arena_fmt(A, "select count(*) from operation where kind = 'chart_upload' and state = '%s'", state)); }

static void without_an_archive_kubefate_is_asked_nothing(void **s) {
  (void)s;
  if (!world()) return;
  create_exchange();
  assert_true(run());
  assert_int_equal(F.charts, 0), assert_int_equal(count("select count(*) from operation where kind = 'chart_upload'"), 0);
}
static void deployments_at_once_share_one_upload(void **s) {
  (void)s;
  if (!world()) return;
  store(1, "kind: B\n"), store(2, "kind: B\n");
  struct uuid x = create_exchange(), c[3];
  assert_true(run());
  for (int i = 0; i < 3; i++) c[i] = create_cluster(9990 + i);
  assert_true(run());
  assert_int_equal(status_of(x), PARTY_ACTIVE);
  for (int i = 0; i < 3; i++) assert_int_equal(status_of(c[i]), PARTY_ACTIVE);
  assert_int_equal(F.charts, 2), assert_int_equal(there(), 2), assert_int_equal(uploads("failed") + uploads("superseded"), 0);
}
/* Two charts for one endpoint go one after the other; what became of the first is not the second one's concern. */
static void another_charts_failure_is_nobody_elses(void **s) {
  (void)s;
  if (!world()) return;
  store(1, "kind: B\n"), store(2, "kind: B\n");
  F.garbles = true;
  OK(chart_ops_give(W.db, A, W.endpoint, chart(2), "tester", &E));
  run_sql("update work set run_at = now() + interval '1 hour' where workflow = 'chart_upload'");
  struct uuid x = create_exchange();
  for (int i = 0; i < 50 && !streq(ask("select cause from operation where kind = 'exchange_create'"), "chart"); i++) assert_true(one_claim("t/0") || (tick(1), true));
  run_sql("update work set run_at = now() where workflow = 'chart_upload'");
  for (int i = 0; i < 200 && !uploads("failed"); i++) assert_true(one_claim("t/0") || (tick(1), true));
  F.garbles = false;
  assert_int_equal(uploads("failed"), 1), assert_string_equal(op_state(x), "running");
  assert_true(run());
  assert_int_equal(status_of(x), PARTY_ACTIVE), assert_int_equal(uploads("superseded"), 1), assert_int_equal(uploads("succeeded"), 1);
}
static void who_waits_says_on_what(void **s) {
  (void)s;
  if (!world()) return;
  store(1, "kind: B\n");
  create_exchange();
  for (int i = 0; i < 20 && !streq(ask("select cause from operation where kind = 'exchange_create'"), "chart"); i++) assert_true(one_claim("t/0") || (tick(1), true));
  assert_string_equal(ask("select evidence_class || evidence_args::text from operation where kind = 'exchange_create'"), "cause.chart[\"fate-exchange\", \"v1.11.1\"]");
  assert_true(run());
}
/* Another one uploaded a chart of that name, or the store has a new one: KubeFATE is told again; what is right already is not sent. */
static void what_differs_is_sent_again(void **s) {
  (void)s;
  if (!world()) return;
  store(1, "kind: B\n");
  struct uuid x = create_exchange();
  assert_true(run());
  for (int round = 0; round < 3; round++) {
    remove_party(x, TYPE_EXCHANGE, false);
    assert_true(run());
    run_sql("update endpoint_chart set seen_at = seen_at - interval '1 minute'");
    if (round == 1) store(1, "kind: C\n");
    if (round == 2) *strstr(F.chart[1].json, "a: {{") = 'b';
    x = create_exchange();
    assert_true(run());
    assert_int_equal(status_of(x), PARTY_ACTIVE), assert_int_equal(F.charts, round + 1), assert_int_equal(there(), 1);
  }
}
static void a_kubefate_that_lost_its_charts_gets_them_again(void **s) {
  (void)s;
  if (!world()) return;
  store(1, "kind: B\n");
  struct uuid x = create_exchange();
  assert_true(run());
  remove_party(x, TYPE_EXCHANGE, false);
  assert_true(run());
  fake_forget(), run_sql("update endpoint_chart set seen_at = seen_at - interval '1 minute'");
  x = create_exchange();
  assert_true(run());
  assert_int_equal(status_of(x), PARTY_ACTIVE), assert_int_equal(F.charts, 2), assert_int_equal(there(), 1);
}
static void what_kubefate_does_not_keep_fails_with_its_sentence(void **s) {
  (void)s;
  if (!world()) return;
  store(1, "kind: B\n");
  F.garbles = true;
  struct uuid x = create_exchange();
  assert_true(run());
  assert_int_equal(F.charts, 3), assert_int_equal(uploads("failed"), 1), assert_int_equal(jobs_of("ClusterInstall"), 0);
  assert_string_equal(op_state(x), "failed"), assert_string_equal(ask("select error_class from operation where kind = 'exchange_create'"), "chart.not-kept");
  F.garbles = false;
  OK(op_retry(W.db, A, live_op(x), "tester", &E));
  assert_true(run());
  assert_int_equal(status_of(x), PARTY_ACTIVE), assert_int_equal(F.charts, 4), assert_int_equal(uploads("superseded"), 1), assert_int_equal(uploads("succeeded"), 1);
}
/* The reason comes a moment after the status. */
static void a_chart_that_cannot_be_fetched_is_said_to_be_missing(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  while (!jobs_of("ClusterInstall")) assert_true(one_claim("t/0") || (tick(1), true));
  F.job[0].status = "Failed", F.job[0].looks = 4, F.job[0].last = "create Cluster in DB Success", F.rel[0].there = F.rel[0].helm = false;
  while (one_claim("t/0")) {}
  tick(1);
  while (one_claim("t/0")) {}
  assert_string_equal(op_state(x), "running");
  F.job[0].last = "helm install error, looks like \\\"http://10.0.0.9\\\" is not a valid Chart repository or cannot be reached: connection refused";
  assert_true(run());
  assert_string_equal(op_state(x), "failed"), assert_string_equal(ask("select error_class || (error_args->>0) from operation"), "party.no-chartfate-exchange");
  store(1, "kind: B\n");
  OK(op_retry(W.db, A, live_op(x), "tester", &E));
  assert_true(run());
  assert_int_equal(status_of(x), PARTY_ACTIVE), assert_int_equal(F.charts, 1);
}
static void an_archive_taken_out_of_the_store_is_waited_for_no_more(void **s) {
  (void)s;
  if (!world()) return;
  store(1, "kind: B\n");
  struct uuid x = create_exchange();
  while (!uploads("queued") && !uploads("running")) assert_true(one_claim("t/0") || (tick(1), true));
  OK(chart_ops_drop(W.db, A, chart(1), &E));
  assert_true(run());
  assert_int_equal(status_of(x), PARTY_ACTIVE), assert_int_equal(F.charts, 0), assert_int_equal(uploads("succeeded"), 1);
}
static void an_upload_that_failed_is_in_no_removals_way(void **s) {
  (void)s;
  if (!world()) return;
  store(1, "kind: B\n");
  F.garbles = true;
  OK(chart_ops_give(W.db, A, W.endpoint, chart(1), "tester", &E));
  REFUSED(chart_ops_give(W.db, A, W.endpoint, chart(1), "tester", &E), FAIL_CONFLICT); /* it is under way */
  assert_true(run());
  assert_int_equal(uploads("failed"), 1);
  OK(endpoint_ops_delete(W.db, A, W.endpoint, true, false, "tester", &E));
  REFUSED(chart_ops_give(W.db, A, W.endpoint, chart(1), "tester", &E), FAIL_CONFLICT); /* it goes */
  assert_true(run());
  assert_int_equal(count("select count(*) from endpoint"), 0), assert_int_equal(uploads("superseded"), 1), assert_int_equal(count("select count(*) from endpoint_chart"), 0);
}
static void without_an_archive_nothing_is_given(void **s) {
  (void)s;
  if (!world()) return;
  REFUSED(chart_ops_give(W.db, A, W.endpoint, chart(1), "tester", &E), FAIL_NOT_FOUND);
  REFUSED(chart_ops_give(W.db, A, uuid_new(), chart(1), "tester", &E), FAIL_NOT_FOUND);
  assert_int_equal(count("select count(*) from operation"), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {T(without_an_archive_kubefate_is_asked_nothing), T(deployments_at_once_share_one_upload), T(another_charts_failure_is_nobody_elses), T(who_waits_says_on_what), T(what_differs_is_sent_again), T(a_kubefate_that_lost_its_charts_gets_them_again),
                                     T(what_kubefate_does_not_keep_fails_with_its_sentence), T(a_chart_that_cannot_be_fetched_is_said_to_be_missing), T(an_archive_taken_out_of_the_store_is_waited_for_no_more), T(an_upload_that_failed_is_in_no_removals_way), T(without_an_archive_nothing_is_given)};
  setenv("ENGINE_DB", "engine_charts", 1);
  return cmocka_run_group_tests(tests, world_begin, world_end);
}
