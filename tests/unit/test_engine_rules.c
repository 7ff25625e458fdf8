/* Single rules of the engine (DESIGN section 3), each with the case that breaks it: fencing, looking before a second try, deadlines, stopping, retrying,
 * superseding, holds, crowded clusters, and that nothing piles up. */
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <openssl/evp.h>
#include "crypt/keystock.h"
#include "engine_world.h"

static bool is_install(void) { return streq(F.pending->c.method, "POST") && strstr(F.pending->path, "/v1/cluster"); }
static bool is_update(void) { return streq(F.pending->c.method, "PUT") && strstr(F.pending->path, "/v1/cluster"); }
static int ONCE_DONE;
static bool first_install(void) { return is_install() && !ONCE_DONE++; }
static bool first_update(void) { return is_update() && !ONCE_DONE++; }
static void fails_at(bool (*hits)(void), enum fault f) { PLAN.hits = hits, PLAN.fault = f, ONCE_DONE = 0; }
/* --- whose work it is --- */
static void an_overtaken_runner_writes_nothing(void **s) {
  (void)s;
  struct claim c, d;
  int n;
  if (!world()) return;
  create_exchange();
  OK(store_claim(W.db, A, "t/0", 30, 1, &c, &n, NULL, &E)); assert_int_equal(n, 1);
  drive(work_new(&W.en, c.id, c.token));
  assert_non_null(F.pending->w);
  struct work *sleeper = F.pending->w;
  struct reply late = fake_answer();
  forget_call();
  tick(31); /* its lease is over */
  OK(store_claim(W.db, A, "t/1", 30, 1, &d, &n, NULL, &E)); assert_int_equal(n, 1); assert_true(d.id == c.id && d.token != c.token);
  const char *before = rows();
  drive_reply(sleeper, &late);
  answer_calls(); /* it may go on asking until it has something to write */
  drive(work_new(&W.en, c.id, c.token)); /* and a round begun with the old token */
  assert_null(F.pending->w);
  assert_string_equal(rows(), before), assert_int_equal(W.en.in_flight, 0);
  drive(work_new(&W.en, d.id, d.token)), answer_calls();
  assert_true(run());
}
/* One statement for both: what is ours now, and when to look again. */
static void a_claim_says_when_the_rest_is_due(void **s) {
  (void)s;
  struct claim c[2];
  int n, due = -1;
  if (!world()) return;
  OK(store_claim(W.db, A, "t/0", 30, 2, c, &n, &due, &E)); assert_int_equal(n, 0), assert_int_equal(due, INT_MAX);
  create_exchange();
  long first = count("select id from work");
  run_sql("insert into work (class, ref, workflow, run_at) select 'operation', ref + k, workflow, now() + k * interval '1 s' from work, generate_series(7, 9) k");
  OK(store_claim(W.db, A, "t/0", 30, 2, c, &n, &due, &E)); assert_int_equal(n, 1), assert_int_equal(c[0].id, first), assert_in_range(due, 1, 7000);
  run_sql(arena_fmt(A, "update work set lease_until = now() + interval '3 s' where id = %ld", first)); /* a lease ends before that */
  OK(store_claim(W.db, A, "t/0", 30, 2, c, &n, &due, &E)); assert_int_equal(n, 0), assert_in_range(due, 1, 3000);
  run_sql(arena_fmt(A, "update work set run_at = now() - interval '1 s' where id <> %ld", first)); /* more than there is room for: at once */
  OK(store_claim(W.db, A, "t/0", 30, 2, c, &n, &due, &E)); assert_int_equal(n, 2), assert_int_equal(due, 0);
  run_sql(arena_fmt(A, "update work set ended = true where id <> %ld", first));
  OK(store_claim(W.db, A, "t/0", 30, 2, c, &n, &due, &E)); assert_int_equal(n, 0), assert_in_range(due, 1, 3000);
}
static void two_runners_in_any_order_never_share(void **s) {
  enum { WORK = 4, STEPS = 1500 };
  struct { struct work *w; } held[2][WORK] = {0};
  long owner[WORK], token[WORK];
  unsigned seed = getenv("ENGINE_SEED") ? (unsigned)strtoul(getenv("ENGINE_SEED"), NULL, 10) : (unsigned)clock_unix();
  (void)s;
  if (!world()) return;
  print_message("ENGINE_SEED=%u\n", seed);
  run_sql("insert into work (class, ref, workflow) select 'check', -i, 'endpoint_check' from generate_series(1, 4) i");
  long base = count("select min(id) from work");
  for (int i = 0; i < WORK; i++) owner[i] = -1, token[i] = 0;
  srandom(seed);
  for (int k = 0; k < STEPS; k++) {
    int who = (int)(random() % 2), i = (int)(random() % WORK), n;
    struct claim c[WORK];
    struct work *w = held[who][i].w;
    bool lost = false;
    switch (random() % 6) {
      case 0:
        OK(store_claim(W.db, W.scratch, who ? "t/1" : "t/0", 30, 2, c, &n, NULL, &E));
        for (int x = 0; x < n; x++) {
          long at = c[x].id - base;
          assert_true(at >= 0 && at < WORK && owner[at] < 0); /* nobody may hold what is claimed */
          if (held[who][at].w) work_free(held[who][at].w);
          held[who][at].w = work_new(&W.en, c[x].id, c[x].token), owner[at] = who, token[at] = c[x].token;
        }
        break;
      case 1: case 2: case 3: /* save, with or without release; put off */
        if (!w) break;
        bool ours = token[i] == w->token, release = random() % 2;
        w->wf = workflow_find("endpoint_check"), w->st = w->wf->steps, w->memo = js_new(w->a);
        if (random() % 3 == 0) {
          OK(store_defer(w, 0, &E));
          lost = !ours, release = true;
        } else OK(store_save(w, release ? KEEP_RELEASE : KEEP_LEASE, 30, 0, &lost, &E));
        assert_int_equal(lost, !ours);
        if (release || lost) work_free(w), held[who][i].w = NULL;
        break;
      case 4: run_sql(arena_fmt(W.scratch, "update work set lease_until = now() - interval '1 s' where id = %ld and lease_until is not null", base + i)); owner[i] = -1; /* the lease runs out; the holder does not know */ break;
      case 5: /* a successor in the same slot; the other one's work stays */
        OK(store_recover(W.db, W.scratch, who ? "t/1" : "t/0", NULL, &n, &E));
        for (int x = 0; x < WORK; x++) {
          if (owner[x] == who) owner[x] = -1;
          if (held[who][x].w) work_free(held[who][x].w), held[who][x].w = NULL;
        }
    }
    /* Who saved although the lease had run out, but before anybody claimed it, holds it again: the token is what counts. */
    for (int x = 0; x < WORK; x++) {
      const char *t = ask(arena_fmt(W.scratch, "select case when lease_until > now() then lease_by else '' end from work where id = %ld", base + x));
      owner[x] = streq(t, "t/0") ? 0 : streq(t, "t/1") ? 1 : -1;
      token[x] = count(arena_fmt(W.scratch, "select lease_token from work where id = %ld", base + x));
    }
    arena_reset(W.scratch);
  }
  while (W.en.all) work_free(W.en.all);
}
static void a_new_connection_spares_what_is_under_way(void **s) {
  (void)s;
  struct claim c;
  int n;
  if (!world()) return;
  create_exchange();
  OK(store_claim(W.db, A, "t/0", 30, 1, &c, &n, NULL, &E));
  drive(work_new(&W.en, c.id, c.token));
  assert_non_null(F.pending->w);
  OK(store_recover(W.db, A, "t/0", W.en.all, &n, &E)); assert_int_equal(n, 0);
  answer_calls();
  assert_true(run());
  assert_int_equal(jobs_of("ClusterInstall"), 1);
}

