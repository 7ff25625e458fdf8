/* What is taken out of logs, and what must stay readable. */
#include "t.h"
#include <time.h>
#include "base/redact.h"

struct pair { const char *in, *out; };
static void same(const struct pair *p, size_t n) {
  bool bad = false;
  for (size_t i = 0; i < n; i++) {
    const char *out = redact(A, p[i].in, strlen(p[i].in), NULL, 0);
    if (strcmp(out, p[i].out)) print_error("  in:     %s\n  out:    %s\n  wanted: %s\n", p[i].in, out, p[i].out), bad = true;
    const char *again = redact(A, out, strlen(out), NULL, 0);
    if (strcmp(again, out)) print_error("  twice: %s\n  then:  %s\n", out, again), bad = true;
  }
  assert_false(bad);
}
#define SAME(...) do { static const struct pair P[] = {__VA_ARGS__}; same(P, sizeof P / sizeof *P); } while (0)

static void values_behind_names_go_and_the_rest_stays(void **s) {
  (void)s;
  SAME({"user=bob password=hunter2 host=db", "user=bob password=*** host=db"}, {"password: hunter2", "password: ***"}, {"Password : hunter2", "Password : ***"},
       {"db_password=\"a b\\\"c\" next=1", "db_password=\"***\" next=1"}, {"dbPassword='x y', ok", "dbPassword='***', ok"}, {"password => 'x'", "password => '***'"}, {"pw: passwd:=x1", "pw: passwd:=***"},
       {"login with token=abc,def;x=1 done", "login with token=***;x=1 done"}, {"(password=ab)c, user=x)", "(password=***, user=x)"}, {"{User:root Password:hunter2 Port:3306}", "{User:root Password:*** Port:3306}"},
       {"got secret_key=A1b2 and access_key_id=AK12", "got secret_key=*** and access_key_id=AK12"}, {"API key: 8f7a6c", "API key: ***"}, {"client-secret: s3cr3t!", "client-secret: ***"}, {"密码：hunter2 好", "密码：*** 好"},
       {"os.environ['DB_PASSWORD'] = 'x'", "os.environ['DB_PASSWORD'] = '***'"}, {"passphrase: correct horse battery", "passphrase: ***"}, {"pass=x fail=1", "pass=***"}, {"at 12:00 pass=x fail=1", "at 12:00 pass=*** fail=1"},
       {"password\x1b[0m=\x1b[36mhunter2", "password=***"}, {"the password is hunter2", "the password is ***"}, {"private_key = abc", "private_key = ***"});
}
static void structured_text_keeps_its_structure(void **s) {
  (void)s;
  SAME({"{\"password\":\"hunter2\",\"user\":\"bob\",\"port\":1}", "{\"password\":\"***\",\"user\":\"bob\",\"port\":1}"}, {"{\"token\": 12345, \"n\": 2}", "{\"token\": ***, \"n\": 2}"}, {"{\"password\":null,\"secret\":\"\"}", "{\"password\":null,\"secret\":\"\"}"},
       {"{\"msg\":\"{\\\"password\\\":\\\"hun\\\\\\\"ter2\\\",\\\"user\\\":\\\"x\\\"}\"}", "{\"msg\":\"{\\\"password\\\":\\\"***\\\",\\\"user\\\":\\\"x\\\"}\"}"},
       {"{\"credentials\":{\"user\":\"bob\",\"password\":\"x\"}}", "{\"credentials\":{\"user\":\"bob\",\"password\":\"***\"}}"}, {"{\"passwords\":[\"a\",\"b\"],\"n\":1}", "{\"passwords\":[***],\"n\":1}"},
       {"mysql:\n  user: fate\n  password: fate_dev\n  size: 1Gi", "mysql:\n  user: fate\n  password: ***\n  size: 1Gi"}, {"a:\n  password: |\n    one\n    two\n\n  user: x", "a:\n  password: |\n    ***\n    ***\n\n  user: x"},
       {"<password>hunter2</password><user>bob</user>", "<password>***</password><user>bob</user>"}, {"<property name=\"password\" value=\"x\"/>", "<property name=\"password\" value=\"***\"/>"}, {"<entry key=\"db.password\">x</entry>", "<entry key=\"db.password\">***</entry>"},
       {"{\"name\":\"MYSQL_PASSWORD\",\"value\":\"x\"}", "{\"name\":\"MYSQL_PASSWORD\",\"value\":\"***\"}"}, {"- name: MYSQL_USER\n  value: fate\n- name: MYSQL_PASSWORD\n  value: x y\n", "- name: MYSQL_USER\n  value: fate\n- name: MYSQL_PASSWORD\n  value: ***\n"},
       {"{\"auths\":{\"r.io\":{\"username\":\"u\",\"auth\":\"cm9vdDpwdzEyMw==\"}}}", "{\"auths\":{\"r.io\":{\"username\":\"u\",\"auth\":\"***\"}}}"}, {"data:\n  .dockerconfigjson: eyJhdXRocyI6e319\ntype: x", "data:\n  .dockerconfigjson: ***\ntype: x"});
}
static void environment_properties_and_command_lines(void **s) {
  (void)s;
  SAME({"MYSQL_ROOT_PASSWORD=a b,c&d\nMYSQL_USER=fate\nPWD=/app\nOLDPWD=/", "MYSQL_ROOT_PASSWORD=***\nMYSQL_USER=fate\nPWD=/app\nOLDPWD=/"}, {"export TOKEN=abc\ndeclare -x SECRET=\"x y\"", "export TOKEN=***\ndeclare -x SECRET=\"***\""},
       {"spring.datasource.username=fate\nspring.datasource.password=fate_dev\r\nserver.port=8080", "spring.datasource.username=fate\nspring.datasource.password=***\r\nserver.port=8080"},
       {"+ mysql -uroot -pfate_dev -h mysql -P 3306", "+ mysql -uroot -p*** -h mysql -P 3306"}, {"[\"mysqladmin\",\"-uroot\",\"-pfate_dev\",\"ping\"]", "[\"mysqladmin\",\"-uroot\",\"-p***\",\"ping\"]"}, {"mysql -p fate_flow -e x", "mysql -p fate_flow -e x"},
       {"app --user bob --password hunter2 --port 1", "app --user bob --password *** --port 1"}, {"app --password=hunter2 -v", "app --password=*** -v"}, {"['app', '--token', 'abc', '-v']", "['app', '--token', '***', '-v']"}, {"args:\n- --password\n- hunter2\n- -v", "args:\n- --password\n- ***\n- -v"},
       {"docker login -u bob -p hunter2 r.io", "docker login -u bob -p *** r.io"}, {"redis-cli -a hunter2 ping", "redis-cli -a *** ping"}, {"curl -u bob:hunter2 http://x/", "curl -u bob:*** http://x/"}, {"mkdir -p /data/x && docker run -p 80:80 -u 1000:1000", "mkdir -p /data/x && docker run -p 80:80 -u 1000:1000"},
       {"CREATE USER 'fate'@'%' IDENTIFIED BY 'fate_dev';", "CREATE USER 'fate'@'%' IDENTIFIED BY '***';"}, {"SET PASSWORD = PASSWORD('x')", "SET PASSWORD = ***"}, {"ALTER USER fate WITH PASSWORD 'x' VALID", "ALTER USER fate WITH PASSWORD '***' VALID"},
       {"2026-01-01T00:00:00Z 1 [Note] A temporary password is generated for root@localhost: e9Xk;ab", "2026-01-01T00:00:00Z 1 [Note] A temporary password is generated for root@localhost: ***"}, {"SET PASSWORD FOR 'root'@'%' = 'hunter2';", "SET PASSWORD FOR 'root'@'%' = '***';"}, {"[\"DB_PASSWORD=a b,c\", \"PATH=/bin\"]", "[\"DB_PASSWORD=***\", \"PATH=/bin\"]"},
       {"spark.authenticate.secret mysecret x", "spark.authenticate.secret *** x"}, {"user fate has password fate_dev now", "user fate has password *** now"}, {"password hunter2", "password ***"}, {"[Entrypoint]: GENERATED ROOT PASSWORD: Ab,c;d", "[Entrypoint]: GENERATED ROOT PASSWORD: ***"});
}
static void headers_urls_and_tokens(void **s) {
  (void)s;
  SAME({"> Authorization: Bearer abc.def\n> Host: x", "> Authorization: Bearer ***\n> Host: x"}, {"-H 'Authorization: Basic dTpw' -v", "-H 'Authorization: Basic ***' -v"}, {"Authorization: Digest username=\"a\", response=\"b\"", "Authorization: Digest ***"},
       {"{'Authorization': 'Bearer abc', 'Accept': '*'}", "{'Authorization': 'Bearer ***', 'Accept': '*'}"}, {"map[Authorization:[Bearer abc] Accept:[x]]", "map[Authorization:[Bearer ***] Accept:[x]]"}, {"Cookie: jwt=abc; lang=zh\nok", "Cookie: ***\nok"}, {"set-cookie: a=b; Path=/", "set-cookie: ***"},
       {"sent Bearer abcdef12345 to x", "sent Bearer *** to x"}, {"Bearer authentication failed", "Bearer authentication failed"}, {"jwt eyJhbGciOiJI.eyJzdWIiOiIx.c2ln-_x rest", "jwt *** rest"},
       {"postgres://bob:hun@ter2@db:5432/x?sslmode=on", "postgres://bob:***@db:5432/x?sslmode=on"}, {"mysql://root:pa/ss@host/db", "mysql://root:***@host/db"}, {"see http://host:8080/a/b@c and http://h/x:y", "see http://host:8080/a/b@c and http://h/x:y"},
       {"dsn root:fate_dev@tcp(mysql:3306)/db", "dsn root:***@tcp(mysql:3306)/db"}, {"to root:fate_dev@mysql:3306", "to root:***@mysql:3306"}, {"image r.io/fate:1.11@sha256:abcd", "image r.io/fate:1.11@sha256:abcd"}, {"git@github.com:a/b bob@x.com 12:30@y", "git@github.com:a/b bob@x.com 12:30@y"},
       {"jdbc:mysql://h/db?user=fate&password=x&ssl=1", "jdbc:mysql://h/db?user=fate&password=***&ssl=1"}, {"GET /x?access_token=abc&page=2 HTTP/1.1", "GET /x?access_token=***&page=2 HTTP/1.1"}, {"clone https://ghp_abcdefghij0123456789abcd@github.com/a", "clone https://***@github.com/a"}, {"key AKIAIOSFODNN7EXAMPLE7", "key ***"});
}
static void private_keys_go_over_several_lines(void **s) {
  (void)s;
  SAME({"a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----\nb", "a\n-----BEGIN RSA PRIVATE KEY-----\n***\n***\n-----END RSA PRIVATE KEY-----\nb"}, {"k\": \"-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----\\n\"}", "k\": \"-----BEGIN PRIVATE KEY-----***-----END PRIVATE KEY-----\\n\"}"},
       {"-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n"}, {"two words\nMIIEabc\n  def=\n-----END EC PRIVATE KEY-----\nb", "two words\n***\n  ***\n-----END EC PRIVATE KEY-----\nb"},
       {"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\nabc", "-----BEGIN OPENSSH PRIVATE KEY-----\n***\n***"});
}
static void ordinary_text_stays(void **s) {
  (void)s;
  static const char *const LINES[] = {"Access denied for user 'root'@'10.0.0.1' (using password: YES)", "MountVolume.SetUp failed for volume \"certs\" : secret \"fate-certs\" not found", "max_tokens=4096 tokenizer: bert, tokens: 12", "passwordFile=/run/x secretName: fate-certs token_type: y",
    "2026-01-01 00:00:00,123 INFO [main] job_id=202601010000001 session_id=2026_fateflow role=guest party_id=9999", "Error: Cannot find module 'passport'", "author=bob secretary: jane keyboard: us", "key: name value: 3, primary key: id", "unable to retrieve some image pull secrets (regcred); attempting to pull the image",
    "java.lang.NullPointerException: x\n\tat com.a.B.c(B.java:12)", "mysqld: Can't open file (errno: 13 - Permission denied)", "secret: not found", "Password: incorrect", "default-token-x7k2p: mounted", "error: the server has asked for the client to provide credentials", "\xe9\x9b\x86\xe7\xbe\xa4 ok",
    "token is expired", "the password option is not specified", "Password for user fate: ", "see fate.password. Then go on", "password authentication failed", "roles: [guest, host] bucket=key-1", "http://[::1]:8080/x?y=1#z", "", "\n\n\r\n\t"};
  for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) assert_string_equal(redact(A, LINES[i], strlen(LINES[i]), NULL, 0), LINES[i]);
}
static void known_values_go_wherever_and_however_they_stand(void **s) {
  (void)s;
  const char *known[] = {"Zx9-qq/\"w", "short", NULL, "two\nlines"};
  const char *in = "a Zx9-qq/\"w b {\"x\":\"Zx9-qq/\\\"w\"} c Zx9-qq%2F%22w d Wng5LXFxLyJ3 e short two\nlines.";
  assert_string_equal(redact(A, in, strlen(in), known, 4), "a *** b {\"x\":\"***\"} c *** d *** e short ***\n***.");
}
static void hostile_bytes_are_only_bytes(void **s) {
  (void)s;
  static const char in[] = "a\0b password=\xff\xfe\0x\x01y z\xc3";
  assert_string_equal(redact(A, in, sizeof in - 1, NULL, 0), "ab password=*** z\xc3");
  assert_string_equal(redact(A, "password", 8, NULL, 0), "password"), assert_string_equal(redact(A, "password=", 9, NULL, 0), "password="), assert_string_equal(redact(A, "-p", 2, NULL, 0), "-p"), assert_string_equal(redact(A, "\x1b[", 2, NULL, 0), "[");
}

