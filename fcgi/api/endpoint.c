/* Endpoints: the KubeFATE service on an infrastructure (reference 10 section 5). */
#include "api/api.h"
#include "api/tables.h"
#include "base/name.h"
#include "base/str.h"
#include "deploy/endpoint_ops.h"
#include "model/infra.h"

static void item(struct jsw *w, const struct endpoint *x, const char *created_at) {
  jsw_kstr(w, "uuid", x->uuid.s), jsw_kstr(w, "name", x->name), jsw_kstr(w, "description", x->description), jsw_kstr(w, "type", x->type), jsw_kstr(w, "created_at", created_at);
  jsw_kstr(w, "infra_provider_name", x->infra_name), jsw_kstr(w, "infra_provider_uuid", x->infra_uuid.s), jsw_kstr(w, "namespace", x->namespace_);
  jsw_kstr(w, "kubefate_host", x->host), jsw_kstr(w, "kubefate_address", x->address), jsw_kstr(w, "kubefate_version", x->version), jsw_ki64(w, "status", x->status);
}

static bool list(struct req *q, struct resp *r, struct err *e) {
  struct endpoint *v;
  size_t n;
  struct jsw w;
  if (!endpoint_list(q->db, q->a, &v, &n, e)) return false;
  resp_json_begin(r, q, &w), jsw_arr(&w);
  for (size_t i = 0; i < n; i++) jsw_obj(&w), item(&w, &v[i], time_rfc3339(q->a, v[i].created_at)), jsw_end_obj(&w);
  jsw_end_arr(&w);
  return resp_json_end(r, &w);
}

