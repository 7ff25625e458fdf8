/* Chart archives: the archive itself, what is taken for a chart, the store, and the digest by which our copy and KubeFATE's are compared. */
#include "tgz_make.h"
#include "base/b64.h"
#include "base/buf.h"
#include "codec/form.h"
#include "codec/tgz.h"
#include "crypt/digest.h"
#include "deploy/chart_ops.h"
#include "kubefate/kubefate.h"
#include "model/chart.h"

static const char EXCHANGE[] = "19c7c751-0de0-4780-95d6-e152440ab287", PORTAL[] = "fd30a219-c9d2-4f6a-9146-f06c05a666f2", HISTORICAL[] = "242bf84c-548c-43d4-9f34-15f6d4dc0f33";

/* --- archives --- */
static void files_are_read_in_their_order(void **s) {
  const struct tgz_in f[] = {{"d/", NULL}, {"d/one", "first"}, {"d/empty", ""}, {"d/a/very/long/path/that/does/not/fit/into/the/hundred/bytes/of/the/old/header/so/that/a/newer/form/of/it/has/to/be/used", "last"}, {NULL, NULL}};
  struct tgz t;
  size_t n;
  (void)s;
  unsigned char *p = tgz_make(f, &n);
  OK(tgz_read(A, p, n, 10, 1 << 20, &t, &E));
  assert_int_equal(t.n, 3);
  for (size_t i = 0; i < 3; i++) assert_string_equal(t.f[i].path, f[i + 1].path), assert_string_equal(t.f[i].data, f[i + 1].data), assert_int_equal(t.f[i].n, strlen(f[i + 1].data));
}
static void a_cut_archive_is_told_from_a_damaged_one(void **s) {
  struct tgz t;
  size_t n;
  int cut = 0, damaged = 0;
  (void)s;
  unsigned char *p = chart_make("fate", "v1", "kind: B\n", &n);
  for (size_t k = 1; k < n; k++) {
    REFUSED(tgz_read(A, p, k, 100, 1 << 20, &t, &E), FAIL_INVALID);
    cut += E.key == MSG_TGZ_CUT;
  }
  assert_true(cut > (int)n - 12); /* less than a gzip header is not even that */
  for (size_t k = 10; k < n; k++) {
    p[k] ^= 0x10, err_clear(&E);
    if (!tgz_read(A, p, n, 100, 1 << 20, &t, &E)) damaged += E.kind == FAIL_INVALID;
    else assert_string_equal(t.f[3].data, "not kept"), assert_string_equal(t.f[4].data, "kind: B\n"); /* a bit that means nothing */
    p[k] ^= 0x10;
  }
  assert_true(damaged > (int)n - 20);
  p[n] = 'x'; REFUSED(tgz_read(A, p, n + 1, 100, 1 << 20, &t, &E), FAIL_INVALID);
}
static void what_is_no_archive_or_too_much_of_one_is_refused(void **s) {
  const struct tgz_in bomb[] = {{"d/x", memset(arena_alloc(A, (3 << 20) + 1), 'x', 3 << 20)}, {NULL, NULL}}, many[] = {{"a", "1"}, {"b", "2"}, {"c", "3"}, {NULL, NULL}}, none[] = {{"d/", NULL}, {NULL, NULL}};
  struct tgz t;
  size_t n;
  (void)s;
  REFUSED(tgz_read(A, "PK\3\4 zip", 8, 10, 1 << 20, &t, &E), FAIL_INVALID); assert_int_equal(E.key, MSG_TGZ_NO_GZIP);
  REFUSED(tgz_read(A, "", 0, 10, 1 << 20, &t, &E), FAIL_INVALID);
  unsigned char *p = tgz_make(bomb, &n);
  assert_true(n < 20000);
  REFUSED(tgz_read(A, p, n, 10, 2 << 20, &t, &E), FAIL_INVALID); assert_int_equal(E.key, MSG_TGZ_LARGE);
  p = tgz_make(many, &n); REFUSED(tgz_read(A, p, n, 2, 1 << 20, &t, &E), FAIL_INVALID); assert_int_equal(E.key, MSG_TGZ_MANY);
  p = tgz_make(none, &n); REFUSED(tgz_read(A, p, n, 2, 1 << 20, &t, &E), FAIL_INVALID); assert_int_equal(E.key, MSG_TGZ_NO_TAR);
  /* gzip of a text */
  static const unsigned char TEXT_GZ[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xe7, 2, 0, 0x20, 0x30, 0x3a, 0x36, 6, 0, 0, 0};
  REFUSED(tgz_read(A, TEXT_GZ, sizeof TEXT_GZ, 2, 1 << 20, &t, &E), FAIL_INVALID); assert_int_equal(E.key, MSG_TGZ_NO_TAR);
}