/* --- once --- */
static void a_job_of_a_former_life_is_not_taken_for_ours(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  assert_true(run());
  remove_party(x, TYPE_EXCHANGE, false);
  assert_true(run());
  x = create_exchange();
  fails_at(first_install, LOST_BEFORE); /* the old job of this name has Success */
  assert_true(run());
  assert_int_equal(status_of(x), PARTY_ACTIVE), assert_int_equal(jobs_of("ClusterInstall"), 2);
  assert_string_equal(ask(arena_fmt(A, "select job_uuid from participant where uuid = '%s'", x.s)), F.job[2].uuid);
}
static void a_release_that_only_helm_knows_is_kept(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  fails_at(first_install, LOST_AFTER);
  while (!jobs_of("ClusterInstall")) { while (one_claim("t/0")) {} tick(1); }
  F.forgetful = true; /* KubeFATE starts anew with an empty database */
  assert_true(run());
  assert_int_equal(status_of(x), PARTY_ACTIVE), assert_int_equal(jobs_of("ClusterInstall"), 1);
  assert_int_equal(events(x, "event.release-found"), 1), assert_int_equal(events(x, "event.own-eyes"), 1);
}
static void a_release_of_somebody_else_is_left_alone(void **s) {
  (void)s;
  if (!world()) return;
  F.rel[F.rels++] = (struct fake_release){.uuid = "00000000-0000-4000-8000-000000000299", .name = "ex", .ns = "ex", .helm = true};
  struct uuid x = create_exchange();
  assert_true(run());
  assert_string_equal(op_state(x), "failed"), assert_int_equal(jobs_of("ClusterInstall"), 0);
  assert_string_equal(ask("select error_class from operation"), "party.release-foreign");
}
static void tries_of_a_request_that_counts_share_one_deadline(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  fails_at(is_install, STATUS_500);
  assert_true(run_for(100, 3));
  assert_string_equal(op_state(x), "failed");
  assert_string_equal(ask("select error_class from operation"), "kubefate.proxy-failing"); /* what was observed, not the clock */
  assert_true(PLAN.seen < 400);
  fails_at(is_install, NO_FAULT);
  OK(op_retry(W.db, A, live_op(x), "tester", &E));
  assert_true(run()), assert_int_equal(status_of(x), PARTY_ACTIVE);
}
static void a_push_whose_answer_is_lost_still_restarts_the_traffic_server(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  assert_true(run());
  fails_at(first_update, LOST_AFTER);
  create_cluster(9999);
  assert_true(run());
  assert_int_equal(jobs_of("ClusterUpdate"), 1), assert_int_equal(events(x, "event.pushed"), 1);
}

