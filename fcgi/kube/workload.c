/* Contract: read.h. Readiness, pod problems and addresses by reference 10 section 12.11 and reference 20 section 7.1. */
#include <string.h>
#include "base/arena.h"
#include "base/str.h"
#include "kube/read.h"

static int small(const js *v, const char *path, int fallback) {
  int64_t n = js_int(v, path, fallback);
  return n < 0 ? 0 : n > 1000000 ? 1000000 : (int)n;
}

static const js *condition(const js *obj, const char *type) {
  const js *all = js_arr(obj, "status.conditions");
  for (size_t i = 0; i < js_len(all); i++)
    if (streq(js_str(js_item(all, i), "type"), type)) return js_item(all, i);
  return NULL;
}

static bool is_true(const js *cond) { return streq(js_str(cond, "status"), "True"); }

void kube_workload(const js *obj, const char *kind, struct workload *out) {
  *out = (struct workload){.kind = kind, .name = kube_name(obj), .wanted = small(obj, "spec.replicas", 1), .ready = small(obj, "status.readyReplicas", 0), .problem_reason = "", .problem_message = ""};
  /* The controller has seen this very specification; without it the numbers belong to the one before. */
  bool seen = js_int(obj, "status.observedGeneration", 0) >= js_int(obj, "metadata.generation", 0) && js_obj(obj, "status");
  if (streq(kind, "StatefulSet")) out->available = seen && out->ready >= out->wanted;
  else out->available = seen && small(obj, "status.updatedReplicas", 0) == out->wanted && (out->wanted == 0 || small(obj, "status.availableReplicas", 0) >= 1);
  const js *failure = condition(obj, "ReplicaFailure"), *progress = condition(obj, "Progressing"), *bad = NULL;
  if (is_true(failure)) bad = failure;
  else if (streq(js_str(progress, "reason"), "ProgressDeadlineExceeded")) bad = progress;
  if (bad) out->problem_reason = nn(js_str(bad, "reason")), out->problem_message = nn(js_str(bad, "message"));
}

/* --- pods --- */

/* Kubelet's reasons of a waiting container (pkg/kubelet/images/types.go, pkg/kubelet/container/sync_result.go). */
static enum pod_cause waiting_cause(const char *reason) {
  static const char *const IMAGE[] = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"};
  static const char *const CONFIG[] = {"CreateContainerConfigError", "CreateContainerError", "PreStartHookError", "PostStartHookError"};
  static const char *const CRASH[] = {"CrashLoopBackOff", "RunContainerError"};
  for (size_t i = 0; i < sizeof IMAGE / sizeof *IMAGE; i++)
    if (streq(reason, IMAGE[i])) return POD_IMAGE;
  for (size_t i = 0; i < sizeof CONFIG / sizeof *CONFIG; i++)
    if (streq(reason, CONFIG[i])) return POD_CONFIG;
  for (size_t i = 0; i < sizeof CRASH / sizeof *CRASH; i++)
    if (streq(reason, CRASH[i])) return POD_CRASHING;
  return POD_STARTING;
}

/* What tells most comes first: an image that cannot be pulled explains everything else, a crash is more telling than "not ready". */
static int weight(enum pod_cause c) {
  switch (c) {
    case POD_IMAGE: return 6;
    case POD_CONFIG: return 5;
    case POD_QUOTA: return 4;
    case POD_CRASHING: return 3;
    case POD_UNSCHEDULABLE: return 2;
    case POD_STARTING: return 1;
    case POD_FINE: return 0;
  }
  return 0;
}

static void offer(struct pod_problem *best, enum pod_cause cause, const char *pod, const char *container, const char *reason, const char *message) {
  if (weight(cause) > weight(best->cause)) *best = (struct pod_problem){cause, nn(pod), nn(container), nn(reason), nn(message)};
}

static void container(const js *c, const char *pod, struct pod_problem *best) {
  const char *name = js_str(c, "name"), *reason = js_str(c, "state.waiting.reason");
  if (js_bool(c, "ready", false)) return;
  if (reason) {
    enum pod_cause cause = waiting_cause(reason);
    const char *message = js_str(c, "state.waiting.message"), *last = js_str(c, "lastState.terminated.message"), *how = js_str(c, "lastState.terminated.reason");
    if (cause == POD_CRASHING && *nn(last)) message = last; /* the program's last words say more than "back-off 5m0s restarting" */
    if (cause == POD_CRASHING && streq(how, "OOMKilled")) reason = how;
    offer(best, cause, pod, name, reason, message);
    return;
  }
  const js *ended = js_obj(c, "state.terminated");
  if (ended && js_int(ended, "exitCode", 0) != 0) offer(best, POD_CRASHING, pod, name, js_str(ended, "reason"), js_str(ended, "message"));
  else if (js_int(c, "restartCount", 0) >= 3) offer(best, POD_CRASHING, pod, name, js_str(c, "lastState.terminated.reason"), js_str(c, "lastState.terminated.message"));
  else if (!ended) offer(best, POD_STARTING, pod, name, "", "");
}

