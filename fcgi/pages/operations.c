/* Operations: list with filters and pages, detail, and what is done to them. */
#include "pages/operations.h"
#include "base/num.h"
#include "base/str.h"
#include "deploy/engine.h"
#include "deploy/fsm.h"
#include "deploy/op.h"
#include "model/federation.h"
#include "pages/tables.h"
#include "tmpl/operations.h"

/* --- list --- */
static const char *const FILTERS[] = {"state", "kind", "subject", "federation", "actor", "since"};
enum { N_FILTERS = sizeof FILTERS / sizeof *FILTERS, TIMELINE_MOST = 500 };

/* The same list from another place on: its address with the filters that are set. */
static const char *address(struct req *q, const char *path, const char *opt_name, const char *value) {
  struct buf b;
  const char *sep = "?";
  buf_init(&b, q->a, 16384), buf_str(&b, path);
  for (int i = 0; i < N_FILTERS; i++) {
    const char *v = req_query(q, FILTERS[i]);
    if (str_blank(v)) continue;
    buf_fmt(&b, "%s%s=", sep, FILTERS[i]), buf_urlq(&b, v);
    sep = "&";
  }
  if (opt_name) buf_fmt(&b, "%s%s=", sep, opt_name), buf_urlq(&b, value);
  return b.p;
}

static bool ask(struct req *q, struct operations_page *v, struct err *why) {
  struct op_query x = {.state = req_query(q, "state"), .kind = req_query(q, "kind"), .subject = req_query(q, "subject"), .federation = req_query(q, "federation"), .actor = req_query(q, "actor"), .since = req_query(q, "since"),
                       .before = req_query(q, "before"), .after = req_query(q, "after")};
  if (!num_int(q->tz_offset, -900, 900, &x.tz_minutes)) x.tz_minutes = 0;
  return op_query_read(q->a, &x, &v->f, why);
}

static bool load(struct req *q, struct operations_page *v, struct err *e) {
  bool more;
  const struct operation_filter *f = &v->f;
  for (int i = 0; i < N_FILTERS; i++) v->filtered |= !str_blank(req_query(q, FILTERS[i]));
  v->narrowed = v->filtered && (!streq(f->opt_state, "open") || f->opt_kind || f->opt_name || f->opt_actor || f->since || !uuid_none(f->subject) || !uuid_none(f->federation));
  v->older = v->newer = v->poll = "";
  if (v->bad) return true;
  if (!operation_list(q->db, q->a, f, &v->o, &v->n, &more, e)) return false;
  for (size_t i = 0; i < v->n; i++) v->n_live += operation_live(&v->o[i]);
  if (v->n && (more || f->after)) v->older = address(q, "/operations", "before", arena_fmt(q->a, "%ld", v->o[v->n - 1].id));
  if (v->n && (f->before || (more && f->after))) v->newer = address(q, "/operations", "after", arena_fmt(q->a, "%ld", v->o[0].id));
  if (f->after && !more) v->newer = ""; /* the newest page */
  v->poll = address(q, "/ui/operations", f->before ? "before" : f->after ? "after" : NULL, arena_fmt(q->a, "%ld", f->before ? f->before : f->after));
  return true;
}

static struct choice *choice_add(struct choice *v, size_t *n, const char *value, const char *label, const char *picked) {
  v[(*n)++] = (struct choice){value, label, streq(value, picked)};
  return v;
}

static bool choices(struct req *q, const struct page *p, struct operations_page *v, struct err *e) {
  struct federation *feds;
  size_t n;
  const char *federation = ui_value(p, "federation", "");
  if (!federation_list(q->db, q->a, &feds, &n, e)) return false;
  v->states = ARENA_ARRAY(q->a, struct choice, 16), v->kinds = ARENA_ARRAY(q->a, struct choice, N_WORKFLOWS), v->federations = ARENA_ARRAY(q->a, struct choice, n + 1);
  for (int i = 0; OP_STATES[i]; i++) choice_add(v->states, &v->n_states, OP_STATES[i], tr(p, streq(OP_STATES[i], "open") ? MSG_OPERATIONS_OPEN : operation_chip(OP_STATES[i]).label), ui_value(p, "state", ""));
  for (int i = 0; i < N_WORKFLOWS; i++)
    if (streq(WORKFLOWS[i]->class, "operation")) choice_add(v->kinds, &v->n_kinds, WORKFLOWS[i]->name, ui_kind(p, WORKFLOWS[i]->name), ui_value(p, "kind", ""));
  bool known = !*federation;
  for (size_t i = 0; i < n; i++) known |= streq(feds[i].uuid.s, federation), choice_add(v->federations, &v->n_federations, feds[i].uuid.s, feds[i].name, federation);
  if (!known) choice_add(v->federations, &v->n_federations, federation, federation, federation); /* one that was removed */
  return true;
}

