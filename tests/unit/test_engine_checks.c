/* What health checks say of a party or an endpoint that stays broken, but for another reason than it began with. */
#include "engine_world.h"

static void look(void) {
  run_sql("update work set run_at = now() where class = 'check'");
  while (one_claim("t/0")) {}
}
static const char *trouble(const char *table, struct uuid id) { return ask(arena_fmt(A, "select error_class from %s where uuid = '%s'", table, id.s)); }
static long version(const char *table, struct uuid id) { return count(arena_fmt(A, "select row_version from %s where uuid = '%s'", table, id.s)); }

static void a_broken_party_says_what_is_wrong_now(void **s) {
  (void)s;
  if (!world()) return;
  W.checks = true;
  struct uuid x = create_exchange();
  assert_true(run());
  look(); /* its workloads are known */
  F.unready = true;
  look();
  assert_int_equal(status_of(x), PARTY_FAILED), assert_string_equal(trouble("participant", x), "check.bad");
  long v = version("participant", x);
  look(); /* nothing new: nobody's page is made anew */
  assert_int_equal(version("participant", x), v);
  F.vanished = true;
  look();
  assert_int_equal(status_of(x), PARTY_FAILED), assert_string_equal(trouble("participant", x), "check.gone");
  assert_int_equal(version("participant", x), v + 1), assert_int_equal(events(x, "check.gone"), 1);
  /* To and fro: the page follows, the events do not fill up. */
  for (int i = 0; i < 3; i++) {
    F.vanished = false;
    look();
    assert_string_equal(trouble("participant", x), "check.bad");
    F.vanished = true;
    look();
    assert_string_equal(trouble("participant", x), "check.gone");
  }
  assert_int_equal(events(x, "check.bad"), 1), assert_int_equal(events(x, "check.gone"), 1);
  F.vanished = F.unready = false;
  look();
  assert_int_equal(status_of(x), PARTY_ACTIVE), assert_string_equal(trouble("participant", x), ""), assert_int_equal(events(x, "event.back"), 1);
  F.unready = true; /* another trouble, another event */
  look();
  assert_int_equal(status_of(x), PARTY_FAILED), assert_int_equal(events(x, "check.bad"), 2);
}
static bool every_call(void) { return true; }
static void a_look_that_is_missed_once_says_nothing(void **s) {
  (void)s;
  if (!world()) return;
  W.checks = true;
  struct uuid x = create_exchange();
  assert_true(run());
  F.unready = true;
  for (int i = 0; i < 4; i++) look();
  assert_string_equal(trouble("participant", x), "check.bad");
  PLAN.hits = every_call, PLAN.fault = NOT_SENT;
  look();
  assert_string_equal(trouble("participant", x), "check.bad");
  PLAN.hits = NULL, PLAN.fault = NO_FAULT;
  look();
  assert_int_equal(count("select count(*) from event where level = 'Error'"), 1);
  PLAN.hits = every_call, PLAN.fault = NOT_SENT;
  look(), look();
  assert_int_equal(status_of(x), PARTY_FAILED), assert_string_not_equal(trouble("participant", x), "check.bad"), assert_int_equal(count("select count(*) from event where level = 'Error'"), 2);
  PLAN.hits = NULL, PLAN.fault = NO_FAULT, F.unready = false;
  look();
  assert_int_equal(status_of(x), PARTY_ACTIVE);
}
static bool every_kubefate_call(void) { return strstr(F.pending->path, "/proxy/") != NULL; }
static void a_broken_endpoint_says_what_is_wrong_now(void **s) {
  (void)s;
  if (!world()) return;
  W.checks = true;
  struct uuid x = create_exchange();
  assert_true(run());
  assert_int_equal(status_of(x), PARTY_ACTIVE);
  run_sql("with h as (insert into health_check (target_type, target) select 'endpoint', uuid from endpoint returning id) insert into work (class, ref, workflow) select 'check', id, 'endpoint_check' from h");
  PLAN.hits = every_kubefate_call, PLAN.fault = STATUS_403;
  for (int i = 0; i < 3; i++) look();
  const char *first = trouble("endpoint", W.endpoint);
  assert_int_equal(count("select status from endpoint"), EP_UNAVAILABLE), assert_int_equal(events(W.endpoint, first), 1);
  PLAN.fault = STATUS_500;
  for (int i = 0; i < 3; i++) look();
  const char *second = trouble("endpoint", W.endpoint);
  assert_string_not_equal(first, second), assert_int_equal(events(W.endpoint, second), 1);
  assert_string_equal(second, ask("select way_class from endpoint")); /* the status and the last look say the same */
  PLAN.hits = NULL, PLAN.fault = NO_FAULT;
  look();
  assert_int_equal(count("select status from endpoint"), EP_READY), assert_int_equal(events(W.endpoint, "event.back"), 1);
}

