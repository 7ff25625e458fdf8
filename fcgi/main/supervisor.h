/* A small prefork supervisor (reference 81 section 3): one slot per process, restart with back-off, TERM drains, HUP replaces one by one, QUIT stops at
 * once. Children die with it (PDEATHSIG). It opens no database connection. */
#ifndef MAIN_SUPERVISOR_H
#define MAIN_SUPERVISOR_H
#include <stdbool.h>
struct slot_kind {
  const char *name;
  int count;
  int (*run)(void *arg, int slot, int ready_fd);   /* in the child; returns the exit status */
  void *arg;
  int stuck_s;                                     /* kill a child whose beat is older while busy; 0 = never */
};
/* Runs until TERM, INT or QUIT; returns the exit status. grace_s: how long draining may take. */
int supervise(const char *program, const struct slot_kind *kinds, int n_kinds, int grace_s);
/* Called by a child around each piece of work. */
void supervisor_beat(bool busy);
/* Listening Unix socket as reference 81 section 2: lock file beside it held for ever (a second supervisor is refused with a sentence), temporary name,
 * mode 0660, backlog 512, non-blocking, close-on-exec. -1 with a message on stderr. */
int listen_unix(const char *path);
/* Takes and keeps an exclusive lock; children inherit it, so that a successor which gets it knows that all of them are gone. -1 when taken. */
int lock_file(const char *path, bool wait);
#endif
