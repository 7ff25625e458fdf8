/* The chart catalogue (reference 20 sections 4.2, 4.3). */
#include "api/api.h"
#include "api/tables.h"
#include "deploy/chart_ops.h"
#include "model/chart.h"

static void item(struct jsw *w, struct req *q, const struct chart *c) {
  jsw_kstr(w, "uuid", c->uuid.s), jsw_kstr(w, "name", c->name), jsw_kstr(w, "chart_name", c->chart_name), jsw_kstr(w, "version", c->version), jsw_kstr(w, "description", c->description);
  jsw_ki64(w, "type", c->type), api_time(w, q, "created_at", c->created_at), jsw_kbool(w, "contain_portal_services", c->portal);
}

static bool list(struct req *q, struct resp *r, struct err *e) {
  struct chart *v;
  size_t n;
  long type;
  struct jsw w;
  if (!api_query_long(q, "type", 0, &type, e)) return false;
  if (type < 0 || type > 255) type = 255; /* a type that no chart has */
  if (!chart_list(q->db, q->a, (int)type, q->app->conf.experiment, &v, &n, e)) return false;
  resp_json_begin(r, q, &w), jsw_arr(&w);
  for (size_t i = 0; i < n; i++) jsw_obj(&w), item(&w, q, &v[i]), jsw_end_obj(&w);
  jsw_end_arr(&w);
  return resp_json_end(r, &w);
}

static bool get(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct chart c;
  struct jsw w;
  if (!req_uuid(q, 0, &id, e) || !chart_get(q->db, q->a, id, &c, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), item(&w, q, &c), jsw_kstr(&w, "about", c.about), jsw_kstr(&w, "values", c.values_text), jsw_kstr(&w, "values_template", c.values_template), jsw_end_obj(&w);
  return resp_json_end(r, &w);
}

/* Ours: the file of a chart, for places where KubeFATE cannot fetch it. */
static bool store(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct chart c;
  struct jsw w;
  const struct form_field *file = form_field(&q->form, "file");
  if (!req_uuid(q, 0, &id, e) || !chart_ops_store(q->db, q->a, id, file ? file->value : "", file ? file->len : 0, q->who.name, e) || !chart_get(q->db, q->a, id, &c, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), jsw_kstr(&w, "file_name", c.archive.file_name), jsw_ki64(&w, "size", c.archive.size), jsw_kstr(&w, "sha256", c.archive.sha256), jsw_end_obj(&w);
  return resp_json_end(r, &w);
}
static bool drop(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  return req_uuid(q, 0, &id, e) && chart_ops_drop(q->db, q->a, id, e) && resp_json_null(r, q);
}

static const struct route R[] = {
    {METHOD_GET, "/api/v1/chart", list, PERM_VIEW, ROUTE_API, 0},
    {METHOD_GET, "/api/v1/chart/{uuid}", get, PERM_VIEW, ROUTE_API, 0},
    {METHOD_POST, "/api/v1/chart/{uuid}/archive", store, PERM_OPERATE, ROUTE_API | ROUTE_MULTIPART, CHART_ARCHIVE_MAX + 65536},
    {METHOD_DELETE, "/api/v1/chart/{uuid}/archive", drop, PERM_OPERATE, ROUTE_API, 0},
};
const struct route_table API_CHART = {R, sizeof R / sizeof *R};
