/* Settings: environment variables (upstream's names keep working, *_FILE variants for secrets), then fedlcm.yaml is not read here but turned
 * into the environment by main/settings.c; the const table in conf.c names every setting, its default, and its check.
 * A malformed value stops the start with a sentence. */
#ifndef BASE_CONF_H
#define BASE_CONF_H
#include <stdbool.h>
struct err; struct arena;
struct conf {
  const char *conninfo;          /* built from POSTGRES_* or FEDLCM_DB (libpq string); both may name several hosts */
  const char *seal_public, *seal_private;  /* FEDLCM_SEAL_PUBLIC / FEDLCM_SEAL_PRIVATE: file paths */
  const char *web_socket, *wait_socket;    /* FEDLCM_WEB_SOCKET, FEDLCM_WAIT_SOCKET */
  int web_workers, wait_workers, runners;  /* FEDLCM_WEB_WORKERS 8, FEDLCM_WAIT_WORKERS 8, FEDLCM_RUNNERS 2 */
  const char *public_url;        /* FEDLCM_PUBLIC_URL, "" = take what the browser says (Origin check against Host) */
  bool tls;                      /* FEDLCM_TLS: pages are served over https (cookie Secure, __Host-) */
  const char *instance_dir;      /* FEDLCM_INSTANCE_DIR: lock file of the poller, which names this instance */
  const char *admin_password;    /* LIFECYCLEMANAGER_INITIAL_ADMIN_PASSWORD or "admin" */
  bool experiment;               /* LIFECYCLEMANAGER_EXPERIMENT_ENABLED */
  bool debug;                    /* LIFECYCLEMANAGER_DEBUG */
  int lease_s;                   /* FEDLCM_LEASE_SECONDS 30, 15..30: a lease outlives every call made under it */
  int deadline_scale_pct;        /* FEDLCM_DEADLINE_PERCENT 100, 1..100: share of its time that a step may take */
  int check_s;                   /* FEDLCM_CHECK_SECONDS 12, 2..3600: between two health checks of one endpoint or participant */
  int retry_s;                   /* FEDLCM_RETRY_SECONDS 16, 1..300: the longest pause before a call that failed is tried again */
  int circuit_s;                 /* FEDLCM_CIRCUIT_SECONDS 30, 5..600: the longest time for which a cluster that does not answer is left alone */
  int keys_ahead;                /* FEDLCM_KEYS_AHEAD 128, 0..128: RSA keys a runner keeps ready */
  int keep_days;                 /* FEDLCM_KEEP_DAYS 180 */
  struct arena *memory;          /* where the texts live: as long as the process */
};
bool conf_load(struct conf *out, struct err *e) __attribute__((warn_unused_result));
#endif
