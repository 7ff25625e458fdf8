/* fedlcm-web: supervisor of the web pool and the wait pool. */
#include <sys/stat.h>
#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "main/start.h"
#include "main/supervisor.h"
#include "main/web_worker.h"

/* STUCK_S lies beyond nginx's read timeout (30 s): by then nobody waits for the answer any more. */
enum { GRACE_S = 20, STUCK_S = 45 };
struct pool { const struct conf *c; int fd; bool wait; };

static int run(void *arg, int slot, int ready_fd) {
  const struct pool *p = arg;
  (void)slot;
  return web_worker(p->c, p->fd, p->wait, ready_fd);
}

int main(void) {
  struct conf c;
  struct err e = ERR_INIT;
  log_init("fedlcm-web", LOG_LEVEL_INFO);
  if (!conf_load(&c, &e)) { fprintf(stderr, "fedlcm-web: %s\n", err_message(&e, arena_new())); return 2; }
  if (c.debug) log_init("fedlcm-web", LOG_LEVEL_DEBUG);
  if (!start_schema("fedlcm-web", &c, arena_new())) return 2;
  umask(0007);
  struct pool web = {&c, listen_unix(c.web_socket, 0), false}, wait = {&c, listen_unix(c.wait_socket, 1), true};
  if (web.fd < 0 || wait.fd < 0) return 2;
  const struct slot_kind kinds[] = {{.name = "web", .count = c.web_workers, .run = run, .arg = &web, .stuck_s = STUCK_S, .overlap = true},
                                    {.name = "wait", .count = c.wait_workers, .run = run, .arg = &wait, .stuck_s = STUCK_S, .overlap = true}};
  return supervise("fedlcm-web", kinds, 2, GRACE_S);
}
