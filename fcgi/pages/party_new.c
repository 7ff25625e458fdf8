/* Forms of exchange and cluster: configure, review the YAML, submit; and the record of an external one. The second screen carries the first one's values
 * in hidden fields, so nothing is stored before the last click and Back loses nothing. */
#include "base/name.h"
#include "base/num.h"
#include "base/str.h"
#include "model/infra.h"
#include "pages/party.h"
#include "pages/setup.h"
#include "pages/tables.h"
#include "tmpl/participant.h"

static const char *const FIELDS[] = {"name", "description", "party_id", "endpoint", "chart", "namespace", "certificates", "service_type", "persistence", "storage_class", "gpu", "use_registry", "registry", "use_registry_secret", NULL};

static bool usable(const struct chart *c) { return !c->must_upload && !c->historical; }

/* Clusters start from the exchange's version, an exchange from the newest. */
static void propose_chart(struct party_form_page *v, const char *version) {
  const struct chart *best = NULL;
  for (size_t i = 0; i < v->n_charts; i++) {
    const struct chart *c = &v->charts[i];
    if (!best || (*version ? streq(c->version, version) : strcmp(c->version, best->version) > 0)) best = c;
  }
  v->chart = best ? best->uuid.s : "";
}

static bool ready_endpoints(struct req *q, struct party_form_page *v, struct err *e) {
  struct endpoint *all;
  size_t n;
  if (!endpoint_list(q->db, q->a, &all, &n, e)) return false;
  v->endpoints = ARENA_ARRAY(q->a, struct endpoint, n + 1);
  for (size_t i = 0; i < n; i++)
    if (all[i].status == EP_READY) v->endpoints[v->n_endpoints++] = all[i];
  return true;
}

static bool charts(struct req *q, struct party_form_page *v, struct err *e) {
  struct chart *all;
  size_t n;
  if (!chart_list(q->db, q->a, v->type, false, &all, &n, e)) return false;
  v->charts = ARENA_ARRAY(q->a, struct chart, n + 1);
  for (size_t i = 0; i < n; i++)
    if (usable(&all[i])) v->charts[v->n_charts++] = all[i];
  return true;
}

/* A form that can only be refused is not shown. */
static bool missing(struct req *q, struct party_form_page *v, const struct participant *opt_exchange, struct err *e) {
  struct setup_view s;
  bool active = opt_exchange && opt_exchange->status == PARTY_ACTIVE;
  if (!v->external && !v->n_endpoints) v->missing = MSG_WIZARD_NO_ENDPOINT;
  else if (v->type == TYPE_CLUSTER && !active) v->missing = MSG_WIZARD_NO_EXCHANGE;
  if (!v->missing) return true;
  if (!setup_load(q, &s, e)) return false;
  setup_focus(&s, v->fed, opt_exchange);
  v->need = setup_need(q, &s, v->type == TYPE_EXCHANGE ? SETUP_EXCHANGE : SETUP_CLUSTERS);
  return true;
}

static bool suggestions(struct req *q, struct party_form_page *v, struct err *e) {
  struct participant x = {.chart_version = ""};
  struct infra *infras;
  bool found = false;
  long next = 0;
  size_t n;
  v->suggested = v->type == TYPE_EXCHANGE ? "exchange" : "", v->namespace_ = v->type == TYPE_EXCHANGE ? "fate-exchange" : "", v->namespace_hint = v->type == TYPE_EXCHANGE ? "fate-exchange" : "fate-9999", v->party_id = v->registry = "";
  if (!infra_list(q->db, q->a, &infras, &n, e)) return false;
  for (size_t i = 0; i < n; i++) {
    v->any_account |= infras[i].use_registry_secret;
    if (!*v->registry && infras[i].use_registry) v->registry = infras[i].registry;
  }
  if (v->type == TYPE_CLUSTER) {
    if (!participant_exchange(q->db, q->a, v->fed->uuid, &x, &found, e) || !participant_next_party(q->db, q->a, v->fed->uuid, &next, e)) return false;
    v->party_id = arena_fmt(q->a, "%ld", next), v->suggested = arena_fmt(q->a, "cluster-%ld", next), v->namespace_hint = arena_fmt(q->a, "fate-%ld", next);
  }
  propose_chart(v, found && x.is_managed ? x.chart_version : "");
  return missing(q, v, found ? &x : NULL, e);
}

