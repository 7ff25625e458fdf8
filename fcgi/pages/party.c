/* Exchange and cluster: detail with tabs, delete plan. The forms are in party_new.c. */
#include "pages/party.h"
#include "base/str.h"
#include "codec/js.h"
#include "model/cert.h"
#include "pages/tables.h"
#include "tmpl/participant.h"

static const char *section_url(struct req *q, const struct uuid federation) { return arena_fmt(q->a, "/federation/fate/%s", federation.s); }

static bool find(struct req *q, struct party_page *v, struct err *e) {
  struct uuid federation, id;
  *v = (struct party_page){.x = ARENA_NEW(q->a, struct participant), .op = ARENA_NEW(q->a, struct operation), .tab = nn(req_query(q, "tab"))};
  if (!req_uuid(q, 0, &federation, e) || !req_uuid(q, 1, &id, e) || !operation_latest(q->db, q->a, id, v->op, &v->has_op, e) || !participant_get(q->db, q->a, id, v->x, e)) return false;
  struct page p = {.q = q};
  v->self = ui_party_url(&p, v->x);
  return uuid_eq(federation, v->x->federation_uuid) ? true : err_set(e, FAIL_NOT_FOUND, MSG_PARTY_UNKNOWN, id.s);
}

/* The page of a participant that was removed in the meantime leads to its federation and says so. */
static bool gone(struct req *q, struct resp *r, const struct operation *o, bool has_op, struct err *e) {
  if (e->kind != FAIL_NOT_FOUND || !has_op || !(streq(o->kind, "exchange_remove") || streq(o->kind, "cluster_remove"))) return false;
  err_clear(e);
  return resp_redirect_flash(r, q, ui_removed_url(q, o, section_url(q, o->federation_uuid)), "ok", TEXT(MSG_REMOVED, o->subject_name));
}

static void frame(struct page *p, struct req *q, const struct participant *x, const char *title) {
  page_init(p, q, SEC_FEDERATION, title);
  page_crumb(p, tr(p, MSG_NAV_FEDERATION), "/federation"), page_crumb(p, x->federation_name, section_url(q, x->federation_uuid));
}

/* --- certificates tab --- */
static bool issued(struct req *q, const struct participant *x, struct party_page *v, struct err *e) {
  static const struct { const char *key; int type; enum msg label; enum cert_service service; const char *secret; } INFO[] = {
      {"proxy_server_cert_info", TYPE_EXCHANGE, MSG_CERT_PROXY, CS_ATS, "traffic-server-cert"}, {"fml_manager_server_cert_info", TYPE_EXCHANGE, MSG_CERT_FML_SERVER, CS_FML_SERVER, "fml-manager-cert"},
      {"fml_manager_client_cert_info", TYPE_EXCHANGE, MSG_CERT_FML_CLIENT, CS_FML_CLIENT, NULL}, {"pulsar_server_cert_info", TYPE_CLUSTER, MSG_CERT_PULSAR, CS_PULSAR, "pulsar-cert"},
      {"site_portal_server_cert_info", TYPE_CLUSTER, MSG_CERT_PORTAL_SERVER, CS_PORTAL_SERVER, "site-portal-cert"}, {"site_portal_client_cert_info", TYPE_CLUSTER, MSG_CERT_PORTAL_CLIENT, CS_PORTAL_CLIENT, NULL}};
  struct cert *all;
  js *modes = NULL;
  size_t n;
  if (!cert_list(q->db, q->a, &all, &n, e) || !js_parse(q->a, x->cert_modes, strlen(x->cert_modes), 65536, &modes, e)) return false;
  v->certs = ARENA_ARRAY(q->a, struct cert_row, 6);
  for (size_t i = 0; i < sizeof INFO / sizeof *INFO; i++) {
    const js *m = js_obj(modes, INFO[i].key);
    bool main_one = INFO[i].service == CS_ATS || INFO[i].service == CS_PULSAR, create = js_int(m, "binding_mode", CERT_SKIP) == CERT_CREATE;
    if (INFO[i].type != x->type || (!main_one && !create && !x->portal)) continue;
    struct cert_row *c = &v->certs[v->n_certs++];
    *c = (struct cert_row){.label = INFO[i].label, .mode = create ? MSG_MODE_CREATE : MSG_MODE_SKIP, .cn = ""};
    if (!create && INFO[i].secret) v->manual = v->manual ? arena_fmt(q->a, "%s, %s", v->manual, INFO[i].secret) : INFO[i].secret;
    for (size_t k = 0; k < n; k++)
      for (size_t b = 0; b < all[k].n_bindings; b++)
        if (uuid_eq(all[k].bindings[b].participant_uuid, x->uuid) && all[k].bindings[b].service_type == (int)INFO[i].service) c->cn = all[k].subject_cn, c->uuid = all[k].uuid.s, c->not_after = all[k].not_after;
  }
  return true;
}

