/* The guided start: what is done, what comes next and what waits for what; and the one statement behind it. */
#include "t.h"
#include "model/setup.h"
#include "model/status.h"

#define ID(n) ((struct uuid){"00000000-0000-4000-8000-00000000000" n})
static const struct setup_confirmed YES = {"Admin", 1};
static struct setup_item X[SETUP__COUNT];

static struct setup_facts empty(void) { return (struct setup_facts){.infra = {.op_state = ""}, .endpoint = {.op_state = ""}, .exchange = {.op_state = ""}, .cluster = {.op_state = ""}}; }
static struct setup_facts whole(void) {
  struct setup_facts f = empty();
  f.n_infras = f.n_tested = f.n_ready = f.n_clusters = 2, f.federation = ID("f"), f.federation_name = "lab", f.spot = ID("e"), f.exchange_active = true, f.names = f.test = YES;
  return f;
}
static struct setup_object object(int status, const char *op) { return (struct setup_object){ID("1"), "it", status, op, 0}; }
/* Exactly one item is next unless all are done, it can be acted upon, and whatever waits waits for something that is not done. */
static int next_of(const struct setup_facts *f, bool password) {
  int next = -1, n = 0;
  bool all = setup_items(f, password, X);
  for (int k = 0; k < SETUP__COUNT; k++) {
    if (X[k].next) next = k, n++;
    if (X[k].next) assert_true(X[k].state != SETUP_DONE && X[k].state != SETUP_WAITS);
    if (X[k].state == SETUP_WAITS) assert_true((int)X[k].first < k && X[X[k].first].state != SETUP_DONE && (X[X[k].first].state != SETUP_WAITS || X[k].first == SETUP_CLUSTERS) && !X[k].object);
    assert_true((X[k].state == SETUP_BUSY || X[k].state == SETUP_FAILED) == (X[k].object != NULL));
    all ? assert_int_equal(X[k].state, SETUP_DONE) : (void)0;
  }
  assert_int_equal(n, !all);
  return next;
}
static void an_empty_product_starts_with_the_password(void **s) {
  (void)s;
  struct setup_facts f = empty();
  assert_int_equal(next_of(&f, true), SETUP_PASSWORD), assert_int_equal(X[SETUP_CA].state, SETUP_DONE), assert_int_equal(X[SETUP_INFRA].state, SETUP_TODO), assert_int_equal(X[SETUP_FEDERATION].state, SETUP_TODO);
  for (int k = SETUP_ENDPOINT; k < SETUP__COUNT; k++)
    if (k != SETUP_FEDERATION) assert_int_equal(X[k].state, SETUP_WAITS), assert_int_equal(X[k].first, k >= SETUP_NAMES ? SETUP_CLUSTERS : SETUP_INFRA);
  assert_int_equal(next_of(&f, false), SETUP_INFRA);
}
static void counted_items_want_two(void **s) {
  (void)s;
  for (int n = 0; n <= 3; n++) {
    struct setup_facts f = whole();
    f.n_infras = f.n_tested = n, f.n_clusters = 1;
    f.free_infra = ID("a");
    assert_int_equal(next_of(&f, false), n < 2 ? SETUP_INFRA : SETUP_CLUSTERS), assert_int_equal(X[SETUP_INFRA].have, n), assert_int_equal(X[SETUP_INFRA].want, 2);
    f = whole(), f.n_ready = n, f.n_clusters = 1, f.free_infra = ID("a");
    assert_int_equal(next_of(&f, false), n < 2 ? SETUP_ENDPOINT : SETUP_CLUSTERS), assert_int_equal(X[SETUP_ENDPOINT].have, n);
    f = whole(), f.n_clusters = n;
    assert_int_equal(next_of(&f, false), n < 2 ? SETUP_CLUSTERS : -1), assert_int_equal(X[SETUP_CLUSTERS].have, n), assert_int_equal(X[SETUP_NAMES].state, n < 2 ? SETUP_WAITS : SETUP_DONE);
  }
  struct setup_facts f = whole();
  f.n_infras = f.n_tested = f.n_ready = 1;
  assert_int_equal(next_of(&f, false), -1); /* both parties on one cluster are enough */
}
static void what_runs_or_failed_is_shown_in_place_of_an_offer(void **s) {
  (void)s;
  static const struct { int status; const char *op; enum setup_state state; } PARTY[] = {{PARTY_INSTALLING, "queued", SETUP_BUSY}, {PARTY_INSTALLING, "running", SETUP_BUSY}, {PARTY_INSTALLING, "", SETUP_BUSY}, {PARTY_INSTALLING, "failed", SETUP_FAILED},
      {PARTY_FAILED, "", SETUP_FAILED}, {PARTY_FAILED, "running", SETUP_BUSY}, {PARTY_REMOVING, "running", SETUP_BUSY}, {PARTY_UNKNOWN, "", SETUP_FAILED}},
    EP[] = {{EP_CREATING, "running", SETUP_BUSY}, {EP_CREATING, "failed", SETUP_FAILED}, {EP_UNAVAILABLE, "", SETUP_FAILED}, {EP_DELETING, "running", SETUP_BUSY}, {EP_UNKNOWN, "", SETUP_TODO}, {EP_DISMISSED, "", SETUP_TODO}};
  for (size_t i = 0; i < sizeof PARTY / sizeof *PARTY; i++) {
    struct setup_facts f = whole();
    f.n_clusters = 1, f.cluster = object(PARTY[i].status, PARTY[i].op);
    assert_int_equal(next_of(&f, false), SETUP_CLUSTERS), assert_int_equal(X[SETUP_CLUSTERS].state, PARTY[i].state), assert_ptr_equal(X[SETUP_CLUSTERS].object, &f.cluster);
    f = whole(), f.n_clusters = 0, f.exchange_active = false, f.exchange = object(PARTY[i].status, PARTY[i].op);
    assert_int_equal(next_of(&f, false), SETUP_EXCHANGE), assert_int_equal(X[SETUP_EXCHANGE].state, PARTY[i].state), assert_int_equal(X[SETUP_CLUSTERS].first, SETUP_EXCHANGE);
  }
  for (size_t i = 0; i < sizeof EP / sizeof *EP; i++) {
    struct setup_facts f = whole();
    f.n_ready = f.n_clusters = 1, f.free_infra = ID("b"), f.endpoint = object(EP[i].status, EP[i].op);
    assert_int_equal(next_of(&f, false), SETUP_ENDPOINT), assert_int_equal(X[SETUP_ENDPOINT].state, EP[i].state);
    f.free_infra = (struct uuid){""}; /* nothing else can be offered then */
    assert_int_equal(next_of(&f, false), SETUP_ENDPOINT), assert_ptr_equal(X[SETUP_ENDPOINT].object, &f.endpoint);
  }
  struct setup_facts f = whole();
  f.cluster = object(PARTY_FAILED, "failed"), f.endpoint = object(EP_UNAVAILABLE, ""), f.infra = object(1, "");
  assert_int_equal(next_of(&f, false), -1); /* a third one that fails does not undo what works */
  f.n_tested = f.n_clusters = 1;
  assert_int_equal(next_of(&f, false), SETUP_INFRA), assert_int_equal(X[SETUP_INFRA].state, SETUP_FAILED);
}
static void what_is_missing_first_is_named(void **s) {
  (void)s;
  struct setup_facts f = whole();
  f.n_infras = f.n_tested = f.n_ready = f.n_clusters = 1;
  assert_int_equal(next_of(&f, false), SETUP_INFRA), assert_int_equal(X[SETUP_ENDPOINT].first, SETUP_INFRA), assert_true(X[SETUP_ENDPOINT].second);
  f = empty(), f.n_infras = f.n_tested = 1, f.free_infra = ID("a");
  assert_int_equal(next_of(&f, false), SETUP_INFRA), assert_int_equal(X[SETUP_ENDPOINT].state, SETUP_TODO), assert_int_equal(X[SETUP_EXCHANGE].first, SETUP_ENDPOINT), assert_int_equal(X[SETUP_CLUSTERS].first, SETUP_ENDPOINT);
  f.n_ready = 1;
  (void)next_of(&f, false);
  assert_int_equal(X[SETUP_EXCHANGE].first, SETUP_FEDERATION), assert_int_equal(X[SETUP_CLUSTERS].first, SETUP_FEDERATION);
  f.federation = ID("f");
  (void)next_of(&f, false);
  assert_int_equal(X[SETUP_EXCHANGE].state, SETUP_TODO), assert_int_equal(X[SETUP_CLUSTERS].first, SETUP_EXCHANGE);
  f.exchange_active = true;
  (void)next_of(&f, false);
  assert_int_equal(X[SETUP_CLUSTERS].state, SETUP_TODO), assert_int_equal(X[SETUP_TEST].first, SETUP_CLUSTERS);
}
static void people_confirm_what_cannot_be_seen(void **s) {
  (void)s;
  struct setup_facts f = whole();
  f.names.who = f.test.who = NULL;
  assert_int_equal(next_of(&f, false), SETUP_NAMES), assert_int_equal(X[SETUP_TEST].state, SETUP_TODO);
  f.names = YES;
  assert_int_equal(next_of(&f, false), SETUP_TEST);
  f.test = YES;
  assert_true(setup_items(&f, false, X)), assert_false(setup_items(&f, true, X));
}

