/* fedlcm: administration from the command line. One const table of commands. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "crypt/rnd.h"
#include "crypt/seal.h"
#include "db/db.h"
#include "db/migrate.h"
#include "deploy/fsm.h"
#include "main/cli.h"
#include "model/user.h"
#include "web/route.h"

enum { STATEMENT_TIMEOUT_MS = 120000, OK = 0, FAILED = 1, MISUSED = 2 };

static const char FIRST_ACCOUNT[] = "Admin", DEFAULT_PASSWORD[] = "admin", SEAL_CHECK_UUID[] = "00000000-0000-4000-8000-000000000001", SEAL_CHECK_TEXT[] = "fedlcm";
static const struct stmt Q_CHECK = {"cli_check", "select value from setting where key = 'seal_check'"};
static const struct stmt Q_SET_CHECK = {"cli_set_check", "insert into setting (key, value) values ('seal_check', $1) on conflict do nothing"};
static const struct stmt Q_ACCOUNTS = {"cli_accounts", "select count(*), count(*) filter (where default_password), count(*) filter (where name = $1) from app_user"};
const struct stmt *const STMTS_CLI[] = {&Q_CHECK, &Q_SET_CHECK, &Q_ACCOUNTS, NULL};

const char *cli_say(struct cli *x, struct text t) {
  static const char *const NAMES[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
  const char *terminal = NULL;
  enum lang lang = LANG_EN;
  struct buf b;
  for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES && !*nn(terminal); i++) terminal = getenv(NAMES[i]);
  (void)lang_parse(terminal, &lang);
  buf_init(&b, x->a, 65536);
  text_plain(&b, lang, t);
  return b.p;
}

static bool make_keys(struct cli *x, struct err *e) {
  struct seal_key k;
  seal_keygen(&k);
  bool ok = seal_key_save(x->c.seal_private, &k, e) && seal_pub_save(x->c.seal_public, &k.pub, e);
  explicit_bzero(&k, sizeof k);
  return ok;
}

/* The keys belong to the database: what the public half seals, the private one opens, and the known text in the database was sealed to them. */
static bool keys_fit(struct cli *x, const struct seal_key *k, const char *opt_check, struct err *e) {
  struct seal_pub pub;
  struct secret s = {0};
  struct err why = ERR_INIT;
  if (!seal_pub_load(x->c.seal_public, &pub, &why) || memcmp(pub.k, k->pub.k, sizeof pub.k)) return err_set(e, FAIL_CONFLICT, MSG_CLI_PUBLIC_MISSING, x->c.seal_public, x->c.seal_private);
  bool ok = !opt_check || (seal_open(k, "check", SEAL_CHECK_UUID, opt_check, &s, &why) && streq((const char *)s.p, SEAL_CHECK_TEXT));
  secret_free(&s);
  return ok ? true : err_set(e, FAIL_CONFLICT, MSG_CLI_KEY_WRONG, x->c.seal_private);
}

/* Keys are made only for a database that has never seen one; afterwards a missing or foreign key is a refusal with a sentence. */
static bool keys(struct cli *x, bool may_make, struct err *e) {
  struct rows r;
  struct seal_key k;
  if (!db_query(x->db, x->a, &Q_CHECK, &r, e)) return false;
  const char *check = r.n ? row_text(&r, 0, 0) : NULL;
  if (access(x->c.seal_private, F_OK) != 0) {
    if (check || !may_make) return err_set(e, FAIL_UNAVAILABLE, MSG_CLI_KEY_MISSING, x->c.seal_private);
    if (!make_keys(x, e)) return false;
  }
  if (!seal_key_load(x->c.seal_private, &k, e)) return false;
  bool half = !check && may_make && access(x->c.seal_public, F_OK) != 0; /* a start that was killed between the two files */
  bool ok = (!half || seal_pub_save(x->c.seal_public, &k.pub, e)) && keys_fit(x, &k, check, e);
  if (ok && !check && may_make) ok = db_exec(x->db, x->a, &Q_SET_CHECK, NULL, e, seal(x->a, &k.pub, "check", SEAL_CHECK_UUID, SEAL_CHECK_TEXT, strlen(SEAL_CHECK_TEXT)));
  explicit_bzero(&k, sizeof k);
  return ok;
}