/* --- time --- */
static void an_operation_ends_at_its_deadline(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  one_claim("t/0");
  run_sql("update operation set deadline = now() - interval '1 s'");
  assert_true(run());
  assert_string_equal(op_state(x), "failed"), assert_int_equal(status_of(x), PARTY_FAILED), assert_string_not_equal(ask("select error_class from operation"), "");
  /* A person's retry gets the workflow's time, however long ago the operation was made. */
  run_sql("update operation set created_at = created_at - interval '3 days'");
  OK(op_retry(W.db, A, live_op(x), "tester", &E));
  assert_true(count("select extract(epoch from deadline - now())::int from operation") <= 5400);
  assert_true(run()), assert_int_equal(status_of(x), PARTY_ACTIVE);
}
static bool any_call(void) { return true; }
static void a_dead_cluster_ends_in_a_sentence(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  fails_at(any_call, NOT_SENT);
  assert_true(run_for(60, 10));
  assert_string_equal(op_state(x), "failed"), assert_string_equal(ask("select error_class from operation"), "net.refused"), assert_int_equal(events(x, "net.refused"), 2); /* when it lasted, and as the end */
  assert_int_equal(count("select count(*) from hold where object = (select uuid from endpoint)"), 1); /* protected until a retry or a removal */
  remove_party(x, TYPE_EXCHANGE, true); /* by force it goes although nothing answers */
  assert_true(run_for(60, 10));
  assert_true(buried(x)), assert_int_equal(count("select count(*) from hold"), 0);
}
static void a_step_that_always_finds_more_to_do_ends(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  one_claim("t/0");
  for (int i = 0; i < F.n; i++) F.o[i].there = false;
  run_sql("update work set step = 1, memo = '{}', step_deadline = now() - interval '1 s'"); /* its next answer is "there is no such namespace: make it" */
  assert_true(run());
  assert_string_equal(op_state(x), "failed");
}
static void a_long_retry_after_does_not_outlast_the_step(void **s) {
  (void)s;
  struct claim c;
  int n;
  if (!world()) return;
  create_exchange();
  OK(store_claim(W.db, A, "t/0", 30, 1, &c, &n, NULL, &E));
  drive(work_new(&W.en, c.id, c.token));
  struct reply r = kube_status(F.pending->a, 429, "TooManyRequests", "busy");
  struct work *w = F.pending->w;
  r.retry_after_s = 300;
  forget_call();
  drive_reply(w, &r);
  assert_true(count("select extract(epoch from run_at - step_deadline)::int from work") <= 1);
}

