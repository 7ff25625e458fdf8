/* Pushing the wanted route table into an exchange: look, push once, wait, compare with the cluster, push again if it differs. KubeFATE's word alone proves
 * nothing: of two updates at once, both answer 200 and one's rollback wipes the table (reference 10 section 15.8). Nor does the table alone: a KubeFATE that is
 * killed after Helm has written it leaves a release that is pending for ever. Helm refuses the next update of such a one, KubeFATE then rolls it back, and
 * the update after that is whole; so it is pushed again here and now, while we are at it. */
#include "deploy/values.h"
#include "deploy/wf_party.h"
#include "deploy/workflows.h"

#define DONE_IF(x) ((x) ? OUT_DONE : OUT_FAIL)
enum { FAILED_US = 3 * 1000000, STALE_US = 60 * 1000000, OLD_US = 600 * 1000000, PUSHES = 6 };

static bool load(struct work *w, struct err *e) {
  if (!wf_load_party(w, e)) return false; /* the subject is the exchange */
  w->exchange = w->party, w->has_exchange = true;
  return true;
}

static bool wanted(struct work *w, struct values_route **out, size_t *n, struct err *e) {
  struct route_row *v;
  if (!participant_routes_wanted(w->db, w->a, w->exchange.federation_uuid, &v, n, e)) return false;
  *out = ARENA_ARRAY(w->a, struct values_route, *n + 1);
  for (size_t i = 0; i < *n; i++) (*out)[i] = (struct values_route){v[i].party_id, v[i].http_host, v[i].http_port, v[i].sni_fqdn, v[i].sni_host, v[i].sni_port};
  return true;
}

static const struct stmt Q_EXTERNAL = {"routes_external",
    "update participant p set status = 1, was_active = true, error_class = '', error_args = '[]', row_version = row_version + 1 where p.federation_uuid = $1 and p.type = 2 and not p.is_managed and p.deleted_at is null "
    "and p.status in (2, 4, 5) and jsonb_exists($2::jsonb, p.party_id::text)"};
const struct stmt *const STMTS_PUSH[] = {&Q_EXTERNAL, NULL};

static bool keep_seen(struct work *w, const char *seen, struct err *e) {
  return participant_set(w->db, w->a, w->exchange.uuid, "routes_seen", seen, e) && db_exec(w->db, w->a, &Q_EXTERNAL, NULL, e, w->exchange.federation_uuid.s, seen) &&
         work_wake_federation(w, w->exchange.federation_uuid, e);
}

/* The stored table is printed by PostgreSQL, whose order of members is its own. */
static bool same_table(struct arena *a, const char *seen, const char *stored) {
  js *x = NULL, *y = NULL;
  struct err ignored = ERR_INIT;
  int n = 0, m = 0;
  if (!js_parse(a, seen, strlen(seen), 1 << 20, &x, &ignored) || !js_parse(a, stored, strlen(stored), 1 << 20, &y, &ignored)) return false;
  for (struct js_iter it = js_iter(y); js_next(&it);) m++;
  for (struct js_iter it = js_iter(x); js_next(&it); n++) {
    const js *o = js_at(y, it.key);
    if (!o || !streq(nn(js_str(o, "http")), nn(js_str(it.val, "http"))) || !streq(nn(js_str(o, "sni")), nn(js_str(it.val, "sni")))) return false;
  }
  return n == m;
}

