/* Infrastructures: list, form with test, detail, deletion. */
#include "pages/infra.h"
#include "base/num.h"
#include "base/str.h"
#include "pages/setup.h"
#include "pages/tables.h"
#include "tmpl/infra.h"

static const char *const SECTION_URL = "/infra";

const char *infra_fact_names(struct arena *a, const js *facts, const char *key) {
  const js *v = js_arr(facts, key);
  const char **names = ARENA_ARRAY(a, const char *, js_len(v) + 1);
  for (size_t i = 0; i < js_len(v); i++) names[i] = nn(js_self_str(js_item(v, i)));
  return str_join(a, names, js_len(v), ", ");
}

void infra_facts_read(struct arena *a, const js *f, struct infra_facts *out) {
  int64_t nodes = js_int(f, "nodes", -1);
  *out = (struct infra_facts){.version = nn(js_str(f, "git_version")), .nodes = nodes < 0 ? "" : arena_fmt(a, "%lld", (long long)nodes), .node_address = nn(js_str(f, "node_address")), .storage = infra_fact_names(a, f, "storage_classes"),
                              .ingress = infra_fact_names(a, f, "ingress_classes"), .cluster_admin = js_bool(f, "cluster_admin", false)};
}

static bool facts_of(struct req *q, const struct infra *x, struct infra_facts *out, struct err *e) {
  js *v = NULL;
  if (!js_parse(q->a, x->facts, strlen(x->facts), 1 << 20, &v, e)) return false;
  infra_facts_read(q->a, v, out);
  return true;
}

static void crumbs(struct page *p, const struct infra *opt_x) {
  page_crumb(p, tr(p, MSG_NAV_INFRA), SECTION_URL);
  if (opt_x) page_crumb(p, opt_x->name, arena_fmt(p->q->a, "/infra-detail/%s", opt_x->uuid.s));
}

/* --- list --- */
struct rows_view { struct infra *v; size_t n; struct need need; };
static void list_body(struct buf *out, const struct page *p, const void *v) {
  const struct rows_view *x = v;
  tmpl_infra_list(out, p, x->v, x->n, &x->need);
}
static bool list_get(struct req *q, struct resp *r, struct err *e) {
  struct rows_view v;
  struct page p;
  if (!infra_list(q->db, q->a, &v.v, &v.n, e) || !setup_need_of_list(q, v.n, SETUP_INFRA, &v.need, e)) return false;
  page_init(&p, q, SEC_INFRA, text_raw(q->lang, MSG_NAV_INFRA));
  return page_render(&p, r, list_body, &v, e);
}

/* --- form --- */
static void form_body(struct buf *out, const struct page *p, const void *v) { tmpl_infra_form(out, p, v); }

static bool form_show(struct req *q, struct resp *r, struct infra_page *v, const struct err *why, struct err *e) {
  struct page p;
  page_init(&p, q, SEC_INFRA, text_raw(q->lang, v->edit ? MSG_INFRA_EDIT : MSG_INFRA_NEW));
  crumbs(&p, v->edit ? v->x : NULL);
  ui_refuse(&p, r, why);
  if (!why && v->n_findings) r->status = 422, p.form_field = "kubeconfig";
  v->again = q->method == METHOD_POST;
  v->back = v->edit ? arena_fmt(q->a, "/infra-detail/%s", v->x->uuid.s) : SECTION_URL;
  v->action = v->edit ? arena_fmt(q->a, "/infra-detail/%s/edit", v->x->uuid.s) : "/infra/new";
  v->namespaces = str_join(q->a, v->x->namespaces, v->x->n_namespaces, ", ");
  v->shown = v->edit ? v->x->kubeconfig_shown : ""; /* what was pasted is not sent back: it holds secrets */
  return page_render(&p, r, form_body, v, e);
}