static void records_are_read_in_one_statement(void **s) {
  (void)s;
  struct db *db = test_db("t_setup");
  struct setup_facts f;
  if (!db) return;
  db_count_reset(db);
  OK(setup_read(db, A, &f, &E));
  assert_int_equal(db_count(db), 1), assert_int_equal(f.n_infras, 0), assert_true(uuid_none(f.federation) && uuid_none(f.free_infra) && uuid_none(f.spot)), assert_null(f.infra.name), assert_null(f.cluster.name), assert_null(f.names.who);
  OK(db_script(db,
      "insert into infra (uuid, name, config_sha256, kubeconfig_shown, api_host, auth_kind, test_ok) select ('00000000-0000-4000-8000-00000000000' || i)::uuid, 'i' || i, i, '', '', 'token', i < 4 from generate_series(1, 4) i;"
      "insert into endpoint (uuid, infra_uuid, namespace, name, status) values ('00000000-0000-4000-8000-0000000000e1', '00000000-0000-4000-8000-000000000001', 'a', 'ready', 2), "
      "('00000000-0000-4000-8000-0000000000e2', '00000000-0000-4000-8000-000000000001', 'b', 'beside a ready one', 4), ('00000000-0000-4000-8000-0000000000e3', '00000000-0000-4000-8000-000000000002', '', 'down', 4), "
      "('00000000-0000-4000-8000-0000000000e4', '00000000-0000-4000-8000-000000000002', 'c', 'runs', 1);"
      "insert into operation (kind, subject_type, subject, subject_name, actor, deadline, state, percent) values ('endpoint_install', 'endpoint', '00000000-0000-4000-8000-0000000000e4', '', '', now(), 'running', 40);"
      "insert into federation (uuid, name, domain) values ('00000000-0000-4000-8000-0000000000f1', 'first', 'a.b'), ('00000000-0000-4000-8000-0000000000f2', 'far', 'a.b');"
      "insert into participant (uuid, federation_uuid, infra_uuid, name, type, party_id, status, is_managed, namespace) values (gen_random_uuid(), '00000000-0000-4000-8000-0000000000f1', null, 'x', 1, 0, 5, true, 'x'), "
      "(gen_random_uuid(), '00000000-0000-4000-8000-0000000000f2', null, 'x', 1, 0, 1, true, 'y'), (gen_random_uuid(), '00000000-0000-4000-8000-0000000000f2', '00000000-0000-4000-8000-000000000001', 'c', 2, 1, 1, true, 'z'), "
      "('00000000-0000-4000-8000-0000000000c2', '00000000-0000-4000-8000-0000000000f2', null, 'c2', 2, 2, 5, true, 'v'), (gen_random_uuid(), '00000000-0000-4000-8000-0000000000f2', null, 'leaves', 2, 3, 3, true, 'w')", &E));
  OK(setup_read(db, A, &f, &E));
  assert_int_equal(f.n_infras, 4), assert_int_equal(f.n_tested, 3), assert_int_equal(f.n_ready, 1), assert_string_equal(f.infra.name, "i4"), assert_int_equal(f.infra.status, 1);
  assert_string_equal(f.free_infra.s, "00000000-0000-4000-8000-000000000003"), assert_string_equal(f.endpoint.name, "runs"), assert_string_equal(f.endpoint.op_state, "running"), assert_int_equal(f.endpoint.percent, 40);
  assert_string_equal(f.federation_name, "far"), assert_true(f.exchange_active), assert_null(f.exchange.name), assert_int_equal(f.n_clusters, 1), assert_string_equal(f.cluster.name, "c2");
  assert_string_equal(f.spot.s, "00000000-0000-4000-8000-0000000000e1");
  OK(db_script(db, "update endpoint set status = 2 where name = 'runs'", &E)); OK(setup_read(db, A, &f, &E));
  assert_string_equal(f.spot.s, "00000000-0000-4000-8000-0000000000e4"), assert_null(f.endpoint.name), assert_int_equal(f.n_ready, 2);
  OK(db_script(db, "update participant set deleted_at = now(); update federation set deleted_at = now() where name = 'far'", &E)); OK(setup_read(db, A, &f, &E));
  assert_string_equal(f.federation_name, "first"), assert_false(f.exchange_active), assert_int_equal(f.n_clusters, 0), assert_null(f.cluster.name);
  db_free(db);
}
static void a_confirmation_keeps_who_and_when(void **s) {
  (void)s;
  struct db *db = test_db("t_setup_said");
  struct setup_facts f;
  if (!db) return;
  struct uuid one = {"00000000-0000-4000-8000-0000000000f1"}, two = {"00000000-0000-4000-8000-0000000000f2"};
  OK(db_script(db, "insert into federation (uuid, name, domain) values ('00000000-0000-4000-8000-0000000000f1', 'one', 'example.com')", &E));
  OK(setup_confirm(db, A, SETUP_NAMES, one, "An na", &E)); OK(setup_confirm(db, A, SETUP_NAMES, one, "Other", &E)); OK(setup_confirm(db, A, SETUP_TEST, two, "Other", &E)); OK(setup_read(db, A, &f, &E));
  assert_string_equal(f.names.who, "An na"), assert_true(f.names.at > 1600000000000000), assert_null(f.test.who); /* the other one speaks of another federation */
  OK(setup_undo(db, A, SETUP_NAMES, one, &E)); OK(setup_undo(db, A, SETUP_NAMES, one, &E)); OK(setup_confirm(db, A, SETUP_TEST, one, "Other", &E)); OK(setup_read(db, A, &f, &E));
  assert_null(f.names.who), assert_string_equal(f.test.who, "Other");
  OK(db_script(db, "update setting set value = 'nonsense' where key like 'setup.test.%'", &E)); OK(setup_read(db, A, &f, &E));
  assert_string_equal(f.test.who, "nonsense"), assert_int_equal(f.test.at, 0);
  db_free(db);
}
int main(void) {
  const struct CMUnitTest t[] = {T(an_empty_product_starts_with_the_password), T(counted_items_want_two), T(what_runs_or_failed_is_shown_in_place_of_an_offer), T(what_is_missing_first_is_named), T(people_confirm_what_cannot_be_seen),
                                 T(records_are_read_in_one_statement), T(a_confirmation_keeps_who_and_when)};
  return cmocka_run_group_tests(t, NULL, NULL);
}
