/* Infrastructures (reference 10 section 3). Creating, changing and testing one waits for a probe of the poller. */
#include "api/api.h"
#include "api/tables.h"
#include "base/str.h"
#include "deploy/infra_ops.h"

enum { BODY_MAX = 3 << 20 }; /* a kubeconfig of 1 MiB with its line breaks escaped */

static void head(struct jsw *w, struct req *q, const struct infra *i) {
  jsw_kstr(w, "name", i->name), jsw_kstr(w, "description", i->description), jsw_kstr(w, "type", i->type), jsw_kstr(w, "uuid", i->uuid.s), api_time(w, q, "created_at", i->created_at);
}

static bool list(struct req *q, struct resp *r, struct err *e) {
  struct infra *v;
  size_t n;
  struct jsw w;
  if (!infra_list(q->db, q->a, &v, &n, e)) return false;
  resp_json_begin(r, q, &w), jsw_arr(&w);
  for (size_t i = 0; i < n; i++) {
    jsw_obj(&w), head(&w, q, &v[i]), jsw_key(&w, "kubernetes_provider_info"), jsw_obj(&w), jsw_kstr(&w, "api_server", v[i].api_host);
    jsw_end_obj(&w), jsw_end_obj(&w);
  }
  jsw_end_arr(&w);
  return resp_json_end(r, &w);
}

static void registry(struct jsw *w, struct req *q, const struct infra *i) {
  jsw_key(w, "registry_config_fate"), jsw_obj(w), jsw_kbool(w, "use_registry", i->use_registry), jsw_kstr(w, "registry", i->registry), jsw_kbool(w, "use_registry_secret", i->use_registry_secret);
  jsw_key(w, "registry_secret_config"), jsw_obj(w), jsw_kstr(w, "server_url", i->registry_server), jsw_kstr(w, "username", i->registry_username);
  jsw_kstr(w, "password", uuid_none(i->registry_secret) ? "" : infra_ops_registry_mask(q->a, i->uuid));
  jsw_end_obj(w), jsw_end_obj(w);
}

/* Masks made before the infrastructure had its uuid name it "new"; a client that sends the text back to be tested must name the one it means. */
static const char *shown(struct req *q, const struct infra *i) {
  static const char NEW[] = "(stored: new/";
  struct buf b;
  const char *text = i->kubeconfig_shown;
  buf_init(&b, q->a, 4 << 20);
  for (const char *p; (p = strstr(text, NEW)); text = p + strlen(NEW)) buf_add(&b, text, (size_t)(p - text)), buf_fmt(&b, "(stored: %s/", i->uuid.s);
  buf_str(&b, text);
  return b.p;
}

