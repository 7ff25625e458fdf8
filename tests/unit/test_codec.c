#include "t.h"
#include "codec/form.h"
#include "codec/js.h"
#include "codec/yml.h"

static void yaml_offsets_are_bytes_and_splicing_keeps_comments(void **s) {
  (void)s;
  const char *src = "# 注释：集群\nname: \"旧名\" # 名称\nlist:\n  - a\nflow: {sni: []}\n";
  const struct yml *d;
  size_t n;
  OK(yml_parse(A, src, strlen(src), 65535, &d, &E));
  const struct yml *v = yml_get(d, "name"), *f = yml_at(d, "flow.sni");
  assert_string_equal(v->s, "旧名");
  char *out = yml_splice(A, src, strlen(src), (struct yml_edit[]){{f->start, f->end, "[1]"}, {v->start, v->end, "\"new\""}}, 2, &n);
  assert_string_equal(out, "# 注释：集群\nname: \"new\" # 名称\nlist:\n  - a\nflow: {sni: [1]}\n");
}
static void hostile_yaml_ends_fast_with_a_sentence(void **s) {
  (void)s;
  const struct yml *d;
  char *deep = arena_alloc(A, 60001);
  memset(deep, '[', 60000);
  int64_t t = cpu_ms();
  REFUSED(yml_parse(A, deep, 60000, 65535, &d, &E), FAIL_INVALID);
  assert_true(cpu_ms() - t < 5000);
  const char *bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
  struct buf b;
  buf_init(&b, A, 64 << 20);
  OK(yml_parse(A, bomb, strlen(bomb), 65535, &d, &E));
  REFUSED(yml_to_json(d, &b, &E), FAIL_INVALID);
  REFUSED(yml_parse(A, "a: 1\na: 2\n", 10, 100, &d, &E), FAIL_INVALID);
  REFUSED(yml_parse(A, "a: [1\n", 6, 100, &d, &E), FAIL_INVALID);
  REFUSED(yml_parse(A, "---\na: 1\n---\nb: 2\n", 18, 100, &d, &E), FAIL_INVALID);
  REFUSED(yml_parse(A, "aaaaaaaaaaa", 11, 10, &d, &E), FAIL_TOO_LARGE);
  REFUSED(yml_parse(A, "a: \xff", 4, 10, &d, &E), FAIL_INVALID);
}
static void yaml_becomes_typed_json(void **s) {
  (void)s;
  const char *src = "a: 1\nb: '1'\nc: yes\nd: null\ne: 012\nf: [x, 1.5]\ng:\n";
  const struct yml *d;
  struct buf b;
  buf_init(&b, A, 1000);
  OK(yml_parse(A, src, strlen(src), 1000, &d, &E));
  OK(yml_to_json(d, &b, &E));
  assert_string_equal(b.p, "{\"a\":1,\"b\":\"1\",\"c\":true,\"d\":null,\"e\":10,\"f\":[\"x\",1.5],\"g\":null}");
  OK(yml_parse(A, "# only a comment\n", 17, 100, &d, &E));
  assert_int_equal(d->kind, YML_NULL);
}
static void quoted_scalars_read_back_unchanged(void **s) {
  (void)s;
  const char *hostile = "a\"b\\c\n# x: {y}\t集群";
  struct buf b;
  const struct yml *d;
  buf_init(&b, A, 1000);
  buf_str(&b, "k: "), yml_write_quoted(&b, hostile), buf_str(&b, "\n");
  OK(yml_parse(A, b.p, b.n, 1000, &d, &E));
  assert_string_equal(yml_str(d, "k"), hostile);
}
static void json_oddities_are_refused(void **s) {
  (void)s;
  js *v;
  char deep[200];
  memset(deep, '[', 199), deep[199] = 0;
  const char *const bad[] = {"", "{", "{\"a\":1} x", "[1,]", "nul", deep, "{\"a\":\xff}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) REFUSED(js_parse(A, bad[i], strlen(bad[i]), 1000, &v, &E), FAIL_BAD_REQUEST);
  REFUSED(js_parse(A, "{}          ", 12, 5, &v, &E), FAIL_TOO_LARGE);
  OK(js_parse(A, " 12 ", 4, 100, &v, &E));
}
static void request_keys_match_like_go(void **s) {
  (void)s;
  js *v;
  const char *t, *src = "{\"new_Password\":\"x\",\"n\":null,\"i\":300,\"s\":5,\"l\":[\"a\",\"b\"]}";
  int64_t i;
  bool b;
  const char **l;
  size_t n;
  OK(js_parse(A, src, strlen(src), 1000, &v, &E));
  OK(jsq_str(v, "new_password", A, &t, &E)); assert_string_equal(t, "x");
  OK(jsq_str(v, "n", A, &t, &E)); assert_string_equal(t, "");
  OK(jsq_bool(v, "missing", &b, &E)); assert_false(b);
  OK(jsq_strs(v, "l", A, &l, &n, &E)); assert_int_equal(n, 2);
  REFUSED(jsq_int(v, "i", 0, 255, &i, &E), FAIL_INVALID);
  REFUSED(jsq_str(v, "s", A, &t, &E), FAIL_BAD_REQUEST);
}
static void json_writer_places_commas(void **s) {
  (void)s;
  struct buf b;
  struct jsw w;
  buf_init(&b, A, 1000), jsw_init(&w, &b);
  jsw_obj(&w), jsw_ki64(&w, "a", 1), jsw_key(&w, "l"), jsw_arr(&w), jsw_obj(&w), jsw_end_obj(&w), jsw_i64(&w, 2), jsw_end_arr(&w), jsw_kstr(&w, "n", NULL), jsw_end_obj(&w);
  assert_string_equal(b.p, "{\"a\":1,\"l\":[{},2],\"n\":null}");
}
static void forms_decode(void **s) {
  (void)s;
  struct form f;
  OK(form_urlencoded(A, "a=1+2&b=%E9%9B%86&c", 19, &f, &E));
  assert_string_equal(form_get(&f, "a"), "1 2"), assert_string_equal(form_get(&f, "b"), "集"), assert_string_equal(form_get(&f, "c"), "");
  REFUSED(form_urlencoded(A, "a=%zz", 5, &f, &E), FAIL_BAD_REQUEST);
  REFUSED(form_urlencoded(A, "a=%ff", 5, &f, &E), FAIL_BAD_REQUEST);
  REFUSED(form_urlencoded(A, "a=%00", 5, &f, &E), FAIL_BAD_REQUEST);
  form_query(A, "x=spark://a:7077&y=&bad=%zz&", &f);
  assert_string_equal(form_get(&f, "x"), "spark://a:7077"), assert_null(form_get(&f, "none"));
  const char *m = "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"k.yaml\"\r\n\r\na: 1\r\n\r\n--B\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\nv\r\n--B--\r\n";
  OK(form_multipart(A, "multipart/form-data; boundary=B", m, strlen(m), &f, &E));
  assert_string_equal(form_get(&f, "f"), "a: 1\r\n"), assert_string_equal(form_field(&f, "f")->opt_filename, "k.yaml"), assert_string_equal(form_get(&f, "t"), "v");
  REFUSED(form_multipart(A, "multipart/form-data; boundary=B", m, strlen(m) - 12, &f, &E), FAIL_BAD_REQUEST);
}
int main(void) {
  const struct CMUnitTest t[] = {T(yaml_offsets_are_bytes_and_splicing_keeps_comments), T(hostile_yaml_ends_fast_with_a_sentence), T(yaml_becomes_typed_json), T(quoted_scalars_read_back_unchanged),
      T(json_oddities_are_refused), T(request_keys_match_like_go), T(json_writer_places_commas), T(forms_decode)};
  return cmocka_run_group_tests(t, NULL, NULL);
}
