/* One web worker process: accept loop over a listening socket shared with its siblings. */
#ifndef MAIN_WEB_WORKER_H
#define MAIN_WEB_WORKER_H
#include <stdbool.h>
struct conf;
/* ready_fd gets one byte after the first attempt to reach the database. Returns an exit status. */
int web_worker(const struct conf *c, int listen_fd, bool wait_pool, int ready_fd);
#endif
