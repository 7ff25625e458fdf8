#include "model/federation.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/name.h"
#include "base/str.h"
#include "db/db.h"

#define COLS "f.uuid, f.name, f.description, f.type, f.domain, " USEC("f.created_at") ", f.row_version, count(p.uuid) filter (where p.type = 2), count(p.uuid) filter (where p.type = 2 and p.status = 1), " \
  "count(p.uuid) filter (where p.type = 2 and p.status in (2, 3, 4, 6)), count(p.uuid) filter (where p.type = 2 and p.status = 5), coalesce(max(p.status) filter (where p.type = 1), -1), " \
  "coalesce(string_agg(distinct nullif(p.chart_version, ''), ', '), '')"
#define FROM " from federation f left join participant p on p.federation_uuid = f.uuid and p.deleted_at is null where f.deleted_at is null "
static const struct stmt Q_LIST = {"federation_list", "select " COLS FROM "group by f.uuid order by f.id"};
static const struct stmt Q_GET = {"federation_get", "select f.uuid, f.name, f.description, f.type, f.domain, " USEC("f.created_at") ", f.row_version, 0, 0, 0, 0, -1, '', f.removing from federation f where f.uuid = $1 and f.deleted_at is null"};
static const struct stmt Q_INSERT = {"federation_insert", "insert into federation (uuid, name, description, domain) values ($1, $2, $3, $4)"};
static const struct stmt Q_LOCK = {"federation_lock", "select name from federation where uuid = $1 and deleted_at is null for update"};
static const struct stmt Q_LEFT = {"federation_left", "select count(*) from participant where federation_uuid = $1 and deleted_at is null"};
static const struct stmt Q_DELETE = {"federation_delete", "update federation set deleted_at = now(), row_version = row_version + 1 where uuid = $1 and deleted_at is null"};
static const struct stmt Q_REMOVING = {"federation_removing", "update federation set removing = $2, row_version = row_version + 1 where uuid = $1 and deleted_at is null and removing <> $2::boolean"};
static const struct stmt Q_OPEN = {"federation_open", "select name from federation where uuid = $1 and removing"};
const struct stmt *const STMTS_FEDERATION[] = {&Q_REMOVING, &Q_OPEN, &Q_LIST, &Q_GET, &Q_INSERT, &Q_LOCK, &Q_LEFT, &Q_DELETE, NULL};

static void map(const struct rows *r, int i, struct federation *o) {
  *o = (struct federation){row_uuid(r, i, 0), row_text(r, i, 1), row_text(r, i, 2), row_text(r, i, 3), row_text(r, i, 4), row_time(r, i, 5), row_i64(r, i, 6), row_int(r, i, 7), row_int(r, i, 8), row_int(r, i, 9),
      row_int(r, i, 10), row_int(r, i, 11), row_text(r, i, 12)};
}

bool federation_create(struct db *db, struct arena *a, const char *name, const char *description, const char *domain, struct uuid *out, struct err *e) {
  struct uuid id = uuid_new();
  const char *n = str_trim(a, name), *d = str_lower(a, str_trim(a, domain));
  if (!name_display(n)) return err_set(e, FAIL_INVALID, MSG_NAME_BAD);
  if (!str_utf8_ok(description, strlen(description)) || strlen(description) > 4000) return err_set(e, FAIL_INVALID, MSG_DESCRIPTION_BAD);
  if (!name_domain(d) || strlen(d) > 200) return err_set(e, FAIL_INVALID, MSG_DOMAIN_BAD, str_excerpt(a, d, strlen(d), 80), "example.com");
  if (!db_exec(db, a, &Q_INSERT, NULL, e, id.s, n, description, d)) return e->kind == FAIL_CONFLICT ? err_set(e, FAIL_CONFLICT, MSG_FEDERATION_NAME_TAKEN, n) : false;
  *out = id;
  return true;
}

bool federation_list(struct db *db, struct arena *a, struct federation **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_LIST, &r, e)) return false;
  *out = ARENA_ARRAY(a, struct federation, r.n + 1), *n = (size_t)r.n;
  for (int i = 0; i < r.n; i++) map(&r, i, &(*out)[i]);
  return true;
}

bool federation_get(struct db *db, struct arena *a, struct uuid id, struct federation *out, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_GET, &r, e, id.s)) return false;
  if (!r.n) return err_set(e, FAIL_NOT_FOUND, MSG_FEDERATION_UNKNOWN, id.s);
  map(&r, 0, out);
  out->removing = row_bool(&r, 0, 13);
  return true;
}

bool federation_set_removing(struct db *db, struct arena *a, struct uuid id, bool on, struct err *e) { return db_exec(db, a, &Q_REMOVING, NULL, e, id.s, on ? "t" : "f"); }

bool federation_check_open(struct db *db, struct arena *a, struct uuid id, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_OPEN, &r, e, id.s)) return false;
  return r.n ? err_set(e, FAIL_CONFLICT, MSG_FEDERATION_GOING, row_text(&r, 0, 0)) : true;
}

bool federation_delete_in(struct db *db, struct arena *a, struct uuid id, struct err *e) {
  struct rows r, left;
  if (!db_query(db, a, &Q_LOCK, &r, e, id.s)) return false;
  if (!r.n) return err_set(e, FAIL_NOT_FOUND, MSG_FEDERATION_UNKNOWN, id.s);
  if (!db_query(db, a, &Q_LEFT, &left, e, id.s)) return false;
  if (row_int(&left, 0, 0)) return err_set(e, FAIL_CONFLICT, MSG_FEDERATION_IN_USE, row_text(&r, 0, 0), row_text(&left, 0, 0));
  return db_exec(db, a, &Q_DELETE, NULL, e, id.s);
}

bool federation_delete(struct db *db, struct arena *a, struct uuid id, struct err *e) {
  TX(tx);
  return tx_begin(db, &tx, e) && federation_delete_in(db, a, id, e) && tx_commit(&tx, e);
}
