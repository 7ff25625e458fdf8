/* Create, second half: look, submit once, follow the job, read addresses (reference 10 sections 11, 15; 20 section 7). */
#include "deploy/values.h"
#include "deploy/wf_party.h"

#define DONE_IF(x) ((x) ? OUT_DONE : OUT_FAIL)
enum { SETTLE_US = 4 * 1000000, STUCK_US = 20 * 1000000 };

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

/* --- look: does KubeFATE or Helm know the name already? Phases: clusters, jobs, helm. An install is sent only when neither does: one that fails because
 * Helm has the name makes KubeFATE uninstall by name, and what is there would be gone. --- */
enum outcome p_look_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  const char *ph = memo_str(w, "look");
  /* A request whose outcome is unknown may still be on its way into KubeFATE: give it time to show. */
  if (w->intent_at && w->now - w->intent_at < SETTLE_US) return w->wait_ms = (int)((SETTLE_US - (w->now - w->intent_at)) / 1000) + 50, OUT_WAIT;
  w->raw = streq(ph, "helm");
  if (w->raw) *c = kube_list_names(w->a, "v1", "Secret", w->party.namespace_, arena_fmt(w->a, "owner=helm,name=%s", w->party.deployment_name));
  else *c = streq(ph, "jobs") ? kf_job_list(w->a, w->kf_token) : kf_cluster_list(w->a, w->kf_token);
  return OUT_CALL;
}
/* Was an install of this record ever sent? Then what bears its name is ours. */
static bool was_sent(const struct work *w) { return w->intent_at || js_bool(w->memo, "sent", false) || *w->party.cluster_uuid || *w->party.job_uuid; }
static bool is_ours(const struct work *w, const char *name, const char *ns) { return streq(name, w->party.deployment_name) && streq(ns, w->party.namespace_); }

static enum outcome look_clusters(struct work *w, const js *list, struct err *e) {
  for (size_t i = 0; i < js_len(list); i++) {
    struct kf_cluster x;
    if (!kf_cluster_read(js_item(list, i), &x)) continue;
    if (!is_ours(w, x.name, x.ns)) {
      if (streq(x.ns, w->party.namespace_)) return err_set(e, FAIL_CONFLICT, MSG_PARTY_NS_OCCUPIED, w->party.namespace_, nn(x.name)), OUT_FAIL;
      continue;
    }
    if (!was_sent(w)) return err_set(e, FAIL_CONFLICT, MSG_PARTY_RELEASE_FOREIGN, nn(x.name), w->party.namespace_), OUT_FAIL;
    js_set_bool(w->memo, "adopted", true);
    if (!participant_set(w->db, w->a, w->party.uuid, "cluster_uuid", x.uuid, e)) return OUT_FAIL;
  }
  js_set_str(w->memo, "look", "jobs");
  return OUT_MORE;
}
static enum outcome look_jobs(struct work *w, const js *list, struct err *e) {
  const char *newest = NULL;
  bool final = false;
  for (size_t i = 0; i < js_len(list); i++) {
    struct kf_job x;
    if (!kf_job_read(w->a, js_item(list, i), &x) || !streq(x.method, "ClusterInstall") || !is_ours(w, x.name, x.ns)) continue;
    newest = x.uuid, final = kf_job_final(&x) && x.state != KFJ_SUCCESS; /* the list is in order of creation */
  }
  bool adopted = js_bool(w->memo, "adopted", false);
  js_set_str(w->memo, "job", NULL), js_set_bool(w->memo, "adopted", false), js_set_bool(w->memo, "lost", false), js_set_str(w->memo, "see", NULL);
  if (newest && !final && (adopted || was_sent(w))) {
    js_set_str(w->memo, "look", NULL), js_set_str(w->memo, "job", newest);
    w->intent_at = 0;
    return DONE_IF(participant_set(w->db, w->a, w->party.uuid, "job_uuid", newest, e) && work_event(w, false, TEXT(MSG_EVENT_JOB_FOUND, newest), e));
  }
  js_set_bool(w->memo, "lost", adopted); /* KubeFATE has the cluster, but not the job that made it */
  js_set_str(w->memo, "look", adopted ? NULL : "helm");
  if (adopted) w->intent_at = 0;
  return adopted ? OUT_DONE : OUT_MORE;
}
/* KubeFATE does not know the name (its database may be new), but Helm may. Ours: the cluster itself is watched from now on. */
static enum outcome look_helm(struct work *w, const js *list, struct err *e) {
  const js *items = js_arr(list, "items");
  for (size_t i = 0; i < js_len(items); i++)
    if (streq(wf_label(js_item(items, i), "status"), "uninstalling")) return work_evidence(w, "job", TEXT(MSG_CAUSE_DELETING), e) ? OUT_WAIT : OUT_FAIL;
  bool found = js_len(items) > 0;
  if (found && !was_sent(w)) return err_set(e, FAIL_CONFLICT, MSG_PARTY_RELEASE_FOREIGN, w->party.deployment_name, w->party.namespace_), OUT_FAIL;
  js_set_str(w->memo, "look", NULL), js_set_bool(w->memo, "lost", found);
  w->intent_at = 0;
  return found ? DONE_IF(work_event(w, false, TEXT(MSG_EVENT_RELEASE_FOUND, w->party.deployment_name), e)) : OUT_DONE;
}
enum outcome p_look_d(struct work *w, const struct reply *r, struct err *e) {
  const js *list = NULL;
  bool helm = streq(memo_str(w, "look"), "helm");
  enum outcome o = helm ? wf_kube(w, r, "Secrets", false, &list, e) : wf_kf(w, r, &list, e);
  if (o != OUT_DONE) return o == OUT_SKIP ? OUT_RETRY : o;
  if (helm) return look_helm(w, list, e);
  return streq(memo_str(w, "look"), "jobs") ? look_jobs(w, list, e) : look_clusters(w, list, e);
}

