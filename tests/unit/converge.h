/* The scenarios of test_converge.c: for each workflow what comes before it, how it is asked for, and what has to be true at its end. */
#ifndef UNIT_CONVERGE_H
#define UNIT_CONVERGE_H
#include "engine_world.h"
#include "deploy/chart_ops.h"
#include "deploy/federation_ops.h"
#include "tgz_make.h"

static struct uuid S, X, PARTY; /* the operation's subject, the exchange, a cluster */
static int BASE;          /* objects in the cluster that are not the subject's */
static int JOBS[3];       /* installs, deletes, updates before the operation */
struct scenario {
  const char *workflow, *variant;
  void (*prepare)(void);          /* without faults */
  void (*ask)(void);              /* inserts the operation */
  void (*right)(struct buf *b);   /* says what is not as it has to be */
  void (*remove)(void);           /* by force, from wherever the operation failed or was stopped; NULL: it has nothing to remove */
  int least;                      /* so many calls at least */
  bool forced;                    /* goes on over what refuses */
  int from, to;                   /* only faults of these calls (making keys takes most of the time of a scenario); 0: of none */
};

static void want(struct buf *b, const char *what, long is, long wanted) { if (is != wanted) buf_fmt(b, "%s is %ld, wanted %ld; ", what, is, wanted); }

/* What is true whenever nothing is under way any more. */
static void settled(struct buf *b) {
  want(b, "live operations", count(LIVE), 0);
  want(b, "holds", count("select count(*) from hold where operation_id not in (select id from operation where kind = 'routes_push' and state = 'failed')"), 0); /* the next push follows it */
  want(b, "work that goes on", count("select count(*) from work where not ended and class <> 'check'"), 0);
  want(b, "overlapping updates", F.overlaps, 0);
  want(b, "installs of what is there", F.doubles, 0);
  want(b, "steps that did not end", count("select count(*) from operation_step s join operation o on o.id = s.operation_id where o.state = 'succeeded' and s.state not in ('done', 'skipped', 'failed')"), 0);
  want(b, "percent below 100", count("select count(*) from operation where state = 'succeeded' and percent <> 100"), 0);
  for (int i = 0; i < F.jobs; i++)
    if (F.job[i].looks < 3 && streq(F.job[i].method, "ClusterInstall")) buf_fmt(b, "%s still runs; ", F.job[i].uuid);
}
/* Jobs since the operation was asked for. */
static void jobs(struct buf *b, int installs, int deletes, int updates) {
  want(b, "install jobs", jobs_of("ClusterInstall") - JOBS[0], installs);
  want(b, "delete jobs", jobs_of("ClusterDelete") - JOBS[1], deletes);
  want(b, "update jobs", jobs_of("ClusterUpdate") - JOBS[2], updates);
}
static void right(const struct scenario *s, struct buf *b) {
  s->right(b);
  settled(b);
  want(b, "operations that did not succeed", count("select count(*) from operation where state <> 'succeeded' and (kind, state) not in (('routes_push', 'superseded'), ('chart_upload', 'superseded'))"), 0); /* a refused one is followed by another */
}
static bool once(struct buf *b, struct uuid id, const char *event) { want(b, event, events(id, event), 1); return true; }

