/* Exchange and cluster routes below /federation/fate (reference 20 section 4). */
#include "api/common.h"
#include "api/tables.h"
#include "deploy/participant_ops.h"
#include "model/status.h"

static const char *or_unknown(const char *s) { return *s ? s : "Unknown"; }

static void item(struct jsw *w, struct req *q, const struct participant *p) {
  jsw_kstr(w, "uuid", p->uuid.s), jsw_kstr(w, "name", p->name), jsw_kstr(w, "description", p->description), api_time(w, q, "created_at", p->created_at), jsw_ki64(w, "type", p->type), jsw_kstr(w, "endpoint_name", or_unknown(p->endpoint_name));
  jsw_kstr(w, "endpoint_uuid", or_unknown(p->endpoint_uuid.s)), jsw_kstr(w, "infra_provider_name", or_unknown(p->infra_name)), jsw_kstr(w, "infra_provider_uuid", or_unknown(p->infra_uuid.s)), jsw_kstr(w, "chart_uuid", or_unknown(p->chart_uuid.s));
  jsw_kstr(w, "version", p->chart_version), jsw_kstr(w, "namespace", p->is_managed ? p->namespace_ : "Unknown"), jsw_ki64(w, "party_id", p->party_id), jsw_kstr(w, "cluster_uuid", p->is_managed ? p->cluster_uuid : "Unknown"), jsw_kbool(w, "upgradeable", false);
  jsw_ki64(w, "status", p->status), jsw_kraw(w, "access_info", p->access_info), jsw_kbool(w, "is_managed", p->is_managed);
}