/* "a, b，c" (both commas). */
static void split_names(struct req *q, const char *s, struct infra_form *f) {
  size_t n;
  struct buf b;
  buf_init(&b, q->a, 65536);
  for (const char *at = s; *at;) {
    const char *wide = strstr(at, "，");
    buf_add(&b, at, wide ? (size_t)(wide - at) : strlen(at));
    if (!wide) break;
    buf_ch(&b, ','), at = wide + strlen("，");
  }
  char **parts = str_split(q->a, b.p, ",", &n);
  f->namespaces = ARENA_ARRAY(q->a, const char *, n + 1);
  for (size_t i = 0; i < n; i++)
    if (!str_blank(parts[i])) f->namespaces[f->n_namespaces++] = str_trim(q->a, parts[i]);
}

static struct infra_form form_read(struct req *q) {
  const struct form_field *file = form_field(&q->form, "file");
  struct infra_form f = {.name = str_trim(q->a, req_field(q, "name")), .description = req_field(q, "description"), .type = "Kubernetes", .kubeconfig = file && file->len ? file->value : ui_text(q, "kubeconfig"), .allow_insecure = req_flag(q, "allow_insecure"),
                         .use_registry = req_flag(q, "use_registry"), .registry = str_trim(q->a, req_field(q, "registry")), .use_registry_secret = req_flag(q, "use_registry_secret"), .registry_server = str_trim(q->a, req_field(q, "registry_server")),
                         .registry_username = req_field(q, "registry_username"), .registry_password = req_field(q, "registry_password")};
  split_names(q, req_field(q, "namespaces"), &f);
  return f;
}

/* Reads the form; findings that stop it are shown above the form, everything else starts the test. */
static bool start(struct req *q, struct resp *r, struct infra_form *f, struct infra_page *v, struct err *e) {
  struct infra_reading reading = {0};
  struct err why = ERR_INIT;
  if (!str_blank(f->kubeconfig) && !infra_ops_read(q->db, q->a, f, &reading, &why)) return ui_again(&why, e) && form_show(q, r, v, &why, e);
  for (int i = 0; i < reading.n && !reading.ok; i++) {
    if (!v->findings) v->findings = ARENA_ARRAY(q->a, struct infra_finding, reading.n);
    if (reading.f[i].level) v->findings[v->n_findings++] = reading.f[i];
  }
  if (v->n_findings) return form_show(q, r, v, NULL, e);
  if (!infra_ops_test(q->db, q->a, &q->app->seal, f, false, q->who.name, &v->probe, &why)) return ui_again(&why, e) && form_show(q, r, v, &why, e);
  return resp_redirect(r, q, arena_fmt(q->a, "/infra/test/%s", v->probe.s));
}

static struct infra *blank(struct req *q) {
  struct infra *x = ARENA_NEW(q->a, struct infra);
  x->name = x->description = x->registry = x->registry_server = x->registry_username = "";
  return x;
}
static bool new_get(struct req *q, struct resp *r, struct err *e) { return form_show(q, r, &(struct infra_page){.x = blank(q)}, NULL, e); }
static bool new_post(struct req *q, struct resp *r, struct err *e) {
  struct infra_page v = {.x = blank(q)};
  struct infra_form f = form_read(q);
  return start(q, r, &f, &v, e);
}

static bool find(struct req *q, struct infra *x, struct err *e) {
  struct uuid id;
  return req_uuid(q, 0, &id, e) && infra_get(q->db, q->a, id, x, e);
}
static bool edit_get(struct req *q, struct resp *r, struct err *e) {
  struct infra x;
  return find(q, &x, e) && form_show(q, r, &(struct infra_page){.x = &x, .edit = true}, NULL, e);
}
static bool edit_post(struct req *q, struct resp *r, struct err *e) {
  struct infra x;
  struct err why = ERR_INIT;
  bool needs_test;
  if (!find(q, &x, e)) return false;
  struct infra_page v = {.x = &x, .edit = true};
  struct infra_form f = form_read(q);
  f.uuid = x.uuid;
  if (str_blank(f.kubeconfig)) f.kubeconfig = x.kubeconfig_shown;
  if (!infra_ops_update(q->db, q->a, &q->app->seal, &f, q->who.name, &needs_test, &why)) return ui_again(&why, e) && form_show(q, r, &v, &why, e);
  if (needs_test) return start(q, r, &f, &v, e);
  return resp_redirect_flash(r, q, arena_fmt(q->a, "/infra-detail/%s", x.uuid.s), "ok", TEXT(MSG_INFRA_SAVED, f.name));
}

