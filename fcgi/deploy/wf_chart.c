/* Giving KubeFATE on an endpoint a chart of our own store: look, send once, look at what it keeps. Sending replaces the chart of that name in two statements without
 * a transaction, so an installation that reads it in between finds none: there is one such operation per endpoint, and it sends nothing that is there already. */
#include "deploy/chart_ops.h"
#include "deploy/op.h"
#include "deploy/wf_party.h"
#include "deploy/workflows.h"
#include "model/chart.h"

#define DONE_IF(x) ((x) ? OUT_DONE : OUT_FAIL)
/* A cut upload may still be read by KubeFATE for a moment. */
enum { SETTLE_US = 3 * 1000000, MOST_SENT = 3 };

static const struct stmt Q_WANTED = {"wf_chart_wanted",
    "select c.uuid, c.chart_name, c.version, coalesce(x.content, ''), coalesce(x.file_name, ''), coalesce(s.kubefate_uuid, ''), coalesce(s.content, '') from chart c left join chart_archive x on x.chart_uuid = c.uuid "
    "left join endpoint_chart s on s.chart_uuid = c.uuid and s.endpoint_uuid = $2 where c.uuid = $1", STMT_READS};
static const struct stmt Q_SEEN = {"wf_chart_seen",
    "insert into endpoint_chart (endpoint_uuid, chart_uuid, content, kubefate_uuid) values ($1, $2, $3, $4) on conflict (endpoint_uuid, chart_uuid) do update set content = $3, kubefate_uuid = $4, seen_at = now()"};
/* What a look of 10 s ago found counts: many deployments at once share one. */
static const struct stmt Q_GIVEN = {"wf_chart_given",
    "select c.chart_name, c.version, coalesce(s.content = x.content and s.seen_at > t.since - interval '10 seconds', false), coalesce(o.state, ''), coalesce(o.ended_at >= t.since and o.input->>'chart' = c.uuid::text, false), coalesce(o.error_class, ''), coalesce(o.error_args, '[]'), "
    "coalesce(o.cause, ''), coalesce(o.evidence_class, ''), coalesce(o.evidence_args, '[]') "
    "from (select 'epoch'::timestamptz + $3::bigint * interval '1 microsecond' as since) t, chart_archive x join chart c on c.uuid = x.chart_uuid left join endpoint_chart s on s.chart_uuid = c.uuid and s.endpoint_uuid = $2 "
    "left join operation o on o.subject = $2 and o.subject_type = 'endpoint_chart' and o.state in ('queued', 'running', 'failed') where x.chart_uuid = $1", STMT_READS};
const struct stmt *const STMTS_WF_CHART[] = {&Q_WANTED, &Q_SEEN, &Q_GIVEN, NULL};

struct wanted { struct uuid uuid; const char *name, *version, *content /* "" the archive was taken out of the store */, *file, *seen /* its name in KubeFATE */, *before /* what was seen there */; };
static bool wanted(struct work *w, struct wanted *out, struct err *e) {
  struct rows r;
  const char *id = nn(js_str(w->input, "chart"));
  if (!db_query(w->db, w->a, &Q_WANTED, &r, e, id, w->endpoint.uuid.s)) return false;
  if (!r.n) return err_set(e, FAIL_NOT_FOUND, MSG_CHART_UNKNOWN, id);
  *out = (struct wanted){row_uuid(&r, 0, 0), row_text(&r, 0, 1), row_text(&r, 0, 2), row_text(&r, 0, 3), row_text(&r, 0, 4), row_text(&r, 0, 5), row_text(&r, 0, 6)};
  return true;
}

