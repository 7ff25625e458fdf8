/* The JSON facade and the form readers with what a hostile or careless sender makes of them. */
#include "t.h"
#include "codec/form.h"
#include "codec/js.h"
#include "codec/jsonb.h"

static js *parsed(const char *t) {
  js *v = NULL;
  OK(js_parse(A, t, strlen(t), 1 << 20, &v, &E));
  return v;
}

static void what_json_c_lets_pass_is_refused(void **s) {
  (void)s;
  js *v;
  static const char *const BAD[] = {"{'a':1}", "['a']", "NaN", "[NaN]", "-Infinity", "[Infinity]", "01", "[1.]", "[.5]", "+1", "-", "[1e]", "0x10", "\"a\nb\"", "\"a\tb\"", "\"\\q\"", "\"\\u12\"", "\"open",
      "[1,]", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "[1 2]", "tru", "True", "NULL", "nulll", "truefalse", "1true", "{\"a\":1}{}", "/* c */ 1", "[1] // c", "\xef\xbb\xbf{}", "]", "\"\xed\xa0\x80\"", "\"\xc0\xaf\""};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    err_clear(&E);
    if (js_parse(A, BAD[i], strlen(BAD[i]), 1000, &v, &E)) fail_msg("accepted: %s", BAD[i]);
    assert_int_equal(E.kind, FAIL_BAD_REQUEST);
  }
  REFUSED(js_parse(A, "", 0, 1000, &v, &E), FAIL_BAD_REQUEST); assert_int_equal(E.key, MSG_JSON_EMPTY);
  REFUSED(js_parse(A, "{\"a\":[1", 7, 1000, &v, &E), FAIL_BAD_REQUEST); assert_int_equal(E.key, MSG_JSON_ENDS);
  REFUSED(js_parse(A, "{\"a\"\0:1}", 8, 1000, &v, &E), FAIL_BAD_REQUEST); assert_string_equal(E.args[0], "4");
  REFUSED(js_parse(A, "{}\0", 3, 1000, &v, &E), FAIL_BAD_REQUEST);
  REFUSED(js_parse(A, "{}", 2, 1, &v, &E), FAIL_TOO_LARGE);
}
static void what_json_allows_is_read(void **s) {
  (void)s;
  static const char *const GOOD[] = {"0", "-0", " -1.5e+10 ", "true", "null", "\"\"", "\"\\u00e9\\ud83d\\ude00\\/\"", "[]", "{}", "[[],{}]", "\t\r\n1\n", "\"集群\"", "1E5"};
  js *v;
  for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) OK(js_parse(A, GOOD[i], strlen(GOOD[i]), 1000, &v, &E));
  assert_string_equal(js_self_str(parsed("\"\\u96c6\\ud83d\\ude00\"")), "集\xf0\x9f\x98\x80");
  assert_true(js_is_null(parsed("null"))), assert_string_equal(js_dump(A, NULL), "null");
  assert_string_equal(js_dump(A, parsed("{\"a\":[1,2.50,\"x\",null,true]}")), "{\"a\":[1,2.50,\"x\",null,true]}");
  assert_int_equal(js_int(parsed("{\"a\":1,\"a\":2}"), "a", 0), 2); /* the last of a repeated key, as Go reads it */
}
static void depth_and_time_are_bounded(void **s) {
  (void)s;
  js *v;
  char *t = arena_alloc(A, 100001);
  memset(t, '[', 100000);
  int64_t at = cpu_ms();
  REFUSED(js_parse(A, t, 100000, 1 << 20, &v, &E), FAIL_BAD_REQUEST);
  assert_in_range(cpu_ms() - at, 0, 5000);
  memset(t + 30, ']', 30), t[60] = 0;
  OK(js_parse(A, t, 60, 1000, &v, &E));
}
static void a_text_with_an_escaped_nul_counts_as_no_text(void **s) {
  (void)s;
  const char *out;
  js *v = parsed("{\"a\":\"x\\u0000y\",\"b\":\"x\"}");
  assert_null(js_str(v, "a")), assert_string_equal(js_str(v, "b"), "x");
  REFUSED(jsq_str(v, "a", A, &out, &E), FAIL_BAD_REQUEST);
}
static void getters_never_convert(void **s) {
  (void)s;
  js *v = parsed("{\"s\":\"12abc\",\"n\":12,\"d\":1.5,\"big\":99999999999999999999,\"o\":{\"p\":{\"q\":[1,\"x\"]}},\"z\":null}");
  assert_int_equal(js_int(v, "s", -1), -1), assert_int_equal(js_int(v, "d", -1), -1), assert_int_equal(js_int(v, "n", -1), 12), assert_null(js_str(v, "n"));
  assert_string_equal(js_self_str(js_item(js_arr(v, "o.p.q"), 1)), "x"), assert_null(js_item(js_arr(v, "o.p.q"), 2)), assert_null(js_arr(v, "o.p")), assert_null(js_at(v, "o.p.q.r")), assert_null(js_at(v, "s.x"));
  assert_true(js_bool(v, "n", true)), assert_false(js_bool(NULL, "n", false)), assert_int_equal(js_len(js_obj(v, "o")), 0), assert_true(js_is_null(js_at(v, "z")));
  int64_t i;
  bool b;
  const js *o;
  const char **l;
  size_t n;
  REFUSED(jsq_int(v, "big", 0, 1000, &i, &E), FAIL_INVALID); REFUSED(jsq_int(v, "d", 0, 9, &i, &E), FAIL_BAD_REQUEST); REFUSED(jsq_bool(v, "n", &b, &E), FAIL_BAD_REQUEST);
  REFUSED(jsq_obj(v, "s", &o, &E), FAIL_BAD_REQUEST); REFUSED(jsq_strs(v, "n", A, &l, &n, &E), FAIL_BAD_REQUEST); assert_string_equal(E.args[0], "n");
  OK(jsq_obj(v, "z", &o, &E)); assert_null(o);
  int seen = 0;
  for (struct js_iter it = js_iter(v); js_next(&it);) seen += it.key[0] != 0;
  assert_int_equal(seen, 6);
  struct js_iter none = js_iter(NULL);
  assert_false(js_next(&none));
}
static void exact_keys_win_over_other_cases(void **s) {
  (void)s;
  const char *t;
  OK(jsq_str(parsed("{\"NAME\":\"loose\",\"name\":\"exact\"}"), "name", A, &t, &E)); assert_string_equal(t, "exact");
}
static void trees_for_memos_own_their_parts(void **s) {
  (void)s;
  js *m = js_new(A);
  js_set_str(m, "a", "x"), js_set_int(m, "n", INT64_MIN), js_set_bool(m, "b", true), js_set_copy(m, "c", parsed("{\"d\":[1]}")), js_set_str(m, "gone", "x"), js_set_str(m, "gone", NULL);
  assert_string_equal(js_dump(A, m), "{\"a\":\"x\",\"n\":-9223372036854775808,\"b\":true,\"c\":{\"d\":[1]}}");
  js_set_copy(m, "c", NULL);
  assert_null(js_at(m, "c"));
}
static void written_strings_are_valid_json_and_safe_in_html(void **s) {
  (void)s;
  struct buf b;
  const char *t = "\"\\\b\x1f\x7f</script>&\r\n\xe2\x80\xa8 集群";
  buf_init(&b, A, 1000);
  buf_js(&b, t);
  assert_null(strpbrk(b.p, "<>&"));
  assert_string_equal(js_self_str(parsed(b.p)), t);
}

