/* Contract: conf.h. One const table of settings. */
#include "base/conf.h"
#include <stddef.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/num.h"
#include "base/str.h"

enum kind { K_TEXT, K_INT, K_BOOL };
struct setting { const char *name; enum kind kind; size_t at; const char *fallback; int min, max; };
#define TXT(n, f, d) {n, K_TEXT, offsetof(struct conf, f), d, 0, 0}
#define INT(n, f, d, lo, hi) {n, K_INT, offsetof(struct conf, f), d, lo, hi}
#define BOOL(n, f, d) {n, K_BOOL, offsetof(struct conf, f), d, 0, 0}

static const struct setting SETTINGS[] = {
    TXT("FEDLCM_DB", conninfo, ""),
    TXT("FEDLCM_SEAL_PUBLIC", seal_public, "var/keys/seal.pub"),
    TXT("FEDLCM_SEAL_PRIVATE", seal_private, "var/keys/seal.key"),
    TXT("FEDLCM_WEB_SOCKET", web_socket, "var/run/web.sock"),
    TXT("FEDLCM_WAIT_SOCKET", wait_socket, "var/run/wait.sock"),
    INT("FEDLCM_WEB_WORKERS", web_workers, "8", 1, 64),
    INT("FEDLCM_WAIT_WORKERS", wait_workers, "8", 1, 64),
    INT("FEDLCM_RUNNERS", runners, "2", 1, 16),
    TXT("FEDLCM_PUBLIC_URL", public_url, ""),
    BOOL("FEDLCM_TLS", tls, "false"),
    TXT("FEDLCM_INSTANCE_DIR", instance_dir, "var/run"),
    TXT("LIFECYCLEMANAGER_INITIAL_ADMIN_PASSWORD", admin_password, "admin"),
    BOOL("LIFECYCLEMANAGER_EXPERIMENT_ENABLED", experiment, "false"),
    BOOL("LIFECYCLEMANAGER_DEBUG", debug, "false"),
    INT("FEDLCM_LEASE_SECONDS", lease_s, "30", 15, 30),
    INT("FEDLCM_DEADLINE_PERCENT", deadline_scale_pct, "100", 1, 100),
    INT("FEDLCM_CHECK_SECONDS", check_s, "12", 2, 3600),
    INT("FEDLCM_RETRY_SECONDS", retry_s, "16", 1, 300),
    INT("FEDLCM_CIRCUIT_SECONDS", circuit_s, "30", 5, 600),
    INT("FEDLCM_KEYS_AHEAD", keys_ahead, "128", 0, 128),
    INT("FEDLCM_KEEP_DAYS", keep_days, "180", 1, 36500),
};

/* The variable, or the content of the file that NAME_FILE names. An empty value counts as unset, as upstream. */
static const char *value(struct arena *a, const char *name, bool *bad, struct err *e) {
  const char *v = getenv(name), *f = getenv(arena_fmt(a, "%s_FILE", name));
  if (v && *v) return v;
  if (!f || !*f) return NULL;
  char *text;
  if (!file_read(a, f, 65536, &text, NULL, e)) return *bad = true, NULL;
  return str_trim(a, text);
}

static void quote(struct buf *b, const char *key, const char *v) {
  buf_fmt(b, "%s='", key);
  for (; *v; v++) {
    if (*v == '\'' || *v == '\\') buf_ch(b, '\\');
    buf_ch(b, *v);
  }
  buf_str(b, "' ");
}

static const char *without_blanks(struct arena *a, const char *v) {
  char *out = arena_strdup(a, v), *to = out;
  for (; *v; v++)
    if (*v != ' ' && *v != '\t') *to++ = *v;
  *to = 0;
  return out;
}

/* libpq string from upstream's POSTGRES_* names. POSTGRES_HOST and POSTGRES_PORT may be lists ("db1, db2"): libpq takes blanks for parts of a name. */
static const char *upstream(struct arena *a, bool *bad, struct err *e) {
  static const struct { const char *env, *key, *fallback; } P[] = {{"POSTGRES_HOST", "host", NULL}, {"POSTGRES_PORT", "port", "5432"}, {"POSTGRES_DB", "dbname", NULL},
      {"POSTGRES_USER", "user", NULL}, {"POSTGRES_PASSWORD", "password", ""}, {"POSTGRES_SSLMODE", "sslmode", "prefer"}};
  struct buf b;
  buf_init(&b, a, 4096);
  for (size_t i = 0; i < sizeof P / sizeof *P; i++) {
    const char *v = value(a, P[i].env, bad, e);
    if (*bad) return "";
    if (!v && !P[i].fallback) { *bad = true; err_set(e, FAIL_INVALID, MSG_CONF_DATABASE, P[i].env); return ""; }
    bool list = streq(P[i].key, "port") || (streq(P[i].key, "host") && v && strchr(v, ','));
    if (v || *P[i].fallback) quote(&b, P[i].key, !v ? P[i].fallback : list ? without_blanks(a, v) : v);
  }
  return b.p;
}

bool conf_load(struct conf *out, struct err *e) {
  struct arena *a = arena_new(); /* lives as long as the process: the settings point into it */
  *out = (struct conf){.memory = a};
  for (size_t i = 0; i < sizeof SETTINGS / sizeof *SETTINGS; i++) {
    const struct setting *s = &SETTINGS[i];
    bool bad = false;
    const char *v = value(a, s->name, &bad, e);
    if (bad) return false;
    if (!v) v = s->fallback;
    char *at = (char *)out + s->at;
    if (s->kind == K_TEXT) *(const char **)(void *)at = arena_strdup(a, v);
    else if (s->kind == K_INT ? !num_int(v, s->min, s->max, (int *)(void *)at) : !num_bool(v, (bool *)at))
      return err_set(e, FAIL_INVALID, s->kind == K_INT ? MSG_CONF_NUMBER : MSG_CONF_SWITCH, s->name, v, NUM(s->min), NUM(s->max));
  }
  bool bad = false;
  if (!*out->conninfo) out->conninfo = upstream(a, &bad, e);
  return !bad;
}
