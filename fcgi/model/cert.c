#include "model/cert.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/js.h"
#include "db/db.h"

static const struct stmt Q_OF = {"authority_of", "select a.uuid, a.federation_uuid, coalesce(a.key_secret::text, ''), a.name, a.cert_pem, " USEC("a.not_after") ", " USEC("a.created_at") ", f.name from authority a join federation f on f.uuid = a.federation_uuid where a.federation_uuid = $1 and a.current", STMT_READS};
static const struct stmt Q_AUTHORITIES = {"authority_list", "select a.uuid, a.federation_uuid, coalesce(a.key_secret::text, ''), a.name, a.cert_pem, " USEC("a.not_after") ", " USEC("a.created_at") ", f.name from authority a join federation f on f.uuid = a.federation_uuid where a.current and f.deleted_at is null order by a.created_at"};
static const struct stmt Q_AUTHORITY_INSERT = {"authority_insert", "insert into authority (uuid, federation_uuid, name, cert_pem, key_secret, not_after) values ($1, $2, $3, $4, $5, to_timestamp($6::float8 / 1000000)) on conflict do nothing"};
static const struct stmt Q_INSERT = {"cert_insert",
    "insert into certificate (uuid, authority_uuid, name, subject_cn, sans, serial_dec, fingerprint_sha256, key_alg, pem, chain_pem, not_before, not_after) values ($1, $2, $3, $4, array(select jsonb_array_elements_text($5::jsonb)), $6, $7, $8, $9, $10, "
    "to_timestamp($11::float8 / 1000000), to_timestamp($12::float8 / 1000000))"};
static const struct stmt Q_BIND = {"cert_bind",
    "insert into certificate_binding (certificate_uuid, participant_uuid, service_type, federation_uuid) values ($1, $2, $3, $4) on conflict (participant_uuid, service_type) do update set certificate_uuid = excluded.certificate_uuid"};
static const struct stmt Q_ORPHANS = {"cert_orphans", "update certificate c set deleted_at = now(), status = 'superseded' where c.deleted_at is null and c.uuid in (select jsonb_array_elements_text($1::jsonb)::uuid) and not exists (select 1 from certificate_binding b where b.certificate_uuid = c.uuid)"};
static const struct stmt Q_BOUND = {"cert_bound", "select coalesce(jsonb_agg(certificate_uuid), '[]') from certificate_binding where participant_uuid = $1"};
static const struct stmt Q_UNBIND = {"cert_unbind", "delete from certificate_binding where participant_uuid = $1"};
#define COLS "c.uuid, c.authority_uuid, c.name, c.subject_cn, c.serial_dec, c.fingerprint_sha256, c.key_alg, c.pem, c.chain_pem, to_json(c.sans)::text, " USEC("c.not_before") ", " USEC("c.not_after") ", " USEC("c.created_at") ", c.status, " \
  "coalesce(jsonb_agg(jsonb_build_object('t', b.service_type, 'p', b.participant_uuid, 'f', b.federation_uuid, 'pn', p.name, 'pt', case p.type when 1 then 'exchange' when 2 then 'cluster' else '' end, 'fn', f.name)) filter (where b.certificate_uuid is not null), '[]')"
#define FROM " from certificate c left join certificate_binding b on b.certificate_uuid = c.uuid left join participant p on p.uuid = b.participant_uuid left join federation f on f.uuid = b.federation_uuid where c.deleted_at is null "
static const struct stmt Q_LIST = {"cert_list", "select " COLS FROM "group by c.uuid order by c.id"};
static const struct stmt Q_GET = {"cert_get", "select " COLS FROM "and c.uuid = $1 group by c.uuid"};
static const struct stmt Q_DELETE = {"cert_delete", "update certificate set deleted_at = now() where uuid = $1"};
const struct stmt *const STMTS_CERT[] = {&Q_OF, &Q_AUTHORITIES, &Q_AUTHORITY_INSERT, &Q_INSERT, &Q_BIND, &Q_ORPHANS, &Q_BOUND, &Q_UNBIND, &Q_LIST, &Q_GET, &Q_DELETE, NULL};