/* --- creations --- */
static void nothing(void) { BASE = 0; }
static void an_exchange(void) { X = create_exchange(), assert_true(run()), BASE = objects_there(); }
static void party_right(struct buf *b, const char *ns) {
  want(b, "Active", status_of(S), PARTY_ACTIVE);
  want(b, "namespace made", made(arena_fmt(A, "/namespaces/%s", ns)), 1);
  once(b, S, "event.party-start"), once(b, S, "event.ns-made"), once(b, S, "event.active");
  want(b, "event of the job", events(S, "event.job") + events(S, "event.job-found"), 1);
}
static void exchange_q(void) { S = create_exchange(); }
static void exchange_right(struct buf *b) { party_right(b, "ex"), jobs(b, 1, 0, 0); }
static void force_exchange(void) { remove_party(S, TYPE_EXCHANGE, true); }
static void certs_q(void) { REGISTRY = true, S = create_party(TYPE_EXCHANGE, 0, "ex", CERT_CREATE), REGISTRY = false; }
static void certs_right(struct buf *b) {
  exchange_right(b);
  want(b, "pull secret made", made("/namespaces/ex/secrets/registrykeyfate"), 1);
  want(b, "certificate secret made", made("/secrets/traffic-server-cert"), 1);
  want(b, "certificates", count("select count(*) from certificate"), 1);
  want(b, "certificates bound", count(arena_fmt(A, "select count(*) from certificate_binding where participant_uuid = '%s'", S.s)), 1);
  want(b, "authorities", count("select count(*) from authority"), 1);
  once(b, S, "event.cert");
  want(b, "event.secret", events(S, "event.secret"), 2);
  want(b, "keys kept", count("select count(*) from secret where kind = 'leaf-key'"), 0);
}
static void cluster_q(void) { S = create_cluster(9999); }
static void cluster_right(struct buf *b) {
  party_right(b, "fate-9999"), jobs(b, 1, 0, 1);
  if (!strstr(F.sni, "9999.example.com")) buf_str(b, "not in the exchange's table; ");
  once(b, S, "event.routed");
}
static void cluster_certs_q(void) { REGISTRY = true, S = create_party(TYPE_CLUSTER, 9999, "fate-9999", CERT_CREATE), REGISTRY = false; }
static void cluster_certs_right(struct buf *b) {
  cluster_right(b);
  want(b, "secrets made", made("/secrets/pulsar-cert") + made("/namespaces/fate-9999/secrets/registrykeyfate"), 2);
  once(b, S, "event.cert");
}
static void force_cluster(void) { remove_party(S, TYPE_CLUSTER, true); }

/* --- removals --- */
static void exchange_there(void) { nothing(), S = create_exchange(), assert_true(run()); }
static void cluster_there(void) { an_exchange(), S = create_cluster(9999), assert_true(run()); }
/* In a namespace of somebody else: secrets and what a failed uninstall left are removed one by one. */
static void exchange_in_a_foreign_namespace(void) {
  kube_apply_(A, object("/api/v1/namespaces/ex", true), "{\"metadata\":{\"name\":\"ex\",\"labels\":{\"owner\":\"somebody\"}}}");
  kube_apply_(A, object("/api/v1/namespaces/ex/configmaps/theirs", true), "{\"metadata\":{\"name\":\"theirs\"}}");
  certs_q(), assert_true(run());
  kube_apply_(A, object("/api/v1/namespaces/ex/services/left", true), "{\"metadata\":{\"name\":\"left\",\"labels\":{\"name\":\"ex\"}}}");
  BASE = 2;
}
static void cluster_in_a_foreign_namespace(void) {
  an_exchange();
  kube_apply_(A, object("/api/v1/namespaces/fate-9999", true), "{\"metadata\":{\"name\":\"fate-9999\"}}");
  BASE++;
  cluster_certs_q(), assert_true(run());
}
static void exchange_remove_q(void) { remove_party(S, TYPE_EXCHANGE, false); }
static void cluster_remove_q(void) { remove_party(S, TYPE_CLUSTER, false); }
static void removed_right(struct buf *b) {
  want(b, "buried", buried(S), true);
  want(b, "objects left", objects_there(), BASE);
  once(b, S, "event.removed");
}
static void exchange_gone(struct buf *b) { removed_right(b), jobs(b, 0, 1, 0); }
static void cluster_gone(struct buf *b) {
  removed_right(b), jobs(b, 0, 1, 1);
  if (strstr(F.sni, "9999.example.com")) buf_str(b, "still in the exchange's table; ");
  want(b, "exchange Active", status_of(X), PARTY_ACTIVE);
}

/* --- routes: the table was wiped behind our back --- */
static void routes_wiped(void) {
  cluster_there();
  S = X;
  strcpy(F.sni, "sni:\n"), strcpy(F.table, "route_table:\n");
  kube_apply_(A, object("/api/v1/namespaces/ex/pods/traffic-server-1", true), "{\"metadata\":{\"name\":\"traffic-server-1\",\"labels\":{\"name\":\"ex\"}}}");
}
static void push_q(void) { OK(participant_ops_push(W.db, A, W.fed, "tester", &E)); }
static void pushed(struct buf *b) {
  jobs(b, 0, 0, 1);
  if (!strstr(F.sni, "9999.example.com") || !strstr(F.table, "9999")) buf_str(b, "not in the exchange's table; ");
  if (count("select count(*) from operation_step where state = 'failed'")) return; /* the restart is best effort */
  want(b, "event.pushed", events(X, "event.pushed"), 2);
  want(b, "traffic server restarted", object("/api/v1/namespaces/ex/pods/traffic-server-1", false)->removed, 1);
}

