/* KubeFATE calls and answers. Texts are those of KubeFATE v1.4.5 (reference 10 sections 10, 11, 15). */
#include "t.h"
#include "base/b64.h"
#include "crypt/seal.h"
#include "kubefate/kubefate.h"

#define CALL(c, m, p) do { struct call c_ = (c); assert_string_equal(c_.method, m); assert_string_equal(c_.path, p); } while (0)

static void paths_are_exact_to_the_slash(void **s) {
  (void)s;
  struct secret pw = {(unsigned char[]){'p', '"', 'w', 0}, 3};
  CALL(kf_hello(A), "GET", "/");
  CALL(kf_version(A, "t"), "GET", "/v1/version/");
  CALL(kf_cluster_list(A, "t"), "GET", "/v1/cluster/");
  CALL(kf_cluster_get(A, "t", "u/../x"), "GET", "/v1/cluster/u%2F..%2Fx");
  CALL(kf_delete(A, "t", "u"), "DELETE", "/v1/cluster/u");
  CALL(kf_job_list(A, "t"), "GET", "/v1/job/");
  CALL(kf_job_get(A, "t", "u"), "GET", "/v1/job/u");
  CALL(kf_job_stop(A, "t", "u"), "PUT", "/v1/job/u?jobStatus=stop");
  struct call c = kf_login(A, "admin", &pw);
  CALL(c, "POST", "/v1/user/login");
  assert_string_equal(c.body, "{\"username\":\"admin\",\"password\":\"p\\\"w\"}");
  assert_true(c.secret_body && c.repeatable && !c.cookie);
  assert_string_equal(kf_version(A, "a.b.c").cookie, "jwt=a.b.c");
}

static void installs_never_cover_and_may_not_be_repeated(void **s) {
  (void)s;
  const char *yaml = "name: fate-9999\n# 注释\n";
  struct call c = kf_install(A, "t", "fate-9999", "ns", "fate", "v1.11.1", yaml, strlen(yaml));
  CALL(c, "POST", "/v1/cluster");
  assert_string_equal(c.body, arena_fmt(A, "{\"name\":\"fate-9999\",\"namespace\":\"ns\",\"chart_name\":\"fate\",\"chart_version\":\"v1.11.1\",\"cover\":false,\"data\":\"%s\"}", b64_encode(A, yaml, strlen(yaml))));
  assert_false(c.repeatable);
  assert_true(c.secret_body);
  c = kf_update(A, "t", "n", "ns", "fate", "v", yaml, strlen(yaml));
  CALL(c, "PUT", "/v1/cluster");
  assert_false(c.repeatable);
}

static const js *TREE;
static enum kf_verdict read_as(int status, const char *type, const char *body) {
  struct reply r = {.status = status, .content_type = type, .body = body, .n = strlen(body), .why = "", .peer = ""};
  err_clear(&E);
  enum kf_verdict v = kf_read(A, &r, &TREE, &E);
  assert_true((v == KF_DONE) == (E.kind == FAIL_NONE));
  return v;
}
static enum kf_verdict json(int status, const char *body) { return read_as(status, "application/json", body); }
static enum kf_verdict kube(int code, const char *message) {
  return json(code, arena_fmt(A, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"%s\",\"reason\":\"x\",\"code\":%d}", message, code));
}

static void kubefates_own_words_decide(void **s) {
  (void)s;
  assert_int_equal(json(200, "{\"msg\":\"kubefate run Success\"}"), KF_DONE);
  assert_true(kf_hello_ok(TREE));
  assert_int_equal(json(500, "{\"error\":\"record not found\"}"), KF_NOT_FOUND);
  assert_int_equal(json(500, "{\"error\":\"get job error, record not found\"}"), KF_REFUSED);
  assert_int_equal(json(500, "{\"error\":\"name=a & namespace=b Cluster already existed\"}"), KF_EXISTS);
  assert_int_equal(json(500, "{\"error\":\"name=a Cluster is not existed\"}"), KF_REFUSED);
  assert_int_equal(json(500, "{\"error\":\"the configuration file did not change\"}"), KF_REFUSED);
  assert_int_equal(json(500, "{\"error\":\"dial tcp 10.0.0.1:3306: connect: connection refused\"}"), KF_RETRY);
  assert_true(E.retry);
  assert_int_equal(json(401, "{\"code\":401,\"message\":\"Token is expired\"}"), KF_UNAUTHORIZED);
  assert_int_equal(E.key, MSG_KUBEFATE_TOKEN);
  assert_int_equal(json(401, "{\"code\":401,\"message\":\"incorrect Username or Password\"}"), KF_UNAUTHORIZED);
  assert_int_equal(E.key, MSG_KUBEFATE_PASSWORD);
  assert_int_equal(json(403, "{\"code\":403,\"message\":\"you don't have permission to access this resource\"}"), KF_REFUSED);
  assert_int_equal(json(400, "{\"error\":\"invalid character\"}"), KF_REFUSED);
  assert_int_equal(json(500, ""), KF_REFUSED);
  assert_int_equal(E.key, MSG_KUBEFATE_CRASHED);
}

