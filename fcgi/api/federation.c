/* /federation, /chart, /event, /certificate* (reference 20 section 4, 40 sections 2, 6, 13). */
#include "api/common.h"
#include "api/tables.h"
#include "model/cert.h"
#include "model/chart.h"
#include "model/event.h"
#include "model/federation.h"
#include "model/status.h"

static void fed(struct jsw *w, struct req *q, const struct federation *f) {
  jsw_kstr(w, "uuid", f->uuid.s), jsw_kstr(w, "name", f->name), jsw_kstr(w, "description", f->description), jsw_kstr(w, "type", f->type), api_time(w, q, "created_at", f->created_at);
}
static bool list(struct req *q, struct resp *r, struct err *e) {
  struct federation *v;
  struct jsw w;
  size_t n;
  if (!federation_list(q->db, q->a, &v, &n, e)) return false;
  resp_json_begin(r, q, &w), jsw_arr(&w);
  for (size_t i = 0; i < n; i++) jsw_obj(&w), fed(&w, q, &v[i]), jsw_end_obj(&w);
  jsw_end_arr(&w);
  return resp_json_end(r, &w);
}
static bool create(struct req *q, struct resp *r, struct err *e) {
  const char *name, *description, *domain;
  struct uuid id;
  return jsq_str(q->json, "name", q->a, &name, e) && jsq_str(q->json, "description", q->a, &description, e) && jsq_str(q->json, "domain", q->a, &domain, e) && federation_create(q->db, q->a, name, description, domain, &id, e) && resp_json_string(r, q, id.s);
}
static bool detail(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct federation f;
  struct jsw w;
  if (!req_uuid(q, 0, &id, e) || !federation_get(q->db, q->a, id, &f, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), fed(&w, q, &f), jsw_kstr(&w, "domain", f.domain), jsw_end_obj(&w);
  return resp_json_end(r, &w);
}
static bool remove_(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  return req_uuid(q, 0, &id, e) && federation_delete(q->db, q->a, id, e) && resp_json_null(r, q);
}

static void chart_item(struct jsw *w, struct req *q, const struct chart *c) {
  jsw_kstr(w, "uuid", c->uuid.s), jsw_kstr(w, "name", c->name), jsw_kstr(w, "chart_name", c->chart_name), jsw_kstr(w, "version", c->version), jsw_kstr(w, "description", c->description), jsw_ki64(w, "type", c->type);
  api_time(w, q, "created_at", c->created_at), jsw_kbool(w, "contain_portal_services", c->portal);
}
static bool charts(struct req *q, struct resp *r, struct err *e) {
  struct chart *v;
  struct jsw w;
  size_t n;
  long type;
  if (!api_int(q, "type", false, 0, 0, 255, &type, e) || !chart_list(q->db, q->a, (int)type, q->app->conf.experiment, &v, &n, e)) return false;
  resp_json_begin(r, q, &w), jsw_arr(&w);
  for (size_t i = 0; i < n; i++) jsw_obj(&w), chart_item(&w, q, &v[i]), jsw_end_obj(&w);
  jsw_end_arr(&w);
  return resp_json_end(r, &w);
}
static bool chart(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct chart c;
  struct jsw w;
  if (!req_uuid(q, 0, &id, e) || !chart_get(q->db, q->a, id, &c, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), chart_item(&w, q, &c), jsw_kstr(&w, "about", c.about), jsw_kstr(&w, "values", c.values_text), jsw_kstr(&w, "values_template", c.values_template), jsw_end_obj(&w);
  return resp_json_end(r, &w);
}

static bool events(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct event *v;
  struct jsw w;
  size_t n;
  if (!req_uuid(q, 0, &id, e) || !event_list(q->db, q->a, id, 0, 0, &v, &n, e)) return false;
  resp_json_begin(r, q, &w), jsw_arr(&w);
  for (size_t i = 0; i < n; i++) {
    jsw_obj(&w), jsw_kstr(&w, "uuid", v[i].uuid.s), jsw_ki64(&w, "type", 1), api_time(&w, q, "created_at", v[i].created_at), jsw_kstr(&w, "entity_uuid", v[i].entity_uuid.s), jsw_ki64(&w, "entity_type", v[i].entity_type);
    jsw_key(&w, "data"), jsw_obj(&w), jsw_kstr(&w, "description", text_stored_en(q->a, v[i].cls, v[i].args)), jsw_kstr(&w, "log_level", v[i].level), jsw_end_obj(&w), jsw_end_obj(&w);
  }
  jsw_end_arr(&w);
  return resp_json_end(r, &w);
}

static bool certificates(struct req *q, struct resp *r, struct err *e) {
  struct cert *v;
  struct jsw w;
  size_t n;
  if (!cert_list(q->db, q->a, &v, &n, e)) return false;
  resp_json_begin(r, q, &w), jsw_arr(&w);
  for (size_t i = 0; i < n; i++) {
    jsw_obj(&w), jsw_kstr(&w, "name", v[i].name), jsw_kstr(&w, "uuid", v[i].uuid.s), jsw_kstr(&w, "serial_number", v[i].serial_dec), api_time(&w, q, "expiration_date", v[i].not_after), jsw_kstr(&w, "common_name", v[i].subject_cn);
    jsw_key(&w, "bindings"), jsw_arr(&w);
    for (size_t k = 0; k < v[i].n_bindings; k++) {
      const struct cert_binding *b = &v[i].bindings[k];
      jsw_obj(&w), jsw_ki64(&w, "service_type", b->service_type), jsw_kstr(&w, "participant_uuid", b->participant_uuid.s), jsw_kstr(&w, "participant_name", b->participant_name), jsw_kstr(&w, "participant_type", b->participant_type);
      jsw_kstr(&w, "service_description", arena_fmt(q->a, "%s service of FATE %s", cert_service_text(b->service_type), b->participant_type)), jsw_kstr(&w, "federation_uuid", b->federation_uuid.s);
      jsw_kstr(&w, "federation_name", b->federation_name), jsw_kstr(&w, "federation_type", "FATE"), jsw_end_obj(&w);
    }
    jsw_end_arr(&w), jsw_end_obj(&w);
  }
  jsw_end_arr(&w);
  return resp_json_end(r, &w);
}
static bool certificate_remove(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  return req_uuid(q, 0, &id, e) && cert_delete(q->db, q->a, id, e) && resp_json_null(r, q);
}
/* null until somebody configured a CA: the embedded one works without a record (reference 40 section 5.4). */
static bool authority(struct req *q, struct resp *r, struct err *e) { (void)e; return resp_json_null(r, q); }
static bool built_in(struct req *q, struct resp *r, struct err *e) { (void)q, (void)r; return err_set(e, FAIL_NOT_FOUND, MSG_API_NO_BUILT_IN); }

static const struct route R[] = {
    {METHOD_GET, "/api/v1/federation", list, PERM_VIEW, ROUTE_API, 0},
    {METHOD_POST, "/api/v1/federation/fate", create, PERM_OPERATE, ROUTE_API | ROUTE_JSON, 0},
    {METHOD_GET, "/api/v1/federation/fate/{uuid}", detail, PERM_VIEW, ROUTE_API, 0},
    {METHOD_DELETE, "/api/v1/federation/fate/{uuid}", remove_, PERM_OPERATE, ROUTE_API, 0},
    {METHOD_GET, "/api/v1/chart", charts, PERM_VIEW, ROUTE_API, 0},
    {METHOD_GET, "/api/v1/chart/{uuid}", chart, PERM_VIEW, ROUTE_API, 0},
    {METHOD_GET, "/api/v1/event/{uuid}", events, PERM_VIEW, ROUTE_API, 0},
    {METHOD_GET, "/api/v1/certificate", certificates, PERM_VIEW, ROUTE_API, 0},
    {METHOD_DELETE, "/api/v1/certificate/{uuid}", certificate_remove, PERM_OPERATE, ROUTE_API, 0},
    {METHOD_GET, "/api/v1/certificate-authority", authority, PERM_VIEW, ROUTE_API, 0},
    {METHOD_GET, "/api/v1/certificate-authority/built-in-ca", built_in, PERM_VIEW, ROUTE_API, 0},
};
const struct route_table API_FEDERATION = {R, sizeof R / sizeof *R};
