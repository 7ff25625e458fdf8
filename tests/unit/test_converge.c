/* Every workflow, every call: the call fails in every way, the runner dies over it, the database ends the connection, it is refused for good, somebody stops
 * the operation. Whatever happens, the operation comes to its right end, and each effect happens once. A workflow without a scenario here fails the test. */
#include "converge.h"
#include "one_key.h"


static char SEEN_DONE[16384], SEEN_FAILED[16384]; /* " workflow.step;" */
static bool noted(const char *list, const char *workflow, const char *step) { return strstr(list, arena_fmt(A, " %s.%s;", workflow, step)) != NULL; }
static void note(char *list, const char *what) {
  if (!strstr(list, what) && strlen(list) + strlen(what) < sizeof SEEN_DONE) strcat(list, what);
}
static bool all(void) { return getenv("ENGINE_ALL") != NULL; }

/* --- what passes by itself --- */
/* Runs a scenario once; false when something is not as it has to be. The fault is at call `at`, or at that write or commit of the runner. */
static bool passes(const struct scenario *s, int at, enum fault f, const char *cut) {
  struct buf b = begun(s);
  PLAN.at = at, PLAN.fault = f;
  if (cut) cut_off_at(cut, at);
  bool may_leave = s->forced && (f == STATUS_409 || f == LOST_AFTER); /* a refusal is noted, and the next step follows */
  want(&b, "converges", may_leave ? run_for(150, 10) : run_and_retry(), true);
  if (may_leave) want(&b, "removed", removed(s), true), settled(&b);
  else right(s, &b);
  return told(s, &b, at, f);
}
/* A write fails in every deadly way; of the others, and of what can happen to a read, one in turn (ENGINE_ALL=1: all of them). To a read that died or was lost
 * on its way it makes no difference whether it arrived. */
static bool due(int at, bool writes, enum fault f) {
  static const enum fault READ[] = {DIES_AFTER, NOT_SENT, STATUS_500, LOST_BEFORE, DIES_AFTER, STATUS_409, STATUS_429};
  if (all()) return true;
  return writes ? f >= DIES_BEFORE || f == LOST_AFTER || (int)f - 1 == at % 6 : f == READ[at % 7];
}

/* --- what does not pass by itself --- */
enum way_out { BY_RETRY, BY_FORCE, WAYS };
static void force(const struct scenario *s, struct buf *b) {
  s->remove();
  want(b, "forced removal ends", run_for(120, 5), true);
  want(b, "removed", removed(s), true);
  want(b, "objects left", objects_there(), BASE);
  settled(b);
}
static void failed_as_it_should(const struct scenario *s, struct buf *b, long held) {
  note(SEEN_FAILED, ask(arena_fmt(A, "select coalesce((select format(' %%s.%%s;', o.kind, s.key) from operation o join operation_step s on s.operation_id = o.id where o.kind = '%s' and o.state = 'failed' and s.state = 'failed'), 'none')", s->workflow)));
  want(b, "sentence and next action", count(arena_fmt(A, "select count(*) from operation where kind = '%s' and state = 'failed' and error_class <> '' and next_action <> '' and ended_at is not null", s->workflow)), 1);
  want(b, "holds kept", count(arena_fmt(A, "select count(*) from hold h join operation o on o.id = h.operation_id where o.kind = '%s' and o.state = 'failed'", s->workflow)), held);
  want(b, "work that goes on", count("select count(*) from work where not ended and class <> 'check'"), 0);
  want(b, "leases", count("select count(*) from work where lease_until is not null"), 0);
}
static bool refused(const struct scenario *s, int at, enum fault f, enum way_out way) {
  struct buf b = begun(s);
  long held = count(arena_fmt(A, "select count(*) from hold h join operation o on o.id = h.operation_id where o.kind = '%s' and o.state = 'queued'", s->workflow));
  PLAN.at = at, PLAN.fault = f;
  want(&b, "comes to an end", s->forced ? run_for(150, 10) : run(), true);
  const char *state = arena_strdup(A, ask(arena_fmt(A, "select state from operation where kind = '%s' order by id desc limit 1", s->workflow)));
  if (s->forced) {
    if (!streq(state, "succeeded")) buf_fmt(&b, "although by force, it is %s; ", state);
    want(&b, "removed", removed(s), true);
    return told(s, &b, at, f);
  }
  if (streq(state, "failed")) failed_as_it_should(s, &b, held);
  else if (!streq(state, "succeeded")) buf_fmt(&b, "it is %s; ", state);
  if (way == BY_FORCE && s->remove && !streq(state, "succeeded")) force(s, &b);
  else want(&b, "converges", run_and_retry(), true), right(s, &b);
  return told(s, &b, at, f);
}

