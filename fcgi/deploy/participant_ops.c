/* Contract: participant_ops.h. Checks of reference 20 sections 4.10, 5.6, 6 with the answers of its section 20. */
#include "deploy/participant_ops.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/name.h"
#include "base/str.h"
#include "codec/js.h"
#include "crypt/rnd.h"
#include "db/db.h"
#include "deploy/op.h"
#include "model/chart.h"
#include "model/endpoint.h"
#include "model/event.h"
#include "model/federation.h"
#include "model/infra.h"
#include "model/status.h"

static int entity(int type) { return type == TYPE_EXCHANGE ? ENTITY_EXCHANGE : ENTITY_CLUSTER; }

static bool chart_for(struct db *db, struct arena *a, struct uuid id, int type, struct chart *out, struct err *e) {
  if (!chart_get(db, a, id, out, e)) return false;
  return out->type == type ? true : err_set(e, FAIL_INVALID, MSG_OPS_CHART_TYPE, out->name);
}

static bool access_of(struct arena *a, const struct participant *p, const char *service, const char **host, int *port) {
  js *v = NULL;
  struct err ignored = ERR_INIT;
  if (!js_parse(a, p->access_info, strlen(p->access_info), 65536, &v, &ignored)) return false;
  for (struct js_iter it = js_iter(v); js_next(&it);)
    if (streq(it.key, service)) *host = nn(js_str(it.val, "host")), *port = (int)js_int(it.val, "port", 0);
  return *host && **host && *port;
}

static bool active_exchange(struct db *db, struct arena *a, struct uuid federation, struct participant *x, struct err *e) {
  bool found;
  if (!participant_exchange(db, a, federation, x, &found, e)) return false;
  if (!found) return err_set(e, FAIL_CONFLICT, MSG_OPS_NO_EXCHANGE);
  return x->status == PARTY_ACTIVE ? true : err_set(e, FAIL_CONFLICT, MSG_OPS_EXCHANGE_NOT_ACTIVE, x->name);
}

bool participant_ops_yaml(struct db *db, struct arena *a, int type, struct values_form *f, struct uuid federation, struct uuid chart, const char **out, struct err *e) {
  struct chart c;
  struct federation fed;
  struct participant x;
  if (!chart_for(db, a, chart, type, &c, e)) return false;
  f->chart_name = c.chart_name, f->chart_version = c.version, f->portal = c.portal;
  if (type == TYPE_EXCHANGE) return values_exchange(a, f, out, e);
  if (!federation_get(db, a, federation, &fed, e) || !active_exchange(db, a, federation, &x, e)) return false;
  f->domain = fed.domain;
  if (!access_of(a, &x, "nginx", &f->exchange_nginx_host, &f->exchange_nginx_port) || !access_of(a, &x, "traffic-server", &f->exchange_ats_host, &f->exchange_ats_port)) return err_set(e, FAIL_CONFLICT, MSG_OPS_EXCHANGE_NO_ADDRESS, x.name);
  return values_cluster(a, f, out, e);
}

static bool pair_ok(int server, int client, bool portal, struct err *e) {
  if (server == CERT_UNKNOWN) server = CERT_SKIP;
  if (client == CERT_UNKNOWN) client = CERT_SKIP;
  if (server == CERT_REUSE || client == CERT_REUSE) return err_set(e, FAIL_INVALID, MSG_OPS_CERT_REUSE);
  if (server != client) return err_set(e, FAIL_INVALID, MSG_OPS_CERT_PAIR);
  return server == CERT_SKIP || portal ? true : err_set(e, FAIL_INVALID, MSG_OPS_CERT_NO_PORTAL);
}

