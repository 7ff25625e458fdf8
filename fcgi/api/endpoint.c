/* /endpoint (reference 10 section 5). */
#include "api/common.h"
#include "api/tables.h"
#include "deploy/endpoint_ops.h"

enum { PROBE_MS = 10000 };

static void item(struct jsw *w, struct req *q, const struct endpoint *x) {
  jsw_kstr(w, "uuid", x->uuid.s), jsw_kstr(w, "name", x->name), jsw_kstr(w, "description", x->description), jsw_kstr(w, "type", x->type), api_time(w, q, "created_at", x->created_at), jsw_kstr(w, "infra_provider_name", x->infra_name);
  jsw_kstr(w, "infra_provider_uuid", x->infra_uuid.s), jsw_kstr(w, "namespace", x->namespace_), jsw_kstr(w, "kubefate_host", x->host), jsw_kstr(w, "kubefate_address", x->address), jsw_kstr(w, "kubefate_version", x->version), jsw_ki64(w, "status", x->status);
}

static bool list(struct req *q, struct resp *r, struct err *e) {
  struct endpoint *v;
  struct jsw w;
  size_t n;
  if (!endpoint_list(q->db, q->a, &v, &n, e)) return false;
  resp_json_begin(r, q, &w), jsw_arr(&w);
  for (size_t i = 0; i < n; i++) jsw_obj(&w), item(&w, q, &v[i]), jsw_end_obj(&w);
  jsw_end_arr(&w);
  return resp_json_end(r, &w);
}

