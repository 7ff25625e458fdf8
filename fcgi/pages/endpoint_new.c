/* New endpoint: pick an infrastructure, look what is there (a probe), then install with a reviewed manifest or add what was found. */
#include "base/str.h"
#include "pages/endpoint.h"
#include "pages/infra.h"
#include "pages/setup.h"
#include "pages/tables.h"
#include "tmpl/endpoint.h"

static const char *const FIELDS[] = {"name", "description", "service_username", "hostname", "storage_class", "use_registry", "registry", "use_registry_secret", "ingress", NULL};

static void pick_body(struct buf *out, const struct page *p, const void *v) { tmpl_endpoint_pick(out, p, v); }
static bool pick_show(struct req *q, struct resp *r, const struct err *why, struct err *e) {
  struct endpoint_page v = {0};
  struct page p;
  if (!infra_list(q->db, q->a, &v.infras, &v.n_infras, e) || !setup_need_of_list(q, v.n_infras, SETUP_ENDPOINT, &v.need, e)) return false;
  for (size_t i = 0; i < v.n_infras; i++) v.any_limited |= v.infras[i].n_namespaces > 0;
  page_init(&p, q, SEC_ENDPOINT, text_raw(q->lang, MSG_ENDPOINT_NEW));
  page_crumb(&p, text_raw(q->lang, MSG_NAV_ENDPOINT), "/endpoint");
  ui_refuse(&p, r, why);
  return page_render(&p, r, pick_body, &v, e);
}
static bool pick_get(struct req *q, struct resp *r, struct err *e) { return pick_show(q, r, NULL, e); }

/* One namespace needs no typing; the field is ignored where the infrastructure is not limited. */
static const char *namespace_of(struct req *q, const struct infra *i) {
  const char *typed = str_trim(q->a, req_field(q, "namespace"));
  if (!i->n_namespaces) return "";
  return i->n_namespaces == 1 && !*typed ? i->namespaces[0] : typed;
}
static bool pick_post(struct req *q, struct resp *r, struct err *e) {
  struct uuid infra, probe;
  struct infra i;
  struct err why = ERR_INIT;
  bool ok = uuid_parse(req_field(q, "infra"), &infra) ? infra_get(q->db, q->a, infra, &i, &why) : err_set(&why, FAIL_INVALID, MSG_ENDPOINT_PICK_ONE);
  if (!ok || !endpoint_ops_scan(q->db, q->a, infra, namespace_of(q, &i), "KubeFATE", q->who.name, &probe, &why)) return ui_again(&why, e) && pick_show(q, r, &why, e);
  return resp_redirect(r, q, arena_fmt(q->a, "/endpoint/new/%s", probe.s));
}

static bool load(struct req *q, struct endpoint_page *v, struct err *store, struct err *e) {
  struct uuid id;
  struct probe pr;
  struct endpoint there;
  js *facts = NULL;
  *v = (struct endpoint_page){.infra = ARENA_NEW(q->a, struct infra), .fields = FIELDS};
  if (!req_uuid(q, 0, &id, e) || !probe_get(q->db, q->a, id, &pr, e) || !infra_get(q->db, q->a, pr.subject, v->infra, e)) return false;
  const char *ns = nn(js_str(pr.input, "namespace"));
  v->probe = id, v->waiting = streq(pr.state, "queued"), v->failed = streq(pr.state, "failed"), v->why = store;
  v->kube_ns = *ns ? ns : "kube-fate", v->suggested = arena_fmt(q->a, "kubefate-%s", v->infra->name);
  if (v->failed) (void)probe_error(q->a, &pr, store);
  endpoint_ops_scan_result(q->a, &pr, &v->scan);
  if (!endpoint_find(q->db, q->a, v->infra->uuid, ns, &there, &v->managed, e)) return false;
  if (!js_parse(q->a, v->infra->facts, strlen(v->infra->facts), 1 << 20, &facts, e)) return false;
  const js *classes = js_arr(facts, "storage_classes");
  v->storage = ARENA_ARRAY(q->a, const char *, js_len(classes) + 1);
  for (size_t i = 0; i < js_len(classes); i++) v->storage[v->n_storage++] = nn(js_self_str(js_item(classes, i)));
  return true;
}

