/* Probes that look at what runs: the workloads of a participant or an endpoint, and the log of one container of theirs. Everything here was written by
 * programs of others: it is bounded, and secrets are taken out before it is kept (base/redact.h). What may not be listed is left out and said. */
#include "base/redact.h"
#include "base/name.h"
#include "codec/yml.h"
#include "deploy/inspect.h"
#include "deploy/wf.h"
#include "deploy/workflows.h"

enum { PODS = 100, CONTAINERS = 20, LOADS = 60, CLAIMS = 60, EVENTS = 30, EVENTS_READ = 500, WORDS = 300, PART_MAX = 512 << 10, SECRETS = 64 };

/* --- whose they are --- */
static bool load_any(struct work *w, struct err *e) { return streq(js_str(w->input, "of"), "endpoint") ? wf_load_endpoint(w, e) : wf_load_party(w, e); }
static bool managed(const struct work *w, struct err *e) { return !w->has_party || w->party.is_managed ? true : err_set(e, FAIL_CONFLICT, MSG_INSPECT_EXTERNAL, w->party.name); }
static const char *space(const struct work *w) { return w->has_party ? w->party.namespace_ : w->endpoint.kube_ns; }
static const char *owner(const struct work *w) { return w->has_party ? w->party.name : w->endpoint.name; }
static const char *selector(const struct work *w) { return w->has_party ? arena_fmt(w->a, "name=%s", w->party.deployment_name) : "fate in (kubefate,mariadb)"; }
static bool is_ours(const struct work *w, const js *pod) {
  if (w->has_party) return streq(wf_label(pod, "name"), w->party.deployment_name);
  const char *fate = wf_label(pod, "fate");
  return streq(fate, "kubefate") || streq(fate, "mariadb");
}

/* --- the secrets that we know: those of the records, and what a person wrote into the YAML behind a password's key --- */
struct known { const char *v[SECRETS]; size_t n; struct secret open[SECRETS]; size_t n_open; };

static void forget(struct known *k) {
  for (size_t i = 0; i < k->n_open; i++) secret_free(&k->open[i]);
}
static bool know(struct work *w, struct known *k, struct uuid secret, bool account, struct err *e) {
  if (uuid_none(secret) || k->n >= SECRETS || k->n_open >= SECRETS) return true;
  struct secret *s = &k->open[k->n_open];
  if (!work_open(w, secret, s, e)) return false;
  k->n_open++;
  const char *text = (const char *)s->p, *nl = account ? memchr(text, '\n', s->n) : NULL; /* "user\npassword" */
  k->v[k->n++] = nl ? nl + 1 : text;
  return true;
}
static bool know_named(struct work *w, struct known *k, struct uuid of, struct err *e) {
  struct named_secret *v;
  size_t n;
  if (!named_secret_list(w->db, w->a, of, &v, &n, e)) return false;
  for (size_t i = 0; i < n; i++)
    if (!know(w, k, v[i].secret, false, e)) return false;
  return true;
}
static void know_values(struct known *k, const struct yml *v) {
  for (size_t i = 0; i < v->n; i++) {
    const struct yml *x = v->val[i];
    if (x->kind == YML_MAP || x->kind == YML_SEQ) know_values(k, x);
    else if (v->kind == YML_MAP && x->kind == YML_SCALAR && k->n < SECRETS && strcasestr(nn(v->key[i]->s), "passw") && !str_starts(x->s, "${")) k->v[k->n++] = x->s;
  }
}
static bool know_all(struct work *w, struct known *k, struct err *e) {
  const struct yml *root;
  struct err unreadable = ERR_INIT;
  const char *yaml = w->has_party ? w->party.deployment_yaml : w->endpoint.manifest;
  const struct yml **docs;
  size_t n;
  *k = (struct known){.n = 0};
  if (w->has_party && (!know_named(w, k, w->party.uuid, e) || !know(w, k, w->party.registry_secret, false, e))) return false;
  if (!know_named(w, k, w->endpoint.uuid, e) || !know(w, k, w->endpoint.credential_secret, true, e) || !know(w, k, w->infra.registry_secret, false, e)) return false;
  if (yml_parse_all(w->a, yaml, strlen(yaml), 128 << 10, 100, &docs, &n, &unreadable))
    for (size_t i = 0; i < n; i++) root = docs[i], know_values(k, root);
  return true;
}
static const char *clean(struct work *w, const struct known *k, const char *opt_s) {
  const char *s = nn(opt_s);
  if (!*s) return "";
  const char *r = redact(w->a, s, strlen(s), k->v, k->n);
  return str_excerpt(w->a, r, strlen(r), WORDS);
}