static bool get(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct infra i;
  struct jsw w;
  if (!req_uuid(q, 0, &id, e) || !infra_get(q->db, q->a, id, &i, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), head(&w, q, &i);
  jsw_key(&w, "kubernetes_provider_info"), jsw_obj(&w), jsw_kstr(&w, "api_server", i.api_host), jsw_kstr(&w, "kubeconfig_content", shown(q, &i));
  jsw_key(&w, "namespaces_list"), jsw_arr(&w);
  for (size_t k = 0; k < i.n_namespaces; k++) jsw_str(&w, i.namespaces[k]);
  jsw_end_arr(&w), jsw_kbool(&w, "is_in_cluster", false), registry(&w, q, &i);
  jsw_end_obj(&w), jsw_end_obj(&w);
  return resp_json_end(r, &w);
}

/* The members that tell how to reach the cluster: kubernetes_provider_info, or the whole body of a connection test. */
static bool cluster(struct req *q, const js *o, struct infra_form *f, struct err *e) {
  return jsq_str(o, "kubeconfig_content", q->a, &f->kubeconfig, e) && jsq_bool(o, "is_in_cluster", &f->in_cluster, e) && jsq_strs(o, "namespaces_list", q->a, &f->namespaces, &f->n_namespaces, e) &&
         jsq_bool(o, "allow_insecure_tls", &f->allow_insecure, e);
}

static bool form(struct req *q, struct infra_form *f, struct err *e) {
  const js *info;
  struct api_registry g;
  bool allow;
  *f = (struct infra_form){0};
  if (!api_body_name(q, &f->name, e) || !jsq_str(q->json, "description", q->a, &f->description, e) || !jsq_str(q->json, "type", q->a, &f->type, e) || !jsq_obj(q->json, "kubernetes_provider_info", &info, e)) return false;
  if (!cluster(q, info, f, e) || !jsq_bool(q->json, "allow_insecure_tls", &allow, e) || !api_registry(q, info, "registry_config_fate", &g, e)) return false;
  f->allow_insecure |= allow;
  f->use_registry = g.use, f->registry = g.registry, f->use_registry_secret = g.use_secret, f->registry_server = g.server, f->registry_username = g.username, f->registry_password = g.password;
  return true;
}

/* Tests the values of the form; when the cluster takes them, they become the infrastructure. */
static bool store(struct req *q, struct resp *r, const struct infra_form *f, struct err *e) {
  struct uuid probe, id;
  struct probe p;
  if (!infra_ops_test(q->db, q->a, &q->app->seal, f, false, q->who.name, &probe, e) || !api_wait(q, probe, &p, e)) return false;
  return infra_ops_commit(q->db, q->a, probe, q->who.name, &id, e) && resp_json_null(r, q);
}

static bool create(struct req *q, struct resp *r, struct err *e) {
  struct infra_form f;
  return form(q, &f, e) && store(q, r, &f, e);
}

static bool update(struct req *q, struct resp *r, struct err *e) {
  struct infra_form f;
  struct uuid id;
  bool needs_test;
  if (!req_uuid(q, 0, &id, e) || !form(q, &f, e)) return false;
  f.uuid = id;
  if (!infra_ops_update(q->db, q->a, &q->app->seal, &f, q->who.name, &needs_test, e)) return false;
  return needs_test ? store(q, r, &f, e) : resp_json_null(r, q);
}

static bool drop(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  return req_uuid(q, 0, &id, e) && infra_ops_delete(q->db, q->a, id, e) && resp_json_null(r, q);
}

/* The detail page of upstream's front end tests what GET gave it. The masks in that text name the infrastructure whose secrets they stand for. */
static bool masked(struct req *q, const char *text, struct uuid *out) {
  static const char BEGIN[] = "(stored: ";
  const char *p = strstr(text, BEGIN);
  return p && strlen(p) > strlen(BEGIN) + 36 && uuid_parse(arena_strndup(q->a, p + strlen(BEGIN), 36), out);
}

static bool connect(struct req *q, struct resp *r, struct err *e) {
  struct infra_form f = {.type = "Kubernetes", .name = "", .description = ""};
  struct uuid probe, of;
  struct probe p;
  if (!cluster(q, q->json, &f, e)) return false;
  if (masked(q, f.kubeconfig, &of)) f.uuid = of;
  return infra_ops_test(q->db, q->a, &q->app->seal, &f, true, q->who.name, &probe, e) && api_wait(q, probe, &p, e) && resp_json_null(r, q);
}

static const struct route R[] = {
    {METHOD_GET, "/api/v1/infra", list, PERM_VIEW, ROUTE_API, 0},
    {METHOD_POST, "/api/v1/infra", create, PERM_OPERATE, ROUTE_API | ROUTE_JSON | ROUTE_WAIT, BODY_MAX},
    {METHOD_POST, "/api/v1/infra/kubernetes/connect", connect, PERM_OPERATE, ROUTE_API | ROUTE_JSON | ROUTE_WAIT, BODY_MAX},
    {METHOD_GET, "/api/v1/infra/{uuid}", get, PERM_VIEW, ROUTE_API, 0},
    {METHOD_PUT, "/api/v1/infra/{uuid}", update, PERM_OPERATE, ROUTE_API | ROUTE_JSON | ROUTE_WAIT, BODY_MAX},
    {METHOD_DELETE, "/api/v1/infra/{uuid}", drop, PERM_OPERATE, ROUTE_API, 0},
};
const struct route_table API_INFRA = {R, sizeof R / sizeof *R};
