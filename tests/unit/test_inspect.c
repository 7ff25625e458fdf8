/* The probes that look at workloads and read logs, fed with a cluster's answers: what they ask, what they keep, and what they never give away. */
#include "engine_world.h"
#include "deploy/inspect.h"

/* --- a cluster of prepared answers: the first line whose text is in the path; no line: not found --- */
static struct { const char *in_path; int status; const char *type, *body; } SAYS[16];
static int n_says;
static char asked[40][600];
static int n_asked;
static void says(const char *in_path, int status, const char *body) {
  SAYS[n_says].in_path = in_path, SAYS[n_says].status = status, SAYS[n_says].type = *body == '{' ? "application/json" : "text/plain", SAYS[n_says++].body = body;
}
static struct reply answer(void) {
  for (int i = 0; i < n_says; i++)
    if (strstr(F.pending->path, SAYS[i].in_path)) {
      if (SAYS[i].status == 0) return (struct reply){.fail = REPLY_NOT_SENT, .cause = NET_REFUSED, .content_type = "", .body = "", .why = "connection refused", .peer = ""};
      return (struct reply){.status = SAYS[i].status, .content_type = SAYS[i].type, .body = arena_strdup(F.pending->a, SAYS[i].body), .n = strlen(SAYS[i].body), .why = "", .peer = ""};
    }
  return kube_status(F.pending->a, 404, "NotFound", arena_fmt(F.pending->a, "%s not found", F.pending->path));
}
static struct probe run_probe(struct uuid id) {
  struct claim c;
  struct probe p = {0};
  int n;
  n_asked = 0;
  OK(store_claim(W.db, W.scratch, "t/0", 30, 1, &c, &n, NULL, &E));
  assert_int_equal(n, 1);
  drive(work_new(&W.en, c.id, c.token));
  while (F.pending->w) {
    struct work *w = F.pending->w;
    assert_true(n_asked < 40), assert_string_equal(F.pending->c.method, "GET");
    snprintf(asked[n_asked++], sizeof asked[0], "%s", F.pending->path);
    struct reply r = answer();
    forget_call();
    drive_reply(w, &r);
  }
  arena_reset(W.scratch);
  OK(probe_get(W.db, A, id, &p, &E));
  assert_string_not_equal(p.state, "queued");
  return p;
}

/* A participant as its deployment leaves it, with a secret of its own and a password in its YAML. */
static struct uuid PARTY;
static bool begin(void) {
  struct uuid registry;
  if (!world()) return false;
  n_says = 0, PARTY = uuid_new();
  OK(secret_store(W.db, A, &W.key.pub, "registry", "RegistryPass1", 13, &registry, &E));
  run_sql(arena_fmt(A, "insert into participant (uuid, federation_uuid, name, type, party_id, status, is_managed, endpoint_uuid, infra_uuid, namespace, deployment_name, deployment_yaml, registry_secret) "
                       "values ('%s', '%s', 'one', 2, 9999, 1, true, '%s', '%s', 'fate-9999', 'one', E'name: one\nmysql:\n  user: fate\n  password: YamlPassword7\n', '%s')", PARTY.s, W.fed.s, W.endpoint.s, W.infra.s, registry.s));
  OK(named_secret_set(W.db, A, &W.key.pub, PARTY, "mysql", "NamedSecret-5", &E));
  return true;
}
static struct uuid start(enum inspect_of of, struct uuid subject) {
  struct uuid id = {{0}};
  OK(inspect_start(W.db, A, of, subject, "olga", &id, &E));
  return id;
}
static struct uuid start_log(const char *pod, const char *container, bool previous, long lines) {
  struct uuid id = {{0}};
  OK(inspect_log_start(W.db, A, INSPECT_PARTY, PARTY, &(struct log_form){pod, container, previous, lines}, "olga", &id, &E));
  return id;
}

