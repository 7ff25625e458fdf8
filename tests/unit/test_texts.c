/* Base layer beyond test_base.c: name rules at their edges, slices, times, errors, files, the log, the catalogue, arenas under growth. */
#include "t.h"
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/b64.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/name.h"
#include "base/num.h"

static char *repeated(const char *unit, size_t n) {
  struct buf b;
  buf_init(&b, A, 100000);
  for (size_t i = 0; i < n; i++) buf_str(&b, unit);
  return b.p;
}
static void labels_and_names_end_where_rfc_1123_ends(void **s) {
  (void)s;
  assert_true(name_dns_label("a") && name_dns_label("0-9") && name_dns_label(repeated("a", 63)));
  static const char *const BAD[] = {"", "-a", "a-", "A", "a_b", "a.b", "a b", "集", "a\n"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) assert_false(name_dns_label(BAD[i]));
  assert_false(name_dns_label(repeated("a", 64)));
  assert_true(name_dns("a") && name_dns("a.b.c") && name_dns("1.2")), assert_false(name_dns("") || name_dns(".") || name_dns("a.") || name_dns(".a") || name_dns("a..b"));
  char *edge = repeated("abcdefghi.", 26);
  edge[253] = 0;
  assert_true(name_dns(edge));
  assert_false(name_dns(arena_fmt(A, "%sx", edge)));
  assert_true(name_domain("fate.example.com") && name_domain("a.b1")), assert_false(name_domain("localhost") || name_domain("10.0.0.1") || name_domain("a.com.") || name_domain("a_b.com") || name_domain(""));
}
static void hosts_are_addresses_or_names(void **s) {
  (void)s;
  static const char *const GOOD[] = {"10.0.0.1", "::1", "2001:db8::a", "localhost", "Node-1.Example.COM", "a.1b"}, *const BAD[] = {"", "10.0.0", "10.0.0.256", "1.2.3.4.5", ":::", "[::1]", "a:80", "http://a", "a/b", "-a", "a_b", "u@h", " a", "fe80::1%eth0"};
  for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) assert_true(name_host(GOOD[i]));
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) assert_false(name_host(BAD[i]));
  assert_false(name_host(repeated("a.", 127))), assert_false(name_host(repeated("a", 300)));
}
static void display_names_count_characters(void **s) {
  (void)s;
  assert_true(name_display(repeated("集", 64)) && name_display("a") && name_display("\xf0\x9f\x98\x80"));
  assert_false(name_display(repeated("集", 65)) || name_display("") || name_display(" \t") || name_display("a\tb") || name_display("a\x7f") || name_display("a\xc2\x85") || name_display("\xc3") || name_display("\xed\xa0\x80"));
}
static void deployment_names_are_labels_or_empty(void **s) {
  (void)s;
  static const struct { const char *in, *out; } V[] = {{"My Exchange_01", "my-exchange-01"}, {"  FATE  9999!", "fate-9999"}, {"a--b", "a-b"}, {"集群", ""}, {"123", "123"}, {"集群 A", "a"}, {"A集B", "a-b"}, {"---", ""}, {"", ""}, {"x.", "x"}};
  for (size_t i = 0; i < sizeof V / sizeof *V; i++) assert_string_equal(name_deployment(A, V[i].in), V[i].out);
}
static void utf8_is_checked_to_the_letter_of_rfc_3629(void **s) {
  (void)s;
  static const char *const GOOD[] = {"", "a", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}, *const BAD[] = {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe9\x9b", "\xff"};
  for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) assert_true(str_utf8_ok(GOOD[i], strlen(GOOD[i])));
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) assert_false(str_utf8_ok(BAD[i], strlen(BAD[i])));
  assert_false(str_utf8_ok("a\0b", 3));
  assert_string_equal(str_excerpt(A, "a\n\xff集\x1b[0m\0z", 12, 100), "a ?集 [0m z"), assert_string_equal(str_excerpt(A, "集群", 6, 5), "集"), assert_string_equal(str_excerpt(A, "x", 1, 0), "");
}
static void slices_split_join_and_compare(void **s) {
  (void)s;
  size_t n;
  char **v = str_split(A, ",a,;b", ",;", &n);
  assert_int_equal(n, 4), assert_string_equal(str_join(A, (const char *const *)v, n, "|"), "|a||b"), assert_null(v[4]);
  assert_string_equal(str_split(A, "", ",", &n)[0], ""), assert_int_equal(n, 1), assert_string_equal(str_join(A, NULL, 0, ","), "");
  assert_string_equal(str_trim(A, " \t a b \n"), "a b"), assert_string_equal(str_trim(A, NULL), ""), assert_string_equal(str_lower(A, "AbÉ"), "abÉ");
  assert_true(str_eq(STR("ab"), str_of("ab")) && str_eq((struct str){NULL, 0}, STR("")) && streq(NULL, "") && streq_nocase("ABC", "abc") && str_starts("abc", "ab") && str_ends("abc", "bc") && str_blank(NULL)), assert_false(str_ends("c", "bc"));
}
static void numbers_and_truth_values_are_strict(void **s) {
  (void)s;
  int64_t v;
  int i;
  bool b;
  assert_true(num_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &v) && v == INT64_MIN), assert_true(num_i64("9223372036854775807", INT64_MIN, INT64_MAX, &v) && v == INT64_MAX);
  static const char *const BAD[] = {"9223372036854775808", "", "-", "+1", " 1", "1 ", "1.0", "0x10", "1e3", "--1", "集"};
  for (size_t k = 0; k < sizeof BAD / sizeof *BAD; k++) assert_false(num_i64(BAD[k], INT64_MIN, INT64_MAX, &v));
  assert_false(num_i64(NULL, 0, 1, &v)), assert_false(num_int("65536", 0, 65535, &i)), assert_true(num_int("65535", 0, 65535, &i));
  assert_true(num_bool("f", &b) && !b), assert_false(num_bool("", &b) || num_bool(NULL, &b) || num_bool("tRUE", &b) || num_bool("2", &b));
}
static void only_dates_that_exist_are_read(void **s) {
  (void)s;
  usec_t t;
  static const char *const BAD[] = {"", "2023-02-29T00:00:00Z", "2024-02-30T00:00:00Z", "2024-01-00T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:60Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00Zx", "2024-01-01T00:00:00+0800", "2024-01-01T00:00:00+24:00", "24-01-01T00:00:00Z", "2024-01-01"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) assert_false(time_parse_rfc3339(BAD[i], &t));
  assert_false(time_parse_rfc3339(NULL, &t));
  static const char *const SAME[] = {"2024-02-29T23:59:59.999999Z", "1969-12-31T23:59:59.5Z", "1970-01-01T00:00:01Z", "2038-01-19T03:14:08Z", "9999-12-31T23:59:59Z", "0001-01-02T00:00:00Z"};
  for (size_t i = 0; i < sizeof SAME / sizeof *SAME; i++) assert_true(time_parse_rfc3339(SAME[i], &t)), assert_string_equal(time_rfc3339(A, t), SAME[i]);
  assert_true(time_parse_rfc3339("2024-01-01t00:00:00.1234567891-01:30", &t)), assert_string_equal(time_rfc3339(A, t), "2024-01-01T01:30:00.123456Z");
}
static void base64_reads_back_every_length(void **s) {
  (void)s;
  unsigned char in[64], *out;
  size_t n;
  for (size_t i = 0; i < sizeof in; i++) in[i] = (unsigned char)(i * 37 + 11);
  for (size_t k = 0; k <= sizeof in; k++) {
    char *e = b64_encode(A, in, k), *u = b64url_encode(A, in, k);
    assert_true(b64_decode(A, e, strlen(e), false, &out, &n) && n == k && !memcmp(in, out, k) && !out[n]), assert_true(b64url_decode(A, u, strlen(u), &out, &n) && n == k && !memcmp(in, out, k));
  }
  static const char *const BAD[] = {"A", "A=", "A==", "A===", "====", "AA=", "AAA", "AB==", "AAB=", "AA==AA==", "AA=A", "A-B_", "AAAA=", "AA ==", "\xe9"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) assert_false(b64_decode(A, BAD[i], strlen(BAD[i]), false, &out, &n));
  assert_true(b64_decode(A, " QU\r\nI= \t=\n", 11, true, &out, &n) == false && b64_decode(A, " QU\r\nJD\n", 8, true, &out, &n) && n == 3);
  assert_false(b64url_decode(A, "AA==", 4, &out, &n)), assert_string_equal(hex_encode(A, "\x00\xff\x1a", 3), "00ff1a");
}
static void buffers_fail_once_and_stay_failed(void **s) {
  (void)s;
  struct buf b;
  buf_init(&b, A, 8);
  buf_fmt(&b, "%s", "12345678"), buf_str(&b, NULL), buf_add(&b, "", 0);
  assert_false(b.failed);
  buf_fmt(&b, "%d", 123), buf_clear(&b);
  assert_false(b.failed);
  buf_html(&b, "<<<"), buf_ch(&b, 'x'), buf_i64(&b, INT64_MIN);
  assert_true(b.failed), assert_string_equal(b.p, "&lt;&lt;");
  buf_init(&b, A, 0);
  assert_string_equal(b.p, ""), buf_ch(&b, 'x'), assert_true(b.failed);
  buf_init(&b, A, 1 << 20);
  for (int i = 0; i < 100000; i++) buf_str(&b, "abcdefg"), (void)(i % 1000 ? NULL : arena_strdup(A, "between"));
  assert_int_equal(b.n, 700000), assert_memory_equal(b.p + 699993, "abcdefg", 8);
}
static int closed;
static void count_close(void *p) { (void)p; closed++; }
static void arenas_grow_in_place_rewind_and_count(void **s) {
  (void)s;
  closed = 0;
  char *p = arena_alloc(A, 10), *q = arena_grow(A, p, 10, 5000);
  assert_ptr_equal(p, q), assert_int_equal(q[4999], 0);
  arena_defer(A, count_close, NULL);
  char *r = arena_grow(A, q, 5000, 6000);
  assert_ptr_not_equal(r, q), assert_memory_equal(r, q, 5000);
  struct arena_mark m = arena_mark(A);
  for (int i = 0; i < 100; i++) memset(arena_alloc(A, 30000), i, 30000), arena_defer(A, count_close, NULL);
  assert_true(arena_used(A) > 3000000);
  arena_rewind(A, m), assert_int_equal(closed, 100);
  unsigned char *z = arena_alloc(A, 40000);
  for (int i = 0; i < 40000; i++) assert_int_equal(z[i], 0);
  arena_reset(A), assert_int_equal(closed, 101), assert_int_equal(arena_used(A), 0);
  arena_free(NULL);
}
static void errors_hold_long_values_and_quote_themselves(void **s) {
  (void)s;
  const char *big = repeated("集", 2000);
  err_set(&E, FAIL_INVALID, MSG_YAML_SYNTAX, big, big, big);
  assert_int_equal(E.n, 3), assert_true(str_utf8_ok(E.args[0], strlen(E.args[0])) && strlen(E.args[0]) > 1000), assert_true(strlen(E.args[2]) >= 158); /* every value keeps a part */
  assert_false(err_detail(&E, "%s", "one")), err_detail(&E, "two: %s", E.detail), assert_string_equal(E.detail, "two: one");
  err_detail(&E, "%s", big), assert_int_equal(strlen(E.detail), sizeof E.detail - 1);
  err_set(&E, FAIL_NOT_FOUND, MSG_FILE_READ, NULL, "w"), assert_string_equal(E.args[0], ""), assert_string_equal(E.detail, "");
  assert_non_null(strstr(err_message(&E, A), ": w."));
  struct text t = err_text(&E);
  assert_int_equal(t.key, MSG_FILE_READ), assert_int_equal(t.n, 2);
}
static void files_are_replaced_whole_or_not_at_all(void **s) {
  (void)s;
  char dir[] = "/tmp/file.XXXXXX", *got;
  size_t n;
  struct stat st;
  glob_t g;
  assert_non_null(mkdtemp(dir));
  char *f = arena_fmt(A, "%s/f", dir);
  OK(file_write(f, "old", 3, 0600, &E)); OK(file_write(f, "a\0b", 3, 0640, &E)); OK(file_read(A, f, 3, &got, &n, &E));
  assert_int_equal(n, 3), assert_memory_equal(got, "a\0b", 4), assert_int_equal(stat(f, &st), 0), assert_int_equal(st.st_mode & 0777, 0640);
  REFUSED(file_read(A, f, 2, &got, NULL, &E), FAIL_TOO_LARGE); assert_string_equal(E.args[1], "2");
  REFUSED(file_read(A, dir, 99, &got, NULL, &E), FAIL_UNAVAILABLE); REFUSED(file_read(A, "/none", 99, &got, NULL, &E), FAIL_UNAVAILABLE); REFUSED(file_write("/none/x", "", 0, 0600, &E), FAIL_UNAVAILABLE);
  char *sub = arena_fmt(A, "%s/sub", dir);
  assert_int_equal(mkdir(sub, 0700), 0);
  REFUSED(file_write(sub, "x", 1, 0600, &E), FAIL_UNAVAILABLE); /* a folder is in the way: no temporary file stays behind */
  assert_int_equal(glob(arena_fmt(A, "%s/*", dir), 0, NULL, &g), 0), assert_int_equal(g.gl_pathc, 2);
  globfree(&g), rmdir(sub), unlink(f), rmdir(dir);
}
static char *logged(void (*fn)(void)) {
  char path[] = "/tmp/log.XXXXXX", *got = NULL;
  int f = mkstemp(path), keep = dup(2);
  dup2(f, 2), fn(), dup2(keep, 2);
  close(f), close(keep);
  OK(file_read(A, path, 100000, &got, NULL, &E));
  unlink(path);
  return got;
}
static void say(void) {
  log_scope("req-1");
  log_info("m", "two words", "key", "a=\"b\"\nx\x1b", "none", NULL, "odd");
  log_debug("m", "unseen");
  err_set(&E, FAIL_BUG, MSG_FILE_READ, "/f", "why"), err_detail(&E, "x\ny");
  log_err(LOG_LEVEL_ERROR, "m", "doing", &E);
  log_scope(NULL);
  log_warn("m", "long", "v", repeated("\n", 9000), "w", repeated("x", 9000));
}
static void log_lines_are_single_lines_whatever_they_hold(void **s) {
  (void)s;
  size_t n;
  log_init("unit", LOG_LEVEL_INFO);
  char **line = str_split(A, logged(say), "\n", &n);
  assert_int_equal(n, 4), assert_string_equal(line[3], "");
  assert_non_null(strstr(line[0], " level=info program=unit pid=")), assert_non_null(strstr(line[0], " module=m id=req-1 msg=\"two words\" key=\"a=\\\"b\\\"\\x0ax\\x1b\" none=\"\""));
  assert_non_null(strstr(line[1], "level=error")), assert_non_null(strstr(line[1], "detail=\"x\\x0ay\" at=")), assert_null(strstr(line[2], " id=")), assert_in_range(strlen(line[2]), 2000, 4096);
}
static void every_sentence_is_complete_in_both_languages(void **s) {
  (void)s;
  struct buf b;
  enum lang l;
  buf_init(&b, A, 1 << 16);
  for (int k = 1; k < MSG__COUNT; k++)
    for (int i = 0; i < LANG__COUNT; i++) {
      buf_clear(&b), text_html(&b, (enum lang)i, TEXT((enum msg)k, "<1>", "<2>", "<3>", "<4>", "<5>", "<6>", "<7>", "<8>"));
      assert_false(b.failed), assert_true(b.n > 0 && str_utf8_ok(b.p, b.n)), assert_null(strchr(b.p, '{'));
    }
  buf_clear(&b), text_plain(&b, LANG_EN, TEXT(MSG_FILE_READ)), assert_null(strchr(b.p, '{')); /* missing values print nothing */
  assert_string_equal(text_key((enum msg)99999), ""), assert_string_equal(text_raw(LANG_ZH, (enum msg)-1), ""), assert_int_equal(text_find(NULL), MSG_NONE), assert_int_equal(text_find(""), MSG_NONE);
  static const char *const ZH[] = {"zh", "zh-CN", "zh_CN", "ZH-hant"}, *const EN[] = {"en", "en-GB", "EN_us"}, *const NO[] = {"", "e", "eng", "zhx", "de", "xen"};
  for (size_t i = 0; i < 4; i++) assert_true(lang_parse(ZH[i], &l) && l == LANG_ZH);
  for (size_t i = 0; i < 3; i++) assert_true(lang_parse(EN[i], &l) && l == LANG_EN);
  for (size_t i = 0; i < 6; i++) assert_false(lang_parse(NO[i], &l));
  assert_false(lang_parse(NULL, &l)), assert_string_equal(lang_code(LANG_ZH), "zh-CN");
}
int main(void) {
  const struct CMUnitTest t[] = {T(labels_and_names_end_where_rfc_1123_ends), T(hosts_are_addresses_or_names), T(display_names_count_characters), T(deployment_names_are_labels_or_empty), T(utf8_is_checked_to_the_letter_of_rfc_3629),
      T(slices_split_join_and_compare), T(numbers_and_truth_values_are_strict), T(only_dates_that_exist_are_read), T(base64_reads_back_every_length), T(buffers_fail_once_and_stay_failed), T(arenas_grow_in_place_rewind_and_count),
      T(errors_hold_long_values_and_quote_themselves), T(files_are_replaced_whole_or_not_at_all), T(log_lines_are_single_lines_whatever_they_hold), T(every_sentence_is_complete_in_both_languages)};
  return cmocka_run_group_tests(t, NULL, NULL);
}
