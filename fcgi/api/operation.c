/* Operations: list, detail, cancel, retry. An extension of ours: absent times and objects are null, sentences are in English. */
#include "api/api.h"
#include "api/tables.h"
#include "base/str.h"
#include "deploy/cause.h"
#include "deploy/op.h"
#include "deploy/op_query.h"
#include "model/event.h"

enum { TIMELINE_MOST = 500 };

static void when(struct jsw *w, struct req *q, const char *key, usec_t t) {
  if (t) api_time(w, q, key, t);
  else jsw_key(w, key), jsw_null(w);
}
static void id_of(struct jsw *w, const char *key, struct uuid u) { jsw_kstr(w, key, uuid_none(u) ? NULL : u.s); }

static const char *label(struct req *q, const char *area, const char *key) {
  enum msg m = text_find(arena_fmt(q->a, "%s.%s", area, key));
  return m == MSG_NONE ? key : text_raw(LANG_EN, m);
}
static const char *said(struct req *q, const char *key, const char *args) { return *key ? text_stored_en(q->a, key, args) : NULL; }

/* What an open operation waits for, or what an ended one was waiting for when it failed. */
static void cause(struct jsw *w, struct req *q, const struct operation *o) {
  const struct cause *c = cause_find(o->cause);
  const char *next = op_next_action(o);
  jsw_key(w, "cause");
  if (!operation_open(o) || !(*o->cause || *o->evidence_class || *next)) { jsw_null(w); return; }
  jsw_obj(w), jsw_kstr(w, "class", o->cause), jsw_kstr(w, "label", c ? text_raw(LANG_EN, c->label) : o->cause), jsw_kstr(w, "evidence", said(q, o->evidence_class, o->evidence_args));
  when(w, q, "evidence_at", o->evidence_at), when(w, q, "deadline", o->until), jsw_kstr(w, "next_action", said(q, next, "[]")), jsw_end_obj(w);
}

static void item(struct jsw *w, struct req *q, const struct operation *o) {
  jsw_ki64(w, "id", o->id), jsw_kstr(w, "uuid", o->uuid.s), jsw_kstr(w, "kind", o->kind), jsw_kstr(w, "title", label(q, "op", o->kind)), jsw_kstr(w, "state", o->state), jsw_ki64(w, "percent", o->percent);
  jsw_kstr(w, "subject_type", o->subject_type), jsw_kstr(w, "subject_uuid", o->subject.s), jsw_kstr(w, "subject_name", o->subject_name), id_of(w, "federation_uuid", o->federation_uuid), jsw_kstr(w, "actor", o->actor);
  when(w, q, "created_at", o->created_at), when(w, q, "started_at", o->started_at), when(w, q, "ended_at", o->ended_at), when(w, q, "deadline", o->deadline);
  jsw_ki64(w, "retries", o->retries), jsw_kbool(w, "cancel_requested", o->cancel_requested), jsw_ki64(w, "version", o->version);
  jsw_key(w, "error");
  if (*o->error_class) jsw_obj(w), jsw_kstr(w, "class", o->error_class), jsw_kstr(w, "message", said(q, o->error_class, o->error_args)), jsw_end_obj(w);
  else jsw_null(w);
  cause(w, q, o);
}

static bool list(struct req *q, struct resp *r, struct err *e) {
  struct op_query asked = {.state = req_query(q, "state"), .kind = req_query(q, "kind"), .subject = req_query(q, "subject"), .federation = req_query(q, "federation"), .actor = req_query(q, "actor"),
                           .since = req_query(q, "since"), .before = req_query(q, "before"), .after = req_query(q, "after"), .limit = req_query(q, "limit")};
  struct operation_filter f;
  struct operation *v;
  size_t n;
  bool more;
  struct jsw w;
  if (!op_query_read(q->a, &asked, &f, e) || !operation_list(q->db, q->a, &f, &v, &n, &more, e)) return false;
  resp_json_begin(r, q, &w), jsw_arr(&w);
  for (size_t i = 0; i < n; i++) jsw_obj(&w), item(&w, q, &v[i]), jsw_end_obj(&w);
  jsw_end_arr(&w);
  return resp_json_end(r, &w);
}

static void ref(struct jsw *w, struct req *q, const struct op_ref *opt_x) {
  if (!opt_x) { jsw_null(w); return; }
  jsw_obj(w), jsw_kstr(w, "uuid", opt_x->uuid.s), jsw_kstr(w, "kind", opt_x->kind), jsw_kstr(w, "title", label(q, "op", opt_x->kind)), jsw_kstr(w, "subject_name", opt_x->subject_name), jsw_kstr(w, "state", opt_x->state), jsw_end_obj(w);
}

