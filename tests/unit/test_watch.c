/* Waiting works that stay with their runner (deploy/watch.h): as long as the answers say the same nothing is stored; what changes, is stopped, or is not ours any
 * more is noticed; and nothing is left behind. */
#include "engine_world.h"
#include "deploy/watch.h"

static int looks, jobs_polled;
static struct work *parked(void) {
  for (struct work *w = W.en.all; w; w = w->next)
    if (w->watch.parked) return w;
  return NULL;
}
/* The answers to what the watch asks, until it asks nothing more now. */
static void turn(void) {
  struct work *p = parked();
  if (p) p->watch.look[0].due_ms = W.en.watching.ask_ms = W.en.watching.asked_ms = 0;
  watch_turn(&W.en);
  while (F.pending->w) {
    struct work *w = F.pending->w;
    jobs_polled += strstr(F.pending->path, "/v1/job/") != NULL, looks++;
    struct reply r = fake_answer();
    forget_call();
    if (!watch_reply(w, &r)) drive_reply(w, &r);
  }
}
static const char *stored(void) { return ask("select md5(coalesce((select string_agg(w::text, '') from work w), '') || coalesce((select string_agg(o::text, '') from operation o), '') || (select count(*)::text from event))"); }
/* An exchange whose job takes `slow` looks longer, watched. */
static struct uuid waiting(int slow) {
  struct uuid x = create_exchange();
  memset(&W.en.watching, 0, sizeof W.en.watching);
  W.en.watching.on = true, looks = jobs_polled = 0;
  assert_true(one_claim("t/0"));
  assert_non_null(parked());
  F.job[0].looks = -slow, F.job[0].status = "Running";
  turn(); /* the status has changed: a look in full, and the watch goes on */
  assert_non_null(parked());
  return x;
}
static void over(void) { W.en.watching.on = false; }

