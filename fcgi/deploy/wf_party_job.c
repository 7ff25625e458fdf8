/* Create, second half: look, submit once, follow the job, read addresses (reference 10 sections 11, 15; 20 section 7). */
#include "base/num.h"
#include "deploy/values.h"
#include "deploy/wf_party.h"
#include "deploy/why.h"

#define DONE_IF(x) ((x) ? OUT_DONE : OUT_FAIL)
enum { SETTLE_US = 4 * 1000000, STUCK_US = 20 * 1000000, SILENT_US = 60 * 1000000, HALF_US = 45 * 1000000, STOP_US = 30 * 1000000 };

bool party_yaml(struct work *w, const char *text, struct uuid owner, struct secret *out, struct err *e) {
  struct named_secret *v;
  size_t n;
  if (!named_secret_list(w->db, w->a, owner, &v, &n, e)) return false;
  const char **names = ARENA_ARRAY(w->a, const char *, n + 1);
  struct secret *vals = ARENA_ARRAY(w->a, struct secret, n + 1);
  bool ok = true;
  for (size_t i = 0; i < n && ok; i++) names[i] = v[i].name, ok = work_open(w, v[i].secret, &vals[i], e);
  ok = ok && values_fill(text, names, vals, n, out, e);
  for (size_t i = 0; i < n; i++) secret_free(&vals[i]);
  return ok;
}

const char *helm_status(const js *list) {
  const js *items = js_arr(list, "items"), *newest = NULL;
  int64_t best = 0, n;
  for (size_t i = 0; i < js_len(items); i++)
    if (num_i64(wf_label(js_item(items, i), "version"), 0, INT32_MAX, &n) && n >= best) best = n, newest = js_item(items, i);
  return wf_label(newest, "status");
}
struct call helm_secrets(struct work *w) { return kube_list_names(w->a, "v1", "Secret", w->party.namespace_, arena_fmt(w->a, "owner=helm,name=%s", w->party.deployment_name)); }

/* --- look: does KubeFATE or Helm know the name already? First the jobs, then the clusters (a job that had succeeded when it was read has its cluster by
 * then), then Helm's own records: KubeFATE may have lost its database, and an install that Helm refuses is cleaned up by name.
 *
 * Old jobs of the same name are in the list for ever. "before" is the newest one that was there when we had sent nothing yet; a job of ours is newer. --- */
enum outcome p_look_q(struct work *w, struct call *c, struct err *e) {
  const char *ph = memo_str(w, "look");
  if (!js_bool(w->memo, "try_charted", false)) {
    enum outcome o = chart_given(w, e);
    if (o != OUT_DONE) return o;
    js_set_bool(w->memo, "try_charted", true);
  }
  /* A request whose outcome is unknown may still be on its way into KubeFATE: give it time to show. */
  if (w->intent_at && w->now - w->intent_at < SETTLE_US) return w->wait_ms = (int)((SETTLE_US - (w->now - w->intent_at)) / 1000) + 50, OUT_WAIT;
  w->raw = streq(ph, "helm");
  if (w->raw) *c = helm_secrets(w);
  else *c = streq(ph, "clusters") ? kf_cluster_list(w->a, w->kf_token) : kf_job_list(w->a, w->kf_token);
  return OUT_CALL;
}
static bool is_ours(const struct work *w, const char *name, const char *ns) { return streq(name, w->party.deployment_name) && streq(ns, w->party.namespace_); }
/* Was an install of this record ever sent? Then what bears its name is ours. */
static bool was_sent(const struct work *w) { return w->intent_at || js_bool(w->memo, "sent", false) || *w->party.cluster_uuid || *w->party.job_uuid; }

/* The end of the look: nothing is on its way any more that is not known. job "" = there is none, submit it (unless Helm's release was adopted). */
static enum outcome looked(struct work *w, const char *job, struct err *e) {
  w->intent_at = 0;
  js_set_str(w->memo, "look", NULL), js_set_str(w->memo, "cand_cluster", NULL), js_set_str(w->memo, "see", NULL), js_set_str(w->memo, "failed_at", NULL), js_set_bool(w->memo, "lost", false), js_set_bool(w->memo, "success", false);
  js_set_str(w->memo, "job", *job ? job : NULL);
  if (!*job || streq(job, w->party.job_uuid)) return OUT_DONE;
  return DONE_IF(participant_set(w->db, w->a, w->party.uuid, "job_uuid", job, e) && work_event(w, false, TEXT(MSG_EVENT_JOB_FOUND, job), e));
}