/* --- look: by the name KubeFATE gave it, which costs little, and among all of them when that one is gone --- */
static enum outcome look_q(struct work *w, struct call *c, struct err *e) {
  struct wanted x;
  if (!wanted(w, &x, e)) return OUT_FAIL;
  if (!*x.content) return w->intent_at = 0, w->goto_key = "chart-given", OUT_GOTO;
  if (w->intent_at && w->now - w->intent_at < SETTLE_US) return w->wait_ms = (int)((SETTLE_US - (w->now - w->intent_at)) / 1000) + 50, OUT_WAIT;
  *c = *x.seen && !js_bool(w->memo, "all", false) ? kf_chart_get(w->a, w->kf_token, x.seen) : kf_chart_list(w->a, w->kf_token);
  return OUT_CALL;
}
static bool is_wanted(struct work *w, const js *d, const struct wanted *x, struct kf_chart *out) {
  return kf_chart_read(w->a, d, out) && streq(out->name, x->name) && streq(out->version, x->version);
}
/* What KubeFATE told (OUT_DONE), or that it has nothing of that name (OUT_SKIP), with what is wanted now: the store may have changed meanwhile. */
static enum outcome told(struct work *w, const struct reply *r, const js **d, struct wanted *x, struct err *e) {
  enum outcome o = wf_kf(w, r, d, e);
  return (o == OUT_DONE || o == OUT_SKIP) && !wanted(w, x, e) ? OUT_FAIL : o;
}
static enum outcome look_d(struct work *w, const struct reply *r, struct err *e) {
  const js *d = NULL;
  struct wanted x;
  struct kf_chart c;
  enum outcome o = told(w, r, &d, &x, e);
  if (o != OUT_DONE && o != OUT_SKIP) return o;
  bool all = js_bool(w->memo, "all", false) || !*x.seen, found = false;
  if (o == OUT_DONE && !all) found = is_wanted(w, d, &x, &c);
  for (size_t i = 0; o == OUT_DONE && all && !found && i < js_len(d); i++) found = is_wanted(w, js_item(d, i), &x, &c); /* KubeFATE takes the first, too */
  if (!found && !all) return js_set_bool(w->memo, "all", true), OUT_MORE;
  w->intent_at = 0;
  js_set_bool(w->memo, "all", false), js_set_str(w->memo, "there", NULL);
  if (found && streq(kf_chart_content(w->a, &c), x.content)) return js_set_str(w->memo, "there", c.uuid), w->goto_key = "chart-given", OUT_GOTO;
  return memo_int(w, "try_sent") < MOST_SENT ? OUT_DONE : (err_set(e, FAIL_UPSTREAM, MSG_CHART_NOT_KEPT, x.name, x.version, NUM(MOST_SENT)), OUT_FAIL);
}

/* --- send: once --- */
static enum outcome upload_q(struct work *w, struct call *c, struct err *e) {
  struct wanted x;
  const unsigned char *p;
  size_t n;
  if (!wanted(w, &x, e) || !chart_archive_bytes(w->db, w->a, x.uuid, &p, &n, e)) return OUT_FAIL;
  if (!n) return w->goto_key = "chart-look", OUT_GOTO;
  *c = kf_chart_upload(w->a, w->kf_token, x.file, p, n);
  js_set_int(w->memo, "try_sent", memo_int(w, "try_sent") + 1);
  return OUT_CALL;
}
/* Somebody on the way may have cut it, and KubeFATE then says that it got no file: what it keeps decides, and three times are enough. */
static enum outcome upload_d(struct work *w, const struct reply *r, struct err *e) {
  const js *d = NULL;
  enum outcome o = wf_kf(w, r, &d, e);
  const char *id = js_str(d, "helmUUID");
  if (o == OUT_RETRY || (o == OUT_DONE && (!id || !*id)) || (o == OUT_FAIL && e->kind == FAIL_UPSTREAM && memo_int(w, "try_sent") < MOST_SENT)) return w->goto_key = "chart-look", OUT_GOTO;
  if (o != OUT_DONE) return o == OUT_SKIP ? OUT_FAIL : o;
  return js_set_str(w->memo, "there", id), js_set_bool(w->memo, "sent", true), OUT_DONE;
}

/* --- given: what the look found is right; what was just sent is read back --- */
static enum outcome given(struct work *w, const struct wanted *x, struct err *e) {
  if (!*x->content) return DONE_IF(work_event(w, false, TEXT(MSG_EVENT_CHART_DROPPED, x->name, x->version), e));
  if (!db_exec(w->db, w->a, &Q_SEEN, NULL, e, w->endpoint.uuid.s, x->uuid.s, x->content, memo_str(w, "there"))) return OUT_FAIL;
  return DONE_IF((!memo_int(w, "try_sent") && streq(x->before, x->content)) || work_event(w, false, TEXT(MSG_EVENT_CHART_GIVEN, x->name, x->version), e));
}
static enum outcome given_q(struct work *w, struct call *c, struct err *e) {
  struct wanted x;
  if (!wanted(w, &x, e)) return OUT_FAIL;
  if (!*x.content || !js_bool(w->memo, "sent", false)) return given(w, &x, e);
  *c = kf_chart_get(w->a, w->kf_token, memo_str(w, "there"));
  return OUT_CALL;
}
static enum outcome given_d(struct work *w, const struct reply *r, struct err *e) {
  const js *d = NULL;
  struct wanted x;
  struct kf_chart c;
  enum outcome o = told(w, r, &d, &x, e);
  if (o != OUT_DONE && o != OUT_SKIP) return o;
  js_set_bool(w->memo, "sent", false);
  if (o == OUT_DONE && is_wanted(w, d, &x, &c) && streq(kf_chart_content(w->a, &c), x.content)) return given(w, &x, e);
  return js_set_bool(w->memo, "all", true), w->goto_key = "chart-look", OUT_GOTO;
}