static bool certs_ok(int type, const struct party_form *f, bool portal, struct err *e) {
  int main_mode = type == TYPE_EXCHANGE ? f->proxy_mode : f->pulsar_mode;
  if (main_mode == CERT_REUSE) return err_set(e, FAIL_INVALID, MSG_OPS_CERT_REUSE);
  if (main_mode < 0 || main_mode > 3) return err_set(e, FAIL_INVALID, MSG_VALUES_PARAMETER, "binding_mode", "@expect.binding-mode");
  if (*nn(f->proxy_cn) && !name_dns(f->proxy_cn)) return err_set(e, FAIL_INVALID, MSG_VALUES_PARAMETER, "common_name", "@expect.dns-name");
  return type == TYPE_EXCHANGE ? pair_ok(f->fml_server_mode, f->fml_client_mode, portal, e) : pair_ok(f->portal_server_mode, f->portal_client_mode, portal, e);
}

static void cert_info(struct jsw *w, const char *key, int mode, const char *cn) {
  jsw_key(w, key), jsw_obj(w), jsw_ki64(w, "binding_mode", mode ? mode : CERT_SKIP), jsw_kstr(w, "uuid", ""), jsw_kstr(w, "common_name", nn(cn)), jsw_end_obj(w);
}
static const char *cert_modes(struct arena *a, int type, const struct party_form *f) {
  struct buf b;
  struct jsw w;
  buf_init(&b, a, 8192), jsw_init(&w, &b), jsw_obj(&w);
  if (type == TYPE_EXCHANGE) cert_info(&w, "proxy_server_cert_info", f->proxy_mode, f->proxy_cn), cert_info(&w, "fml_manager_server_cert_info", f->fml_server_mode, f->fml_server_cn), cert_info(&w, "fml_manager_client_cert_info", f->fml_client_mode, f->fml_client_cn);
  else cert_info(&w, "pulsar_server_cert_info", f->pulsar_mode, ""), cert_info(&w, "site_portal_server_cert_info", f->portal_server_mode, f->portal_server_cn), cert_info(&w, "site_portal_client_cert_info", f->portal_client_mode, f->portal_client_cn);
  jsw_end_obj(&w);
  return b.p;
}

static const char *release_name(struct arena *a, int type, const struct party_form *f, struct uuid id) {
  char *d = name_deployment(a, f->name);
  if (!*d) return type == TYPE_CLUSTER ? arena_fmt(a, "fate-%ld", f->party_id) : arena_fmt(a, "fate-exchange-%.8s", id.s);
  return d;
}

/* The pull secret's password: typed, or the infrastructure's stored one for the same server. */
static bool registry(struct db *db, struct arena *a, const struct seal_pub *k, const struct party_form *f, const struct infra *i, struct participant *p, struct err *e) {
  p->use_registry_secret = f->use_registry_secret;
  if (!f->use_registry_secret) return true;
  p->registry_server = nn(f->registry_server), p->registry_username = nn(f->registry_username);
  bool typed = *nn(f->registry_password) && !str_starts(f->registry_password, "(stored:");
  if (str_blank(p->registry_server) || str_blank(p->registry_username)) return err_set(e, FAIL_INVALID, MSG_VALUES_PARAMETER, "registry_secret_config", "@expect.registry-server");
  if (typed) return secret_store(db, a, k, "registry", f->registry_password, strlen(f->registry_password), &p->registry_secret, e);
  if (uuid_none(i->registry_secret) || !streq(i->registry_server, p->registry_server)) return err_set(e, FAIL_INVALID, MSG_INFRA_ENTER_AGAIN, "registry_secret_config.password");
  p->registry_secret = i->registry_secret;
  return true;
}

static bool passwords(struct db *db, struct arena *a, const struct seal_pub *k, struct uuid owner, const char *text, struct err *e) {
  static const char *const KNOWN[] = {"fateboard_password", "mysql_password", "postgres_password", "portal_admin_password"};
  const char **names;
  size_t n;
  if (!values_secrets(a, text, &names, &n, e)) return false;
  for (size_t i = 0; i < n; i++) {
    bool known = false;
    for (size_t x = 0; x < sizeof KNOWN / sizeof *KNOWN; x++) known |= streq(KNOWN[x], names[i]);
    if (!known) return err_set(e, FAIL_INVALID, MSG_VALUES_NO_SECRET, names[i]);
    if (!named_secret_set(db, a, k, owner, names[i], rnd_password(a, 20), e)) return false;
  }
  return true;
}