static void kubernetes_on_the_way_is_not_kubefate(void **s) {
  (void)s;
  assert_int_equal(kube(503, "no endpoints available for service \\\"kubefate\\\""), KF_RETRY);
  assert_int_equal(E.key, MSG_KUBEFATE_NO_POD);
  assert_int_equal(kube(503, "error trying to reach service: dial tcp 10.1.1.1:8080: i/o timeout"), KF_RETRY);
  assert_int_equal(E.key, MSG_KUBEFATE_UNREACHABLE);
  assert_int_equal(kube(404, "services \\\"kubefate\\\" not found"), KF_RETRY); /* the way is missing, not the object */
  assert_int_equal(E.key, MSG_KUBEFATE_NO_SERVICE);
  assert_int_equal(kube(403, "services \\\"kubefate:8080\\\" is forbidden: User \\\"u\\\" cannot create resource \\\"services/proxy\\\""), KF_DENIED);
  assert_int_equal(kube(401, "Unauthorized"), KF_KUBE_UNAUTHORIZED);
  assert_int_equal(kube(403, "User \\\"system:anonymous\\\" cannot get"), KF_KUBE_UNAUTHORIZED);
  assert_int_equal(kube(200, "odd"), KF_REFUSED);
}

static void others_are_recognised(void **s) {
  (void)s;
  assert_int_equal(read_as(404, "text/plain", "404 page not found"), KF_RETRY);
  assert_int_equal(read_as(200, "text/html", "<html>"), KF_RETRY);
  assert_int_equal(read_as(301, "text/html", "<a href=x>"), KF_RETRY);
  assert_int_equal(read_as(307, "application/json", "{}"), KF_RETRY);
  assert_int_equal(read_as(502, "text/html", "bad gateway"), KF_RETRY);
  assert_int_equal(json(401, "[]"), KF_RETRY);
  assert_int_equal(json(401, "{\"code\":7,\"message\":\"x\"}"), KF_RETRY);
  assert_int_equal(json(500, "{\"error\":[]}"), KF_RETRY);
  struct reply r = {.fail = REPLY_NOT_SENT, .cause = NET_REFUSED, .why = "w", .body = "", .content_type = ""};
  assert_int_equal(kf_read(A, &r, NULL, &E), KF_RETRY);
  r.fail = REPLY_TOO_LARGE, r.cause = NET_TOO_LARGE;
  assert_int_equal(kf_read(A, &r, NULL, &E), KF_REFUSED);
}

static const js *tree(const char *text) {
  js *v;
  OK(js_parse(A, text, strlen(text), 1 << 20, &v, &E));
  return v;
}

static void tokens_and_versions_are_checked(void **s) {
  (void)s;
  const char *t = NULL;
  bool enough;
  assert_true(kf_token(tree("{\"code\":200,\"token\":\"aA0.b-_.c=\"}"), &t));
  assert_string_equal(t, "aA0.b-_.c=");
  assert_false(kf_token(tree("{\"token\":\"\"}"), &t));
  assert_false(kf_token(tree("{\"token\":\"a; Path=/\"}"), &t));
  assert_false(kf_token(tree("{\"token\":\"a\\r\\nX: y\"}"), &t));
  assert_false(kf_token(tree("{\"token\":7}"), &t));
  assert_true(kf_version_read(tree("{\"version\":\"v1.4.5\"}"), &t, &enough) && enough);
  assert_true(kf_version_read(tree("{\"version\":\"v1.4.4\"}"), &t, &enough) && enough);
  assert_true(kf_version_read(tree("{\"version\":\"v1.4.3-a\"}"), &t, &enough) && !enough);
  assert_true(kf_version_read(tree("{\"version\":\"v1.10.0\"}"), &t, &enough) && enough);
  assert_true(kf_version_read(tree("{\"version\":\"2.0.0\"}"), &t, &enough) && enough);
  assert_true(kf_version_read(tree("{\"version\":\"v0.9.9\"}"), &t, &enough) && !enough);
  assert_false(kf_version_read(tree("{\"version\":\"\"}"), &t, &enough));
  assert_false(kf_version_read(tree("{\"version\":\"v1.4\"}"), &t, &enough));
  assert_false(kf_version_read(tree("{\"version\":\"v999999999999.1.1\"}"), &t, &enough));
  assert_false(kf_version_read(tree("{}"), &t, &enough));
}

