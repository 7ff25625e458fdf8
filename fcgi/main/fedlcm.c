/* fedlcm: administration from the command line. One const table of commands. */
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "crypt/rnd.h"
#include "crypt/seal.h"
#include "db/db.h"
#include "db/migrate.h"
#include "deploy/fsm.h"
#include "model/user.h"
#include "web/route.h"

struct cli { struct conf c; struct db *db; struct arena *a; int argc; char **argv; };
static const char SEAL_CHECK_UUID[] = "00000000-0000-4000-8000-000000000001";
static const struct stmt Q_CHECK = {"cli_check", "select value from setting where key = 'seal_check'"};
static const struct stmt Q_SET_CHECK = {"cli_set_check", "insert into setting (key, value) values ('seal_check', $1) on conflict do nothing"};
const struct stmt *const STMTS_CLI[] = {&Q_CHECK, &Q_SET_CHECK, NULL};

/* Keys are created only for a database that has never seen one; afterwards a missing or foreign key is a refusal with a sentence. */
static bool keys(struct cli *x, struct err *e) {
  struct rows r;
  struct seal_key k;
  struct secret s = {0};
  if (!db_query(x->db, x->a, &Q_CHECK, &r, e)) return false;
  bool fresh = r.n == 0;
  if (fresh && access(x->c.seal_private, F_OK) != 0) {
    seal_keygen(&k);
    if (!seal_key_save(x->c.seal_private, &k, e) || !seal_pub_save(x->c.seal_public, &k.pub, e)) return false;
  }
  if (access(x->c.seal_private, R_OK) != 0) return err_set(e, FAIL_UNAVAILABLE, MSG_CLI_KEY_MISSING, x->c.seal_private);
  if (!seal_key_load(x->c.seal_private, &k, e)) return false;
  if (fresh) return db_exec(x->db, x->a, &Q_SET_CHECK, NULL, e, seal(x->a, &k.pub, "check", SEAL_CHECK_UUID, "fedlcm", 6));
  bool ok = seal_open(&k, "check", SEAL_CHECK_UUID, row_text(&r, 0, 0), &s, e) && s.n == 6;
  secret_free(&s);
  return ok ? true : err_set(e, FAIL_CONFLICT, MSG_CLI_KEY_WRONG, x->c.seal_private);
}

static bool cmd_init(struct cli *x, struct err *e) {
  int n = 0;
  if (!migrate(x->db, x->a, &n, e) || !keys(x, e)) return false;
  return user_ensure_admin(x->db, x->a, x->c.admin_password, streq(x->c.admin_password, "admin"), e);
}

static bool cmd_migrate(struct cli *x, struct err *e) {
  int n = 0;
  if (!migrate(x->db, x->a, &n, e)) return false;
  printf("%d migration(s) applied\n", n);
  return true;
}

static bool cmd_check(struct cli *x, struct err *e) {
  if (!migrate_check(x->db, x->a, e) || !keys(x, e)) return false;
  puts("database, schema and sealing keys are in order");
  return true;
}

static bool cmd_reset(struct cli *x, struct err *e) {
  const char *fresh = x->argc > 3 ? x->argv[3] : rnd_password(x->a, 16);
  if (!user_reset_password(x->db, x->a, x->argc > 2 ? x->argv[2] : "Admin", fresh, e)) return false;
  printf("The new password of %s is: %s\n", x->argc > 2 ? x->argv[2] : "Admin", fresh);
  return true;
}

static bool cmd_routes(struct cli *x, struct err *e) {
  static const char *const METHOD[] = {"GET", "POST", "PUT", "DELETE", "?"}, *const PERM[] = {"deny", "public", "view", "operate", "admin"};
  (void)x, (void)e;
  for (size_t t = 0; t < N_ROUTE_TABLES; t++)
    for (size_t i = 0; i < ROUTE_TABLES[t]->n; i++) {
      const struct route *r = &ROUTE_TABLES[t]->r[i];
      printf("%-6s %-8s %s%s%s%s\n", METHOD[r->method], PERM[r->perm], r->pattern, r->flags & ROUTE_API ? " api" : "", r->flags & ROUTE_WAIT ? " wait" : "", r->flags & ROUTE_CSRF_EXEMPT ? " csrf-exempt" : "");
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

static const struct command { const char *name, *help; bool database; bool (*run)(struct cli *, struct err *); } COMMANDS[] = {
    {"init", "migrate, create the sealing keys and the first account where they are missing", true, cmd_init},
    {"migrate", "bring the schema up to date", true, cmd_migrate},
    {"check", "database, schema and sealing keys", true, cmd_check},
    {"reset-password", "[USER [PASSWORD]]: set a password, a random one when none is given", true, cmd_reset},
    {"routes", "print the route table", false, cmd_routes},
    {"fsm", "print the workflows as a Graphviz graph", false, cmd_fsm},
    {"version", "print the version", false, cmd_version},
};

static int usage(void) {
  fputs("usage: fedlcm COMMAND\n", stderr);
  for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++) fprintf(stderr, "  %-16s %s\n", COMMANDS[i].name, COMMANDS[i].help);
  return 2;
}

int main(int argc, char **argv) {
  struct cli x = {.a = arena_new(), .argc = argc, .argv = argv};
  struct err e = ERR_INIT;
  log_init("fedlcm", LOG_LEVEL_WARN);
  umask(0077);
  for (size_t i = 0; argc > 1 && i < sizeof COMMANDS / sizeof *COMMANDS; i++) {
    if (!streq(COMMANDS[i].name, argv[1])) continue;
    bool ok = !COMMANDS[i].database || conf_load(&x.c, &e);
    if (ok && COMMANDS[i].database) x.db = db_new(x.c.conninfo, "fedlcm", 120000);
    ok = ok && COMMANDS[i].run(&x, &e);
    if (!ok) fprintf(stderr, "fedlcm %s: %s%s%s\n", argv[1], err_message(&e, x.a), e.detail[0] ? "\n  " : "", e.detail);
    return ok ? 0 : 1;
  }
  return usage();
}