/* --- stopping, superseding, holds --- */
static void *commit_soon(void *tx) {
  struct err e = ERR_INIT;
  poll(NULL, 0, 300);
  return tx_commit(tx, &e) ? NULL : tx;
}
static void stopping_waits_for_what_is_perhaps_on_its_way(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  fails_at(first_install, LOST_AFTER);
  while (!jobs_of("ClusterInstall")) { while (one_claim("t/0")) {} if (!jobs_of("ClusterInstall")) tick(1); }
  F.job[0].looks = -4; /* it has only just begun */
  OK(op_cancel(W.db, A, live_op(x), "tester", &E));
  assert_true(run());
  assert_string_equal(op_state(x), "cancelled"), assert_string_equal(F.job[0].status, "Canceled"), assert_int_equal(F.rel[0].there, 0);
}
static void what_a_superseded_creation_made_is_removed(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  while (!F.pending->w || !streq(F.pending->c.method, "PATCH")) { /* the namespace is just being made */
    struct claim c;
    int n;
    if (F.pending->w) { struct work *w = F.pending->w; struct reply r = fake_answer(); forget_call(); drive_reply(w, &r); continue; }
    OK(store_claim(W.db, A, "t/0", 30, 1, &c, &n, NULL, &E));
    if (n) drive(work_new(&W.en, c.id, c.token));
    else tick(1);
  }
  struct work *w = F.pending->w;
  remove_party(x, TYPE_EXCHANGE, true);
  struct reply r = fake_answer(); /* it arrives all the same */
  forget_call();
  drive_reply(w, &r);
  assert_int_equal(objects_there(), 1), assert_int_equal(status_of(x), PARTY_REMOVING);
  while (one_claim("t/0")) {}
  assert_int_equal(objects_there(), 1); /* waits: the removal must not look too early */
  assert_true(count("select count(*) from work where memo ? 'settle_until'") == 1);
  assert_true(run_for(60, 5));
  assert_true(buried(x)), assert_int_equal(objects_there(), 0);
}
static void a_removal_excludes_a_creation(void **s) {
  (void)s;
  if (!world()) return;
  /* Between the page's check and the insert, the other side has come first. */
  OK(endpoint_ops_delete(W.db, A, W.endpoint, true, false, "tester", &E));
  struct op_hold h = {W.endpoint, false};
  struct op_new o = {.workflow = "exchange_create", .subject_type = "participant", .subject = uuid_new(), .subject_name = "x", .federation = W.fed, .actor = "t", .holds = &h, .n_holds = 1};
  TX(tx);
  OK(tx_begin(W.db, &tx, &E));
  REFUSED(op_insert(W.db, A, &o, NULL, &E), FAIL_CONFLICT);
}
static void a_failed_push_in_front_hides_no_other_hold(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = uuid_new();
  run_sql(arena_fmt(A, "insert into operation (kind, subject_type, subject, subject_name, actor, state, deadline) values ('routes_push', 'exchange_routes', '%s', 'x', 't', 'failed', now()), "
                       "('cluster_create', 'participant', gen_random_uuid(), 'c', 't', 'running', now()); insert into hold select id, '%s', false from operation", x.s, x.s));
  struct op_hold h = {x, true};
  struct op_new o = {.workflow = "exchange_remove", .subject_type = "participant", .subject = x, .subject_name = "x", .federation = W.fed, .actor = "t", .holds = &h, .n_holds = 1};
  {
    TX(tx);
    OK(tx_begin(W.db, &tx, &E));
    REFUSED(op_insert(W.db, A, &o, NULL, &E), FAIL_CONFLICT);
  }
  run_sql("delete from hold where operation_id = (select id from operation where kind = 'cluster_create')");
  err_clear(&E);
  TX(tx);
  OK(tx_begin(W.db, &tx, &E)); OK(op_insert(W.db, A, &o, NULL, &E)); OK(tx_commit(&tx, &E));
  assert_string_equal(ask("select state from operation where kind = 'routes_push'"), "superseded");
}
static void the_removal_of_an_exchange_waits_for_its_push(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  assert_true(run());
  OK(participant_ops_push(W.db, A, W.fed, "tester", &E));
  const char *push = arena_strdup(A, ask("select uuid::text from operation where kind = 'routes_push' and state = 'queued'"));
  remove_party(x, TYPE_EXCHANGE, false);
  run_sql("update work set run_at = now() + interval '1 hour' where ref = (select id from operation where kind = 'routes_push' and state = 'queued')"); /* it is slow */
  assert_true(one_claim("t/0"));
  assert_string_equal(ask("select evidence_class from operation where kind = 'exchange_remove'"), "cause.pushing");
  assert_int_equal(count("select count(*) from operation where kind = 'exchange_remove' and state = 'running'"), 1), assert_true(objects_there() > 0);
  REFUSED(participant_ops_push(W.db, A, W.fed, "tester", &E), FAIL_CONFLICT);
  err_clear(&E);
  assert_int_equal(count("select count(*) from operation where kind = 'routes_push' and state in ('queued', 'running')"), 1); /* no other one comes in */
  run_sql("update work set run_at = now() where not ended");
  assert_true(run());
  assert_true(buried(x)), assert_int_equal(objects_there(), 0);
  assert_string_equal(ask(arena_fmt(A, "select state from operation where uuid = '%s'", push)), "succeeded");
}
static void a_forced_removal_does_not_wait_for_a_stuck_push(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  assert_true(run());
  OK(participant_ops_push(W.db, A, W.fed, "tester", &E));
  run_sql("update work set run_at = now() + interval '1 hour' where ref = (select id from operation where kind = 'routes_push' and state = 'queued')");
  remove_party(x, TYPE_EXCHANGE, true);
  assert_true(run_for(60, 5));
  assert_true(buried(x)), assert_int_equal(objects_there(), 0);
  assert_string_equal(ask("select state from operation where kind = 'routes_push' order by id desc limit 1"), "superseded");
}
static void a_retried_push_starts_counting_anew(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  assert_true(run());
  OK(participant_ops_push(W.db, A, W.fed, "tester", &E));
  run_sql("update work set memo = '{\"try_push\": 6, \"kept\": 1}' where not ended and class = 'operation'");
  strcpy(F.sni, "sni:\n- fqdn: 1.example.com\n  tunnel_route: 1.1.1.1:1\n"); /* not as wanted */
  assert_true(run());
  struct uuid op = live_op(x);
  assert_string_equal(ask("select error_class from operation where kind = 'routes_push'"), "routes.never");
  OK(op_retry(W.db, A, op, "tester", &E));
  assert_int_equal(count("select count(*) from work where not ended and memo ? 'kept' and not memo ? 'try_push'"), 1);
  assert_true(run());
  assert_string_equal(op_state(x), "succeeded");
}