/* --- one list after the other --- */
static const struct { const char *what, *api, *kind; } LISTS[] = {{"pods", "v1", "Pod"}, {"workloads", "apps/v1", "Deployment"}, {"sets", "apps/v1", "StatefulSet"}, {"claims", "v1", "PersistentVolumeClaim"}, {"events", "v1", "Event"}};
enum { N_LISTS = sizeof LISTS / sizeof *LISTS, L_PODS = 0, L_LOADS, L_SETS, L_CLAIMS, L_EVENTS };

static enum outcome lists_q(struct work *w, struct call *c, struct err *e) {
  int64_t i = memo_int(w, "at");
  if (!managed(w, e)) return OUT_FAIL;
  if (i >= N_LISTS) return OUT_DONE;
  bool events = i == L_EVENTS; /* they carry no label: what is not ours is left out afterwards */
  *c = kube_list(w->a, LISTS[i].api, LISTS[i].kind, space(w), events ? NULL : selector(w), events ? "type=Warning" : NULL, events ? EVENTS_READ : PODS, NULL);
  return OUT_CALL;
}

/* What was written with b becomes a member of the memo; one that outgrew its place is left out. */
static void keep(struct work *w, const char *member, struct buf *b) {
  js *v = NULL;
  struct err bad = ERR_INIT;
  if (!b->failed && js_parse(w->a, b->p, b->n, PART_MAX, &v, &bad)) js_set_copy(w->memo, member, v);
  else js_set_bool(w->memo, "more", true);
}
static void list_begin(struct work *w, struct buf *b, struct jsw *j, const char *member) {
  const js *before = js_arr(w->memo, member);
  buf_init(b, w->a, PART_MAX), jsw_init(j, b), jsw_arr(j);
  for (size_t i = 0; i < js_len(before); i++) jsw_raw(j, js_dump(w->a, js_item(before, i)));
}

static const js *named(const js *list, const char *name) {
  for (size_t i = 0; i < js_len(list); i++)
    if (streq(js_str(js_item(list, i), "name"), name)) return js_item(list, i);
  return NULL;
}
static const char *str(struct work *w, const js *v, const char *path, size_t max) {
  const char *s = nn(js_str(v, path));
  return str_excerpt(w->a, s, strlen(s), max);
}
static int small(const js *v, const char *path) {
  int64_t n = js_int(v, path, 0);
  return n < 0 ? 0 : n > 1000000 ? 1000000 : (int)n;
}

/* A container as kubectl says it. */
struct one { const char *state; bool ok, previous; int restarts; const char *message; };
static struct one container_state(struct work *w, const struct known *k, const js *s, bool init) {
  struct one o = {.state = "Waiting", .message = "", .restarts = small(s, "restartCount"), .previous = js_obj(s, "lastState.terminated") != NULL};
  const js *ended = js_obj(s, "state.terminated"), *waits = js_obj(s, "state.waiting");
  if (js_obj(s, "state.running")) o.state = "Running", o.ok = init || js_bool(s, "ready", false);
  else if (ended) {
    o.state = *nn(js_str(ended, "reason")) ? str(w, ended, "reason", 80) : arena_fmt(w->a, "ExitCode:%d", small(ended, "exitCode"));
    o.ok = js_int(ended, "exitCode", 1) == 0, o.message = clean(w, k, js_str(ended, "message"));
  } else if (waits) o.state = str(w, waits, "reason", 80), o.message = clean(w, k, js_str(waits, "message"));
  if (!*o.message && !o.ok) o.message = clean(w, k, js_str(s, "lastState.terminated.message"));
  return o;
}