/* Secrets of a fixed form within noise, from a fixed seed: none survives, no line break is lost, and the size stays bounded. */
static uint32_t seed = 20261126;
static uint32_t next(void) { seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5; return seed; }
static void planted_secrets_never_survive(void **s) {
  (void)s;
  static const char *const BEFORE[] = {"password=", "password: ", "\"password\": \"", "\"token\":\"", "{\\\"secret\\\":\\\"", "db.password=", " MYSQL_ROOT_PASSWORD=", "--password ", "--token=", "Authorization: Bearer ", "Cookie: jwt=", "http://u:", "x root:", "<password>", "apiKey='", "IDENTIFIED BY '", "mysql -uroot -p"};
  static const char *const AFTER[] = {"\n", "\n", "\"}", "\",", "\\\"}", "\n", " ", " -v", " x", "\n", "; a=b\n", "@host/x", "@tcp(h)/x", "</password>", "'", "';", " -h x"};
  static const char *const NOISE[] = {"\n", " ", "a", "word ", "=", ": ", "\t", "{", "}", "\xe9\x9b\x86", "\xff", "key", "INFO ", "x=1 ", "[", "]", "\r\n", "http://h/", "@", "-----", ",", "|", "12", "\n- ", "  "};
  for (int round = 0; round < 4000; round++) {
    char in[2048];
    size_t n = 0, breaks = 0, out_breaks = 0;
    unsigned k = next() % (sizeof BEFORE / sizeof *BEFORE), pre = next() % 12, post = next() % 12;
    for (unsigned i = 0; i < pre; i++) { const char *x = NOISE[next() % (sizeof NOISE / sizeof *NOISE)]; memcpy(in + n, x, strlen(x)), n += strlen(x); }
    in[n++] = '\n';
    for (const char *const *x = (const char *const[]){BEFORE[k], "Zq7SecretZq7", AFTER[k], NULL}; *x; x++) memcpy(in + n, *x, strlen(*x)), n += strlen(*x);
    for (unsigned i = 0; i < post; i++) { const char *x = NOISE[next() % (sizeof NOISE / sizeof *NOISE)]; memcpy(in + n, x, strlen(x)), n += strlen(x); }
    in[n] = 0;
    const char *out = redact(A, in, n, NULL, 0);
    if (strstr(out, "Zq7Secret")) { print_error("round %d:\n%s\n---\n%s\n", round, in, out); fail(); }
    for (size_t i = 0; i < n; i++) breaks += in[i] == '\n';
    for (const char *p = out; *p; p++) out_breaks += *p == '\n';
    assert_int_equal(breaks, out_breaks);
    assert_true(strlen(out) <= 3 * n + 3);
    if (round % 100 == 99) arena_reset(A);
  }
}
/* Milliseconds of this process's own time. */
static double redacting(const char *text, size_t n) {
  struct timespec a, b;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
  const char *out = redact(A, text, n, (const char *const[]){"aaaaaaaa", "   a   "}, 2);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
  assert_true(strlen(out) <= 4 * n);
  arena_reset(A);
  return (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
}
static void eight_times_as_much_takes_eight_times_as_long(void **s) {
  (void)s;
  static const char *const UNIT[] = {"a", " ", "@", ":", "a:@", "a@b:", "password=", "password='", "password \"", "password '\\'", "\"", "\\", "\\\"", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "PRIVATE KEY-----", "-----END ", "eyJ", "eyJaaaaaaa.", "://", "a://b:c", "a://b:c/", "-p ", "-pa ", " -p",
    "token: |\n", "token: |\n ", "[", "token:[", "key", "key ", "value", "password,value ", "password is ", ",a", "password=,a", "\x1b[", "\x1b[1;", "\n", "\n ", "- ", "--password ", "--password\n", "by '", "identified by '", "\xe5\xaf\x86\xe7\xa0\x81", "\xe5\xaf\x86\xe7\xa0\x81:", "ghp_", "bearer ", "cookie:", "authorization: digest ", "\xff", "-----BEGIN PRIVATE KEY-----\n ", "<password>", "a: password=\n"};
  enum { PARTS = 8, QUADRATIC = PARTS * PARTS };
#ifdef __SANITIZE_ADDRESS__ /* growing memory costs it more than anything that is measured here: no verdict, only reads and writes that are watched */
  size_t n = 1 << 17, part = n / PARTS;
#else
  size_t n = 1 << 20, part = n / PARTS;
#endif
  char *big = malloc(n);
  assert_non_null(big);
  for (size_t k = 0; k < 2 * sizeof UNIT / sizeof *UNIT; k++) {
    const char *u = UNIT[k / 2];
    size_t len = strlen(u), at = 0;
    double ms[2] = {0, 1e9}; /* of a part that is made like the whole, and of the whole; somebody else's work on this machine is in both */
    for (int tries = 0; tries < 12 && ms[1] > ms[0] * QUADRATIC / 2 + 20; tries++) {
      int whole = tries % 2;
      size_t of = whole ? n : part;
      if (k % 2) memset(big, ' ', of / 2), at = of / 2; /* behind a long indentation */
      for (size_t i = at; i < of; i++) big[i] = u[(i - at) % len];
      ms[whole] = redacting(big, of);
    }
#ifndef __SANITIZE_ADDRESS__
    if (ms[1] > ms[0] * QUADRATIC / 2 + 20) { print_error("%s (%zu): %.0f ms, an eighth %.1f ms\n", u, k % 2, ms[1], ms[0]); fail(); }
#endif
  }
  free(big);
}

int main(void) {
  const struct CMUnitTest tests[] = {T(values_behind_names_go_and_the_rest_stays), T(structured_text_keeps_its_structure), T(environment_properties_and_command_lines), T(headers_urls_and_tokens), T(private_keys_go_over_several_lines), T(ordinary_text_stays),
    T(known_values_go_wherever_and_however_they_stand), T(hostile_bytes_are_only_bytes), T(planted_secrets_never_survive), T(eight_times_as_much_takes_eight_times_as_long)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