static void equal_answers_store_nothing(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = waiting(20);
  const char *before = stored();
  unsigned statements = db_count(W.db);
  for (int i = 0; i < 10; i++) turn();
  assert_true(looks >= 10), assert_true(db_count(W.db) == statements);
  assert_string_equal(stored(), before);
  assert_int_equal(W.en.watching.parked, 1), assert_int_equal(W.en.in_flight, 0);
  for (int i = 0; i < 20 && parked(); i++) turn();
  assert_null(parked());
  over();
  assert_true(run()), assert_int_equal(status_of(x), PARTY_ACTIVE), assert_int_equal(jobs_of("ClusterInstall"), 1);
  assert_int_equal(W.en.watching.parked, 0), assert_int_equal(W.en.in_flight, 0);
}
static step_see *read_by_step;
static int parsed;
static bool counted(struct arena *a, bool raw, const struct reply *r, struct glimpse *g) { return parsed++, read_by_step(a, raw, r, g); }
static void an_answer_with_the_same_text_is_not_parsed(void **s) {
  (void)s;
  if (!world()) return;
  waiting(50);
  struct step st = *parked()->st;
  read_by_step = st.see, st.see = counted, parked()->st = &st, parsed = 0;
  for (int i = 0; i < 5; i++) turn();
  assert_true(looks >= 5), assert_int_equal(parsed, 0), assert_ptr_equal(parked()->st, &st);
  parked()->watch.look[0].text++; /* as if the one before had read otherwise */
  turn();
  assert_int_equal(parsed, 1), assert_ptr_equal(parked()->st, &st);
  turn();
  assert_int_equal(parsed, 1); /* the new text is kept */
  over(), die();
  F.job[0].looks = 0;
  assert_true(run());
}
static void what_is_watched_keeps_its_lease(void **s) {
  (void)s;
  struct claim c;
  int n;
  if (!world()) return;
  waiting(50);
  for (int i = 0; i < 5; i++) {
    run_sql("update work set lease_until = lease_until - interval '20 s' where not ended and lease_until is not null");
    W.en.watching.renew_ms = 0;
    turn();
    OK(store_claim(W.db, A, "t/1", 30, 1, &c, &n, NULL, &E)); assert_int_equal(n, 0);
  }
  assert_int_equal(W.en.watching.parked, 1);
  over(), die();
  assert_int_equal(W.en.watching.parked, 0), assert_int_equal(W.en.in_flight, 0);
  F.job[0].looks = 0;
  assert_true(run()), assert_int_equal(jobs_of("ClusterInstall"), 1);
}
static void what_is_taken_over_is_dropped(void **s) {
  (void)s;
  struct claim c;
  int n;
  if (!world()) return;
  waiting(50);
  run_sql("update work set lease_until = now() - interval '1 s' where not ended");
  OK(store_claim(W.db, A, "t/1", 30, 1, &c, &n, NULL, &E)); assert_int_equal(n, 1);
  const char *before = stored();
  for (int i = 0; i < 3; i++) turn(); /* questions do no harm */
  assert_string_equal(stored(), before);
  W.en.watching.renew_ms = 0;
  turn();
  assert_null(parked()), assert_int_equal(W.en.in_flight, 0), assert_string_equal(stored(), before);
  over();
  F.job[0].looks = 0;
  drive(work_new(&W.en, c.id, c.token)), answer_calls();
  assert_true(run()), assert_int_equal(jobs_of("ClusterInstall"), 1);
}
static void a_wish_to_stop_is_seen_at_once(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = waiting(50);
  OK(op_cancel(W.db, A, live_op(x), "tester", &E));
  W.en.watching.look = true;
  turn();
  assert_null(parked());
  over();
  assert_true(run()), assert_string_equal(op_state(x), "cancelled"), assert_string_equal(F.job[0].status, "Canceled");
}
static void a_failing_call_ends_the_watch(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = waiting(50);
  struct work *w = parked();
  w->watch.look[0].due_ms = W.en.watching.ask_ms = W.en.watching.asked_ms = 0;
  watch_turn(&W.en);
  assert_non_null(F.pending->w);
  struct reply r = failing(LOST_BEFORE);
  forget_call();
  assert_true(watch_reply(w, &r));
  PLAN.fault = LOST_BEFORE, PLAN.at = PLAN.seen + 1; /* and so does the look in full */
  answer_calls();
  assert_null(parked());
  assert_true(count(arena_fmt(A, "select count(*) from operation where subject = '%s' and evidence_class like 'net.%%'", x.s)) == 1);
  over();
  F.job[0].looks = 0;
  assert_true(run()), assert_int_equal(status_of(x), PARTY_ACTIVE);
}
static uint64_t of(const char *text) { return watch_hash(text, strlen(text)); }
static void answers_that_only_count_along_are_the_same(void **s) {
  (void)s;
  assert_true(of("{\"metadata\":{\"resourceVersion\":\"41\"},\"items\":[]}") == of("{\"metadata\":{\"resourceVersion\":\"1042\"},\"items\":[]}"));
  assert_true(of("[\"helm install Success\",\"checkout Cluster status [9]\"]") == of("[\"helm install Success\",\"checkout Cluster status [10]\"]"));
  static const char *const OTHERS[] = {"", "x", "{\"n\":1}", "{\"n\":2}", "{\"n\":\"\"}", "{\"n\":\"1a\"}", "{\"n\":\"2a\"}", "{\"n\":\"a1\"}", "{\"n\":\"a2\"}", "[]", "[\"1\"", "[\"2", "[1", "[2", "[1,2]", "[1,3]", "\"1]", "\"2]"};
  for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
    for (size_t k = 0; k < i; k++) assert_true(of(OTHERS[i]) != of(OTHERS[k]));
}