static void pod(struct work *w, const struct known *k, struct jsw *j, const js *p) {
  const js *scheduled = NULL, *conditions = js_arr(p, "status.conditions");
  const char *phase = str(w, p, "status.phase", 40), *state = NULL, *message = clean(w, k, js_str(p, "status.message"));
  int ready = 0, all = 0, restarts = 0;
  struct buf b;
  struct jsw c;
  buf_init(&b, w->a, 64 << 10), jsw_init(&c, &b), jsw_arr(&c);
  for (int part = 0; part < 2; part++) {
    const js *spec = js_arr(p, part ? "spec.containers" : "spec.initContainers"), *status = js_arr(p, part ? "status.containerStatuses" : "status.initContainerStatuses");
    for (size_t i = 0; i < js_len(spec) && i < CONTAINERS; i++) {
      const js *x = js_item(spec, i);
      struct one o = container_state(w, k, named(status, js_str(x, "name")), !part);
      if (part) all++, ready += o.ok && streq(o.state, "Running");
      restarts += o.restarts;
      if (!state && !o.ok && js_len(status) && (part || !streq(o.state, "Waiting"))) state = part ? streq(o.state, "Running") ? NULL : o.state : arena_fmt(w->a, "Init:%s", o.state);
      jsw_obj(&c), jsw_kstr(&c, "name", str(w, x, "name", 253)), jsw_kstr(&c, "image", str(w, x, "image", 300)), jsw_kbool(&c, "init", !part), jsw_kstr(&c, "state", o.state), jsw_kbool(&c, "ok", o.ok);
      jsw_ki64(&c, "restarts", o.restarts), jsw_kbool(&c, "previous", o.previous), jsw_kstr(&c, "message", o.message), jsw_end_obj(&c);
    }
  }
  jsw_end_arr(&c);
  for (size_t i = 0; i < js_len(conditions); i++)
    if (streq(js_str(js_item(conditions, i), "type"), "PodScheduled") && streq(js_str(js_item(conditions, i), "status"), "False")) scheduled = js_item(conditions, i);
  if (scheduled && !*message) message = clean(w, k, js_str(scheduled, "message"));
  if (kube_is_deleting(p)) state = "Terminating";
  else if (streq(phase, "Failed") && *nn(js_str(p, "status.reason"))) state = str(w, p, "status.reason", 80);
  else if (scheduled) state = "Unschedulable";
  jsw_obj(j), jsw_kstr(j, "name", str(w, p, "metadata.name", 253)), jsw_kstr(j, "phase", phase), jsw_kstr(j, "state", state ? state : phase), jsw_kstr(j, "ready", arena_fmt(w->a, "%d/%d", ready, all)), jsw_ki64(j, "restarts", restarts);
  jsw_kbool(j, "ok", !kube_is_deleting(p) && (streq(phase, "Succeeded") || (all && ready == all))), jsw_kstr(j, "node", str(w, p, "spec.nodeName", 253)), jsw_kstr(j, "created", str(w, p, "metadata.creationTimestamp", 40));
  jsw_kstr(j, "message", message), jsw_kraw(j, "containers", b.failed ? "[]" : b.p), jsw_end_obj(j);
}

static void workload(struct work *w, const struct known *k, struct jsw *j, const js *x, const char *kind) {
  struct workload l;
  kube_workload(x, kind, &l);
  jsw_obj(j), jsw_kstr(j, "kind", kind), jsw_kstr(j, "name", str(w, x, "metadata.name", 253)), jsw_ki64(j, "wanted", l.wanted), jsw_ki64(j, "ready", l.ready), jsw_kbool(j, "ok", l.available);
  jsw_kstr(j, "message", clean(w, k, l.problem_message)), jsw_end_obj(j);
}
static void claim(struct work *w, struct jsw *j, const js *x) {
  const char *has = str(w, x, "status.capacity.storage", 40);
  jsw_obj(j), jsw_kstr(j, "name", str(w, x, "metadata.name", 253)), jsw_kstr(j, "state", str(w, x, "status.phase", 40)), jsw_kbool(j, "ok", streq(js_str(x, "status.phase"), "Bound"));
  jsw_kstr(j, "size", *has ? has : str(w, x, "spec.resources.requests.storage", 40)), jsw_kstr(j, "class", str(w, x, "spec.storageClassName", 253)), jsw_end_obj(j);
}

