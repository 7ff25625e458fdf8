/* Endpoints: list, detail, check, deletion. The wizard is in endpoint_new.c. */
#include "pages/endpoint.h"
#include "base/str.h"
#include "deploy/chart_ops.h"
#include "pages/setup.h"
#include "pages/tables.h"
#include "tmpl/endpoint.h"

struct rows_view { struct endpoint *v; size_t n; struct need need; };
static void list_body(struct buf *out, const struct page *p, const void *v) {
  const struct rows_view *x = v;
  tmpl_endpoint_list(out, p, x->v, x->n, &x->need);
}
static bool list_get(struct req *q, struct resp *r, struct err *e) {
  struct rows_view v;
  struct page p;
  if (!endpoint_list(q->db, q->a, &v.v, &v.n, e) || !setup_need_of_list(q, v.n, SETUP_ENDPOINT, &v.need, e)) return false;
  page_init(&p, q, SEC_ENDPOINT, text_raw(q->lang, MSG_NAV_ENDPOINT));
  for (size_t i = 0; i < v.n; i++) p.refresh |= streq(v.v[i].op_state, "running");
  return page_render(&p, r, list_body, &v, e);
}

static bool find(struct req *q, struct endpoint_page *v, struct err *e) {
  struct uuid id;
  *v = (struct endpoint_page){.x = ARENA_NEW(q->a, struct endpoint), .op = ARENA_NEW(q->a, struct operation), .tab = nn(req_query(q, "tab"))};
  if (!req_uuid(q, 0, &id, e) || !operation_latest(q->db, q->a, id, v->op, &v->has_op, e)) return false;
  v->self = arena_fmt(q->a, "/endpoint-detail/%s", id.s);
  return endpoint_get(q->db, q->a, id, v->x, e);
}

/* The page of an endpoint that was removed in the meantime says so in the list. */
static bool gone(struct req *q, struct resp *r, const struct endpoint_page *v, struct err *e) {
  if (e->kind != FAIL_NOT_FOUND || !v->has_op || !streq(v->op->kind, "endpoint_remove")) return false;
  err_clear(e);
  return resp_redirect_flash(r, q, ui_removed_url(q, v->op, "/endpoint"), "ok", TEXT(MSG_REMOVED, v->op->subject_name));
}

static void probe_state(struct req *q, struct endpoint_page *v, struct err *store) {
  struct probe pr;
  struct err lost = ERR_INIT;
  if (!uuid_parse(req_query(q, "probe"), &v->probe) || !probe_get(q->db, q->a, v->probe, &pr, &lost)) return;
  v->waiting = streq(pr.state, "queued"), v->failed = streq(pr.state, "failed"), v->passed = streq(pr.state, "done");
  if (v->failed) (void)probe_error(q->a, &pr, store);
  v->why = store;
}

static bool charts(struct req *q, struct endpoint_page *v, struct uuid id, struct err *e) {
  if (!chart_given_list(q->db, q->a, id, &v->charts, &v->n_charts, e)) return false;
  for (size_t i = 0; i < v->n_charts; i++) v->handing_over |= *v->charts[i].op_state && !streq(v->charts[i].op_state, "failed");
  return true;
}
static void charts_body(struct buf *out, const struct page *p, const void *v) {
  const struct endpoint_page *x = v;
  tmpl_endpoint_charts(out, p, x);
  if (!x->handing_over) buf_str(out, "<span data-reload></span>");
}
static bool charts_get(struct req *q, struct resp *r, struct err *e) {
  struct endpoint_page v = {.x = ARENA_NEW(q->a, struct endpoint)};
  return req_uuid(q, 0, &v.x->uuid, e) && charts(q, &v, v.x->uuid, e) && ui_fragment(q, r, charts_body, &v, e);
}

static void detail_body(struct buf *out, const struct page *p, const void *v) { tmpl_endpoint_detail(out, p, v); }
static bool detail_get(struct req *q, struct resp *r, struct err *e) {
  struct endpoint_page v;
  struct page p;
  struct err why = ERR_INIT;
  if (!find(q, &v, e)) return gone(q, r, &v, e);
  if (streq(v.tab, "events") ? !event_list(q->db, q->a, v.x->uuid, 200, 0, &v.events, &v.n_events, e) : !participant_list_endpoint(q->db, q->a, v.x->uuid, &v.parties, &v.n_parties, e)) return false;
  if (!*v.tab && !charts(q, &v, v.x->uuid, e)) return false;
  if (streq(v.tab, "workloads") && !workloads_load(q, INSPECT_ENDPOINT, v.x->uuid, v.self, &v.watch, e)) return false;
  if (!workloads_away(q, v.x->infra_uuid, &v.away, e)) return false;
  if (!streq(v.tab, "workloads")) probe_state(q, &v, &why);
  page_init(&p, q, SEC_ENDPOINT, arena_fmt(q->a, "%s – %s", v.x->name, text_raw(q->lang, MSG_NAV_ENDPOINT)));
  page_crumb(&p, text_raw(q->lang, MSG_NAV_ENDPOINT), "/endpoint");
  p.refresh = v.waiting || v.watch.waiting || v.handing_over || (v.has_op && ui_live(v.op));
  return page_render(&p, r, detail_body, &v, e);
}

