/* The build programs textc, embed and layercheck: what they refuse, with which file and line, and what they leave behind. Run from the top of the
 * checkout (tests/lib/unit.sh does). */
#include "t.h"
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/file.h"

static char dir[] = "/tmp/tools.XXXXXX", top[PATH_MAX];

static int group_setup(void **s) {
  (void)s;
  if (!getcwd(top, sizeof top) || !mkdtemp(dir)) return -1;
  FILE *make = popen("make --no-print-directory -s build/tools/textc build/tools/embed build/tools/layercheck", "r");
  return make && pclose(make) == 0 ? 0 : -1;
}
static int group_teardown(void **s) {
  (void)s;
  char sh[100];
  snprintf(sh, sizeof sh, "rm -rf %s", dir);
  FILE *rm = popen(sh, "r");
  return rm && pclose(rm) == 0 ? 0 : -1;
}
/* Output of `TOP/build/tools/COMMAND` in the scratch folder, "N: text" with its exit status. */
static const char *tool(const char *command) {
  struct buf b;
  char part[4096];
  buf_init(&b, A, 1 << 16);
  FILE *p = popen(arena_fmt(A, "cd %s && %s/build/tools/%s 2>&1", dir, top, command), "r");
  assert_non_null(p);
  while (fgets(part, sizeof part, p)) buf_str(&b, part);
  int st = pclose(p);
  return arena_fmt(A, "%d: %s", WIFEXITED(st) ? WEXITSTATUS(st) : 99, b.p);
}
static void put(const char *name, const char *text) {
  char *path = arena_fmt(A, "%s/%s", dir, name);
  for (char *slash = path + strlen(dir) + 1; (slash = strchr(slash, '/')); *slash++ = '/') *slash = 0, mkdir(path, 0700);
  OK(file_write(path, text, strlen(text), 0600, &E));
}
static char *get(const char *name) {
  char *text = NULL;
  OK(file_read(A, arena_fmt(A, "%s/%s", dir, name), 1 << 20, &text, NULL, &E));
  return text;
}
static const char *textc(const char *source) {
  put("in.txt", source);
  return tool("textc out.h out.c in.txt");
}