static void urlencoded_fields_are_counted_and_checked(void **s) {
  (void)s;
  struct form f;
  struct buf b;
  buf_init(&b, A, 10000);
  for (int i = 0; i < 501; i++) buf_fmt(&b, "%sa=1", i ? "&" : "");
  REFUSED(form_urlencoded(A, b.p, b.n, &f, &E), FAIL_BAD_REQUEST); assert_int_equal(E.key, MSG_FORM_MANY);
  form_query(A, b.p, &f); assert_int_equal(f.n, 500);
  OK(form_urlencoded(A, b.p, b.n - 4, &f, &E)); assert_int_equal(f.n, 500);
  OK(form_urlencoded(A, "", 0, &f, &E)); assert_int_equal(f.n, 0); assert_null(form_get(&f, "a"));
  OK(form_urlencoded(A, "&&=x&a=&a=2&b==c%3D&%61b=%2B+", 29, &f, &E));
  assert_int_equal(f.n, 4), assert_string_equal(form_get(&f, "a"), ""), assert_string_equal(form_get(&f, "b"), "=c="), assert_string_equal(form_get(&f, "ab"), "+ ");
  static const char *const BAD[] = {"a=%", "a=%4", "a=%G0", "%00=1", "a=%C0%AF", "a=%ED%A0%80", "%ff=1"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) REFUSED(form_urlencoded(A, BAD[i], strlen(BAD[i]), &f, &E), FAIL_BAD_REQUEST);
  form_query(A, "good=1&bad=%ff&u=http://h:1/x y&", &f);
  assert_int_equal(f.n, 2), assert_string_equal(form_get(&f, "u"), "http://h:1/x y");
  form_query(A, NULL, &f); assert_int_equal(f.n, 0);
}

