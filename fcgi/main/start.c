/* Contract: start.h. */
#include "main/start.h"
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/uuid.h"
#include "crypt/digest.h"
#include "db/db.h"
#include "db/migrate.h"

enum { STATEMENT_MS = 5000 };

bool start_schema(const char *program, const struct conf *c, struct arena *a) {
  struct err e = ERR_INIT;
  struct db *db = db_new(c->conninfo, program, STATEMENT_MS); /* closed before anything is forked */
  bool ok = db_connect(db, &e) && migrate_check(db, a, &e);
  db_free(db);
  if (ok) return true;
  if (e.key == MSG_MIGRATE_OLD) {
    fprintf(stderr, "%s: %s\n", program, err_message(&e, a));
    return false;
  }
  log_err(LOG_LEVEL_WARN, "start", "database not ready", &e);
  return true;
}

const char *start_instance(struct arena *a, int lock_fd, const char *boot) {
  struct err e = ERR_INIT;
  struct stat st;
  char host[256] = "host", *id;
  gethostname(host, sizeof host - 1);
  /* Without the kernel's word nothing tells two machines apart: then a name that nobody else has, and leases of the last run end by themselves. */
  if (!file_read(a, boot, 256, &id, NULL, &e) || fstat(lock_fd, &st) != 0) return arena_fmt(a, "%s:%s", host, uuid_new().s);
  const char *all = arena_fmt(a, "%s %llu %llu", id, (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
  return arena_fmt(a, "%s:%.16s", host, sha256_hex(a, all, strlen(all)));
}