/* --- events: of the objects seen, and of pods and replica sets of theirs that are gone already --- */
static bool concerns(const struct work *w, const char *object) {
  static const char *const OF[] = {"workloads", "pods", "claims"};
  for (size_t k = 0; k < sizeof OF / sizeof *OF; k++) {
    const js *v = js_arr(w->memo, OF[k]);
    for (size_t i = 0; i < js_len(v); i++) {
      const char *name = nn(js_str(js_item(v, i), "name"));
      size_t n = strlen(name);
      if (n && !strncmp(object, name, n) && (!object[n] || (!k && object[n] == '-'))) return true;
    }
  }
  return false;
}
static const char *when(const js *x) {
  static const char *const AT[] = {"series.lastObservedTime", "lastTimestamp", "eventTime", "metadata.creationTimestamp"};
  for (size_t i = 0; i < sizeof AT / sizeof *AT; i++)
    if (*nn(js_str(x, AT[i]))) return js_str(x, AT[i]);
  return "";
}
static void events(struct work *w, const struct known *k, struct jsw *j, const js *items) {
  const js *top[EVENTS];
  size_t n = 0;
  for (size_t i = 0; i < js_len(items) && i < EVENTS_READ; i++) {
    const js *x = js_item(items, i);
    size_t at = n;
    if (!concerns(w, nn(js_str(x, "involvedObject.name")))) continue;
    while (at && strcmp(when(top[at - 1]), when(x)) < 0) at--;
    if (at >= EVENTS) continue;
    if (n < EVENTS) n++;
    memmove(top + at + 1, top + at, (n - 1 - at) * sizeof *top), top[at] = x;
  }
  for (size_t i = 0; i < n; i++) {
    int64_t count = js_int(top[i], "series.count", js_int(top[i], "count", 1));
    jsw_obj(j), jsw_kstr(j, "reason", str(w, top[i], "reason", 80)), jsw_kstr(j, "object", arena_fmt(w->a, "%s/%s", str(w, top[i], "involvedObject.kind", 60), str(w, top[i], "involvedObject.name", 253)));
    jsw_kstr(j, "message", clean(w, k, js_str(top[i], "message"))), jsw_ki64(j, "count", count < 1 ? 1 : count), jsw_kstr(j, "last", str_excerpt(w->a, when(top[i]), strlen(when(top[i])), 40)), jsw_end_obj(j);
  }
}

static void left_out(struct work *w, const char *what, const struct err *why) {
  struct buf b;
  struct jsw j;
  list_begin(w, &b, &j, "left");
  jsw_obj(&j), jsw_kstr(&j, "what", what), jsw_kstr(&j, "class", text_key(why->key)), jsw_kraw(&j, "args", text_args_json(w->a, err_text(why))), jsw_end_obj(&j), jsw_end_arr(&j);
  keep(w, "left", &b);
}

static void take(struct work *w, const struct known *k, int list, const js *v) {
  const js *items = js_arr(v, "items");
  const char *member = list == L_SETS ? "workloads" : LISTS[list].what;
  size_t most = list == L_PODS ? PODS : list == L_CLAIMS ? CLAIMS : LOADS;
  struct buf b;
  struct jsw j;
  list_begin(w, &b, &j, member);
  if (list == L_EVENTS) events(w, k, &j, items);
  for (size_t i = 0; list != L_EVENTS && i < js_len(items) && i < most; i++) {
    const js *x = js_item(items, i);
    if (list == L_PODS) pod(w, k, &j, x);
    else if (list == L_CLAIMS) claim(w, &j, x);
    else workload(w, k, &j, x, LISTS[list].kind);
  }
  jsw_end_arr(&j);
  keep(w, member, &b);
  if (list != L_EVENTS && (js_len(items) > most || *nn(js_str(v, "metadata.continue")))) js_set_bool(w->memo, "more", true);
}

static enum outcome lists_d(struct work *w, const struct reply *r, struct err *e) {
  int i = (int)memo_int(w, "at");
  const js *v = NULL;
  struct known k;
  if (i < 0 || i >= N_LISTS) return OUT_DONE;
  enum kube_verdict verdict = kube_read(w->a, r, LISTS[i].kind, &v, e);
  if (verdict != KUBE_DONE && (r->fail != REPLY_OK || verdict == KUBE_UNAUTHORIZED || (verdict == KUBE_RETRY && i == L_PODS))) return OUT_FAIL; /* a person is waiting: the first answer counts */
  if (verdict != KUBE_DONE) left_out(w, LISTS[i].what, e), err_clear(e);
  else {
    bool ok = know_all(w, &k, e);
    if (ok) take(w, &k, i, v);
    forget(&k);
    if (!ok) return OUT_FAIL;
  }
  js_set_int(w->memo, "at", i + 1);
  return OUT_MORE;
}

