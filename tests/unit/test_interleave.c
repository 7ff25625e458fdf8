/* Two or three runners over one database in random interleavings: they claim, get their answers, die with a call on its way, stand still until their lease is
 * over and go on with an old token, while people create, stop, retry and remove, time jumps and KubeFATE forgets. After every action the invariants hold, and
 * in the end everything converges. ENGINE_SEED=n plays one of them again; ENGINE_SEEDS=n plays that many (sixty). */
#include "engine_world.h"
#include "deploy/federation_ops.h"

enum { RUNNERS = FAKE_RUNNERS, ACTIONS = 60, CALL_S = 10, SEEDS = 60, WORKS = 400 };
static struct {
  struct engine en;
  char holder[16];
  bool frozen, landed, answered; /* its call reached the cluster; the answer came back in time */
  struct reply reply;
  int age; /* seconds since its call left */
} R[RUNNERS];
static int N, PARTIES;
static bool FORGOT;
static long TOKENS[WORKS], FIRST_WORK;
static bool ROBBED; /* somebody's work was taken although the lease was good */
static char TRACE[16384];
static struct uuid PARTY[32];
static struct { long claims, answers, deaths, frozen, late, people, refused; } SEEN;

static int rnd(int n) { return (int)(random() % n); }
static void trace(const char *what, int i) {
  size_t n = strlen(TRACE);
  snprintf(TRACE + n, sizeof TRACE - n, " %s%d", what, i);
}
static struct fake_call *call_of(int i) { return &XFER[i].call; }
static void turn(int i) { F.pending = call_of(i); }
#define MUST(ok, ...) do { if (!(ok)) { print_error(__VA_ARGS__); return false; } } while (0)

/* --- the runners --- */
/* A runner's own clocks go on as the database's. */
static void ages(int i, int seconds) {
  for (struct work *w = R[i].en.all; w; w = w->next) w->loaded_ms -= seconds * 1000, w->saved_ms -= seconds * 1000, w->sent_ms -= seconds * 1000;
}
static void passes(int seconds);
static void claims(int i) {
  struct claim c;
  int n;
  if (R[i].frozen || call_of(i)->w) return;
  trace("claim", i), SEEN.claims++;
  turn(i);
  const char *leased = ask("select ' ' || coalesce(string_agg(id::text, ' '), '') || ' ' from work where not ended and lease_until > now() + interval '1 s'");
  OK(store_claim(R[i].en.db, W.scratch, R[i].holder, W.conf.lease_s, 1, &c, &n, NULL, &E));
  ROBBED |= n && strstr(leased, arena_fmt(A, " %ld ", c.id));
  if (n) drive(work_new(&R[i].en, c.id, c.token));
  R[i].age = 0;
  if (!n && rnd(2)) passes(1 + rnd(3)); /* everything waits */
}
static void replied(int i, struct reply r) {
  struct work *w = call_of(i)->w;
  turn(i), forget_call();
  R[i].age = 0, R[i].landed = R[i].answered = false;
  drive_reply(w, &r);
}
static void answers(int i) {
  static const enum fault RARE[] = {NOT_SENT, LOST_BEFORE, LOST_AFTER, STATUS_500, STATUS_429};
  if (R[i].frozen || !call_of(i)->w) return;
  turn(i);
  enum fault f = rnd(12) ? NO_FAULT : RARE[rnd(5)];
  ROBBED |= count(arena_fmt(A, "select count(*) from work where id = %ld and lease_token <> %ld and not ended", call_of(i)->w->id, call_of(i)->w->token));
  trace(f ? "fail" : "answer", i), SEEN.answers++;
  replied(i, failing(f));
}
/* SIGKILL. What the kernel had taken still reaches the cluster, or not. */
static void dies(int i) {
  int n;
  turn(i);
  trace("die", i), SEEN.deaths++;
  if (call_of(i)->w && !R[i].landed && rnd(2)) fake_answer();
  while (R[i].en.all) work_free(R[i].en.all);
  forget_call();
  R[i].frozen = R[i].landed = R[i].answered = false, R[i].age = 0;
  reach_free(R[i].en.reach), R[i].en.reach = reach_new(NULL, &W.key);
  OK(store_recover(R[i].en.db, W.scratch, R[i].holder, NULL, &n, &E));
}
/* The call of a runner that stands still goes on by itself, for as long as a call may take. */
static void lands(int i) {
  if (!R[i].frozen || R[i].landed || !call_of(i)->w || rnd(4) == 0) return;
  turn(i);
  trace("land", i);
  R[i].reply = fake_answer(), R[i].landed = true, R[i].answered = rnd(2);
}
static void freezes(int i) {
  if (R[i].frozen || !call_of(i)->w) return;
  trace("freeze", i), SEEN.frozen++;
  R[i].frozen = true;
  if (rnd(2)) lands(i);
}
static void expires(int i) {
  if (!R[i].frozen) return;
  lands(i);
  trace("expire", i);
  R[i].age = CALL_S, ages(i, W.conf.lease_s + 1);
  run_sql(arena_fmt(W.scratch, "update work set lease_until = now() - interval '1 s' where lease_by = '%s' and lease_until is not null", R[i].holder));
  if (rnd(3)) claims((i + 1) % N);
}
static bool overtaken(int i) { return !count(arena_fmt(A, "select count(*) from work where id = %ld and lease_token = %ld and not ended", call_of(i)->w->id, call_of(i)->w->token)); }
/* With the old token it may go on only when nobody has claimed the work since. */
static bool thaws(int i) {
  if (!R[i].frozen) return true;
  trace("thaw", i);
  turn(i);
  struct reply r = R[i].answered ? R[i].reply : failing(R[i].landed || rnd(2) ? LOST_BEFORE : NOT_SENT);
  bool late = overtaken(i);
  const char *before = late ? arena_strdup(A, rows()) : "";
  int calls = F.calls;
  R[i].frozen = false;
  replied(i, r);
  SEEN.late += late;
  /* Between two looks of one step nobody asks the database: one more question to the cluster does no harm. */
  bool asked = F.calls == calls || (F.calls == calls + 1 && call_of(i)->w && streq(call_of(i)->c.method, "GET"));
  MUST(!late || (streq(before, rows()) && asked), "runner %d was overtaken and wrote or called all the same\n", i);
  return true;
}

