#include "model/infra_row.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/js.h"
#include "db/db.h"

/* The same places; what no list shows (the kubeconfig above all) is null. */
static const struct stmt Q_LIST = {"infra_list",
    "select i.uuid, i.id, i.name, i.description, i.type, i.api_host, null, null, null, i.auth_kind, null, null, null, i.insecure_tls, case when i.namespaces <> '{}' then to_json(i.namespaces)::text end, i.use_registry, i.registry, "
    "i.use_registry_secret, null, null, null, null, " USEC("i.tested_at") ", i.test_ok, null, null, i.version, " USEC("i.created_at") ", null, coalesce(e.n, 0), coalesce(p.n, 0), i.facts->>'git_version', " INFRA_CIRCUIT " from infra i "
    "left join (select infra_uuid, count(*) n from endpoint group by infra_uuid) e on e.infra_uuid = i.uuid "
    "left join (select infra_uuid, count(*) n from participant where deleted_at is null group by infra_uuid) p on p.infra_uuid = i.uuid order by i.name"};
#define COUNTS "(select count(*) from endpoint e where e.infra_uuid = i.uuid), (select count(*) from participant p where p.infra_uuid = i.uuid and p.deleted_at is null)"
static const struct stmt Q_GET = {"infra_get", "select " INFRA_COLS(COUNTS) " from infra i where i.uuid = $1"};
static const struct stmt Q_INSERT = {"infra_insert",
    "insert into infra (uuid, name, description, type, kubeconfig_secret, config_sha256, kubeconfig_shown, api_host, ca_sha256, auth_kind, auth_subject, cert_not_after, insecure_tls, namespaces, "
    "use_registry, registry, use_registry_secret, registry_server, registry_username, registry_secret) values ($1, $2, $3, $4, nullif($5, '')::uuid, $6, $7, $8, $9, $10, $11, "
    "case when $12 = '0' then null else to_timestamp($12::float8 / 1000000) end, $13, array(select jsonb_array_elements_text($14::jsonb)), $15, $16, $17, $18, $19, nullif($20, '')::uuid)"};
static const struct stmt Q_UPDATE = {"infra_update",
    "update infra set name = $2, description = $3, kubeconfig_secret = nullif($4, '')::uuid, config_sha256 = $5, kubeconfig_shown = $6, api_host = $7, ca_sha256 = $8, auth_kind = $9, auth_subject = $10, "
    "cert_not_after = case when $11 = '0' then null else to_timestamp($11::float8 / 1000000) end, insecure_tls = $12, namespaces = array(select jsonb_array_elements_text($13::jsonb)), use_registry = $14, "
    "registry = $15, use_registry_secret = $16, registry_server = $17, registry_username = $18, registry_secret = nullif($19, '')::uuid, version = version + 1, updated_at = now() where uuid = $1 and version = $20"};
static const struct stmt Q_DELETE = {"infra_delete",
    "with gone as (delete from infra where uuid = $1 returning kubeconfig_secret, registry_secret) select coalesce(kubeconfig_secret::text, ''), coalesce(registry_secret::text, '') from gone"};
static const struct stmt Q_HELD = {"infra_held", "select o.kind, o.subject_name from hold h join operation o on o.id = h.operation_id where h.object = $1 limit 1"};
static const struct stmt Q_TEST = {"infra_test",
    "update infra set tested_at = now(), test_ok = $2, facts = case when $3 = '' then facts else $3::jsonb end, test_class = $4, test_args = $5::jsonb, version = version + 1 where uuid = $1"};
static const struct stmt Q_CIRCUIT = {"infra_circuit",
    "update infra i set circuit_failures = case when $2 then 0 else i.circuit_failures + 1 end, circuit_since = case when not $2 and (was.open or i.circuit_failures + 1 >= $5::int) then coalesce(i.circuit_since, now()) end, "
    "circuit_until = case when not $2 and (was.open or i.circuit_failures + 1 >= $5::int) then now() + $6::int * interval '1 second' end, circuit_class = case when $2 then '' else $3 end, "
    "circuit_args = case when $2 then '[]' else $4::jsonb end from (select uuid, circuit_since is not null as open from infra where uuid = $1 and not ($2::boolean and circuit_failures = 0 and circuit_since is null) for update) was "
    "where i.uuid = was.uuid returning was.open <> (i.circuit_since is not null)"};