static void map_authority(const struct rows *r, int i, struct authority *o) {
  *o = (struct authority){row_uuid(r, i, 0), row_uuid(r, i, 1), row_uuid(r, i, 2), row_text(r, i, 3), row_text(r, i, 4), row_time(r, i, 5), row_time(r, i, 6), row_text(r, i, 7)};
}
bool authority_of(struct db *db, struct arena *a, struct uuid f, struct authority *out, bool *found, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_OF, &r, e, f.s)) return false;
  *found = r.n > 0;
  if (r.n) map_authority(&r, 0, out);
  return true;
}
bool authority_list(struct db *db, struct arena *a, struct authority **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_AUTHORITIES, &r, e)) return false;
  *out = ARENA_ARRAY(a, struct authority, r.n + 1), *n = (size_t)r.n;
  for (int i = 0; i < r.n; i++) map_authority(&r, i, &(*out)[i]);
  return true;
}
static const char *usec(struct arena *a, usec_t t) { return arena_fmt(a, "%lld", (long long)t); }
bool authority_insert(struct db *db, struct arena *a, const struct authority *x, bool *won, struct err *e) {
  int n = 0;
  if (!db_exec(db, a, &Q_AUTHORITY_INSERT, &n, e, x->uuid.s, x->federation_uuid.s, x->name, x->cert_pem, x->key_secret.s, usec(a, x->not_after))) return false;
  *won = n > 0;
  return true;
}

bool cert_insert(struct db *db, struct arena *a, const struct cert *c, const struct cert_binding *b, struct err *e) {
  return db_exec(db, a, &Q_INSERT, NULL, e, c->uuid.s, c->authority_uuid.s, c->name, c->subject_cn, c->sans_json, c->serial_dec, c->fingerprint_sha256, c->key_alg, c->pem, nn(c->chain_pem), usec(a, c->not_before), usec(a, c->not_after)) &&
         db_exec(db, a, &Q_BIND, NULL, e, c->uuid.s, b->participant_uuid.s, arena_fmt(a, "%d", b->service_type), b->federation_uuid.s);
}

static bool map(struct arena *a, const struct rows *r, int i, struct cert *o, struct err *e) {
  js *v = NULL;
  *o = (struct cert){.uuid = row_uuid(r, i, 0), .authority_uuid = row_uuid(r, i, 1), .name = row_text(r, i, 2), .subject_cn = row_text(r, i, 3), .serial_dec = row_text(r, i, 4), .fingerprint_sha256 = row_text(r, i, 5),
      .key_alg = row_text(r, i, 6), .pem = row_text(r, i, 7), .chain_pem = row_text(r, i, 8), .sans_json = row_text(r, i, 9), .not_before = row_time(r, i, 10), .not_after = row_time(r, i, 11), .created_at = row_time(r, i, 12), .status = row_text(r, i, 13)};
  if (!js_parse(a, row_text(r, i, 14), strlen(row_text(r, i, 14)), 1 << 20, &v, e)) return false;
  o->bindings = ARENA_ARRAY(a, struct cert_binding, js_len(v) + 1);
  for (size_t k = 0; k < js_len(v); k++) {
    const js *x = js_item(v, k);
    struct cert_binding *b = &o->bindings[o->n_bindings++];
    b->service_type = (int)js_int(x, "t", 0);
    (void)!uuid_parse(js_str(x, "p"), &b->participant_uuid), (void)!uuid_parse(js_str(x, "f"), &b->federation_uuid);
    b->participant_name = js_str(x, "pn") ? js_str(x, "pn") : "Unknown", b->participant_type = nn(js_str(x, "pt")), b->federation_name = nn(js_str(x, "fn"));
  }
  return true;
}
bool cert_list(struct db *db, struct arena *a, struct cert **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_LIST, &r, e)) return false;
  *out = ARENA_ARRAY(a, struct cert, r.n + 1), *n = (size_t)r.n;
  for (int i = 0; i < r.n; i++)
    if (!map(a, &r, i, &(*out)[i], e)) return false;
  return true;
}
bool cert_get(struct db *db, struct arena *a, struct uuid id, struct cert *out, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_GET, &r, e, id.s)) return false;
  return r.n ? map(a, &r, 0, out, e) : err_set(e, FAIL_NOT_FOUND, MSG_CERT_UNKNOWN, id.s);
}
bool cert_delete(struct db *db, struct arena *a, struct uuid id, struct err *e) {
  struct cert c;
  if (!cert_get(db, a, id, &c, e)) return false;
  if (c.n_bindings) return err_set(e, FAIL_CONFLICT, MSG_CERT_BOUND, num_text((char[24]){0}, (long long)c.n_bindings));
  return db_exec(db, a, &Q_DELETE, NULL, e, id.s);
}
bool cert_unbind(struct db *db, struct arena *a, struct uuid p, struct err *e) {
  struct rows r;
  return db_query(db, a, &Q_BOUND, &r, e, p.s) && db_exec(db, a, &Q_UNBIND, NULL, e, p.s) && db_exec(db, a, &Q_ORPHANS, NULL, e, row_text(&r, 0, 0));
}