/* --- endpoints --- */
static void no_endpoint(void) { nothing(), run_sql("delete from endpoint"); }
static void endpoint_q(bool install) {
  struct endpoint_form f = {.name = "kf2", .infra = W.infra, .type = "KubeFATE", .install = install};
  OK(endpoint_ops_create(W.db, A, &W.key.pub, &f, "tester", &S, &E));
}
static void install_q(void) { endpoint_q(true); }
static void endpoint_right(struct buf *b) {
  want(b, "Ready", count(arena_fmt(A, "select status from endpoint where uuid = '%s'", S.s)), EP_READY);
  once(b, S, "event.endpoint-ready");
  jobs(b, 0, 0, 0);
}
static void install_right(struct buf *b) {
  endpoint_right(b);
  want(b, "namespace made", made("/namespaces/kube-fate"), 1);
  want(b, "deployments made", made("/deployments/kubefate") + made("/deployments/mariadb"), 2);
  once(b, S, "event.applied");
}
static void force_endpoint(void) { OK(endpoint_ops_delete(W.db, A, S, true, true, "tester", &E)); }
static void somebodys_kubefate(void) {
  no_endpoint();
  kube_apply_(A, object("/apis/apps/v1/namespaces/kube-fate/deployments/kubefate", true),
              "{\"metadata\":{\"name\":\"kubefate\"},\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"kubefate\",\"env\":[{\"name\":\"FATECLOUD_USER_USERNAME\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"acc\",\"key\":\"u\"}}},"
              "{\"name\":\"FATECLOUD_USER_PASSWORD\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"acc\",\"key\":\"p\"}}}]}]}}}}");
  kube_apply_(A, object("/api/v1/namespaces/kube-fate/secrets/acc", true), "{\"metadata\":{\"name\":\"acc\"},\"data\":{\"u\":\"dQ==\",\"p\":\"cA==\"}}");
  BASE = 2;
}
static void adopt_q(void) { endpoint_q(false); }
static void adopt_right(struct buf *b) {
  endpoint_right(b);
  want(b, "objects", objects_there(), 2);
  want(b, "made or changed", F.uids, 2);
}
static void endpoint_there(void) { no_endpoint(), install_q(), assert_true(run()), BASE = 0; }
static void endpoint_in_a_foreign_namespace(void) {
  kube_apply_(A, object("/api/v1/namespaces/kube-fate", true), "{\"metadata\":{\"name\":\"kube-fate\"}}");
  endpoint_there();
  BASE = 1;
}
static void uninstall_q(void) { OK(endpoint_ops_delete(W.db, A, S, true, false, "tester", &E)); }
static void keep_q(void) { BASE = objects_there(); OK(endpoint_ops_delete(W.db, A, S, false, false, "tester", &E)); }
static void endpoint_gone(struct buf *b) {
  want(b, "endpoints", count("select count(*) from endpoint"), 0);
  want(b, "objects left", objects_there(), BASE);
  once(b, S, "event.endpoint-gone");
}