static bool check_post(struct req *q, struct resp *r, struct err *e) {
  struct uuid id, probe;
  if (!req_uuid(q, 0, &id, e) || !endpoint_ops_check(q->db, q->a, id, q->who.name, &probe, e)) return false;
  return resp_redirect(r, q, arena_fmt(q->a, "/endpoint-detail/%s?probe=%s", id.s, probe.s));
}

static bool chart_post(struct req *q, struct resp *r, struct err *e) {
  struct uuid id, chart;
  return req_uuid(q, 0, &id, e) && req_uuid(q, 1, &chart, e) && chart_ops_give(q->db, q->a, id, chart, q->who.name, e) && resp_redirect(r, q, arena_fmt(q->a, "/endpoint-detail/%s", id.s));
}

static bool repair_post(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  return req_uuid(q, 0, &id, e) && endpoint_ops_repair(q->db, q->a, id, q->who.name, e) && resp_redirect(r, q, arena_fmt(q->a, "/endpoint-detail/%s", id.s));
}

static void delete_body(struct buf *out, const struct page *p, const void *v) { tmpl_endpoint_delete(out, p, v); }
static bool delete_show(struct req *q, struct resp *r, struct endpoint_page *v, const struct err *why, struct err *e) {
  struct page p;
  if (!participant_list_endpoint(q->db, q->a, v->x->uuid, &v->parties, &v->n_parties, e) || !endpoint_objects(q->db, q->a, v->x->uuid, &v->objects, &v->n_objects, e)) return false;
  page_init(&p, q, SEC_ENDPOINT, arena_fmt(q->a, "%s: %s", text_raw(q->lang, MSG_ACTION_DELETE), v->x->name));
  page_crumb(&p, text_raw(q->lang, MSG_NAV_ENDPOINT), "/endpoint"), page_crumb(&p, v->x->name, v->self);
  ui_refuse(&p, r, why);
  return page_render(&p, r, delete_body, v, e);
}
static bool delete_get(struct req *q, struct resp *r, struct err *e) {
  struct endpoint_page v;
  return find(q, &v, e) && delete_show(q, r, &v, NULL, e);
}
static bool delete_post(struct req *q, struct resp *r, struct err *e) {
  struct endpoint_page v;
  struct err why = ERR_INIT;
  if (!find(q, &v, e)) return gone(q, r, &v, e);
  bool force = req_flag(q, "force");
  if (force && !streq(req_field(q, "confirm"), v.x->name)) err_set(&why, FAIL_INVALID, MSG_DELETE_NAME_DIFFERS, v.x->name);
  if (why.kind || !endpoint_ops_delete(q->db, q->a, v.x->uuid, req_flag(q, "uninstall"), force, q->who.name, &why)) return ui_again(&why, e) && delete_show(q, r, &v, &why, e);
  return resp_redirect(r, q, v.self);
}

static const struct route R[] = {
    {METHOD_GET, "/endpoint", list_get, PERM_VIEW, 0, 0},
    {METHOD_GET, "/endpoint-detail/{uuid}", detail_get, PERM_VIEW, 0, 0},
    {METHOD_POST, "/endpoint-detail/{uuid}/check", check_post, PERM_OPERATE, 0, 16384},
    {METHOD_GET, "/ui/endpoint/{uuid}/charts", charts_get, PERM_VIEW, ROUTE_POLL, 0},
    {METHOD_POST, "/endpoint-detail/{uuid}/chart/{uuid}", chart_post, PERM_OPERATE, 0, 16384},
    {METHOD_POST, "/endpoint-detail/{uuid}/repair", repair_post, PERM_OPERATE, 0, 16384},
    {METHOD_GET, "/endpoint-detail/{uuid}/delete", delete_get, PERM_OPERATE, 0, 0},
    {METHOD_POST, "/endpoint-detail/{uuid}/delete", delete_post, PERM_OPERATE, 0, 16384},
};
const struct route_table PAGES_ENDPOINT = {R, sizeof R / sizeof *R};
