/* Contract: run.h. As whom the parts run when the launcher is root: four accounts, so that a fault in one part opens nothing of the others.
 *
 * Poller, web and nginx take ids without a name: nothing to create, nothing of any other program belongs to them. Where the kernel does not map such ids
 * (small user namespaces), and for PostgreSQL, which insists on a name, an existing system account is taken. Folders keep their account for ever. */
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/str.h"
#include "main/run.h"

enum { POLLER_ID = 64210, WEB_ID, FRONT_ID, STEP = 10, LAST_ID = 64290, SYSTEM_MAX = 999 };

static bool owner_of(const char *path, struct account *out) {
  struct stat st;
  if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid == 0) return false;
  *out = (struct account){st.st_uid, st.st_gid};
  return true;
}

static bool can_become(struct account as) {
  int status = 1;
  pid_t pid = fork();
  if (pid == 0) _exit(setgroups(0, NULL) != 0 || setresgid(as.gid, as.gid, as.gid) != 0 || setresuid(as.uid, as.uid, as.uid) != 0);
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool unnamed(uid_t first, struct account *out) {
  for (uid_t id = first; id <= LAST_ID; id += STEP) {
    if (getpwuid(id) || getgrgid((gid_t)id)) continue;
    *out = (struct account){id, (gid_t)id};
    return can_become(*out);
  }
  return false;
}

static bool taken(const struct run *r, uid_t uid) { return uid == 0 || uid == r->pg.uid || uid == r->poller.uid || uid == r->web.uid || uid == r->front.uid; }

/* Accounts that are there on every Debian and own nothing of importance come first; then whatever system account there is. */
static struct account named(const struct run *r, const char *first) {
  const char *const names[] = {first, "www-data", "list", "irc", "games", "news", "uucp", "man", "lp", "backup", "daemon", "nobody"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const struct passwd *p = getpwnam(names[i]);
    if (p && !taken(r, p->pw_uid)) return (struct account){p->pw_uid, p->pw_gid};
  }
  struct account found = {0};
  setpwent();
  for (const struct passwd *p; !found.uid && (p = getpwent());)
    if (p->pw_uid <= SYSTEM_MAX && !taken(r, p->pw_uid)) found = (struct account){p->pw_uid, p->pw_gid};
  endpwent();
  return found;
}

void run_accounts(struct run *r) {
  r->pg = r->poller = r->web = r->front = (struct account){getuid(), getgid()};
  if (!r->root) return;
  if (!owner_of(arena_fmt(r->a, "%s/pg", r->state), &r->pg)) r->pg = named(r, "postgres");
  if (!owner_of(arena_fmt(r->a, "%s/keys", r->state), &r->poller) && !unnamed(POLLER_ID, &r->poller)) r->poller = named(r, "list");
  if (!unnamed(WEB_ID, &r->web)) r->web = named(r, "www-data");
  if (!unnamed(FRONT_ID, &r->front)) r->front = named(r, "www-data");
  if (!r->web.uid) r->web = r->front;       /* fewer accounts than parts: the two that face the network share one */
  if (!r->front.uid) r->front = r->web;
}
