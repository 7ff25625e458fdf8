/* Contract: inspect.h. The probes themselves are in wf_inspect.c. */
#include "deploy/inspect.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/name.h"
#include "base/str.h"
#include "db/db.h"
#include "model/endpoint.h"
#include "model/participant.h"
#include "model/status.h"

static const struct stmt Q_LATEST = {"inspect_latest", "select uuid from probe where kind = $1 and subject = $2 and state = 'done' and created_at > now() - interval '15 minutes' order by id desc limit 1"};
const struct stmt *const STMTS_INSPECT[] = {&Q_LATEST, NULL};

static const char *const KIND[] = {[INSPECT_PARTY] = "party_workloads", [INSPECT_ENDPOINT] = "endpoint_workloads"}, *const OF[] = {[INSPECT_PARTY] = "party", [INSPECT_ENDPOINT] = "endpoint"};

static bool there(struct db *db, struct arena *a, enum inspect_of of, struct uuid subject, struct err *e) {
  struct endpoint x;
  struct participant p;
  if (of == INSPECT_ENDPOINT) return endpoint_get(db, a, subject, &x, e);
  if (!participant_get(db, a, subject, &p, e)) return false;
  return p.is_managed ? true : err_set(e, FAIL_CONFLICT, MSG_INSPECT_EXTERNAL, p.name);
}

bool inspect_start(struct db *db, struct arena *a, enum inspect_of of, struct uuid subject, const char *actor, struct uuid *out, struct err *e) {
  return there(db, a, of, subject, e) && probe_start(db, a, KIND[of], actor, subject, arena_fmt(a, "{\"of\":\"%s\"}", OF[of]), (struct uuid){{0}}, out, e);
}

bool inspect_log_start(struct db *db, struct arena *a, enum inspect_of of, struct uuid subject, const struct log_form *f, const char *actor, struct uuid *out, struct err *e) {
  struct buf b;
  struct jsw w;
  if (!name_dns(f->pod)) return err_set(e, FAIL_INVALID, MSG_LOG_NAME, str_excerpt(a, f->pod, strlen(f->pod), 80));
  if (*f->container && !name_dns_label(f->container)) return err_set(e, FAIL_INVALID, MSG_LOG_NAME, str_excerpt(a, f->container, strlen(f->container), 80));
  if (f->lines < 0 || f->lines > INSPECT_LINES_MAX) return err_set(e, FAIL_INVALID, MSG_LOG_LINES, NUM(INSPECT_LINES_MAX));
  if (!there(db, a, of, subject, e)) return false;
  buf_init(&b, a, 4096), jsw_init(&w, &b), jsw_obj(&w), jsw_kstr(&w, "of", OF[of]), jsw_kstr(&w, "pod", f->pod), jsw_kstr(&w, "container", f->container), jsw_kbool(&w, "previous", f->previous);
  jsw_ki64(&w, "lines", f->lines ? f->lines : INSPECT_LINES), jsw_end_obj(&w);
  return probe_start(db, a, "pod_log", actor, subject, b.p, (struct uuid){{0}}, out, e);
}

bool inspect_latest(struct db *db, struct arena *a, enum inspect_of of, struct uuid subject, struct probe *out, bool *found, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_LATEST, &r, e, KIND[of], subject.s)) return false;
  *found = r.n > 0;
  return !r.n || probe_get(db, a, row_uuid(&r, 0, 0), out, e);
}

bool inspect_get(struct db *db, struct arena *a, enum inspect_of of, struct uuid subject, struct uuid id, bool log, struct probe *out, struct err *e) {
  if (!probe_get(db, a, id, out, e)) return false;
  return uuid_eq(out->subject, subject) && streq(out->kind, log ? "pod_log" : KIND[of]) ? true : err_set(e, FAIL_NOT_FOUND, MSG_PROBE_UNKNOWN, id.s);
}

/* --- results --- */
static const char *s(const js *v, const char *k) { return nn(js_str(v, k)); }
static int i32(const js *v, const char *k) {
  int64_t n = js_int(v, k, 0);
  return n < 0 || n > 1000000000 ? 0 : (int)n;
}
static usec_t at(const js *v, const char *k) {
  usec_t t = 0;
  return time_parse_rfc3339(js_str(v, k), &t) ? t : 0;
}
static bool b(const js *v, const char *k) { return js_bool(v, k, false); }

