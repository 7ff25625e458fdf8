#include "model/participant.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/js.h"
#include "db/db.h"
#include "model/infra.h"

#define COLS(yaml) "p.uuid, p.federation_uuid, coalesce(p.endpoint_uuid::text, ''), coalesce(p.infra_uuid::text, ''), coalesce(p.chart_uuid::text, ''), coalesce(p.registry_secret::text, ''), p.name, p.description, p.type, p.party_id, p.status, p.is_managed, " \
  "p.namespace, p.deployment_name, " yaml ", p.chart_version, p.cluster_uuid, p.job_uuid, p.is_new_namespace, p.namespace_uid, p.use_registry_secret, p.registry_server, p.registry_username, p.service_type, " \
  "p.cert_modes, p.access_info, p.ingress_info, p.routes_seen, " USEC("p.routes_seen_at") ", p.error_class, p.error_args, " USEC("p.checked_at") ", p.was_active, p.row_version, " USEC("p.created_at") ", " USEC("p.updated_at") ", " \
  "f.name, f.domain, coalesce(e.name, ''), coalesce(case when e.namespace = '' then 'kube-fate' else e.namespace end, ''), coalesce(i.name, ''), coalesce(c.chart_name, ''), coalesce(c.name, ''), coalesce(c.portal, false), " \
  "coalesce(o.uuid::text, ''), coalesce(o.kind, ''), coalesce(o.state, ''), coalesce(o.percent, 0), coalesce(o.cause, '')"
#define FROM " from participant p join federation f on f.uuid = p.federation_uuid left join endpoint e on e.uuid = p.endpoint_uuid left join infra i on i.uuid = p.infra_uuid left join chart c on c.uuid = p.chart_uuid " \
  "left join operation o on o.subject = p.uuid and o.subject_type = 'participant' and o.state in ('queued', 'running', 'failed') where p.deleted_at is null "
/* The same places, but what no list shows is null: printing and carrying fifty columns of fifty rows cost more than finding them. */
#define LIST_COLS "p.uuid, p.federation_uuid, p.endpoint_uuid, p.infra_uuid, p.chart_uuid, null, p.name, p.description, p.type, p.party_id, p.status, p.is_managed, p.namespace, null, null, null, p.chart_version, p.cluster_uuid, " \
  "null, null, null, null, null, null, null, null, p.access_info, case when $2::boolean then p.ingress_info end, case when p.type = 1 then p.routes_seen end, null, p.error_class, null, null, null, null, " USEC("p.created_at") ", null, " \
  "f.name, null, e.name, null, i.name, null, null, null, null, null, o.state, o.percent, null "
#define LIST_FROM "from participant p join federation f on f.uuid = p.federation_uuid left join endpoint e on e.uuid = p.endpoint_uuid left join infra i on i.uuid = p.infra_uuid " \
  "left join operation o on o.subject = p.uuid and o.subject_type = 'participant' and o.state in ('queued', 'running', 'failed') where p.deleted_at is null "
static const struct stmt Q_LIST = {"participant_list", "select " LIST_COLS LIST_FROM "and p.federation_uuid = $1 order by p.type, p.party_id"};
static const struct stmt Q_BY_ENDPOINT = {"participant_by_endpoint", "select " LIST_COLS LIST_FROM "and p.endpoint_uuid = $1 order by p.type, p.party_id"};
static const struct stmt Q_GET = {"participant_get", "select " COLS("p.generated_yaml, p.deployment_yaml") FROM "and p.uuid = $1"};
static const struct stmt Q_EXCHANGE = {"participant_exchange", "select " COLS("p.generated_yaml, p.deployment_yaml") FROM "and p.federation_uuid = $1 and p.type = 1"};
static const struct stmt Q_INSERT = {"participant_insert",
    "insert into participant (uuid, federation_uuid, endpoint_uuid, infra_uuid, chart_uuid, name, description, type, party_id, status, is_managed, namespace, deployment_name, generated_yaml, deployment_yaml, chart_version, "
    "use_registry_secret, registry_server, registry_username, registry_secret, service_type, cert_modes, access_info) values ($1, $2, nullif($3, '')::uuid, nullif($4, '')::uuid, nullif($5, '')::uuid, $6, $7, $8, $9, $10, $11, $12, "
    "$13, $14, $15, $16, $17, $18, $19, nullif($20, '')::uuid, $21, $22::jsonb, $23::jsonb)"};
static const struct stmt Q_PARTY = {"participant_party", "select 1 from participant where federation_uuid = $1 and party_id = $2 and deleted_at is null"};
static const struct stmt Q_NEXT = {"participant_next", "select coalesce(max(party_id), 9998) + 1 from participant where federation_uuid = $1 and type = 2 and deleted_at is null"};
static const struct stmt Q_STATUS = {"participant_status",
    "update participant set status = $3::smallint, error_class = $4, error_args = $5::jsonb, was_active = was_active or $3::smallint = 1, row_version = row_version + 1, updated_at = now() "
    "where uuid = $1 and deleted_at is null and ((1 << status) & $2::bigint) <> 0"};
