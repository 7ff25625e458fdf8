/* fedlcm-web: supervisor of the web pool and the wait pool. */
#include <sys/stat.h>
#include "base/conf.h"
#include "base/err.h"
#include "base/arena.h"
#include "base/log.h"
#include "main/supervisor.h"
#include "main/web_worker.h"

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
  umask(0007);
  struct pool web = {&c, listen_unix(c.web_socket), false}, wait = {&c, listen_unix(c.wait_socket), true};
  if (web.fd < 0 || wait.fd < 0) return 2;
  const struct slot_kind kinds[] = {{"web", c.web_workers, run, &web, 45}, {"wait", c.wait_workers, run, &wait, 45}};
  return supervise("fedlcm-web", kinds, 2, 20);
}