static bool routes(struct req *q, struct party_page *v) {
  struct err bad = ERR_INIT;
  js *o = NULL;
  v->routes = ARENA_ARRAY(q->a, const char *, 1000);
  if (!js_parse(q->a, v->x->routes_seen, strlen(v->x->routes_seen), 1 << 20, &o, &bad)) return true;
  for (struct js_iter it = js_iter(o); js_next(&it) && v->n_routes < 1000;) v->routes[v->n_routes++] = arena_strdup(q->a, it.key);
  return true;
}

/* --- detail --- */
static void detail_body(struct buf *out, const struct page *p, const void *v) { tmpl_party_detail(out, p, v); }
static bool detail_get(struct req *q, struct resp *r, struct err *e) {
  struct party_page v;
  struct page p;
  if (!find(q, &v, e)) return gone(q, r, v.op, v.has_op, e);
  if (streq(v.tab, "events") && !event_list(q->db, q->a, v.x->uuid, 200, 0, &v.events, &v.n_events, e)) return false;
  if (streq(v.tab, "certificates") && !issued(q, v.x, &v, e)) return false;
  if (streq(v.tab, "workloads") && !workloads_load(q, INSPECT_PARTY, v.x->uuid, v.self, &v.watch, e)) return false;
  if (v.x->is_managed && !workloads_away(q, v.x->infra_uuid, &v.away, e)) return false;
  frame(&p, q, v.x, arena_fmt(q->a, "%s – %s", v.x->name, v.x->type == TYPE_EXCHANGE ? "Exchange" : "Cluster"));
  if (streq(v.tab, "access")) ui_access(&p, v.x, &v.access);
  if (v.x->type == TYPE_EXCHANGE) (void)routes(q, &v);
  p.refresh = (v.has_op && ui_live(v.op)) || v.watch.waiting;
  return page_render(&p, r, detail_body, &v, e);
}

/* Where only the participant is known (operations, events): its page, or its federation's when it is gone. */
static bool redirect(struct req *q, struct resp *r, const char *page, struct err *e) {
  struct uuid id;
  struct participant x;
  struct operation o;
  struct page p = {.q = q};
  bool has_op;
  if (!req_uuid(q, 0, &id, e) || !operation_latest(q->db, q->a, id, &o, &has_op, e)) return false;
  if (!participant_get(q->db, q->a, id, &x, e)) return gone(q, r, &o, has_op, e);
  return resp_redirect(r, q, arena_fmt(q->a, "%s%s", ui_party_url(&p, &x), page));
}
static bool redirect_get(struct req *q, struct resp *r, struct err *e) { return redirect(q, r, "", e); }
static bool redirect_delete_get(struct req *q, struct resp *r, struct err *e) { return redirect(q, r, "/delete", e); }

