/* fedlcm-poller: supervisor of the runners. */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "deploy/runner.h"
#include "main/start.h"
#include "main/supervisor.h"

/* A call takes at most 10 s; a runner that was told to end finishes the calls under way and gives back its leases. */
enum { GRACE_S = 15 };
struct poller { struct conf c; const char *instance; };

static int run(void *arg, int slot, int ready_fd) {
  const struct poller *p = arg;
  prctl(PR_SET_DUMPABLE, 0); /* it holds opened secrets */
  if (write(ready_fd, "r", 1) != 1) return 3;
  return poller_runner(&p->c, slot, p->instance);
}

int main(void) {
  static struct poller p;
  struct err e = ERR_INIT;
  struct arena *a = arena_new();
  log_init("fedlcm-poller", LOG_LEVEL_INFO);
  if (!conf_load(&p.c, &e)) { fprintf(stderr, "fedlcm-poller: %s\n", err_message(&e, a)); return 2; }
  if (p.c.debug) log_init("fedlcm-poller", LOG_LEVEL_DEBUG);
  umask(0077);
  if (!start_schema("fedlcm-poller", &p.c, a)) return 2;
  /* Runners inherit this lock: who gets it knows that all runners of the former supervisor are gone, and may release their leases at once. */
  int fd = lock_file(arena_fmt(a, "%s/poller.lock", p.c.instance_dir), true);
  if (fd < 0) return 2;
  p.instance = start_instance(a, fd, START_BOOT_ID);
  const struct slot_kind kinds[] = {{.name = "runner", .count = p.c.runners, .run = run, .arg = &p}};
  return supervise("fedlcm-poller", kinds, 1, GRACE_S);
}
