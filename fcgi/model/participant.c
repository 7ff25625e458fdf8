#include "model/participant.h"
#include <stdlib.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/js.h"
#include "db/db.h"
#include "model/federation.h"
#include "model/infra.h"
#include "model/status.h"

#define COLS(yaml, live) "p.uuid, p.federation_uuid, coalesce(p.endpoint_uuid::text, ''), coalesce(p.infra_uuid::text, ''), coalesce(p.chart_uuid::text, ''), coalesce(p.registry_secret::text, ''), p.name, p.description, p.type, p.party_id, p.status, p.is_managed, " \
  "p.namespace, p.deployment_name, " yaml ", p.chart_version, p.cluster_uuid, p.job_uuid, p.is_new_namespace, p.namespace_uid, p.use_registry_secret, p.registry_server, p.registry_username, p.service_type, " \
  "p.cert_modes, p.access_info, p.ingress_info, p.routes_seen, " USEC("p.routes_seen_at") ", p.error_class, p.error_args, " USEC("p.checked_at") ", p.was_active, p.row_version, " USEC("p.created_at") ", " USEC("p.updated_at") ", " \
  "f.name, f.domain, coalesce(e.name, ''), coalesce(case when e.namespace = '' then 'kube-fate' else e.namespace end, ''), coalesce(i.name, ''), coalesce(c.chart_name, ''), coalesce(c.name, ''), coalesce(c.portal, false), " live
#define OPERATION "coalesce(o.uuid::text, ''), coalesce(o.kind, ''), coalesce(o.state, ''), coalesce(o.percent, 0), coalesce(o.cause, '')"
#define NAMES " from participant p join federation f on f.uuid = p.federation_uuid left join endpoint e on e.uuid = p.endpoint_uuid left join infra i on i.uuid = p.infra_uuid left join chart c on c.uuid = p.chart_uuid "
#define FROM NAMES \
  "left join operation o on o.subject = p.uuid and o.subject_type = 'participant' and o.state in ('queued', 'running', 'failed') where p.deleted_at is null "
/* What lists show, and no more: printing and carrying fifty columns of fifty rows cost more than finding them; so did sorting them there. */
#define LIST_COLS(ingress) "p.uuid, p.endpoint_uuid, p.infra_uuid, p.chart_uuid, p.name, p.description, p.type, p.party_id, p.status, p.is_managed, p.namespace, p.chart_version, p.cluster_uuid, p.access_info, " \
  ingress ", case when p.type = 1 then p.routes_seen end, p.error_class, " USEC("p.created_at") ", e.name, i.name"
#define LIST_FROM " from participant p left join endpoint e on e.uuid = p.endpoint_uuid left join infra i on i.uuid = p.infra_uuid "
#define LIVE "subject_type = 'participant' and o.state in ('queued', 'running', 'failed')"
static const struct stmt Q_LIST = {"participant_list", "select " LIST_COLS("null") LIST_FROM "where p.deleted_at is null and p.federation_uuid = $1"};
static const struct stmt Q_BY_ENDPOINT = {"participant_by_endpoint", "select " LIST_COLS("null") ", o.state, o.percent, p.federation_uuid, f.name" LIST_FROM
    "join federation f on f.uuid = p.federation_uuid left join operation o on o.subject = p.uuid and o." LIVE " where p.deleted_at is null and p.endpoint_uuid = $1"};
/* A page's worth in one round trip: the federation as type 0, its participants, their live operations as type -1. */
static const struct stmt Q_PAGE = {"participant_page",
    "select f.uuid, null::uuid, null::uuid, null::uuid, f.name, f.description, 0::smallint, f.row_version, 0::smallint, false, f.domain, f.type, '', null::jsonb, null::jsonb, null::jsonb, '', " USEC("f.created_at") ", '', '', null::text, 0::smallint "
    "from federation f where f.uuid = $1 and f.deleted_at is null union all "
    "select " LIST_COLS("case when $2::boolean then p.ingress_info end") ", null, null" LIST_FROM "where p.deleted_at is null and p.federation_uuid = $1 union all "
    "select o.subject, null, null, null, '', '', -1::smallint, 0, 0::smallint, false, '', '', '', null, null, null, '', 0, '', '', o.state, o.percent from operation o where o.federation_uuid = $1 and o.subject_type in ('participant', 'federation') and o.state in ('queued', 'running', 'failed')"};
static const struct stmt Q_GET = {"participant_get", "select " COLS("p.generated_yaml, p.deployment_yaml", OPERATION) FROM "and p.uuid = $1"};
/* The participant and, when that is another one, its federation's exchange. */
static const struct stmt Q_PAIR = {"participant_pair",
    "select " COLS("'', case when $2::boolean then p.deployment_yaml else '' end", "'', '', '', 0, ''") NAMES "where p.deleted_at is null and (p.uuid = $1 or (p.type = 1 and p.federation_uuid = (select federation_uuid from participant where uuid = $1)))", STMT_READS};