/* --- what a person stops --- */
static bool stopped(const struct scenario *s, int at) {
  struct buf b = begun(s);
  PLAN.at = at, PLAN.fault = CANCELS, PLAN.cancels = s->workflow;
  want(&b, "comes to an end", run(), true);
  const char *state = ask(arena_fmt(A, "select state from operation where kind = '%s' order by id desc limit 1", s->workflow));
  const struct workflow *wf = workflow_find(s->workflow);
  int last = 0;
  while (!(wf->steps[last].flags & STEP_LAST)) last++;
  /* Too late: its last answer was on its way, or it had ended, and only the push that it asked for was still under way. */
  bool done_anyway = streq(state, "succeeded") && (!PLAN.cancelled || (PLAN.seen == at && wf->steps[last].effect != EFFECT_NONE));
  if (done_anyway) return s->remove ? right(s, &b) : settled(&b), told(s, &b, at, CANCELS);
  if (!streq(state, "cancelled")) return buf_fmt(&b, "it is %s; ", state), told(s, &b, at, CANCELS);
  want(&b, "holds", count("select count(*) from hold h join operation o on o.id = h.operation_id where o.state = 'cancelled'"), 0);
  want(&b, "work that goes on", count("select count(*) from work w join operation o on w.ref = o.id where not ended and class = 'operation' and o.state not in ('queued', 'running')"), 0);
  for (int i = 0; i < F.jobs; i++) /* a job that goes on is one that the record names */
    if (streq(F.job[i].method, "ClusterInstall") && F.job[i].looks < 3 && !count(arena_fmt(A, "select count(*) from participant where job_uuid = '%s'", F.job[i].uuid))) buf_fmt(&b, "nobody knows job %s; ", F.job[i].uuid);
  if (s->remove) force(s, &b);
  else s->ask(), want(&b, "again", run_and_retry(), true), settled(&b);
  return told(s, &b, at, CANCELS);
}

/* --- one scenario in all these ways --- */
static void scenario(void **state) {
  static const char *const CUTS[] = {"cut_write", "cut_commit"};
  const struct scenario *s = *state;
  int bad = 0, runs[4] = {0};
  if (!prepared(s)) return;
  assert_true(passes(s, 0, NO_FAULT, NULL));
  note(SEEN_DONE, ask("select coalesce(string_agg(distinct format(' %s.%s;', o.kind, s.key), ''), '') from operation o join operation_step s on s.operation_id = o.id where s.state = 'done' or s.started_at is not null and s.fraction < 1 or s.attempts > 1"));
  int calls = PLAN.seen;
  bool writes[MAX_CALLS];
  memcpy(writes, WRITES, sizeof writes);
  assert_true(calls >= s->least && calls + 1 < MAX_CALLS);
  /* By force, and as a whole, the steps are those of the plain removals: every other call is enough. */
  bool half = !all() && (s->forced || str_starts(s->workflow, "federation"));
  for (int at = s->from; at && at <= calls && at <= s->to && bad < 3; at += half && !writes[at + 1] ? 2 : 1) {
    for (enum fault f = NOT_SENT; f < FAULTS; f++)
      if (due(at, writes[at], f)) bad += !passes(s, at, f, NULL), runs[0]++;
    for (int k = 0; k < 4; k++) /* one of the refusals with one of the ways out, in turn */
      if (all() || k == at % 4 || at == 1) bad += !refused(s, at, k % 2 ? STATUS_403 : STATUS_422, k / 2 ? BY_RETRY : BY_FORCE), runs[1]++;
    if (workflow_find(s->workflow)->cancel_at && !s->forced && (all() || writes[at] || at % 3 == 1)) bad += !stopped(s, at), runs[2]++;
  }
  for (int c = 0; c < 2 && s->from == 1 && bad < 3; c++) {
    bad += !passes(s, 1000, CUT_OFF, CUTS[c]);
    int n = (int)writes_since(CUTS[c], 1000);
    assert_true(n >= s->least);
    for (int at = 1 + c; at <= n && at <= 120 && bad < 3; at += all() ? 1 : 7) bad += !passes(s, at, CUT_OFF, CUTS[c]), runs[3]++;
  }
  print_message("%d calls: %d runs with what passes, %d refused, %d stopped, %d cut off\n", calls, runs[0], runs[1], runs[2], runs[3]);
  assert_int_equal(bad, 0);
}

