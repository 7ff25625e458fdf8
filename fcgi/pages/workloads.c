/* Contract: workloads.h. A page starts a probe with a POST and shows its result with a GET; a GET contacts nobody. */
#include "pages/workloads.h"
#include "base/num.h"
#include "base/str.h"
#include "model/endpoint.h"
#include "pages/tables.h"
#include "tmpl/workloads.h"

bool workloads_away(struct req *q, struct uuid infra, struct infra **out, struct err *e) {
  struct infra *i = ARENA_NEW(q->a, struct infra);
  bool open;
  if (!infra_circuit_open(q->db, q->a, infra, i, &open, e)) return false;
  *out = open ? i : NULL;
  return true;
}

const char *workloads_what(const struct page *p, const char *what) {
  static const struct { const char *key; enum msg label; } WHAT[] = {{"pods", MSG_INSPECT_PODS}, {"workloads", MSG_INSPECT_LOADS}, {"sets", MSG_INSPECT_SETS}, {"claims", MSG_INSPECT_CLAIMS}, {"events", MSG_INSPECT_EVENTS}};
  for (size_t i = 0; i < sizeof WHAT / sizeof *WHAT; i++)
    if (streq(WHAT[i].key, what)) return tr(p, WHAT[i].label);
  return what;
}
size_t workloads_ready(const struct inspection *v) {
  size_t n = 0;
  for (size_t i = 0; i < v->n_pods; i++) n += v->pods[i].ok;
  return n;
}

/* The probe that the address names, if it is one of this object; whatever else stands there is no fault of the reader's. */
static bool named(struct req *q, enum inspect_of of, struct uuid subject, bool log, struct uuid *id, struct probe *out) {
  struct err other = ERR_INIT;
  return uuid_parse(nn(req_query(q, "probe")), id) && inspect_get(q->db, q->a, of, subject, *id, log, out, &other);
}
static const struct err *failure(struct req *q, const struct probe *pr) {
  struct err *why = ARENA_NEW(q->a, struct err);
  (void)probe_error(q->a, pr, why);
  return why;
}

bool workloads_load(struct req *q, enum inspect_of of, struct uuid subject, const char *self, struct inspect_page *out, struct err *e) {
  struct probe pr, last;
  *out = (struct inspect_page){.self = self};
  if (named(q, of, subject, false, &out->probe, &pr)) {
    out->waiting = streq(pr.state, "queued"), out->failed = streq(pr.state, "failed");
    if (out->failed) out->why = failure(q, &pr);
  }
  if (!inspect_latest(q->db, q->a, of, subject, &last, &out->seen, e)) return false;
  if (out->seen) inspect_read(q->a, &last, &out->v);
  return true;
}

/* --- whose page: the address has one id for an endpoint, two for a participant --- */
struct object { enum inspect_of of; struct uuid id; const char *self, *name; struct participant *x; };
static bool object(struct req *q, struct object *o, struct err *e) {
  struct uuid federation;
  struct page p = {.q = q};
  *o = (struct object){.of = q->n_seg > 1 ? INSPECT_PARTY : INSPECT_ENDPOINT};
  if (o->of == INSPECT_ENDPOINT) {
    struct endpoint x;
    if (!req_uuid(q, 0, &o->id, e) || !endpoint_get(q->db, q->a, o->id, &x, e)) return false;
    return o->name = x.name, o->self = arena_fmt(q->a, "/endpoint-detail/%s", o->id.s), true;
  }
  o->x = ARENA_NEW(q->a, struct participant);
  if (!req_uuid(q, 0, &federation, e) || !req_uuid(q, 1, &o->id, e) || !participant_get(q->db, q->a, o->id, o->x, e)) return false;
  o->name = o->x->name, o->self = ui_party_url(&p, o->x);
  return uuid_eq(federation, o->x->federation_uuid) ? true : err_set(e, FAIL_NOT_FOUND, MSG_PARTY_UNKNOWN, o->id.s);
}

static bool look_post(struct req *q, struct resp *r, struct err *e) {
  struct object o;
  struct uuid probe;
  if (!object(q, &o, e) || !inspect_start(q->db, q->a, o.of, o.id, q->who.name, &probe, e)) return false;
  return resp_redirect(r, q, arena_fmt(q->a, "%s?tab=workloads&probe=%s", o.self, probe.s));
}

/* --- log --- */
/* The containers of the pod as the last look saw them: the log's own answer knows better, but there is none yet. */
static bool containers(struct req *q, const struct object *o, struct log_page *v, struct err *e) {
  struct probe last;
  struct inspection w;
  bool found;
  if (!inspect_latest(q->db, q->a, o->of, o->id, &last, &found, e)) return false;
  if (!found) return true;
  inspect_read(q->a, &last, &w);
  for (size_t i = 0; i < w.n_pods; i++) {
    if (!streq(w.pods[i].name, v->pod)) continue;
    v->containers = ARENA_ARRAY(q->a, const char *, w.pods[i].n + 1);
    for (size_t k = 0; k < w.pods[i].n; k++) v->containers[v->n++] = w.pods[i].c[k].name;
  }
  return true;
}