/* --- submit: once --- */
enum outcome p_submit_q(struct work *w, struct call *c, struct err *e) {
  struct secret y = {0};
  if (*memo_str(w, "job") || js_bool(w->memo, "lost", false)) return OUT_SKIP;
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
    js_set_str(w->memo, "see", js_bool(w->memo, "success", false) ? "pods" : "dep"), js_set_int(w->memo, "all", 0), js_set_int(w->memo, "up", 0), js_set_bool(w->memo, "success", true);
    return OUT_MORE;
  }
  if (kf_job_final(&j)) return err_set(e, FAIL_UPSTREAM, MSG_PARTY_JOB_FAILED, nn(j.status_text), nn(j.last_state)), OUT_FAIL;
  /* Every other look asks Kubernetes itself. */
  js_set_str(w->memo, "see", "pods");
  return w->now - w->step_started > 2000000 ? OUT_MORE : OUT_WAIT;
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
  if (all > 0 && up == all) return DONE_IF(work_event(w, false, success ? TEXT(MSG_EVENT_JOB_DONE, memo_str(w, "job")) : TEXT(MSG_EVENT_OWN_EYES, num_text((char[24]){0}, all)), e));
  return js_bool(w->memo, "lost", false) ? (work_evidence(w, "job", TEXT(MSG_PARTY_JOB_LOST), e) ? OUT_WAIT : OUT_FAIL) : OUT_WAIT;
}

enum outcome p_parts_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  if (!*memo_str(w, "job") && !*memo_str(w, "see")) js_set_str(w->memo, "see", "pods");
  const char *see = memo_str(w, "see"), *sel = arena_fmt(w->a, "name=%s", w->party.deployment_name), *ns = w->party.namespace_;
  w->raw = *see != 0;
  if (streq(see, "pods")) *c = kube_list(w->a, "v1", "Pod", ns, sel, NULL, 100, NULL);
  else if (streq(see, "dep")) *c = kube_list(w->a, "apps/v1", "Deployment", ns, sel, NULL, 100, NULL);
  else if (streq(see, "sts")) *c = kube_list(w->a, "apps/v1", "StatefulSet", ns, sel, NULL, 100, NULL);
  else *c = kf_job_get(w->a, w->kf_token, memo_str(w, "job"));
  return OUT_CALL;
}
enum outcome p_parts_d(struct work *w, const struct reply *r, struct err *e) {
  const js *d = NULL;
  const char *see = memo_str(w, "see");
  if (*see) {
    enum outcome o = wf_kube(w, r, "Pods", false, &d, e);
    if (o != OUT_DONE) return o;
    if (streq(see, "dep")) return own_eyes(w, d, "Deployment", "sts", e);
    if (streq(see, "sts")) return own_eyes(w, d, "StatefulSet", NULL, e);
    bool doubt = js_bool(w->memo, "lost", false) || js_bool(w->memo, "success", false) || w->now - w->step_started > STUCK_US * 2;
    js_set_str(w->memo, "see", doubt ? "dep" : NULL), js_set_int(w->memo, "all", 0), js_set_int(w->memo, "up", 0);
    if (!wf_pod_evidence(w, d, e)) return OUT_FAIL;
    return doubt ? OUT_MORE : OUT_WAIT;
  }
  enum outcome o = wf_kf(w, r, &d, e);
  if (o == OUT_SKIP) { /* record not found: KubeFATE forgot the job */
    js_set_bool(w->memo, "lost", true), js_set_str(w->memo, "see", "pods");
    return OUT_MORE;
  }
  return o == OUT_DONE ? job_word(w, d, e) : o;
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
    js_set_str(w->memo, "stop", NULL);
    return o == OUT_RELOGIN ? o : (w->wait_ms = 1200, OUT_WAIT);
  }
  if (o == OUT_SKIP) return OUT_DONE;
  if (o != OUT_DONE) return o;
  if (!kf_job_read(w->a, d, &j) || kf_job_final(&j)) return OUT_DONE;
  if (!streq(j.method, "ClusterInstall")) return OUT_DONE;
  if (j.state != KFJ_RUNNING) return w->wait_ms = 700, OUT_WAIT;
  js_set_str(w->memo, "stop", "put");
  return OUT_MORE;
}