static void two_removals_at_once_share_a_push(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  assert_true(run());
  struct uuid c[] = {create_cluster(9999), create_cluster(10000)};
  assert_true(run());
  remove_party(c[0], TYPE_CLUSTER, false), remove_party(c[1], TYPE_CLUSTER, false);
  run_sql("update work set step = 1 where class = 'operation' and not ended");
  /* The other runner has inserted its push and has not committed yet: ours sees none, then waits for it. */
  struct db *other = db_new(arena_fmt(A, "%s dbname=engine_rules", getenv("TEST_DB")), "unit", 10000);
  struct op_hold h = {x, false};
  struct op_new o = {.workflow = "routes_push", .subject_type = "exchange_routes", .subject = x, .subject_name = "ex", .federation = W.fed, .actor = "t", .holds = &h, .n_holds = 1};
  TX(tx);
  OK(tx_begin(other, &tx, &E)); OK(op_insert(other, A, &o, NULL, &E));
  pthread_t t;
  assert_int_equal(pthread_create(&t, NULL, commit_soon, &tx), 0);
  assert_true(one_claim("t/0"));
  pthread_join(t, NULL);
  assert_int_equal(count("select count(*) from operation where state = 'failed'"), 0);
  assert_true(run());
  assert_true(buried(c[0]) && buried(c[1])), assert_int_equal(F.overlaps, 0);
  db_free(other);
}

