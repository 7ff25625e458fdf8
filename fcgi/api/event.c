/* History of an entity, newest first (reference 40 section 13.1). The sentences are in English, like every text of the API. */
#include "api/api.h"
#include "api/tables.h"
#include "model/event.h"

enum { LOG_MESSAGE = 1 };

static bool list(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct event *v;
  size_t n;
  long limit;
  struct jsw w;
  if (!req_uuid(q, 0, &id, e) || !api_query_long(q, "limit", 0, &limit, e)) return false;
  if (limit < 0 || limit > 100000) limit = 0;
  if (!event_list(q->db, q->a, id, (int)limit, 0, &v, &n, e)) return false;
  resp_json_begin(r, q, &w), jsw_arr(&w);
  for (size_t i = 0; i < n; i++) {
    jsw_obj(&w), jsw_kstr(&w, "uuid", v[i].uuid.s), jsw_ki64(&w, "type", LOG_MESSAGE), api_time(&w, q, "created_at", v[i].created_at), jsw_kstr(&w, "entity_uuid", v[i].entity_uuid.s), jsw_ki64(&w, "entity_type", v[i].entity_type);
    jsw_key(&w, "data"), jsw_obj(&w), jsw_kstr(&w, "description", text_stored_en(q->a, v[i].cls, v[i].args)), jsw_kstr(&w, "log_level", v[i].level), jsw_end_obj(&w), jsw_end_obj(&w);
  }
  jsw_end_arr(&w);
  return resp_json_end(r, &w);
}

static const struct route R[] = {
    {METHOD_GET, "/api/v1/event/{entity_uuid}", list, PERM_VIEW, ROUTE_API, 0},
};
const struct route_table API_EVENT = {R, sizeof R / sizeof *R};
