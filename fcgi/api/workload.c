/* Workloads and logs of participants and endpoints: an extension of ours, upstream has no such routes. Both wait for a probe. */
#include "api/api.h"
#include "api/tables.h"
#include "base/str.h"
#include "deploy/inspect.h"
#include "model/participant.h"
#include "model/status.h"

static bool subject(struct req *q, enum inspect_of *of, struct uuid *id, struct err *e) {
  struct uuid federation;
  struct participant p;
  *of = q->n_seg > 1 ? INSPECT_PARTY : INSPECT_ENDPOINT;
  if (*of == INSPECT_ENDPOINT) return req_uuid(q, 0, id, e);
  if (!req_uuid(q, 0, &federation, e) || !req_uuid(q, 1, id, e) || !participant_get(q->db, q->a, *id, &p, e)) return false;
  int type = strstr(q->path, "/exchange/") ? TYPE_EXCHANGE : TYPE_CLUSTER;
  return p.type == type && uuid_eq(p.federation_uuid, federation) ? true : err_set(e, FAIL_NOT_FOUND, MSG_PARTY_UNKNOWN, id->s);
}

static bool answer(struct req *q, struct resp *r, const struct probe *p) {
  struct jsw w;
  resp_json_begin(r, q, &w), jsw_obj(&w), api_time(&w, q, "read_at", p->created_at);
  for (struct js_iter it = js_iter(p->result); js_next(&it);) jsw_kraw(&w, it.key, js_dump(q->a, it.val));
  jsw_end_obj(&w);
  return resp_json_end(r, &w);
}

static bool look(struct req *q, struct resp *r, struct err *e) {
  enum inspect_of of;
  struct uuid id, probe;
  struct probe p;
  return subject(q, &of, &id, e) && inspect_start(q->db, q->a, of, id, q->who.name, &probe, e) && api_wait(q, probe, &p, e) && answer(q, r, &p);
}

static bool log_read(struct req *q, struct resp *r, struct err *e) {
  enum inspect_of of;
  struct uuid id, probe;
  struct probe p;
  struct log_form f = {.pod = ""};
  int64_t lines;
  if (!subject(q, &of, &id, e) || !jsq_str(q->json, "pod", q->a, &f.pod, e) || !jsq_str(q->json, "container", q->a, &f.container, e) || !jsq_bool(q->json, "previous", &f.previous, e) || !jsq_int(q->json, "lines", INT64_MIN, INT64_MAX, &lines, e)) return false;
  f.lines = lines < 0 || lines > INSPECT_LINES_MAX ? -1 : (long)lines;
  if (!*f.pod) return err_set(e, FAIL_INVALID, MSG_API_MISSING, "pod");
  return inspect_log_start(q->db, q->a, of, id, &f, q->who.name, &probe, e) && api_wait(q, probe, &p, e) && answer(q, r, &p);
}

#define PLACE(path) \
    {METHOD_POST, "/api/v1" path "/workloads", look, PERM_VIEW, ROUTE_API | ROUTE_JSON_OPTIONAL | ROUTE_WAIT, 16384}, \
    {METHOD_POST, "/api/v1" path "/log", log_read, PERM_LOGS, ROUTE_API | ROUTE_JSON | ROUTE_WAIT, 16384}
static const struct route R[] = {
    PLACE("/federation/fate/{uuid}/exchange/{uuid}"),
    PLACE("/federation/fate/{uuid}/cluster/{uuid}"),
    PLACE("/endpoint/{uuid}"),
};
const struct route_table API_WORKLOAD = {R, sizeof R / sizeof *R};
