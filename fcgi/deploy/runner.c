/* Contract: runner.h. */
#include "deploy/runner.h"
#include <signal.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "crypt/seal.h"
#include "db/db.h"
#include "db/migrate.h"
#include "deploy/duties.h"

enum { DUTIES_MS = 60000 };
static volatile sig_atomic_t stop;
static void on_term(int sig) { (void)sig; stop = 1; }

int poller_runner(const struct conf *c, int slot, const char *instance) {
  struct err e = ERR_INIT;
  struct seal_key key;
  struct arena *a = arena_new();
  struct db *db = db_new(c->conninfo, "fedlcm-poller", 10000);
  sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_term}, NULL);
  if (!seal_key_load(c->seal_private, &key, &e)) { log_err(LOG_LEVEL_ERROR, "runner", "start", &e); return 3; }
  log_info("runner", "started", "instance", instance, "slot", num_text((char[24]){0}, slot));
  for (int64_t due = 0; !stop; arena_reset(a), usleep(200 * 1000)) {
    if (clock_mono_ms() < due) continue;
    due = clock_mono_ms() + DUTIES_MS;
    if (!migrate_check(db, a, &e) || !duties_run(db, a, c->keep_days, &e)) log_err(LOG_LEVEL_WARN, "runner", "duties", &e), due = clock_mono_ms() + 2000;
  }
  db_free(db);
  arena_free(a);
  return 0;
}