static enum outcome shown_q(struct work *w, struct call *c, struct err *e) {
  static const char *const MEMBERS[] = {"pods", "workloads", "claims", "events", "left"};
  js *res = js_new(w->a), *none = NULL;
  (void)c;
  if (!js_parse(w->a, "[]", 2, 2, &none, e)) return OUT_FAIL;
  js_set_str(res, "namespace", space(w)), js_set_bool(res, "more", js_bool(w->memo, "more", false));
  for (size_t i = 0; i < sizeof MEMBERS / sizeof *MEMBERS; i++) {
    const js *v = js_arr(w->memo, MEMBERS[i]);
    js_set_copy(res, MEMBERS[i], v ? v : none), js_set_copy(w->memo, MEMBERS[i], NULL);
  }
  js_set_copy(w->memo, "result", res);
  return OUT_DONE;
}
static const struct step WATCH[] = {
    {"look", lists_q, lists_d, EFFECT_READ, 0, 1, 30, NULL, NULL},
    {"shown", shown_q, NULL, EFFECT_NONE, 0, 1, 12, NULL, NULL},
};
const struct workflow WF_PARTY_WORKLOADS = {"party_workloads", "probe", WATCH, 2, 60, load_any, NULL, NULL};
const struct workflow WF_ENDPOINT_WORKLOADS = {"endpoint_workloads", "probe", WATCH, 2, 60, load_any, NULL, NULL};

/* --- the log of one container: first whether the pod is ours, then its text --- */
enum { LOG_MAX = 256 << 10 };

static enum outcome pod_q(struct work *w, struct call *c, struct err *e) {
  const char *name = nn(js_str(w->input, "pod"));
  if (!managed(w, e)) return OUT_FAIL;
  if (!name_dns(name)) return err_set(e, FAIL_INVALID, MSG_LOG_NAME, name), OUT_FAIL;
  *c = kube_get(w->a, wf_ref("v1", "Pod", space(w), name));
  return OUT_CALL;
}

/* The one asked for; otherwise the one that has most to tell: the first that is not ready. */
static const char *choose(struct work *w, const js *p, const char *wanted, const js **status) {
  const char *chosen = NULL;
  for (int part = 0; part < 2; part++) {
    const js *spec = js_arr(p, part ? "spec.containers" : "spec.initContainers"), *all = js_arr(p, part ? "status.containerStatuses" : "status.initContainerStatuses");
    for (size_t i = 0; i < js_len(spec); i++) {
      const char *name = nn(js_str(js_item(spec, i), "name"));
      const js *s = named(all, name);
      bool done = part ? js_bool(s, "ready", false) : js_int(s, "state.terminated.exitCode", 1) == 0;
      if (*wanted ? streq(name, wanted) : !done && js_obj(s, "state.waiting") == NULL) return *status = s, name;
      if (!*wanted && part && !chosen) chosen = name, *status = s;
    }
  }
  (void)w;
  return chosen;
}
static enum outcome pod_d(struct work *w, const struct reply *r, struct err *e) {
  const char *name = nn(js_str(w->input, "pod")), *wanted = nn(js_str(w->input, "container"));
  const js *p = NULL, *status = NULL;
  if (kube_read(w->a, r, arena_fmt(w->a, "Pod %s/%s", space(w), name), &p, e) != KUBE_DONE) return OUT_FAIL;
  if (!is_ours(w, p)) return err_set(e, FAIL_NOT_FOUND, MSG_LOG_FOREIGN, name, owner(w)), OUT_FAIL;
  const char *container = choose(w, p, wanted, &status);
  if (!container || !name_dns_label(container)) return err_set(e, FAIL_NOT_FOUND, MSG_LOG_CONTAINER, name, wanted), OUT_FAIL;
  const js *last = js_obj(status, "lastState.terminated"), *waits = js_obj(status, "state.waiting");
  bool previous = js_bool(w->input, "previous", false);
  if (previous && !last) return err_set(e, FAIL_NOT_FOUND, MSG_LOG_NO_PREVIOUS, container), OUT_FAIL;
  if (!previous && (!status || waits)) {
    if (!last) return err_set(e, FAIL_CONFLICT, MSG_LOG_NOT_STARTED, container, str(w, waits, "reason", 80)), OUT_FAIL;
    previous = true; /* between two runs: what the last one said is what there is */
  }
  struct buf b;
  struct jsw j;
  buf_init(&b, w->a, 32 << 10), jsw_init(&j, &b), jsw_arr(&j);
  for (int part = 0; part < 2; part++) {
    const js *spec = js_arr(p, part ? "spec.containers" : "spec.initContainers");
    for (size_t i = 0; i < js_len(spec) && i < CONTAINERS; i++) jsw_str(&j, str(w, js_item(spec, i), "name", 63));
  }
  jsw_end_arr(&j);
  keep(w, "containers", &b);
  js_set_str(w->memo, "container", container), js_set_bool(w->memo, "previous", previous), js_set_bool(w->memo, "has_previous", last != NULL);
  int64_t lines = js_int(w->input, "lines", INSPECT_LINES);
  js_set_int(w->memo, "lines", lines < 1 ? 1 : lines > INSPECT_LINES_MAX ? INSPECT_LINES_MAX : lines);
  return OUT_DONE;
}

