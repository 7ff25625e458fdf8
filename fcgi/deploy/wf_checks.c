/* Health checks: read only, hold nothing. A transition changes the status and writes an event; what stays broken says what is wrong now, and an event
 * tells each kind of trouble once until it works again. */
#include "deploy/drive.h"
#include "deploy/op.h"
#include "deploy/store.h"
#include "deploy/why.h"
#include "deploy/wf_party.h"
#include "deploy/workflows.h"

/* Looks become rarer only while nobody answers: what is broken in a cluster that does answer is mended under somebody's eyes. */
enum { RARER = 2 };
static int pause_ms(const struct work *w, bool answered) {
  int ms = w->eng->conf->check_s * 1000;
  return (ms << (answered ? 0 : w->failures < RARER ? w->failures : RARER)) + (int)(clock_mono_ms() % (ms / 8));
}

static const struct stmt Q_LIVE_OP = {"check_live_op", "select exists (select 1 from operation where subject = $1 and (state in ('queued', 'running') or state = 'failed' and kind not in ('participant_repair', 'endpoint_repair')) and subject_type not in ('exchange_routes', 'endpoint_chart')), "
    "coalesce((select last_class from health_check where id = $2), '')"};
/* A push restarts the exchange's traffic server: for a while its workloads are unready because of us. */
static const struct stmt Q_RESTARTING = {"check_restarting", "select 1 from operation where subject = $1 and subject_type = 'exchange_routes' and (state in ('queued', 'running') or ended_at > now() - interval '20 seconds') limit 1"};
static const struct stmt Q_WORKLOADS = {"check_workloads", "select workloads from participant where uuid = $1"};
static const struct stmt Q_TOLD = {"check_told", "select 1 from event where entity_uuid = $1 and class = $2 and id > coalesce((select max(id) from event where entity_uuid = $1 and class = $3), 0) limit 1"};
/* External clusters that wait for their route; a push that finds it there makes them Active. */
static const struct stmt Q_OUTSIDE = {"check_outside",
    "select 1 from participant where federation_uuid = $1 and type = 2 and not is_managed and deleted_at is null "
    "and status in (2, 4, 5) limit 1"};
const struct stmt *const STMTS_CHECKS[] = {&Q_LIVE_OP, &Q_RESTARTING, &Q_WORKLOADS, &Q_TOLD, &Q_OUTSIDE, NULL};

/* out: an operation is at work on it. last: what the look before this one has found, "" for nothing. */
static bool busy(struct work *w, bool *out, const char **last, struct err *e) {
  struct rows r;
  if (!db_query(w->db, w->a, &Q_LIVE_OP, &r, e, w->subject.s, arena_fmt(w->a, "%ld", w->ref))) return false;
  *out = row_bool(&r, 0, 0), *last = row_text(&r, 0, 1);
  return true;
}

/* before: the sentence's key until now, of what has been broken all the time. */
static bool say_other(struct work *w, const char *before, struct text t, struct err *e) {
  struct rows r;
  if (streq(before, text_key(t.key))) return true;
  return db_query(w->db, w->a, &Q_TOLD, &r, e, w->subject.s, text_key(t.key), text_key(MSG_EVENT_BACK)) && (r.n || work_event(w, true, t, e));
}

/* --- endpoint --- */
static enum outcome hello_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  *c = kf_version(w->a, w->kf_token);
  return OUT_CALL;
}
static enum outcome hello_d(struct work *w, const struct reply *r, struct err *e) {
  const js *d;
  const char *v;
  bool enough;
  enum outcome o = wf_kf(w, r, &d, e);
  if (o == OUT_RELOGIN) return o;
  if (o == OUT_DONE && !kf_version_read(d, &v, &enough)) o = OUT_FAIL, err_set(e, FAIL_UPSTREAM, MSG_KF_NO_VERSION);
  return o == OUT_DONE ? OUT_DONE : OUT_FAIL;
}
static bool endpoint_checked(struct work *w, enum work_end how, const struct err *why, struct err *e) {
  bool ok = how == END_SUCCEEDED, changed = false, op;
  struct text t = why && why->kind ? err_text(why) : TEXT(MSG_KF_NO_VERSION);
  const char *last;
  w->wait_ms = pause_ms(w, ok); /* an endpoint is the answering */
  if (!busy(w, &op, &last, e) || !store_check_result(w, ok, t, e)) return false;
  if (op) return true;
  if (!endpoint_set_checked(w->db, w->a, w->subject, ok, text_key(t.key), text_args_json(w->a, t), e)) return false;
  /* One missed look is no outage: two in a row change the status. */
  if (!ok && w->failures < 1) return true;
  unsigned from = 1u << EP_UNAVAILABLE | (ok ? 0 : 1u << EP_READY);
  if (!endpoint_set_status(w->db, w->a, w->subject, from, ok ? EP_READY : EP_UNAVAILABLE, ok ? "" : text_key(t.key), ok ? "[]" : text_args_json(w->a, t), &changed, e)) return false;
  if (!changed) return true;
  if (ok) return op_supersede_repairs(w->db, w->a, w->subject, e) && work_event(w, false, TEXT(MSG_EVENT_BACK), e);
  return w->endpoint.status == EP_UNAVAILABLE ? say_other(w, w->endpoint.error_class, t, e) : work_event(w, true, t, e);
}
static const struct step ENDPOINT[] = {{"hello", hello_q, hello_d, EFFECT_READ, STEP_KUBEFATE, 1, 15, NULL, NULL}};
const struct workflow WF_ENDPOINT_CHECK = {"endpoint_check", "check", ENDPOINT, 1, 60, wf_load_endpoint, endpoint_checked, NULL};

