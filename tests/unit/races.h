/* Two people at the same time, each with a connection, a thread and an arena of its own, for the tests that ask who wins. */
#ifndef UNIT_RACES_H
#define UNIT_RACES_H
#include <unistd.h>
#include <pthread.h>
#include "deploy/federation_ops.h"
#include "engine_world.h"

enum { ROUNDS = 12 };
typedef bool deed(struct db *db, struct arena *a, struct err *e);
struct person { pthread_t thread; struct db *db; struct arena *a; struct err e; deed *does; int late_us; bool ok; };
static struct person P[2];
static pthread_barrier_t START;
static int SECOND_WAITS_US; /* the second person comes up to so much later; 0: now this one, now that */
static struct uuid EXCHANGE, PARTY, OP;
static struct party_form FORM, FORM_X;

static bool removes(struct db *db, struct arena *a, struct err *e) { return participant_ops_delete(db, a, TYPE_CLUSTER, PARTY, W.fed, false, "one", e); }
static bool removes_by_force(struct db *db, struct arena *a, struct err *e) { return participant_ops_delete(db, a, TYPE_CLUSTER, PARTY, W.fed, true, "one", e); }
static bool repairs(struct db *db, struct arena *a, struct err *e) { return participant_ops_repair(db, a, TYPE_CLUSTER, PARTY, W.fed, "one", e); }
static bool retries(struct db *db, struct arena *a, struct err *e) { return op_retry(db, a, OP, "one", e); }
static bool cancels(struct db *db, struct arena *a, struct err *e) { return op_cancel(db, a, OP, "one", e); }
static bool creates_cluster(struct db *db, struct arena *a, struct err *e) { struct uuid id; return participant_ops_create(db, a, &W.key.pub, TYPE_CLUSTER, &FORM, "one", &id, e); }
static bool creates_exchange(struct db *db, struct arena *a, struct err *e) { struct uuid id; return participant_ops_create(db, a, &W.key.pub, TYPE_EXCHANGE, &FORM_X, "one", &id, e); }
static bool removes_exchange(struct db *db, struct arena *a, struct err *e) { return participant_ops_delete(db, a, TYPE_EXCHANGE, EXCHANGE, W.fed, false, "one", e); }
static bool removes_endpoint(struct db *db, struct arena *a, struct err *e) { return endpoint_ops_delete(db, a, W.endpoint, true, false, "one", e); }
static bool repairs_endpoint(struct db *db, struct arena *a, struct err *e) { return endpoint_ops_repair(db, a, W.endpoint, "one", e); }
static bool removes_federation(struct db *db, struct arena *a, struct err *e) { struct uuid op; return federation_ops_remove(db, a, W.fed, false, "one", &op, e); }

static struct party_form form(int type, long party, const char *ns) {
  struct values_form v;
  struct party_form f = {.federation = W.fed, .endpoint = W.endpoint, .name = ns, .namespace_ = ns, .party_id = party, .service_type = SERVICE_NODEPORT, .proxy_mode = type == TYPE_EXCHANGE ? CERT_SKIP : 0, .pulsar_mode = type == TYPE_CLUSTER ? CERT_SKIP : 0};
  values_defaults(&v);
  v.name = ns, v.namespace_ = ns, v.service_type = SERVICE_NODEPORT, v.party_id = party;
  assert_true(uuid_parse(ask(type == TYPE_EXCHANGE ? "select uuid from chart where id = 1" : "select uuid from chart where id = 2"), &f.chart));
  OK(participant_ops_yaml(W.db, A, type, &v, W.fed, f.chart, &f.deployment_yaml, &E));
  return f;
}

/* What an observer counts. */
static const char *counted(void) {
  return ask("select format('%s operations, %s live, %s holds, %s events, %s pieces of work, %s participants, %s that go, %s cancelled', (select count(*) from operation), (select count(*) from operation where state in ('queued', 'running', 'failed')), "
             "(select count(*) from hold), (select count(*) from event), (select count(*) from work where not ended), (select count(*) from participant where deleted_at is null), (select count(*) from participant where status = 3), "
             "(select count(*) from operation where cancel_requested))");
}
static void *one_person(void *arg) {
  struct person *p = arg;
  pthread_barrier_wait(&START);
  if (p->late_us) usleep((unsigned)p->late_us);
  p->ok = p->does(p->db, p->a, &p->e);
  return NULL;
}
static void at_once(deed *a, deed *b, int round) {
  assert_int_equal(pthread_barrier_init(&START, NULL, 2), 0);
  for (int i = 0; i < 2; i++) {
    arena_reset(P[i].a), err_clear(&P[i].e);
    P[i].does = i ? b : a, P[i].late_us = SECOND_WAITS_US ? (i ? (int)(random() % SECOND_WAITS_US) : 0) : round % 3 == i + 1 ? (int)(random() % 2000) : 0;
    assert_int_equal(pthread_create(&P[i].thread, NULL, one_person, &P[i]), 0);
  }
  for (int i = 0; i < 2; i++) pthread_join(P[i].thread, NULL);
  pthread_barrier_destroy(&START);
}
static const char *alone(deed *d) {
  world_again();
  OK(d(W.db, A, &E));
  return arena_strdup(A, counted());
}
/* Whoever wins, it is as if the other had not been there. */
static void excludes(const char *what, deed *a, deed *b) {
  const char *want[] = {alone(a), alone(b)};
  int wins[2] = {0};
  for (int k = 0; k < ROUNDS; k++) {
    world_again();
    at_once(a, b, k);
    if (P[0].ok == P[1].ok) print_error("%s: both %s: %s\n", what, P[0].ok ? "won" : "lost", P[0].ok ? "" : err_message(&P[0].e, A));
    assert_int_equal(P[0].ok + P[1].ok, 1);
    const struct person *loser = &P[P[0].ok], *winner = &P[!P[0].ok];
    if (loser->e.kind != FAIL_CONFLICT) print_error("%s: the other gets %s [%s]\n", what, err_message(&loser->e, A), loser->e.detail);
    assert_int_equal(loser->e.kind, FAIL_CONFLICT);
    assert_true(loser->e.key != MSG_NONE && loser->e.key != MSG_INTERNAL_BUG && *err_message(&loser->e, A));
    const char *is = counted(), *wanted = want[winner == &P[1]];
    if (!streq(is, wanted)) print_error("%s: %s\ninstead of: %s\n", what, is, wanted);
    assert_string_equal(is, wanted);
    wins[winner == &P[1]]++;
  }
  print_message("%s: %d to %d\n", what, wins[0], wins[1]);
}

static bool connect_people(void) {
  if (!world()) return false;
  for (int i = 0; i < 2 && !P[1].db; i++) P[i].db = db_new(arena_fmt(A, "%s dbname=%s", getenv("TEST_DB"), getenv("ENGINE_DB")), "unit", 10000), P[i].a = arena_new();
  return true;
}
/* An exchange and, if wanted, a cluster that are Active. */
static bool begin(bool cluster) {
  if (!connect_people()) return false;
  EXCHANGE = create_exchange();
  assert_true(run());
  if (cluster) PARTY = create_cluster(9999), assert_true(run());
  return true;
}
#endif