/* --- test --- */
static void test_body(struct buf *out, const struct page *p, const void *v) { tmpl_infra_test(out, p, v); }
static bool test_show(struct req *q, struct resp *r, const struct probe *pr, const struct err *refused, struct err *e) {
  struct page p;
  struct infra_form f;
  struct infra x = {0};
  struct err why = ERR_INIT;
  infra_ops_form(q->a, pr, &f);
  x.name = f.name, x.uuid = f.uuid;
  bool edit = !uuid_none(f.uuid);
  struct infra_page v = {.x = &x, .probe = pr->uuid, .server = nn(js_str(pr->input, "kubeconfig.server")), .waiting = streq(pr->state, "queued"), .failed = streq(pr->state, "failed"), .why = &why};
  struct buf b;
  buf_init(&b, q->a, 32768);
  if (edit) buf_fmt(&b, "/infra-detail/%s/edit", f.uuid.s);
  else buf_str(&b, "/infra/new?name="), buf_urlq(&b, f.name), buf_str(&b, "&description="), buf_urlq(&b, f.description);
  v.back = b.p;
  if (v.failed) (void)probe_error(q->a, pr, &why);
  infra_facts_read(q->a, js_obj(pr->result, "facts"), &v.facts);
  infra_ops_rights(q->a, pr, &v.rights, &v.n_rights);
  page_init(&p, q, SEC_INFRA, text_raw(q->lang, MSG_INFRA_TEST_TITLE));
  crumbs(&p, NULL);
  p.refresh = v.waiting;
  ui_refuse(&p, r, refused);
  return page_render(&p, r, test_body, &v, e);
}
static bool test_get(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct probe pr;
  return req_uuid(q, 0, &id, e) && probe_get(q->db, q->a, id, &pr, e) && test_show(q, r, &pr, NULL, e);
}
static bool test_post(struct req *q, struct resp *r, struct err *e) {
  struct uuid id, infra;
  struct probe pr;
  struct err why = ERR_INIT;
  if (!req_uuid(q, 0, &id, e) || !probe_get(q->db, q->a, id, &pr, e)) return false;
  if (!infra_ops_commit(q->db, q->a, id, q->who.name, &infra, &why)) return ui_again(&why, e) && test_show(q, r, &pr, &why, e);
  return resp_redirect_flash(r, q, arena_fmt(q->a, "/infra-detail/%s", infra.s), "ok", TEXT(MSG_INFRA_SAVED, nn(js_str(pr.input, "form.name"))));
}

/* Any probe: nothing to see while it waits, then the page is loaded again. */
static void probe_body(struct buf *out, const struct page *p, const void *v) {
  const struct probe *pr = v;
  if (!streq(pr->state, "queued")) buf_str(out, "<span data-reload></span>");
  else buf_str(out, "<p class=\"note busy\" role=\"status\">"), buf_html(out, tr(p, MSG_PROBE_WAITING)), buf_str(out, "</p><progress></progress>");
}
static bool probe_fragment(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct probe pr;
  return req_uuid(q, 0, &id, e) && probe_get(q->db, q->a, id, &pr, e) && ui_fragment(q, r, probe_body, &pr, e);
}

