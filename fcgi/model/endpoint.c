#include "model/endpoint.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"
#include "model/infra_row.h"

#define COLS(manifest, parties, live) "e.uuid, e.infra_uuid, coalesce(e.credential_secret::text, ''), i.name, e.namespace, case when e.namespace = '' then 'kube-fate' else e.namespace end, e.name, e.description, e.version, e.type, e.status, " \
  manifest ", e.adopted, e.host, e.address, e.way, e.way_class, e.way_args, e.error_class, e.error_args, " USEC("e.checked_at") ", " USEC("e.created_at") ", " USEC("e.updated_at") ", e.row_version, " \
  parties ", " live
#define LIVE "coalesce(o.uuid::text, ''), coalesce(o.kind, ''), coalesce(o.state, ''), coalesce(o.percent, 0), case when e.checked_at is not null then e.way_class = '' end"
#define FROM " from endpoint e join infra i on i.uuid = e.infra_uuid left join operation o on o.subject = e.uuid and o.subject_type = 'endpoint' and o.state in ('queued', 'running', 'failed') "
#define ONE COLS("e.manifest", "(select count(*) from participant p where p.endpoint_uuid = e.uuid and p.deleted_at is null)", LIVE) FROM
static const struct stmt Q_LIST = {"endpoint_list",
    "select " COLS("null", "coalesce(n.n, 0)", LIVE) FROM "left join (select endpoint_uuid, count(*) n from participant where deleted_at is null group by endpoint_uuid) n on n.endpoint_uuid = e.uuid order by e.name"};
static const struct stmt Q_GET = {"endpoint_get", "select " ONE "where e.uuid = $1"};
enum { N_COLS = 30 };
static const struct stmt Q_PLACE = {"endpoint_place", "select " COLS("case when $2::boolean then e.manifest else '' end", "0", "'', '', '', 0, null::boolean") ", " INFRA_COLS("0, 0") " from endpoint e join infra i on i.uuid = e.infra_uuid where e.uuid = $1", STMT_READS};
static const struct stmt Q_FIND = {"endpoint_find", "select " ONE "where e.infra_uuid = $1 and e.namespace = $2"};
static const struct stmt Q_INSERT = {"endpoint_insert",
    "insert into endpoint (uuid, infra_uuid, namespace, name, description, status, manifest, adopted, host, credential_secret) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, nullif($10, '')::uuid)"};
static const struct stmt Q_STATUS = {"endpoint_status",
    "update endpoint set status = $3::smallint, error_class = $4, error_args = $5::jsonb, row_version = row_version + 1, updated_at = now() where uuid = $1 and ((1 << status) & $2::bigint) <> 0 "
    "and not (status = $3::smallint and error_class = $4 and error_args = $5::jsonb)"};
static const struct stmt Q_REACHED = {"endpoint_reached",
    "update endpoint set version = case when $2 = '' then version else $2 end, way = $3, address = $4, credential_secret = nullif($5, '')::uuid, row_version = row_version + 1, updated_at = now() where uuid = $1"};
static const struct stmt Q_CHECKED = {"endpoint_checked", "update endpoint set checked_at = now(), way_class = $2, way_args = $3::jsonb where uuid = $1"};
static const struct stmt Q_DELETE = {"endpoint_delete", "delete from endpoint where uuid = $1"};
static const struct stmt Q_OBJECTS = {"endpoint_objects", "select ord, api_version, kind, namespace, name, uid, created, gone from endpoint_object where endpoint_uuid = $1 order by ord", STMT_READS};
static const struct stmt Q_PUT = {"endpoint_object_put",
    "insert into endpoint_object (endpoint_uuid, ord, api_version, kind, namespace, name, uid, created) values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (endpoint_uuid, ord) do update set "
    "uid = excluded.uid, gone = false"};
static const struct stmt Q_GONE = {"endpoint_object_gone", "update endpoint_object set gone = true where endpoint_uuid = $1 and ord = $2"};
const struct stmt *const STMTS_ENDPOINT[] = {&Q_LIST, &Q_GET, &Q_PLACE, &Q_FIND, &Q_INSERT, &Q_STATUS, &Q_REACHED, &Q_CHECKED, &Q_DELETE, &Q_OBJECTS, &Q_PUT, &Q_GONE, NULL};

static void map(const struct rows *r, int i, struct endpoint *o) {
  *o = (struct endpoint){.uuid = row_uuid(r, i, 0), .infra_uuid = row_uuid(r, i, 1), .credential_secret = row_uuid(r, i, 2), .infra_name = row_text(r, i, 3), .namespace_ = row_text(r, i, 4),
      .kube_ns = row_text(r, i, 5), .name = row_text(r, i, 6), .description = row_text(r, i, 7), .version = row_text(r, i, 8), .type = row_text(r, i, 9), .status = row_int(r, i, 10), .manifest = row_text(r, i, 11),
      .adopted = row_bool(r, i, 12), .host = row_text(r, i, 13), .address = row_text(r, i, 14), .way = row_text(r, i, 15), .way_class = row_text(r, i, 16), .way_args = row_text(r, i, 17),
      .error_class = row_text(r, i, 18), .error_args = row_text(r, i, 19), .checked_at = row_time(r, i, 20), .created_at = row_time(r, i, 21), .updated_at = row_time(r, i, 22), .row_version = row_i64(r, i, 23),
      .n_participants = row_int(r, i, 24), .op_uuid = row_text(r, i, 25), .op_kind = row_text(r, i, 26), .op_state = row_text(r, i, 27), .op_percent = row_int(r, i, 28), .check_known = !row_null(r, i, 29), .check_ok = row_bool(r, i, 29)};
}