#define META(name) "\"metadata\":{\"name\":\"" name "\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{\"name\":\"one\"}}"
static const char POD[] = "{" META("mysql-0") ",\"spec\":{\"nodeName\":\"n1\",\"initContainers\":[{\"name\":\"init\",\"image\":\"busybox\"}],\"containers\":[{\"name\":\"mysql\",\"image\":\"r.io/mysql:8\"},{\"name\":\"side\",\"image\":\"r.io/side:1\"}]},\"status\":{\"phase\":\"Running\","
  "\"initContainerStatuses\":[{\"name\":\"init\",\"restartCount\":0,\"state\":{\"terminated\":{\"exitCode\":0,\"reason\":\"Completed\"}}}],"
  "\"containerStatuses\":[{\"name\":\"mysql\",\"ready\":false,\"restartCount\":7,\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\",\"message\":\"back-off 5m0s\"}},\"lastState\":{\"terminated\":{\"exitCode\":1,\"message\":\"cannot log in with NamedSecret-5\"}}},"
  "{\"name\":\"side\",\"ready\":true,\"restartCount\":0,\"state\":{\"running\":{}}}]}}";

static void everything_there(void) {
  says("/pods?", 200, arena_fmt(A, "{\"items\":[%s,{" META("<b>") ",\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]},\"status\":{\"phase\":\"Pending\",\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\",\"message\":\"0/1 nodes are available\"}]}}]}", POD));
  says("/deployments?", 200, "{\"items\":[{" META("python") ",\"spec\":{\"replicas\":2},\"status\":{\"readyReplicas\":1}}]}");
  says("/statefulsets?", 200, "{\"items\":[{" META("mysql") ",\"spec\":{\"replicas\":1},\"status\":{\"readyReplicas\":1,\"observedGeneration\":1}}]}");
  says("/persistentvolumeclaims?", 200, "{\"items\":[{" META("mysql-data") ",\"spec\":{\"storageClassName\":\"fast\",\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}},\"status\":{\"phase\":\"Pending\"}}]}");
  says("/events?", 200, "{\"items\":["
    "{\"reason\":\"Old\",\"message\":\"m\",\"lastTimestamp\":\"2026-01-01T00:00:01Z\",\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"mysql-0\"},\"count\":3},"
    "{\"reason\":\"Foreign\",\"message\":\"m\",\"lastTimestamp\":\"2026-01-01T00:00:09Z\",\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"somebody-else\"}},"
    "{\"reason\":\"Unhealthy\",\"message\":\"probe failed: password=hunter2\",\"lastTimestamp\":\"2026-01-01T00:00:05Z\",\"involvedObject\":{\"kind\":\"ReplicaSet\",\"name\":\"python-5d7\"}}]}");
}

static void a_look_shows_what_runs_and_what_is_wrong(void **s) {
  (void)s;
  if (!begin()) return;
  everything_there();
  struct probe p = run_probe(start(INSPECT_PARTY, PARTY));
  struct inspection v;
  assert_string_equal(p.state, "done");
  inspect_read(A, &p, &v);
  assert_int_equal(n_asked, 5), assert_non_null(strstr(asked[0], "/api/v1/namespaces/fate-9999/pods?labelSelector=name%3Done&limit=")), assert_non_null(strstr(asked[4], "fieldSelector=type%3DWarning"));
  assert_int_equal(v.n_pods, 2), assert_int_equal(v.n_loads, 2), assert_int_equal(v.n_claims, 1), assert_int_equal(v.n_events, 2), assert_int_equal(v.n_left, 0), assert_false(v.more);
  const struct inspect_pod *m = &v.pods[0];
  assert_string_equal(m->name, "mysql-0"), assert_string_equal(m->state, "CrashLoopBackOff"), assert_string_equal(m->ready, "1/2"), assert_int_equal(m->restarts, 7), assert_string_equal(m->node, "n1"), assert_false(m->ok), assert_true(m->created > 0);
  assert_int_equal(m->n, 3), assert_true(m->c[0].init && m->c[0].ok), assert_string_equal(m->c[0].state, "Completed"), assert_true(m->c[1].previous), assert_string_equal(m->c[1].image, "r.io/mysql:8");
  assert_string_equal(m->c[1].message, "back-off 5m0s"), assert_true(m->c[2].ok);
  assert_string_equal(v.pods[1].state, "Unschedulable"), assert_string_equal(v.pods[1].message, "0/1 nodes are available");
  assert_string_equal(v.loads[0].kind, "Deployment"), assert_int_equal(v.loads[0].wanted, 2), assert_int_equal(v.loads[0].ready, 1), assert_string_equal(v.loads[1].kind, "StatefulSet"), assert_true(v.loads[1].ok);
  assert_string_equal(v.claims[0].state, "Pending"), assert_string_equal(v.claims[0].size, "1Gi"), assert_string_equal(v.claims[0].storage_class, "fast");
  assert_string_equal(v.events[0].reason, "Unhealthy"), assert_string_equal(v.events[0].message, "probe failed: password=***"), assert_string_equal(v.events[1].object, "Pod/mysql-0"), assert_int_equal(v.events[1].count, 3);
  assert_null(strstr(ask("select result::text || (select memo::text from work where class = 'probe') from probe"), "NamedSecret"));
  assert_int_equal(count("select count(*) from event"), 0); /* looking is not written down */
  struct probe latest;
  bool found;
  OK(inspect_latest(W.db, A, INSPECT_PARTY, PARTY, &latest, &found, &E));
  assert_true(found && uuid_eq(latest.uuid, p.uuid));
  REFUSED(inspect_get(W.db, A, INSPECT_PARTY, W.endpoint, p.uuid, false, &latest, &E), FAIL_NOT_FOUND);
  REFUSED(inspect_get(W.db, A, INSPECT_PARTY, PARTY, p.uuid, true, &latest, &E), FAIL_NOT_FOUND);
  run_sql("update probe set created_at = now() - interval '20 minutes'");
  OK(inspect_latest(W.db, A, INSPECT_PARTY, PARTY, &latest, &found, &E));
  assert_false(found);
}