static enum outcome look_jobs(struct work *w, const js *list) {
  struct kf_job newest = {.uuid = ""};
  for (size_t i = 0; i < js_len(list); i++) { /* in order of creation */
    struct kf_job x;
    if (kf_job_read(w->a, js_item(list, i), &x) && streq(x.method, "ClusterInstall") && is_ours(w, x.name, x.ns)) newest = x;
  }
  bool over = *newest.uuid && kf_job_final(&newest) && newest.state != KFJ_SUCCESS;
  bool ours = *newest.uuid && was_sent(w) && !streq(newest.uuid, memo_str(w, "before")) && !over;
  if (!ours) js_set_str(w->memo, "before", newest.uuid);
  js_set_str(w->memo, "job", ours ? newest.uuid : NULL);
  js_set_str(w->memo, "cand_cluster", ours && newest.state == KFJ_SUCCESS ? nn(newest.cluster_id) : NULL);
  js_set_str(w->memo, "look", "clusters");
  return OUT_MORE;
}
static enum outcome look_clusters(struct work *w, const js *list, struct err *e) {
  const char *found = "", *job = arena_strdup(w->a, memo_str(w, "job")); /* the memo is written below */
  for (size_t i = 0; i < js_len(list); i++) {
    struct kf_cluster x;
    if (!kf_cluster_read(js_item(list, i), &x)) continue;
    if (!is_ours(w, x.name, x.ns)) {
      if (streq(x.ns, w->party.namespace_)) return err_set(e, FAIL_CONFLICT, MSG_PARTY_NS_OCCUPIED, w->party.namespace_, nn(x.name)), OUT_FAIL;
      continue;
    }
    if (!was_sent(w)) return err_set(e, FAIL_CONFLICT, MSG_PARTY_RELEASE_FOREIGN, nn(x.name), w->party.namespace_), OUT_FAIL;
    found = x.uuid;
    if (!participant_set(w->db, w->a, w->party.uuid, "cluster_uuid", x.uuid, e)) return OUT_FAIL;
  }
  /* Its cluster is gone again: a job of the past. */
  if (*job && js_at(w->memo, "cand_cluster") && !streq(found, memo_str(w, "cand_cluster"))) job = "";
  if (*job || *found) { /* a cluster without its job: KubeFATE has lost it, so the cluster itself is watched */
    enum outcome o = looked(w, job, e);
    js_set_bool(w->memo, "lost", !*job);
    return o;
  }
  js_set_str(w->memo, "job", NULL), js_set_str(w->memo, "look", "helm");
  return OUT_MORE;
}
/* A release of ours that stands, or that somebody is making, is taken as it is, and the cluster itself is watched from now on; what failed may be tried again. */
static enum outcome look_helm(struct work *w, const js *list, struct err *e) {
  const char *status = helm_status(list);
  if (streq(status, "uninstalling")) return work_evidence(w, "job", TEXT(MSG_CAUSE_DELETING), e) ? OUT_WAIT : OUT_FAIL;
  if (!*status || (streq(status, "failed") && was_sent(w))) return looked(w, "", e);
  if (!was_sent(w)) return err_set(e, FAIL_CONFLICT, MSG_PARTY_RELEASE_FOREIGN, w->party.deployment_name, w->party.namespace_), OUT_FAIL;
  if (!work_event(w, false, TEXT(MSG_EVENT_RELEASE_FOUND, w->party.deployment_name), e)) return OUT_FAIL;
  enum outcome o = looked(w, "", e);
  js_set_bool(w->memo, "lost", true);
  return o;
}
enum outcome p_look_d(struct work *w, const struct reply *r, struct err *e) {
  const js *list = NULL;
  const char *ph = memo_str(w, "look");
  bool helm = streq(ph, "helm");
  enum outcome o = helm ? wf_kube(w, r, "Secrets", false, &list, e) : wf_kf(w, r, &list, e);
  if (o != OUT_DONE) return o == OUT_SKIP ? OUT_RETRY : o;
  return helm ? look_helm(w, list, e) : streq(ph, "clusters") ? look_clusters(w, list, e) : look_jobs(w, list);
}