static bool get(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct endpoint x;
  struct jsw w;
  if (!req_uuid(q, 0, &id, e) || !endpoint_get(q->db, q->a, id, &x, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), item(&w, &x, time_rfc3339(q->a, x.created_at)), jsw_kstr(&w, "kubefate_deployment_yaml", x.manifest), jsw_end_obj(&w);
  return resp_json_end(r, &w);
}

/* A parameter that is there but empty is an error, unlike one that is absent (reference 10 section 5.3). */
static const char *given(const struct req *q, const char *name, const char *fallback) {
  const char *v = req_query(q, name);
  return v ? v : fallback;
}

static bool yaml(struct req *q, struct resp *r, struct err *e) {
  struct manifest_form f = {.namespace_ = given(q, "namespace", ""), .service_username = given(q, "service_username", "admin"), .service_password = req_query(q, "service_password"), .hostname = given(q, "hostname", "kubefate.net"),
                            .registry = "", .registry_server = "", .registry_username = "", .registry_password = "", .storage_class = "", .ingress_class = "", .uuid = ""};
  const char *text;
  if (!api_query_bool(q, "use_registry", false, &f.use_registry, e) || !api_query_bool(q, "use_registry_secret", false, &f.use_registry_secret, e)) return false;
  if (f.use_registry) f.registry = api_query(q, "registry", "");
  if (f.use_registry_secret) {
    f.registry_server = api_query(q, "registry_server_url", ""), f.registry_username = api_query(q, "registry_username", ""), f.registry_password = api_query(q, "registry_password", "");
    if (!*f.registry_password) return err_set(e, FAIL_INVALID, MSG_API_MISSING, "registry_password");
  }
  return manifest_render(q->a, &f, &text, e) && resp_json_string(r, q, text);
}

static bool scan_answer(struct req *q, struct resp *r, const struct endpoint *opt_x, const char *created_at, bool managed, bool compatible) {
  struct jsw w;
  resp_json_begin(r, q, &w), jsw_arr(&w);
  if (opt_x) jsw_obj(&w), item(&w, opt_x, created_at), jsw_kbool(&w, "is_managed", managed), jsw_kbool(&w, "is_compatible", compatible), jsw_end_obj(&w);
  jsw_end_arr(&w);
  return resp_json_end(r, &w);
}

/* Looks at the cluster for a KubeFATE that we do not know. */
static bool look(struct req *q, struct uuid infra, const char *ns, const char *type, struct scan_item *out, struct err *e) {
  struct uuid probe;
  struct probe p;
  if (!endpoint_ops_scan(q->db, q->a, infra, ns, type, q->who.name, &probe, e) || !api_wait(q, probe, &p, e)) return false;
  endpoint_ops_scan_result(q->a, &p, out);
  return true;
}

static bool scan(struct req *q, struct resp *r, struct err *e) {
  struct uuid infra;
  struct infra i;
  struct endpoint x = {0};
  struct scan_item s;
  const char *type, *ns;
  bool known;
  if (!api_body_uuid(q, "infra_provider_uuid", &infra, e) || !jsq_str(q->json, "type", q->a, &type, e) || !jsq_str(q->json, "namespace", q->a, &ns, e) || !infra_get(q->db, q->a, infra, &i, e)) return false;
  if (streq(type, "KubeFATE")) {
    if (!endpoint_find(q->db, q->a, infra, ns, &x, &known, e)) return false;
    if (known) return scan_answer(q, r, &x, time_rfc3339(q->a, x.created_at), true, true);
  }
  if (!look(q, infra, ns, type, &s, e)) return false;
  x = (struct endpoint){.infra_uuid = infra, .infra_name = i.name, .namespace_ = ns, .name = s.name, .description = "", .type = type, .host = "", .address = "", .version = ""};
  return scan_answer(q, r, s.found ? &x : NULL, *nn(s.created_at) ? s.created_at : time_rfc3339(q->a, 0), s.managed, s.compatible);
}

static bool create(struct req *q, struct resp *r, struct err *e) {
  struct endpoint_form f = {.registry_password = ""};
  struct scan_item s;
  struct uuid id;
  long mode;
  if (!api_body_uuid(q, "infra_provider_uuid", &f.infra, e) || !api_body_name(q, &f.name, e) || !jsq_str(q->json, "description", q->a, &f.description, e) || !jsq_str(q->json, "namespace", q->a, &f.namespace_, e)) return false;
  if (!jsq_str(q->json, "type", q->a, &f.type, e) || !jsq_bool(q->json, "install", &f.install, e) || !api_body_long(q->json, "ingress_controller_service_mode", &mode, e) || !jsq_str(q->json, "kubefate_deployment_yaml", q->a, &f.manifest, e)) return false;
  if (!name_display(f.name)) return err_set(e, FAIL_INVALID, MSG_NAME_BAD);
  f.ingress_mode = mode < 0 || mode > 255 ? -1 : (int)mode;
  if (!f.install) {
    if (!look(q, f.infra, f.namespace_, f.type, &s, e)) return false;
    if (!s.found) return err_set(e, FAIL_CONFLICT, MSG_API_ADOPT_NONE);
    if (!s.compatible) return err_set(e, FAIL_CONFLICT, MSG_API_ADOPT_INCOMPATIBLE, nn(s.version));
  }
  return endpoint_ops_create(q->db, q->a, &q->app->seal, &f, q->who.name, &id, e) && resp_json_string(r, q, id.s);
}

static bool check(struct req *q, struct resp *r, struct err *e) {
  struct uuid id, probe;
  struct probe p;
  return req_uuid(q, 0, &id, e) && endpoint_ops_check(q->db, q->a, id, q->who.name, &probe, e) && api_wait(q, probe, &p, e) && resp_json_null(r, q);
}

static bool drop(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  bool uninstall = false, force;
  struct err unreadable = ERR_INIT;
  if (!req_uuid(q, 0, &id, e) || !api_query_bool(q, "force", false, &force, e)) return false;
  if (!api_query_bool(q, "uninstall", false, &uninstall, &unreadable)) uninstall = false; /* as upstream: what cannot be read leaves KubeFATE alone */
  return endpoint_ops_delete(q->db, q->a, id, uninstall, force, q->who.name, e) && resp_json_null(r, q);
}

static bool repair(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  return req_uuid(q, 0, &id, e) && endpoint_ops_repair(q->db, q->a, id, q->who.name, e) && resp_json_null(r, q);
}

static const struct route R[] = {
    {METHOD_GET, "/api/v1/endpoint", list, PERM_VIEW, ROUTE_API, 0},
    {METHOD_POST, "/api/v1/endpoint", create, PERM_OPERATE, ROUTE_API | ROUTE_JSON | ROUTE_WAIT, 0},
    {METHOD_GET, "/api/v1/endpoint/kubefate/yaml", yaml, PERM_OPERATE, ROUTE_API, 0},
    {METHOD_POST, "/api/v1/endpoint/scan", scan, PERM_OPERATE, ROUTE_API | ROUTE_JSON | ROUTE_WAIT, 0},
    {METHOD_GET, "/api/v1/endpoint/{uuid}", get, PERM_VIEW, ROUTE_API, 0},
    {METHOD_DELETE, "/api/v1/endpoint/{uuid}", drop, PERM_OPERATE, ROUTE_API, 0},
    {METHOD_POST, "/api/v1/endpoint/{uuid}/kubefate/check", check, PERM_OPERATE, ROUTE_API | ROUTE_WAIT, 0},
    {METHOD_POST, "/api/v1/endpoint/{uuid}/repair", repair, PERM_OPERATE, ROUTE_API, 0}, /* ours */
};
const struct route_table API_ENDPOINT = {R, sizeof R / sizeof *R};
