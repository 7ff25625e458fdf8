/* Contract: run.h. Where the pages are offered. Anything but loopback needs TLS and a first password of one's own (DESIGN section 6). */
#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/conf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/num.h"
#include "base/str.h"
#include "main/run.h"

static const char *setting(const char *name) {
  const char *v = getenv(name);
  return v && *v ? v : NULL;
}

static bool address(struct run *r) {
  const char *v = setting("FEDLCM_LISTEN");
  unsigned char raw[16];
  r->listen = !v || streq(v, "localhost") ? "127.0.0.1" : v;
  bool four = inet_pton(AF_INET, r->listen, raw) == 1, six = !four && inet_pton(AF_INET6, r->listen, raw) == 1;
  if (!four && !six) return run_say(r, MSG_RUN_ADDRESS, r->listen);
  r->loopback = four ? raw[0] == 127 : streq(r->listen, "::1");
  v = setting("FEDLCM_PORT");
  r->port = 9080;
  return !v || num_int(v, 1, 65535, &r->port) ? true : run_say(r, MSG_RUN_PORT_NUMBER, "FEDLCM_PORT", v);
}

static bool tls(struct run *r) {
  const char *cert = setting("FEDLCM_TLS_CERT"), *key = setting("FEDLCM_TLS_KEY"), *kind = setting("FEDLCM_TLS"), *proxy = setting("FEDLCM_BEHIND_PROXY");
  bool yes = false;
  if (kind && !streq(kind, "self-made")) return run_say(r, MSG_RUN_TLS_VALUE, kind);
  if (!cert != !key) return run_say(r, MSG_RUN_TLS_PAIR, cert ? "FEDLCM_TLS_KEY" : "FEDLCM_TLS_CERT");
  r->tls = cert ? TLS_FILES : kind ? TLS_SELF_MADE : TLS_NONE;
  r->behind_proxy = proxy && (streq(proxy, "yes") || (num_bool(proxy, &yes) && yes));
  return true;
}

const char *run_first_password(const struct run *r) {
  const char *v = setting("LIFECYCLEMANAGER_INITIAL_ADMIN_PASSWORD"), *file = setting("LIFECYCLEMANAGER_INITIAL_ADMIN_PASSWORD_FILE");
  struct err e = ERR_INIT;
  char *text;
  if (v || !file) return v;
  if (!file_read(r->a, file, 4096, &text, NULL, &e)) return run_say_err(r, &e), NULL;
  return str_trim(r->a, text);
}

bool run_foreign_database(struct run *r) {
  struct err e = ERR_INIT;
  struct conf c;
  if (!setting("FEDLCM_DB") && !setting("FEDLCM_DB_FILE")) return true;
  if (!conf_load(&c, &e)) return run_say_err(r, &e);
  r->database = c.conninfo;
  return true;
}

bool run_conf(struct run *r) {
  if (!address(r) || !tls(r)) return false;
  if (r->loopback) return true;
  if (r->tls == TLS_NONE && !r->behind_proxy) return run_say(r, MSG_RUN_NEEDS_TLS, r->listen);
  /* An account that exists already is asked for its password's state by `fedlcm init`, as soon as the database is up. */
  const char *password = run_first_password(r);
  bool made = r->database || access(arena_fmt(r->a, "%s/pg/initialised", r->state), F_OK) == 0;
  if (!made && (!password || streq(password, "admin"))) return run_say(r, MSG_RUN_NEEDS_PASSWORD, r->listen, "LIFECYCLEMANAGER_INITIAL_ADMIN_PASSWORD");
  return true;
}

const char *run_url(const struct run *r) {
  bool six = strchr(r->listen, ':') != NULL;
  const char *host = r->listen;
  char name[256] = "";
  if (streq(host, "0.0.0.0") || streq(host, "::")) six = false, host = gethostname(name, sizeof name - 1) == 0 && *name ? name : "localhost";
  return arena_fmt(r->a, six ? "http%s://[%s]:%d/" : "http%s://%s:%d/", r->tls == TLS_NONE ? "" : "s", host, r->port);
}