/* --- waiting for what nobody does --- */
static bool is_kf_delete(void) { return streq(F.pending->c.method, "DELETE") && strstr(F.pending->path, "/v1/cluster/"); }
static void a_repair_looks_at_the_workloads_before_it_waits(void **s) {
  (void)s;
  if (!world()) return;
  create_exchange();
  assert_true(run());
  struct uuid x = create_cluster(9999);
  assert_true(run());
  int calls = F.calls;
  OK(participant_ops_repair(W.db, A, TYPE_CLUSTER, x, W.fed, "tester", &E));
  assert_true(run_for(10, 2));
  assert_string_equal(op_state(x), "succeeded"), assert_true(F.calls - calls < 20);
}
static bool is_end_of_a_push(void) { return streq(F.pending->w->wf->name, "routes_push") && strstr(F.pending->path, "/namespaces/ex/pods?"); }
/* The push of a party's routes has looked for the last time, and is still about to end, when somebody wipes the table and the exchange is repaired. */
static void a_repair_does_not_take_a_push_that_looked_before_it_for_its_own(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  assert_true(run());
  create_cluster(9999);
  fails_at(is_end_of_a_push, STATUS_500);
  assert_false(run_for(6, 2));
  assert_string_equal(ask("select s.key from operation o join operation_step s on s.operation_id = o.id where o.kind = 'routes_push' and o.state = 'running' and s.state = 'running'"), "restart");
  assert_non_null(strstr(F.sni, "9999.example.com"));
  strcpy(F.sni, "sni: []\n"), strcpy(F.table, "default: {}\n");
  OK(participant_ops_repair(W.db, A, TYPE_EXCHANGE, x, W.fed, "tester", &E));
  assert_false(run_for(2, 2)); /* it waits for that push */
  assert_string_equal(ask("select string_agg(s.key, ' ' order by o.id) from operation o join operation_step s on s.operation_id = o.id where s.state = 'running'"), "restart routes");
  memset(&PLAN, 0, sizeof PLAN);
  assert_true(run());
  assert_string_equal(op_state(x), "succeeded");
  assert_non_null(strstr(F.sni, "9999.example.com"));
}
/* The same moment, and an external cluster is recorded. It has no check of its own; that of the
 * exchange finds that a route is missing. */