/* Several hosts may start at once: one makes keys and account, the others then find them. */
static bool alone(struct cli *x, struct err *e) {
  if (db_script(x->db, "set lock_timeout = '60s'; select pg_advisory_lock(4242, 3); reset lock_timeout", e)) return true; /* until this process ends */
  return e->kind == FAIL_TIMEOUT ? err_set(e, FAIL_TIMEOUT, MSG_MIGRATE_BUSY) : false;
}

/* --own-password: the pages will be reachable from other machines, so no account may have the default password. */
static bool cmd_init(struct cli *x, struct err *e) {
  struct rows r;
  bool strict = x->argc > 0 && streq(x->argv[0], "--own-password"), is_default = streq(x->c.admin_password, DEFAULT_PASSWORD);
  if (!alone(x, e) || !migrate(x->db, x->a, NULL, e) || !keys(x, true, e) || !db_query(x->db, x->a, &Q_ACCOUNTS, &r, e, FIRST_ACCOUNT)) return false;
  bool fresh = row_int(&r, 0, 2) == 0, weak = row_int(&r, 0, 1) > 0 || (fresh && is_default);
  if (strict && weak) return err_set(e, FAIL_CONFLICT, MSG_CLI_DEFAULT_PASSWORD, "LIFECYCLEMANAGER_INITIAL_ADMIN_PASSWORD", "127.0.0.1");
  if (!user_ensure_admin(x->db, x->a, x->c.admin_password, is_default, e)) return false;
  puts(weak ? cli_say(x, TEXT(MSG_CLI_LOGIN_DEFAULT, FIRST_ACCOUNT, DEFAULT_PASSWORD)) : cli_say(x, TEXT(MSG_CLI_LOGIN_OWN, FIRST_ACCOUNT)));
  return true;
}

static bool cmd_migrate(struct cli *x, struct err *e) {
  int n = 0;
  if (!migrate(x->db, x->a, &n, e)) return false;
  printf("%d migration(s) applied\n", n);
  return true;
}

static bool cmd_check(struct cli *x, struct err *e) {
  if (!migrate_check(x->db, x->a, e) || !keys(x, false, e)) return false;
  puts("database, schema and sealing keys are in order");
  return true;
}

/* Password "-": one line of the standard input, so that it is seen neither in the process list nor in the shell's history. */
static bool cmd_reset_password(struct cli *x, struct err *e) {
  const char *name = x->argc > 0 ? x->argv[0] : FIRST_ACCOUNT, *fresh = x->argc > 1 ? x->argv[1] : rnd_password(x->a, 16);
  char line[600] = "";
  if (streq(fresh, "-")) {
    if (!fgets(line, sizeof line, stdin)) line[0] = 0;
    line[strcspn(line, "\r\n")] = 0;
    fresh = line;
  }
  if (!user_reset_password(x->db, x->a, name, fresh, e)) return false;
  if (x->argc > 1) printf("The password of %s was set. All its sessions have ended.\n", name);
  else printf("The new password of %s is: %s\nAll its sessions have ended.\n", name, fresh);
  return true;
}

