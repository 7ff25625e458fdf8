/* Contract: runner.h. The loop: claim what is due, drive it, take finished transfers, sleep until the next is due. */
#include "deploy/runner.h"
#include <malloc.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "base/log.h"
#include "crypt/keystock.h"
#include "db/migrate.h"
#include "deploy/drive.h"
#include "deploy/duties.h"
#include "deploy/store.h"
#include "deploy/watch.h"

enum { SLOTS = 64, PER_CLUSTER = 2, DUTIES_MS = 60000, LOOK_MS = 1000, DRAIN_MS = 11000, BETWEEN_MS = 25 /* two claims: what is due by then is taken together */, BUSY_MS = 50 };

struct runner { struct engine en; struct conf conf; char holder[400]; struct arena *a; int sig_fd; int64_t duties_due, claim_due, claimed; bool ready, told; unsigned connections, counted; };

static bool told_to_stop(struct runner *r) {
  struct signalfd_siginfo si;
  return read(r->sig_fd, &si, sizeof si) == (ssize_t)sizeof si;
}

/* After a (re)connection: what this slot's predecessor or the lost connection left leased is free again, but not what is under way here. */
static bool get_ready(struct runner *r) {
  struct err e = ERR_INIT;
  int n = 0;
  if (r->ready && db_alive(r->en.db) && db_connections(r->en.db) == r->connections) return true;
  r->ready = db_connect(r->en.db, &e) && migrate_check(r->en.db, r->a, &e) && store_recover(r->en.db, r->a, r->holder, r->en.all, &n, &e) && db_listen(r->en.db, "fedlcm_work", &e);
  r->connections = db_connections(r->en.db);
  if (!r->ready) log_err(LOG_LEVEL_WARN, "runner", "database", &e);
  else if (n) log_info("runner", "took over unfinished work", "count", num_text((char[24]){0}, n));
  return r->ready;
}

/* The next look at the table: the time found there, or earlier what was put back since, or at once when somebody told of new work. */
static int64_t due(const struct runner *r) {
  int64_t at = r->told ? r->claimed : r->en.next_due < r->claim_due ? r->en.next_due : r->claim_due;
  return at < r->claimed + BETWEEN_MS ? r->claimed + BETWEEN_MS : at;
}

/* One statement says what is ours now and when to look again. */
static void claim(struct runner *r) {
  struct err e = ERR_INIT;
  struct claim c[SLOTS];
  int n = 0, wait = BUSY_MS, room = SLOTS - r->en.in_flight;
  if (room > 0) {
    r->en.next_due = INT64_MAX;
    if (!store_claim(r->en.db, r->a, r->holder, r->conf.lease_s, room, c, &n, &wait, &e)) {
      log_err(LOG_LEVEL_WARN, "runner", "claim", &e);
      r->ready = false;
      return;
    }
    if (n == room) wait = 0;
    else if (!n && wait < BUSY_MS) wait = BUSY_MS; /* somebody else is at what is due */
  }
  r->claimed = clock_mono_ms(), r->told = false;
  r->claim_due = r->claimed + (wait < LOOK_MS ? wait : LOOK_MS);
  for (int i = 0; i < n; i++) drive(work_new(&r->en, c[i].id, c[i].token));
}

/* What the database was asked, by what for; "loop" is the looking for work itself. */
static void tell_spent(struct runner *r) {
  unsigned long *n = r->en.spent, all = db_count(r->en.db) - r->counted, known = 0;
  for (int i = 0; i < SPENT_KINDS; i++) known += n[i];
  log_info("runner", "keys in stock, statements of the last minute", "keys", NUM(keystock_count()), "operations", NUM(n[SPENT_OPERATIONS]), "checks", NUM(n[SPENT_CHECKS]), "probes", NUM(n[SPENT_PROBES]), "loop", NUM(all - known));
  memset(n, 0, sizeof r->en.spent);
  r->counted += (unsigned)all;
}

static void duties(struct runner *r) {
  struct err e = ERR_INIT;
  if (clock_mono_ms() < r->duties_due) return;
  if (r->duties_due) tell_spent(r), malloc_trim(0);
  r->duties_due = clock_mono_ms() + DUTIES_MS;
  if (!duties_targets(r->en.db, r->a, &r->en.targets, &e)) log_err(LOG_LEVEL_WARN, "runner", "targets", &e);
  if (!duties_run(r->en.db, r->a, r->conf.keep_days, &e)) log_err(LOG_LEVEL_WARN, "runner", "duties", &e);
}

static void take_replies(struct runner *r) {
  struct xfer_done d;
  while (xfer_next(r->en.xfer, &d))
    if (!watch_reply(d.user, &d.reply)) drive_reply(d.user, &d.reply);
}

static void turn(struct runner *r, bool stopping) {
  bool up = get_ready(r);
  if (up && !stopping) {
    if (db_take_notifies(r->en.db)) r->told = r->en.watching.look = true;
    if (clock_mono_ms() >= due(r)) claim(r);
    if (db_alive(r->en.db)) watch_turn(&r->en);
    if (db_alive(r->en.db)) duties(r);
  }
  int64_t next = due(r) < watch_due(&r->en) ? due(r) : watch_due(&r->en);
  int64_t pause = !up ? 500 : stopping ? LOOK_MS : next - clock_mono_ms(); /* answers, signals and words from the database end it */
  int fds[2] = {r->sig_fd, db_socket(r->en.db)};
  xfer_wait(r->en.xfer, fds, fds[1] >= 0 ? 2 : 1, pause < 0 ? 0 : pause > LOOK_MS ? LOOK_MS : (int)pause);
  take_replies(r);
  arena_reset(r->a);
}

int poller_runner(const struct conf *c, int slot, const char *instance) {
  static struct runner r;
  struct err e = ERR_INIT;
  struct seal_key key;
  sigset_t set;
  /* Blocks of arenas come and go by the hundred, between small things that stay: they go back to the system instead of leaving holes. */
  mallopt(M_MMAP_THRESHOLD, 48 << 10), mallopt(M_TRIM_THRESHOLD, 512 << 10);
  r.conf = *c, r.a = arena_new();
  if (!seal_key_load(c->seal_private, &key, &e)) { log_err(LOG_LEVEL_ERROR, "runner", "start", &e); return 3; }
  snprintf(r.holder, sizeof r.holder, "%s/%d", instance, slot);
  sigemptyset(&set), sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, NULL);
  r.sig_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  signal(SIGPIPE, SIG_IGN);
  r.en = (struct engine){.conf = &r.conf, .db = db_new(c->conninfo, "fedlcm-poller", 10000), .xfer = xfer_new(SLOTS, PER_CLUSTER)};
  r.en.reach = reach_new(r.en.xfer, &key), r.en.watching.on = true;
  if (!keystock_start(c->keys_ahead)) log_warn("runner", "keys are made when they are needed", NULL);
  log_info("runner", "started", "holder", r.holder);
  while (!told_to_stop(&r)) turn(&r, false);
  /* Calls under way may finish; their results are kept, and the work is free for the others at once. */
  r.en.stopping = true;
  for (int64_t end = clock_mono_ms() + DRAIN_MS; r.en.in_flight && clock_mono_ms() < end;) turn(&r, true);
  int n;
  if (db_alive(r.en.db) && !store_recover(r.en.db, r.a, r.holder, NULL, &n, &e)) log_err(LOG_LEVEL_WARN, "runner", "release", &e);
  reach_free(r.en.reach), keystock_stop();
  log_info("runner", "stopped", "holder", r.holder);
  return 0;
}