static bool list(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct participant *v;
  struct jsw w;
  size_t n, i = 0;
  if (!req_uuid(q, 0, &id, e) || !participant_list(q->db, q->a, id, &v, &n, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), jsw_key(&w, "exchange");
  if (n && v[0].type == TYPE_EXCHANGE) jsw_obj(&w), item(&w, q, &v[i++]), jsw_end_obj(&w);
  else jsw_null(&w);
  jsw_key(&w, "clusters"), jsw_arr(&w);
  for (; i < n; i++) jsw_obj(&w), item(&w, q, &v[i]), jsw_end_obj(&w);
  jsw_end_arr(&w), jsw_end_obj(&w);
  return resp_json_end(r, &w);
}

static bool find(struct req *q, int type, struct participant *p, struct err *e) {
  struct uuid fed, id;
  if (!req_uuid(q, 0, &fed, e) || !req_uuid(q, 1, &id, e) || !participant_get(q->db, q->a, id, p, e)) return false;
  return p->type == type && uuid_eq(p->federation_uuid, fed) ? true : err_set(e, FAIL_NOT_FOUND, MSG_PARTY_UNKNOWN, id.s);
}

static void cert(struct jsw *w, const js *modes, struct req *q, const char *key) {
  const js *v = js_obj(modes, key);
  jsw_key(w, key), jsw_obj(w), jsw_ki64(w, "binding_mode", js_int(v, "binding_mode", 0)), jsw_kstr(w, "uuid", nn(js_str(v, "uuid"))), jsw_kstr(w, "common_name", nn(js_str(v, "common_name"))), jsw_end_obj(w);
  (void)q;
}

static bool detail(struct req *q, struct resp *r, int type, struct err *e) {
  static const char *const EX[] = {"proxy_server_cert_info", "fml_manager_server_cert_info", "fml_manager_client_cert_info"}, *const CL[] = {"pulsar_server_cert_info", "site_portal_server_cert_info", "site_portal_client_cert_info"};
  struct participant p;
  struct jsw w;
  js *modes = NULL;
  if (!find(q, type, &p, e) || !js_parse(q->a, p.cert_modes, strlen(p.cert_modes), 65536, &modes, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), item(&w, q, &p), jsw_kstr(&w, "deployment_yaml", p.is_managed ? p.deployment_yaml : "Unknown");
  if (type == TYPE_CLUSTER) jsw_kraw(&w, "ingress_info", p.ingress_info ? p.ingress_info : "null");
  for (int i = 0; i < 3; i++) cert(&w, modes, q, type == TYPE_EXCHANGE ? EX[i] : CL[i]);
  jsw_end_obj(&w);
  return resp_json_end(r, &w);
}
static bool exchange_detail(struct req *q, struct resp *r, struct err *e) { return detail(q, r, TYPE_EXCHANGE, e); }
static bool cluster_detail(struct req *q, struct resp *r, struct err *e) { return detail(q, r, TYPE_CLUSTER, e); }

/* --- YAML --- */
static bool common(struct req *q, struct values_form *f, struct uuid *chart, struct err *e) {
  long type;
  values_defaults(f);
  f->name = api_text(q, "name"), f->namespace_ = api_text(q, "namespace"), f->registry = api_text(q, "registry");
  if (!uuid_parse(api_text(q, "chart_uuid"), chart)) return err_set(e, FAIL_INVALID, MSG_VALUES_PARAMETER, "chart_uuid", "the id of a chart");
  if (!api_int(q, "service_type", false, 1, 0, 255, &type, e)) return false;
  f->service_type = (int)type;
  return api_bool(q, "use_registry", false, &f->use_registry, e) && api_bool(q, "use_registry_secret", false, &f->use_registry_secret, e) && api_bool(q, "enable_psp", true, &f->enable_psp, e);
}
static bool exchange_yaml(struct req *q, struct resp *r, struct err *e) {
  struct values_form f;
  struct uuid chart, none = {{0}};
  const char *text;
  return common(q, &f, &chart, e) && participant_ops_yaml(q->db, q->a, TYPE_EXCHANGE, &f, none, chart, &text, e) && resp_json_string(r, q, text);
}
static const char *text_or(struct req *q, const char *name, const char *fallback) { const char *v = req_query(q, name); return v && *v ? v : fallback; }
static bool engines(struct req *q, struct values_form *f, struct err *e) {
  const long P = 65535;
  f->spark_master = text_or(q, "external_spark_master", f->spark_master), f->spark_driver_host = text_or(q, "external_spark_driverHost", f->spark_driver_host), f->spark_driver_host_type = text_or(q, "external_spark_driverHostType", f->spark_driver_host_type);
  f->spark_python = api_text(q, "external_spark_pysparkPython"), f->hdfs_name_node = text_or(q, "external_hdfs_name_node", f->hdfs_name_node), f->hdfs_prefix = api_text(q, "external_hdfs_path_prefix"), f->pulsar_host = text_or(q, "external_pulsar_host", f->pulsar_host);
  return api_bool(q, "enable_external_spark", false, &f->ext_spark, e) && api_bool(q, "enable_external_hdfs", false, &f->ext_hdfs, e) && api_bool(q, "enable_external_pulsar", false, &f->ext_pulsar, e) &&
         api_int(q, "external_spark_cores_per_node", false, 8, 0, 100000, &f->spark_cores, e) && api_int(q, "external_spark_node", false, 1, 0, 100000, &f->spark_nodes, e) && api_int(q, "external_spark_portMaxRetries", false, 30, 0, 1000, &f->spark_retries, e) &&
         api_int(q, "external_spark_driverStartPort", false, 31000, 0, P, &f->spark_driver_port, e) && api_int(q, "external_spark_blockManagerStartPort", false, 31100, 0, P, &f->spark_block_port, e) &&
         api_int(q, "external_pulsar_mng_port", false, 8080, 0, P, &f->pulsar_mng_port, e) && api_int(q, "external_pulsar_port", false, 6650, 0, P, &f->pulsar_port, e) && api_int(q, "external_pulsar_ssl_port", false, 6651, 0, P, &f->pulsar_ssl_port, e);
}
static bool cluster_yaml(struct req *q, struct resp *r, struct err *e) {
  struct values_form f;
  struct uuid chart, fed;
  const char *text;
  long gpu;
  if (!common(q, &f, &chart, e)) return false;
  if (!uuid_parse(api_text(q, "federation_uuid"), &fed)) return err_set(e, FAIL_INVALID, MSG_VALUES_PARAMETER, "federation_uuid", "the id of a federation");
  if (!api_int(q, "party_id", true, 0, INT32_MIN, INT32_MAX, &f.party_id, e) || !api_bool(q, "enable_persistence", false, &f.enable_persistence, e) || !api_int(q, "fateflow_gpu_num", false, 0, 0, 64, &gpu, e) || !engines(q, &f, e)) return false;
  f.storage_class = f.enable_persistence ? api_text(q, "storage_class") : "", f.gpu = (int)gpu;
  return participant_ops_yaml(q->db, q->a, TYPE_CLUSTER, &f, fed, chart, &text, e) && resp_json_string(r, q, text);
}

/* --- create --- */
static bool mode(struct req *q, const char *key, int *out, const char **cn, struct err *e) {
  const js *v;
  int64_t m;
  if (!jsq_obj(q->json, key, &v, e) || !jsq_int(v, "binding_mode", 0, 255, &m, e)) return false;
  *out = (int)m;
  return !cn || jsq_str(v, "common_name", q->a, cn, e);
}
static bool create(struct req *q, struct resp *r, int type, struct err *e) {
  struct party_form f = {.service_type = SERVICE_NODEPORT};
  const js *reg, *sec;
  struct uuid id;
  int64_t party = 0, service = 0;
  if (!req_uuid(q, 0, &f.federation, e) || !jsq_str(q->json, "name", q->a, &f.name, e) || !jsq_str(q->json, "description", q->a, &f.description, e) || !jsq_str(q->json, "namespace", q->a, &f.namespace_, e) ||
      !jsq_str(q->json, "deployment_yaml", q->a, &f.deployment_yaml, e) || !api_json_uuid(q, q->json, "endpoint_uuid", &f.endpoint, e) || !api_json_uuid(q, q->json, "chart_uuid", &f.chart, e))
    return false;
  if (!jsq_obj(q->json, "registry_config", &reg, e) || !jsq_bool(reg, "use_registry_secret", &f.use_registry_secret, e) || !jsq_obj(reg, "registry_secret_config", &sec, e) || !jsq_str(sec, "server_url", q->a, &f.registry_server, e) ||
      !jsq_str(sec, "username", q->a, &f.registry_username, e) || !jsq_str(sec, "password", q->a, &f.registry_password, e) || !jsq_int(q->json, "service_type", 0, 255, &service, e))
    return false;
  if (service) f.service_type = (int)service;
  bool ok = type == TYPE_EXCHANGE
                ? mode(q, "proxy_server_cert_info", &f.proxy_mode, &f.proxy_cn, e) && mode(q, "fml_manager_server_cert_info", &f.fml_server_mode, &f.fml_server_cn, e) && mode(q, "fml_manager_client_cert_info", &f.fml_client_mode, &f.fml_client_cn, e)
                : mode(q, "pulsar_server_cert_info", &f.pulsar_mode, NULL, e) && mode(q, "site_portal_server_cert_info", &f.portal_server_mode, &f.portal_server_cn, e) && mode(q, "site_portal_client_cert_info", &f.portal_client_mode, &f.portal_client_cn, e) &&
                      jsq_int(q->json, "party_id", INT32_MIN, INT32_MAX, &party, e);
  f.party_id = (long)party;
  return ok && participant_ops_create(q->db, q->a, &q->app->seal, type, &f, q->who.name, &id, e) && resp_json_string(r, q, id.s);
}
static bool exchange_create(struct req *q, struct resp *r, struct err *e) { return create(q, r, TYPE_EXCHANGE, e); }
static bool cluster_create(struct req *q, struct resp *r, struct err *e) { return create(q, r, TYPE_CLUSTER, e); }

static bool access(struct req *q, const char *key, const char **host, long *port, struct err *e) {
  const js *v;
  int64_t p;
  if (!jsq_obj(q->json, key, &v, e) || !jsq_str(v, "host", q->a, host, e) || !jsq_int(v, "port", 0, 65535, &p, e)) return false;
  *port = (long)p;
  return true;
}
static bool external(struct req *q, struct resp *r, int type, struct err *e) {
  struct external_form f = {0};
  struct uuid id;
  int64_t party = 0;
  if (!req_uuid(q, 0, &f.federation, e) || !jsq_str(q->json, "name", q->a, &f.name, e) || !jsq_str(q->json, "description", q->a, &f.description, e) || !access(q, type == TYPE_EXCHANGE ? "traffic_server_access_info" : "pulsar_access_info", &f.a_host, &f.a_port, e) ||
      !access(q, "nginx_access_info", &f.nginx_host, &f.nginx_port, e) || !jsq_int(q->json, "party_id", INT32_MIN, INT32_MAX, &party, e))
    return false;
  f.party_id = (long)party;
  return participant_ops_external(q->db, q->a, type, &f, q->who.name, &id, e) && resp_json_string(r, q, id.s);
}
static bool exchange_external(struct req *q, struct resp *r, struct err *e) { return external(q, r, TYPE_EXCHANGE, e); }
static bool cluster_external(struct req *q, struct resp *r, struct err *e) { return external(q, r, TYPE_CLUSTER, e); }

static bool party_check(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  long party;
  return req_uuid(q, 0, &id, e) && api_int(q, "party_id", true, 0, INT32_MIN, INT32_MAX, &party, e) && participant_party_free(q->db, q->a, id, party, e) && resp_json_null(r, q);
}

static bool remove_(struct req *q, struct resp *r, int type, struct err *e) {
  struct uuid fed, id;
  bool force;
  return req_uuid(q, 0, &fed, e) && req_uuid(q, 1, &id, e) && api_bool(q, "force", false, &force, e) && participant_ops_delete(q->db, q->a, type, id, fed, force, q->who.name, e) && resp_json_null(r, q);
}
static bool exchange_remove(struct req *q, struct resp *r, struct err *e) { return remove_(q, r, TYPE_EXCHANGE, e); }
static bool cluster_remove(struct req *q, struct resp *r, struct err *e) { return remove_(q, r, TYPE_CLUSTER, e); }

/* No upgrade is offered in this version, so the list is empty and `upgradeable` is false everywhere. */
static bool upgrades(struct req *q, struct resp *r, int type, struct err *e) {
  struct participant p;
  struct jsw w;
  if (!find(q, type, &p, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), jsw_kstr(&w, "version", p.chart_version), jsw_key(&w, "upgradeable_version_list"), jsw_arr(&w), jsw_end_arr(&w), jsw_end_obj(&w);
  return resp_json_end(r, &w);
}
static bool exchange_upgrades(struct req *q, struct resp *r, struct err *e) { return upgrades(q, r, TYPE_EXCHANGE, e); }
static bool cluster_upgrades(struct req *q, struct resp *r, struct err *e) { return upgrades(q, r, TYPE_CLUSTER, e); }

#define F "/api/v1/federation/fate/"
static const struct route R[] = {
    {METHOD_GET, F "exchange/yaml", exchange_yaml, PERM_OPERATE, ROUTE_API, 0},
    {METHOD_GET, F "cluster/yaml", cluster_yaml, PERM_OPERATE, ROUTE_API, 0},
    {METHOD_GET, F "{uuid}/participant", list, PERM_VIEW, ROUTE_API, 0},
    {METHOD_POST, F "{uuid}/exchange", exchange_create, PERM_OPERATE, ROUTE_API | ROUTE_JSON, 0},
    {METHOD_POST, F "{uuid}/exchange/external", exchange_external, PERM_OPERATE, ROUTE_API | ROUTE_JSON, 0},
    {METHOD_GET, F "{uuid}/exchange/{uuid}", exchange_detail, PERM_VIEW, ROUTE_API, 0},
    {METHOD_DELETE, F "{uuid}/exchange/{uuid}", exchange_remove, PERM_OPERATE, ROUTE_API, 0},
    {METHOD_GET, F "{uuid}/exchange/{uuid}/upgrade", exchange_upgrades, PERM_VIEW, ROUTE_API, 0},
    {METHOD_POST, F "{uuid}/cluster", cluster_create, PERM_OPERATE, ROUTE_API | ROUTE_JSON, 0},
    {METHOD_POST, F "{uuid}/cluster/external", cluster_external, PERM_OPERATE, ROUTE_API | ROUTE_JSON, 0},
    {METHOD_POST, F "{uuid}/partyID/check", party_check, PERM_OPERATE, ROUTE_API | ROUTE_JSON_OPTIONAL, 0},
    {METHOD_GET, F "{uuid}/cluster/{uuid}", cluster_detail, PERM_VIEW, ROUTE_API, 0},
    {METHOD_DELETE, F "{uuid}/cluster/{uuid}", cluster_remove, PERM_OPERATE, ROUTE_API, 0},
    {METHOD_GET, F "{uuid}/cluster/{uuid}/upgrade", cluster_upgrades, PERM_VIEW, ROUTE_API, 0},
};
const struct route_table API_PARTICIPANT = {R, sizeof R / sizeof *R};
