/* fedlcm-run, the private launcher behind `make run`: where state lies, as whom the parts run, what they are started with.
 *
 * Every bool function says its sentence (run_say) and returns false when it fails. Memory lives as long as the process. */
#ifndef MAIN_RUN_H
#define MAIN_RUN_H
#include <stdbool.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/text.h"
struct err; struct buf;

struct account { uid_t uid; gid_t gid; };
enum tls { TLS_NONE, TLS_FILES, TLS_SELF_MADE };

struct run {
  struct arena *a;
  enum lang lang;            /* of the terminal */
  bool root;
  const char *source, *bin;  /* checkout (holds conf/, build/static/) and the folder of this program */
  const char *state;         /* database, keys, logs, copies: var/ in the checkout, or /var/lib/fedlcm-HASH where other accounts cannot reach the checkout */
  const char *sock;          /* short folder for sockets: the kernel allows 107 bytes */
  const char *app;           /* programs, static files and rendered configuration as the parts see them */
  const char *database;      /* FEDLCM_DB: a PostgreSQL that somebody else looks after; NULL: our private one */
  const char *pg_bin, *nginx;
  struct account pg, poller, web, front;   /* front: nginx */
  const char *listen; int port;
  bool loopback, behind_proxy;
  enum tls tls;
};

struct part {
  const char *name, *const *argv, *const *env;
  struct account as;
  int stop_signal, grace_s;
  bool low_port;                            /* may bind a port below 1024 without being root */
  pid_t pid;
  int64_t started_ms, not_before_ms;
  int deaths, restarts;                     /* deaths: soon after the start, in a row */
};

/* run_say.c: sentences on the terminal, in its language. */
#define run_say(r, key, ...) run_say_text((r), TEXT(key, ##__VA_ARGS__))
bool run_say_text(const struct run *r, struct text t);      /* on stderr; returns false */
bool run_say_err(const struct run *r, const struct err *e);
const char *run_text(const struct run *r, struct text t);
void run_log_tail(const struct run *r, const char *part);   /* the last lines of its log */

/* run_conf.c: address, port, TLS, proxy; a start that would be unsafe is refused here. */
bool run_foreign_database(struct run *r);   /* fills database */
bool run_conf(struct run *r);
const char *run_url(const struct run *r);
/* Initial password from the environment or its _FILE; NULL when none is given. */
const char *run_first_password(const struct run *r);

/* run_paths.c */
bool run_paths(struct run *r);                       /* source, state, sock, accounts */
bool run_dirs(struct run *r);                        /* makes the folders with the right owners; copies programs and static files */
bool run_folder(const struct run *r, const char *path, mode_t mode, struct account as);
bool run_put(const struct run *r, const char *path, const void *p, size_t n, mode_t mode, struct account as);
/* run_account.c */
void run_accounts(struct run *r);

/* run_net.c */
bool run_port_free(const struct run *r);             /* names the owner when it is taken */
bool run_page_answers(const struct run *r);          /* the login page comes through nginx */

/* run_db.c */
bool run_postgres_prepare(struct run *r);            /* initdb at the first start */
const char *const *run_postgres_argv(struct run *r);
/* Waits for the server and makes roles and database, unless it is somebody else's; `fedlcm init`. *out_login: its sentence about the first login. */
bool run_database(struct run *r, struct part *pg, const char **out_login);
const char *run_conninfo(const struct run *r, bool owner);

/* run_nginx.c, run_tls.c */
bool run_nginx_conf(struct run *r);
const char *const *run_nginx_argv(struct run *r);
bool run_tls(struct run *r);

/* run_parts.c: starting, watching, stopping. */
const char *const *run_env(struct run *r, bool owner, const char *opt_password);
const char *const *run_plain_env(void);
/* Runs argv to its end; opt_out gets its standard output, otherwise it goes where ours goes. Returns the exit status, -1 for a signal. */
int run_once(const struct run *r, struct account as, const char *const *env, const char *const *argv, struct buf *opt_out);
bool part_spawn(const struct run *r, struct part *p);
bool part_gone(struct part *p);                      /* it has ended (and was reaped) */
void parts_signals(void);                            /* blocks what the loop waits for; call first */
bool parts_asked_to_stop(void);
/* Watches until INT, TERM or HUP, or until tick says false. Restarts what dies. */
typedef bool parts_tick(struct run *r, struct part *parts, int n);
void parts_loop(struct run *r, struct part *parts, int n, parts_tick *tick);
void parts_stop(struct run *r, struct part *parts, int n);   /* in reverse order; nothing is left behind */
#endif