static const char *const TYPE = "multipart/form-data; boundary=\"xY z\"; charset=utf-8";
static bool multipart(const char *body, struct form *f) { return form_multipart(A, TYPE, body, strlen(body), f, &E); }
#define PART(params, value) "--xY z\r\nContent-Type: text/plain; name=\"no\"\r\ncontent-disposition: form-data; " params "\r\n\r\n" value "\r\n"

static void multipart_parts_keep_their_bytes(void **s) {
  (void)s;
  struct form f;
  OK(multipart("preamble --xY z\r\n" PART("name=\"a\"", "") PART("filename=\"名 name=x.yaml\"; name=\"file\"", "line --xY z\r\n--xY zz\r\n") PART("name=\"b\"", "集") "--xY z--\r\nepilogue", &f));
  assert_int_equal(f.n, 3), assert_string_equal(form_get(&f, "a"), ""), assert_null(form_field(&f, "a")->opt_filename);
  assert_string_equal(form_get(&f, "file"), "line --xY z\r\n--xY zz\r\n"), assert_string_equal(form_field(&f, "file")->opt_filename, "名 name=x.yaml"), assert_string_equal(form_get(&f, "b"), "集");
  const char bin[] = "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n\r\n\0\xff\r\n--B--";
  OK(form_multipart(A, "Multipart/Form-Data; Boundary=B;x=y", bin, sizeof bin - 1, &f, &E));
  assert_int_equal(f.f[0].len, 2), assert_memory_equal(f.f[0].value, "\0\xff", 3), assert_string_equal(f.f[0].opt_filename, "");
}
static void broken_multipart_is_refused(void **s) {
  (void)s;
  struct form f;
  static const char *const BAD[] = {"", "--xY z", "--xY z\r\n", "x--xY z--", PART("name=\"a\"", "v"), PART("filename=\"a\"", "v") "--xY z--", PART("name=\"\"", "v") "--xY z--", PART("name=\"\xff\"", "v") "--xY z--",
      PART("name=\"a\"", "\xff") "--xY z--", PART("name=\"a\"; filename=\"\xff\"", "v") "--xY z--", PART("name=\"a", "v") "--xY z--", "--xY z\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n--xY z--",
      "--xY z\r\nX: name=\"a\"\r\n\r\nv\r\n--xY z--"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    err_clear(&E);
    if (multipart(BAD[i], &f)) fail_msg("accepted number %zu", i);
    assert_int_equal(E.kind, FAIL_BAD_REQUEST);
  }
  REFUSED(form_multipart(A, "multipart/form-data", "--\r\n", 4, &f, &E), FAIL_BAD_REQUEST); REFUSED(form_multipart(A, "text/plain; boundary=B", "--B--", 5, &f, &E), FAIL_BAD_REQUEST);
  struct buf b;
  buf_init(&b, A, 1 << 20);
  for (int i = 0; i < 501; i++) buf_str(&b, PART("name=\"a\"", "v"));
  buf_str(&b, "--xY z--");
  REFUSED(form_multipart(A, TYPE, b.p, b.n, &f, &E), FAIL_BAD_REQUEST); assert_int_equal(E.key, MSG_FORM_MANY);
}
static void every_prefix_of_a_form_is_survived(void **s) {
  (void)s;
  const char *m = PART("name=\"a\"; filename=\"k\"", "v1\r\n") PART("name=\"b\"", "v2") "--xY z--";
  for (size_t n = 0; n < strlen(m); n++) {
    struct form f;
    struct arena_mark at = arena_mark(A);
    assert_false(form_multipart(A, TYPE, arena_strndup(A, m, n), n, &f, &E));
    arena_rewind(A, at);
  }
}
static void members_of_jsonb_are_read_without_a_tree(void **s) {
  (void)s;
  struct jsonb_member m[4];
  const char *t = "{\"a\": {\"x\": \"}, \\\"q\\\\\"}, \"b\": [1, {\"c\": 2}], \"c,d\": \"\\u8054 \\\"邦\\\"\", \"e\": -12}", *in;
  assert_int_equal(jsonb_members(t, m, 4), 4);
  assert_int_equal(jsonb_members(t, m, 3), -1);
  assert_true(jsonb_key(&m[0], "a") && jsonb_key(&m[1], "b") && jsonb_key(&m[2], "c,d") && jsonb_key(&m[3], "e"));
  assert_false(jsonb_key(&m[0], "") || jsonb_key(&m[2], "c"));
  assert_int_equal(m[1].value_len, strlen("[1, {\"c\": 2}]"));
  assert_string_equal(jsonb_text(A, m[2].value, m[2].value_len), "联 \"邦\"");
  assert_string_equal(jsonb_text(A, m[3].value, m[3].value_len), "");
  in = m[0].value;
  assert_true(jsonb_next(&in, &m[3]) && jsonb_key(&m[3], "x"));
  assert_string_equal(jsonb_text(A, m[3].value, m[3].value_len), "}, \"q\\");
  assert_false(jsonb_next(&in, &m[3]));
  assert_int_equal(jsonb_members("{}", m, 4), 0);
  assert_int_equal(jsonb_members("[]", m, 4), -1); assert_int_equal(jsonb_members("null", m, 4), -1); assert_int_equal(jsonb_members("", m, 4), -1);
  in = t;
  assert_true(jsonb_open(&in, &m[0]) && jsonb_key(&m[0], "a") && *in == '{' && in == m[0].value);
  assert_true(jsonb_open(&in, &m[1]) && jsonb_key(&m[1], "x") && *in == '"'); /* walked into */
  jsonb_skip(&in);
  assert_false(jsonb_open(&in, &m[1]));
  assert_int_equal(*in++, '}');
  assert_true(jsonb_next(&in, &m[1]) && jsonb_key(&m[1], "b")); /* and out again */
  for (size_t n = 0; n < strlen(t); n++) { /* nothing is read behind the end of a text that was cut */
    char *cut = strndup(t, n);
    for (in = cut; jsonb_next(&in, &m[0]);) (void)jsonb_text(A, m[0].value, m[0].value_len);
    free(cut);
  }
}
int main(void) {
  const struct CMUnitTest t[] = {T(what_json_c_lets_pass_is_refused), T(what_json_allows_is_read), T(depth_and_time_are_bounded), T(a_text_with_an_escaped_nul_counts_as_no_text), T(getters_never_convert),
      T(exact_keys_win_over_other_cases), T(trees_for_memos_own_their_parts), T(written_strings_are_valid_json_and_safe_in_html), T(urlencoded_fields_are_counted_and_checked), T(multipart_parts_keep_their_bytes),
      T(broken_multipart_is_refused), T(every_prefix_of_a_form_is_survived), T(members_of_jsonb_are_read_without_a_tree)};
  return cmocka_run_group_tests(t, NULL, NULL);
}