static void operations_body(struct buf *out, const struct page *p, const void *v) { tmpl_operations_page(out, p, v); }
static bool operations_get(struct req *q, struct resp *r, struct err *e) {
  struct page p;
  struct operations_page v = {0};
  struct err why = ERR_INIT;
  if (!ask(q, &v, &why)) v.bad = true;
  page_init(&p, q, SEC_OPERATIONS, text_raw(q->lang, MSG_NAV_OPERATIONS));
  if (!load(q, &v, e) || !choices(q, &p, &v, e) || !setup_need_of_list(q, v.bad || v.narrowed ? 1 : v.n, SETUP_ENDPOINT, &v.need, e)) return false;
  p.refresh = v.n_live > 0;
  ui_refuse(&p, r, &why);
  return page_render(&p, r, operations_body, &v, e);
}

/* When nothing runs any more, the page is loaded once more as a whole. */
static void rows_body(struct buf *out, const struct page *p, const void *v) {
  const struct operations_page *x = v;
  tmpl_operations_rows(out, p, x);
  if (!x->n_live) buf_str(out, "<span data-reload></span>");
}
static bool operations_fragment(struct req *q, struct resp *r, struct err *e) {
  struct operations_page v = {0};
  return ask(q, &v, e) && load(q, &v, e) && ui_fragment(q, r, rows_body, &v, e);
}

/* --- detail --- */
static bool find(struct req *q, struct op_page *v, struct err *e) {
  struct uuid id;
  *v = (struct op_page){.o = ARENA_NEW(q->a, struct operation)};
  return req_uuid(q, 0, &id, e) && operation_get(q->db, q->a, id, v->o, e);
}
static bool surroundings(struct req *q, struct op_page *v, struct err *e) {
  return operation_context(q->db, q->a, v->o, &v->c, e) && event_operation(q->db, q->a, v->o->id, TIMELINE_MOST, &v->events, &v->n_events, e);
}

static void operation_body(struct buf *out, const struct page *p, const void *v) { tmpl_operation_page(out, p, v); }
static bool show(struct req *q, struct resp *r, struct op_page *v, const struct err *opt_why, struct err *e) {
  struct page p;
  if (!surroundings(q, v, e)) return false;
  page_init(&p, q, SEC_OPERATIONS, text_raw(q->lang, MSG_NAV_OPERATIONS));
  p.title = arena_fmt(q->a, "%s: %s", ui_kind(&p, v->o->kind), v->o->subject_name);
  page_crumb(&p, text_raw(q->lang, MSG_NAV_OPERATIONS), "/operations");
  p.refresh = operation_live(v->o);
  ui_refuse(&p, r, opt_why);
  return page_render(&p, r, operation_body, v, e);
}
static bool operation_page(struct req *q, struct resp *r, struct err *e) {
  struct op_page v;
  return find(q, &v, e) && show(q, r, &v, NULL, e);
}

static void card_body(struct buf *out, const struct page *p, const void *v) { tmpl_live_fragment(out, p, v); }
static bool card_fragment(struct req *q, struct resp *r, struct err *e) {
  struct op_page v;
  return find(q, &v, e) && ui_fragment(q, r, card_body, v.o, e);
}
static void detail_body(struct buf *out, const struct page *p, const void *v) { tmpl_operation_fragment(out, p, v); }
static bool detail_fragment(struct req *q, struct resp *r, struct err *e) {
  struct op_page v;
  return find(q, &v, e) && surroundings(q, &v, e) && ui_fragment(q, r, detail_body, &v, e);
}

/* --- stop, retry --- */
typedef bool act(struct db *db, struct arena *a, struct uuid op, const char *actor, struct err *e);
static bool operation_act(struct req *q, struct resp *r, act *f, enum msg said, struct err *e) {
  struct op_page v;
  struct page p = {.q = q};
  struct err why = ERR_INIT;
  const char *next = req_field(q, "next");
  if (!find(q, &v, e)) return false;
  if (!op_expected(q->a, v.o, req_field(q, "subject"), req_field(q, "version"), &why) || !f(q->db, q->a, v.o->uuid, q->who.name, &why)) return ui_again(&why, e) && show(q, r, &v, &why, e);
  return resp_redirect_flash(r, q, *next ? req_own_path(next) : ui_subject_url(&p, v.o), "ok", TEXT(said));
}
static bool cancel_post(struct req *q, struct resp *r, struct err *e) { return operation_act(q, r, op_cancel, MSG_OPERATION_STOPPING, e); }
static bool retry_post(struct req *q, struct resp *r, struct err *e) { return operation_act(q, r, op_retry, MSG_OPERATION_RETRYING, e); }

static const struct route R[] = {
    {METHOD_GET, "/operations", operations_get, PERM_VIEW, 0, 0},
    {METHOD_GET, "/operations/{uuid}", operation_page, PERM_VIEW, 0, 0},
    {METHOD_POST, "/operations/{uuid}/cancel", cancel_post, PERM_OPERATE, 0, 16384},
    {METHOD_POST, "/operations/{uuid}/retry", retry_post, PERM_OPERATE, 0, 16384},
    {METHOD_GET, "/ui/operations", operations_fragment, PERM_VIEW, ROUTE_POLL, 0},
    {METHOD_GET, "/ui/operation/{uuid}", card_fragment, PERM_VIEW, ROUTE_POLL, 0},
    {METHOD_GET, "/ui/operation/{uuid}/detail", detail_fragment, PERM_VIEW, ROUTE_POLL, 0},
};
const struct route_table PAGES_OPERATIONS = {R, sizeof R / sizeof *R};