/* --- submit: once --- */
enum outcome p_submit_q(struct work *w, struct call *c, struct err *e) {
  struct secret y = {0};
  if (*memo_str(w, "job") || js_bool(w->memo, "lost", false)) return OUT_SKIP; /* found by the look */
  if (!party_yaml(w, w->party.deployment_yaml, w->party.uuid, &y, e)) return OUT_FAIL;
  *c = kf_install(w->a, w->kf_token, w->party.deployment_name, w->party.namespace_, w->party.chart_name, w->party.chart_version, (const char *)y.p, y.n);
  c->secret_body = true;
  secret_free(&y);
  js_set_bool(w->memo, "sent", true);
  return OUT_CALL;
}
enum outcome p_submit_d(struct work *w, const struct reply *r, struct err *e) {
  const js *d = NULL;
  struct kf_job j;
  enum outcome o = wf_kf(w, r, &d, e);
  if (o == OUT_FAIL && e->kind == FAIL_CONFLICT) return w->goto_key = "look", OUT_GOTO; /* already existed: look again */
  if (o == OUT_RETRY) return w->goto_key = "look", OUT_GOTO; /* a gateway's answer does not tell whether KubeFATE got it */
  if (o != OUT_DONE) return o == OUT_SKIP ? OUT_FAIL : o;
  if (!kf_job_read(w->a, d, &j) || !*nn(j.uuid)) return w->goto_key = "look", OUT_GOTO;
  js_set_str(w->memo, "job", j.uuid);
  return DONE_IF(participant_set(w->db, w->a, w->party.uuid, "job_uuid", j.uuid, e) && work_event(w, false, TEXT(MSG_EVENT_JOB, j.uuid), e));
}

/* --- components: the job's word, and what the cluster shows --- */
static const char *selector(struct work *w) { return arena_fmt(w->a, "name=%s", w->party.deployment_name); }
static void see_workloads(struct work *w) { js_set_str(w->memo, "see", js_bool(w->memo, "success", false) ? "dep" : "helm"), js_set_int(w->memo, "all", 0), js_set_int(w->memo, "up", 0); }
/* KubeFATE says Failed, takes away what it had installed, and only then says why. */
static bool says_why(const struct kf_job *j) { return j->state != KFJ_FAILED || strstr(j->last_state, "error") || strstr(j->last_state, "timeOut") || streq(j->last_state, "Cluster delete"); }
static enum outcome job_failed(struct work *w, const struct kf_job *j, struct err *e) {
  bool late = w->now > w->op_deadline || (w->step_deadline && w->now > w->step_deadline);
  if (!says_why(j) && !late && !memo_int(w, "failed_at")) return js_set_int(w->memo, "failed_at", w->now), w->wait_ms = 1500, OUT_WAIT;
  if (strstr(j->last_state, "valid Chart repository or cannot be reached") || strstr(j->last_state, "failed to download")) err_set(e, FAIL_UPSTREAM, MSG_PARTY_NO_CHART, w->party.chart_name, w->party.chart_version, j->last_state);
  else err_set(e, FAIL_UPSTREAM, MSG_PARTY_JOB_FAILED, j->status_text, j->last_state);
  return OUT_FAIL;
}
static enum outcome job_word(struct work *w, const js *d, struct err *e) {
  struct kf_job j;
  if (!kf_job_read(w->a, d, &j)) return err_set(e, FAIL_UPSTREAM, MSG_KF_JOB_UNREADABLE), OUT_RETRY;
  size_t up = 0;
  for (size_t i = 0; i < j.n_parts; i++) {
    up += j.parts[i].ready;
    if (!work_part(w, j.parts[i].name, j.parts[i].status, j.parts[i].ready, "", "", e)) return OUT_FAIL;
  }
  w->fraction = j.n_parts ? (double)up / (double)j.n_parts : 0;
  if (*nn(j.cluster_id) && !streq(j.cluster_id, w->party.cluster_uuid) && !participant_set(w->db, w->a, w->party.uuid, "cluster_uuid", j.cluster_id, e)) return OUT_FAIL;
  if (j.state == KFJ_SUCCESS) { /* it counts only the pods that a StatefulSet has made so far; the rest of them is looked for here, with the reason from the second look on */
    if (js_bool(w->memo, "success", false)) why_begin(w, w->party.namespace_, selector(w));
    else see_workloads(w);
    js_set_bool(w->memo, "success", true);
    return OUT_MORE;
  }
  if (kf_job_final(&j)) return job_failed(w, &j, e);
  /* A job that somebody works on counts its looks, one a second. One that stands still is that of a KubeFATE which was killed. */
  const char *word = arena_fmt(w->a, "%s %s %zu", nn(j.status_text), nn(j.last_state), up);
  if (!streq(word, memo_str(w, "word"))) js_set_str(w->memo, "word", word), js_set_int(w->memo, "word_at", w->now), js_set_bool(w->memo, "lost", false);
  else if (w->now - memo_int(w, "word_at") > SILENT_US) js_set_bool(w->memo, "lost", true);
  /* Every other look asks Kubernetes itself. */
  if (w->now - w->step_started < 2000000) return OUT_WAIT;
  why_begin(w, w->party.namespace_, selector(w));
  return OUT_MORE;
}

