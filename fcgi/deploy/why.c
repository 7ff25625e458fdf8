/* Contract: why.h. pods -> (claims) -> (events) -> (log); each look writes the best sentence so far into the memo, the last one stores it. */
#include "deploy/why.h"
#include "base/log.h"
#include "base/redact.h"
#include "base/str.h"
#include "deploy/wf.h"

enum { PODS_MAX = 200, EVENTS_MAX = 300, EVENT_AGE_S = 300, LOG_LINES = 12, LOG_SHOWN = 500, SAID_SHOWN = 800 /* Pod Security lists all that it demands */, PATIENCE_US = 4 * 1000000 };

static const char *phase(const struct work *w) { return memo_str(w, "why"); }
bool why_active(const struct work *w) { return *phase(w) != 0; }
static void go(struct work *w, const char *opt_phase) { js_set_str(w->memo, "why", opt_phase); }

void why_begin(struct work *w, const char *ns, const char *selector) {
  go(w, "pods");
  js_set_str(w->memo, "why_ns", ns), js_set_str(w->memo, "why_sel", selector);
}

/* The sentence so far. */
static void found(struct work *w, const char *cause, struct text t) {
  js_set_str(w->memo, "why_cause", cause), js_set_str(w->memo, "why_key", text_key(t.key)), js_set_str(w->memo, "why_args", text_args_json(w->a, t));
}
struct text why_found(struct work *w, const char **cause) {
  *cause = memo_str(w, "why_cause");
  return *memo_str(w, "why_key") ? text_stored(w->a, memo_str(w, "why_key"), memo_str(w, "why_args")) : TEXT(MSG_NONE);
}
static enum outcome done(struct work *w, struct err *e) {
  const char *cause;
  struct text t = why_found(w, &cause);
  go(w, NULL);
  return work_evidence(w, cause, t.key == MSG_NONE ? TEXT(MSG_CAUSE_STARTING, memo_str(w, "why_sel")) : t, e) ? OUT_WAIT : OUT_FAIL;
}

enum outcome why_request(struct work *w, struct call *c, struct err *e) {
  const char *ph = phase(w), *ns = memo_str(w, "why_ns");
  (void)e;
  w->raw = true;
  if (streq(ph, "pods")) *c = kube_list(w->a, "v1", "Pod", ns, memo_str(w, "why_sel"), NULL, PODS_MAX, NULL);
  else if (streq(ph, "claims")) *c = kube_list(w->a, "v1", "PersistentVolumeClaim", ns, NULL, NULL, PODS_MAX, NULL);
  else if (streq(ph, "events")) *c = kube_list(w->a, "v1", "Event", ns, NULL, "type=Warning", EVENTS_MAX, NULL);
  else *c = kube_pod_log(w->a, ns, memo_str(w, "why_pod"), memo_str(w, "why_container"), LOG_LINES, true);
  return OUT_CALL;
}

/* --- pods --- */
/* "docker.io/federatedai/python:1.11" names its registry; "federatedai/python" is Docker Hub's. */
static const char *registry_of(struct arena *a, const char *image) {
  size_t n = strcspn(image, "/");
  bool host = image[n] == '/' && (memchr(image, '.', n) || memchr(image, ':', n) || (n == 9 && !strncmp(image, "localhost", n)));
  return host ? arena_strndup(a, image, n) : "docker.io";
}
static const char *image_of(const js *pods, const char *pod, const char *container) {
  const js *all = js_arr(pods, "items");
  static const char *const LISTS[] = {"spec.initContainers", "spec.containers"};
  for (size_t i = 0; i < js_len(all); i++) {
    if (!streq(kube_name(js_item(all, i)), pod)) continue;
    for (size_t l = 0; l < 2; l++) {
      const js *cs = js_arr(js_item(all, i), LISTS[l]);
      for (size_t k = 0; k < js_len(cs); k++)
        if (streq(js_str(js_item(cs, k), "name"), container)) return nn(js_str(js_item(cs, k), "image"));
    }
  }
  return "";
}

