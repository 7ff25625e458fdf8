#include "main/web_worker.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/log.h"
#include "db/migrate.h"
#include "main/supervisor.h"
#include "web/fcgi_io.h"
#include "web/req.h"

enum { REQUESTS_MAX = 10000, RSS_MAX_KB = 256 * 1024 };
static volatile int stop;
static void on_term(int sig) { (void)sig; stop = 1; }

static void signals(void) {
  struct sigaction sa = {.sa_handler = on_term};
  sigset_t block;
  sigaction(SIGTERM, &sa, NULL);
  sigaction(SIGQUIT, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
  sigaction(SIGHUP, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
  sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
  sigemptyset(&block);
  sigaddset(&block, SIGTERM);
  sigprocmask(SIG_SETMASK, &block, NULL);
}

static bool worn(long served) {
  struct rusage u;
  return served >= REQUESTS_MAX || (getrusage(RUSAGE_SELF, &u) == 0 && u.ru_maxrss > RSS_MAX_KB);
}

int web_worker(const struct conf *c, int fd, bool wait_pool, int ready_fd) {
  struct err e = ERR_INIT;
  struct app app = {.conf = *c, .wait_pool = wait_pool};
  struct arena *a = arena_new();
  signals();
  if (!seal_pub_load(c->seal_public, &app.seal, &e)) { log_err(LOG_LEVEL_ERROR, "web", "start", &e); return 3; }
  app.db = db_new(c->conninfo, wait_pool ? "fedlcm-wait" : "fedlcm-web", 5000);
  db_set_patient(app.db, true); /* many begin at once, and refused now it would refuse pages later */
  app.schema_fits = db_connect(app.db, &e) && migrate_check(app.db, a, &e);
  db_set_patient(app.db, false);
  if (!app.schema_fits) log_err(LOG_LEVEL_WARN, "web", "database not ready", &e);
  arena_reset(a);
  fcgi_init(fd);
  if (write(ready_fd, "r", 1) != 1) return 3;
  close(ready_fd);
  for (long served = 0; !worn(served) && fcgi_next(&stop); served++) {
    supervisor_beat(true);
    fcgi_serve(&app, a);
    supervisor_beat(false);
    arena_reset(a);
  }
  db_free(app.db);
  arena_free(a);
  return 0;
}
