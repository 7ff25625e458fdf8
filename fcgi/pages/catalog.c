/* Charts and certificates. */
#include "pages/catalog.h"
#include "base/str.h"
#include "codec/js.h"
#include "deploy/chart_ops.h"
#include "pages/setup.h"
#include "pages/tables.h"
#include "tmpl/catalog.h"

const char *chart_type(const struct page *p, int type) {
  static const enum msg T[] = {MSG_CHART_TYPE_OTHER, MSG_CHART_TYPE_EXCHANGE, MSG_CHART_TYPE_CLUSTER, MSG_CHART_TYPE_DIRECTOR, MSG_CHART_TYPE_ENVOY};
  return tr(p, T[type >= 1 && type <= 4 ? type : 0]);
}

const char *expiry_class(usec_t t) {
  usec_t left = (t - ui_now()) / 1000000 / 86400;
  return left > 30 ? "ok" : left > 7 ? "warn" : "err";
}

struct html cert_names(const struct page *p, const struct cert *x) {
  struct buf b;
  struct err bad = ERR_INIT;
  js *v = NULL;
  buf_init(&b, p->q->a, 65536);
  if (!js_parse(p->q->a, x->sans_json, strlen(x->sans_json), 65536, &v, &bad)) return ui_json_text(p, x->sans_json);
  for (size_t i = 0; i < js_len(v); i++) buf_str(&b, "<code>"), buf_html(&b, nn(js_self_str(js_item(v, i)))), buf_str(&b, "</code> ");
  return (struct html){b.p, b.n};
}

const char *cert_service(const struct page *p, int type) {
  static const enum msg T[] = {[CS_ATS] = MSG_CERT_PROXY, [CS_PULSAR] = MSG_CERT_PULSAR, [CS_FML_SERVER] = MSG_CERT_FML_SERVER, [CS_FML_CLIENT] = MSG_CERT_FML_CLIENT, [CS_PORTAL_SERVER] = MSG_CERT_PORTAL_SERVER, [CS_PORTAL_CLIENT] = MSG_CERT_PORTAL_CLIENT};
  return type > CS_NONE && type <= CS_PORTAL_CLIENT ? tr(p, T[type]) : tr(p, MSG_STATUS_UNKNOWN);
}

struct chart_view { struct chart *v; size_t n; struct need need; };
/* What can be used first, newest version first, the exchange before the cluster. */
static int chart_order(const void *a, const void *b) {
  const struct chart *x = a, *y = b;
  int rx = x->historical * 2 + x->must_upload, ry = y->historical * 2 + y->must_upload, c = strverscmp(y->version, x->version);
  return rx != ry ? rx - ry : c ? c : x->type - y->type;
}
static void charts_body(struct buf *out, const struct page *p, const void *v) {
  const struct chart_view *x = v;
  tmpl_chart_list_page(out, p, x->v, x->n, &x->need);
}
static bool charts_get(struct req *q, struct resp *r, struct err *e) {
  struct chart_view v = {.need = {.url = "/setup", .button = text_raw(q->lang, MSG_SETUP_TITLE)}};
  struct page p;
  if (!chart_list(q->db, q->a, 0, q->app->conf.experiment, &v.v, &v.n, e)) return false;
  qsort(v.v, v.n, sizeof *v.v, chart_order);
  page_init(&p, q, SEC_CHART, text_raw(q->lang, MSG_NAV_CHART));
  return page_render(&p, r, charts_body, &v, e);
}
static void chart_body(struct buf *out, const struct page *p, const void *v) { tmpl_chart_page(out, p, v); }
static bool chart_show(struct req *q, struct resp *r, struct uuid id, const struct err *why, struct err *e) {
  struct chart c;
  struct page p;
  if (!chart_get(q->db, q->a, id, &c, e)) return false;
  page_init(&p, q, SEC_CHART, arena_fmt(q->a, "%s %s", c.chart_name, c.version));
  page_crumb(&p, text_raw(q->lang, MSG_NAV_CHART), "/chart");
  ui_refuse(&p, r, why);
  if (why) p.form_field = "file";
  return page_render(&p, r, chart_body, &c, e);
}
static bool chart_page_get(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  return req_uuid(q, 0, &id, e) && chart_show(q, r, id, NULL, e);
}
static bool archive_post(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct err why = ERR_INIT;
  const struct form_field *file = form_field(&q->form, "file");
  if (!req_uuid(q, 0, &id, e)) return false;
  if (!chart_ops_store(q->db, q->a, id, file ? file->value : "", file ? file->len : 0, q->who.name, &why)) return ui_again(&why, e) && chart_show(q, r, id, &why, e);
  return resp_redirect_flash(r, q, arena_fmt(q->a, "/chart-detail/%s", id.s), "ok", TEXT(MSG_CHART_ARCHIVE_STORED));
}
static bool archive_delete_post(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  if (!req_uuid(q, 0, &id, e) || !chart_ops_drop(q->db, q->a, id, e)) return false;
  return resp_redirect_flash(r, q, arena_fmt(q->a, "/chart-detail/%s", id.s), "ok", TEXT(MSG_CHART_ARCHIVE_DROPPED));
}