static const struct stmt Q_CIRCUIT_TRY = {"infra_circuit_try", "update infra set circuit_until = now() + $2::int * interval '1 second' where uuid = $1 and circuit_since is not null and circuit_until <= now()"};
static const struct stmt Q_CIRCUIT_OPEN = {"infra_circuit_open", "select i.uuid, i.name, " INFRA_CIRCUIT " from infra i where i.uuid = $1 and i.circuit_since is not null"};
const struct stmt *const STMTS_INFRA[] = {&Q_LIST, &Q_GET, &Q_INSERT, &Q_UPDATE, &Q_DELETE, &Q_HELD, &Q_TEST, &Q_CIRCUIT, &Q_CIRCUIT_TRY, &Q_CIRCUIT_OPEN, NULL};

static bool names(struct arena *a, const char *json, const char ***out, size_t *n, struct err *e) {
  js *v = NULL;
  if (*json && !js_parse(a, json, strlen(json), 1 << 20, &v, e)) return false;
  *out = ARENA_ARRAY(a, const char *, js_len(v) + 1), *n = 0;
  for (size_t i = 0; i < js_len(v); i++) (*out)[(*n)++] = nn(js_self_str(js_item(v, i)));
  return true;
}

static const char *names_json(struct arena *a, const char **v, size_t n) {
  struct buf b;
  struct jsw w;
  buf_init(&b, a, 65536), jsw_init(&w, &b), jsw_arr(&w);
  for (size_t i = 0; i < n; i++) jsw_str(&w, v[i]);
  jsw_end_arr(&w);
  return b.p;
}

bool infra_map(struct arena *a, const struct rows *r, int i, int c, struct infra *o, struct err *e) {
  *o = (struct infra){.uuid = row_uuid(r, i, c + 0), .id = row_i64(r, i, c + 1), .name = row_text(r, i, c + 2), .description = row_text(r, i, c + 3), .type = row_text(r, i, c + 4), .api_host = row_text(r, i, c + 5),
      .kubeconfig_secret = row_uuid(r, i, c + 6), .config_sha256 = row_text(r, i, c + 7), .kubeconfig_shown = row_text(r, i, c + 8), .auth_kind = row_text(r, i, c + 9), .auth_subject = row_text(r, i, c + 10),
      .ca_sha256 = row_text(r, i, c + 11), .cert_not_after = row_time(r, i, c + 12), .insecure_tls = row_bool(r, i, c + 13), .use_registry = row_bool(r, i, c + 15), .registry = row_text(r, i, c + 16),
      .use_registry_secret = row_bool(r, i, c + 17), .registry_server = row_text(r, i, c + 18), .registry_username = row_text(r, i, c + 19), .registry_secret = row_uuid(r, i, c + 20), .facts = row_text(r, i, c + 21),
      .tested_at = row_time(r, i, c + 22), .test_known = !row_null(r, i, c + 23), .test_ok = row_bool(r, i, c + 23), .test_class = row_text(r, i, c + 24), .test_args = row_text(r, i, c + 25), .version = row_i64(r, i, c + 26),
      .created_at = row_time(r, i, c + 27), .updated_at = row_time(r, i, c + 28), .n_endpoints = row_int(r, i, c + 29), .n_participants = row_int(r, i, c + 30), .kube_version = row_text(r, i, c + 31),
      .circuit_failures = row_int(r, i, c + 32), .circuit_since = row_time(r, i, c + 33), .circuit_until = row_time(r, i, c + 34), .circuit_class = row_text(r, i, c + 35), .circuit_args = row_text(r, i, c + 36)};
  return names(a, row_text(r, i, c + 14), &o->namespaces, &o->n_namespaces, e);
}

bool infra_list(struct db *db, struct arena *a, struct infra **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_LIST, &r, e)) return false;
  *out = ARENA_ARRAY(a, struct infra, r.n + 1), *n = (size_t)r.n;
  for (int i = 0; i < r.n; i++)
    if (!infra_map(a, &r, i, 0, &(*out)[i], e)) return false;
  return true;
}

bool infra_get(struct db *db, struct arena *a, struct uuid id, struct infra *out, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_GET, &r, e, id.s)) return false;
  return r.n ? infra_map(a, &r, 0, 0, out, e) : err_set(e, FAIL_NOT_FOUND, MSG_INFRA_UNKNOWN, id.s);
}

static bool conflict(struct db *db, const struct infra *i, struct err *e) {
  if (e->kind != FAIL_CONFLICT) return false;
  if (streq(db_constraint(db), "infra_name")) return err_set(e, FAIL_CONFLICT, MSG_INFRA_NAME_TAKEN, i->name);
  if (streq(db_constraint(db), "infra_config")) return err_set(e, FAIL_CONFLICT, MSG_INFRA_CONFIG_TAKEN);
  return false;
}

