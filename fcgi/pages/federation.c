/* Federations: list, form, detail with tabs, deletion, "Rebuild routes". */
#include "pages/federation.h"
#include <stdlib.h>
#include "base/num.h"
#include "base/str.h"
#include "codec/jsonb.h"
#include "deploy/federation_ops.h"
#include "deploy/participant_ops.h"
#include "pages/setup.h"
#include "pages/tables.h"
#include "tmpl/federation.h"

struct rows_view { struct federation *v; size_t n; struct need need; };
static void list_body(struct buf *out, const struct page *p, const void *v) {
  const struct rows_view *x = v;
  tmpl_federation_list(out, p, x->v, x->n, &x->need);
}
static bool list_get(struct req *q, struct resp *r, struct err *e) {
  struct rows_view v;
  struct page p;
  if (!federation_list(q->db, q->a, &v.v, &v.n, e) || !setup_need_of_list(q, v.n, SETUP_FEDERATION, &v.need, e)) return false;
  page_init(&p, q, SEC_FEDERATION, text_raw(q->lang, MSG_NAV_FEDERATION));
  return page_render(&p, r, list_body, &v, e);
}

static void form_body(struct buf *out, const struct page *p, const void *v) {
  (void)v;
  tmpl_federation_form(out, p);
}
static bool form_show(struct req *q, struct resp *r, const struct err *why, struct err *e) {
  struct page p;
  page_init(&p, q, SEC_FEDERATION, text_raw(q->lang, MSG_FEDERATION_NEW));
  page_crumb(&p, text_raw(q->lang, MSG_NAV_FEDERATION), "/federation");
  ui_refuse(&p, r, why);
  return page_render(&p, r, form_body, NULL, e);
}
static bool new_get(struct req *q, struct resp *r, struct err *e) { return form_show(q, r, NULL, e); }
static bool new_post(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct err why = ERR_INIT;
  if (!federation_create(q->db, q->a, req_field(q, "name"), req_field(q, "description"), req_field(q, "domain"), &id, &why)) return ui_again(&why, e) && form_show(q, r, &why, e);
  return resp_redirect(r, q, arena_fmt(q->a, "/federation/fate/%s", id.s));
}

/* --- detail --- */
static int by_number(const void *x, const void *y) {
  const long *a = x, *b = y;
  return *a < *b ? -1 : *a > *b;
}

/* Keys of {"9999":{...}}; the database orders them as texts. */
static void routed(struct req *q, struct federation_page *v, const char *seen) {
  enum { ROUTES_MAX = 4096 };
  struct jsonb_member m;
  size_t n = 0;
  int64_t party;
  for (const char *at = seen; jsonb_next(&at, &m);) n++;
  long *out = ARENA_ARRAY(q->a, long, n + 1);
  for (const char *at = seen; jsonb_next(&at, &m) && v->n_routed < n && n < ROUTES_MAX;)
    if (num_i64(jsonb_text(q->a, m.key, m.key_len), 0, INT64_MAX, &party)) out[v->n_routed++] = (long)party;
  qsort(out, v->n_routed, sizeof *out, by_number);
  v->routed = out;
}

static bool needs(struct req *q, struct federation_page *v, struct err *e) {
  struct setup_view s;
  if (v->exchange && v->n_clusters) return true;
  if (!setup_load(q, &s, e)) return false;
  setup_focus(&s, v->x, v->exchange);
  v->need_exchange = setup_need(q, &s, SETUP_EXCHANGE), v->need_cluster = setup_need(q, &s, SETUP_CLUSTERS);
  v->need_cluster.plain = !v->exchange && streq(v->tab, "");
  return true;
}

bool federation_page_load(struct req *q, struct federation_page *v, struct err *e) {
  struct uuid id;
  struct participant *all;
  size_t n;
  *v = (struct federation_page){.x = ARENA_NEW(q->a, struct federation), .tab = nn(req_query(q, "tab"))};
  if (!req_uuid(q, 0, &id, e) || !participant_page(q->db, q->a, id, streq(v->tab, "access"), v->x, &all, &n, e)) return false;
  v->self = arena_fmt(q->a, "/federation/fate/%s", id.s);
  v->all = v->clusters = all, v->access = ARENA_ARRAY(q->a, struct access, n + 1);
  if (n && all[0].type == TYPE_EXCHANGE) v->exchange = all, v->clusters = all + 1, n--;
  v->n_clusters = n;
  if (v->exchange) {
    v->exchange_ready = v->exchange->status == PARTY_ACTIVE, v->routes_managed = v->exchange->is_managed, v->busy = streq(v->exchange->op_state, "running") || streq(v->exchange->op_state, "queued");
    routed(q, v, v->exchange->routes_seen);
  }
  for (size_t i = 0; i < n; i++) v->n_active += v->clusters[i].status == PARTY_ACTIVE, v->busy |= streq(v->clusters[i].op_state, "running") || streq(v->clusters[i].op_state, "queued");
  return needs(q, v, e);
}

bool federation_routed(const struct federation_page *v, const struct participant *x) {
  return v->n_routed && bsearch(&x->party_id, v->routed, v->n_routed, sizeof *v->routed, by_number) != NULL;
}

const struct access *federation_access(const struct page *p, const struct federation_page *v, const struct participant *x) {
  struct access *a = &v->access[x - v->all];
  if (!a->read) (streq(v->tab, "access") ? ui_access : ui_services)(p, x, a);
  return a;
}

const char *access_label(const struct page *p, const char *ingress) {
  if (streq(ingress, "client")) return tr(p, MSG_ACCESS_OPEN_NOTEBOOK);
  if (streq(ingress, "fateboard")) return tr(p, MSG_ACCESS_OPEN_FATEBOARD);
  return ingress;
}

