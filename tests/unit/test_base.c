#include "t.h"
#include "base/conf.h"
#include "base/b64.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/name.h"
#include "base/num.h"
#include "base/uuid.h"

static int order[2], n_order;
static void note(void *p) { order[n_order++] = *(int *)p; }
static void destructors_run_in_reverse_order_and_memory_is_zeroed(void **s) {
  (void)s;
  static int one = 1, two = 2;
  n_order = 0;
  arena_defer(A, note, &one), arena_defer(A, note, &two);
  memset(arena_alloc(A, 300000), 7, 300000);
  arena_reset(A);
  assert_int_equal(order[0], 2), assert_int_equal(order[1], 1);
  unsigned char *p = arena_alloc(A, 5000);
  for (int i = 0; i < 5000; i++) assert_int_equal(p[i], 0);
}
static void rewind_keeps_what_came_before(void **s) {
  (void)s;
  char *keep = arena_strdup(A, "keep");
  struct arena_mark m = arena_mark(A);
  assert_non_null(arena_strdup(A, "drop"));
  arena_rewind(A, m);
  assert_string_equal(keep, "keep");
}
static void buffers_stop_at_their_maximum(void **s) {
  (void)s;
  struct buf b;
  buf_init(&b, A, 10);
  buf_str(&b, "0123456789");
  assert_false(b.failed);
  buf_ch(&b, 'x');
  assert_true(b.failed);
  assert_string_equal(b.p, "0123456789");
}
static void escapers_escape_for_their_place(void **s) {
  (void)s;
  struct buf b;
  buf_init(&b, A, 1000);
  buf_html(&b, "<a href=\"x\">'&</a>");
  assert_string_equal(b.p, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&lt;/a&gt;");
  buf_clear(&b);
  buf_urlq(&b, "a b&c/\xe9\x9b\x86");
  assert_string_equal(b.p, "a%20b%26c%2F%E9%9B%86");
  buf_clear(&b);
  buf_js(&b, "a\"\n</script>\x01\xff\xe9\x9b\x86");
  assert_string_equal(b.p, "\"a\\\"\\n\\u003c/script\\u003e\\u0001\xef\xbf\xbd\xe9\x9b\x86\"");
}
static void numbers_are_whole_texts_within_bounds(void **s) {
  (void)s;
  int64_t v;
  bool b;
  assert_true(num_i64("-12", -20, 20, &v)), assert_int_equal(v, -12);
  assert_false(num_i64("12abc", 0, 100, &v)), assert_false(num_i64("", 0, 1, &v)), assert_false(num_i64(" 1", 0, 9, &v)), assert_false(num_i64("99999999999999999999", 0, INT64_MAX, &v)), assert_false(num_i64("101", 0, 100, &v));
  assert_true(num_bool("True", &b) && b), assert_false(num_bool("yes", &b));
}
static void names_follow_the_reference(void **s) {
  (void)s;
  assert_string_equal(name_deployment(A, "My Exchange_01"), "my-exchange-01");
  assert_string_equal(name_deployment(A, "  FATE  9999!"), "fate-9999");
  assert_string_equal(name_deployment(A, "a--b"), "a-b");
  assert_string_equal(name_deployment(A, "集群"), "");
  assert_string_equal(name_deployment(A, "123"), "123");
  assert_true(name_domain("example.com")), assert_false(name_domain("-x")), assert_false(name_domain("a..b")), assert_false(name_domain("com")), assert_false(name_domain("a.1"));
  char long_name[255];
  memset(long_name, 'a', 254), long_name[254] = 0;
  for (int i = 50; i < 254; i += 50) long_name[i] = '.';
  assert_false(name_domain(long_name));
  assert_true(name_display("集群 一")), assert_false(name_display("   ")), assert_false(name_display("a\nb")), assert_false(name_display("\xff"));
  assert_true(name_host("10.0.0.1") && name_host("::1") && name_host("Host.example.com")), assert_false(name_host("999.1.1.1")), assert_false(name_host("a b"));
}
static void base64_is_strict(void **s) {
  (void)s;
  unsigned char *p;
  size_t n;
  assert_string_equal(b64_encode(A, "any carnal pleas", 16), "YW55IGNhcm5hbCBwbGVhcw==");
  assert_true(b64_decode(A, "YW55\nIGNh", 9, true, &p, &n) && n == 6);
  assert_false(b64_decode(A, "YW55\nIGNh", 9, false, &p, &n)), assert_false(b64_decode(A, "YW5", 3, false, &p, &n)), assert_false(b64_decode(A, "YR==x", 5, false, &p, &n)), assert_false(b64url_decode(A, "a+b", 3, &p, &n));
  assert_true(b64url_decode(A, "-_8", 3, &p, &n) && n == 2 && p[0] == 0xfb && p[1] == 0xff);
}
static void times_print_as_go_prints_them(void **s) {
  (void)s;
  usec_t t;
  assert_string_equal(time_rfc3339(A, 0), "0001-01-01T00:00:00Z");
  assert_string_equal(time_rfc3339(A, 1709285400123450LL), "2024-03-01T09:30:00.12345Z");
  assert_true(time_parse_rfc3339("2024-03-01T17:30:00.12345+08:00", &t) && t == 1709285400123450LL);
  assert_false(time_parse_rfc3339("2024-13-01T00:00:00Z", &t));
}
static void text_says_both_languages_and_marks_foreign_text(void **s) {
  (void)s;
  struct buf b;
  buf_init(&b, A, 1000);
  text_html(&b, LANG_EN, TEXT(MSG_FILE_READ, "/x<y", "no & never"));
  assert_non_null(strstr(b.p, "<code>/x&lt;y</code>")), assert_non_null(strstr(b.p, "no &amp; never"));
  buf_clear(&b);
  text_plain(&b, LANG_ZH, TEXT(MSG_JSON_LARGE, "7"));
  assert_non_null(strstr(b.p, "7 字节"));
  for (int k = 1; k < MSG__COUNT; k++) assert_int_equal(text_find(text_key((enum msg)k)), k);
  assert_int_equal(text_find("no.such.key"), MSG_NONE);
}
static void errors_keep_their_own_copies(void **s) {
  (void)s;
  char v[] = "value";
  assert_false(err_set(&E, FAIL_CONFLICT, MSG_FILE_READ, v, "why"));
  v[0] = 'X';
  assert_string_equal(E.args[0], "value");
  assert_false(err_set(&E, FAIL_CONFLICT, MSG_FILE_READ, E.args[0], E.args[1]));
  assert_string_equal(E.args[0], "value"), assert_string_equal(E.args[1], "why");
}
static void uuids_are_canonical(void **s) {
  (void)s;
  struct uuid u = uuid_new(), v;
  assert_true(uuid_parse(u.s, &v) && uuid_eq(u, v));
  assert_true(uuid_parse("6B6D7A2E-5C35-4A0E-9D0E-0D8F6F1B8A11", &v)), assert_string_equal(v.s, "6b6d7a2e-5c35-4a0e-9d0e-0d8f6f1b8a11");
  assert_false(uuid_parse("6b6d7a2e-5c35-4a0e-9d0e-0d8f6f1b8a1", &v)), assert_false(uuid_parse("Unknown", &v));
}
static void the_database_may_be_a_list_of_hosts(void **s) {
  (void)s;
  static const struct { const char *host, *port, *wanted; } CASE[] = {
      {"db1", NULL, "host='db1' port='5432' dbname='fedlcm' user='me' sslmode='prefer' "},
      {"db1, db2 ,\tdb3", "5432, 5433,5434", "host='db1,db2,db3' port='5432,5433,5434' dbname='fedlcm' user='me' sslmode='prefer' "},
      {"/run/my sockets", "5432", "host='/run/my sockets' port='5432' dbname='fedlcm' user='me' sslmode='prefer' "}};
  struct conf c;
  unsetenv("FEDLCM_DB"), unsetenv("POSTGRES_PASSWORD"), unsetenv("POSTGRES_SSLMODE"), setenv("POSTGRES_DB", "fedlcm", 1), setenv("POSTGRES_USER", "me", 1);
  for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
    setenv("POSTGRES_HOST", CASE[i].host, 1), unsetenv("POSTGRES_PORT");
    if (CASE[i].port) setenv("POSTGRES_PORT", CASE[i].port, 1);
    OK(conf_load(&c, &E)); assert_string_equal(c.conninfo, CASE[i].wanted), arena_free(c.memory);
  }
  setenv("FEDLCM_DB", "host=a,b dbname=x", 1);
  OK(conf_load(&c, &E)); assert_string_equal(c.conninfo, "host=a,b dbname=x"), arena_free(c.memory);
  unsetenv("FEDLCM_DB"), unsetenv("POSTGRES_HOST");
  REFUSED(conf_load(&c, &E), FAIL_INVALID); assert_string_equal(E.args[0], "POSTGRES_HOST"), arena_free(c.memory);
}
static void settings_have_bounds(void **s) {
  (void)s;
  static const struct { const char *name; int least, most; } CASE[] = {{"FEDLCM_LEASE_SECONDS", 15, 30}, {"FEDLCM_CHECK_SECONDS", 2, 3600}, {"FEDLCM_RETRY_SECONDS", 1, 300}, {"FEDLCM_CIRCUIT_SECONDS", 5, 600}, {"FEDLCM_DEADLINE_PERCENT", 1, 100}, {"FEDLCM_KEYS_AHEAD", 0, 128}};
  struct conf c;
  setenv("FEDLCM_DB", "dbname=x", 1);
  for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
    const int v[] = {CASE[i].least, CASE[i].most, CASE[i].least - 1, CASE[i].most + 1};
    for (int k = 0; k < 4; k++) {
      setenv(CASE[i].name, arena_fmt(A, "%d", v[k]), 1);
      if (k < 2) OK(conf_load(&c, &E));
      else {
        REFUSED(conf_load(&c, &E), FAIL_INVALID);
        assert_string_equal(E.args[0], CASE[i].name);
      }
      arena_free(c.memory);
    }
    unsetenv(CASE[i].name);
  }
  unsetenv("FEDLCM_DB");
}
int main(void) {
  const struct CMUnitTest t[] = {T(destructors_run_in_reverse_order_and_memory_is_zeroed), T(rewind_keeps_what_came_before), T(buffers_stop_at_their_maximum), T(escapers_escape_for_their_place),
      T(numbers_are_whole_texts_within_bounds), T(names_follow_the_reference), T(base64_is_strict), T(times_print_as_go_prints_them), T(text_says_both_languages_and_marks_foreign_text), T(errors_keep_their_own_copies), T(uuids_are_canonical), T(the_database_may_be_a_list_of_hosts), T(settings_have_bounds)};
  return cmocka_run_group_tests(t, NULL, NULL);
}