bool endpoint_list(struct db *db, struct arena *a, struct endpoint **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_LIST, &r, e)) return false;
  *out = ARENA_ARRAY(a, struct endpoint, r.n + 1), *n = (size_t)r.n;
  for (int i = 0; i < r.n; i++) map(&r, i, &(*out)[i]);
  return true;
}

bool endpoint_get(struct db *db, struct arena *a, struct uuid id, struct endpoint *out, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_GET, &r, e, id.s)) return false;
  if (!r.n) return err_set(e, FAIL_NOT_FOUND, MSG_ENDPOINT_UNKNOWN, id.s);
  map(&r, 0, out);
  return true;
}

bool endpoint_place(struct db *db, struct arena *a, struct uuid id, bool text, struct endpoint *out, struct infra *infra, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_PLACE, &r, e, id.s, text ? "t" : "f")) return false;
  if (!r.n) return err_set(e, FAIL_NOT_FOUND, MSG_ENDPOINT_UNKNOWN, id.s);
  map(&r, 0, out);
  return infra_map(a, &r, 0, N_COLS, infra, e);
}

bool endpoint_find(struct db *db, struct arena *a, struct uuid infra, const char *ns, struct endpoint *out, bool *found, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_FIND, &r, e, infra.s, ns)) return false;
  *found = r.n > 0;
  if (r.n) map(&r, 0, out);
  return true;
}

bool endpoint_insert(struct db *db, struct arena *a, const struct endpoint *x, struct err *e) {
  if (db_exec(db, a, &Q_INSERT, NULL, e, x->uuid.s, x->infra_uuid.s, x->namespace_, x->name, x->description, arena_fmt(a, "%d", x->status), x->manifest, x->adopted ? "t" : "f", x->host, x->credential_secret.s)) return true;
  if (e->kind == FAIL_CONFLICT && streq(db_constraint(db), "endpoint_name")) return err_set(e, FAIL_CONFLICT, MSG_ENDPOINT_NAME_TAKEN, x->name);
  if (e->kind == FAIL_CONFLICT && streq(db_constraint(db), "endpoint_place")) return err_set(e, FAIL_CONFLICT, MSG_ENDPOINT_PLACE_TAKEN);
  return false;
}

bool endpoint_set_status(struct db *db, struct arena *a, struct uuid id, unsigned from, int to, const char *cls, const char *args, bool *changed, struct err *e) {
  int n = 0;
  if (!db_exec(db, a, &Q_STATUS, &n, e, id.s, arena_fmt(a, "%u", from), arena_fmt(a, "%d", to), cls, args)) return false;
  *changed = n > 0;
  return true;
}

bool endpoint_set_reached(struct db *db, struct arena *a, struct uuid id, const char *version, const char *way, const char *address, struct uuid cred, struct err *e) {
  return db_exec(db, a, &Q_REACHED, NULL, e, id.s, version, way, address, cred.s);
}
bool endpoint_set_checked(struct db *db, struct arena *a, struct uuid id, bool ok, const char *cls, const char *args, struct err *e) {
  return db_exec(db, a, &Q_CHECKED, NULL, e, id.s, ok ? "" : cls, ok ? "[]" : args);
}
bool endpoint_delete_row(struct db *db, struct arena *a, struct uuid id, struct err *e) { return db_exec(db, a, &Q_DELETE, NULL, e, id.s); }

bool endpoint_objects(struct db *db, struct arena *a, struct uuid id, struct endpoint_object **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_OBJECTS, &r, e, id.s)) return false;
  *out = ARENA_ARRAY(a, struct endpoint_object, r.n + 1), *n = (size_t)r.n;
  for (int i = 0; i < r.n; i++)
    (*out)[i] = (struct endpoint_object){row_int(&r, i, 0), row_text(&r, i, 1), row_text(&r, i, 2), row_text(&r, i, 3), row_text(&r, i, 4), row_text(&r, i, 5), row_bool(&r, i, 6), row_bool(&r, i, 7)};
  return true;
}

bool endpoint_object_put(struct db *db, struct arena *a, struct uuid id, const struct endpoint_object *o, struct err *e) {
  return db_exec(db, a, &Q_PUT, NULL, e, id.s, arena_fmt(a, "%d", o->ord), o->api_version, o->kind, nn(o->ns), o->name, o->uid, o->created ? "t" : "f");
}
bool endpoint_object_gone(struct db *db, struct arena *a, struct uuid id, int ord, struct err *e) { return db_exec(db, a, &Q_GONE, NULL, e, id.s, arena_fmt(a, "%d", ord)); }