static const struct stmt Q_BURY = {"participant_bury",
    "update participant set deleted_at = now(), row_version = row_version + 1, registry_secret = null, endpoint_uuid = null, infra_uuid = null where uuid = $1 and deleted_at is null returning coalesce(registry_secret::text, '')"};
static const struct stmt Q_WANTED = {"participant_wanted",
    "select party_id, uuid, access_info->'nginx'->>'host', (access_info->'nginx'->>'port')::int, access_info->'pulsar-public-tls'->>'fqdn', access_info->'pulsar-public-tls'->>'host', (access_info->'pulsar-public-tls'->>'port')::int "
    "from participant where federation_uuid = $1 and type = 2 and status <> 3 and deleted_at is null and coalesce(access_info->'nginx'->>'host', '') <> '' and coalesce(access_info->'pulsar-public-tls'->>'host', '') <> '' order by party_id"};
/* One statement per column: the set of columns is closed. */
#define SET(col, cast, more) {{"participant_set_" #col, "update participant set " #col " = $2" cast more ", row_version = row_version + 1, updated_at = now() where uuid = $1"}, #col}
static const struct setter { struct stmt q; const char *column; } SETTERS[] = {SET(cluster_uuid, "", ""), SET(job_uuid, "", ""), SET(deployment_yaml, "", ""), SET(access_info, "::jsonb", ""), SET(ingress_info, "::jsonb", ""),
    SET(cert_modes, "::jsonb", ""), SET(routes_seen, "::jsonb", ", routes_seen_at = now()"), SET(chart_version, "", ""), SET(is_new_namespace, "::boolean", ""), SET(namespace_uid, "", ""), SET(was_active, "::boolean", ""), SET(workloads, "::jsonb", "")};
const struct stmt *const STMTS_PARTICIPANT[] = {&Q_LIST, &Q_BY_ENDPOINT, &Q_GET, &Q_EXCHANGE, &Q_INSERT, &Q_PARTY, &Q_NEXT, &Q_STATUS, &Q_BURY, &Q_WANTED, &SETTERS[0].q, &SETTERS[1].q, &SETTERS[2].q, &SETTERS[3].q, &SETTERS[4].q,
    &SETTERS[5].q, &SETTERS[6].q, &SETTERS[7].q, &SETTERS[8].q, &SETTERS[9].q, &SETTERS[10].q, &SETTERS[11].q, NULL};

static void map(const struct rows *r, int i, struct participant *o) {
  *o = (struct participant){.uuid = row_uuid(r, i, 0), .federation_uuid = row_uuid(r, i, 1), .endpoint_uuid = row_uuid(r, i, 2), .infra_uuid = row_uuid(r, i, 3), .chart_uuid = row_uuid(r, i, 4), .registry_secret = row_uuid(r, i, 5),
      .name = row_text(r, i, 6), .description = row_text(r, i, 7), .type = row_int(r, i, 8), .party_id = row_i64(r, i, 9), .status = row_int(r, i, 10), .is_managed = row_bool(r, i, 11), .namespace_ = row_text(r, i, 12),
      .deployment_name = row_text(r, i, 13), .generated_yaml = row_text(r, i, 14), .deployment_yaml = row_text(r, i, 15), .chart_version = row_text(r, i, 16), .cluster_uuid = row_text(r, i, 17), .job_uuid = row_text(r, i, 18),
      .is_new_namespace = row_bool(r, i, 19), .namespace_uid = row_text(r, i, 20), .use_registry_secret = row_bool(r, i, 21), .registry_server = row_text(r, i, 22), .registry_username = row_text(r, i, 23),
      .service_type = row_int(r, i, 24), .cert_modes = row_text(r, i, 25), .access_info = row_text(r, i, 26), .ingress_info = row_opt(r, i, 27), .routes_seen = row_text(r, i, 28), .routes_seen_at = row_time(r, i, 29),
      .error_class = row_text(r, i, 30), .error_args = row_text(r, i, 31), .checked_at = row_time(r, i, 32), .was_active = row_bool(r, i, 33), .row_version = row_i64(r, i, 34), .created_at = row_time(r, i, 35),
      .updated_at = row_time(r, i, 36), .federation_name = row_text(r, i, 37), .domain = row_text(r, i, 38), .endpoint_name = row_text(r, i, 39), .endpoint_kube_ns = row_text(r, i, 40), .infra_name = row_text(r, i, 41),
      .chart_name = row_text(r, i, 42), .chart_title = row_text(r, i, 43), .portal = row_bool(r, i, 44), .op_uuid = row_text(r, i, 45), .op_kind = row_text(r, i, 46), .op_state = row_text(r, i, 47), .op_percent = row_int(r, i, 48), .op_cause = row_text(r, i, 49)};
}

static bool many(struct db *db, struct arena *a, const struct stmt *q, struct uuid id, bool ingress, struct participant **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, q, &r, e, id.s, ingress ? "t" : "f")) return false;
  *out = ARENA_ARRAY(a, struct participant, r.n + 1), *n = (size_t)r.n;
  for (int i = 0; i < r.n; i++) map(&r, i, &(*out)[i]);
  return true;
}
bool participant_list(struct db *db, struct arena *a, struct uuid f, bool ingress, struct participant **out, size_t *n, struct err *e) { return many(db, a, &Q_LIST, f, ingress, out, n, e); }
bool participant_list_endpoint(struct db *db, struct arena *a, struct uuid x, struct participant **out, size_t *n, struct err *e) { return many(db, a, &Q_BY_ENDPOINT, x, false, out, n, e); }