/* --- people, time, KubeFATE --- */
static const char *pick(const char *where) { return ask(arena_fmt(A, "select coalesce((select uuid::text from operation where %s order by random() limit 1), '')", where)); }
static bool person(void) {
  struct err e = ERR_INIT;
  struct uuid u;
  int what = rnd(8), k = PARTIES ? rnd(PARTIES) : 0;
  bool ok = true;
  SEEN.people++;
  const char *before = arena_strdup(A, rows());
  trace("person", what);
  switch (what) {
    case 0: case 6: case 7:
      if (PARTIES >= 3) return true;
      ok = try_party(TYPE_CLUSTER, 9001 + PARTIES, arena_fmt(A, "fate-%d", 9001 + PARTIES), CERT_SKIP, &PARTY[PARTIES], &e);
      PARTIES += ok;
      break;
    case 1: if (uuid_parse(pick("state in ('queued', 'running')"), &u)) ok = op_cancel(W.db, A, u, "tester", &e); break;
    case 2: if (uuid_parse(pick("true"), &u)) ok = op_retry(W.db, A, u, "tester", &e); break;
    case 3: case 4: if (PARTIES) ok = participant_ops_delete(W.db, A, TYPE_CLUSTER, PARTY[k], W.fed, what == 4 && rnd(2), "tester", &e); break;
    case 5: ok = participant_ops_push(W.db, A, W.fed, "tester", &e); break;
  }
  SEEN.refused += !ok;
  MUST(ok || e.kind == FAIL_CONFLICT || e.kind == FAIL_NOT_FOUND, "a person gets %s\n", err_message(&e, A));
  MUST(ok || streq(before, rows()), "what was refused changed something: %s\n", err_message(&e, A));
  return true;
}
static void passes(int seconds) {
  for (int i = 0; i < N; i++) {
    if (call_of(i)->w && R[i].age + seconds > CALL_S) { if (R[i].frozen) lands(i); else answers(i); }
    R[i].age += seconds;
  }
  trace("tick", seconds);
  tick(seconds);
  for (int i = 0; i < N; i++) ages(i, seconds);
}

/* --- what holds after every action --- */
static bool in_order(void) {
  char *p = arena_strdup(A, ask("select (select count(*) from (select from operation where state in ('queued', 'running', 'failed') group by subject_type, subject having count(*) > 1) x) || ' ' || "
                                "coalesce((select string_agg(format('%s:%s', id, lease_token), ' ') from work where class = 'operation'), '')"));
  MUST(!strtol(p, &p, 10), "two live operations of one subject\n");
  p += strspn(p, " ");
  for (; *p; p += strspn(p, " ")) {
    long id = strtol(p, &p, 10) - FIRST_WORK, token = strtol(p + 1, &p, 10);
    if (id <= 0) continue; /* ended before this began */
    MUST(id < WORKS && token >= TOKENS[id], "the lease token of work %ld went back from %ld to %ld\n", id, TOKENS[id], token);
    TOKENS[id] = token;
  }
  MUST(!ROBBED, "work was taken from somebody whose lease was good\n");
  MUST(F.doubles == 0, "an install was sent although its release is there\n");
  MUST(F.overlaps == 0, "two updates of the exchange at once\n");
  for (int i = 0; i < F.jobs; i++)
    for (int k = i + 1; k < F.jobs; k++)
      MUST(!streq(F.job[i].method, "ClusterInstall") || !streq(F.job[k].method, "ClusterInstall") || !streq(F.job[i].name, F.job[k].name) || streq(F.job[i].status, "Canceled"), "%s was installed twice\n", F.job[i].name);
  return true;
}
static bool act(void) {
  int i = rnd(N), a = rnd(100);
  if (a < 66 && call_of(i)->w) answers(i);
  else if (a < 66) claims(i);
  else if (a < 70) dies(i);
  else if (a < 75) freezes(i);
  else if (a < 79) expires(i);
  else if (a < 83) return thaws(i);
  else if (a < 93) return person();
  else if (a == 93 && !rnd(6)) trace("forget", 0), fake_forget(), FORGOT = true;
  else passes(1 + rnd(4));
  return true;
}