/* --- the store --- */
static struct db *DB;
static struct uuid id(const char *s) { struct uuid u; assert_true(uuid_parse(s, &u)); return u; }
static long stored(void) {
  static const struct stmt Q = {"t_stored", "select count(*) from chart_archive"};
  struct rows r;
  OK(db_query(DB, A, &Q, &r, &E));
  return row_i64(&r, 0, 0);
}
static bool db_there(void) {
  if (!getenv("TEST_DB")) { skip(); return false; }
  if (!DB) DB = test_db("unit_chart");
  return DB != NULL;
}
static void what_is_no_chart_is_refused_and_nothing_stored(void **s) {
  (void)s;
  if (!db_there()) return;
  const char *chart = "name: fate-exchange\nversion: v1.11.1\n", *large = memset(arena_alloc(A, 70001), 'x', 70000);
  const struct { struct tgz_in f[6]; enum msg key; } BAD[] = {
      {{{"d/values.yaml", "a: 1"}, {"d/values-template.yaml", "a"}, {"d/templates/a", "a"}}, MSG_ARCHIVE_NO_CHART},
      {{{"Chart.yaml", chart}, {"values-template.yaml", "a"}, {"templates/a", "a"}}, MSG_ARCHIVE_NO_CHART},
      {{{"d/Chart.yaml", chart}, {"d/templates/a", "a"}}, MSG_ARCHIVE_NO_TEMPLATE},
      {{{"d/Chart.yaml", chart}, {"d/values-template.yaml", "a"}, {"d/crds/a", "a"}}, MSG_ARCHIVE_EMPTY},
      {{{"d/Chart.yaml", chart}, {"d/values-template.yaml", large}, {"d/templates/a", "a"}}, MSG_ARCHIVE_TEXT_LONG},
      {{{"d/Chart.yaml", chart}, {"d/values.yaml", large}, {"d/values-template.yaml", "a"}, {"d/templates/a", "a"}}, MSG_ARCHIVE_TEXT_LONG},
      {{{"d/Chart.yaml", "name: fate\nversion: v1.11.1\n"}, {"d/values-template.yaml", "a"}, {"d/templates/a", "a"}}, MSG_ARCHIVE_OTHER},
      {{{"d/Chart.yaml", "name: fate-exchange\nversion: v1.11.2\n"}, {"d/values-template.yaml", "a"}, {"d/templates/a", "a"}}, MSG_ARCHIVE_OTHER},
      {{{"d/Chart.yaml", "- no map\n"}, {"d/values-template.yaml", "a"}, {"d/templates/a", "a"}}, MSG_ARCHIVE_OTHER},
      {{{"d/Chart.yaml", "a: [\n"}, {"d/values-template.yaml", "a"}, {"d/templates/a", "a"}}, MSG_YAML_SYNTAX},
  };
  size_t n;
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    unsigned char *p = tgz_make(BAD[i].f, &n);
    REFUSED(chart_ops_store(DB, A, id(EXCHANGE), p, n, "tester", &E), FAIL_INVALID);
    if (E.key != BAD[i].key) print_error("%zu: %s\n", i, err_message(&E, A)), fail();
    assert_int_equal(stored(), 0);
  }
  unsigned char *good = chart_make("fate-exchange", "v1.11.1", "kind: B\n", &n);
  REFUSED(chart_ops_store(DB, A, id(EXCHANGE), "", 0, "tester", &E), FAIL_INVALID);
  REFUSED(chart_ops_store(DB, A, id(EXCHANGE), good, CHART_ARCHIVE_MAX + 1, "tester", &E), FAIL_TOO_LARGE);
  REFUSED(chart_ops_store(DB, A, uuid_new(), good, n, "tester", &E), FAIL_NOT_FOUND);
  REFUSED(chart_ops_store(DB, A, id(PORTAL), good, n, "tester", &E), FAIL_CONFLICT);
  REFUSED(chart_ops_store(DB, A, id(HISTORICAL), good, n, "tester", &E), FAIL_CONFLICT);
  REFUSED(chart_ops_drop(DB, A, id(EXCHANGE), &E), FAIL_NOT_FOUND);
  assert_int_equal(stored(), 0);
}
static void an_archive_comes_back_byte_for_byte_and_is_replaced(void **s) {
  (void)s;
  if (!db_there()) return;
  struct chart c;
  const unsigned char *back;
  size_t n, k;
  OK(chart_archive_bytes(DB, A, id(EXCHANGE), &back, &k, &E)); assert_int_equal(k, 0);
  for (int i = 0; i < 2; i++) {
    unsigned char *p = chart_make("fate-exchange", "v1.11.1", i ? "kind: C\n" : "kind: B\n", &n);
    const char *before = i ? c.archive.content : "";
    OK(chart_ops_store(DB, A, id(EXCHANGE), p, n, "tester", &E));
    OK(chart_archive_bytes(DB, A, id(EXCHANGE), &back, &k, &E));
    assert_int_equal(k, n), assert_memory_equal(back, p, n);
    OK(chart_get(DB, A, id(EXCHANGE), &c, &E));
    assert_int_equal(c.archive.size, n), assert_string_equal(c.archive.sha256, sha256_hex(A, p, n)), assert_string_equal(c.archive.file_name, "fate-exchange-v1.11.1.tgz"), assert_string_equal(c.archive.uploaded_by, "tester");
    assert_true(c.archive.uploaded_at > 0 && !streq(c.archive.content, before)), assert_int_equal(stored(), 1);
  }
  OK(chart_ops_drop(DB, A, id(EXCHANGE), &E)); OK(chart_get(DB, A, id(EXCHANGE), &c, &E));
  assert_int_equal(c.archive.size, 0), assert_int_equal(stored(), 0);
}

