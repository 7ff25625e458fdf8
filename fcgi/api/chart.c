/* The chart catalogue (reference 20 sections 4.2, 4.3). */
#include "api/api.h"
#include "api/tables.h"
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

static const struct route R[] = {
    {METHOD_GET, "/api/v1/chart", list, PERM_VIEW, ROUTE_API, 0},
    {METHOD_GET, "/api/v1/chart/{uuid}", get, PERM_VIEW, ROUTE_API, 0},
};
const struct route_table API_CHART = {R, sizeof R / sizeof *R};
