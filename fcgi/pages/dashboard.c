/* Dashboard, events, help. */
#include "pages/dashboard.h"
#include "base/str.h"
#include "pages/tables.h"
#include "tmpl/dashboard.h"

static bool load(struct req *q, struct dashboard *v, bool live_only, struct err *e) {
  *v = (struct dashboard){0};
  bool more;
  if (!operation_list(q->db, q->a, &(struct operation_filter){.opt_state = "open", .limit = 20}, &v->ops, &v->n_ops, &more, e)) return false;
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

/* --- events, help --- */
struct events_view { struct event *events; size_t n_events; struct need need; };
static void events_body(struct buf *out, const struct page *p, const void *v) {
  const struct events_view *x = v;
  tmpl_events_page(out, p, x->events, x->n_events, &x->need);
}
static bool events_get(struct req *q, struct resp *r, struct err *e) {
  struct page p;
  struct events_view v = {0};
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
    {METHOD_GET, "/events", events_get, PERM_VIEW, 0, 0},
    {METHOD_GET, "/help", help_get, PERM_VIEW, 0, 0},
};
const struct route_table PAGES_DASHBOARD = {R, sizeof R / sizeof *R};
