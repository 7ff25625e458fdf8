/* The guided start: /setup, its confirmations, the line that leads back to it, and what empty lists say. */
#include "pages/setup.h"
#include "base/str.h"
#include "pages/tables.h"
#include "tmpl/setup.h"

static const char *const COOKIE = "guide";
static const struct { enum msg what, why, button; } ITEM[SETUP__COUNT] = {
    [SETUP_PASSWORD] = {MSG_SETUP_PASSWORD, MSG_SETUP_PASSWORD_WHY, MSG_BANNER_CHANGE}, [SETUP_CA] = {MSG_SETUP_CA, MSG_SETUP_CA_WHY, MSG_NAV_CERTIFICATE},
    [SETUP_INFRA] = {MSG_SETUP_INFRA, MSG_SETUP_INFRA_WHY, MSG_INFRA_NEW}, [SETUP_ENDPOINT] = {MSG_SETUP_ENDPOINT, MSG_SETUP_ENDPOINT_WHY, MSG_ENDPOINT_NEW},
    [SETUP_FEDERATION] = {MSG_SETUP_FEDERATION, MSG_SETUP_FEDERATION_WHY, MSG_FEDERATION_NEW}, [SETUP_EXCHANGE] = {MSG_SETUP_EXCHANGE, MSG_SETUP_EXCHANGE_WHY, MSG_EXCHANGE_NEW},
    [SETUP_CLUSTERS] = {MSG_SETUP_CLUSTERS, MSG_SETUP_CLUSTERS_WHY, MSG_CLUSTER_NEW}, [SETUP_NAMES] = {MSG_SETUP_NAMES, MSG_SETUP_NAMES_WHY, MSG_SETUP_NAMES_BUTTON},
    [SETUP_TEST] = {MSG_SETUP_TEST, MSG_SETUP_TEST_WHY, MSG_SETUP_TEST_BUTTON}};
/* Said where an item is missing for another: nothing is there; something is there and not as it should be. */
static const struct { enum msg none, object; } MISSING[SETUP__COUNT] = {
    [SETUP_INFRA] = {MSG_SETUP_NEED_INFRA, MSG_SETUP_NEED_TESTED}, [SETUP_ENDPOINT] = {MSG_SETUP_NEED_ENDPOINT, MSG_SETUP_NEED_READY}, [SETUP_FEDERATION] = {MSG_SETUP_NEED_FEDERATION, MSG_SETUP_NEED_FEDERATION},
    [SETUP_EXCHANGE] = {MSG_SETUP_NEED_EXCHANGE, MSG_SETUP_NEED_ACTIVE}, [SETUP_CLUSTERS] = {MSG_SETUP_NEED_CLUSTERS, MSG_SETUP_NEED_CLUSTERS}};

/* --- what the templates ask --- */
enum msg setup_what(enum setup_key k) { return ITEM[k].what; }
enum msg setup_why(enum setup_key k) { return ITEM[k].why; }
enum msg setup_button(enum setup_key k) { return ITEM[k].button; }
const char *setup_word(enum setup_key k) { return k == SETUP_NAMES ? "names" : "test"; }
const struct setup_confirmed *setup_said(const struct setup_view *v, enum setup_key k) { return k == SETUP_NAMES ? &v->f.names : k == SETUP_TEST ? &v->f.test : NULL; }

const char *setup_url(struct req *q, const struct setup_view *v, enum setup_key k) {
  const char *fed = v->f.federation.s, *free_infra = v->f.free_infra.s, *spot = v->f.spot.s;
  switch (k) {
  case SETUP_PASSWORD: return "/account";
  case SETUP_CA: return "/certificate";
  case SETUP_INFRA: return "/infra/new";
  case SETUP_ENDPOINT: return *free_infra ? arena_fmt(q->a, "/endpoint/new?infra=%s", free_infra) : "/endpoint/new";
  case SETUP_FEDERATION: return "/federation/new";
  case SETUP_EXCHANGE: return arena_fmt(q->a, "/federation/fate/%s/exchange/new", fed);
  case SETUP_CLUSTERS: return arena_fmt(q->a, "/federation/fate/%s/cluster/new%s%s", fed, *spot ? "?endpoint=" : "", spot);
  case SETUP_NAMES: return arena_fmt(q->a, "/federation/fate/%s?tab=access", fed);
  case SETUP_TEST: return arena_fmt(q->a, "/federation/fate/%s?tab=test", fed);
  case SETUP__COUNT: break;
  }
  return "/setup";
}