static bool cmd_routes(struct cli *x, struct err *e) {
  static const char *const METHOD[] = {[METHOD_GET] = "GET", [METHOD_POST] = "POST", [METHOD_PUT] = "PUT", [METHOD_DELETE] = "DELETE"}, *const PERM[] = {"deny", "public", "view", "operate", "admin", "logs"};
  static const struct { unsigned flag; const char *name; } FLAG[] = {{ROUTE_API, "api"}, {ROUTE_JSON, "json"}, {ROUTE_JSON_OPTIONAL, "json-optional"}, {ROUTE_CSRF_EXEMPT, "csrf-exempt"},
                                                                     {ROUTE_MULTIPART, "multipart"}, {ROUTE_WAIT, "wait"}, {ROUTE_POLL, "poll"}};
  (void)x, (void)e;
  for (size_t t = 0; t < N_ROUTE_TABLES; t++)
    for (size_t i = 0; i < ROUTE_TABLES[t]->n; i++) {
      const struct route *r = &ROUTE_TABLES[t]->r[i];
      printf("%-6s %-8s %s", METHOD[r->method], PERM[r->perm], r->pattern);
      for (size_t f = 0; f < sizeof FLAG / sizeof *FLAG; f++)
        if (r->flags & FLAG[f].flag) printf(" %s", FLAG[f].name);
      putchar('\n');
    }
  return true;
}

static bool cmd_fsm(struct cli *x, struct err *e) {
  (void)x, (void)e;
  fsm_print_dot(stdout);
  return true;
}

static bool cmd_version(struct cli *x, struct err *e) {
  (void)x, (void)e;
  puts("fedlcm " FEDLCM_VERSION);
  return true;
}

static bool cmd_help(struct cli *x, struct err *e);
static const struct command { const char *name, *args, *help; int max_args; bool database; bool (*run)(struct cli *, struct err *); } COMMANDS[] = {
    {"init", "[--own-password]", "migrate; make the sealing keys and the first account where they are missing", 1, true, cmd_init},
    {"migrate", "", "bring the schema up to date", 0, true, cmd_migrate},
    {"check", "", "are database, schema and sealing keys in order", 0, true, cmd_check},
    {"reset-password", "[USER [PASSWORD|-]]", "set a password; a random one when none is given", 2, true, cmd_reset_password},
    {"ops", "list|show|retry|cancel", "operations: list [--open|--state S] [--kind K] [--limit N], show UUID, retry UUID, cancel UUID", 8, true, cmd_ops},
    {"routes", "", "print the route tables", 0, false, cmd_routes},
    {"fsm", "[--dot]", "print the workflows as a Graphviz graph", 1, false, cmd_fsm},
    {"version", "", "print the version", 0, false, cmd_version},
    {"help", "", "print this list", 0, false, cmd_help},
};

static void usage(FILE *f) {
  fputs("usage: fedlcm COMMAND\n", f);
  for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++) fprintf(f, "  %-14s %-22s %s\n", COMMANDS[i].name, COMMANDS[i].args, COMMANDS[i].help);
}

static bool cmd_help(struct cli *x, struct err *e) {
  (void)x, (void)e;
  usage(stdout);
  return true;
}

static int run(const struct command *c, struct cli *x) {
  struct err e = ERR_INIT;
  bool ok = !c->database || conf_load(&x->c, &e);
  if (ok && c->database) {
    x->db = db_new(x->c.conninfo, "fedlcm", STATEMENT_TIMEOUT_MS);
    db_set_patient(x->db, true);
  }
  ok = ok && c->run(x, &e);
  if (e.kind) fprintf(stderr, "fedlcm %s: %s%s%s\n", c->name, cli_say(x, err_text(&e)), e.detail[0] ? "\n  " : "", e.detail);
  else if (x->misused) usage(stderr);
  db_free(x->db);
  return x->misused ? MISUSED : ok && fflush(stdout) == 0 ? OK : FAILED;
}

int main(int argc, char **argv) {
  struct cli x = {.a = arena_new(), .argc = argc > 2 ? argc - 2 : 0, .argv = argc > 2 ? argv + 2 : NULL};
  const char *name = argc > 1 ? argv[1] : "";
  log_init("fedlcm", LOG_LEVEL_WARN);
  umask(0077);
  if (streq(name, "--help") || streq(name, "-h")) name = "help";
  if (streq(name, "--version")) name = "version";
  for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++) {
    if (!streq(COMMANDS[i].name, name)) continue;
    if (x.argc > COMMANDS[i].max_args) break;
    return run(&COMMANDS[i], &x);
  }
  usage(stderr);
  return MISUSED;
}
