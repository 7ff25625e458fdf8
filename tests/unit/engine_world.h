/* A federation in a database of its own, and a runner without a loop: claims one piece of work after the other, answers its calls from the fake, fails or
 * dies where a test says so. Time passes by moving every stored time into the past. */
#ifndef UNIT_ENGINE_WORLD_H
#define UNIT_ENGINE_WORLD_H
#pragma GCC diagnostic ignored "-Wunused-function" /* each test program uses some of these */
#include "engine_fake.h"
#include "crypt/seal.h"
#include "crypt/x509.h"
#include "deploy/endpoint_ops.h"
#include "deploy/op.h"
#include "deploy/participant_ops.h"
#include "deploy/store.h"
#include "kube/kubeconfig.h"
#include "model/infra.h"
#include "model/status.h"

/* What passes, then what does not pass by itself, then what a person does while the call is on its way, then the database at a commit. */
enum fault { NO_FAULT, NOT_SENT, LOST_BEFORE, LOST_AFTER, STATUS_500, STATUS_409, STATUS_429, DIES_BEFORE, DIES_AFTER, FAULTS, STATUS_403, STATUS_422, CANCELS, CUT_OFF };
static const char *const FAULT_NAME[] = {"none", "not sent", "lost on the way", "answer lost", "500", "409", "429", "dies before the call leaves", "dies before the answer is kept", "-", "403", "422", "somebody stops it",
                                         "the database cuts the connection off"};
static struct { struct db *db, *keeper /* writes past constraints and triggers, see world_keep */; struct engine en; struct conf conf; struct seal_key key; struct uuid infra, endpoint, fed; const char *kubeconfig; struct arena *scratch; bool checks /* let the health checks run too */; } W;
static struct { int at, seen, cancelled; enum fault fault; bool (*hits)(void); const char *cancels; } PLAN; /* at: number of the call; hits: or every call that this says yes to; cancels: the kind that somebody stops */

enum { MAX_CALLS = 200 };
static bool WRITES[MAX_CALLS]; /* which of the calls seen were no GET and no login */

static const struct stmt Q_TEXT = {"w_text", "select coalesce(first_value($1), '')"}; /* the function is made by world_begin */
static const char *ask(const char *sql) {
  struct rows r = {0};
  OK(db_query(W.db, A, &Q_TEXT, &r, &E, sql));
  return row_text(&r, 0, 0);
}
static long count(const char *sql) { return strtol(ask(sql), NULL, 10); }
static void run_sql(const char *sql) { OK(db_script(W.db, sql, &E)); }
static void keeper_does(const char *sql) { OK(db_script(W.keeper, sql, &E)); }

/* The server ends the connection at the Nth write of the runner, or at the Nth commit, counted down by these sequences; or it is slow at each of them. */
static const char CUTTER[] =
    "create sequence cut_write minvalue -1000000; create sequence cut_commit minvalue -1000000; create function cut() returns trigger language plpgsql as $$ begin if nextval(tg_argv[0]) = 0 then "
    "perform pg_terminate_backend(pg_backend_pid()); end if; if current_setting('fedlcm.slow', true) = 'on' then perform pg_sleep(0.01); end if; return null; end $$; create trigger cut_write after update of step, attempt, ended, lease_by on work for each statement execute function cut('cut_write'); "
    "create constraint trigger cut_commit after update of step, attempt, ended, lease_by on work deferrable initially deferred for each row execute function cut('cut_commit')";
static void cut_off_at(const char *sequence, int n) { run_sql(arena_fmt(W.scratch, "select setval('%s', %d, false)", sequence, 1 - n)); }
static long writes_since(const char *sequence, int n) { return count(arena_fmt(W.scratch, "select last_value + %d from %s", n, sequence)); }

/* Everything that a runner writes, and what people write too. */
static const char *rows(void) {
  return ask("select md5(coalesce((select string_agg(w::text, '' order by id) from work w), '') || coalesce((select string_agg(o::text, '' order by id) from operation o), '') || "
             "coalesce((select string_agg(s::text, '' order by s.operation_id, ord) from operation_step s), '') || coalesce((select string_agg(h::text, '' order by operation_id, object) from hold h), '') || "
             "coalesce((select string_agg(p::text, '' order by id) from participant p), '') || coalesce((select string_agg(e::text, '' order by id) from endpoint e), '') || (select count(*)::text from event))");
}

/* Its connections and tokens are its own. */
static void new_process(void) {
  reach_free(W.en.reach);
  W.en.reach = reach_new(NULL, &W.key);
}