/* The page of a federation that was removed as a whole says so in the list. */
static bool gone(struct req *q, struct resp *r, struct err *e) {
  struct operation o;
  struct uuid id;
  struct err none = ERR_INIT;
  bool has;
  if (e->kind != FAIL_NOT_FOUND || !req_uuid(q, 0, &id, &none) || !operation_latest(q->db, q->a, id, &o, &has, &none) || !has || !streq(o.kind, "federation_remove")) return false;
  err_clear(e);
  return resp_redirect_flash(r, q, ui_removed_url(q, &o, "/federation"), "ok", TEXT(MSG_REMOVED, o.subject_name));
}

static void detail_body(struct buf *out, const struct page *p, const void *v) { tmpl_federation_detail(out, p, v); }
static bool detail_get(struct req *q, struct resp *r, struct err *e) {
  struct federation_page v;
  struct page p;
  if (!federation_page_load(q, &v, e)) return gone(q, r, e);
  v.op = ARENA_NEW(q->a, struct operation);
  if ((v.x->removal && !operation_latest(q->db, q->a, v.x->uuid, v.op, &v.has_op, e)) || (streq(v.tab, "events") && !event_federation(q->db, q->a, v.x->uuid, 200, &v.events, &v.n_events, e))) return false;
  page_init(&p, q, SEC_FEDERATION, arena_fmt(q->a, "%s – %s", v.x->name, text_raw(q->lang, MSG_NAV_FEDERATION)));
  page_crumb(&p, text_raw(q->lang, MSG_NAV_FEDERATION), "/federation");
  p.refresh = v.busy || (v.has_op && ui_live(v.op));
  return page_render(&p, r, detail_body, &v, e);
}
static void live_body(struct buf *out, const struct page *p, const void *v) {
  const struct federation_page *f = v;
  tmpl_federation_live(out, p, f);
  if (!f->busy) buf_str(out, "<span data-reload></span>");
}
static bool live_get(struct req *q, struct resp *r, struct err *e) {
  struct federation_page v;
  return federation_page_load(q, &v, e) && ui_fragment(q, r, live_body, &v, e);
}

static bool routes_post(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  if (!req_uuid(q, 0, &id, e) || !participant_ops_push(q->db, q->a, id, q->who.name, e)) return false;
  return resp_redirect_flash(r, q, arena_fmt(q->a, "/federation/fate/%s", id.s), "ok", TEXT(MSG_ROUTES_REBUILDING));
}

static void delete_body(struct buf *out, const struct page *p, const void *v) { tmpl_federation_delete(out, p, v); }
static bool delete_show(struct req *q, struct resp *r, const struct err *why, struct err *e) {
  struct federation_page v;
  struct page p;
  if (!federation_page_load(q, &v, e)) return gone(q, r, e);
  page_init(&p, q, SEC_FEDERATION, arena_fmt(q->a, "%s: %s", text_raw(q->lang, MSG_ACTION_DELETE), v.x->name));
  page_crumb(&p, text_raw(q->lang, MSG_NAV_FEDERATION), "/federation"), page_crumb(&p, v.x->name, v.self);
  ui_refuse(&p, r, why);
  return page_render(&p, r, delete_body, &v, e);
}
static bool delete_get(struct req *q, struct resp *r, struct err *e) { return delete_show(q, r, NULL, e); }
static bool remove_post(struct req *q, struct resp *r, struct err *e) {
  struct uuid id, op;
  struct federation f;
  struct err why = ERR_INIT;
  if (!req_uuid(q, 0, &id, e) || !federation_get(q->db, q->a, id, &f, e)) return gone(q, r, e);
  if (!streq(req_field(q, "confirm"), f.name)) err_set(&why, FAIL_INVALID, MSG_DELETE_NAME_DIFFERS, f.name);
  if (why.kind || !federation_ops_remove(q->db, q->a, id, req_flag(q, "force"), q->who.name, &op, &why)) return ui_again(&why, e) && delete_show(q, r, &why, e);
  return resp_redirect(r, q, arena_fmt(q->a, "/federation/fate/%s", id.s));
}
static bool delete_post(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct federation f;
  if (!req_uuid(q, 0, &id, e) || !federation_get(q->db, q->a, id, &f, e) || !federation_delete(q->db, q->a, id, e)) return false;
  return resp_redirect_flash(r, q, "/federation", "ok", TEXT(MSG_FEDERATION_DELETED, f.name));
}

static const struct route R[] = {
    {METHOD_GET, "/federation", list_get, PERM_VIEW, 0, 0},
    {METHOD_GET, "/federation/new", new_get, PERM_OPERATE, 0, 0},
    {METHOD_POST, "/federation/new", new_post, PERM_OPERATE, 0, 65536},
    {METHOD_GET, "/federation/fate/{uuid}", detail_get, PERM_VIEW, 0, 0},
    {METHOD_GET, "/ui/federation/{uuid}", live_get, PERM_VIEW, ROUTE_POLL, 0},
    {METHOD_POST, "/federation/fate/{uuid}/routes", routes_post, PERM_OPERATE, 0, 16384},
    {METHOD_GET, "/federation/fate/{uuid}/delete", delete_get, PERM_OPERATE, 0, 0},
    {METHOD_POST, "/federation/fate/{uuid}/delete", delete_post, PERM_OPERATE, 0, 16384},
    {METHOD_POST, "/federation/fate/{uuid}/remove", remove_post, PERM_OPERATE, 0, 16384},
};
const struct route_table PAGES_FEDERATION = {R, sizeof R / sizeof *R};