static enum outcome look_at_pods(struct work *w, const js *pods, struct err *e) {
  struct pod_problem p;
  kube_pod_problem(pods, NULL, &p);
  found(w, "", *nn(p.pod) ? TEXT(MSG_CAUSE_STARTING, p.pod) : TEXT(MSG_NONE));
  if (p.cause != POD_FINE && p.cause != POD_STARTING && *nn(p.pod) && !work_part(w, *nn(p.container) ? p.container : p.pod, p.reason, false, p.reason, p.message, e)) return OUT_FAIL;
  const char *image = image_of(pods, p.pod, p.container);
  switch (p.cause) {
  case POD_IMAGE: found(w, "image", TEXT(MSG_CAUSE_IMAGE_OF, image, registry_of(w->a, image), p.pod, p.reason, p.message)); break;
  case POD_CONFIG: found(w, "config", TEXT(MSG_CAUSE_CONFIG, p.pod, p.reason, p.message)); break;
  case POD_QUOTA: found(w, "quota", TEXT(MSG_CAUSE_QUOTA, p.pod, p.reason, p.message)); break;
  case POD_UNSCHEDULABLE:
    found(w, "unschedulable", TEXT(MSG_CAUSE_UNSCHEDULABLE, p.pod, p.reason, p.message));
    if (!strstr(p.message, "PersistentVolumeClaim") && !strstr(p.message, "persistentvolumeclaim") && !strstr(p.message, "persistent volume")) break;
    go(w, "claims");
    return OUT_MORE;
  case POD_CRASHING:
    found(w, "crashing", TEXT(MSG_CAUSE_CRASHING, p.pod, p.reason, p.message));
    if (!*nn(p.container)) break; /* evicted: there is no container to ask */
    js_set_str(w->memo, "why_pod", p.pod), js_set_str(w->memo, "why_container", p.container), js_set_str(w->memo, "why_reason", p.reason), go(w, "log");
    return OUT_MORE;
  case POD_FINE: case POD_STARTING:
    /* Pods that were never made leave their reason in events only. In the first seconds there is nothing to find. */
    if (w->now - w->step_started < PATIENCE_US) break;
    go(w, "events");
    return OUT_MORE;
  }
  return done(w, e);
}

/* --- claims --- */
static enum outcome look_at_claims(struct work *w, const js *claims, struct err *e) {
  const js *all = js_arr(claims, "items");
  for (size_t i = 0; i < js_len(all); i++) {
    const js *x = js_item(all, i);
    const char *class = js_str(x, "spec.storageClassName");
    if (!streq(js_str(x, "status.phase"), "Pending")) continue;
    js_set_str(w->memo, "why_claim", kube_name(x)), js_set_str(w->memo, "why_class", nn(class));
    found(w, "claim", *nn(class) ? TEXT(MSG_CAUSE_CLAIM, kube_name(x), class) : TEXT(MSG_CAUSE_CLAIM_NO_CLASS, kube_name(x)));
    go(w, "events");
    return OUT_MORE;
  }
  return done(w, e);
}