static bool create(struct db *db, struct arena *a, const struct seal_pub *k, int type, const struct party_form *f, const char *actor, struct participant *p, const struct participant *x, struct err *e) {
  const char *workflow = type == TYPE_EXCHANGE ? "exchange_create" : "cluster_create";
  struct op_hold h[] = {{p->infra_uuid, false}, {p->endpoint_uuid, false}, {p->federation_uuid, false}, {x->uuid, false}};
  struct op_new o = {.workflow = workflow, .subject_type = "participant", .subject = p->uuid, .subject_name = p->name, .federation = p->federation_uuid, .actor = actor, .input_json = "{}", .holds = h, .n_holds = type == TYPE_CLUSTER ? 4 : 3};
  (void)f;
  return participant_insert(db, a, p, e) && passwords(db, a, k, p->uuid, p->deployment_yaml, e) && op_insert(db, a, &o, NULL, e) && federation_check_open(db, a, p->federation_uuid, e) &&
         event_add(db, a, p->uuid, entity(type), 0, false, actor, TEXT(MSG_EVENT_PARTY_START, p->name), e);
}

bool participant_ops_create(struct db *db, struct arena *a, const struct seal_pub *k, int type, const struct party_form *f, const char *actor, struct uuid *out, struct err *e) {
  struct federation fed;
  struct endpoint ep;
  struct chart c;
  struct infra i;
  struct participant x = {0};
  bool found;
  struct participant p = {.uuid = uuid_new(), .federation_uuid = f->federation, .endpoint_uuid = f->endpoint, .chart_uuid = f->chart, .name = str_trim(a, f->name), .description = nn(f->description), .type = type, .status = PARTY_INSTALLING, .is_managed = true,
                          .service_type = f->service_type, .party_id = type == TYPE_CLUSTER ? f->party_id : 0};
  if (!federation_get(db, a, f->federation, &fed, e) || !name_display(p.name)) return e->kind ? false : err_set(e, FAIL_INVALID, MSG_NAME_BAD);
  if (type == TYPE_CLUSTER && (!participant_party_free(db, a, f->federation, f->party_id, e) || !active_exchange(db, a, f->federation, &x, e))) return false;
  if (type == TYPE_EXCHANGE && (!participant_exchange(db, a, f->federation, &x, &found, e) || found)) return e->kind ? false : err_set(e, FAIL_CONFLICT, MSG_PARTY_EXCHANGE_EXISTS, p.name);
  if (!endpoint_get(db, a, f->endpoint, &ep, e) || !infra_get(db, a, ep.infra_uuid, &i, e) || !chart_for(db, a, f->chart, type, &c, e)) return false;
  if (ep.status != EP_READY) return err_set(e, FAIL_CONFLICT, MSG_OPS_ENDPOINT_NOT_READY, ep.name);
  if (c.must_upload) return err_set(e, FAIL_INVALID, MSG_OPS_CHART_NO_ARCHIVE, c.name);
  if (!certs_ok(type, f, c.portal, e)) return false;
  p.infra_uuid = ep.infra_uuid, p.chart_version = c.version, p.chart_name = c.chart_name;
  p.namespace_ = *ep.namespace_ ? ep.namespace_ : str_trim(a, f->namespace_);
  if (!name_dns_label(p.namespace_)) return err_set(e, FAIL_INVALID, MSG_INFRA_NAMESPACE, str_excerpt(a, p.namespace_, strlen(p.namespace_), 80));
  p.deployment_name = release_name(a, type, f, p.uuid);
  if (strlen(p.deployment_name) > 53 || !name_dns_label(p.deployment_name)) return err_set(e, FAIL_INVALID, MSG_OPS_RELEASE_NAME, p.deployment_name);
  struct values_expect want = {type, p.deployment_name, *name_deployment(a, f->name) ? NULL : values_fallback_name(a, type, p.party_id), p.namespace_, c.chart_name, c.version, p.party_id, fed.domain};
  if (!values_accept(a, nn(f->deployment_yaml), &want, &p.deployment_yaml, e)) return false;
  p.generated_yaml = p.deployment_yaml, p.cert_modes = cert_modes(a, type, f);
  TX(tx);
  if (!tx_begin(db, &tx, e) || !registry(db, a, k, f, &i, &p, e) || !create(db, a, k, type, f, actor, &p, &x, e)) return false;
  *out = p.uuid;
  return tx_commit(&tx, e);
}