/* --- repairs: something of ours was deleted behind our back --- */
static void endpoint_damaged(void) {
  endpoint_there();
  object("/apis/apps/v1/namespaces/kube-fate/deployments/kubefate", false)->there = false;
}
static void endpoint_repair_q(void) { OK(endpoint_ops_repair(W.db, A, S, "tester", &E)); }
static void endpoint_repaired(struct buf *b) {
  want(b, "Ready", count(arena_fmt(A, "select status from endpoint where uuid = '%s'", S.s)), EP_READY);
  want(b, "event.endpoint-ready", events(S, "event.endpoint-ready"), 2);
  want(b, "deployment made again", made("/deployments/kubefate"), 2);
  want(b, "namespace made", made("/namespaces/kube-fate"), 1);
  jobs(b, 0, 0, 0);
}
static void party_damaged(const char *secret) {
  object(arena_fmt(A, "/api/v1/namespaces/fate-9999/secrets/%s", secret), false)->there = false;
  strcpy(F.sni, "sni:\n"), strcpy(F.table, "route_table:\n");
}
static void cluster_damaged(void) {
  an_exchange();
  REGISTRY = true, cluster_q(), REGISTRY = false;
  assert_true(run());
  party_damaged("registrykeyfate");
}
static void cluster_without_certificate(void) { an_exchange(), cluster_certs_q(), assert_true(run()), party_damaged("pulsar-cert"); }
static void party_repair_q(void) { OK(participant_ops_repair(W.db, A, TYPE_CLUSTER, S, W.fed, "tester", &E)); }
static void party_repaired(struct buf *b) {
  want(b, "Active", status_of(S), PARTY_ACTIVE);
  want(b, "event.active", events(S, "event.active"), 2);
  want(b, "pull secret made again", made("/secrets/registrykeyfate"), 2);
  if (!strstr(F.sni, "9999.example.com")) buf_str(b, "not in the exchange's table; ");
  jobs(b, 0, 0, 1);
}
static void certificate_repaired(struct buf *b) {
  want(b, "Active", status_of(S), PARTY_ACTIVE);
  want(b, "secret made again", made("/secrets/pulsar-cert"), 2);
  want(b, "certificates", count("select count(*) from certificate"), 2);
  want(b, "keys kept", count("select count(*) from secret where kind = 'leaf-key'"), 0);
  jobs(b, 0, 0, 1);
}

/* --- a chart of the store: KubeFATE has it once, whatever happens on the way --- */
static struct uuid exchange_chart(void) {
  struct uuid chart;
  assert_true(uuid_parse(ask("select uuid from chart where id = 1"), &chart));
  return chart;
}
static void chart_stored(void) {
  size_t n;
  unsigned char *p = chart_make("fate-exchange", "v1.11.1", "kind: B\n", &n);
  nothing(), S = W.endpoint;
  OK(chart_ops_store(W.db, A, exchange_chart(), p, n, "tester", &E));
}
static void give_q(void) { OK(chart_ops_give(W.db, A, W.endpoint, exchange_chart(), "tester", &E)); }
static void chart_there(struct buf *b, int sent) {
  int there = 0;
  for (int i = 0; i < F.charts; i++) there += F.chart[i].there;
  want(b, "charts there", there, 1), want(b, "charts sent", F.charts, sent);
  want(b, "as in the store", count("select count(*) from endpoint_chart s join chart_archive x using (chart_uuid) where s.content = x.content"), 1);
}
static void chart_given_right(struct buf *b) { chart_there(b, 1), jobs(b, 0, 0, 0), once(b, W.endpoint, "event.chart-given"); }
static void exchange_with_chart_right(struct buf *b) { exchange_right(b), chart_there(b, 1), once(b, W.endpoint, "event.chart-given"); }

/* --- a federation as a whole --- */
static void federation_there(void) { cluster_there(), PARTY = S, S = W.fed, BASE = 0; }
static void federation_q(bool by_force) {
  struct uuid op;
  OK(federation_ops_remove(W.db, A, W.fed, by_force, "tester", &op, &E));
}
static void federation_remove_q(void) { federation_q(false); }
static void force_federation(void) { federation_q(true); }
static void federation_gone(struct buf *b) {
  want(b, "federations", count("select count(*) from federation where deleted_at is null"), 0);
  want(b, "objects left", objects_there(), 0);
  want(b, "buried", buried(PARTY) + buried(X), 2);
  once(b, PARTY, "event.removed"), once(b, X, "event.removed");
  jobs(b, 0, 2, 1);
}