static void an_external_cluster_that_comes_as_a_push_ends_gets_its_route(void **s) {
  (void)s;
  if (!world()) return;
  W.checks = true;
  create_exchange();
  assert_true(run());
  create_cluster(9999);
  fails_at(is_end_of_a_push, STATUS_500);
  assert_false(run_for(6, 2));
  struct external_form f = {W.fed, "outside", "", 7777, "192.0.2.7", 31651, "192.0.2.8", 30007};
  struct uuid c;
  OK(participant_ops_external(W.db, A, TYPE_CLUSTER, &f, "tester", &c, &E));
  memset(&PLAN, 0, sizeof PLAN);
  assert_true(run());
  run_sql("update work set run_at = now() where class = 'check'");
  while (one_claim("t/0")) {}
  assert_true(run());
  assert_int_equal(status_of(c), PARTY_ACTIVE);
  assert_non_null(strstr(F.sni, "7777.example.com"));
  long pushes = count("select count(*) from operation where kind = 'routes_push'");
  run_sql("update work set run_at = now() where class = 'check'");
  while (one_claim("t/0")) {}
  assert_true(run());
  assert_int_equal(count("select count(*) from operation where kind = 'routes_push'"), pushes);
}
static void by_force_nobody_waits_for_a_removal_that_was_refused(void **s) {
  (void)s;
  if (!world()) return;
  struct uuid x = create_exchange();
  assert_true(run());
  fails_at(is_kf_delete, STATUS_409);
  remove_party(x, TYPE_EXCHANGE, true);
  assert_true(run_for(24, 5)); /* two minutes */
  assert_true(buried(x));
}

/* --- many --- */
static void a_crowded_cluster_gets_its_work_back_later(void **s) {
  (void)s;
  if (!world()) return;
  create_exchange();
  PLAN.at = 1, PLAN.fault = NOT_SENT; /* a first call, so that the cluster is known */
  assert_true(one_claim("t/0"));
  tick(2);
  F.calls = 0, F.crowded = true;
  const char *was = ask("select md5(step::text || memo::text || coalesce(intent_at::text, '') || coalesce(step_deadline::text, '')) from work");
  assert_true(one_claim("t/0")), assert_false(one_claim("t/0"));
  assert_int_equal(F.calls, 0), assert_int_equal(W.en.in_flight, 0);
  assert_string_equal(ask("select md5(step::text || memo::text || coalesce(intent_at::text, '') || coalesce(step_deadline::text, '')) from work"), was);
  assert_int_equal(count("select count(*) from work where lease_until is null and run_at > now() and run_at < now() + interval '1 s'"), 1);
  F.crowded = false;
  assert_true(run());
}
static void a_check_without_target_ends_no_probe(void **s) {
  (void)s;
  if (!world()) return;
  run_sql("insert into health_check (id, target_type, target) values (777, 'participant', gen_random_uuid()); insert into probe (id, kind, actor) values (777, 'infra_test', 't');"
          "insert into work (class, ref, workflow) values ('check', 777, 'participant_check')");
  assert_true(one_claim("t/0"));
  assert_int_equal(count("select count(*) from work where ended"), 1);
  assert_string_equal(ask("select state from probe where id = 777"), "queued");
}
static void a_restart_of_our_own_is_no_failure(void **s) {
  (void)s;
  if (!world()) return;
  W.checks = true;
  struct uuid x = create_exchange();
  assert_true(run());
  create_cluster(9999);
  assert_true(run());
  F.unready = true; /* the traffic server's pod starts again */
  run_sql("update operation set ended_at = now() where kind = 'routes_push'; update work set run_at = now() where class = 'check'");
  while (one_claim("t/0")) {}
  assert_int_equal(status_of(x), PARTY_ACTIVE);
  run_sql("update operation set ended_at = now() - interval '1 minute' where kind = 'routes_push'; update work set run_at = now() where class = 'check'");
  while (one_claim("t/0")) {}
  assert_int_equal(status_of(x), PARTY_FAILED), assert_int_equal(events(x, "check.bad"), 1);
  F.unready = false;
  run_sql("update work set run_at = now() where class = 'check'");
  while (one_claim("t/0")) {}
  assert_int_equal(status_of(x), PARTY_ACTIVE);
}
static void thousands_of_steps_leave_nothing_behind(void **s) {
  (void)s;
  if (!world()) return;
  W.checks = true;
  create_exchange();
  assert_true(run());
  assert_int_equal(count("select count(*) from work where class = 'check' and not ended"), 1);
  size_t first = 0;
  int calls = F.calls;
  for (int i = 0; i < 700; i++) {
    run_sql("update work set run_at = now() where not ended");
    while (one_claim("t/0")) {}
    arena_reset(A);
    if (i == 99) first = mallinfo2().uordblks;
  }
  size_t last = mallinfo2().uordblks;
  print_message("%d calls, %zu KiB in use after 100 rounds, %zu KiB after 700\n", F.calls - calls, first >> 10, last >> 10);
  assert_true(F.calls - calls >= 2100), assert_true(last < first + (64 << 10)), assert_int_equal(W.en.in_flight, 0);
}