/* --- external participants: records with addresses --- */
static void access_entry(struct jsw *w, const char *key, const char *host, long port, bool tls, const char *fqdn) {
  jsw_key(w, key), jsw_obj(w), jsw_kstr(w, "service_type", "NodePort"), jsw_kstr(w, "host", host), jsw_ki64(w, "port", port), jsw_kbool(w, "tls", tls), jsw_kstr(w, "fqdn", fqdn), jsw_end_obj(w);
}

static bool push(struct db *db, struct arena *a, const struct participant *x, const char *actor, struct err *e) {
  struct err conflict = ERR_INIT;
  struct op_hold h[] = {{x->uuid, false}};
  struct op_new o = {.workflow = "routes_push", .subject_type = "exchange_routes", .subject = x->uuid, .subject_name = x->name, .federation = x->federation_uuid, .actor = actor, .input_json = "{}", .holds = h, .n_holds = 1};
  if (op_insert(db, a, &o, NULL, &conflict)) return true;
  if (conflict.kind == FAIL_CONFLICT) return true; /* one is live: it carries all pending changes, or the exchange's check renews it */
  *e = conflict;
  return false;
}

bool participant_ops_external(struct db *db, struct arena *a, int type, const struct external_form *f, const char *actor, struct uuid *out, struct err *e) {
  struct federation fed;
  struct participant x = {0};
  struct buf b;
  struct jsw w;
  bool managed = false;
  if (!federation_get(db, a, f->federation, &fed, e)) return false;
  if (!name_display(str_trim(a, f->name))) return err_set(e, FAIL_INVALID, MSG_NAME_BAD);
  if (!name_host(nn(f->a_host)) || !name_host(nn(f->nginx_host))) return err_set(e, FAIL_INVALID, MSG_VALUES_PARAMETER, "host", "@expect.host");
  if (f->a_port < 1 || f->a_port > 65535 || f->nginx_port < 1 || f->nginx_port > 65535) return err_set(e, FAIL_INVALID, MSG_VALUES_PARAMETER, "port", "@expect.port");
  if (type == TYPE_CLUSTER) {
    if (!participant_party_free(db, a, f->federation, f->party_id, e) || !active_exchange(db, a, f->federation, &x, e)) return false;
    managed = x.is_managed;
    /* The exchange's tunnels may only go to these ports (reference 20 section 5.5). */
    if (managed && f->a_port != 443 && !(f->a_port >= 6650 && f->a_port <= 6700) && !(f->a_port >= 30000 && f->a_port <= 33000)) return err_set(e, FAIL_INVALID, MSG_OPS_PULSAR_PORT, num_text((char[24]){0}, f->a_port));
  }
  buf_init(&b, a, 8192), jsw_init(&w, &b), jsw_obj(&w), access_entry(&w, "nginx", f->nginx_host, f->nginx_port, false, "");
  if (type == TYPE_EXCHANGE) access_entry(&w, "traffic-server", f->a_host, f->a_port, true, arena_fmt(a, "proxy.%s", fed.domain));
  else access_entry(&w, "pulsar-public-tls", f->a_host, f->a_port, true, arena_fmt(a, "%ld.%s", f->party_id, fed.domain));
  jsw_end_obj(&w);
  struct participant p = {.uuid = uuid_new(), .federation_uuid = f->federation, .name = str_trim(a, f->name), .description = nn(f->description), .type = type, .party_id = type == TYPE_CLUSTER ? f->party_id : 0,
                          .status = managed ? PARTY_INSTALLING : PARTY_ACTIVE, .access_info = b.p};
  TX(tx);
  if (!tx_begin(db, &tx, e) || (managed && !op_lock_live(db, a, x.uuid, e)) || !op_lock(db, a, f->federation, e) || !participant_insert(db, a, &p, e) || !federation_check_open(db, a, f->federation, e) || !event_add(db, a, p.uuid, entity(type), 0, false, actor, TEXT(MSG_EVENT_PARTY_RECORDED, p.name), e) || (managed && !push(db, a, &x, actor, e))) return false;
  *out = p.uuid;
  return tx_commit(&tx, e);
}