static void what_may_not_be_listed_is_left_out_and_said(void **s) {
  (void)s;
  static const char DENIED[] = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"code\":403,\"reason\":\"Forbidden\",\"message\":\"events is forbidden: User \\\"robot\\\" cannot list resource \\\"events\\\"\"}";
  if (!begin()) return;
  says("/events?", 403, DENIED), says("/persistentvolumeclaims?", 403, DENIED), says("/pods?", 403, DENIED);
  everything_there();
  struct probe p = run_probe(start(INSPECT_PARTY, PARTY));
  struct inspection v;
  inspect_read(A, &p, &v);
  assert_string_equal(p.state, "done");
  assert_int_equal(v.n_pods, 0), assert_int_equal(v.n_loads, 2), assert_int_equal(v.n_left, 3);
  assert_string_equal(v.left[0].what, "pods"), assert_string_equal(v.left[1].what, "claims"), assert_string_equal(v.left[2].what, "events"), assert_string_equal(v.left[2].cls, "kube.denied"), assert_non_null(strstr(v.left[2].args, "robot"));
}
static void a_cluster_that_does_not_answer_is_said_at_once(void **s) {
  (void)s;
  if (!begin()) return;
  says("/statefulsets?", 0, ""), everything_there();
  struct probe p = run_probe(start(INSPECT_PARTY, PARTY));
  assert_string_equal(p.state, "failed"), assert_int_equal(n_asked, 3), assert_true(str_starts(p.error_class, "net."));
}
static void a_thousand_pods_stay_bounded(void **s) {
  (void)s;
  if (!begin()) return;
  struct buf b;
  buf_init(&b, A, 16 << 20), buf_str(&b, "{\"metadata\":{\"continue\":\"x\"},\"items\":[");
  for (int i = 0; i < 1000; i++) {
    buf_fmt(&b, "%s{\"metadata\":{\"name\":\"p%d\"},\"spec\":{\"containers\":[", i ? "," : "", i);
    for (int k = 0; k < 60; k++) buf_fmt(&b, "%s{\"name\":\"c%d\",\"image\":\"%0100d\"}", k ? "," : "", k, k);
    buf_str(&b, "]},\"status\":{\"message\":\"\\u0007\xe9\x9b\x86 ");
    for (int k = 0; k < 40; k++) buf_str(&b, "0123456789");
    buf_str(&b, "\"}}");
  }
  buf_str(&b, "]}");
  assert_false(b.failed);
  says("/pods?", 200, b.p), says("?", 200, "{\"items\":[]}");
  struct probe p = run_probe(start(INSPECT_PARTY, PARTY));
  struct inspection v;
  inspect_read(A, &p, &v);
  assert_string_equal(p.state, "done");
  assert_true(v.more), assert_int_equal(v.n_pods, 100), assert_int_equal(v.pods[99].n, 20), assert_true(strlen(v.pods[0].message) <= 300);
  assert_true(count("select length(result::text) from probe") < 512 << 10);
}