static bool ended(struct work *w, enum work_end how, const struct err *why, struct err *e) {
  return how == END_SUCCEEDED || work_event(w, true, why ? err_text(why) : TEXT(MSG_EVENT_STOPPED, wf_stopper(w)), e);
}
static const struct step UPLOAD[] = {
    {"chart-look", look_q, look_d, EFFECT_READ, STEP_KUBEFATE, 10, 120, NULL, NULL, "chart-given"},
    {"chart-upload", upload_q, upload_d, EFFECT_ONCE, STEP_KUBEFATE, 80, 300, "chart-look", "chart-look", NULL},
    {"chart-given", given_q, given_d, EFFECT_READ, STEP_KUBEFATE | STEP_LAST, 10, 120, NULL, "chart-look", "chart-look"},
    STOPPED,
};
const struct workflow WF_CHART_UPLOAD = {"chart_upload", "operation", UPLOAD, sizeof UPLOAD / sizeof *UPLOAD, 900, wf_load_endpoint, ended, "stopped"};

/* --- for those who need it there --- */
static bool state(struct work *w, int64_t since, struct rows *r, struct err *e) {
  return db_query(w->db, w->a, &Q_GIVEN, r, e, w->party.chart_uuid.s, w->endpoint.uuid.s, arena_fmt(w->a, "%lld", (long long)since));
}
static bool live(const struct rows *r) { return streq(row_text(r, 0, 3), "queued") || streq(row_text(r, 0, 3), "running"); }
static enum outcome give(struct work *w, const struct rows *r, struct err *e) {
  return chart_ops_insert(w->db, w->a, &w->endpoint, w->party.chart_uuid, arena_fmt(w->a, "%s %s", row_text(r, 0, 0), row_text(r, 0, 1)), w->actor, e) && work_evidence(w, "chart", TEXT(MSG_CAUSE_CHART, row_text(r, 0, 0), row_text(r, 0, 1)), e) ? OUT_WAIT : OUT_FAIL;
}
enum outcome chart_given(struct work *w, struct err *e) {
  struct rows r;
  if (!memo_int(w, "try_chart")) js_set_int(w->memo, "try_chart", w->now);
  int64_t since = memo_int(w, "try_chart");
  if (!state(w, since, &r, e)) return OUT_FAIL;
  if (!r.n || row_bool(&r, 0, 2)) return OUT_DONE;
  w->wait_ms = 500;
  if (!live(&r) && !row_bool(&r, 0, 4)) { /* the usual waiting costs no lock */
    if (!op_lock_live(w->db, w->a, w->endpoint.uuid, e) || !op_lock(w->db, w->a, w->endpoint.uuid, e) || !state(w, since, &r, e)) return OUT_FAIL;
    if (!r.n || row_bool(&r, 0, 2)) return OUT_DONE;
    if (!live(&r) && !row_bool(&r, 0, 4)) return give(w, &r, e);
  }
  if (live(&r)) return work_evidence(w, *row_text(&r, 0, 7) ? row_text(&r, 0, 7) : "chart", *row_text(&r, 0, 7) ? text_stored(w->a, row_text(&r, 0, 8), row_text(&r, 0, 9)) : TEXT(MSG_CAUSE_CHART, row_text(&r, 0, 0), row_text(&r, 0, 1)), e) ? OUT_WAIT : OUT_FAIL;
  struct text t = text_stored(w->a, row_text(&r, 0, 5), row_text(&r, 0, 6));
  const char *v[TEXT_MAX_ARGS + 1] = {NULL};
  for (int i = 0; i < t.n; i++) v[i + 1] = t.args[i];
  return err_set_at(e, FAIL_UPSTREAM, t.key, __FILE__, __LINE__, v, (size_t)t.n), OUT_FAIL;
}