bool participant_ops_push(struct db *db, struct arena *a, struct uuid federation, const char *actor, struct err *e) {
  struct participant x;
  TX(tx);
  if (!active_exchange(db, a, federation, &x, e)) return false;
  if (!x.is_managed) return err_set(e, FAIL_CONFLICT, MSG_OPS_EXCHANGE_EXTERNAL);
  return tx_begin(db, &tx, e) && push(db, a, &x, actor, e) && tx_commit(&tx, e);
}

/* --- removal --- */
static const struct stmt Q_CLUSTERS = {"ops_clusters", "select count(*) from participant where federation_uuid = $1 and type = 2 and deleted_at is null"};
const struct stmt *const STMTS_PARTICIPANT_OPS[] = {&Q_CLUSTERS, NULL};

static bool clusters_left(struct db *db, struct arena *a, const struct participant *p, int *n, struct err *e) {
  struct rows r;
  *n = 0;
  if (p->type != TYPE_EXCHANGE) return true;
  if (!db_query(db, a, &Q_CLUSTERS, &r, e, p->federation_uuid.s)) return false;
  *n = row_int(&r, 0, 0);
  return true;
}

static bool find(struct db *db, struct arena *a, int type, struct uuid id, struct uuid federation, struct participant *p, struct err *e) {
  if (!participant_get(db, a, id, p, e)) return false;
  return p->type != type || (!uuid_none(federation) && !uuid_eq(p->federation_uuid, federation)) ? err_set(e, FAIL_NOT_FOUND, MSG_PARTY_UNKNOWN, id.s) : true;
}

bool participant_ops_remove(struct db *db, struct arena *a, int type, struct uuid id, struct uuid federation, bool force, long parent, const char *actor, struct err *e) {
  struct participant p;
  int left;
  bool changed;
  if (!op_lock_live(db, a, id, e) || !find(db, a, type, id, federation, &p, e)) return false;
  if (!clusters_left(db, a, &p, &left, e)) return false;
  if (left) return err_set(e, FAIL_CONFLICT, MSG_OPS_CLUSTERS_LEFT, p.name, num_text((char[24]){0}, left));
  if (!force && p.status != PARTY_ACTIVE && p.status != PARTY_RECONFIGURING && p.status != PARTY_FAILED) return err_set(e, FAIL_CONFLICT, MSG_OPS_NOT_ACTIVE, p.name);
  if (!participant_set_status(db, a, id, ~0u, PARTY_REMOVING, "", "[]", &changed, e)) return false;
  struct op_hold h[] = {{p.federation_uuid, false}, {type == TYPE_EXCHANGE ? p.uuid : p.federation_uuid, true, true}};
  struct op_new o = {.workflow = type == TYPE_EXCHANGE ? "exchange_remove" : "cluster_remove", .subject_type = "participant", .subject = id, .subject_name = p.name, .federation = p.federation_uuid, .actor = actor,
                     .input_json = force ? "{\"force\":true}" : "{}", .holds = h, .n_holds = type == TYPE_EXCHANGE ? 2 : 1, .parent = parent, .supersede = force, .supersede_failed = true};
  return op_insert(db, a, &o, NULL, e) && event_add(db, a, id, entity(type), 0, false, actor, TEXT(MSG_EVENT_PARTY_REMOVE, p.name), e);
}