/* --- deletion --- */
const struct delete_line *party_leftovers(const struct party_page *v) {
  for (size_t i = 0; i < v->n_plan; i++)
    if (v->plan[i].kind == 3) return &v->plan[i];
  return NULL;
}
static void delete_body(struct buf *out, const struct page *p, const void *v) { tmpl_party_delete(out, p, v); }
static bool delete_show(struct req *q, struct resp *r, struct party_page *v, const struct err *why, struct err *e) {
  struct page p;
  if (!participant_ops_delete_plan(q->db, q->a, v->x, &v->plan, &v->n_plan, &v->blocked, e)) return false;
  v->needs_force = v->x->status != PARTY_ACTIVE && v->x->status != PARTY_RECONFIGURING && v->x->status != PARTY_FAILED;
  frame(&p, q, v->x, arena_fmt(q->a, "%s: %s", text_raw(q->lang, MSG_ACTION_DELETE), v->x->name));
  page_crumb(&p, v->x->name, v->self);
  ui_refuse(&p, r, why);
  return page_render(&p, r, delete_body, v, e);
}
static bool delete_get(struct req *q, struct resp *r, struct err *e) {
  struct party_page v;
  return find(q, &v, e) ? delete_show(q, r, &v, NULL, e) : gone(q, r, v.op, v.has_op, e);
}
static bool delete_post(struct req *q, struct resp *r, struct err *e) {
  struct party_page v;
  struct err why = ERR_INIT;
  if (!find(q, &v, e)) return gone(q, r, v.op, v.has_op, e);
  bool force = req_flag(q, "force");
  if (force && !streq(req_field(q, "confirm"), v.x->name)) err_set(&why, FAIL_INVALID, MSG_DELETE_NAME_DIFFERS, v.x->name);
  if (why.kind || !participant_ops_delete(q->db, q->a, v.x->type, v.x->uuid, v.x->federation_uuid, force, q->who.name, &why)) return ui_again(&why, e) && delete_show(q, r, &v, &why, e);
  return resp_redirect(r, q, v.self);
}

static bool repair_post(struct req *q, struct resp *r, struct err *e) {
  struct party_page v;
  if (!find(q, &v, e)) return gone(q, r, v.op, v.has_op, e);
  return participant_ops_repair(q->db, q->a, v.x->type, v.x->uuid, v.x->federation_uuid, q->who.name, e) && resp_redirect(r, q, v.self);
}

static const struct route R[] = {
    {METHOD_GET, "/participant/{uuid}", redirect_get, PERM_VIEW, 0, 0},
    {METHOD_GET, "/participant/{uuid}/delete", redirect_delete_get, PERM_OPERATE, 0, 0},
    {METHOD_GET, "/federation/fate/{uuid}/exchange/detail/{uuid}", detail_get, PERM_VIEW, 0, 0},
    {METHOD_GET, "/federation/fate/{uuid}/cluster/detail/{uuid}", detail_get, PERM_VIEW, 0, 0},
    {METHOD_POST, "/federation/fate/{uuid}/exchange/detail/{uuid}/repair", repair_post, PERM_OPERATE, 0, 16384},
    {METHOD_POST, "/federation/fate/{uuid}/cluster/detail/{uuid}/repair", repair_post, PERM_OPERATE, 0, 16384},
    {METHOD_GET, "/federation/fate/{uuid}/exchange/detail/{uuid}/delete", delete_get, PERM_OPERATE, 0, 0},
    {METHOD_GET, "/federation/fate/{uuid}/cluster/detail/{uuid}/delete", delete_get, PERM_OPERATE, 0, 0},
    {METHOD_POST, "/federation/fate/{uuid}/exchange/detail/{uuid}/delete", delete_post, PERM_OPERATE, 0, 16384},
    {METHOD_POST, "/federation/fate/{uuid}/cluster/detail/{uuid}/delete", delete_post, PERM_OPERATE, 0, 16384},
};
const struct route_table PAGES_PARTY = {R, sizeof R / sizeof *R};