static void form_body(struct buf *out, const struct page *p, const void *v) { tmpl_endpoint_form(out, p, v); }
static bool form_show(struct req *q, struct resp *r, struct endpoint_page *v, const struct err *why, struct err *e) {
  struct page p;
  page_init(&p, q, SEC_ENDPOINT, text_raw(q->lang, MSG_ENDPOINT_NEW));
  page_crumb(&p, text_raw(q->lang, MSG_NAV_ENDPOINT), "/endpoint");
  p.refresh = v->waiting;
  ui_refuse(&p, r, why);
  return page_render(&p, r, form_body, v, e);
}
static bool form_page_get(struct req *q, struct resp *r, struct err *e) {
  struct endpoint_page v;
  struct err why = ERR_INIT;
  return load(q, &v, &why, e) && form_show(q, r, &v, NULL, e);
}

static const char *limited_ns(const struct endpoint_page *v) { return v->infra->n_namespaces ? v->kube_ns : ""; }

static bool render(struct req *q, struct endpoint_page *v, struct err *e) {
  const struct infra *i = v->infra;
  struct manifest_form m = {.namespace_ = limited_ns(v), .service_username = str_trim(q->a, req_field(q, "service_username")), .hostname = str_trim(q->a, req_field(q, "hostname")), .use_registry = req_flag(q, "use_registry"),
                            .registry = str_trim(q->a, req_field(q, "registry")), .use_registry_secret = req_flag(q, "use_registry_secret"), .registry_server = i->registry_server, .registry_username = i->registry_username,
                            .registry_password = "", .storage_class = req_field(q, "storage_class"), .ingress = req_flag(q, "ingress"), .ingress_class = "nginx", .uuid = "new"};
  return manifest_render(q->a, &m, &v->yaml, e);
}

static bool form_post(struct req *q, struct resp *r, struct err *e) {
  struct endpoint_page v;
  struct err why = ERR_INIT, scan = ERR_INIT;
  struct uuid id;
  const char *step = req_field(q, "step");
  if (!load(q, &v, &scan, e)) return false;
  if (streq(step, "form") || v.waiting || v.failed) return form_show(q, r, &v, NULL, e);
  struct endpoint_form f = {.name = req_field(q, "name"), .description = req_field(q, "description"), .infra = v.infra->uuid, .namespace_ = limited_ns(&v), .type = "KubeFATE", .install = !v.scan.found, .manifest = ui_text(q, "yaml"),
                            .registry_password = req_field(q, "registry_password")};
  if (streq(step, "create")) {
    if (endpoint_ops_create(q->db, q->a, &q->app->seal, &f, q->who.name, &id, &why)) return resp_redirect(r, q, arena_fmt(q->a, "/endpoint-detail/%s", id.s));
    if (!v.scan.found) v.yaml = f.manifest;
  } else (void)render(q, &v, &why);
  return why.kind ? ui_again(&why, e) && form_show(q, r, &v, &why, e) : form_show(q, r, &v, NULL, e);
}

static const struct route R[] = {
    {METHOD_GET, "/endpoint/new", pick_get, PERM_OPERATE, 0, 0},
    {METHOD_POST, "/endpoint/new", pick_post, PERM_OPERATE, 0, 16384},
    {METHOD_GET, "/endpoint/new/{uuid}", form_page_get, PERM_OPERATE, 0, 0},
    {METHOD_POST, "/endpoint/new/{uuid}", form_post, PERM_OPERATE, 0, 0},
};
const struct route_table PAGES_ENDPOINT_NEW = {R, sizeof R / sizeof *R};