static void faults_of_the_catalogue_stop_the_build_at_their_line(void **s) {
  (void)s;
  static const struct { const char *source, *says; } V[] = {
      {"a.b\n  en X\n", "in.txt:1: missing zh"}, {"# c\n\na.b\n  zh X\n", "in.txt:3: missing en"}, {"a\n  en \n  zh X\n", "in.txt:1: missing en"},
      {"a\n  en X {0}\n  zh Y\n", "in.txt:1: slots differ"}, {"a\n  en X {0}\n  zh Y {=0}\n", "in.txt:1: slots differ"}, {"a\n  en X {8}\n  zh Y {8}\n", "in.txt:1: bad slot"},
      {"a\n  en X\n  zh Y\n\na\n  en X\n  zh Y\n", "in.txt:5: duplicate key: a"}, {"a.b\n  en X\n  zh Y\na-b\n  en X\n  zh Y\n", "duplicate key"}, {"a\n  en X\n  en X\n", "in.txt:3: said twice"},
      {"a\n  en X\n  fr Y\n", "in.txt:3: neither"}, {"    text\n", "in.txt:1: neither"}, {"a\n en X\n", "in.txt:2: neither"}, {"A b\n", "in.txt:1: bad key"}};
  for (size_t i = 0; i < sizeof V / sizeof *V; i++) {
    const char *got = textc(V[i].source);
    if (!str_starts(got, "1: ") || !strstr(got, V[i].says)) fail_msg("%s gave %s", V[i].source, got);
  }
}
static void tables_are_in_key_order_and_lines_are_joined(void **s) {
  (void)s;
  assert_string_equal(textc("# comment\nz.last\n  en Say \"{0}\"\n      and {=1}\n  zh 说\n    {=1} {0}\n \na-first.x\n  en A\n  zh 甲\n"), "0: ");
  const char *h = get("out.h"), *c = get("out.c");
  assert_true(strstr(h, "MSG_NONE,\n  MSG_A_FIRST_X,\n  MSG_Z_LAST,\n  MSG__COUNT\n") != NULL);
  assert_non_null(strstr(c, "\"a-first.x\",\n\"z.last\",\n")), assert_non_null(strstr(c, "\"Say \\\"{0}\\\" and {=1}\",\n")), assert_non_null(strstr(c, "\"甲\",\n\"说 {=1} {0}\",\n"));
}
static void a_new_wording_leaves_the_header_alone(void **s) {
  (void)s;
  struct stat before, same, other;
  char *h = arena_fmt(A, "%s/out.h", dir);
  textc("a\n  en X\n  zh Y\n"), stat(h, &before);
  textc("a\n  en New\n  zh Y\n"), stat(h, &same);
  assert_non_null(strstr(get("out.c"), "\"New\""));
  textc("a\n  en X\n  zh Y\nb\n  en X\n  zh Y\n"), stat(h, &other);
  assert_int_equal(before.st_ino, same.st_ino), assert_true(before.st_mtim.tv_sec == same.st_mtim.tv_sec && before.st_mtim.tv_nsec == same.st_mtim.tv_nsec), assert_int_not_equal(before.st_ino, other.st_ino);
}
static void migrations_are_numbered_upwards(void **s) {
  (void)s;
  put("0001_a.sql", "select '\"\\?';\n-- 集\n"), put("0002_b.sql", ""), put("2_c.sql", ""), put("0003.sql", "");
  assert_string_equal(tool("embed migrations m.c 0001_a.sql 0002_b.sql"), "0: ");
  assert_non_null(strstr(get("m.c"), "{1, \"0001_a.sql\",\n\"select '\\\"\\\\\\077';\\n-- \\351\\233\\206\\n\", \"\"},\n{2, \"0002_b.sql\",\n\"\", \"\"},")), assert_non_null(strstr(get("m.c"), "N_MIGRATIONS = 2;"));
  static const char *const BAD[] = {"0002_b.sql 0001_a.sql", "0001_a.sql 0001_a.sql", "2_c.sql", "0003.sql", "none.sql"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) assert_true(str_starts(tool(arena_fmt(A, "embed migrations m.c %s", BAD[i])), "1: "));
}
static void assets_are_named_after_their_content(void **s) {
  (void)s;
  put("app.css", "a"), put("noext", "");
  assert_string_equal(tool("embed assets a.c out/static app.css noext"), "0: ");
  /* FNV-1a 64 of "a" is af63dc4c8601ec8c; both halves are folded into eight digits. */
  assert_non_null(strstr(get("a.c"), "{\"app.css\", \"/static/app.296230c0.css\"}")), assert_string_equal(get("out/static/app.296230c0.css"), "a");
  assert_non_null(strstr(get("a.c"), "{\"noext\", \"/static/noext."));
  assert_true(str_starts(tool("embed assets a.c out/static ."), "1: ")), assert_true(str_starts(tool("embed"), "2: "));
}
static void includes_go_downwards_only(void **s) {
  (void)s;
  static const struct { const char *from, *includes; bool ok; } V[] = {{"codec", "base/str.h", true}, {"codec", "codec/js.h", true}, {"codec", "crypt/seal.h", false}, {"crypt", "codec/js.h", false}, {"base", "codec/js.h", false}, {"db", "crypt/digest.h", true},
      {"db", "net/xfer.h", false}, {"net", "db/db.h", false}, {"kube", "net/call.h", true}, {"kubefate", "kube/kube.h", false}, {"kube", "stepca/x.h", false}, {"model", "db/db.h", true}, {"model", "net/call.h", false}, {"model", "kube/kube.h", false},
      {"deploy", "kube/kube.h", true}, {"deploy", "model/infra.h", true}, {"deploy", "web/req.h", false}, {"web", "model/user.h", true}, {"web", "model/session.h", true}, {"web", "model/infra.h", false}, {"pages", "model/infra.h", true},
      {"pages", "deploy/op.h", true}, {"pages", "kube/kube.h", false}, {"pages", "api/x.h", false}, {"api", "net/call.h", false}, {"api", "stepca/x.h", false}, {"main", "api/x.h", true}, {"api", "main/x.h", false}, {"web", "text_keys.h", true}, {"nowhere", "base/str.h", false}};
  for (size_t i = 0; i < sizeof V / sizeof *V; i++) {
    char *file = arena_fmt(A, "fcgi/%s/x.c", V[i].from);
    put(file, arena_fmt(A, "/* c */\n#%sinclude \"%s\"\n", i % 2 ? " " : "", V[i].includes));
    const char *got = tool(arena_fmt(A, "layercheck %s", file));
    if (str_starts(got, V[i].ok ? "0: layercheck: 1 files, no fault" : arena_fmt(A, "1: %s:", file)) == false) fail_msg("%s in %s gave %s", V[i].includes, V[i].from, got);
    unlink(arena_fmt(A, "%s/%s", dir, file));
  }
}
static void files_over_800_lines_are_reported(void **s) {
  (void)s;
  struct buf b;
  buf_init(&b, A, 10000);
  for (int i = 0; i < 800; i++) buf_str(&b, "\n");
  put("fcgi/base/long.c", b.p);
  assert_true(str_starts(tool("layercheck"), "0: "));
  buf_str(&b, "\n"), put("fcgi/base/long.c", b.p);
  assert_string_equal(tool("layercheck"), "1: fcgi/base/long.c:801: 801 lines; split at 800\n");
}
int main(void) {
  const struct CMUnitTest t[] = {T(faults_of_the_catalogue_stop_the_build_at_their_line), T(tables_are_in_key_order_and_lines_are_joined), T(a_new_wording_leaves_the_header_alone), T(migrations_are_numbered_upwards),
      T(assets_are_named_after_their_content), T(includes_go_downwards_only), T(files_over_800_lines_are_reported)};
  return cmocka_run_group_tests(t, group_setup, group_teardown);
}