static void read_pod(struct arena *a, const js *x, struct inspect_pod *o) {
  const js *c = js_arr(x, "containers");
  *o = (struct inspect_pod){.name = s(x, "name"), .phase = s(x, "phase"), .state = s(x, "state"), .ready = s(x, "ready"), .node = s(x, "node"), .message = s(x, "message"), .ok = b(x, "ok"), .restarts = i32(x, "restarts"), .created = at(x, "created"), .n = js_len(c)};
  o->c = ARENA_ARRAY(a, struct inspect_container, o->n + 1);
  for (size_t i = 0; i < o->n; i++) {
    const js *y = js_item(c, i);
    o->c[i] = (struct inspect_container){.name = s(y, "name"), .image = s(y, "image"), .state = s(y, "state"), .message = s(y, "message"), .init = b(y, "init"), .ok = b(y, "ok"), .previous = b(y, "previous"), .restarts = i32(y, "restarts")};
  }
}

void inspect_read(struct arena *a, const struct probe *p, struct inspection *o) {
  const js *pods = js_arr(p->result, "pods"), *loads = js_arr(p->result, "workloads"), *claims = js_arr(p->result, "claims"), *events = js_arr(p->result, "events"), *left = js_arr(p->result, "left");
  *o = (struct inspection){.at = p->created_at, .more = b(p->result, "more"), .n_pods = js_len(pods), .n_loads = js_len(loads), .n_claims = js_len(claims), .n_events = js_len(events), .n_left = js_len(left)};
  o->pods = ARENA_ARRAY(a, struct inspect_pod, o->n_pods + 1), o->loads = ARENA_ARRAY(a, struct inspect_load, o->n_loads + 1), o->claims = ARENA_ARRAY(a, struct inspect_claim, o->n_claims + 1);
  o->events = ARENA_ARRAY(a, struct inspect_event, o->n_events + 1), o->left = ARENA_ARRAY(a, struct inspect_left, o->n_left + 1);
  for (size_t i = 0; i < o->n_pods; i++) read_pod(a, js_item(pods, i), &o->pods[i]);
  for (size_t i = 0; i < o->n_loads; i++) {
    const js *x = js_item(loads, i);
    o->loads[i] = (struct inspect_load){.kind = s(x, "kind"), .name = s(x, "name"), .message = s(x, "message"), .wanted = i32(x, "wanted"), .ready = i32(x, "ready"), .ok = b(x, "ok")};
  }
  for (size_t i = 0; i < o->n_claims; i++) {
    const js *x = js_item(claims, i);
    o->claims[i] = (struct inspect_claim){.name = s(x, "name"), .state = s(x, "state"), .size = s(x, "size"), .storage_class = s(x, "class"), .ok = b(x, "ok")};
  }
  for (size_t i = 0; i < o->n_events; i++) {
    const js *x = js_item(events, i);
    o->events[i] = (struct inspect_event){.reason = s(x, "reason"), .object = s(x, "object"), .message = s(x, "message"), .count = i32(x, "count"), .last = at(x, "last")};
  }
  for (size_t i = 0; i < o->n_left; i++) {
    const js *x = js_item(left, i);
    o->left[i] = (struct inspect_left){.what = s(x, "what"), .cls = s(x, "class"), .args = js_arr(x, "args") ? js_dump(a, js_arr(x, "args")) : "[]"};
  }
}

void inspect_log_read(struct arena *a, const struct probe *p, struct inspect_log *o) {
  const js *r = p->result, *all = js_arr(r, "containers");
  *o = (struct inspect_log){.at = p->created_at, .pod = s(r, "pod"), .container = s(r, "container"), .text = s(r, "text"), .n = js_len(all), .previous = b(r, "previous"), .has_previous = b(r, "has_previous"), .cut = b(r, "cut"), .lines = i32(r, "lines")};
  o->containers = ARENA_ARRAY(a, const char *, o->n + 1);
  for (size_t i = 0; i < o->n; i++) o->containers[i] = nn(js_self_str(js_item(all, i)));
}