static const char *b(bool v) { return v ? "t" : "f"; }

bool infra_insert(struct db *db, struct arena *a, const struct infra *i, struct err *e) {
  return db_exec(db, a, &Q_INSERT, NULL, e, i->uuid.s, i->name, i->description, i->type, i->kubeconfig_secret.s, i->config_sha256, i->kubeconfig_shown, i->api_host, i->ca_sha256, i->auth_kind, i->auth_subject,
                 arena_fmt(a, "%lld", (long long)i->cert_not_after), b(i->insecure_tls), names_json(a, i->namespaces, i->n_namespaces), b(i->use_registry), i->registry, b(i->use_registry_secret), i->registry_server,
                 i->registry_username, i->registry_secret.s) || conflict(db, i, e);
}

bool infra_update(struct db *db, struct arena *a, const struct infra *i, struct err *e) {
  int n = 0;
  if (!db_exec(db, a, &Q_UPDATE, &n, e, i->uuid.s, i->name, i->description, i->kubeconfig_secret.s, i->config_sha256, i->kubeconfig_shown, i->api_host, i->ca_sha256, i->auth_kind, i->auth_subject,
               arena_fmt(a, "%lld", (long long)i->cert_not_after), b(i->insecure_tls), names_json(a, i->namespaces, i->n_namespaces), b(i->use_registry), i->registry, b(i->use_registry_secret), i->registry_server,
               i->registry_username, i->registry_secret.s, arena_fmt(a, "%ld", i->version)))
    return conflict(db, i, e);
  return n ? true : err_set(e, FAIL_CONFLICT, MSG_DB_CONFLICT);
}

bool infra_delete(struct db *db, struct arena *a, struct uuid id, struct err *e) {
  TX(tx);
  struct infra i;
  struct rows r;
  if (!tx_begin(db, &tx, e) || !infra_get(db, a, id, &i, e)) return false;
  if (i.n_endpoints || i.n_participants) return err_set(e, FAIL_CONFLICT, MSG_INFRA_IN_USE, i.name, num_text((char[24]){0}, i.n_endpoints), num_text((char[24]){0}, i.n_participants));
  if (!db_query(db, a, &Q_HELD, &r, e, id.s)) return false;
  if (r.n) return err_set(e, FAIL_CONFLICT, MSG_INFRA_BUSY, i.name, arena_fmt(a, "@op.%s", row_text(&r, 0, 0)), row_text(&r, 0, 1));
  if (!db_query(db, a, &Q_DELETE, &r, e, id.s)) return e->kind == FAIL_CONFLICT ? err_set(e, FAIL_CONFLICT, MSG_INFRA_IN_USE, i.name, "1", "0") : false;
  return secret_delete(db, a, row_uuid(&r, 0, 0), e) && secret_delete(db, a, row_uuid(&r, 0, 1), e) && tx_commit(&tx, e);
}

bool infra_set_test(struct db *db, struct arena *a, struct uuid id, bool ok, const char *facts, const char *cls, const char *args, struct err *e) {
  return db_exec(db, a, &Q_TEST, NULL, e, id.s, b(ok), nn(facts), cls, args);
}

bool infra_circuit(struct db *db, struct arena *a, struct uuid id, bool ok, const char *cls, const char *args, int open_after, int open_s, bool *changed, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_CIRCUIT, &r, e, id.s, b(ok), cls, args, num_text((char[24]){0}, open_after), num_text((char[24]){0}, open_s))) return false;
  *changed = r.n && row_bool(&r, 0, 0);
  return true;
}

bool infra_circuit_try(struct db *db, struct arena *a, struct uuid id, int open_s, bool *mine, struct err *e) {
  int n = 0;
  if (!db_exec(db, a, &Q_CIRCUIT_TRY, &n, e, id.s, num_text((char[24]){0}, open_s))) return false;
  *mine = n > 0;
  return true;
}

bool infra_circuit_open(struct db *db, struct arena *a, struct uuid id, struct infra *o, bool *open, struct err *e) {
  struct rows r;
  *open = false;
  if (uuid_none(id)) return true;
  if (!db_query(db, a, &Q_CIRCUIT_OPEN, &r, e, id.s)) return false;
  *open = r.n > 0;
  if (r.n) *o = (struct infra){.uuid = row_uuid(&r, 0, 0), .name = row_text(&r, 0, 1), .circuit_failures = row_int(&r, 0, 2), .circuit_since = row_time(&r, 0, 3), .circuit_until = row_time(&r, 0, 4), .circuit_class = row_text(&r, 0, 5), .circuit_args = row_text(&r, 0, 6)};
  return true;
}