static bool load(struct req *q, int type, struct party_form_page *v, struct err *e) {
  struct uuid id;
  const char *word = type == TYPE_EXCHANGE ? "exchange" : "cluster";
  *v = (struct party_form_page){.type = type, .fed = ARENA_NEW(q->a, struct federation), .fields = FIELDS, .external = req_query(q, "external") != NULL};
  if (!req_uuid(q, 0, &id, e) || !federation_get(q->db, q->a, id, v->fed, e) || !ready_endpoints(q, v, e) || !charts(q, v, e) || !suggestions(q, v, e)) return false;
  v->back = arena_fmt(q->a, "/federation/fate/%s", id.s);
  v->action = arena_fmt(q->a, "%s/%s/new%s", v->back, word, v->external ? "?external=1" : "");
  const char *name = q->method == METHOD_POST ? req_field(q, "name") : v->suggested;
  v->slug = name_deployment(q->a, name);
  return true;
}

static void form_body(struct buf *out, const struct page *p, const void *v) { tmpl_party_form(out, p, v); }
static bool show(struct req *q, struct resp *r, struct party_form_page *v, const struct err *why, struct err *e) {
  struct page p;
  page_init(&p, q, SEC_FEDERATION, text_raw(q->lang, v->external ? v->type == TYPE_EXCHANGE ? MSG_EXCHANGE_IMPORT : MSG_CLUSTER_IMPORT : v->type == TYPE_EXCHANGE ? MSG_EXCHANGE_NEW : MSG_CLUSTER_NEW));
  page_crumb(&p, tr(&p, MSG_NAV_FEDERATION), "/federation"), page_crumb(&p, v->fed->name, v->back);
  ui_refuse(&p, r, why);
  return page_render(&p, r, form_body, v, e);
}

static bool number(struct req *q, const char *field, long min, long max, long *out, struct err *e) {
  int64_t n = 0;
  const char *s = str_trim(q->a, req_field(q, field));
  if (!num_i64(s, min, max, &n)) return err_set(e, FAIL_INVALID, streq(field, "party_id") ? MSG_PARTY_ID_RANGE : MSG_VALUES_PARAMETER, streq(field, "party_id") ? str_excerpt(q->a, s, strlen(s), 40) : field, arena_fmt(q->a, "%ld–%ld", min, max));
  *out = (long)n;
  return true;
}

static bool pick_endpoint(struct req *q, struct party_form_page *v, struct infra *infra, struct err *e) {
  for (size_t i = 0; i < v->n_endpoints; i++)
    if (streq(v->endpoints[i].uuid.s, req_field(q, "endpoint"))) v->endpoint = &v->endpoints[i];
  if (!v->endpoint) return err_set(e, FAIL_INVALID, MSG_WIZARD_PICK_ENDPOINT);
  return infra_get(q->db, q->a, v->endpoint->infra_uuid, infra, e);
}

/* The values of the form; *pf is what creation takes, *vf what the YAML is made from. */
static bool read(struct req *q, struct party_form_page *v, struct party_form *pf, struct values_form *vf, struct err *e) {
  struct infra infra;
  long gpu = 0;
  values_defaults(vf);
  *pf = (struct party_form){.federation = v->fed->uuid, .name = req_field(q, "name"), .description = req_field(q, "description"), .deployment_yaml = ui_text(q, "yaml"), .service_type = streq(req_field(q, "service_type"), "1") ? SERVICE_LOADBALANCER : SERVICE_NODEPORT};
  if (!name_display(str_trim(q->a, pf->name))) return err_set(e, FAIL_INVALID, MSG_NAME_BAD);
  if (!pick_endpoint(q, v, &infra, e)) return false;
  if (!uuid_parse(req_field(q, "chart"), &pf->chart)) return err_set(e, FAIL_INVALID, MSG_WIZARD_PICK_CHART);
  if (v->type == TYPE_CLUSTER && (!number(q, "party_id", 1, 2147483647, &pf->party_id, e) || !participant_party_free(q->db, q->a, v->fed->uuid, pf->party_id, e))) return false;
  if (*req_field(q, "gpu") && !number(q, "gpu", 0, 64, &gpu, e)) return false;
  const char *ns = str_trim(q->a, req_field(q, "namespace"));
  if (*v->endpoint->namespace_) ns = v->endpoint->namespace_;
  else if (!*ns) ns = v->type == TYPE_EXCHANGE ? "fate-exchange" : arena_fmt(q->a, "fate-%ld", pf->party_id);
  v->namespace_ = ns;
  pf->endpoint = v->endpoint->uuid, pf->namespace_ = ns;
  pf->proxy_mode = pf->pulsar_mode = streq(req_field(q, "certificates"), "skip") ? CERT_SKIP : CERT_CREATE;
  pf->fml_server_mode = pf->fml_client_mode = pf->portal_server_mode = pf->portal_client_mode = CERT_SKIP;
  pf->use_registry_secret = req_flag(q, "use_registry_secret"), pf->registry_server = infra.registry_server, pf->registry_username = infra.registry_username, pf->registry_password = "";
  if (pf->use_registry_secret && !infra.use_registry_secret) return err_set(e, FAIL_INVALID, MSG_WIZARD_NO_REGISTRY_SECRET, infra.name);
  vf->name = str_trim(q->a, pf->name), vf->namespace_ = ns, vf->service_type = pf->service_type, vf->use_registry = req_flag(q, "use_registry"), vf->registry = str_trim(q->a, req_field(q, "registry")), vf->use_registry_secret = pf->use_registry_secret;
  vf->party_id = pf->party_id, vf->enable_persistence = req_flag(q, "persistence"), vf->storage_class = str_trim(q->a, req_field(q, "storage_class")), vf->gpu = (int)gpu;
  return true;
}

