/* A small prefork supervisor (reference 81 section 3): one slot per process, restart with back-off, TERM and INT drain, QUIT stops at once, HUP
 * replaces the processes one by one. Children die with it (PDEATHSIG). It has no threads and opens no database connection.
 *
 *     const struct slot_kind kinds[] = {{.name = "web", .count = 8, .run = run, .arg = &pool, .stuck_s = 45, .overlap = true}};
 *     return supervise("fedlcm-web", kinds, 1, 20);
 */
#ifndef MAIN_SUPERVISOR_H
#define MAIN_SUPERVISOR_H
#include <stdbool.h>
struct slot_kind {
  const char *name;
  int count;
  /* In the child; returns the exit status. One byte written to ready_fd means: can serve; a rolling restart waits for it. */
  int (*run)(void *arg, int slot, int ready_fd);
  void *arg;
  int stuck_s;    /* kill a child that has been busy with one piece of work for longer; 0 = never */
  bool overlap;   /* HUP: the successor serves before its predecessor is told to end. false: a slot's new process starts only after the old is reaped */
};
/* Runs until TERM, INT or QUIT; returns the exit status. grace_s: how long draining may take before the rest is killed. */
int supervise(const char *program, const struct slot_kind *kinds, int n_kinds, int grace_s);
/* Called by a child around each piece of work. */
void supervisor_beat(bool busy);
/* Listening Unix socket as reference 81 section 2: lock file beside it held for ever (a second supervisor is refused with a sentence), temporary name,
 * mode 0660, the folder's group, backlog 512, non-blocking, close-on-exec. -1 with a message on stderr.
 * A socket handed over by the service manager (LISTEN_PID, LISTEN_FDS) at position nth is taken instead. */
int listen_unix(const char *path, int nth);
/* Takes and keeps an exclusive lock; children inherit it, so that a successor which gets it knows that all of them are gone.
 * wait: stays until it is free, saying so once. -1 with a message on stderr. */
int lock_file(const char *path, bool wait);
#endif