static enum outcome log_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  *c = kube_pod_log(w->a, space(w), nn(js_str(w->input, "pod")), memo_str(w, "container"), (int)memo_int(w, "lines"), js_bool(w->memo, "previous", false));
  return OUT_CALL;
}
/* Valid UTF-8, at most LOG_MAX bytes; the newest lines are kept. */
static const char *bounded(struct work *w, const char *s, bool *cut) {
  size_t n = strlen(s), o = 0;
  if (n > LOG_MAX) {
    const char *line = strchr(s + n - LOG_MAX, '\n');
    s = line ? line + 1 : s + n - LOG_MAX, n = strlen(s), *cut = true;
  }
  char *d = arena_alloc(w->a, n + 1);
  for (size_t i = 0; i < n;) {
    size_t k = str_utf8_seq(s + i, n - i);
    if (!k) d[o++] = '?', i++;
    else memcpy(d + o, s + i, k), o += k, i += k;
  }
  return d;
}
static enum outcome log_d(struct work *w, const struct reply *r, struct err *e) {
  int64_t lines = memo_int(w, "lines");
  const char *pod_name = nn(js_str(w->input, "pod")), *container = memo_str(w, "container");
  if (r->fail != REPLY_OK || r->status != 200) {
    if (kube_read(w->a, r, arena_fmt(w->a, "Pod %s/%s", space(w), pod_name), NULL, e) == KUBE_DONE) err_set(e, FAIL_UPSTREAM, MSG_LOG_NONE, container);
    return OUT_FAIL;
  }
  bool cut = r->n >= LOG_MAX;
  if (cut && lines > 1) return js_set_int(w->memo, "lines", lines / 4 > 1 ? lines / 4 : 1), js_set_bool(w->memo, "fewer", true), OUT_MORE; /* the limit takes the newest lines away: fewer of them */
  struct known k;
  if (!know_all(w, &k, e)) return forget(&k), OUT_FAIL;
  const char *text = redact(w->a, r->body, r->n, k.v, k.n);
  forget(&k);
  js *res = js_new(w->a);
  text = bounded(w, text, &cut);
  js_set_str(res, "pod", pod_name), js_set_str(res, "container", container), js_set_copy(res, "containers", js_arr(w->memo, "containers")), js_set_bool(res, "previous", js_bool(w->memo, "previous", false));
  js_set_bool(res, "has_previous", js_bool(w->memo, "has_previous", false)), js_set_int(res, "lines", lines), js_set_bool(res, "cut", cut || js_bool(w->memo, "fewer", false)), js_set_str(res, "text", text);
  js_set_copy(w->memo, "result", res);
  return event_add(w->db, w->a, w->subject, w->has_party ? w->party.type + 1 : ENTITY_ENDPOINT, 0, false, nn(w->actor), TEXT(MSG_EVENT_LOG_READ, pod_name, container), e) ? OUT_DONE : OUT_FAIL;
}
static const struct step POD_LOG[] = {
    {"pod", pod_q, pod_d, EFFECT_READ, 0, 1, 12, NULL, NULL},
    {"log", log_q, log_d, EFFECT_READ, 0, 1, 30, NULL, NULL},
};
const struct workflow WF_POD_LOG = {"pod_log", "probe", POD_LOG, 2, 60, load_any, NULL, NULL};