/* --- the end --- */
static bool converges(void) {
  struct uuid op;
  int n;
  for (int i = 0; i < N; i++) {
    if (!thaws(i)) return false;
    dies(i);
  }
  turn(0);
  for (int k = 0; k < 4; k++) {
    MUST(run_for(300, 8), "operations that do not end\n");
    const char *failed = ask("select coalesce((select uuid::text from operation where state = 'failed' limit 1), '')");
    if (k < 3 && uuid_parse(failed, &op)) OK(op_retry(W.db, A, op, "tester", &E));
  }
  MUST(FORGOT || !count("select count(*) from operation where state = 'failed'"), "a failure that no retry mends\n");
  MUST(!count("select count(*) from operation where state = 'failed' and (error_class = '' or next_action = '')"), "a failure without a sentence\n");
  MUST(!count("select count(*) from hold h join operation o on o.id = h.operation_id where o.state not in ('queued', 'running', 'failed')"), "a hold of what has ended\n");
  OK(federation_ops_remove(W.db, A, W.fed, true, "tester", &op, &E));
  MUST(run_for(300, 8), "the removal does not end\n");
  MUST(!count("select count(*) from operation where state not in ('succeeded', 'cancelled', 'superseded')"), "an operation is left\n");
  MUST(!count("select count(*) from federation where deleted_at is null"), "the federation is left\n");
  MUST(!count("select count(*) from participant where deleted_at is null"), "participants are left\n");
  MUST(!count("select count(*) from hold") && !count("select count(*) from work where not ended and class <> 'check'"), "holds or work are left\n");
  MUST(objects_there() == 0, "%d objects are left\n", objects_there());
  for (n = 0; n < F.rels; n++) MUST(!F.rel[n].there, "the release %s is left\n", F.rel[n].name);
  return in_order();
}
static bool play(unsigned seed) {
  srandom(seed);
  arena_reset(A);
  world_again();
  N = 2 + rnd(2), FORGOT = ROBBED = false, *TRACE = 0;
  PARTIES = 1;
  memset(TOKENS, 0, sizeof TOKENS);
  for (int i = 0; i < RUNNERS; i++) R[i].frozen = R[i].landed = R[i].answered = false, R[i].age = 0;
  FIRST_WORK = count("select last_value from work_id_seq");
  bool ok = person();
  for (int k = 0; ok && k < ACTIONS; k++) ok = act() && in_order();
  ok = ok && converges();
  if (!ok) print_error("ENGINE_SEED=%u, %d runners:%s\n%s\n", seed, N, TRACE, ask("select string_agg(kind || ' ' || state || ' ' || error_class || error_args::text || cause || evidence_class, '; ') from operation"));
  while (W.en.all) work_free(W.en.all);
  for (int i = 0; i < RUNNERS; i++)
    while (R[i].en.all) work_free(R[i].en.all);
  return ok;
}
static void runners_in_any_order_converge(void **s) {
  (void)s;
  const char *one = getenv("ENGINE_SEED"), *many = getenv("ENGINE_SEEDS");
  unsigned first = (unsigned)clock_unix() % 1000000 * 1000;
  int runs = 0, bad = 0, wanted = many ? atoi(many) : SEEDS;
  if (!world()) return;
  create_exchange();
  assert_true(run());
  PARTY[0] = create_cluster(9000);
  assert_true(run());
  world_keep();
  for (int i = 0; i < RUNNERS; i++) {
    R[i].en = (struct engine){.conf = &W.conf, .db = db_new(arena_fmt(A, "%s dbname=engine_interleave", getenv("TEST_DB")), "unit", 10000), .xfer = &XFER[i], .reach = reach_new(NULL, &W.key)};
    snprintf(R[i].holder, sizeof R[i].holder, "r/%d", i);
  }
  if (one) bad += !play((unsigned)strtoul(one, NULL, 10));
  for (; !one && bad < 3 && runs < wanted; runs++) bad += !play(first + (unsigned)runs);
  print_message("%d seeds from %u: %ld claims, %ld answers, %ld deaths, %ld times still, of these %ld overtaken, %ld times a person, %ld refused\n", runs, first, SEEN.claims, SEEN.answers, SEEN.deaths, SEEN.frozen, SEEN.late, SEEN.people, SEEN.refused);
  for (int i = 0; i < RUNNERS; i++) db_free(R[i].en.db), reach_free(R[i].en.reach);
  assert_int_equal(bad, 0);
  if (runs >= SEEDS) assert_true(SEEN.late > 0 && SEEN.deaths > 0 && SEEN.refused > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {T(runners_in_any_order_converge)};
  setenv("ENGINE_DB", "engine_interleave", 1);
  return cmocka_run_group_tests(tests, world_begin, world_end);
}
