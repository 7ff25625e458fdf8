/* People ask while others write the same rows: nobody is turned away because of a deadlock, and a stop that was accepted stops. */
#include "races.h"

static void what_has_failed_is_retried_or_removed(void **s) {
  (void)s;
  if (!begin(false)) return;
  PARTY = create_cluster(9999);
  PLAN.seen = 0, PLAN.at = 3, PLAN.fault = STATUS_403;
  assert_true(run());
  OP = live_op(PARTY);
  world_keep();
  excludes("removal and retry", removes, retries);
}

/* --- a stop while the last answer is being kept --- */
static struct fake_call *LAST;
/* The runner's own writes take some milliseconds, so that the person comes into the middle of them. */
static void slow(bool on) { run_sql(on ? "set fedlcm.slow = 'on'" : "set fedlcm.slow = 'off'"), SECOND_WAITS_US = on ? 50000 : 0; }
static bool ends(struct db *db, struct arena *a, struct err *e) {
  (void)db, (void)a, (void)e;
  struct work *w = LAST->w;
  struct reply r = fake_answer();
  forget_call();
  drive_reply(w, &r);
  return true;
}
static bool last_call(void) { return strstr(F.pending->path, "/configmaps/nginx-config") != NULL; }
static void a_stop_comes_before_the_end_or_after_it(void **s) {
  int before = 0, after = 0;
  (void)s;
  if (!connect_people()) return;
  world_keep();
  for (int k = 0; k < 3 * ROUNDS; k++) {
    struct claim c;
    int n;
    world_again();
    struct uuid x = create_exchange();
    for (int i = 0; i < 500 && !(F.pending->w && last_call()); i++) {
      if (F.pending->w) { LAST = F.pending; ends(NULL, NULL, NULL); continue; }
      OK(store_claim(W.db, A, "t/0", 30, 1, &c, &n, NULL, &E));
      if (n) drive(work_new(&W.en, c.id, c.token));
      else tick(2);
    }
    assert_non_null(F.pending->w);
    OP = live_op(x), LAST = F.pending;
    slow(true), at_once(ends, cancels, k), slow(false);
    bool stopped = P[1].ok;
    assert_true(stopped || P[1].e.kind == FAIL_CONFLICT);
    answer_calls();
    assert_true(run());
    const char *state = op_state(x);
    before += stopped, after += !stopped;
    if (stopped != streq(state, "cancelled")) print_error("%s, and the operation is %s\n", stopped ? "somebody stopped it" : "the stop was refused", state);
    assert_string_equal(state, stopped ? "cancelled" : "succeeded");
    assert_int_equal(status_of(x), stopped ? PARTY_FAILED : PARTY_ACTIVE);
  }
  print_message("stopped in time %d times, too late %d times\n", before, after);
}

/* --- people while a runner keeps an answer --- */
/* Leaves the operation of the subject with its nth call on its way. */
static bool up_to_call(int n) {
  struct claim c;
  int claimed, seen = 0;
  for (int i = 0; i < 500 && count(LIVE); i++) {
    if (F.pending->w && ++seen == n) return true;
    LAST = F.pending;
    if (F.pending->w) { ends(NULL, NULL, NULL); continue; }
    OK(store_claim(W.db, A, "t/0", 30, 1, &c, &claimed, NULL, &E));
    if (claimed) drive(work_new(&W.en, c.id, c.token));
    else tick(2);
  }
  return false;
}
/* Whoever is the victim: the person gets 503, the runner loses what it had done. The server counts with up to a second of delay. */
static long deadlocks(void) {
  usleep(1200000);
  for (int i = 0; i < 2; i++) OK(db_script(P[i].db, "select 1", &E));
  run_sql("select 1");
  return count("select deadlocks from pg_stat_database where datname = current_database()");
}
static void nobody_is_turned_away_because_a_runner_writes(void **s) {
  static const struct { const char *what; deed *does; } ASKED[] = {{"removal by force", removes_by_force}, {"stop", cancels}};
  (void)s;
  if (!begin(false)) return;
  world_keep();
  long before = deadlocks();
  for (size_t d = 0; d < sizeof ASKED / sizeof *ASKED; d++)
    for (int k = 0; k < 4 * ROUNDS; k++) {
      world_again();
      PARTY = create_cluster(9999), OP = live_op(PARTY);
      if (!up_to_call(1 + k % 16)) continue;
      LAST = F.pending;
      slow(true), at_once(ends, ASKED[d].does, k), slow(false);
      if (!P[1].ok) print_error("%s during call %d: %s [%s]\n", ASKED[d].what, 1 + k % 16, err_message(&P[1].e, A), P[1].e.detail);
      assert_true(P[1].ok || P[1].e.kind == FAIL_CONFLICT);
      answer_calls();
      if (d == 0) { assert_true(run_for(100, 5)); assert_true(buried(PARTY)); }
      else assert_true(run());
    }
  assert_int_equal(deadlocks() - before, 0);
}