/* memo "doubt": an update may have been left in the middle. */
static enum outcome helm_d(struct work *w, const struct reply *r, struct err *e) {
  const js *list = NULL;
  enum outcome o = wf_kube(w, r, "Secrets", false, &list, e);
  if (o != OUT_DONE) return o;
  js_set_bool(w->memo, "try_helm", false);
  if (str_starts(helm_status(list), "pending") && memo_int(w, "try_push") < PUSHES) return OUT_DONE;
  return w->goto_key = "restart", OUT_GOTO;
}
static enum outcome observe_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  if (!js_bool(w->memo, "try_helm", false)) return routes_read_q(w, c);
  *c = helm_secrets(w);
  return OUT_CALL;
}
static enum outcome observe_d(struct work *w, const struct reply *r, struct err *e) {
  if (js_bool(w->memo, "try_helm", false)) return helm_d(w, r, e);
  const char *seen = NULL;
  struct values_route *v;
  size_t n;
  enum outcome o = routes_read_d(w, r, &seen, e);
  if (o != OUT_DONE) return o;
  if (!wanted(w, &v, &n, e)) return OUT_FAIL;
  bool equal = streq(seen, values_wanted_json(w->a, v, n));
  if ((equal || !same_table(w->a, seen, w->exchange.routes_seen)) && !keep_seen(w, seen, e)) return OUT_FAIL;
  js_set_bool(w->memo, "equal", equal);
  if (equal && js_bool(w->memo, "doubt", false)) return js_set_bool(w->memo, "try_helm", true), OUT_MORE;
  if (equal) return w->goto_key = "restart", OUT_GOTO;
  int64_t tries = memo_int(w, "try_push");
  if (tries >= PUSHES) return err_set(e, FAIL_UPSTREAM, MSG_ROUTES_NEVER, num_text((char[24]){0}, tries)), OUT_FAIL;
  return OUT_DONE;
}

/* Nobody else's update may be under way, and ours of unknown outcome is found here. */
static enum outcome quiet_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  if (w->intent_at && w->now - w->intent_at < 2 * 1000000) return w->wait_ms = 700, OUT_WAIT;
  *c = kf_job_list(w->a, w->kf_token);
  return OUT_CALL;
}
/* A job whose KubeFATE was killed reads Running for ever, and a first update that failed stays Failed. Helm's part, which must not overlap, takes seconds: what
 * was unfinished at our first look and still is after STALE_US is in nobody's way, and no more is what began long ago. */
static bool is_stale(struct work *w, const struct kf_job *j) {
  usec_t began;
  if (!memo_int(w, "quiet_since")) js_set_int(w->memo, "quiet_since", w->now);
  bool waited = w->now - memo_int(w, "quiet_since") > (j->state == KFJ_FAILED ? FAILED_US : STALE_US), known = strstr(memo_str(w, "unfinished"), j->uuid) != NULL;
  if (!known && !waited) js_set_str(w->memo, "unfinished", arena_fmt(w->a, "%s %s", memo_str(w, "unfinished"), j->uuid)), known = true;
  return (known && waited) || (time_parse_rfc3339(j->start_time, &began) && w->now - began > OLD_US);
}
static enum outcome quiet_d(struct work *w, const struct reply *r, struct err *e) {
  const js *list = NULL;
  enum outcome o = wf_kf(w, r, &list, e);
  if (o != OUT_DONE) return o == OUT_SKIP ? OUT_RETRY : o;
  for (size_t i = 0; i < js_len(list); i++) {
    struct kf_job j;
    if (!kf_job_read(w->a, js_item(list, i), &j) || !streq(j.name, w->exchange.deployment_name) || !streq(j.ns, w->exchange.namespace_) || kf_job_final(&j)) continue;
    if (is_stale(w, &j)) {
      js_set_bool(w->memo, "doubt", true);
      continue;
    }
    return work_evidence(w, "job", TEXT(MSG_CAUSE_OTHER_JOB, nn(j.method)), e) ? OUT_WAIT : OUT_FAIL;
  }
  if (w->intent_at) { /* whatever became of it, it has ended: compare first, and let the traffic server read its file */
    w->intent_at = 0;
    js_set_bool(w->memo, "pushed", true), js_set_bool(w->memo, "doubt", true);
    return w->goto_key = "observe", OUT_GOTO;
  }
  return OUT_DONE;
}