static void certs_body(struct buf *out, const struct page *p, const void *v) { tmpl_cert_list_page(out, p, v); }
static bool certs_get(struct req *q, struct resp *r, struct err *e) {
  struct cert_page v;
  struct page p;
  if (!authority_list(q->db, q->a, &v.authorities, &v.n_authorities, e) || !cert_list(q->db, q->a, &v.certs, &v.n_certs, e) || !setup_need_of_list(q, v.n_certs, SETUP_EXCHANGE, &v.need, e)) return false;
  page_init(&p, q, SEC_CERTIFICATE, text_raw(q->lang, MSG_NAV_CERTIFICATE));
  return page_render(&p, r, certs_body, &v, e);
}
static void cert_body(struct buf *out, const struct page *p, const void *v) { tmpl_cert_page(out, p, v); }
static bool cert_page_get(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct cert c;
  struct page p;
  if (!req_uuid(q, 0, &id, e) || !cert_get(q->db, q->a, id, &c, e)) return false;
  page_init(&p, q, SEC_CERTIFICATE, arena_fmt(q->a, "%s – %s", c.subject_cn, text_raw(q->lang, MSG_NAV_CERTIFICATE)));
  page_crumb(&p, text_raw(q->lang, MSG_NAV_CERTIFICATE), "/certificate");
  return page_render(&p, r, cert_body, &c, e);
}
static bool cert_delete_post(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  if (!req_uuid(q, 0, &id, e) || !cert_delete(q->db, q->a, id, e)) return false;
  return resp_redirect_flash(r, q, "/certificate", "ok", TEXT(MSG_CERT_DELETED));
}

static const struct route R[] = {
    {METHOD_GET, "/chart", charts_get, PERM_VIEW, 0, 0},
    {METHOD_GET, "/chart-detail/{uuid}", chart_page_get, PERM_VIEW, 0, 0},
    {METHOD_POST, "/chart-detail/{uuid}/archive", archive_post, PERM_OPERATE, ROUTE_MULTIPART, CHART_ARCHIVE_MAX + 65536},
    {METHOD_POST, "/chart-detail/{uuid}/archive/delete", archive_delete_post, PERM_OPERATE, 0, 16384},
    {METHOD_GET, "/certificate", certs_get, PERM_VIEW, 0, 0},
    {METHOD_GET, "/certificate/detail/{uuid}", cert_page_get, PERM_VIEW, 0, 0},
    {METHOD_POST, "/certificate/detail/{uuid}/delete", cert_delete_post, PERM_OPERATE, 0, 16384},
};
const struct route_table PAGES_CATALOG = {R, sizeof R / sizeof *R};