/* --- participant: workloads (two lists), pods when something is wrong, the exchange's table --- */
static bool load(struct work *w, struct err *e) {
  if (!wf_load_party(w, e)) return false;
  return true;
}
static enum outcome loads_q(struct work *w, struct call *c, struct err *e) {
  if (why_active(w)) return why_request(w, c, e);
  const char *ph = memo_str(w, "ph"), *sel = arena_fmt(w->a, "name=%s", w->party.deployment_name), *ns = w->party.namespace_;
  if (!w->party.is_managed) return OUT_DONE;
  if (streq(ph, "sts")) *c = kube_list(w->a, "apps/v1", "StatefulSet", ns, sel, NULL, 100, NULL);
  else *c = kube_list(w->a, "apps/v1", "Deployment", ns, sel, NULL, 100, NULL);
  return OUT_CALL;
}
static void note(struct work *w, const js *list, const char *kind) {
  const js *items = js_arr(list, "items");
  for (size_t i = 0; i < js_len(items); i++) {
    struct workload x;
    kube_workload(js_item(items, i), kind, &x);
    const char *name = arena_fmt(w->a, "%s/%s", kind, nn(x.name));
    if (!x.wanted) { js_set_str(w->memo, "zero", arena_fmt(w->a, "%s%s\n", memo_str(w, "zero"), name)); continue; } /* nobody misses it, unless it was up once */
    js_set_str(w->memo, "names", arena_fmt(w->a, "%s%s\n", memo_str(w, "names"), name));
    if (!x.available) js_set_str(w->memo, "bad", arena_fmt(w->a, "%s%s%s", memo_str(w, "bad"), *memo_str(w, "bad") ? ", " : "", name));
  }
}
/* Workloads that were there once and are missing now. The first complete look is remembered. */
static bool missing(struct work *w, struct err *e) {
  struct rows r;
  js *known = NULL;
  size_t n;
  const char *names = memo_str(w, "names");
  if (!db_query(w->db, w->a, &Q_WORKLOADS, &r, e, w->party.uuid.s) || !r.n || !js_parse(w->a, row_text(&r, 0, 0), strlen(row_text(&r, 0, 0)), 65536, &known, e)) return false;
  if (js_len(known) == 0 && *names && !*memo_str(w, "bad")) {
    struct buf b;
    struct jsw j;
    char **v = str_split(w->a, names, "\n", &n);
    buf_init(&b, w->a, 65536), jsw_init(&j, &b), jsw_arr(&j);
    for (size_t i = 0; i < n; i++)
      if (*v[i]) jsw_str(&j, v[i]);
    jsw_end_arr(&j);
    return participant_set(w->db, w->a, w->party.uuid, "workloads", b.p, e);
  }
  for (size_t i = 0; i < js_len(known); i++) {
    const char *k = nn(js_self_str(js_item(known, i)));
    const char *line = arena_fmt(w->a, "%s\n", k), *what = strstr(memo_str(w, "zero"), line) ? "scaled" : "gone";
    if (!strstr(names, line)) js_set_str(w->memo, what, arena_fmt(w->a, "%s%s%s", memo_str(w, what), *memo_str(w, what) ? ", " : "", k));
  }
  return true;
}
/* The most telling thing in the cluster becomes the sentence of the failure. */
static enum outcome reason(struct work *w, const struct reply *r, struct err *e) {
  const char *cause, *v[TEXT_MAX_ARGS + 1] = {NULL};
  enum outcome o = why_digest(w, r, e);
  if (o != OUT_WAIT) return o == OUT_MORE ? o : OUT_FAIL;
  struct text t = why_found(w, &cause);
  if (!*cause) return err_set(e, FAIL_UPSTREAM, MSG_CHECK_BAD, memo_str(w, "bad")), OUT_FAIL;
  for (int i = 0; i < t.n; i++) v[i + 1] = t.args[i];
  return err_set_at(e, FAIL_UPSTREAM, t.key, __FILE__, __LINE__, v, (size_t)t.n), OUT_FAIL;
}
static enum outcome loads_d(struct work *w, const struct reply *r, struct err *e) {
  const js *list = NULL;
  const char *ph = memo_str(w, "ph");
  if (why_active(w)) return reason(w, r, e);
  enum outcome o = wf_kube(w, r, "workloads", false, &list, e);
  if (o != OUT_DONE) return OUT_FAIL;
  if (!*ph) return note(w, list, "Deployment"), js_set_str(w->memo, "ph", "sts"), OUT_MORE;
  note(w, list, "StatefulSet");
  if (!missing(w, e)) return OUT_FAIL;
  if (*memo_str(w, "gone")) return err_set(e, FAIL_UPSTREAM, MSG_CHECK_GONE, memo_str(w, "gone")), OUT_FAIL;
  if (*memo_str(w, "scaled")) return err_set(e, FAIL_UPSTREAM, MSG_CHECK_SCALED, memo_str(w, "scaled")), OUT_FAIL;
  if (!*memo_str(w, "bad")) return OUT_DONE;
  why_begin(w, w->party.namespace_, arena_fmt(w->a, "name=%s", w->party.deployment_name));
  return OUT_MORE;
}
static enum outcome table_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  if (w->party.type != TYPE_EXCHANGE || !w->party.is_managed) return OUT_SKIP;
  return routes_read_q(w, c);
}
static enum outcome table_d(struct work *w, const struct reply *r, struct err *e) {
  const char *seen = NULL;
  enum outcome o = routes_read_d(w, r, &seen, e);
  if (o == OUT_MORE) return o;
  if (o != OUT_DONE) return OUT_FAIL;
  return participant_set(w->db, w->a, w->party.uuid, "routes_seen", seen, e) ? OUT_DONE : OUT_FAIL;
}