static void jobs_are_read_and_a_failed_update_is_not_final(void **s) {
  (void)s;
  struct kf_job j;
#define JOB "{\"uuid\":\"u\",\"start_time\":\"2024-03-01T10:00:00Z\",\"method\":\"%s\",\"cluster_id\":\"c\",\"sub_jobs\":{\"python\":{\"ModuleName\":\"python\",\"Status\":\"Running\",\"ModulesStatus\":\"Progressing\"}," \
                    "\"mysql\":{\"Status\":\"Success\",\"ModulesStatus\":\"Available\"},\"odd\":7},\"status\":\"%s\",\"meta_data\":{\"name\":\"n\",\"namespace\":\"ns\"},\"states\":[\"a\",\"checkout Cluster status [12]\"]}"
  assert_true(kf_job_read(A, tree(arena_fmt(A, "{\"msg\":\"m\",\"data\":%s}", arena_fmt(A, JOB, "ClusterInstall", "Running"))), &j));
  assert_string_equal(j.uuid, "u"), assert_string_equal(j.cluster_id, "c"), assert_string_equal(j.last_state, "checkout Cluster status [12]"), assert_string_equal(j.name, "n"), assert_string_equal(j.ns, "ns");
  assert_int_equal(j.state, KFJ_RUNNING), assert_int_equal(j.n_parts, 3);
  assert_string_equal(j.parts[0].name, "python"), assert_string_equal(j.parts[0].status, "Progressing"), assert_false(j.parts[0].ready);
  assert_string_equal(j.parts[1].name, "mysql"), assert_true(j.parts[1].ready);
  assert_false(kf_job_final(&j));
  static const struct { const char *method, *status; bool final; } F[] = {{"ClusterInstall", "Success", true}, {"ClusterInstall", "Failed", true}, {"ClusterUpdate", "Failed", false}, {"ClusterUpdate", "Rollback", true},
      {"ClusterDelete", "Failed", true}, {"ClusterInstall", "Stopping", false}, {"ClusterInstall", "Canceled", true}, {"ClusterInstall", "Pending", false}, {"ClusterInstall", "Timeout", true}, {"ClusterInstall", "Brandnew", false}};
  for (size_t i = 0; i < sizeof F / sizeof *F; i++) {
    assert_true(kf_job_read(A, tree(arena_fmt(A, JOB, F[i].method, F[i].status)), &j));
    assert_int_equal(kf_job_final(&j), F[i].final);
  }
  assert_int_equal(j.state, KFJ_OTHER);
  assert_true(kf_job_read(A, tree("{\"uuid\":\"u\",\"status\":\"Success\",\"sub_jobs\":null,\"states\":null,\"meta_data\":null}"), &j));
  assert_string_equal(j.last_state, "");
  assert_false(kf_job_read(A, tree("{\"status\":\"Success\"}"), &j));
  assert_false(kf_job_read(A, tree("{\"uuid\":[],\"status\":{}}"), &j));
  assert_false(kf_job_read(A, tree("{\"data\":[]}"), &j));
  assert_false(kf_job_read(A, NULL, &j));
}

static void clusters_name_their_namespace_in_the_plural(void **s) {
  (void)s;
  struct kf_cluster c;
  assert_true(kf_cluster_read(tree("{\"data\":{\"uuid\":\"u\",\"name\":\"n\",\"namespaces\":\"ns\",\"chart_name\":\"fate\",\"chart_version\":\"v\",\"status\":\"Running\",\"values\":\"a: 1\"}}"), &c));
  assert_string_equal(c.ns, "ns"), assert_string_equal(c.status, "Running"), assert_string_equal(c.values, "a: 1");
  assert_true(kf_cluster_read(tree("{\"uuid\":\"u\",\"namespaces\":[]}"), &c));
  assert_string_equal(c.ns, "");
  assert_false(kf_cluster_read(tree("{}"), &c));
}

static void hostile_bodies_are_survived(void **s) {
  (void)s;
  static const char *const BODY[] = {"", "{", "null", "7", "\"x\"", "[[[[", "{\"error\":null}", "{\"code\":null,\"message\":{}}", "{\"kind\":\"Status\"}", "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"message\":[]}", "\xff\xfe", "{\"a\":1}x"};
  for (size_t i = 0; i < sizeof BODY / sizeof *BODY; i++)
    for (int code = 100; code < 600; code += 1)
      if (code < 200 || code > 299) assert_int_not_equal(json(code, BODY[i]), KF_DONE);
}

int main(void) {
  const struct CMUnitTest tests[] = {T(paths_are_exact_to_the_slash), T(installs_never_cover_and_may_not_be_repeated), T(kubefates_own_words_decide), T(kubernetes_on_the_way_is_not_kubefate), T(others_are_recognised),
      T(tokens_and_versions_are_checked), T(jobs_are_read_and_a_failed_update_is_not_final), T(clusters_name_their_namespace_in_the_plural), T(hostile_bodies_are_survived)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