static enum outcome push_q(struct work *w, struct call *c, struct err *e) {
  struct values_route *v;
  size_t n;
  const char *text;
  struct secret y = {0};
  if (!wanted(w, &v, &n, e) || !values_routes(w->a, w->exchange.deployment_yaml, v, n, &text, e) || !participant_set(w->db, w->a, w->exchange.uuid, "deployment_yaml", text, e) ||
      !party_yaml(w, text, w->exchange.uuid, &y, e))
    return OUT_FAIL;
  *c = kf_update(w->a, w->kf_token, w->exchange.deployment_name, w->exchange.namespace_, w->exchange.chart_name, w->exchange.chart_version, (const char *)y.p, y.n);
  c->secret_body = true;
  secret_free(&y);
  js_set_int(w->memo, "try_push", memo_int(w, "try_push") + 1);
  return OUT_CALL;
}
static enum outcome push_d(struct work *w, const struct reply *r, struct err *e) {
  const js *d = NULL;
  struct kf_job j;
  enum outcome o = wf_kf(w, r, &d, e);
  if (o == OUT_RETRY) return w->goto_key = "quiet", OUT_GOTO;
  if (o == OUT_FAIL && e->n && strstr(nn(e->args[0]), "Cluster is not existed")) {
    if (js_bool(w->memo, "equal", false)) { /* the table is in place, and nobody can finish the release */
      err_clear(e), w->goto_key = "restart";
      return work_event(w, true, TEXT(MSG_ROUTES_FORGOTTEN, w->exchange.name), e) ? OUT_GOTO : OUT_FAIL;
    }
    err_set(e, FAIL_UPSTREAM, MSG_ROUTES_FORGOTTEN, w->exchange.name);
  }
  if (o != OUT_DONE) return o == OUT_SKIP ? OUT_FAIL : o;
  if (!kf_job_read(w->a, d, &j)) return w->goto_key = "quiet", OUT_GOTO;
  js_set_str(w->memo, "job", j.uuid), js_set_bool(w->memo, "pushed", true);
  return DONE_IF(participant_set(w->db, w->a, w->exchange.uuid, "job_uuid", nn(j.uuid), e) && work_event(w, false, TEXT(MSG_EVENT_PUSH, nn(j.uuid)), e));
}

/* KubeFATE looks at once and then only every 5 s, so a job whose first look came while a pod was being replaced goes on for that long although the table
 * is in place: after a second we read it ourselves, once, and whoever waits for a route goes on. The comparison after the job's end decides as ever. */
static enum outcome job_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  w->raw = js_bool(w->memo, "peek", false);
  if (w->raw) return routes_read_q(w, c);
  *c = kf_job_get(w->a, w->kf_token, memo_str(w, "job"));
  return OUT_CALL;
}
static enum outcome peek_d(struct work *w, const struct reply *r, struct err *e) {
  const char *seen = NULL;
  enum outcome o = routes_read_d(w, r, &seen, e);
  if (o == OUT_MORE) return o;
  js_set_bool(w->memo, "peek", false), js_set_str(w->memo, "cm", NULL);
  if (o == OUT_DONE && !keep_seen(w, seen, e)) return OUT_FAIL;
  return w->wait_ms = 200, OUT_WAIT;
}
static enum outcome job_d(struct work *w, const struct reply *r, struct err *e) {
  const js *d = NULL;
  struct kf_job j;
  if (js_bool(w->memo, "peek", false)) return peek_d(w, r, e);
  enum outcome o = wf_kf(w, r, &d, e);
  if (o == OUT_SKIP) return js_set_bool(w->memo, "doubt", true), w->goto_key = "observe", OUT_GOTO;
  if (o != OUT_DONE) return o;
  if (!kf_job_read(w->a, d, &j)) return OUT_RETRY;
  if (j.state == KFJ_FAILED && memo_int(w, "try_failed") < 3) { /* reads Failed for a moment before Rollback */
    js_set_int(w->memo, "try_failed", memo_int(w, "try_failed") + 1);
    return w->wait_ms = 500, OUT_WAIT;
  }
  bool over = kf_job_final(&j) || j.state == KFJ_FAILED;
  if (!over && j.state == KFJ_RUNNING && w->now - w->step_started > 1000000 && !streq(memo_str(w, "peeked"), memo_str(w, "job"))) {
    js_set_str(w->memo, "peeked", memo_str(w, "job")), js_set_bool(w->memo, "peek", true);
    return OUT_MORE;
  }
  if (!over && w->now - w->step_started < STALE_US) return w->wait_ms = 200, OUT_WAIT;
  if (!over) js_set_str(w->memo, "unfinished", arena_fmt(w->a, "%s %s", memo_str(w, "unfinished"), j.uuid)), js_set_int(w->memo, "quiet_since", w->step_started);
  js_set_int(w->memo, "try_failed", 0), js_set_bool(w->memo, "doubt", j.state != KFJ_SUCCESS);
  if (over && j.state != KFJ_SUCCESS && !work_event(w, true, TEXT(MSG_PARTY_JOB_FAILED, nn(j.status_text), nn(j.last_state)), e)) return OUT_FAIL;
  return w->goto_key = "observe", OUT_GOTO;
}