const char *setup_object_url(struct req *q, const struct setup_view *v, enum setup_key k) {
  const char *id = v->items[k].object->uuid.s;
  if (k == SETUP_INFRA) return arena_fmt(q->a, "/infra-detail/%s", id);
  if (k == SETUP_ENDPOINT) return arena_fmt(q->a, "/endpoint-detail/%s", id);
  return arena_fmt(q->a, "/federation/fate/%s/%s/detail/%s", v->f.federation.s, k == SETUP_EXCHANGE ? "exchange" : "cluster", id);
}

struct chip setup_chip(const struct setup_view *v, enum setup_key k) {
  int status = v->items[k].object->status;
  if (k == SETUP_INFRA) return status ? (struct chip){MSG_CHECK_FAILED, "err"} : (struct chip){MSG_CHECK_NONE, "idle"};
  return k == SETUP_ENDPOINT ? endpoint_chip(status) : party_chip(status);
}

static const char *slot(struct req *q, enum msg m) { return arena_fmt(q->a, "@%s", text_key(m)); }

struct html setup_waits(const struct page *p, const struct setup_view *v, enum setup_key k) {
  const struct setup_item *x = &v->items[k];
  return trf(p, x->second ? TEXT(MSG_SETUP_WAITS_SECOND, NUM(x->first + 1)) : TEXT(MSG_SETUP_WAITS, NUM(x->first + 1), slot(p->q, ITEM[x->first].what)));
}

/* --- what is missing --- */
struct need setup_need(struct req *q, const struct setup_view *v, enum setup_key k) {
  const struct setup_item *x = &v->items[k];
  enum setup_key b = k;
  struct need n = {.button = "", .url = "", .steps = !v->complete};
  struct buf label;
  if (x->state == SETUP_DONE) return n;
  while (v->items[b].state == SETUP_WAITS) b = v->items[b].first;
  const struct setup_object *o = v->items[b].object;
  if (o) {
    n.why = TEXT(MISSING[b].object, o->name), n.url = setup_object_url(q, v, b);
    buf_init(&label, q->a, 4096);
    text_plain(&label, q->lang, TEXT(MSG_SETUP_SHOW, o->name));
    n.button = label.p;
    return n;
  }
  if (b != k) n.why = TEXT(x->second ? MSG_SETUP_NEED_SECOND : MISSING[b].none);
  n.url = setup_url(q, v, b), n.button = text_raw(q->lang, ITEM[b].button);
  return n;
}

struct need setup_need_from(struct req *q, const struct setup_view *v, enum setup_key k) {
  while (k < SETUP_CLUSTERS && v->items[k].state == SETUP_DONE) k++;
  return setup_need(q, v, k);
}

bool setup_need_of_list(struct req *q, size_t n_rows, enum setup_key from, struct need *out, struct err *e) {
  struct setup_view v;
  *out = (struct need){.button = "", .url = ""};
  if (n_rows) return true;
  if (!setup_load(q, &v, e)) return false;
  *out = setup_need_from(q, &v, from);
  return true;
}

/* --- loading --- */
static void judge(struct setup_view *v, bool default_password) {
  v->complete = setup_items(&v->f, default_password, v->items), v->busy = false;
  for (int k = 0; k < SETUP__COUNT; k++) v->busy |= v->items[k].state == SETUP_BUSY;
}

bool setup_load(struct req *q, struct setup_view *v, struct err *e) {
  if (!setup_read(q->db, q->a, &v->f, e)) return false;
  judge(v, q->who.default_password);
  return true;
}