bool participant_ops_delete(struct db *db, struct arena *a, int type, struct uuid id, struct uuid federation, bool force, const char *actor, struct err *e) {
  TX(tx);
  return tx_begin(db, &tx, e) && participant_ops_remove(db, a, type, id, federation, force, 0, actor, e) && tx_commit(&tx, e);
}

bool participant_ops_repair(struct db *db, struct arena *a, int type, struct uuid id, struct uuid federation, const char *actor, struct err *e) {
  struct participant p, x;
  bool has_exchange;
  TX(tx);
  if (!tx_begin(db, &tx, e) || !find(db, a, type, id, federation, &p, e) || !participant_exchange(db, a, p.federation_uuid, &x, &has_exchange, e)) return false;
  if (!p.is_managed) return err_set(e, FAIL_CONFLICT, MSG_REPAIR_EXTERNAL, p.name);
  if (p.status != PARTY_ACTIVE && p.status != PARTY_RECONFIGURING && p.status != PARTY_FAILED) return err_set(e, FAIL_CONFLICT, MSG_OPS_NOT_ACTIVE, p.name);
  if (!p.was_active) return err_set(e, FAIL_CONFLICT, MSG_REPAIR_NEVER_ACTIVE, p.name);
  struct op_hold h[] = {{p.infra_uuid, false}, {p.endpoint_uuid, false}, {p.federation_uuid, false}, {x.uuid, false}};
  struct op_new o = {.workflow = "participant_repair", .subject_type = "participant", .subject = id, .subject_name = p.name, .federation = p.federation_uuid, .actor = actor, .input_json = "{}", .holds = h,
                     .n_holds = type == TYPE_CLUSTER && has_exchange ? 4 : 3, .supersede_failed = true};
  return op_insert(db, a, &o, NULL, e) && event_add(db, a, id, entity(type), 0, false, actor, TEXT(MSG_EVENT_REPAIR, p.name), e) && tx_commit(&tx, e);
}

bool participant_ops_delete_plan(struct db *db, struct arena *a, const struct participant *p, struct delete_line **out, size_t *n, bool *blocked, struct err *e) {
  struct delete_line *v = ARENA_ARRAY(a, struct delete_line, 12);
  int left;
  size_t k = 0;
  if (!clusters_left(db, a, p, &left, e)) return false;
  *blocked = left > 0;
  if (left) v[k++] = (struct delete_line){1, TEXT(MSG_PLAN_CLUSTERS, arena_fmt(a, "%d", left)), arena_fmt(a, "/federation/fate/%s", p->federation_uuid.s)};
  if (p->type == TYPE_CLUSTER) v[k++] = (struct delete_line){0, TEXT(MSG_PLAN_ROUTES, arena_fmt(a, "%ld", p->party_id)), NULL};
  if (p->is_managed) {
    v[k++] = (struct delete_line){0, TEXT(MSG_PLAN_RELEASE, p->deployment_name, p->namespace_), NULL};
    v[k++] = (struct delete_line){0, TEXT(MSG_PLAN_SECRETS, p->namespace_), NULL};
    v[k++] = p->is_new_namespace ? (struct delete_line){0, TEXT(MSG_PLAN_NAMESPACE, p->namespace_), NULL} : (struct delete_line){2, TEXT(MSG_PLAN_NAMESPACE_KEPT, p->namespace_), NULL};
    v[k++] = (struct delete_line){3, TEXT(MSG_PLAN_LEFTOVERS, arena_fmt(a, "kubectl get all,secret,pvc -n %s -l name=%s", p->namespace_, p->deployment_name)), NULL};
  }
  v[k++] = (struct delete_line){0, TEXT(MSG_PLAN_RECORD, p->name), NULL};
  *out = v, *n = k;
  return true;
}