/* Before Helm has finished objects may be missing although all that are there are available; when nobody works on the release any more it stays like that. */
static enum outcome by_helm(struct work *w, const js *list, struct err *e) {
  if (streq(helm_status(list), "deployed")) {
    js_set_str(w->memo, "see", "dep"), js_set_int(w->memo, "half_at", 0);
    return OUT_MORE;
  }
  js_set_str(w->memo, "see", NULL);
  if (!js_bool(w->memo, "lost", false)) return OUT_WAIT;
  if (!memo_int(w, "half_at")) js_set_int(w->memo, "half_at", w->now);
  if (w->now - memo_int(w, "half_at") > HALF_US) return err_set(e, FAIL_UPSTREAM, MSG_PARTY_HALF_MADE, w->party.deployment_name), OUT_FAIL;
  return work_evidence(w, "job", TEXT(MSG_PARTY_JOB_LOST), e) ? OUT_WAIT : OUT_FAIL;
}

/* The job is lost or does not end: KubeFATE may have been restarted. What the cluster shows decides. */
static enum outcome own_eyes(struct work *w, const js *list, const char *kind, const char *next, struct err *e) {
  const js *items = js_arr(list, "items");
  int64_t all = memo_int(w, "all"), up = memo_int(w, "up");
  for (size_t i = 0; i < js_len(items); i++) {
    struct workload x;
    kube_workload(js_item(items, i), kind, &x);
    all++, up += x.available;
    if (!work_part(w, x.name, x.available ? "Available" : "Progressing", x.available, "", "", e)) return OUT_FAIL;
  }
  js_set_int(w->memo, "all", all), js_set_int(w->memo, "up", up), js_set_str(w->memo, "see", next);
  if (next) return OUT_MORE;
  w->fraction = all ? (double)up / (double)all : 0;
  bool success = js_bool(w->memo, "success", false);
  if (all > 0 && up == all) return DONE_IF(work_event(w, false, js_bool(w->memo, "repair", false) ? TEXT(MSG_EVENT_WORKLOADS_UP, num_text((char[24]){0}, all)) : success ? TEXT(MSG_EVENT_JOB_DONE, memo_str(w, "job")) : TEXT(MSG_EVENT_OWN_EYES, num_text((char[24]){0}, all)), e));
  return js_bool(w->memo, "lost", false) ? (work_evidence(w, "job", TEXT(MSG_PARTY_JOB_LOST), e) ? OUT_WAIT : OUT_FAIL) : OUT_WAIT;
}

enum outcome p_parts_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  if (!*memo_str(w, "job") && !*memo_str(w, "see") && !why_active(w)) why_begin(w, w->party.namespace_, selector(w)); /* a release without a job: what the cluster shows is all there is */
  if (why_active(w)) return why_request(w, c, e);
  const char *see = memo_str(w, "see"), *sel = selector(w), *ns = w->party.namespace_;
  w->raw = *see != 0;
  if (streq(see, "helm")) *c = helm_secrets(w);
  else if (streq(see, "dep")) *c = kube_list(w->a, "apps/v1", "Deployment", ns, sel, NULL, 100, NULL);
  else if (streq(see, "sts")) *c = kube_list(w->a, "apps/v1", "StatefulSet", ns, sel, NULL, 100, NULL);
  else *c = kf_job_get(w->a, w->kf_token, memo_str(w, "job"));
  return OUT_CALL;
}
enum outcome p_parts_d(struct work *w, const struct reply *r, struct err *e) {
  const js *d = NULL;
  const char *see = memo_str(w, "see");
  if (why_active(w)) {
    enum outcome o = why_digest(w, r, e);
    bool doubt = js_bool(w->memo, "lost", false) || js_bool(w->memo, "success", false) || w->now - w->step_started > STUCK_US * 2;
    return o == OUT_WAIT && doubt ? (see_workloads(w), OUT_MORE) : o;
  }
  if (*see) {
    enum outcome o = wf_kube(w, r, "Workloads", false, &d, e);
    if (o != OUT_DONE) return o;
    if (streq(see, "helm")) return by_helm(w, d, e);
    if (streq(see, "dep")) return own_eyes(w, d, "Deployment", "sts", e);
    return own_eyes(w, d, "StatefulSet", NULL, e);
  }
  enum outcome o = wf_kf(w, r, &d, e);
  if (o == OUT_SKIP) { /* record not found: KubeFATE forgot the job */
    js_set_bool(w->memo, "lost", true), why_begin(w, w->party.namespace_, selector(w));
    return OUT_MORE;
  }
  return o == OUT_DONE ? job_word(w, d, e) : o;
}