static void the_log_is_redacted_and_who_read_it_is_written_down(void **s) {
  (void)s;
  if (!begin()) return;
  says("/pods/mysql-0/log?", 200, "ready\n\x1b[31mlogin NamedSecret-5 YamlPassword7 RegistryPass1\x1b[0m\nMYSQL_ROOT_PASSWORD=hunter2\n\xff\xe9\x9b\x86 done\n"), says("/pods/mysql-0", 200, POD);
  struct probe p = run_probe(start_log("mysql-0", "side", false, 50));
  struct inspect_log v;
  inspect_log_read(A, &p, &v);
  assert_string_equal(p.state, "done");
  assert_string_equal(v.text, "ready\nlogin *** *** ***\nMYSQL_ROOT_PASSWORD=***\n?\xe9\x9b\x86 done\n"), assert_string_equal(v.container, "side"), assert_int_equal(v.n, 3), assert_int_equal(v.lines, 50), assert_false(v.cut || v.previous || v.has_previous);
  assert_int_equal(n_asked, 2), assert_non_null(strstr(asked[1], "/api/v1/namespaces/fate-9999/pods/mysql-0/log?container=side&tailLines=50&limitBytes="));
  assert_string_equal(ask("select entity_uuid || ' ' || entity_type || ' ' || actor || ' ' || args from event where class = 'event.log-read'"), arena_fmt(A, "%s %d olga [\"mysql-0\", \"side\"]", PARTY.s, ENTITY_CLUSTER));
  assert_int_equal(count("select count(*) from event"), 1);
}
static void without_a_choice_the_container_in_trouble_speaks(void **s) {
  (void)s;
  if (!begin()) return;
  says("/pods/mysql-0/log?", 200, "bye\n"), says("/pods/mysql-0", 200, POD);
  struct probe p = run_probe(start_log("mysql-0", "mysql", false, 0)); /* between two runs: the last one's words */
  struct inspect_log v;
  inspect_log_read(A, &p, &v);
  assert_string_equal(v.text, "bye\n"), assert_true(v.previous && v.has_previous), assert_non_null(strstr(asked[1], "previous=true")), assert_non_null(strstr(asked[1], "tailLines=100"));
  inspect_log_read(A, (p = run_probe(start_log("mysql-0", "", false, 0)), &p), &v);
  assert_string_equal(v.container, "mysql");
}
static void a_pod_of_somebody_else_is_not_read(void **s) {
  (void)s;
  if (!begin()) return;
  says("/pods/other/log", 200, "secret of others\n");
  says("/pods/other", 200, "{\"metadata\":{\"name\":\"other\",\"labels\":{\"name\":\"two\"}},\"spec\":{\"containers\":[{\"name\":\"c\"}]},\"status\":{\"containerStatuses\":[{\"name\":\"c\",\"ready\":true,\"state\":{\"running\":{}}}]}}");
  says("/pods/mysql-0", 200, POD);
  struct probe p = run_probe(start_log("other", "c", false, 0));
  assert_string_equal(p.state, "failed"), assert_string_equal(p.error_class, "log.foreign"), assert_int_equal(n_asked, 1);
  p = run_probe(start_log("gone", "c", false, 0));
  assert_string_equal(p.error_class, "kube.not-found");
  p = run_probe(start_log("mysql-0", "nobody", false, 0));
  assert_string_equal(p.error_class, "log.container");
  p = run_probe(start_log("mysql-0", "side", true, 0));
  assert_string_equal(p.error_class, "log.no-previous"), assert_int_equal(n_asked, 1);
  struct uuid id;
  static const char *const BAD[] = {"", "../secrets/x", "a/b", "A", "a b", "a?x=1", "a%2f", ".", ".."};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    REFUSED(inspect_log_start(W.db, A, INSPECT_PARTY, PARTY, &(struct log_form){BAD[i], "", false, 0}, "olga", &id, &E), FAIL_INVALID);
    if (i) REFUSED(inspect_log_start(W.db, A, INSPECT_PARTY, PARTY, &(struct log_form){"a", BAD[i], false, 0}, "olga", &id, &E), FAIL_INVALID);
  }
  REFUSED(inspect_log_start(W.db, A, INSPECT_PARTY, PARTY, &(struct log_form){"a", "", false, 501}, "olga", &id, &E), FAIL_INVALID);
  REFUSED(inspect_log_start(W.db, A, INSPECT_PARTY, uuid_new(), &(struct log_form){"a", "", false, 1}, "olga", &id, &E), FAIL_NOT_FOUND);
  run_sql(arena_fmt(A, "update participant set is_managed = false where uuid = '%s'", PARTY.s));
  REFUSED(inspect_start(W.db, A, INSPECT_PARTY, PARTY, "olga", &id, &E), FAIL_CONFLICT);
  assert_int_equal(count("select count(*) from event"), 0);
}
static void an_endpoint_reads_only_kubefate_and_its_database(void **s) {
  (void)s;
  if (!begin()) return;
  struct uuid id;
  says("/pods?", 200, "{\"items\":[]}"), says("/pods/kf-1/log?", 200, "login admin pw-of-kubefate\n"), says("/pods/kf-1", 200, "{\"metadata\":{\"name\":\"kf-1\",\"labels\":{\"fate\":\"kubefate\"}},\"spec\":{\"containers\":[{\"name\":\"kubefate\"}]},\"status\":{\"containerStatuses\":[{\"name\":\"kubefate\",\"ready\":true,\"state\":{\"running\":{}}}]}}");
  says("/pods/py-1", 200, "{\"metadata\":{\"name\":\"py-1\",\"labels\":{\"name\":\"one\"}},\"spec\":{\"containers\":[{\"name\":\"c\"}]},\"status\":{}}");
  run_sql("update endpoint set credential_secret = null");
  OK(named_secret_set(W.db, A, &W.key.pub, W.endpoint, "kubefate_password", "pw-of-kubefate", &E));
  struct probe p = run_probe(start(INSPECT_ENDPOINT, W.endpoint));
  assert_string_equal(p.state, "done"), assert_non_null(strstr(asked[0], "/namespaces/kube-fate/pods?labelSelector=fate%20in%20%28kubefate%2Cmariadb%29"));
  OK(inspect_log_start(W.db, A, INSPECT_ENDPOINT, W.endpoint, &(struct log_form){"kf-1", "", false, 0}, "olga", &id, &E));
  p = run_probe(id);
  struct inspect_log v;
  inspect_log_read(A, &p, &v);
  assert_string_equal(v.text, "login admin ***\n"), assert_int_equal(count("select count(*) from event where entity_type = 1 and class = 'event.log-read'"), 1);
  OK(inspect_log_start(W.db, A, INSPECT_ENDPOINT, W.endpoint, &(struct log_form){"py-1", "", false, 0}, "olga", &id, &E));
  p = run_probe(id);
  assert_string_equal(p.error_class, "log.foreign");
}
static void a_long_log_keeps_its_newest_lines(void **s) {
  (void)s;
  if (!begin()) return;
  char *big = arena_alloc(A, (256 << 10) + 1);
  memset(big, 'x', 256 << 10);
  says("tailLines=500", 200, big), says("tailLines=125", 200, "the newest\n"), says("/pods/mysql-0", 200, POD);
  struct probe p = run_probe(start_log("mysql-0", "side", false, 500));
  struct inspect_log v;
  inspect_log_read(A, &p, &v);
  assert_int_equal(n_asked, 3), assert_string_equal(v.text, "the newest\n"), assert_true(v.cut), assert_int_equal(v.lines, 125);
  n_says = 0; /* one endless line */
  says("/log?", 200, big), says("/pods/mysql-0", 200, POD);
  p = run_probe(start_log("mysql-0", "side", false, 500));
  inspect_log_read(A, &p, &v);
  assert_true(v.cut), assert_int_equal(strlen(v.text), 256 << 10), assert_int_equal(v.lines, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {T(a_look_shows_what_runs_and_what_is_wrong), T(what_may_not_be_listed_is_left_out_and_said), T(a_cluster_that_does_not_answer_is_said_at_once), T(a_thousand_pods_stay_bounded),
    T(the_log_is_redacted_and_who_read_it_is_written_down), T(without_a_choice_the_container_in_trouble_speaks), T(a_pod_of_somebody_else_is_not_read), T(an_endpoint_reads_only_kubefate_and_its_database), T(a_long_log_keeps_its_newest_lines)};
  setenv("ENGINE_DB", "engine_inspect", 1);
  return cmocka_run_group_tests(tests, world_begin, world_end);
}