/* Time goes by for what is parked. */
static void later(int ms) {
  struct work *p = parked();
  assert_non_null(p);
  run_sql(arena_fmt(W.scratch, "update work set step_deadline = step_deadline - interval '%d ms' where not ended", ms));
  p->sent_ms -= ms, p->watch.full_ms -= ms, p->watch.look[0].due_ms -= ms, p->watch.look[1].due_ms -= ms;
}
static void what_no_gist_tells_is_looked_for_soon_and_then_every_minute(void **s) {
  int full = 0, last = 0, early = 0;
  (void)s;
  if (!world()) return;
  waiting(5000);
  F.unready = true;
  bool pods_seen = false;
  for (int age = 1; age <= 300; age++) {
    later(1000);
    int64_t before = parked()->watch.full_ms;
    turn();
    assert_non_null(parked());
    pods_seen = pods_seen || parked()->watch.look[1].path;
    if (age == 8) assert_true(pods_seen);
    arena_reset(W.scratch);
    if (parked()->watch.full_ms == before) continue;
    assert_true(age - last <= 62);
    full++, last = age, early += age <= 60;
  }
  print_message("%d looks in full in five minutes, %d in the first\n", full, early);
  assert_in_range(early, 4, 6), assert_in_range(full, 7, 10);
  over();
  F.job[0].looks = 0, F.unready = false;
  assert_true(run());
}

/* However many are watched, a runner asks no more often than it has time for; the next question is known without looking through them. */
static void many_that_wait_are_asked_more_rarely(void **s) {
  (void)s;
  if (!world()) return;
  waiting(50);
  for (int many = 1; many <= 1000; many *= 10) {
    int others = many - 1;
    W.en.watching.parked += others;
    turn();
    int64_t now = clock_mono_ms(), pause = parked()->watch.look[0].due_ms - now;
    assert_true(pause <= (many == 1000 ? 4000 : 1000)), assert_true(pause > (many == 1000 ? 3500 : 500));
    assert_true(watch_due(&W.en) == parked()->watch.look[0].due_ms || watch_due(&W.en) == W.en.watching.renew_ms);
    int before = looks;
    watch_turn(&W.en); /* nothing is due */
    assert_null(F.pending->w), assert_int_equal(looks, before);
    W.en.watching.parked -= others;
  }
  over();
  F.job[0].looks = 0;
  assert_true(run());
}

/* The number of the design: fifty statements a deployment and minute, of which jobs of minutes leave a hundred and more for all that is not waiting. */
static void a_deployment_costs_few_statements(void **s) {
  enum { MOST = 126 };
  (void)s;
  if (!world()) return;
  create_exchange();
  assert_true(run());
  struct uuid c = create_cluster(9999);
  unsigned from = db_count(W.db), ticks = 0;
  for (int i = 0; i < 60 && count(LIVE); i++) {
    unsigned aside = db_count(W.db);
    tick(2);
    ticks += db_count(W.db) - aside + 2; /* and the count above, twice with the loop's */
    for (;;) {
      unsigned before = db_count(W.db);
      if (getenv("STATEMENTS")) print_message("%s: %u\n", ask("select string_agg(o.kind || ' ' || w.step || ' ' || w.memo, '; ') from work w join operation o on o.id = w.ref where not w.ended"), before - from - ticks), ticks++;
      if (!one_claim("t/0")) { ticks++; break; }
    }
  }
  assert_int_equal(status_of(c), PARTY_ACTIVE);
  unsigned n = db_count(W.db) - from - ticks;
  print_message("%u statements for a cluster and the push of its route\n", n);
  assert_true(n <= MOST);
}

int main(void) {
  const struct CMUnitTest tests[] = {T(equal_answers_store_nothing), T(an_answer_with_the_same_text_is_not_parsed), T(what_is_watched_keeps_its_lease), T(what_is_taken_over_is_dropped), T(a_wish_to_stop_is_seen_at_once), T(a_failing_call_ends_the_watch), T(answers_that_only_count_along_are_the_same), T(what_no_gist_tells_is_looked_for_soon_and_then_every_minute), T(many_that_wait_are_asked_more_rarely), T(a_deployment_costs_few_statements)};
  return cmocka_run_group_tests(tests, world_begin, world_end);
}