/* --- the same chart, seen from both sides --- */
static const char *kubefate_says(const char *b_yaml, bool turned) {
  const char *a = arena_fmt(A, "{\"name\":\"templates/a.yaml\",\"data\":\"%s\"}", b64_encode(A, "kind: A\n", 8)), *b = arena_fmt(A, "{\"name\":\"templates/b.yaml\",\"data\":\"%s\"}", b64_encode(A, b_yaml, strlen(b_yaml)));
  return arena_fmt(A, "{\"uuid\":\"u\",\"name\":\"fate-exchange\",\"version\":\"v1.11.1\",\"chart\":\"apiVersion: v1\\nname: fate-exchange\\nversion: v1.11.1\\n\",\"values\":\"a: 1\\n\",\"values_template\":\"a: {{ .a }}\\n\","
                      "\"values_template_example\":\"\",\"templates\":[%s,%s]}", turned ? b : a, turned ? a : b);
}
static const char *content_of(const char *json) {
  js *v;
  struct kf_chart c;
  OK(js_parse(A, json, strlen(json), 1 << 20, &v, &E));
  assert_true(kf_chart_read(A, v, &c));
  return kf_chart_content(A, &c);
}
static void both_sides_have_one_digest(void **s) {
  (void)s;
  if (!db_there()) return;
  struct chart c;
  size_t n;
  unsigned char *p = chart_make("fate-exchange", "v1.11.1", "kind: B\n", &n);
  OK(chart_ops_store(DB, A, id(EXCHANGE), p, n, "tester", &E)); OK(chart_get(DB, A, id(EXCHANGE), &c, &E));
  assert_string_equal(c.archive.content, content_of(kubefate_says("kind: B\n", false))), assert_string_equal(c.archive.content, content_of(kubefate_says("kind: B\n", true)));
  assert_string_not_equal(c.archive.content, content_of(kubefate_says("kind: C\n", true)));
  /* Helm takes a byte order mark away */
  p = chart_make("fate-exchange", "v1.11.1", "\xef\xbb\xbfkind: B\n", &n);
  OK(chart_ops_store(DB, A, id(EXCHANGE), p, n, "tester", &E)); OK(chart_get(DB, A, id(EXCHANGE), &c, &E));
  assert_string_equal(c.archive.content, content_of(kubefate_says("kind: B\n", true)));
  OK(chart_ops_drop(DB, A, id(EXCHANGE), &E));
}
static void a_chart_that_is_none_is_not_read(void **s) {
  static const char *const BAD[] = {"{}", "[]", "{\"uuid\":\"\",\"name\":\"a\",\"version\":\"v\"}", "{\"uuid\":\"u\",\"name\":5,\"version\":\"v\"}", "{\"uuid\":\"u\",\"name\":\"n\",\"version\":\"v\",\"templates\":[{}]}",
                                    "{\"uuid\":\"u\",\"name\":\"n\",\"version\":\"v\",\"templates\":[{\"name\":\"t\",\"data\":\"*\"}]}"};
  js *v;
  struct kf_chart c;
  (void)s;
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    OK(js_parse(A, BAD[i], strlen(BAD[i]), 1 << 20, &v, &E));
    assert_false(kf_chart_read(A, v, &c));
  }
}
static void an_upload_is_one_file_of_a_form(void **s) {
  struct form f;
  size_t n;
  (void)s;
  unsigned char *p = chart_make("fate", "v1", "kind: B\n", &n);
  struct call c = kf_chart_upload(A, "a.b.c", "fate-v1.tgz", p, n);
  assert_string_equal(c.method, "POST"), assert_string_equal(c.path, "/v1/chart"), assert_string_equal(c.cookie, "jwt=a.b.c"), assert_false(c.repeatable);
  OK(form_multipart(A, c.content_type, c.body, c.body_len, &f, &E));
  assert_int_equal(f.n, 1), assert_string_equal(f.f[0].name, "file"), assert_string_equal(f.f[0].opt_filename, "fate-v1.tgz"), assert_int_equal(f.f[0].len, n), assert_memory_equal(f.f[0].value, p, n);
}

int main(void) {
  const struct CMUnitTest tests[] = {T(files_are_read_in_their_order), T(a_cut_archive_is_told_from_a_damaged_one), T(what_is_no_archive_or_too_much_of_one_is_refused), T(what_is_no_chart_is_refused_and_nothing_stored),
                                     T(an_archive_comes_back_byte_for_byte_and_is_replaced), T(both_sides_have_one_digest), T(a_chart_that_is_none_is_not_read), T(an_upload_is_one_file_of_a_form)};
  int bad = cmocka_run_group_tests(tests, NULL, NULL);
  db_free(DB);
  return bad;
}