static void log_body(struct buf *out, const struct page *p, const void *v) { tmpl_container_log(out, p, v); }
static bool log_show(struct req *q, struct resp *r, const struct object *o, struct log_page *v, const struct err *refused, struct err *e) {
  struct page p;
  v->self = o->self, v->name = o->name, v->x = o->x;
  if (!v->n && !containers(q, o, v, e)) return false;
  page_init(&p, q, o->x ? SEC_FEDERATION : SEC_ENDPOINT, arena_fmt(q->a, "%s: %s – %s", text_raw(q->lang, MSG_LOG_TITLE), v->pod, o->name));
  if (o->x) page_crumb(&p, tr(&p, MSG_NAV_FEDERATION), "/federation"), page_crumb(&p, o->x->federation_name, arena_fmt(q->a, "/federation/fate/%s", o->x->federation_uuid.s));
  else page_crumb(&p, tr(&p, MSG_NAV_ENDPOINT), "/endpoint");
  page_crumb(&p, o->name, o->self), page_crumb(&p, tr(&p, MSG_TAB_WORKLOADS), arena_fmt(q->a, "%s?tab=workloads", o->self));
  p.refresh = v->waiting;
  ui_refuse(&p, r, refused);
  return page_render(&p, r, log_body, v, e);
}
static bool log_get(struct req *q, struct resp *r, struct err *e) {
  struct object o;
  struct probe pr;
  struct log_page v = {.pod = "", .container = "", .lines = INSPECT_LINES};
  if (!object(q, &o, e)) return false;
  if (!named(q, o.of, o.id, true, &v.probe, &pr)) return resp_redirect(r, q, arena_fmt(q->a, "%s?tab=workloads", o.self)); /* nothing was asked for, or it is gone */
  v.pod = nn(js_str(pr.input, "pod")), v.container = nn(js_str(pr.input, "container")), v.previous = js_bool(pr.input, "previous", false), v.lines = js_int(pr.input, "lines", INSPECT_LINES);
  v.waiting = streq(pr.state, "queued"), v.failed = streq(pr.state, "failed"), v.seen = streq(pr.state, "done");
  if (v.failed) v.why = failure(q, &pr);
  if (v.seen) inspect_log_read(q->a, &pr, &v.v), v.container = v.v.container, v.containers = v.v.containers, v.n = v.v.n;
  return log_show(q, r, &o, &v, NULL, e);
}
static bool log_post(struct req *q, struct resp *r, struct err *e) {
  struct object o;
  struct uuid probe;
  struct err why = ERR_INIT;
  int64_t lines = 0;
  struct log_form f = {.pod = req_field(q, "pod"), .container = req_field(q, "container"), .previous = req_flag(q, "previous")};
  const char *n = req_field(q, "lines");
  if (!object(q, &o, e)) return false;
  if (*n && !num_i64(n, 1, INSPECT_LINES_MAX, &lines)) err_set(&why, FAIL_INVALID, MSG_LOG_LINES, NUM(INSPECT_LINES_MAX));
  f.lines = (long)lines;
  if (why.kind || !inspect_log_start(q->db, q->a, o.of, o.id, &f, q->who.name, &probe, &why)) {
    struct log_page v = {.pod = f.pod, .container = f.container, .previous = f.previous, .lines = lines ? (long)lines : INSPECT_LINES};
    return ui_again(&why, e) && log_show(q, r, &o, &v, &why, e);
  }
  return resp_redirect(r, q, arena_fmt(q->a, "%s/log?probe=%s", o.self, probe.s));
}

#define PARTY_PAGES(kind) \
    {METHOD_POST, "/federation/fate/{uuid}/" kind "/detail/{uuid}/workloads", look_post, PERM_VIEW, 0, 16384}, \
    {METHOD_GET, "/federation/fate/{uuid}/" kind "/detail/{uuid}/log", log_get, PERM_LOGS, 0, 0}, \
    {METHOD_POST, "/federation/fate/{uuid}/" kind "/detail/{uuid}/log", log_post, PERM_LOGS, 0, 16384}
static const struct route R[] = {
    PARTY_PAGES("exchange"),
    PARTY_PAGES("cluster"),
    {METHOD_POST, "/endpoint-detail/{uuid}/workloads", look_post, PERM_VIEW, 0, 16384},
    {METHOD_GET, "/endpoint-detail/{uuid}/log", log_get, PERM_LOGS, 0, 0},
    {METHOD_POST, "/endpoint-detail/{uuid}/log", log_post, PERM_LOGS, 0, 16384},
};
const struct route_table PAGES_WORKLOADS = {R, sizeof R / sizeof *R};