/* --- the list itself --- */
static void every_workflow_has_a_scenario(void **state) {
  int bad = 0;
  (void)state;
  for (int i = 0; i < N_WORKFLOWS; i++) {
    bool found = !streq(WORKFLOWS[i]->class, "operation");
    for (int k = 0; k < N_SCENARIOS; k++) found |= streq(SCENARIOS[k].workflow, WORKFLOWS[i]->name);
    if (!found) print_error("no scenario for %s\n", WORKFLOWS[i]->name), bad++;
  }
  for (int k = 0; k < N_SCENARIOS; k++)
    if (!workflow_find(SCENARIOS[k].workflow)) print_error("there is no workflow %s\n", SCENARIOS[k].workflow), bad++;
  assert_int_equal(bad, 0);
}
/* Runs last: every step was done in some scenario, and every step that sends a call was seen to fail for good, unless it is best effort. */
static void every_step_was_done_and_failed(void **state) {
  int bad = 0;
  (void)state;
  for (size_t i = 0; i < sizeof NEVER_DONE / sizeof *NEVER_DONE; i++) note(SEEN_DONE, NEVER_DONE[i]);
  for (size_t i = 0; i < sizeof NEVER_FAIL / sizeof *NEVER_FAIL; i++) note(SEEN_FAILED, NEVER_FAIL[i]);
  for (int i = 0; W.db && !getenv("ENGINE_ONLY") && i < N_WORKFLOWS; i++)
    for (int k = 0; k < WORKFLOWS[i]->n; k++) {
      const struct step *st = &WORKFLOWS[i]->steps[k];
      if (!streq(WORKFLOWS[i]->class, "operation") || st->flags & STEP_CANCEL) continue;
      if (!noted(SEEN_DONE, WORKFLOWS[i]->name, st->key)) print_error("%s.%s is never done\n", WORKFLOWS[i]->name, st->key), bad++;
      if (st->effect != EFFECT_NONE && !(st->flags & STEP_ALWAYS_ON) && !noted(SEEN_FAILED, WORKFLOWS[i]->name, st->key)) print_error("%s.%s never failed\n", WORKFLOWS[i]->name, st->key), bad++;
    }
  if (bad) print_message("done:%s\nfailed:%s\n", SEEN_DONE, SEEN_FAILED);
  assert_int_equal(bad, 0);
}

/* A test for each scenario; ENGINE_ONLY=cluster leaves only those whose name contains it. */
int main(void) {
  static struct CMUnitTest tests[N_SCENARIOS + 2] = {T(every_workflow_has_a_scenario)};
  static char names[N_SCENARIOS][80];
  size_t n = 1;
  for (int i = 0; i < N_SCENARIOS; i++) {
    const struct scenario *s = &SCENARIOS[i];
    snprintf(names[i], sizeof names[i], "%s%s%s", s->workflow, *s->variant ? " " : "", s->variant);
    if (getenv("ENGINE_ONLY") && !strstr(names[i], getenv("ENGINE_ONLY"))) continue;
    tests[n++] = (struct CMUnitTest){names[i], scenario, setup, teardown, (void *)(uintptr_t)s};
  }
  tests[n++] = (struct CMUnitTest)T(every_step_was_done_and_failed);
  setenv("ENGINE_DB", "engine_converge", 1);
  return _cmocka_run_group_tests("converge", tests, n, world_begin, world_end);
}