static const struct stmt Q_EXCHANGE = {"participant_exchange", "select " COLS("p.generated_yaml, p.deployment_yaml", OPERATION) FROM "and p.federation_uuid = $1 and p.type = 1"};
static const struct stmt Q_INSERT = {"participant_insert",
    "insert into participant (uuid, federation_uuid, endpoint_uuid, infra_uuid, chart_uuid, name, description, type, party_id, status, is_managed, namespace, deployment_name, generated_yaml, deployment_yaml, chart_version, "
    "use_registry_secret, registry_server, registry_username, registry_secret, service_type, cert_modes, access_info) values ($1, $2, nullif($3, '')::uuid, nullif($4, '')::uuid, nullif($5, '')::uuid, $6, $7, $8, $9, $10, $11, $12, "
    "$13, $14, $15, $16, $17, $18, $19, nullif($20, '')::uuid, $21, $22::jsonb, $23::jsonb)"};
static const struct stmt Q_PARTY = {"participant_party", "select 1 from participant where federation_uuid = $1 and party_id = $2 and deleted_at is null"};
static const struct stmt Q_NEXT = {"participant_next", "select coalesce(max(party_id), 9998) + 1 from participant where federation_uuid = $1 and type = 2 and deleted_at is null"};
static const struct stmt Q_STATUS = {"participant_status",
    "update participant set status = $3::smallint, error_class = $4, error_args = $5::jsonb, was_active = was_active or $3::smallint = 1, row_version = row_version + 1, updated_at = now() "
    "where uuid = $1 and deleted_at is null and ((1 << status) & $2::bigint) <> 0 and not (status = $3::smallint and error_class = $4 and error_args = $5::jsonb)"};
static const struct stmt Q_BURY = {"participant_bury",
    "update participant set deleted_at = now(), row_version = row_version + 1, registry_secret = null, endpoint_uuid = null, infra_uuid = null where uuid = $1 and deleted_at is null returning coalesce(registry_secret::text, '')"};
static const struct stmt Q_WANTED = {"participant_wanted",
    "select party_id, uuid, access_info->'nginx'->>'host', (access_info->'nginx'->>'port')::int, access_info->'pulsar-public-tls'->>'fqdn', access_info->'pulsar-public-tls'->>'host', (access_info->'pulsar-public-tls'->>'port')::int "
    "from participant where federation_uuid = $1 and type = 2 and status <> 3 and deleted_at is null and coalesce(access_info->'nginx'->>'host', '') <> '' and coalesce(access_info->'pulsar-public-tls'->>'host', '') <> '' order by party_id", STMT_READS};
/* One statement per column: the set of columns is closed. */
#define SET(col, cast, more) {{"participant_set_" #col, "update participant set " #col " = $2" cast more ", row_version = row_version + 1, updated_at = now() where uuid = $1"}, #col}
static const struct setter { struct stmt q; const char *column; } SETTERS[] = {SET(cluster_uuid, "", ""), SET(job_uuid, "", ""), SET(deployment_yaml, "", ""), SET(access_info, "::jsonb", ""), SET(ingress_info, "::jsonb", ""),
    SET(cert_modes, "::jsonb", ""), SET(routes_seen, "::jsonb", ", routes_seen_at = now()"), SET(chart_version, "", ""), SET(is_new_namespace, "::boolean", ""), SET(namespace_uid, "", ""), SET(was_active, "::boolean", ""), SET(workloads, "::jsonb", "")};