/* --- the order of locks: record, work, operation --- */
static struct { struct claim c; volatile bool over; } TURN;
static void *one_turn(void *arg) {
  (void)arg;
  if (TURN.c.id) drive(work_new(&W.en, TURN.c.id, TURN.c.token));
  else ends(NULL, NULL, NULL);
  return TURN.over = true, NULL;
}
static bool somebody_waits(void) {
  struct rows r = {0};
  OK(db_query(P[1].db, P[1].a, &Q_TEXT, &r, &E, "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"));
  bool waits = !streq(row_text(&r, 0, 0), "0");
  arena_reset(P[1].a);
  return waits;
}
/* Somebody has the work and asks for its operation next: a runner that came at this moment does not have it. */
static bool turn_with_the_work_taken(const char *what) {
  int n = 0;
  pthread_t runner;
  TURN.c.id = 0, TURN.over = false, LAST = F.pending;
  if (!F.pending->w) OK(store_claim(W.db, A, "t/0", 30, 1, &TURN.c, &n, NULL, &E));
  if (!F.pending->w && !n) return false;
  long id = F.pending->w ? F.pending->w->id : TURN.c.id, op = count(arena_fmt(A, "select ref from work where id = %ld and class = 'operation'", id));
  OK(db_script(P[0].db, arena_fmt(A, "begin; select from work where id = %ld for update", id), &E));
  assert_int_equal(pthread_create(&runner, NULL, one_turn, NULL), 0);
  while (!TURN.over && !somebody_waits()) usleep(1000);
  bool got = db_script(P[0].db, arena_fmt(A, "select from operation where id = %ld for update nowait", op), &E);
  if (!got) print_error("%s: %s\n", what, E.detail);
  assert_true(db_script(P[0].db, "rollback", &E));
  pthread_join(runner, NULL);
  assert_true(got);
  return true;
}
static void turns(const char *what) {
  for (int i = 0; i < 300 && count(LIVE); i++)
    if (!turn_with_the_work_taken(what)) tick(2);
  assert_int_equal(count(LIVE), 0);
}
static void a_runner_takes_the_work_before_the_operation(void **s) {
  (void)s;
  if (!connect_people()) return;
  struct uuid x = create_exchange();
  turns("installation");
  PARTY = create_cluster(9999);
  assert_true(up_to_call(6));
  OP = live_op(PARTY);
  OK(op_cancel(W.db, A, OP, "one", &E));
  turns("a stop");
  assert_string_equal(op_state(PARTY), "cancelled");
  remove_party(PARTY, TYPE_CLUSTER, true);
  turns("removal by force");
  remove_party(x, TYPE_EXCHANGE, false);
  turns("removal");
  assert_true(buried(x));
}

/* A repair supersedes the update of routes that failed; somebody retries that just now, and has its work. */
static void who_supersedes_takes_the_work_before_the_operation(void **s) {
  (void)s;
  if (!begin(true)) return;
  OK(participant_ops_push(W.db, A, W.fed, "one", &E));
  PLAN.seen = 0, PLAN.at = 2, PLAN.fault = STATUS_403;
  assert_true(run());
  long push = count("select coalesce((select id from operation where kind = 'routes_push' and state = 'failed'), 0)");
  assert_true(push > 0);
  OK(participant_ops_repair(W.db, A, TYPE_CLUSTER, PARTY, W.fed, "one", &E));
  int waited = 0;
  pthread_t runner;
  for (int i = 0; i < 300 && count(LIVE); i++) {
    int n = 0;
    TURN.c.id = 0, TURN.over = false, LAST = F.pending;
    if (!F.pending->w) OK(store_claim(W.db, A, "t/0", 30, 1, &TURN.c, &n, NULL, &E));
    if (!F.pending->w && !n) { tick(2); continue; }
    OK(db_script(P[0].db, arena_fmt(A, "begin; select from work where class = 'operation' and ref = %ld for update", push), &E));
    assert_int_equal(pthread_create(&runner, NULL, one_turn, NULL), 0);
    while (!TURN.over && !somebody_waits()) usleep(1000);
    waited += !TURN.over;
    assert_true(db_script(P[0].db, arena_fmt(A, "select from operation where id = %ld for update nowait", push), &E));
    assert_true(db_script(P[0].db, "rollback", &E));
    pthread_join(runner, NULL);
  }
  assert_int_equal(waited, 1);
  assert_string_equal(ask(arena_fmt(A, "select state from operation where id = %ld", push)), "superseded");
  assert_string_equal(op_state(PARTY), "succeeded");
}

int main(void) {
  const struct CMUnitTest tests[] = {T(a_runner_takes_the_work_before_the_operation), T(who_supersedes_takes_the_work_before_the_operation), T(what_has_failed_is_retried_or_removed), T(a_stop_comes_before_the_end_or_after_it), T(nobody_is_turned_away_because_a_runner_writes)};
  setenv("ENGINE_DB", "engine_locks", 1);
  return cmocka_run_group_tests(tests, world_begin, world_end);
}