/* --- detail --- */
static bool endpoints_on(struct req *q, struct infra_page *v, struct err *e) {
  struct endpoint *all;
  size_t n;
  if (!endpoint_list(q->db, q->a, &all, &n, e)) return false;
  v->endpoints = ARENA_ARRAY(q->a, struct endpoint, n + 1);
  for (size_t i = 0; i < n; i++)
    if (uuid_eq(all[i].infra_uuid, v->x->uuid)) v->endpoints[v->n_endpoints++] = all[i];
  return true;
}
static void detail_body(struct buf *out, const struct page *p, const void *v) { tmpl_infra_detail(out, p, v); }
static bool detail_get(struct req *q, struct resp *r, struct err *e) {
  struct infra x;
  struct page p;
  struct probe pr;
  struct infra_page v = {.x = &x};
  if (!find(q, &x, e) || !facts_of(q, &x, &v.facts, e) || !endpoints_on(q, &v, e)) return false;
  v.namespaces = str_join(q->a, x.namespaces, x.n_namespaces, ", "), v.server = x.api_host;
  if (uuid_parse(req_query(q, "probe"), &v.probe)) {
    struct err gone = ERR_INIT;
    v.waiting = probe_get(q->db, q->a, v.probe, &pr, &gone) && streq(pr.state, "queued");
  }
  page_init(&p, q, SEC_INFRA, arena_fmt(q->a, "%s – %s", x.name, text_raw(q->lang, MSG_NAV_INFRA)));
  crumbs(&p, NULL);
  p.refresh = v.waiting;
  return page_render(&p, r, detail_body, &v, e);
}
static bool retest_post(struct req *q, struct resp *r, struct err *e) {
  struct uuid id, probe;
  if (!req_uuid(q, 0, &id, e) || !infra_ops_retest(q->db, q->a, id, q->who.name, &probe, e)) return false;
  return resp_redirect(r, q, arena_fmt(q->a, "/infra-detail/%s?probe=%s", id.s, probe.s));
}

/* --- deletion --- */
static void delete_body(struct buf *out, const struct page *p, const void *v) { tmpl_infra_delete(out, p, v); }
static bool delete_get(struct req *q, struct resp *r, struct err *e) {
  struct infra x;
  struct page p;
  struct infra_page v = {.x = &x};
  if (!find(q, &x, e) || !endpoints_on(q, &v, e)) return false;
  v.back = arena_fmt(q->a, "/infra-detail/%s", x.uuid.s);
  page_init(&p, q, SEC_INFRA, arena_fmt(q->a, "%s: %s", text_raw(q->lang, MSG_ACTION_DELETE), x.name));
  crumbs(&p, &x);
  return page_render(&p, r, delete_body, &v, e);
}
static bool delete_post(struct req *q, struct resp *r, struct err *e) {
  struct infra x;
  if (!find(q, &x, e) || !infra_ops_delete(q->db, q->a, x.uuid, e)) return false;
  return resp_redirect_flash(r, q, SECTION_URL, "ok", TEXT(MSG_INFRA_DELETED, x.name));
}

enum { FORM_MAX = 3 << 20 }; /* a kubeconfig over 1 MiB is refused with a sentence, not cut off by the web server */
static const struct route R[] = {
    {METHOD_GET, "/infra", list_get, PERM_VIEW, 0, 0},
    {METHOD_GET, "/infra/new", new_get, PERM_OPERATE, 0, 0},
    {METHOD_POST, "/infra/new", new_post, PERM_OPERATE, ROUTE_MULTIPART, FORM_MAX},
    {METHOD_GET, "/infra/test/{uuid}", test_get, PERM_OPERATE, 0, 0},
    {METHOD_POST, "/infra/test/{uuid}", test_post, PERM_OPERATE, 0, 16384},
    {METHOD_GET, "/ui/probe/{uuid}", probe_fragment, PERM_VIEW, ROUTE_POLL, 0},
    {METHOD_GET, "/infra-detail/{uuid}", detail_get, PERM_VIEW, 0, 0},
    {METHOD_GET, "/infra-detail/{uuid}/edit", edit_get, PERM_OPERATE, 0, 0},
    {METHOD_POST, "/infra-detail/{uuid}/edit", edit_post, PERM_OPERATE, ROUTE_MULTIPART, FORM_MAX},
    {METHOD_POST, "/infra-detail/{uuid}/test", retest_post, PERM_OPERATE, 0, 16384},
    {METHOD_GET, "/infra-detail/{uuid}/delete", delete_get, PERM_OPERATE, 0, 0},
    {METHOD_POST, "/infra-detail/{uuid}/delete", delete_post, PERM_OPERATE, 0, 16384},
};
const struct route_table PAGES_INFRA = {R, sizeof R / sizeof *R};
