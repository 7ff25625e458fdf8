/* Exchange and clusters of a federation: YAML, creation, detail, removal (reference 20 sections 4.5 to 4.10). */
#include "api/participant.h"
#include "api/api.h"
#include "api/tables.h"
#include "base/str.h"
#include "deploy/participant_ops.h"
#include "model/status.h"

/* Upstream writes this word where an imported participant has nothing. */
static const char UNKNOWN[] = "Unknown";
static const char *known(const struct participant *p, const char *v) { return p->is_managed || *v ? v : UNKNOWN; }

void api_participant(struct jsw *w, struct req *q, const struct participant *p) {
  jsw_kstr(w, "uuid", p->uuid.s), jsw_kstr(w, "name", p->name), jsw_kstr(w, "description", p->description), api_time(w, q, "created_at", p->created_at), jsw_ki64(w, "type", p->type);
  jsw_kstr(w, "endpoint_name", *p->endpoint_name ? p->endpoint_name : UNKNOWN), jsw_kstr(w, "endpoint_uuid", known(p, p->endpoint_uuid.s));
  jsw_kstr(w, "infra_provider_name", *p->infra_name ? p->infra_name : UNKNOWN), jsw_kstr(w, "infra_provider_uuid", uuid_none(p->infra_uuid) ? UNKNOWN : p->infra_uuid.s);
  jsw_kstr(w, "chart_uuid", known(p, p->chart_uuid.s)), jsw_kstr(w, "version", p->is_managed ? p->chart_version : ""), jsw_kstr(w, "namespace", known(p, p->namespace_));
  jsw_ki64(w, "party_id", p->party_id), jsw_kstr(w, "cluster_uuid", known(p, p->cluster_uuid)), jsw_kbool(w, "upgradeable", false), jsw_ki64(w, "status", p->status);
  jsw_key(w, "access_info"), api_access(w, p->access_info), jsw_kbool(w, "is_managed", p->is_managed);
}

static void cert(struct jsw *w, const js *modes, const char *key) {
  const js *c = js_obj(modes, key);
  jsw_key(w, key), jsw_obj(w), jsw_ki64(w, "binding_mode", js_int(c, "binding_mode", 0)), jsw_kstr(w, "uuid", nn(js_str(c, "uuid"))), jsw_kstr(w, "common_name", nn(js_str(c, "common_name"))), jsw_end_obj(w);
}

/* The participant of the address: of this type and in this federation. */
static bool find(struct req *q, int type, struct participant *p, struct err *e) {
  struct uuid federation, id;
  if (!req_uuid(q, 0, &federation, e) || !req_uuid(q, 1, &id, e) || !participant_get(q->db, q->a, id, p, e)) return false;
  return p->type == type && uuid_eq(p->federation_uuid, federation) ? true : err_set(e, FAIL_NOT_FOUND, MSG_PARTY_UNKNOWN, id.s);
}