/* The traffic server does not read its SNI file again: its pods are restarted after a push. */
static enum outcome restart_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  if (!js_bool(w->memo, "pushed", false)) return OUT_SKIP;
  if (*memo_str(w, "pod_uid")) *c = kube_delete(w->a, (struct kube_ref){"v1", "Pod", w->exchange.namespace_, memo_str(w, "pod"), memo_str(w, "pod_uid")});
  else *c = kube_list(w->a, "v1", "Pod", w->exchange.namespace_, arena_fmt(w->a, "name=%s", w->exchange.deployment_name), NULL, 100, NULL);
  return OUT_CALL;
}
static enum outcome restart_d(struct work *w, const struct reply *r, struct err *e) {
  const js *list = NULL;
  bool del = *memo_str(w, "pod_uid") != 0;
  enum outcome o = wf_kube(w, r, "Pods", true, &list, e);
  if (o != OUT_DONE && o != OUT_SKIP) return o;
  js_set_str(w->memo, "pod_uid", NULL);
  if (del) return OUT_MORE;
  /* Only the pods that were there at the first look: their successors have read the new file. */
  const js *items = js_arr(list, "items");
  const char *old = memo_str(w, "old_pods");
  bool first = !*old;
  for (size_t i = 0; first && i < js_len(items); i++)
    if (str_starts(nn(kube_name(js_item(items, i))), "traffic-server")) js_set_str(w->memo, "old_pods", old = arena_fmt(w->a, "%s %s", old, nn(kube_uid(js_item(items, i)))));
  for (size_t i = 0; i < js_len(items); i++) {
    const js *x = js_item(items, i);
    if (!*nn(kube_uid(x)) || kube_is_deleting(x) || !strstr(old, kube_uid(x))) continue;
    js_set_str(w->memo, "pod", nn(kube_name(x))), js_set_str(w->memo, "pod_uid", kube_uid(x));
    return OUT_MORE;
  }
  return DONE_IF(work_event(w, false, TEXT(MSG_EVENT_PUSHED), e));
}

static bool ended(struct work *w, enum work_end how, const struct err *why, struct err *e) {
  if (how == END_SUCCEEDED) return work_wake_federation(w, w->exchange.federation_uuid, e);
  return work_event(w, true, why ? err_text(why) : TEXT(MSG_EVENT_STOPPED, wf_stopper(w)), e);
}

static const struct step PUSH[] = {
    {"observe", observe_q, observe_d, EFFECT_READ, 0, 20, 300, NULL, NULL, "restart"},
    {"quiet", quiet_q, quiet_d, EFFECT_READ, STEP_KUBEFATE, 5, 600, NULL, NULL, "observe"},
    {"push", push_q, push_d, EFFECT_ONCE, STEP_KUBEFATE, 20, 120, "quiet", "observe", "restart"},
    {"job", job_q, job_d, EFFECT_READ, STEP_KUBEFATE, 40, 900, NULL, "observe", NULL},
    {"restart", restart_q, restart_d, EFFECT_SAFE, STEP_ALWAYS_ON | STEP_LAST, 15, 60, NULL, NULL, NULL},
    STOPPED,
};
const struct workflow WF_ROUTES_PUSH = {"routes_push", "operation", PUSH, sizeof PUSH / sizeof *PUSH, 1800, load, ended, "stopped"};