static void one_pod(const js *p, struct pod_problem *best) {
  const char *name = kube_name(p), *phase = nn(js_str(p, "status.phase"));
  if (streq(phase, "Succeeded") || kube_is_deleting(p)) return;
  const js *scheduled = condition(p, "PodScheduled");
  if (streq(js_str(scheduled, "status"), "False")) offer(best, POD_UNSCHEDULABLE, name, "", js_str(scheduled, "reason"), js_str(scheduled, "message"));
  if (streq(phase, "Failed") && *nn(js_str(p, "status.reason"))) /* Evicted, OutOfcpu: no container status tells why */
    offer(best, str_starts(js_str(p, "status.reason"), "OutOf") ? POD_UNSCHEDULABLE : POD_CRASHING, name, "", js_str(p, "status.reason"), js_str(p, "status.message"));
  const char *const lists[] = {"status.initContainerStatuses", "status.containerStatuses"};
  for (int k = 0; k < 2; k++) {
    const js *all = js_arr(p, lists[k]);
    for (size_t i = 0; i < js_len(all); i++) container(js_item(all, i), name, best);
  }
  if (!is_true(condition(p, "Ready"))) offer(best, POD_STARTING, name, "", phase, "");
}

/* Pods of a workload are NAME-hash-hash or NAME-ordinal. */
static bool belongs(const char *pod, const char *opt_prefix) {
  size_t n = strlen(nn(opt_prefix));
  return !n || (!strncmp(pod, opt_prefix, n) && pod[n] == '-');
}

void kube_pod_problem(const js *pod_list, const char *opt_prefix, struct pod_problem *out) {
  const js *all = js_arr(pod_list, "items");
  *out = (struct pod_problem){POD_FINE, "", "", "", ""};
  for (size_t i = 0; i < js_len(all); i++)
    if (belongs(kube_name(js_item(all, i)), opt_prefix)) one_pod(js_item(all, i), out);
}

const char *pod_cause_key(enum pod_cause c) {
  switch (c) {
    case POD_IMAGE: return "image";
    case POD_CONFIG: return "config";
    case POD_UNSCHEDULABLE: return "unschedulable";
    case POD_CRASHING: return "crashing";
    case POD_QUOTA: return "quota";
    case POD_FINE:
    case POD_STARTING: return "";
  }
  return "";
}

/* --- addresses --- */
void kube_service_port(const js *svc, const char *port_name, struct service_port *out) {
  const js *ports = js_arr(svc, "spec.ports"), *lb = js_item(js_arr(svc, "status.loadBalancer.ingress"), 0);
  const char *ip = js_str(lb, "ip");
  *out = (struct service_port){.type = nn(js_str(svc, "spec.type")), .cluster_ip = nn(js_str(svc, "spec.clusterIP")), .lb_host = ip && *ip ? ip : nn(js_str(lb, "hostname"))};
  for (size_t i = 0; i < js_len(ports) && !out->found; i++) {
    const js *p = js_item(ports, i);
    if (*nn(port_name) && !streq(js_str(p, "name"), port_name)) continue;
    out->port = small(p, "port", 0), out->node_port = small(p, "nodePort", 0), out->found = out->port >= 1 && out->port <= 65535;
  }
}

static const char *address(const js *node, const char *type) {
  const js *all = js_arr(node, "status.addresses");
  for (size_t i = 0; i < js_len(all); i++)
    if (streq(js_str(js_item(all, i), "type"), type) && *nn(js_str(js_item(all, i), "address"))) return js_str(js_item(all, i), "address");
  return NULL;
}

/* The first Ready node that takes pods; upstream took nodes[0] in whatever state (reference 10 section 13, W21). */
const char *kube_node_address(const js *node_list) {
  const js *all = js_arr(node_list, "items");
  for (size_t i = 0; i < js_len(all); i++) {
    const js *n = js_item(all, i);
    if (!is_true(condition(n, "Ready")) || js_bool(n, "spec.unschedulable", false)) continue;
    const char *s = address(n, "ExternalIP");
    if (!s) s = address(n, "InternalIP");
    if (s) return s;
  }
  return NULL;
}

void kube_ingress(struct arena *a, const js *ing, struct ingress *out) {
  const js *rules = js_arr(ing, "spec.rules"), *at = js_arr(ing, "status.loadBalancer.ingress");
  *out = (struct ingress){.tls = js_len(js_arr(ing, "spec.tls")) > 0};
  out->hosts = ARENA_ARRAY(a, const char *, js_len(rules) + 1);
  out->addresses = ARENA_ARRAY(a, const char *, 2 * js_len(at) + 1);
  for (size_t i = 0; i < js_len(rules); i++) {
    const char *h = js_str(js_item(rules, i), "host");
    if (h && *h) out->hosts[out->n_hosts++] = h;
  }
  for (size_t i = 0; i < js_len(at); i++) {
    const char *name = js_str(js_item(at, i), "hostname"), *ip = js_str(js_item(at, i), "ip");
    if (name && *name) out->addresses[out->n_addresses++] = name;
    if (ip && *ip) out->addresses[out->n_addresses++] = ip;
  }
}