static bool detail(struct req *q, struct resp *r, int type, struct err *e) {
  struct participant p;
  js *modes = NULL;
  struct jsw w;
  if (!find(q, type, &p, e) || !js_parse(q->a, p.cert_modes, strlen(p.cert_modes), 1 << 20, &modes, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), api_participant(&w, q, &p), jsw_kstr(&w, "deployment_yaml", known(&p, p.deployment_yaml));
  if (type == TYPE_EXCHANGE) cert(&w, modes, "proxy_server_cert_info"), cert(&w, modes, "fml_manager_server_cert_info"), cert(&w, modes, "fml_manager_client_cert_info");
  else jsw_key(&w, "ingress_info"), api_ingress(&w, p.ingress_info), cert(&w, modes, "pulsar_server_cert_info"), cert(&w, modes, "site_portal_server_cert_info"), cert(&w, modes, "site_portal_client_cert_info");
  jsw_end_obj(&w);
  return resp_json_end(r, &w);
}
static bool exchange_get(struct req *q, struct resp *r, struct err *e) { return detail(q, r, TYPE_EXCHANGE, e); }
static bool cluster_get(struct req *q, struct resp *r, struct err *e) { return detail(q, r, TYPE_CLUSTER, e); }

/* --- YAML for the review step --- */
static bool yaml_common(struct req *q, struct values_form *f, struct uuid *chart, struct err *e) {
  long service;
  bool psp, secret, use;
  values_defaults(f);
  f->name = str_trim(q->a, api_query(q, "name", "")), f->namespace_ = str_trim(q->a, api_query(q, "namespace", ""));
  if (!api_query_uuid(q, "chart_uuid", chart, e) || !api_query_long(q, "service_type", SERVICE_LOADBALANCER, &service, e) || !api_query_bool(q, "use_registry", false, &use, e)) return false;
  if (!api_query_bool(q, "use_registry_secret", false, &secret, e) || !api_query_bool(q, "enable_psp", true, &psp, e)) return false;
  f->service_type = service < 0 || service > 255 ? -1 : (int)service, f->use_registry = use, f->use_registry_secret = secret, f->enable_psp = psp;
  if (use) f->registry = api_query(q, "registry", "");
  return true;
}

static bool yaml_storage(struct req *q, struct values_form *f, struct err *e) {
  long gpu;
  if (!api_query_bool(q, "enable_persistence", false, &f->enable_persistence, e) || !api_query_long(q, "fateflow_gpu_num", 0, &gpu, e)) return false;
  f->gpu = gpu < 0 || gpu > 255 ? -1 : (int)gpu;
  if (f->enable_persistence) f->storage_class = api_query(q, "storage_class", "");
  return true;
}

static bool yaml_spark(struct req *q, struct values_form *f, struct err *e) {
  if (!api_query_bool(q, "enable_external_spark", false, &f->ext_spark, e) || !f->ext_spark) return !e->kind;
  f->spark_master = api_query(q, "external_spark_master", f->spark_master), f->spark_driver_host = api_query(q, "external_spark_driverHost", f->spark_driver_host);
  f->spark_driver_host_type = api_query(q, "external_spark_driverHostType", f->spark_driver_host_type), f->spark_python = api_query(q, "external_spark_pysparkPython", f->spark_python);
  return api_query_long(q, "external_spark_cores_per_node", f->spark_cores, &f->spark_cores, e) && api_query_long(q, "external_spark_node", f->spark_nodes, &f->spark_nodes, e) &&
         api_query_long(q, "external_spark_portMaxRetries", f->spark_retries, &f->spark_retries, e) && api_query_long(q, "external_spark_driverStartPort", f->spark_driver_port, &f->spark_driver_port, e) &&
         api_query_long(q, "external_spark_blockManagerStartPort", f->spark_block_port, &f->spark_block_port, e);
}

static bool yaml_engines(struct req *q, struct values_form *f, struct err *e) {
  if (!yaml_spark(q, f, e) || !api_query_bool(q, "enable_external_hdfs", false, &f->ext_hdfs, e) || !api_query_bool(q, "enable_external_pulsar", false, &f->ext_pulsar, e)) return false;
  if (f->ext_hdfs) f->hdfs_name_node = api_query(q, "external_hdfs_name_node", f->hdfs_name_node), f->hdfs_prefix = api_query(q, "external_hdfs_path_prefix", f->hdfs_prefix);
  if (!f->ext_pulsar) return true;
  f->pulsar_host = api_query(q, "external_pulsar_host", f->pulsar_host);
  return api_query_long(q, "external_pulsar_mng_port", f->pulsar_mng_port, &f->pulsar_mng_port, e) && api_query_long(q, "external_pulsar_port", f->pulsar_port, &f->pulsar_port, e) &&
         api_query_long(q, "external_pulsar_ssl_port", f->pulsar_ssl_port, &f->pulsar_ssl_port, e);
}

static bool exchange_yaml(struct req *q, struct resp *r, struct err *e) {
  struct values_form f;
  struct uuid chart;
  const char *text;
  return yaml_common(q, &f, &chart, e) && participant_ops_yaml(q->db, q->a, TYPE_EXCHANGE, &f, (struct uuid){{0}}, chart, &text, e) && resp_json_string(r, q, text);
}

static bool cluster_yaml(struct req *q, struct resp *r, struct err *e) {
  struct values_form f;
  struct uuid chart, federation;
  const char *text;
  if (!yaml_common(q, &f, &chart, e) || !api_query_uuid(q, "federation_uuid", &federation, e)) return false;
  if (!*api_query(q, "party_id", "")) return err_set(e, FAIL_INVALID, MSG_API_MISSING, "party_id");
  if (!api_query_long(q, "party_id", 0, &f.party_id, e) || !yaml_storage(q, &f, e) || !yaml_engines(q, &f, e)) return false;
  return participant_ops_yaml(q->db, q->a, TYPE_CLUSTER, &f, federation, chart, &text, e) && resp_json_string(r, q, text);
}

/* --- creation --- */
static bool cert_in(struct req *q, const char *key, int *mode, const char **opt_cn, struct err *e) {
  const js *c;
  const char *cn;
  int64_t m;
  if (!jsq_obj(q->json, key, &c, e) || !jsq_int(c, "binding_mode", CERT_UNKNOWN, CERT_CREATE, &m, e) || !jsq_str(c, "common_name", q->a, &cn, e)) return false;
  *mode = (int)m;
  if (opt_cn) *opt_cn = str_trim(q->a, cn);
  return true;
}

static bool certs_in(struct req *q, int type, struct party_form *f, struct err *e) {
  if (type == TYPE_EXCHANGE)
    return cert_in(q, "proxy_server_cert_info", &f->proxy_mode, &f->proxy_cn, e) && cert_in(q, "fml_manager_server_cert_info", &f->fml_server_mode, &f->fml_server_cn, e) &&
           cert_in(q, "fml_manager_client_cert_info", &f->fml_client_mode, &f->fml_client_cn, e);
  return cert_in(q, "pulsar_server_cert_info", &f->pulsar_mode, NULL, e) && cert_in(q, "site_portal_server_cert_info", &f->portal_server_mode, &f->portal_server_cn, e) &&
         cert_in(q, "site_portal_client_cert_info", &f->portal_client_mode, &f->portal_client_cn, e);
}

static bool create(struct req *q, struct resp *r, int type, struct err *e) {
  struct party_form f = {0};
  struct api_registry g;
  struct uuid id;
  long service;
  if (!req_uuid(q, 0, &f.federation, e) || !api_body_name(q, &f.name, e) || !jsq_str(q->json, "description", q->a, &f.description, e) || !api_body_uuid(q, "endpoint_uuid", &f.endpoint, e) || !api_body_uuid(q, "chart_uuid", &f.chart, e)) return false;
  if (!jsq_str(q->json, "namespace", q->a, &f.namespace_, e) || !jsq_str(q->json, "deployment_yaml", q->a, &f.deployment_yaml, e) || !api_registry(q, q->json, "registry_config", &g, e) || !certs_in(q, type, &f, e)) return false;
  if (!api_body_long(q->json, "service_type", &service, e) || (type == TYPE_CLUSTER && !api_body_long(q->json, "party_id", &f.party_id, e))) return false;
  f.use_registry_secret = g.use_secret, f.registry_server = g.server, f.registry_username = g.username, f.registry_password = g.password;
  /* The services' types stand in the YAML; the member only tells how long an address of a load balancer is waited for. */
  f.service_type = service == SERVICE_LOADBALANCER ? SERVICE_LOADBALANCER : SERVICE_NODEPORT;
  return participant_ops_create(q->db, q->a, &q->app->seal, type, &f, q->who.name, &id, e) && resp_json_string(r, q, id.s);
}
static bool exchange_create(struct req *q, struct resp *r, struct err *e) { return create(q, r, TYPE_EXCHANGE, e); }
static bool cluster_create(struct req *q, struct resp *r, struct err *e) { return create(q, r, TYPE_CLUSTER, e); }

static bool address(struct req *q, const char *key, const char **host, long *port, struct err *e) {
  const js *o;
  if (!jsq_obj(q->json, key, &o, e) || !jsq_str(o, "host", q->a, host, e)) return false;
  *host = str_trim(q->a, *host);
  return api_body_long(o, "port", port, e);
}

static bool external(struct req *q, struct resp *r, int type, struct err *e) {
  struct external_form f = {0};
  struct uuid id;
  if (!req_uuid(q, 0, &f.federation, e) || !api_body_name(q, &f.name, e) || !jsq_str(q->json, "description", q->a, &f.description, e)) return false;
  if (!address(q, type == TYPE_EXCHANGE ? "traffic_server_access_info" : "pulsar_access_info", &f.a_host, &f.a_port, e) || !address(q, "nginx_access_info", &f.nginx_host, &f.nginx_port, e)) return false;
  if (type == TYPE_CLUSTER && !api_body_long(q->json, "party_id", &f.party_id, e)) return false;
  return participant_ops_external(q->db, q->a, type, &f, q->who.name, &id, e) && resp_json_string(r, q, id.s);
}
static bool exchange_external(struct req *q, struct resp *r, struct err *e) { return external(q, r, TYPE_EXCHANGE, e); }
static bool cluster_external(struct req *q, struct resp *r, struct err *e) { return external(q, r, TYPE_CLUSTER, e); }

/* --- the rest --- */
static bool party_check(struct req *q, struct resp *r, struct err *e) {
  struct uuid federation;
  long party;
  if (!req_uuid(q, 0, &federation, e)) return false;
  if (!*api_query(q, "party_id", "")) return err_set(e, FAIL_INVALID, MSG_API_MISSING, "party_id");
  return api_query_long(q, "party_id", 0, &party, e) && participant_party_free(q->db, q->a, federation, party, e) && resp_json_null(r, q);
}

static bool drop(struct req *q, struct resp *r, int type, struct err *e) {
  struct uuid federation, id;
  bool force;
  if (!req_uuid(q, 0, &federation, e) || !req_uuid(q, 1, &id, e) || !api_query_bool(q, "force", false, &force, e)) return false;
  return participant_ops_delete(q->db, q->a, type, id, federation, force, q->who.name, e) && resp_json_null(r, q);
}
static bool exchange_drop(struct req *q, struct resp *r, struct err *e) { return drop(q, r, TYPE_EXCHANGE, e); }
static bool cluster_drop(struct req *q, struct resp *r, struct err *e) { return drop(q, r, TYPE_CLUSTER, e); }

static bool versions(struct req *q, struct resp *r, int type, struct err *e) {
  struct participant p;
  struct jsw w;
  if (!find(q, type, &p, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), jsw_kstr(&w, "version", p.is_managed ? p.chart_version : ""), jsw_key(&w, "upgradeable_version_list"), jsw_arr(&w), jsw_end_arr(&w), jsw_end_obj(&w);
  return resp_json_end(r, &w);
}
static bool exchange_versions(struct req *q, struct resp *r, struct err *e) { return versions(q, r, TYPE_EXCHANGE, e); }
static bool cluster_versions(struct req *q, struct resp *r, struct err *e) { return versions(q, r, TYPE_CLUSTER, e); }

#define FATE "/api/v1/federation/fate"
static bool repair(struct req *q, struct resp *r, int type, struct err *e) {
  struct uuid federation, id;
  return req_uuid(q, 0, &federation, e) && req_uuid(q, 1, &id, e) && participant_ops_repair(q->db, q->a, type, id, federation, q->who.name, e) && resp_json_null(r, q);
}
static bool exchange_repair(struct req *q, struct resp *r, struct err *e) { return repair(q, r, TYPE_EXCHANGE, e); }
static bool cluster_repair(struct req *q, struct resp *r, struct err *e) { return repair(q, r, TYPE_CLUSTER, e); }

static const struct route R[] = {
    {METHOD_GET, FATE "/exchange/yaml", exchange_yaml, PERM_OPERATE, ROUTE_API, 0},
    {METHOD_GET, FATE "/cluster/yaml", cluster_yaml, PERM_OPERATE, ROUTE_API, 0},
    {METHOD_POST, FATE "/{uuid}/exchange", exchange_create, PERM_OPERATE, ROUTE_API | ROUTE_JSON, 0},
    {METHOD_POST, FATE "/{uuid}/exchange/external", exchange_external, PERM_OPERATE, ROUTE_API | ROUTE_JSON, 0},
    {METHOD_GET, FATE "/{uuid}/exchange/{uuid}", exchange_get, PERM_VIEW, ROUTE_API, 0},
    {METHOD_DELETE, FATE "/{uuid}/exchange/{uuid}", exchange_drop, PERM_OPERATE, ROUTE_API, 0},
    {METHOD_GET, FATE "/{uuid}/exchange/{uuid}/upgrade", exchange_versions, PERM_VIEW, ROUTE_API, 0},
    {METHOD_POST, FATE "/{uuid}/cluster", cluster_create, PERM_OPERATE, ROUTE_API | ROUTE_JSON, 0},
    {METHOD_POST, FATE "/{uuid}/cluster/external", cluster_external, PERM_OPERATE, ROUTE_API | ROUTE_JSON, 0},
    {METHOD_POST, FATE "/{uuid}/partyID/check", party_check, PERM_OPERATE, ROUTE_API, 0},
    {METHOD_GET, FATE "/{uuid}/cluster/{uuid}", cluster_get, PERM_VIEW, ROUTE_API, 0},
    {METHOD_DELETE, FATE "/{uuid}/cluster/{uuid}", cluster_drop, PERM_OPERATE, ROUTE_API, 0},
    {METHOD_GET, FATE "/{uuid}/cluster/{uuid}/upgrade", cluster_versions, PERM_VIEW, ROUTE_API, 0},
    {METHOD_POST, FATE "/{uuid}/exchange/{uuid}/repair", exchange_repair, PERM_OPERATE, ROUTE_API, 0}, /* ours */
    {METHOD_POST, FATE "/{uuid}/cluster/{uuid}/repair", cluster_repair, PERM_OPERATE, ROUTE_API, 0},   /* ours */
};
const struct route_table API_PARTICIPANT = {R, sizeof R / sizeof *R};