/* Seconds until the next look at a party, after one. */
static long next_look(struct uuid id) {
  look();
  return count(arena_fmt(A, "select extract(epoch from w.run_at - now())::int from work w join health_check h on h.id = w.ref where w.class = 'check' and h.target = '%s'", id.s));
}
static void many_targets_are_looked_at_more_rarely(void **s) {
  (void)s;
  if (!world()) return;
  W.checks = true;
  struct uuid x = create_exchange();
  assert_true(run());
  long few = next_look(x);
  W.en.targets = 1000;
  long many = next_look(x);
  assert_true(few >= 10 && few <= 15), assert_true(many >= 38 && many <= 43);
  W.conf.check_s = 100;
  long rare = next_look(x);
  W.en.targets = 1, W.conf.check_s = 2;
  long often = next_look(x);
  W.conf.check_s = 12;
  assert_true(rare >= 98 && rare <= 113), assert_true(often >= 1 && often <= 3);
}
/* Milliseconds until the next try of an operation whose call fails for the nth time. */
static long next_try(int n) {
  for (int i = 0; i < n; i++) {
    run_sql("update work set run_at = now() where class = 'operation'");
    while (one_claim("t/0")) {}
  }
  return count("select extract(epoch from run_at - now()) * 1000 from work where class = 'operation' and not ended");
}
static void tries_come_more_rarely_up_to_a_setting(void **s) {
  (void)s;
  if (!world()) return;
  create_exchange();
  PLAN.hits = every_call, PLAN.fault = STATUS_500;
  long first = next_try(1), later = next_try(6);
  W.conf.retry_s = 2;
  long bounded = next_try(1);
  W.conf.retry_s = 16, PLAN.hits = NULL, PLAN.fault = NO_FAULT;
  assert_true(first > 0 && first <= 1300), assert_in_range(later, 14000, 20000), assert_in_range(bounded, 1000, 2500);
}
/* Seconds for which a cluster that refused so many calls is left alone. */
static long left_alone(int calls) {
  for (int i = 0; i < calls; i++) {
    run_sql("update work set run_at = now() where class = 'operation'; update infra set circuit_until = case when circuit_until is null then null else now() - interval '1 second' end");
    while (one_claim("t/0")) {}
  }
  return count("select coalesce(extract(epoch from circuit_until - now())::int, 0) from infra");
}
static void a_dead_cluster_is_left_alone_up_to_a_setting(void **s) {
  (void)s;
  if (!world()) return;
  create_exchange();
  PLAN.hits = every_call, PLAN.fault = NOT_SENT;
  long opened = left_alone(3), later = left_alone(4);
  W.conf.circuit_s = 7;
  long bounded = left_alone(1);
  W.conf.circuit_s = 100;
  long longer = left_alone(1);
  W.conf.circuit_s = 30, PLAN.hits = NULL, PLAN.fault = NO_FAULT;
  assert_in_range(opened, 3, 6), assert_in_range(later, 28, 31), assert_in_range(bounded, 5, 8), assert_in_range(longer, 90, 101);
}

int main(void) {
  const struct CMUnitTest tests[] = {T(a_broken_party_says_what_is_wrong_now), T(a_look_that_is_missed_once_says_nothing), T(a_broken_endpoint_says_what_is_wrong_now), T(many_targets_are_looked_at_more_rarely),
    T(tries_come_more_rarely_up_to_a_setting), T(a_dead_cluster_is_left_alone_up_to_a_setting)};
  setenv("ENGINE_DB", "engine_checks", 1);
  return cmocka_run_group_tests(tests, world_begin, world_end);
}
