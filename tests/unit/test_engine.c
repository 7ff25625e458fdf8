/* The engine and its workflows without a network: every call fails in every way, the runner dies at every call, and each effect still happens once. */
#include "engine_world.h"

/* --- scenarios: what has to come out whatever happened on the way; "" = as it should be --- */
static const char *wrong(const char *what, long is, long wanted) { return is == wanted ? NULL : arena_fmt(A, "%s is %ld, wanted %ld; ", what, is, wanted); }
#define WANT(what, is, wanted) do { const char *bad_ = wrong(what, (long)(is), (long)(wanted)); if (bad_) buf_str(b, bad_); } while (0)

static void party_once(struct buf *b, struct uuid id, const char *ns) {
  WANT("Active", status_of(id), PARTY_ACTIVE);
  WANT("namespace made", made(arena_fmt(A, "/namespaces/%s", ns)), 1);
  static const char *const ONCE[] = {"event.party-start", "event.ns-made", "event.active"};
  for (size_t i = 0; i < sizeof ONCE / sizeof *ONCE; i++) WANT(ONCE[i], events(id, ONCE[i]), 1);
  WANT("event of the job", events(id, "event.job") + events(id, "event.job-found"), 1);
}
static void all_gone(struct buf *b, int parties) {
  WANT("install jobs", jobs_of("ClusterInstall"), parties);
  WANT("delete jobs", jobs_of("ClusterDelete"), parties);
  WANT("objects left", objects_there(), 0);
  WANT("holds", count("select count(*) from hold"), 0);
  WANT("live work", count("select count(*) from work where not ended"), 0);
  WANT("operations that did not succeed", count("select count(*) from operation where state <> 'succeeded' and (kind, state) <> ('routes_push', 'superseded')"), 0); /* a refused push is followed by another */
  WANT("steps that did not end", count("select count(*) from operation_step s join operation o on o.id = s.operation_id where o.state = 'succeeded' and s.state not in ('done', 'skipped')"), 0);
  WANT("percent below 100", count("select count(*) from operation where state = 'succeeded' and percent <> 100"), 0);
  WANT("overlapping updates", F.overlaps, 0);
}
static void exchange_life(struct buf *b) {
  struct uuid x = create_exchange();
  WANT("converges", run_and_retry(), true);
  party_once(b, x, "ex");
  remove_party(x, TYPE_EXCHANGE, status_of(x) != PARTY_ACTIVE);
  WANT("removal converges", run_and_retry(), true);
  WANT("buried", buried(x), true);
  all_gone(b, 1);
}
static void certificates(struct buf *b) {
  struct uuid x = create_party(TYPE_EXCHANGE, 0, "ex", CERT_CREATE);
  WANT("converges", run_and_retry(), true);
  party_once(b, x, "ex");
  WANT("certificate secret made", made("/secrets/traffic-server-cert"), 1);
  WANT("certificates", count("select count(*) from certificate"), 1);
  WANT("certificates bound", count(arena_fmt(A, "select count(*) from certificate_binding where participant_uuid = '%s'", x.s)), 1);
  WANT("authorities", count("select count(*) from authority"), 1);
  WANT("event.cert", events(x, "event.cert"), 1);
  WANT("event.secret", events(x, "event.secret"), 1);
  WANT("keys kept", count("select count(*) from secret where kind = 'leaf-key'"), 0);
}
static void cluster_life(struct buf *b) {
  struct uuid x = create_exchange();
  int at = PLAN.at;
  PLAN.at = 0;
  WANT("exchange", run(), true);
  PLAN.at = at, PLAN.seen = 0;
  struct uuid c = create_cluster(9999);
  WANT("converges", run_and_retry(), true);
  party_once(b, c, "fate-9999");
  if (!strstr(F.sni, "9999.example.com")) buf_str(b, "not in the exchange's table; ");
  WANT("event.routed", events(c, "event.routed"), 1);
  remove_party(c, TYPE_CLUSTER, status_of(c) != PARTY_ACTIVE);
  WANT("removal converges", run_and_retry(), true);
  WANT("buried", buried(c), true);
  if (strstr(F.sni, "9999.example.com")) buf_str(b, "still in the exchange's table; ");
  PLAN.at = 0;
  remove_party(x, TYPE_EXCHANGE, false);
  WANT("exchange removed", run(), true);
  all_gone(b, 2);
}
static void endpoint_life(struct buf *b) {
  struct endpoint_form f = {.name = "kf2", .infra = W.infra, .type = "KubeFATE", .install = true};
  struct uuid id = {{0}};
  run_sql("delete from endpoint");
  OK(endpoint_ops_create(W.db, A, &W.key.pub, &f, "tester", &id, &E));
  WANT("converges", run_and_retry(), true);
  WANT("Ready", count(arena_fmt(A, "select status from endpoint where uuid = '%s'", id.s)), EP_READY);
  WANT("namespace made", made("/namespaces/kube-fate"), 1);
  WANT("deployments made", made("/deployments/kubefate") + made("/deployments/mariadb"), 2);
  WANT("event.applied", events(id, "event.applied"), 1);
  WANT("event.endpoint-ready", events(id, "event.endpoint-ready"), 1);
  OK(endpoint_ops_delete(W.db, A, id, true, false, "tester", &E));
  WANT("removal converges", run_and_retry(), true);
  WANT("endpoints", count("select count(*) from endpoint"), 0);
  WANT("objects left", objects_there(), 0);
  WANT("operations that did not succeed", count("select count(*) from operation where state <> 'succeeded'"), 0);
  WANT("live work", count("select count(*) from work where not ended"), 0);
}

