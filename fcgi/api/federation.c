/* FATE federations and the list of their participants (reference 20 sections 4.2 to 4.4). */
#include "api/api.h"
#include "api/participant.h"
#include "api/tables.h"
#include "deploy/federation_ops.h"
#include "model/federation.h"
#include "model/status.h"

static void item(struct jsw *w, struct req *q, const struct federation *f) {
  jsw_kstr(w, "uuid", f->uuid.s), jsw_kstr(w, "name", f->name), jsw_kstr(w, "description", f->description), jsw_kstr(w, "type", f->type), api_time(w, q, "created_at", f->created_at);
}

static bool list(struct req *q, struct resp *r, struct err *e) {
  struct federation *v;
  size_t n;
  struct jsw w;
  if (!federation_list(q->db, q->a, &v, &n, e)) return false;
  resp_json_begin(r, q, &w), jsw_arr(&w);
  for (size_t i = 0; i < n; i++) jsw_obj(&w), item(&w, q, &v[i]), jsw_end_obj(&w);
  jsw_end_arr(&w);
  return resp_json_end(r, &w);
}

static bool get(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct federation f;
  struct jsw w;
  if (!req_uuid(q, 0, &id, e) || !federation_get(q->db, q->a, id, &f, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), item(&w, q, &f), jsw_kstr(&w, "domain", f.domain), jsw_end_obj(&w);
  return resp_json_end(r, &w);
}

static bool create(struct req *q, struct resp *r, struct err *e) {
  const char *name, *description, *domain;
  struct uuid id;
  if (!api_body_name(q, &name, e) || !jsq_str(q->json, "description", q->a, &description, e) || !jsq_str(q->json, "domain", q->a, &domain, e)) return false;
  return federation_create(q->db, q->a, name, description, domain, &id, e) && resp_json_string(r, q, id.s);
}

/* ours: ?cascade=true removes everything below it first, in order; the answer is the operation's id. ?force=true with it forces each removal. */
static bool drop(struct req *q, struct resp *r, struct err *e) {
  struct uuid id, op;
  bool cascade, force;
  if (!api_query_bool(q, "cascade", false, &cascade, e) || !api_query_bool(q, "force", false, &force, e)) return false;
  if (cascade) return req_uuid(q, 0, &id, e) && federation_ops_remove(q->db, q->a, id, force, q->who.name, &op, e) && resp_json_string(r, q, op.s);
  return req_uuid(q, 0, &id, e) && federation_delete(q->db, q->a, id, e) && resp_json_null(r, q);
}

/* One statement, however many there are; whether the federation exists is not asked (reference 20 section 22 no 2). */
static bool participants(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct participant *v;
  size_t n, i = 0;
  struct jsw w;
  if (!req_uuid(q, 0, &id, e) || !participant_list(q->db, q->a, id, &v, &n, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), jsw_key(&w, "exchange");
  if (n && v[0].type == TYPE_EXCHANGE) jsw_obj(&w), api_participant(&w, q, &v[i++]), jsw_end_obj(&w);
  else jsw_null(&w);
  jsw_key(&w, "clusters"), jsw_arr(&w);
  for (; i < n; i++) jsw_obj(&w), api_participant(&w, q, &v[i]), jsw_end_obj(&w);
  jsw_end_arr(&w), jsw_end_obj(&w);
  return resp_json_end(r, &w);
}

static const struct route R[] = {
    {METHOD_GET, "/api/v1/federation", list, PERM_VIEW, ROUTE_API, 0},
    {METHOD_POST, "/api/v1/federation/fate", create, PERM_OPERATE, ROUTE_API | ROUTE_JSON, 0},
    {METHOD_GET, "/api/v1/federation/fate/{uuid}", get, PERM_VIEW, ROUTE_API, 0},
    {METHOD_DELETE, "/api/v1/federation/fate/{uuid}", drop, PERM_OPERATE, ROUTE_API, 0},
    {METHOD_GET, "/api/v1/federation/fate/{uuid}/participant", participants, PERM_VIEW, ROUTE_API, 0},
};
const struct route_table API_FEDERATION = {R, sizeof R / sizeof *R};