static void steps(struct jsw *w, struct req *q, const struct operation *o) {
  jsw_key(w, "steps"), jsw_arr(w);
  for (const struct op_step *s = o->steps; s < o->steps + o->n_steps; s++) {
    jsw_obj(w), jsw_kstr(w, "key", s->key), jsw_kstr(w, "title", label(q, "step", s->key)), jsw_kstr(w, "state", s->state), jsw_ki64(w, "weight", s->weight), jsw_ki64(w, "attempts", s->attempts);
    when(w, q, "started_at", s->started_at), when(w, q, "ended_at", s->ended_at), when(w, q, "deadline", streq(s->state, "running") ? s->deadline : 0), jsw_kstr(w, "detail", said(q, s->detail_class, s->detail_args)), jsw_end_obj(w);
  }
  jsw_end_arr(w), jsw_key(w, "components"), jsw_arr(w);
  for (const struct op_part *p = o->parts; p < o->parts + o->n_parts; p++)
    jsw_obj(w), jsw_kstr(w, "name", p->name), jsw_kstr(w, "status", p->status), jsw_kbool(w, "ready", p->ready), jsw_kstr(w, "reason", p->reason), jsw_kstr(w, "message", p->message), when(w, q, "since", p->since), jsw_end_obj(w);
  jsw_end_arr(w);
}

static void surroundings(struct jsw *w, struct req *q, const struct op_context *c) {
  jsw_key(w, "parent"), ref(w, q, c->parent), jsw_key(w, "superseded_by"), ref(w, q, c->successor), jsw_key(w, "children"), jsw_arr(w);
  for (size_t i = 0; i < c->n_children; i++) ref(w, q, &c->children[i]);
  jsw_end_arr(w), jsw_key(w, "holds"), jsw_arr(w);
  for (const struct op_hold_row *h = c->holds; h < c->holds + c->n_holds; h++) {
    jsw_obj(w), jsw_kstr(w, "object_uuid", h->object.s), jsw_kstr(w, "object_type", h->object_type), jsw_kstr(w, "object_name", h->object_name), jsw_kbool(w, "exclusive", h->exclusive), jsw_kbool(w, "own", h->own);
    jsw_key(w, "operation"), ref(w, q, &h->by), jsw_end_obj(w);
  }
  jsw_end_arr(w), jsw_key(w, "work");
  if (c->at_work) jsw_obj(w), jsw_kstr(w, "runner", *c->worker ? c->worker : NULL), when(w, q, "lease_until", c->lease_until), when(w, q, "next_look", c->next_look), jsw_end_obj(w);
  else jsw_null(w);
}

static bool get(struct req *q, struct resp *r, struct err *e) {
  struct uuid id;
  struct operation o;
  struct op_context c;
  struct event *v;
  size_t n;
  struct jsw w;
  if (!req_uuid(q, 0, &id, e) || !operation_get(q->db, q->a, id, &o, e) || !operation_context(q->db, q->a, &o, &c, e) || !event_operation(q->db, q->a, o.id, TIMELINE_MOST, &v, &n, e)) return false;
  resp_json_begin(r, q, &w), jsw_obj(&w), item(&w, q, &o), steps(&w, q, &o), surroundings(&w, q, &c);
  jsw_key(&w, "leftovers"), jsw_arr(&w);
  for (size_t i = 0; i < o.n_leftovers; i++) jsw_str(&w, o.leftovers[i]);
  jsw_end_arr(&w), jsw_key(&w, "timeline"), jsw_arr(&w);
  for (size_t i = 0; i < n; i++) {
    jsw_obj(&w), api_time(&w, q, "at", v[i].created_at), jsw_kstr(&w, "level", v[i].level), jsw_kstr(&w, "class", v[i].cls), jsw_kstr(&w, "message", text_stored_en(q->a, v[i].cls, v[i].args));
    jsw_kstr(&w, "actor", v[i].actor), jsw_end_obj(&w);
  }
  jsw_end_arr(&w), jsw_end_obj(&w);
  return resp_json_end(r, &w);
}

typedef bool act(struct db *db, struct arena *a, struct uuid op, const char *actor, struct err *e);
/* A body is optional, but one that cannot be read is no licence to act. */
static bool change(struct req *q, struct resp *r, act *f, struct err *e) {
  struct uuid id;
  struct operation o;
  const char *subject;
  int64_t version;
  if (q->body_len && !q->json) return err_set(e, FAIL_BAD_REQUEST, MSG_WEB_BODY_OBJECT);
  if (!req_uuid(q, 0, &id, e) || !jsq_str(q->json, "subject", q->a, &subject, e) || !jsq_int(q->json, "version", 0, INT64_MAX, &version, e) || !operation_get(q->db, q->a, id, &o, e)) return false;
  if (!op_expected(q->a, &o, subject, version ? arena_fmt(q->a, "%lld", (long long)version) : "", e)) return false;
  return f(q->db, q->a, id, q->who.name, e) && resp_json_null(r, q);
}
static bool cancel(struct req *q, struct resp *r, struct err *e) { return change(q, r, op_cancel, e); }
static bool retry(struct req *q, struct resp *r, struct err *e) { return change(q, r, op_retry, e); }

static const struct route R[] = {
    {METHOD_GET, "/api/v1/operation", list, PERM_VIEW, ROUTE_API, 0},
    {METHOD_GET, "/api/v1/operation/{uuid}", get, PERM_VIEW, ROUTE_API, 0},
    {METHOD_POST, "/api/v1/operation/{uuid}/cancel", cancel, PERM_OPERATE, ROUTE_API | ROUTE_JSON_OPTIONAL, 16384},
    {METHOD_POST, "/api/v1/operation/{uuid}/retry", retry, PERM_OPERATE, ROUTE_API | ROUTE_JSON_OPTIONAL, 16384},
};
const struct route_table API_OPERATION = {R, sizeof R / sizeof *R};