/* One fault of a life, or none (at 0). False when something is not as it has to be. */
static bool one_fault(void (*life)(struct buf *), int at, enum fault f) {
  struct buf b;
  arena_reset(A);
  if (!world()) return true;
  buf_init(&b, A, 100000);
  PLAN.at = at, PLAN.fault = f;
  life(&b);
  if (b.n) print_error("call %d, %s: %s\n%s\n", at, FAULT_NAME[f], b.p, ask("select string_agg(kind || ' ' || state || ' ' || error_class || error_args::text || cause || evidence_class, '; ') from operation"));
  return b.n == 0;
}
/* The deadly ones and the lost answer at every call; of the others one, in turn (ENGINE_ALL=1: all of them). */
static bool due(int at, enum fault f) { return getenv("ENGINE_ALL") || f >= DIES_BEFORE || f == LOST_AFTER || (int)f - 1 == at % 6; }
static void everything_fails(void (*life)(struct buf *), int least, int from, int to) {
  int bad = !one_fault(life, 0, NO_FAULT), calls = PLAN.seen, runs = 1;
  for (int at = from; at <= calls && at <= to && bad < 5; at++)
    for (enum fault f = NOT_SENT; f < FAULTS && bad < 5; f++)
      if (due(at, f)) bad += !one_fault(life, at, f), runs++;
  assert_int_equal(bad, 0);
  if (W.db) assert_true(calls >= least);
  print_message("%d calls, %d runs\n", calls, runs);
}
static void every_call_of_an_exchanges_life_fails_or_kills(void **s) { (void)s; everything_fails(exchange_life, 20, 1, 99); }
static void every_call_of_a_clusters_life_fails_or_kills(void **s) { (void)s; everything_fails(cluster_life, 25, 1, 99); }
static void every_call_of_an_endpoints_life_fails_or_kills(void **s) { (void)s; everything_fails(endpoint_life, 20, 1, 99); }
static void every_call_around_the_certificates_fails_or_kills(void **s) { (void)s; everything_fails(certificates, 6, 3, 6); }

int main(void) {
  const struct CMUnitTest tests[] = {T(every_call_of_an_exchanges_life_fails_or_kills), T(every_call_of_a_clusters_life_fails_or_kills), T(every_call_of_an_endpoints_life_fails_or_kills), T(every_call_around_the_certificates_fails_or_kills)};
  return cmocka_run_group_tests(tests, world_begin, world_end);
}