/* An external cluster that was recorded when a push had just looked for the last time has nobody
 * else to ask for the next one: it has no check of its own. */
static bool push_for_outsiders(struct work *w, struct err *e) {
  struct rows r;
  if (w->party.type != TYPE_EXCHANGE || !w->party.is_managed) return true;
  if (!db_query(w->db, w->a, &Q_OUTSIDE, &r, e, w->party.federation_uuid.s)) return false;
  w->exchange = w->party;
  return !r.n || routes_push_ensure(w, NULL, e);
}

/* A formerly Active one whose workloads broke shows Failed with the cause, one whose routes are missing Reconfiguring; both come back by themselves. */
static bool party_checked(struct work *w, enum work_end how, const struct err *why, struct err *e) {
  bool ok = how == END_SUCCEEDED, op, changed = false, routed = true;
  struct text t = why && why->kind ? err_text(why) : TEXT(MSG_CHECK_BAD, "");
  bool away = !ok && why && (why->kind == FAIL_TIMEOUT || why->retry); /* the cluster does not answer: that says nothing about the workloads */
  const char *last;
  w->wait_ms = pause_ms(w, !away);
  if (!busy(w, &op, &last, e) || !store_check_result(w, ok, t, e)) return false;
  /* Of what is broken anyway, one look that was missed says nothing new. */
  if (op || (away && (w->failures < 2 || (w->party.status == PARTY_FAILED && !streq(last, text_key(t.key)))))) return true;
  if (why && why->key == MSG_CHECK_BAD) {
    struct rows r;
    if (!db_query(w->db, w->a, &Q_RESTARTING, &r, e, w->subject.s)) return false;
    if (r.n) return true;
  }
  if (ok && w->party.type == TYPE_CLUSTER && w->has_exchange && w->exchange.is_managed) routed = route_seen(w, &w->party, w->exchange.routes_seen);
  if (!routed && !routes_push_ensure(w, NULL, e)) return false;
  if (ok && !push_for_outsiders(w, e)) return false;
  int to = !ok ? PARTY_FAILED : routed ? PARTY_ACTIVE : PARTY_RECONFIGURING;
  unsigned from = ((1u << PARTY_ACTIVE | 1u << PARTY_RECONFIGURING) & ~(1u << to)) | (w->party.was_active ? 1u << PARTY_FAILED : 0);
  struct text say = !ok ? t : routed ? TEXT(MSG_EVENT_BACK) : TEXT(MSG_CAUSE_ROUTES, w->exchange.name);
  if (!(from & 1u << w->party.status)) return true; /* nothing new; what changes meanwhile is seen by the next look */
  if (!participant_set_status(w->db, w->a, w->subject, from, to, to == PARTY_ACTIVE ? "" : text_key(say.key), to == PARTY_ACTIVE ? "[]" : text_args_json(w->a, say), &changed, e)) return false;
  if (!changed) return true;
  if (to == w->party.status) return say_other(w, w->party.error_class, say, e);
  return (to != PARTY_ACTIVE || op_supersede_repairs(w->db, w->a, w->subject, e)) && work_event(w, !ok, say, e);
}
static const struct step PARTY[] = {
    {"loads", loads_q, loads_d, EFFECT_READ, 0, 1, 20, NULL, NULL},
    {"table", table_q, table_d, EFFECT_READ, 0, 1, 20, NULL, NULL},
};
const struct workflow WF_PARTICIPANT_CHECK = {"participant_check", "check", PARTY, 2, 60, load, party_checked, NULL};