/* A stock that is empty while the next key is being made: the runner says so and goes on with the others, and makes the key itself only when half of the step's time is over. */
static void a_key_that_is_not_made_yet_is_waited_for(void **s) {
  (void)s;
  enum { TIMES = 8 };
  int waited = 0;
  for (int round = 0; round < 20 && waited < TIMES; round++) { /* now and then a key is there in time */
    if (!world()) return;
    waited = 0;
    struct uuid x = create_party(TYPE_EXCHANGE, 0, "ex", CERT_CREATE);
    assert_true(keystock_start(1));
    for (int i = 0; i < 500 && count(LIVE); i++) {
      while (waited < TIMES && keystock_ready()) EVP_PKEY_free(keystock_take());
      bool claimed = one_claim("t/0");
      if (claimed && waited < TIMES && streq(ask("select evidence_class from operation where kind = 'exchange_create' and not exists (select from certificate)"), "cause.key")) {
        assert_string_equal(ask("select evidence_args->>0 from operation where kind = 'exchange_create'"), "proxy.example.com");
        waited++;
        if (waited == TIMES) { /* still none: it may not wait for ever */
          tick(60);
          while (keystock_ready()) EVP_PKEY_free(keystock_take());
          assert_true(one_claim("t/0")), assert_int_equal(count("select count(*) from certificate"), 1);
        }
      }
      if (!claimed) tick(1);
    }
    keystock_stop();
    assert_string_equal(op_state(x), "succeeded"), assert_int_equal(status_of(x), PARTY_ACTIVE);
    assert_int_equal(count("select count(*) from certificate"), 1), assert_int_equal(made("/secrets/traffic-server-cert"), 1);
  }
  assert_int_equal(waited, TIMES);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      T(an_overtaken_runner_writes_nothing), T(a_claim_says_when_the_rest_is_due), T(two_runners_in_any_order_never_share), T(a_new_connection_spares_what_is_under_way), T(a_job_of_a_former_life_is_not_taken_for_ours),
      T(a_release_that_only_helm_knows_is_kept), T(a_release_of_somebody_else_is_left_alone), T(tries_of_a_request_that_counts_share_one_deadline), T(a_push_whose_answer_is_lost_still_restarts_the_traffic_server),
      T(an_operation_ends_at_its_deadline), T(a_dead_cluster_ends_in_a_sentence), T(a_step_that_always_finds_more_to_do_ends), T(a_long_retry_after_does_not_outlast_the_step),
      T(stopping_waits_for_what_is_perhaps_on_its_way), T(what_a_superseded_creation_made_is_removed), T(a_removal_excludes_a_creation), T(a_failed_push_in_front_hides_no_other_hold), T(the_removal_of_an_exchange_waits_for_its_push), T(a_forced_removal_does_not_wait_for_a_stuck_push), T(a_retried_push_starts_counting_anew), T(two_removals_at_once_share_a_push),
      T(a_repair_looks_at_the_workloads_before_it_waits), T(a_repair_does_not_take_a_push_that_looked_before_it_for_its_own),
      T(an_external_cluster_that_comes_as_a_push_ends_gets_its_route), T(by_force_nobody_waits_for_a_removal_that_was_refused), T(a_crowded_cluster_gets_its_work_back_later), T(a_check_without_target_ends_no_probe), T(a_restart_of_our_own_is_no_failure), T(a_key_that_is_not_made_yet_is_waited_for), T(thousands_of_steps_leave_nothing_behind)};
  setenv("ENGINE_DB", "engine_rules", 1);
  return cmocka_run_group_tests(tests, world_begin, world_end);
}