static bool external_post(struct req *q, struct resp *r, struct party_form_page *v, struct err *e) {
  struct err why = ERR_INIT;
  struct uuid id;
  struct external_form f = {.federation = v->fed->uuid, .name = req_field(q, "name"), .description = req_field(q, "description"), .a_host = str_trim(q->a, req_field(q, "a_host")), .nginx_host = str_trim(q->a, req_field(q, "nginx_host"))};
  if (!name_host(f.a_host) || !name_host(f.nginx_host)) err_set(&why, FAIL_INVALID, MSG_VALUES_PARAMETER, name_host(f.a_host) ? "nginx_host" : "a_host", "@expect.host");
  bool ok = !why.kind && number(q, "a_port", 1, 65535, &f.a_port, &why) && number(q, "nginx_port", 1, 65535, &f.nginx_port, &why) && (v->type == TYPE_EXCHANGE || number(q, "party_id", 1, 2147483647, &f.party_id, &why)) &&
            participant_ops_external(q->db, q->a, v->type, &f, q->who.name, &id, &why);
  if (!ok) return ui_again(&why, e) && show(q, r, v, &why, e);
  return resp_redirect(r, q, v->back);
}

static bool form_page_get(struct req *q, struct resp *r, int type, struct err *e) {
  struct party_form_page v;
  return load(q, type, &v, e) && show(q, r, &v, NULL, e);
}

static bool form_post(struct req *q, struct resp *r, int type, struct err *e) {
  struct party_form_page v;
  struct party_form pf;
  struct values_form vf;
  struct err why = ERR_INIT;
  struct uuid id;
  const char *step = req_field(q, "step");
  if (!load(q, type, &v, e)) return false;
  if (streq(step, "form")) return show(q, r, &v, NULL, e);
  if (v.external) return external_post(q, r, &v, e);
  if (!read(q, &v, &pf, &vf, &why)) return ui_again(&why, e) && show(q, r, &v, &why, e);
  if (!streq(step, "create")) return participant_ops_yaml(q->db, q->a, type, &vf, v.fed->uuid, pf.chart, &v.yaml, &why) ? show(q, r, &v, NULL, e) : ui_again(&why, e) && show(q, r, &v, &why, e);
  if (!participant_ops_create(q->db, q->a, &q->app->seal, type, &pf, q->who.name, &id, &why)) return v.yaml = pf.deployment_yaml, ui_again(&why, e) && show(q, r, &v, &why, e);
  return resp_redirect(r, q, arena_fmt(q->a, "%s/%s/detail/%s", v.back, type == TYPE_EXCHANGE ? "exchange" : "cluster", id.s));
}

static bool exchange_get(struct req *q, struct resp *r, struct err *e) { return form_page_get(q, r, TYPE_EXCHANGE, e); }
static bool exchange_post(struct req *q, struct resp *r, struct err *e) { return form_post(q, r, TYPE_EXCHANGE, e); }
static bool cluster_get(struct req *q, struct resp *r, struct err *e) { return form_page_get(q, r, TYPE_CLUSTER, e); }
static bool cluster_post(struct req *q, struct resp *r, struct err *e) { return form_post(q, r, TYPE_CLUSTER, e); }

static const struct route R[] = {
    {METHOD_GET, "/federation/fate/{uuid}/exchange/new", exchange_get, PERM_OPERATE, 0, 0},
    {METHOD_POST, "/federation/fate/{uuid}/exchange/new", exchange_post, PERM_OPERATE, 0, 0},
    {METHOD_GET, "/federation/fate/{uuid}/cluster/new", cluster_get, PERM_OPERATE, 0, 0},
    {METHOD_POST, "/federation/fate/{uuid}/cluster/new", cluster_post, PERM_OPERATE, 0, 0},
};
const struct route_table PAGES_PARTY_NEW = {R, sizeof R / sizeof *R};