static int world_begin(void **s) {
  (void)s;
  const char *ca;
  struct secret ca_key = {0};
  struct kubeconfig k;
  A = arena_new(), W.scratch = arena_new();
  if (!getenv("TEST_DB")) return 0;
  if (!x509_make_ca(A, "test ca", "test", &ca, &ca_key, &E)) return 1;
  secret_free(&ca_key);
  const char *text = arena_fmt(W.scratch, "apiVersion: v1\nkind: Config\ncurrent-context: ctx\nclusters:\n- name: cl\n  cluster:\n    server: https://10.1.2.3:6443\n    certificate-authority-data: %s\nusers:\n- name: us\n  user:\n"
                                          "    token: secret-token\ncontexts:\n- name: ctx\n  context: {cluster: cl, user: us}\n", b64_encode(A, ca, strlen(ca)));
  if (!kubeconfig_read(W.scratch, text, strlen(text), "obj", false, 0, &k, &E) || !k.ok) return 1;
  W.kubeconfig = strdup(k.canonical);
  seal_keygen(&W.key);
  W.conf = (struct conf){.lease_s = 30, .deadline_scale_pct = 100, .check_s = 12, .retry_s = 16, .circuit_s = 30, .keep_days = 180};
  const char *name = getenv("ENGINE_DB") ? getenv("ENGINE_DB") : "engine";
  W.db = test_db(name);
  W.keeper = db_new(arena_fmt(W.scratch, "%s dbname=%s", getenv("TEST_DB"), name), "unit", 10000);
  if (!db_script(W.keeper, "set session_replication_role = replica", &E)) return 1;
  W.en = (struct engine){.conf = &W.conf, .db = W.db, .xfer = &XFER[0]};
  if (!db_script(W.db, CUTTER, &E) || !db_script(W.db, "create function first_value(q text) returns text language plpgsql as $$ declare v text; begin execute q into v; return v; end $$", &E)) return 1;
  arena_free(A);
  return 0;
}
static int world_end(void **s) {
  (void)s;
  if (W.keeper) db_free(W.keeper);
  db_free(W.db);
  reach_free(W.en.reach);
  free((char *)(uintptr_t)W.kubeconfig);
  arena_free(W.scratch);
  return 0;
}

/* An infrastructure, a ready endpoint, a federation. Nothing of former tests is left. */
static bool world(void) {
  if (!W.db) { skip(); return false; }
  fake_reset();
  memset(&PLAN, 0, sizeof PLAN);
  while (W.en.all) work_free(W.en.all);
  W.en.stopping = W.checks = false;
  new_process();
  keeper_does("delete from event; delete from hold; delete from chart_archive; delete from endpoint_chart; delete from operation_component; delete from operation_step; delete from operation; delete from work; delete from probe; delete from health_check; "
          "delete from certificate_binding; delete from certificate; delete from authority; delete from named_secret; delete from endpoint_object; delete from participant; delete from federation; delete from endpoint; delete from infra; "
          "delete from secret");
  struct uuid cfg, account;
  W.infra = uuid_new(), W.endpoint = uuid_new(), W.fed = uuid_new();
  OK(secret_store(W.db, A, &W.key.pub, "kubeconfig", W.kubeconfig, strlen(W.kubeconfig), &cfg, &E));
  OK(secret_store(W.db, A, &W.key.pub, "kubefate", "admin\npw", 8, &account, &E));
  run_sql(arena_fmt(A, "insert into infra (uuid, name, kubeconfig_secret, config_sha256, kubeconfig_shown, api_host, auth_kind) values ('%s', 'lab', '%s', 'x', '', 'https://10.1.2.3:6443', 'token');"
                       "insert into endpoint (uuid, infra_uuid, name, status, credential_secret) values ('%s', '%s', 'kf', 2, '%s');"
                       "insert into federation (uuid, name, domain) values ('%s', 'fed', 'example.com')", W.infra.s, cfg.s, W.endpoint.s, W.infra.s, account.s, W.fed.s));
  return true;
}

/* The state kept aside, and back again: what many runs begin with is made once. On a connection of its own, since a change of session_replication_role
 * throws away every plan of the connection. */
static const char TABLES[] = "select string_agg(format(%s), '') from pg_tables where schemaname = 'public' and tablename not in ('app_user', 'chart', 'schema_migration', 'setting', 'session', 'login_failure')";
static void world_keep(void) {
  const char *copies = ask(arena_fmt(W.scratch, TABLES, "'create table kept.%1$s as table public.%1$s;', tablename"));
  keeper_does(arena_fmt(W.scratch, "drop schema if exists kept cascade; create schema kept; %s", copies));
  const char *back = ask(arena_fmt(W.scratch, TABLES, "'delete from public.%1$s; insert into public.%1$s table kept.%1$s;', tablename"));
  keeper_does(arena_fmt(W.scratch, "create function kept.again() returns void language plpgsql as $$ begin %s perform setval('cut_write', 1), setval('cut_commit', 1); end $$", back));
  fake_keep();
}
static void world_again(void) {
  while (W.en.all) work_free(W.en.all);
  memset(&PLAN, 0, sizeof PLAN), memset(WRITES, 0, sizeof WRITES);
  new_process();
  keeper_does("select kept.again()");
  fake_again();
}

