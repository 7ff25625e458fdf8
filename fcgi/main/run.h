/* fedlcm-run, the private launcher behind `make run`: state, users, parts. */
#ifndef MAIN_RUN_H
#define MAIN_RUN_H
#include <stdbool.h>
#include <sys/types.h>
struct arena;

struct run {
  struct arena *a;
  const char *source;        /* checkout: holds build/, conf/ */
  const char *state;         /* keys, database, logs; var/ in the checkout, or /var/lib/... when other accounts cannot reach the checkout */
  const char *sock;          /* short directory for sockets (107 bytes limit) */
  const char *app;           /* programs and static files as the parts see them */
  const char *listen; int port;
  const char *tls_cert, *tls_key; bool behind_proxy;
  const char *pg_bin;
  uid_t pg_uid, web_uid, poller_uid; gid_t pg_gid, web_gid, poller_gid;
  bool root;
};
struct part { const char *name, *const *argv; uid_t uid; gid_t gid; const char *const *env; int stop_signal, grace_s; pid_t pid; long started_ms, not_before_ms; int deaths; };

/* Every function prints its sentence on stderr and returns false when it fails. */
bool run_paths(struct run *r);                       /* decides source, state, sock, users */
bool run_dirs(struct run *r);                        /* makes them with the right owners, copies programs and static files */
bool run_port_free(const struct run *r);             /* names the owner when taken */
bool run_postgres_prepare(struct run *r);            /* initdb at the first start */
bool run_database(struct run *r);                    /* waits for the server, makes role and database, `fedlcm init` */
bool run_nginx_conf(struct run *r);
const char *run_conninfo(struct run *r);             /* of the application role */
const char *const *run_env(struct run *r, bool poller);
/* Runs argv to its end as uid/gid; output to our stderr. */
bool run_once(struct run *r, uid_t uid, gid_t gid, const char *const *env, const char *const *argv);
pid_t part_spawn(const struct run *r, const struct part *p);
int parts_loop(struct run *r, struct part *parts, int n);  /* until INT, TERM or HUP; stops in reverse order */
#endif