static bool detail(struct req *q, struct resp *r, struct err *e) {
  struct endpoint x;
  struct uuid id;
  struct jsw w;
  if (!req_uuid(q, 0, &id, e) || !endpoint_get(q->db, q->a, id, &x, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), item(&w, q, &x), jsw_kstr(&w, "kubefate_deployment_yaml", x.manifest), jsw_end_obj(&w);
  return resp_json_end(r, &w);
}

/* Absent means the default, present but empty is refused (reference 10 section 5.3). */
static bool given(struct req *q, const char *name, const char *fallback, const char **out, struct err *e) {
  const char *v = req_query(q, name);
  *out = v ? v : fallback;
  return v && !*v ? err_set(e, FAIL_INVALID, MSG_VALUES_PARAMETER, name, "missing necessary parameters") : true;
}

static bool yaml(struct req *q, struct resp *r, struct err *e) {
  struct manifest_form f = {.namespace_ = api_text(q, "namespace"), .registry = api_text(q, "registry"), .registry_server = api_text(q, "registry_server_url"), .registry_username = api_text(q, "registry_username"), .registry_password = api_text(q, "registry_password"), .uuid = ""};
  const char *text;
  if (!given(q, "service_username", "admin", &f.service_username, e) || !given(q, "service_password", NULL, &f.service_password, e) || !given(q, "hostname", "kubefate.net", &f.hostname, e)) return false;
  if (!api_bool(q, "use_registry", false, &f.use_registry, e) || !api_bool(q, "use_registry_secret", false, &f.use_registry_secret, e)) return false;
  return manifest_render(q->a, &f, &text, e) && resp_json_string(r, q, text);
}

static bool scan(struct req *q, struct resp *r, struct err *e) {
  struct uuid infra, probe;
  const char *ns, *type, *id;
  struct endpoint x;
  struct probe p;
  struct scan_item s;
  struct jsw w;
  bool found;
  if (!jsq_str(q->json, "infra_provider_uuid", q->a, &id, e) || !jsq_str(q->json, "namespace", q->a, &ns, e) || !jsq_str(q->json, "type", q->a, &type, e)) return false;
  if (!uuid_parse(id, &infra)) return err_set(e, FAIL_INVALID, MSG_API_NO_PROVIDER);
  if (!endpoint_find(q->db, q->a, infra, ns, &x, &found, e)) return false;
  resp_json_begin(r, q, &w), jsw_arr(&w);
  if (found) {
    jsw_obj(&w), item(&w, q, &x), jsw_kbool(&w, "is_managed", true), jsw_kbool(&w, "is_compatible", true), jsw_end_obj(&w), jsw_end_arr(&w);
    return resp_json_end(r, &w);
  }
  if (!endpoint_ops_scan(q->db, q->a, infra, ns, type, q->who.name, &probe, e) || !probe_wait(q->db, q->a, probe, PROBE_MS, &p, e)) return false;
  endpoint_ops_scan_result(q->a, &p, &s);
  if (s.found) {
    jsw_obj(&w), jsw_kstr(&w, "uuid", ""), jsw_kstr(&w, "name", s.name), jsw_kstr(&w, "description", ""), jsw_kstr(&w, "type", "KubeFATE"), jsw_kstr(&w, "created_at", *s.created_at ? s.created_at : time_rfc3339(q->a, 0));
    jsw_kstr(&w, "infra_provider_name", ""), jsw_kstr(&w, "infra_provider_uuid", infra.s), jsw_kstr(&w, "namespace", ns), jsw_kstr(&w, "kubefate_host", ""), jsw_kstr(&w, "kubefate_address", ""), jsw_kstr(&w, "kubefate_version", "");
    jsw_ki64(&w, "status", 0), jsw_kbool(&w, "is_managed", false), jsw_kbool(&w, "is_compatible", s.compatible), jsw_end_obj(&w);
  }
  jsw_end_arr(&w);
  return resp_json_end(r, &w);
}

static bool create(struct req *q, struct resp *r, struct err *e) {
  struct endpoint_form f = {0};
  struct uuid id;
  int64_t mode;
  if (!jsq_str(q->json, "name", q->a, &f.name, e) || !jsq_str(q->json, "description", q->a, &f.description, e) || !jsq_str(q->json, "namespace", q->a, &f.namespace_, e) || !jsq_str(q->json, "type", q->a, &f.type, e) ||
      !jsq_bool(q->json, "install", &f.install, e) || !jsq_int(q->json, "ingress_controller_service_mode", 0, 255, &mode, e) || !jsq_str(q->json, "kubefate_deployment_yaml", q->a, &f.manifest, e) || !api_json_uuid(q, q->json, "infra_provider_uuid", &f.infra, e))
    return false;
  f.ingress_mode = (int)mode;
  return endpoint_ops_create(q->db, q->a, &q->app->seal, &f, q->who.name, &id, e) && resp_json_string(r, q, id.s);
}

static bool check(struct req *q, struct resp *r, struct err *e) {
  struct uuid id, probe;
  struct probe p;
  return req_uuid(q, 0, &id, e) && endpoint_ops_check(q->db, q->a, id, q->who.name, &probe, e) && probe_wait(q->db, q->a, probe, PROBE_MS, &p, e) && resp_json_null(r, q);
}

static bool remove_(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  bool uninstall = false, force;
  struct err odd = ERR_INIT;
  if (!api_bool(q, "uninstall", false, &uninstall, &odd)) uninstall = false; /* unparsable means false, as upstream */
  return req_uuid(q, 0, &id, e) && api_bool(q, "force", false, &force, e) && endpoint_ops_delete(q->db, q->a, id, uninstall, force, q->who.name, e) && resp_json_null(r, q);
}

static const struct route R[] = {
    {METHOD_GET, "/api/v1/endpoint", list, PERM_VIEW, ROUTE_API, 0},
    {METHOD_GET, "/api/v1/endpoint/kubefate/yaml", yaml, PERM_OPERATE, ROUTE_API, 0},
    {METHOD_POST, "/api/v1/endpoint/scan", scan, PERM_OPERATE, ROUTE_API | ROUTE_JSON | ROUTE_WAIT, 0},
    {METHOD_POST, "/api/v1/endpoint", create, PERM_OPERATE, ROUTE_API | ROUTE_JSON, 0},
    {METHOD_GET, "/api/v1/endpoint/{uuid}", detail, PERM_VIEW, ROUTE_API, 0},
    {METHOD_POST, "/api/v1/endpoint/{uuid}/kubefate/check", check, PERM_OPERATE, ROUTE_API | ROUTE_WAIT | ROUTE_JSON_OPTIONAL, 0},
    {METHOD_DELETE, "/api/v1/endpoint/{uuid}", remove_, PERM_OPERATE, ROUTE_API, 0},
};
const struct route_table API_ENDPOINT = {R, sizeof R / sizeof *R};