/* --- the runner --- */
static void tick(int seconds) {
  run_sql(arena_fmt(W.scratch, "update work set run_at = run_at - interval '%d s', intent_at = intent_at - interval '%d s', step_deadline = step_deadline - interval '%d s', lease_until = lease_until - interval '%d s', "
                               "memo = memo || coalesce((select jsonb_object_agg(k, (v::text::bigint - %d000000)) from jsonb_each(memo) x(k, v) where k in ('try_until', 'try_late', 'try_chart', 'settle_until', 'quiet_since', 'word_at', 'half_at', 'stop_at') and v <> '0'), '{}') where not ended; "
                               "update infra set circuit_until = circuit_until - interval '%d s' where circuit_since is not null; update operation set deadline = deadline - interval '%d s', ended_at = ended_at - interval '%d s' where state in ('queued', 'running', 'failed')%s", seconds, seconds, seconds, seconds, seconds, seconds, seconds, seconds,
                               W.checks ? "" : "; delete from work where class = 'check'"));
}
static void forget_call(void) {
  free(F.pending->body);
  memset(F.pending, 0, sizeof *F.pending);
}
/* SIGKILL: what it had in its memory is gone; the supervisor starts its successor, which frees its leases. */
static void die(void) {
  int n;
  while (W.en.all) work_free(W.en.all);
  forget_call();
  new_process();
  OK(store_recover(W.db, A, "t/0", NULL, &n, &E));
}
/* Somebody stops the operation, and the answer comes so late that the runner loads it anew (drive.c, WARM_MS): that is when it sees the wish. */
static void cancel_now(void) {
  struct uuid op;
  struct err e = ERR_INIT;
  const char *u = ask(arena_fmt(W.scratch, "select coalesce((select uuid::text from operation where state in ('queued', 'running') and kind = '%s' order by id desc limit 1), '')", PLAN.cancels));
  if (uuid_parse(u, &op) && op_cancel(W.db, A, op, "tester", &e)) PLAN.cancelled++;
  F.pending->w->loaded_ms = clock_mono_ms() - 60000;
}
static struct reply failing(enum fault f) {
  struct arena *a = F.pending->a;
  bool proxy = strstr(F.pending->path, "/proxy/") != NULL;
  switch (f) {
    case NOT_SENT: return (struct reply){.fail = REPLY_NOT_SENT, .cause = NET_REFUSED, .content_type = "", .body = "", .why = "connection refused", .peer = ""};
    case LOST_AFTER: fake_answer(); /* fall through */
    case LOST_BEFORE: return (struct reply){.fail = REPLY_UNKNOWN, .cause = NET_CUT, .content_type = "", .body = "", .why = "the connection was cut", .peer = ""};
    case STATUS_500: return kube_status(a, 500, "InternalError", "etcdserver: leader changed");
    case STATUS_409: return proxy ? kf_error(a, "some refusal of KubeFATE") : kube_status(a, 409, "Conflict", "the object has been modified; please apply your changes to the latest version");
    case STATUS_429: return kube_status(a, 429, "TooManyRequests", "too many requests");
    case STATUS_403: return kube_status(a, 403, "Forbidden", proxy ? "services is forbidden: User u cannot create resource services/proxy in the namespace kube-fate" : "it is forbidden: User u cannot do that");
    case STATUS_422: return proxy ? kf_error(a, "yaml: unmarshal errors") : kube_status(a, 422, "Invalid", "it is invalid: spec.x: Required value");
    case CANCELS: cancel_now(); break;
    case NO_FAULT: case DIES_BEFORE: case DIES_AFTER: case FAULTS: case CUT_OFF: break;
  }
  return fake_answer();
}
static void answer_calls(void) {
  for (int i = 0; F.pending->w; i++) {
    if (i > 500) print_error("%s %s again and again\n", F.pending->c.method, F.pending->path);
    BUG_ON(i > 505);
    struct work *w = F.pending->w;
    PLAN.seen++;
    if (PLAN.seen < MAX_CALLS) WRITES[PLAN.seen] = !streq(F.pending->c.method, "GET") && !str_ends(F.pending->path, "/user/login");
    enum fault f = (PLAN.hits ? PLAN.hits() : PLAN.seen == PLAN.at) ? PLAN.fault : NO_FAULT;
    if (f == DIES_BEFORE) { die(); return; }
    struct reply r = failing(f);
    if (f == DIES_AFTER) { die(); return; }
    forget_call();
    drive_reply(w, &r);
  }
}
/* What the runner does with a connection that was lost (deploy/runner.c). */
static bool connected(const char *holder) {
  int n;
  if (db_alive(W.db)) return true;
  OK(db_connect(W.db, &E));
  OK(store_recover(W.db, W.scratch, holder, W.en.all, &n, &E));
  return false;
}
static bool one_claim(const char *holder) {
  struct claim c;
  int n;
  if (!store_claim(W.db, W.scratch, holder, W.conf.lease_s, 1, &c, &n, NULL, &E)) {
    if (db_alive(W.db)) OK(false);
    err_clear(&E);
    return !connected(holder);
  }
  if (n) drive(work_new(&W.en, c.id, c.token)), answer_calls();
  if (!connected(holder)) n = 1;
  arena_reset(W.scratch);
  return n > 0;
}
static const char LIVE[] = "select count(*) from operation where state in ('queued', 'running')";
/* Until no operation is live; false when that does not come. */
static bool run_for(int rounds, int seconds) {
  for (int i = 0; i < rounds; i++) {
    while (one_claim("t/0")) {}
    if (!count(LIVE)) return true;
    tick(seconds);
  }
  return false;
}
static bool run(void) { return run_for(120, 2); }
/* The same, and what failed is retried by a person; each failure has its sentence. */
static bool run_and_retry(void) {
  for (int i = 0; i < 3; i++) {
    if (!run()) return false;
    const char *u = ask("select uuid from operation where state = 'failed' limit 1");
    struct uuid op;
    if (!*u) return true;
    if (count("select count(*) from operation where state = 'failed' and (error_class = '' or next_action = '')")) return false;
    assert_true(uuid_parse(u, &op));
    OK(op_retry(W.db, A, op, "tester", &E));
  }
  return run() && !count("select count(*) from operation where state = 'failed'");
}