const struct stmt *const STMTS_PARTICIPANT[] = {&Q_LIST, &Q_BY_ENDPOINT, &Q_PAGE, &Q_GET, &Q_PAIR, &Q_EXCHANGE, &Q_INSERT, &Q_PARTY, &Q_NEXT, &Q_STATUS, &Q_BURY, &Q_WANTED, &SETTERS[0].q, &SETTERS[1].q, &SETTERS[2].q, &SETTERS[3].q, &SETTERS[4].q,
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

static void map_listed(const struct rows *r, int i, struct participant *o) {
  *o = (struct participant){.uuid = row_uuid(r, i, 0), .endpoint_uuid = row_uuid(r, i, 1), .infra_uuid = row_uuid(r, i, 2), .chart_uuid = row_uuid(r, i, 3), .name = row_text(r, i, 4), .description = row_text(r, i, 5),
      .type = row_int(r, i, 6), .party_id = row_i64(r, i, 7), .status = row_int(r, i, 8), .is_managed = row_bool(r, i, 9), .namespace_ = row_text(r, i, 10), .chart_version = row_text(r, i, 11), .cluster_uuid = row_text(r, i, 12),
      .access_info = row_text(r, i, 13), .ingress_info = row_opt(r, i, 14), .routes_seen = row_text(r, i, 15), .error_class = row_text(r, i, 16), .created_at = row_time(r, i, 17), .endpoint_name = row_text(r, i, 18),
      .infra_name = row_text(r, i, 19), .op_state = "", .deployment_name = "", .generated_yaml = "", .deployment_yaml = "", .job_uuid = "", .namespace_uid = "", .registry_server = "",
      .registry_username = "", .cert_modes = "", .error_args = "", .federation_name = "", .domain = "", .endpoint_kube_ns = "", .chart_name = "", .chart_title = "", .op_uuid = "", .op_kind = "", .op_cause = ""};
}

static int by_type_and_party(const void *x, const void *y) {
  const struct participant *a = x, *b = y;
  if (a->type != b->type) return a->type < b->type ? -1 : 1;
  return a->party_id < b->party_id ? -1 : a->party_id > b->party_id;
}

static bool many(struct arena *a, const struct rows *r, struct participant **out, size_t *n) {
  *out = ARENA_ARRAY(a, struct participant, r->n + 1), *n = (size_t)r->n;
  for (int i = 0; i < r->n; i++) map_listed(r, i, &(*out)[i]);
  return true;
}

bool participant_list(struct db *db, struct arena *a, struct uuid f, struct participant **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_LIST, &r, e, f.s) || !many(a, &r, out, n)) return false;
  for (size_t i = 0; i < *n; i++) (*out)[i].federation_uuid = f;
  qsort(*out, *n, sizeof **out, by_type_and_party);
  return true;
}

static void live(const struct rows *r, int i, struct participant *o) { o->op_state = row_text(r, i, 20), o->op_percent = row_int(r, i, 21); }

bool participant_list_endpoint(struct db *db, struct arena *a, struct uuid x, struct participant **out, size_t *n, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_BY_ENDPOINT, &r, e, x.s) || !many(a, &r, out, n)) return false;
  for (int i = 0; i < r.n; i++) live(&r, i, &(*out)[i]), (*out)[i].federation_uuid = row_uuid(&r, i, 22), (*out)[i].federation_name = row_text(&r, i, 23);
  qsort(*out, *n, sizeof **out, by_type_and_party);
  return true;
}

bool participant_page(struct db *db, struct arena *a, struct uuid f, bool ingress, struct federation *fed, struct participant **out, size_t *n, struct err *e) {
  struct rows r;
  size_t k = 0, live_from;
  if (!db_query(db, a, &Q_PAGE, &r, e, f.s, ingress ? "t" : "f")) return false;
  if (!r.n || row_int(&r, 0, 6) != 0) return err_set(e, FAIL_NOT_FOUND, MSG_FEDERATION_UNKNOWN, f.s);
  *fed = (struct federation){.uuid = f, .name = row_text(&r, 0, 4), .description = row_text(&r, 0, 5), .row_version = row_i64(&r, 0, 7), .domain = row_text(&r, 0, 10), .type = row_text(&r, 0, 11), .created_at = row_time(&r, 0, 17), .exchange_status = -1, .versions = ""};
  struct participant *v = ARENA_ARRAY(a, struct participant, r.n);
  for (live_from = 1; live_from < (size_t)r.n && row_int(&r, (int)live_from, 6) > 0; live_from++) {
    map_listed(&r, (int)live_from, &v[k]);
    v[k].federation_uuid = f, v[k++].federation_name = fed->name;
  }
  for (size_t i = live_from; i < (size_t)r.n; i++) fed->removal |= uuid_eq(row_uuid(&r, (int)i, 0), f);
  for (size_t i = live_from; i < (size_t)r.n; i++)
    for (size_t x = 0; x < k; x++)
      if (uuid_eq(row_uuid(&r, (int)i, 0), v[x].uuid)) live(&r, (int)i, &v[x]);
  qsort(v, k, sizeof *v, by_type_and_party);
  *out = v, *n = k;
  return true;
}

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

bool participant_pair(struct db *db, struct arena *a, struct uuid id, bool text, struct participant *out, struct participant *exchange, bool *found, struct err *e) {
  struct rows r;
  bool self = *found = false;
  if (!db_query(db, a, &Q_PAIR, &r, e, id.s, text ? "t" : "f")) return false;
  for (int i = 0; i < r.n; i++) {
    struct participant p;
    map(&r, i, &p);
    if (p.type == TYPE_EXCHANGE) *exchange = p, *found = true;
    if (uuid_eq(p.uuid, id)) *out = p, self = true;
  }
  return self || err_set(e, FAIL_NOT_FOUND, MSG_PARTY_UNKNOWN, id.s);
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
