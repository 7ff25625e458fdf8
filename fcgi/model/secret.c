/* The secret table and ${secret:name} placeholders (contracts: infra.h). */
#include "base/arena.h"
#include "base/err.h"
#include "crypt/seal.h"
#include "db/db.h"
#include "model/infra.h"

static const struct stmt Q_STORE = {"secret_store", "insert into secret (id, kind, sealed) values ($1, $2, $3)"};
static const struct stmt Q_LOAD = {"secret_load", "select kind, sealed from secret where id = $1", STMT_READS};
static const struct stmt Q_DELETE = {"secret_delete", "delete from secret where id = $1"};
static const struct stmt Q_NAMED_SET = {"named_secret_set",
    "with old as (select secret from named_secret where owner = $1 and name = $2), n as (insert into named_secret (owner, name, secret) values ($1, $2, $3) on conflict (owner, name) do update set secret = excluded.secret) "
    "select secret from old"};
static const struct stmt Q_NAMED_LIST = {"named_secret_list", "select n.name, n.secret, s.sealed from named_secret n join secret s on s.id = n.secret where n.owner = $1 order by n.name", STMT_READS};
static const struct stmt Q_NAMED_DROP = {"named_secret_drop", "with n as (delete from named_secret where owner = $1 returning secret) select secret from n"};
const struct stmt *const STMTS_SECRET[] = {&Q_STORE, &Q_LOAD, &Q_DELETE, &Q_NAMED_SET, &Q_NAMED_LIST, &Q_NAMED_DROP, NULL};

bool secret_store(struct db *db, struct arena *a, const struct seal_pub *k, const char *kind, const void *p, size_t n, struct uuid *out, struct err *e) {
  struct uuid id = uuid_new();
  if (!db_exec(db, a, &Q_STORE, NULL, e, id.s, kind, seal(a, k, kind, id.s, p, n))) return false;
  *out = id;
  return true;
}

bool secret_load(struct db *db, struct arena *a, struct uuid id, const char **kind, const char **sealed, struct err *e) {
  struct rows r;
  if (uuid_none(id)) return err_set(e, FAIL_INVALID, MSG_SECRET_NONE);
  if (!db_query(db, a, &Q_LOAD, &r, e, id.s)) return false;
  if (!r.n) return err_set(e, FAIL_INVALID, MSG_SECRET_NONE);
  *kind = row_text(&r, 0, 0), *sealed = row_text(&r, 0, 1);
  return true;
}

bool secret_delete(struct db *db, struct arena *a, struct uuid id, struct err *e) { return uuid_none(id) || db_exec(db, a, &Q_DELETE, NULL, e, id.s); }

bool named_secret_set(struct db *db, struct arena *a, const struct seal_pub *k, struct uuid owner, const char *name, const char *value, struct err *e) {
  struct uuid id;
  struct rows r;
  if (!secret_store(db, a, k, "named", value, strlen(value), &id, e) || !db_query(db, a, &Q_NAMED_SET, &r, e, owner.s, name, id.s)) return false;
  return r.n ? secret_delete(db, a, row_uuid(&r, 0, 0), e) : true;
}

bool named_secret_list(struct db *db, struct arena *a, struct uuid owner, struct named_secret **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_NAMED_LIST, &r, e, owner.s)) return false;
  *out = ARENA_ARRAY(a, struct named_secret, r.n + 1), *n = (size_t)r.n;
  for (int i = 0; i < r.n; i++) (*out)[i] = (struct named_secret){row_text(&r, i, 0), row_uuid(&r, i, 1), row_text(&r, i, 2)};
  return true;
}

bool named_secret_drop(struct db *db, struct arena *a, struct uuid owner, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_NAMED_DROP, &r, e, owner.s)) return false;
  for (int i = 0; i < r.n; i++)
    if (!secret_delete(db, a, row_uuid(&r, i, 0), e)) return false;
  return true;
}
