/* /infra (reference 10 section 3). */
#include "api/common.h"
#include "api/tables.h"
#include "deploy/infra_ops.h"

enum { PROBE_MS = 10000 };

static void head(struct jsw *w, struct req *q, const struct infra *i) {
  jsw_kstr(w, "name", i->name), jsw_kstr(w, "description", i->description), jsw_kstr(w, "type", i->type), jsw_kstr(w, "uuid", i->uuid.s), api_time(w, q, "created_at", i->created_at);
}

static bool list(struct req *q, struct resp *r, struct err *e) {
  struct infra *v;
  struct jsw w;
  size_t n;
  if (!infra_list(q->db, q->a, &v, &n, e)) return false;
  resp_json_begin(r, q, &w), jsw_arr(&w);
  for (size_t i = 0; i < n; i++) jsw_obj(&w), head(&w, q, &v[i]), jsw_key(&w, "kubernetes_provider_info"), jsw_obj(&w), jsw_kstr(&w, "api_server", v[i].api_host), jsw_end_obj(&w), jsw_end_obj(&w);
  jsw_end_arr(&w);
  return resp_json_end(r, &w);
}

static bool detail(struct req *q, struct resp *r, struct err *e) {
  struct infra i;
  struct uuid id;
  struct jsw w;
  if (!req_uuid(q, 0, &id, e) || !infra_get(q->db, q->a, id, &i, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), head(&w, q, &i), jsw_key(&w, "kubernetes_provider_info"), jsw_obj(&w);
  jsw_kstr(&w, "api_server", i.api_host), jsw_kstr(&w, "kubeconfig_content", i.kubeconfig_shown), jsw_key(&w, "namespaces_list"), jsw_arr(&w);
  for (size_t k = 0; k < i.n_namespaces; k++) jsw_str(&w, i.namespaces[k]);
  jsw_end_arr(&w), jsw_kbool(&w, "is_in_cluster", false), jsw_key(&w, "registry_config_fate"), jsw_obj(&w), jsw_kbool(&w, "use_registry", i.use_registry), jsw_kstr(&w, "registry", i.registry);
  jsw_kbool(&w, "use_registry_secret", i.use_registry_secret), jsw_key(&w, "registry_secret_config"), jsw_obj(&w), jsw_kstr(&w, "server_url", i.registry_server), jsw_kstr(&w, "username", i.registry_username);
  jsw_kstr(&w, "password", uuid_none(i.registry_secret) ? "" : infra_ops_registry_mask(q->a, i.uuid)), jsw_end_obj(&w), jsw_end_obj(&w), jsw_end_obj(&w), jsw_end_obj(&w);
  return resp_json_end(r, &w);
}

static bool read_info(struct req *q, const js *info, struct infra_form *f, struct err *e) {
  const js *reg, *sec;
  return jsq_str(info, "kubeconfig_content", q->a, &f->kubeconfig, e) && jsq_bool(info, "is_in_cluster", &f->in_cluster, e) && jsq_strs(info, "namespaces_list", q->a, &f->namespaces, &f->n_namespaces, e) &&
         jsq_bool(info, "allow_insecure_tls", &f->allow_insecure, e) && jsq_obj(info, "registry_config_fate", &reg, e) && jsq_bool(reg, "use_registry", &f->use_registry, e) && jsq_str(reg, "registry", q->a, &f->registry, e) &&
         jsq_bool(reg, "use_registry_secret", &f->use_registry_secret, e) && jsq_obj(reg, "registry_secret_config", &sec, e) && jsq_str(sec, "server_url", q->a, &f->registry_server, e) &&
         jsq_str(sec, "username", q->a, &f->registry_username, e) && jsq_str(sec, "password", q->a, &f->registry_password, e);
}

static bool read_form(struct req *q, struct infra_form *f, struct err *e) {
  const js *info;
  *f = (struct infra_form){0};
  return jsq_str(q->json, "name", q->a, &f->name, e) && jsq_str(q->json, "description", q->a, &f->description, e) && jsq_str(q->json, "type", q->a, &f->type, e) && jsq_obj(q->json, "kubernetes_provider_info", &info, e) && read_info(q, info, f, e);
}

/* Tested by the poller with exactly these values, then stored. */
static bool test_and_commit(struct req *q, struct resp *r, const struct infra_form *f, struct err *e) {
  struct uuid probe, id;
  struct probe p;
  return infra_ops_test(q->db, q->a, &q->app->seal, f, false, q->who.name, &probe, e) && probe_wait(q->db, q->a, probe, PROBE_MS, &p, e) && infra_ops_commit(q->db, q->a, probe, q->who.name, &id, e) && resp_json_null(r, q);
}

static bool create(struct req *q, struct resp *r, struct err *e) {
  struct infra_form f;
  return read_form(q, &f, e) && test_and_commit(q, r, &f, e);
}

static bool update(struct req *q, struct resp *r, struct err *e) {
  struct infra_form f;
  struct uuid id;
  bool needs_test;
  if (!read_form(q, &f, e) || !req_uuid(q, 0, &id, e)) return false;
  f.uuid = id;
  if (!infra_ops_update(q->db, q->a, &q->app->seal, &f, q->who.name, &needs_test, e)) return false;
  return needs_test ? test_and_commit(q, r, &f, e) : resp_json_null(r, q);
}

/* Upstream's detail page posts back what GET gave: the mask names the infrastructure whose stored kubeconfig is meant. */
static bool connect(struct req *q, struct resp *r, struct err *e) {
  struct infra_form f = {.type = "Kubernetes", .name = "", .description = ""};
  struct uuid probe;
  struct probe p;
  if (!read_info(q, q->json, &f, e)) return false;
  const char *mask = strstr(f.kubeconfig, "(stored: ");
  if (mask && !uuid_parse(arena_strndup(q->a, mask + 9, 36), &f.uuid)) return err_set(e, FAIL_INVALID, MSG_INFRA_ENTER_AGAIN, "kubeconfig_content");
  return infra_ops_test(q->db, q->a, &q->app->seal, &f, true, q->who.name, &probe, e) && probe_wait(q->db, q->a, probe, PROBE_MS, &p, e) && resp_json_null(r, q);
}

static bool remove_(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  return req_uuid(q, 0, &id, e) && infra_ops_delete(q->db, q->a, id, e) && resp_json_null(r, q);
}

static const struct route R[] = {
    {METHOD_GET, "/api/v1/infra", list, PERM_VIEW, ROUTE_API, 0},
    {METHOD_POST, "/api/v1/infra", create, PERM_OPERATE, ROUTE_API | ROUTE_JSON | ROUTE_WAIT, 3 << 20},
    {METHOD_POST, "/api/v1/infra/kubernetes/connect", connect, PERM_OPERATE, ROUTE_API | ROUTE_JSON | ROUTE_WAIT, 3 << 20},
    {METHOD_GET, "/api/v1/infra/{uuid}", detail, PERM_VIEW, ROUTE_API, 0},
    {METHOD_PUT, "/api/v1/infra/{uuid}", update, PERM_OPERATE, ROUTE_API | ROUTE_JSON | ROUTE_WAIT, 3 << 20},
    {METHOD_DELETE, "/api/v1/infra/{uuid}", remove_, PERM_OPERATE, ROUTE_API, 0},
};
const struct route_table API_INFRA = {R, sizeof R / sizeof *R};