void setup_focus(struct setup_view *v, const struct federation *fed, const struct participant *x) {
  bool password = v->items[SETUP_PASSWORD].state != SETUP_DONE, complete = v->complete;
  v->f.federation = fed->uuid, v->f.federation_name = fed->name, v->f.n_clusters = 0;
  v->f.exchange_active = x && x->status == PARTY_ACTIVE;
  v->f.exchange = x ? (struct setup_object){x->uuid, x->name, x->status, nn(x->op_state), x->op_percent} : (struct setup_object){.op_state = ""};
  v->f.cluster = (struct setup_object){.op_state = ""};
  judge(v, password);
  v->complete = complete; /* of the whole product, which this federation does not undo */
}

void setup_cookie(struct req *q, struct resp *r, const struct setup_view *v) {
  const char *there = req_cookie(q, COOKIE);
  if (v->complete && there) resp_cookie(r, q, COOKIE, "", 0, true);
  if (!v->complete && !streq(there, "1")) resp_cookie(r, q, COOKIE, "1", -1, true);
}

/* --- pages --- */
static void setup_body(struct buf *out, const struct page *p, const void *v) { tmpl_setup_page(out, p, v); }
static bool setup_get(struct req *q, struct resp *r, struct err *e) {
  struct setup_view v;
  struct page p;
  if (!setup_load(q, &v, e)) return false;
  page_init(&p, q, SEC_DASHBOARD, text_raw(q->lang, MSG_SETUP_TITLE));
  page_crumb(&p, text_raw(q->lang, MSG_NAV_DASHBOARD), "/");
  p.refresh = v.busy;
  setup_cookie(q, r, &v);
  return page_render(&p, r, setup_body, &v, e);
}

static void live_body(struct buf *out, const struct page *p, const void *v) {
  const struct setup_view *x = v;
  tmpl_setup_list(out, p, x, "/setup");
  if (!x->busy) buf_str(out, "<span data-reload></span>");
}
static bool live_get(struct req *q, struct resp *r, struct err *e) {
  struct setup_view v;
  return setup_load(q, &v, e) && ui_fragment(q, r, live_body, &v, e);
}

static bool item_of(struct req *q, enum setup_key *k, struct err *e) {
  const char *word = req_field(q, "item");
  for (*k = SETUP_NAMES; *k <= SETUP_TEST; (*k)++)
    if (streq(word, setup_word(*k))) return true;
  return err_set(e, FAIL_INVALID, MSG_SETUP_ITEM_UNKNOWN);
}

static bool confirm_post(struct req *q, struct resp *r, struct err *e) {
  struct setup_view v;
  enum setup_key k;
  if (!item_of(q, &k, e) || !setup_load(q, &v, e)) return false;
  if (v.items[k].state == SETUP_WAITS) return err_set(e, FAIL_CONFLICT, MSG_SETUP_TOO_EARLY);
  if (!setup_confirm(q->db, q->a, k, v.f.federation, q->who.name, e)) return false;
  return resp_redirect(r, q, req_own_path(req_field(q, "next")));
}
static bool undo_post(struct req *q, struct resp *r, struct err *e) {
  struct setup_view v;
  enum setup_key k;
  if (!item_of(q, &k, e) || !setup_load(q, &v, e) || !setup_undo(q->db, q->a, k, v.f.federation, e)) return false;
  return resp_redirect(r, q, req_own_path(req_field(q, "next")));
}

static bool hide_post(struct req *q, struct resp *r, struct err *e) {
  (void)e;
  resp_cookie(r, q, COOKIE, "", 0, true);
  return resp_redirect(r, q, req_own_path(req_field(q, "next")));
}

static const struct route R[] = {
    {METHOD_GET, "/setup", setup_get, PERM_VIEW, 0, 0},
    {METHOD_GET, "/ui/setup", live_get, PERM_VIEW, ROUTE_POLL, 0},
    {METHOD_POST, "/setup/confirm", confirm_post, PERM_OPERATE, 0, 16384},
    {METHOD_POST, "/setup/undo", undo_post, PERM_OPERATE, 0, 16384},
    {METHOD_POST, "/setup/hide", hide_post, PERM_VIEW, 0, 16384},
};
const struct route_table PAGES_SETUP = {R, sizeof R / sizeof *R};