/* --- events: the newest warning of the last minutes that tells a reason we know --- */
static const char *event_time(const js *x) {
  const char *t = js_str(x, "lastTimestamp");
  if (!t) t = js_str(x, "eventTime");
  return nn(t ? t : js_str(x, "metadata.creationTimestamp"));
}
static bool judge(struct work *w, const js *x) {
  static const char COMBINED[] = "(combined from similar events): ";
  const char *reason = nn(js_str(x, "reason")), *said = nn(js_str(x, "message")), *object = nn(js_str(x, "involvedObject.name"));
  if (str_starts(said, COMBINED)) said += strlen(COMBINED);
  const char *m = str_excerpt(w->a, said, strlen(said), SAID_SHOWN);
  const char *claim = memo_str(w, "why_claim");
  if (*claim) {
    if (!streq(object, claim) || !streq(js_str(x, "involvedObject.kind"), "PersistentVolumeClaim")) return false;
    return found(w, "claim", TEXT(MSG_CAUSE_CLAIM_SAID, claim, memo_str(w, "why_class"), m)), true;
  }
  if (strstr(said, "exceeded quota")) return found(w, "quota", TEXT(MSG_CAUSE_QUOTA, object, reason, m)), true;
  if (strstr(said, "violates PodSecurity") || strstr(said, "admission webhook") || strstr(said, "ValidatingAdmissionPolicy")) return found(w, "admission", TEXT(MSG_CAUSE_ADMISSION, object, reason, m)), true;
  if ((streq(reason, "FailedMount") && strstr(said, "not found")) || (streq(reason, "FailedCreate") && strstr(said, "service account"))) return found(w, "config", TEXT(MSG_CAUSE_CONFIG, object, reason, m)), true;
  if (streq(reason, "FailedCreate") && strstr(said, "forbidden")) return found(w, "admission", TEXT(MSG_CAUSE_ADMISSION, object, reason, m)), true;
  if (streq(reason, "FailedAttachVolume") || streq(reason, "ProvisioningFailed") || streq(reason, "FailedBinding")) return found(w, "claim", TEXT(MSG_CAUSE_CLAIM_SAID, object, reason, m)), true;
  return false;
}
static enum outcome look_at_events(struct work *w, const js *list, struct err *e) {
  const js *all = js_arr(list, "items");
  const char *since = time_rfc3339(w->a, w->now - (usec_t)EVENT_AGE_S * 1000000), *before = "9999";
  for (size_t tries = 0; tries < js_len(all); tries++) { /* newest first, without sorting the foreign tree */
    const js *best = NULL;
    for (size_t i = 0; i < js_len(all); i++) {
      const char *t = event_time(js_item(all, i));
      if (strcmp(t, before) < 0 && strcmp(t, since) > 0 && (!best || strcmp(t, event_time(best)) > 0)) best = js_item(all, i);
    }
    if (!best || judge(w, best)) break;
    before = event_time(best);
  }
  js_set_str(w->memo, "why_claim", NULL);
  return done(w, e);
}

/* --- log: the last words of the run before --- */
static enum outcome look_at_log(struct work *w, const struct reply *r, struct err *e) {
  const char *text = "";
  struct err ignored = ERR_INIT;
  if (kube_read_text(w->a, r, "log", &text, &ignored) != KUBE_DONE || str_blank(text)) return done(w, e);
  char *clean = str_trim(w->a, redact(w->a, text, strlen(text), NULL, 0));
  size_t n = strlen(clean), from = n > LOG_SHOWN ? n - LOG_SHOWN : 0;
  while (from && from < n && clean[from - 1] != '\n' && n - from > LOG_SHOWN / 2) from++; /* whole lines */
  found(w, "crashing", TEXT(MSG_CAUSE_CRASHING_LOG, memo_str(w, "why_pod"), memo_str(w, "why_reason"), str_excerpt(w->a, clean + from, n - from, LOG_SHOWN)));
  return done(w, e);
}

enum outcome why_digest(struct work *w, const struct reply *r, struct err *e) {
  const js *list = NULL;
  const char *ph = phase(w);
  if (streq(ph, "log")) return look_at_log(w, r, e);
  struct err why = ERR_INIT;
  enum kube_verdict v = kube_read(w->a, r, streq(ph, "pods") ? "Pods" : streq(ph, "claims") ? "PersistentVolumeClaims" : "Events", &list, &why);
  if (v != KUBE_DONE && !streq(ph, "pods")) return done(w, e); /* not ours to read: what the pods said stays */
  if (v == KUBE_RETRY) return err_move(e, &why), OUT_RETRY;
  if (v == KUBE_DENIED) return found(w, "denied", err_text(&why)), done(w, e);
  if (v != KUBE_DONE) return err_move(e, &why), OUT_FAIL;
  return streq(ph, "pods") ? look_at_pods(w, list, e) : streq(ph, "claims") ? look_at_claims(w, list, e) : look_at_events(w, list, e);
}