enum { ALL = 999 };
static const struct scenario SCENARIOS[] = {
    {"endpoint_install", "", no_endpoint, install_q, install_right, force_endpoint, 12, false, 1, ALL},
    {"endpoint_adopt", "", somebodys_kubefate, adopt_q, adopt_right, force_endpoint, 4, false, 1, ALL},
    {"endpoint_remove", "", endpoint_there, uninstall_q, endpoint_gone, force_endpoint, 10, false, 1, ALL},
    {"endpoint_remove", "in a namespace of others", endpoint_in_a_foreign_namespace, uninstall_q, endpoint_gone, force_endpoint, 8, false, 0, 0},
    {"endpoint_remove", "of the record", endpoint_there, keep_q, endpoint_gone, force_endpoint, 0, false, 0, 0},
    {"endpoint_remove", "by force", endpoint_there, force_endpoint, endpoint_gone, NULL, 10, true, 1, ALL},
    {"exchange_create", "", nothing, exchange_q, exchange_right, force_exchange, 14, false, 1, ALL},
    {"exchange_create", "with certificates", nothing, certs_q, certs_right, force_exchange, 8, false, 5, 6},
    {"cluster_create", "", an_exchange, cluster_q, cluster_right, force_cluster, 20, false, 1, ALL},
    {"cluster_create", "with certificates", an_exchange, cluster_certs_q, cluster_certs_right, force_cluster, 8, false, 5, 6},
    {"exchange_remove", "", exchange_there, exchange_remove_q, exchange_gone, force_exchange, 6, false, 1, ALL},
    {"exchange_remove", "in a namespace of others", exchange_in_a_foreign_namespace, exchange_remove_q, exchange_gone, force_exchange, 12, false, 5, ALL},
    {"exchange_remove", "by force", exchange_there, force_exchange, exchange_gone, NULL, 6, true, 1, ALL},
    {"cluster_remove", "", cluster_there, cluster_remove_q, cluster_gone, force_cluster, 10, false, 1, ALL},
    {"cluster_remove", "in a namespace of others", cluster_in_a_foreign_namespace, cluster_remove_q, cluster_gone, force_cluster, 10, false, 0, 0},
    {"cluster_remove", "by force", cluster_there, force_cluster, cluster_gone, NULL, 10, true, 1, ALL},
    {"federation_remove", "", federation_there, federation_remove_q, federation_gone, force_federation, 20, false, 1, ALL},
    {"federation_remove", "by force", federation_there, force_federation, federation_gone, NULL, 20, true, 0, 0},
    {"endpoint_repair", "", endpoint_damaged, endpoint_repair_q, endpoint_repaired, force_endpoint, 12, false, 1, ALL},
    {"participant_repair", "", cluster_damaged, party_repair_q, party_repaired, force_cluster, 10, false, 1, 20},
    {"participant_repair", "of the certificate", cluster_without_certificate, party_repair_q, certificate_repaired, force_cluster, 8, false, 3, 4},
    {"chart_upload", "", chart_stored, give_q, chart_given_right, NULL, 3, false, 1, ALL},
    {"exchange_create", "with a chart of the store", chart_stored, exchange_q, exchange_with_chart_right, force_exchange, 17, false, 5, 12},
    {"routes_push", "", routes_wiped, push_q, pushed, NULL, 8, false, 1, ALL},
};
enum { N_SCENARIOS = sizeof SCENARIOS / sizeof *SCENARIOS };

/* Steps that no scenario can see done: there is nothing to do for this kind of participant. */
static const char *const NEVER_DONE[] = {" exchange_remove.routes-out;", " cluster_remove.settle;"};
/* Steps that are seen to fail with an exchange, and are the same for a cluster. */
static const char *const NEVER_FAIL[] = {" cluster_remove.leftovers;", " cluster_remove.secrets-gone;"};

/* What comes before, made once and kept. */
static bool prepared(const struct scenario *s) {
  arena_reset(A);
  if (!world()) return false;
  s->prepare();
  assert_int_equal(count(LIVE), 0);
  run_sql("delete from work where class = 'check'");
  world_keep();
  return true;
}
static struct buf begun(const struct scenario *s) {
  struct buf b;
  struct uuid subject = S, exchange = X;
  arena_reset(A);
  world_again();
  S = subject, X = exchange;
  JOBS[0] = jobs_of("ClusterInstall"), JOBS[1] = jobs_of("ClusterDelete"), JOBS[2] = jobs_of("ClusterUpdate");
  s->ask();
  PLAN.seen = PLAN.cancelled = 0;
  buf_init(&b, A, 100000);
  return b;
}
static bool removed(const struct scenario *s) { return str_starts(s->workflow, "federation") ? !count("select count(*) from federation where deleted_at is null") : str_starts(s->workflow, "endpoint") ? !count("select count(*) from endpoint") : buried(S); }
static bool told(const struct scenario *s, struct buf *b, int at, enum fault f) {
  if (b->n) print_error("%s%s%s, %d, %s: %s\n%s\n", s->workflow, *s->variant ? " " : "", s->variant, at, FAULT_NAME[f], b->p,
                        ask("select coalesce(string_agg(kind || ' ' || state || ' ' || error_class || error_args::text || cause || evidence_class, '; '), '') from operation"));
  return b->n == 0;
}
#endif
