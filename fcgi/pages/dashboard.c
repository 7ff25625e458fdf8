/* Dashboard, operations, events, help. */
#include "pages/dashboard.h"
#include "base/str.h"
#include "deploy/op.h"
#include "pages/tables.h"
#include "tmpl/dashboard.h"

static bool load(struct req *q, struct dashboard *v, bool live_only, struct err *e) {
  *v = (struct dashboard){0};
  if (!operation_list(q->db, q->a, true, 20, &v->ops, &v->n_ops, e)) return false;
  for (size_t i = 0; i < v->n_ops; i++) v->n_running += ui_live(&v->ops[i]);
  return live_only || (setup_load(q, &v->setup, e) && federation_list(q->db, q->a, &v->federations, &v->n_federations, e) && event_recent(q->db, q->a, 12, &v->events, &v->n_events, e));
}

static void dashboard_body(struct buf *out, const struct page *p, const void *v) { tmpl_dashboard(out, p, v); }
static bool dashboard_get(struct req *q, struct resp *r, struct err *e) {
  struct dashboard v;
  struct page p;
  if (!load(q, &v, false, e)) return false;
  page_init(&p, q, SEC_DASHBOARD, text_raw(q->lang, MSG_NAV_DASHBOARD));
  p.refresh = v.n_running > 0;
  setup_cookie(q, r, &v.setup);
  return page_render(&p, r, dashboard_body, &v, e);
}

/* While something runs its rows are replaced; when nothing does any more, the page is loaded once more as a whole. */
static void live_body(struct buf *out, const struct page *p, const void *v) {
  const struct dashboard *d = v;
  tmpl_dashboard_live(out, p, d);
  if (!d->n_running) buf_str(out, "<span data-reload></span>");
}
static bool dashboard_fragment(struct req *q, struct resp *r, struct err *e) {
  struct dashboard v;
  return load(q, &v, true, e) && ui_fragment(q, r, live_body, &v, e);
}

/* --- operations --- */
struct op_view { struct operation *o; size_t n; bool open_only; struct event *events; size_t n_events; struct need need; };
static void operations_body(struct buf *out, const struct page *p, const void *v) {
  const struct op_view *x = v;
  tmpl_operations_page(out, p, x->o, x->n, x->open_only, &x->need);
}
static bool operations_get(struct req *q, struct resp *r, struct err *e) {
  struct page p;
  struct op_view v = {.open_only = req_query(q, "open") != NULL};
  if (!operation_list(q->db, q->a, v.open_only, 200, &v.o, &v.n, e) || !setup_need_of_list(q, v.n, SETUP_ENDPOINT, &v.need, e)) return false;
  page_init(&p, q, SEC_OPERATIONS, text_raw(q->lang, MSG_NAV_OPERATIONS));
  for (size_t i = 0; i < v.n; i++) p.refresh |= ui_live(&v.o[i]);
  return page_render(&p, r, operations_body, &v, e);
}

static void operation_body(struct buf *out, const struct page *p, const void *v) {
  const struct op_view *x = v;
  tmpl_operation_page(out, p, x->o, x->events, x->n_events);
}
static bool operation_page(struct req *q, struct resp *r, struct err *e) {
  struct page p;
  struct uuid id;
  struct operation o;
  struct event *all;
  struct op_view v = {.o = &o};
  size_t n;
  if (!req_uuid(q, 0, &id, e) || !operation_get(q->db, q->a, id, &o, e) || !event_list(q->db, q->a, o.subject, 200, 0, &all, &n, e)) return false;
  v.events = ARENA_ARRAY(q->a, struct event, n + 1);
  for (size_t i = 0; i < n; i++)
    if (all[i].operation_id == o.id) v.events[v.n_events++] = all[i];
  page_init(&p, q, SEC_OPERATIONS, text_raw(q->lang, MSG_NAV_OPERATIONS));
  p.title = arena_fmt(q->a, "%s: %s", ui_kind(&p, o.kind), o.subject_name);
  page_crumb(&p, text_raw(q->lang, MSG_NAV_OPERATIONS), "/operations");
  p.refresh = ui_live(&o);
  return page_render(&p, r, operation_body, &v, e);
}

static void fragment_body(struct buf *out, const struct page *p, const void *v) { tmpl_live_fragment(out, p, v); }
static bool operation_fragment(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct operation o;
  return req_uuid(q, 0, &id, e) && operation_get(q->db, q->a, id, &o, e) && ui_fragment(q, r, fragment_body, &o, e);
}

typedef bool act(struct db *db, struct arena *a, struct uuid op, const char *actor, struct err *e);
static bool operation_act(struct req *q, struct resp *r, act *f, enum msg said, struct err *e) {
  struct uuid id;
  struct operation o;
  struct page p;
  if (!req_uuid(q, 0, &id, e) || !operation_get(q->db, q->a, id, &o, e)) return false;
  if (!f(q->db, q->a, id, q->who.name, e)) return false;
  page_init(&p, q, SEC_NONE, "");
  return resp_redirect_flash(r, q, ui_subject_url(&p, &o), "ok", TEXT(said));
}
static bool operation_cancel(struct req *q, struct resp *r, struct err *e) { return operation_act(q, r, op_cancel, MSG_OPERATION_STOPPING, e); }
static bool operation_retry(struct req *q, struct resp *r, struct err *e) { return operation_act(q, r, op_retry, MSG_OPERATION_RETRYING, e); }

/* --- events, help --- */
static void events_body(struct buf *out, const struct page *p, const void *v) {
  const struct op_view *x = v;
  tmpl_events_page(out, p, x->events, x->n_events, &x->need);
}
static bool events_get(struct req *q, struct resp *r, struct err *e) {
  struct page p;
  struct op_view v = {0};
  if (!event_recent(q->db, q->a, 200, &v.events, &v.n_events, e) || !setup_need_of_list(q, v.n_events, SETUP_ENDPOINT, &v.need, e)) return false;
  page_init(&p, q, SEC_DASHBOARD, text_raw(q->lang, MSG_EVENTS_TITLE));
  page_crumb(&p, text_raw(q->lang, MSG_NAV_DASHBOARD), "/");
  return page_render(&p, r, events_body, &v, e);
}

static void help_body(struct buf *out, const struct page *p, const void *v) {
  (void)v;
  tmpl_help_page(out, p);
}
static bool help_get(struct req *q, struct resp *r, struct err *e) {
  struct page p;
  page_init(&p, q, SEC_NONE, text_raw(q->lang, MSG_HELP_TITLE));
  return page_render(&p, r, help_body, NULL, e);
}

static const struct route R[] = {
    {METHOD_GET, "/", dashboard_get, PERM_VIEW, 0, 0},
    {METHOD_GET, "/ui/dashboard", dashboard_fragment, PERM_VIEW, ROUTE_POLL, 0},
    {METHOD_GET, "/operations", operations_get, PERM_VIEW, 0, 0},
    {METHOD_GET, "/operations/{uuid}", operation_page, PERM_VIEW, 0, 0},
    {METHOD_POST, "/operations/{uuid}/cancel", operation_cancel, PERM_OPERATE, 0, 16384},
    {METHOD_POST, "/operations/{uuid}/retry", operation_retry, PERM_OPERATE, 0, 16384},
    {METHOD_GET, "/ui/operation/{uuid}", operation_fragment, PERM_VIEW, ROUTE_POLL, 0},
    {METHOD_GET, "/events", events_get, PERM_VIEW, 0, 0},
    {METHOD_GET, "/help", help_get, PERM_VIEW, 0, 0},
};
const struct route_table PAGES_DASHBOARD = {R, sizeof R / sizeof *R};