bool participant_get(struct db *db, struct arena *a, struct uuid id, struct participant *out, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_GET, &r, e, id.s)) return false;
  if (!r.n) return err_set(e, FAIL_NOT_FOUND, MSG_PARTY_UNKNOWN, id.s);
  map(&r, 0, out);
  return true;
}

bool participant_exchange(struct db *db, struct arena *a, struct uuid f, struct participant *out, bool *found, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_EXCHANGE, &r, e, f.s)) return false;
  *found = r.n > 0;
  if (r.n) map(&r, 0, out);
  return true;
}

static const struct { const char *constraint; enum msg say; } CONFLICTS[] = {{"participant_exchange", MSG_PARTY_EXCHANGE_EXISTS}, {"participant_party", MSG_PARTY_ID_TAKEN}, {"participant_name", MSG_PARTY_NAME_TAKEN}, {"participant_place", MSG_PARTY_PLACE_TAKEN}};

bool participant_insert(struct db *db, struct arena *a, const struct participant *p, struct err *e) {
  char party[24];
  num_text(party, p->party_id);
  if (db_exec(db, a, &Q_INSERT, NULL, e, p->uuid.s, p->federation_uuid.s, p->endpoint_uuid.s, p->infra_uuid.s, p->chart_uuid.s, p->name, p->description, arena_fmt(a, "%d", p->type), party, arena_fmt(a, "%d", p->status),
              p->is_managed ? "t" : "f", nn(p->namespace_), nn(p->deployment_name), nn(p->generated_yaml), nn(p->deployment_yaml), nn(p->chart_version), p->use_registry_secret ? "t" : "f", nn(p->registry_server), nn(p->registry_username),
              p->registry_secret.s, arena_fmt(a, "%d", p->service_type), p->cert_modes ? p->cert_modes : "{}", p->access_info ? p->access_info : "{}"))
    return true;
  for (size_t i = 0; e->kind == FAIL_CONFLICT && i < sizeof CONFLICTS / sizeof *CONFLICTS; i++)
    if (streq(db_constraint(db), CONFLICTS[i].constraint)) return err_set(e, FAIL_CONFLICT, CONFLICTS[i].say, i == 1 ? party : i == 3 ? nn(p->namespace_) : p->name);
  return false;
}

bool participant_party_free(struct db *db, struct arena *a, struct uuid f, long party, struct err *e) {
  struct rows r;
  char text[24];
  num_text(text, party);
  if (party == 0) return err_set(e, FAIL_CONFLICT, MSG_PARTY_ID_TAKEN, "0");
  if (party < 1 || party > 2147483647) return err_set(e, FAIL_INVALID, MSG_PARTY_ID_RANGE, text);
  if (!db_query(db, a, &Q_PARTY, &r, e, f.s, text)) return false;
  return r.n ? err_set(e, FAIL_CONFLICT, MSG_PARTY_ID_TAKEN, text) : true;
}

bool participant_next_party(struct db *db, struct arena *a, struct uuid f, long *out, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_NEXT, &r, e, f.s)) return false;
  *out = row_i64(&r, 0, 0);
  return true;
}

bool participant_set_status(struct db *db, struct arena *a, struct uuid id, unsigned from, int to, const char *cls, const char *args, bool *changed, struct err *e) {
  int n = 0;
  if (!db_exec(db, a, &Q_STATUS, &n, e, id.s, arena_fmt(a, "%u", from), arena_fmt(a, "%d", to), cls, args)) return false;
  *changed = n > 0;
  return true;
}

bool participant_set(struct db *db, struct arena *a, struct uuid id, const char *column, const char *value, struct err *e) {
  for (size_t i = 0; i < sizeof SETTERS / sizeof *SETTERS; i++)
    if (streq(SETTERS[i].column, column)) return db_exec(db, a, &SETTERS[i].q, NULL, e, id.s, value);
  return err_set(e, FAIL_BUG, MSG_INTERNAL_BUG);
}

bool participant_bury(struct db *db, struct arena *a, struct uuid id, struct err *e) {
  struct rows r;
  return db_query(db, a, &Q_BURY, &r, e, id.s) && named_secret_drop(db, a, id, e);
}

bool participant_routes_wanted(struct db *db, struct arena *a, struct uuid f, struct route_row **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_WANTED, &r, e, f.s)) return false;
  *out = ARENA_ARRAY(a, struct route_row, r.n + 1), *n = (size_t)r.n;
  for (int i = 0; i < r.n; i++) (*out)[i] = (struct route_row){row_i64(&r, i, 0), row_uuid(&r, i, 1), row_text(&r, i, 2), row_int(&r, i, 3), row_text(&r, i, 4), row_text(&r, i, 5), row_int(&r, i, 6)};
  return true;
}