/* --- what people do --- */
static bool REGISTRY; /* images come from a registry that wants a password */
static bool try_party(int type, long party, const char *ns, int mode, struct uuid *id, struct err *e) {
  struct values_form v;
  struct uuid chart;
  const char *yaml;
  values_defaults(&v);
  v.name = ns, v.namespace_ = ns, v.service_type = SERVICE_NODEPORT, v.party_id = party;
  assert_true(uuid_parse(ask(type == TYPE_EXCHANGE ? "select uuid from chart where id = 1" : "select uuid from chart where id = 2"), &chart));
  if (!participant_ops_yaml(W.db, A, type, &v, W.fed, chart, &yaml, e)) return false;
  struct party_form f = {.federation = W.fed, .endpoint = W.endpoint, .chart = chart, .name = ns, .namespace_ = ns, .deployment_yaml = yaml, .party_id = party, .service_type = SERVICE_NODEPORT,
                         .proxy_mode = type == TYPE_EXCHANGE ? mode : 0, .pulsar_mode = type == TYPE_CLUSTER ? mode : 0,
                         .use_registry_secret = REGISTRY, .registry_server = "registry.example.com", .registry_username = "u", .registry_password = "p"};
  return participant_ops_create(W.db, A, &W.key.pub, type, &f, "tester", id, e);
}
static struct uuid create_party(int type, long party, const char *ns, int mode) {
  struct uuid id = {{0}};
  OK(try_party(type, party, ns, mode, &id, &E));
  return id;
}
static struct uuid create_exchange(void) { return create_party(TYPE_EXCHANGE, 0, "ex", CERT_SKIP); } /* making keys takes most of a test's time */
static struct uuid create_cluster(long party) { return create_party(TYPE_CLUSTER, party, arena_fmt(A, "fate-%ld", party), CERT_SKIP); }
static void remove_party(struct uuid id, int type, bool force) { OK(participant_ops_delete(W.db, A, type, id, W.fed, force, "tester", &E)); }
static int status_of(struct uuid id) { return (int)count(arena_fmt(A, "select status from participant where uuid = '%s'", id.s)); }
static bool buried(struct uuid id) { return count(arena_fmt(A, "select count(*) from participant where uuid = '%s' and deleted_at is not null", id.s)) == 1; }
static int events(struct uuid id, const char *class) { return (int)count(arena_fmt(A, "select count(*) from event where entity_uuid = '%s' and class = '%s'", id.s, class)); }
static const char *op_state(struct uuid id) { return ask(arena_fmt(A, "select state from operation where subject = '%s' order by id desc limit 1", id.s)); }
static struct uuid live_op(struct uuid subject) {
  struct uuid u;
  assert_true(uuid_parse(ask(arena_fmt(A, "select uuid from operation where subject = '%s' order by id desc limit 1", subject.s)), &u));
  return u;
}
#endif