/* What matters while it waits: KubeFATE's word about the job, and why pods are not there. */
bool p_parts_see(struct arena *a, bool raw, const struct reply *r, struct glimpse *g) {
  struct err e = ERR_INIT;
  const js *d = NULL;
  struct pod_problem p;
  struct kf_job j;
  struct buf b;
  struct jsw w;
  size_t up = 0;
  if (raw) {
    if (kube_read(a, r, "Pods", &d, &e) != KUBE_DONE) return false;
    kube_pod_problem(d, NULL, &p);
    bool trouble = p.cause != POD_FINE && p.cause != POD_STARTING;
    g->gist = arena_fmt(a, "%d %s %s %s", trouble ? (int)p.cause : 0, trouble ? nn(p.pod) : "", trouble ? nn(p.reason) : "", trouble ? nn(p.message) : "");
    return true;
  }
  if (kf_read(a, r, &d, &e) != KF_DONE || !kf_job_read(a, d, &j) || kf_job_final(&j)) return false;
  buf_init(&b, a, 1 << 20), jsw_init(&w, &b), jsw_arr(&w);
  for (size_t i = 0; i < j.n_parts; i++) {
    up += j.parts[i].ready;
    jsw_obj(&w), jsw_kstr(&w, "n", j.parts[i].name), jsw_kstr(&w, "s", j.parts[i].status), jsw_kbool(&w, "r", j.parts[i].ready), jsw_kstr(&w, "w", ""), jsw_kstr(&w, "m", ""), jsw_end_obj(&w);
  }
  jsw_end_arr(&w);
  *g = (struct glimpse){arena_fmt(a, "%s %s", j.status_text, j.cluster_id), b.p, j.n_parts ? (double)up / (double)j.n_parts : 0};
  return true;
}

/* --- cancel: a stop is verified and repeated until the job has ended (a stop in the first instants is lost) --- */
enum outcome p_stop_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  if (!*w->party.job_uuid) return OUT_DONE;
  *c = streq(memo_str(w, "stop"), "put") ? kf_job_stop(w->a, w->kf_token, w->party.job_uuid) : kf_job_get(w->a, w->kf_token, w->party.job_uuid);
  return OUT_CALL;
}
enum outcome p_stop_d(struct work *w, const struct reply *r, struct err *e) {
  const js *d = NULL;
  struct kf_job j;
  bool put = streq(memo_str(w, "stop"), "put");
  enum outcome o = wf_kf(w, r, &d, e);
  if (put) { /* refused or accepted: only the next look tells */
    js_set_str(w->memo, "stop", NULL), js_set_int(w->memo, "stop_at", memo_int(w, "stop_at") ? memo_int(w, "stop_at") : w->now);
    return o == OUT_RELOGIN ? o : (w->wait_ms = 1200, OUT_WAIT);
  }
  if (o == OUT_SKIP) return OUT_DONE;
  if (o != OUT_DONE) return o;
  if (!kf_job_read(w->a, d, &j) || kf_job_final(&j)) return OUT_DONE;
  if (!streq(j.method, "ClusterInstall")) return OUT_DONE;
  if (j.state == KFJ_STOPPING && memo_int(w, "stop_at") && w->now - memo_int(w, "stop_at") > STOP_US) return OUT_DONE; /* its KubeFATE was killed: nobody is there to stop */
  if (!work_evidence(w, "job", TEXT(MSG_CAUSE_STOPPING, nn(j.status_text)), e)) return OUT_FAIL;
  if (j.state != KFJ_RUNNING) return w->wait_ms = 700, OUT_WAIT;
  js_set_str(w->memo, "stop", "put");
  return OUT_MORE;
}
