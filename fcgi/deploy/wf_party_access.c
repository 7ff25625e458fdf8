/* Addresses, ingresses, routes, and the end of a creation (reference 20 sections 7, 10). */
#include "deploy/op.h"
#include "deploy/values.h"
#include "deploy/wf_party.h"

#define DONE_IF(x) ((x) ? OUT_DONE : OUT_FAIL)

struct wanted_service { const char *key, *service, *port; bool fallback, tls; };
static const struct wanted_service EXCHANGE[] = {{"nginx", "nginx", "http", false, false}, {"traffic-server", "traffic-server", "443", false, true}};
static const struct wanted_service CLUSTER[] = {{"nginx", "nginx", "http", false, false}, {"pulsar-public-tls", "pulsar-public-tls", "tls-port", true, true}};
static const struct wanted_service *service(const struct work *w, int64_t i) { return i > 1 ? NULL : w->party.type == TYPE_EXCHANGE ? &EXCHANGE[i] : &CLUSTER[i]; }

static const char *fqdn(struct work *w, const struct wanted_service *s) {
  if (!s->tls) return "";
  if (w->party.type == TYPE_CLUSTER) return arena_fmt(w->a, "%ld.%s", w->party.party_id, w->party.domain);
  js *m = NULL;
  struct err ignored = ERR_INIT;
  const char *cn = js_parse(w->a, w->party.cert_modes, strlen(w->party.cert_modes), 65536, &m, &ignored) ? js_str(m, "proxy_server_cert_info.common_name") : NULL;
  return cn && *cn ? cn : arena_fmt(w->a, "proxy.%s", w->party.domain);
}

static bool put_access(struct work *w, const char *key, const char *type, const char *host, int port, bool tls, const char *name, struct err *e) {
  js *v = NULL;
  struct buf b;
  struct jsw j;
  if (!js_parse(w->a, w->party.access_info, strlen(w->party.access_info), 65536, &v, e)) return false;
  buf_init(&b, w->a, 65536), jsw_init(&j, &b), jsw_obj(&j);
  for (struct js_iter it = js_iter(v); js_next(&it);)
    if (!streq(it.key, key)) jsw_kraw(&j, it.key, js_dump(w->a, it.val));
  jsw_key(&j, key), jsw_obj(&j), jsw_kstr(&j, "service_type", type), jsw_kstr(&j, "host", host), jsw_ki64(&j, "port", port), jsw_kbool(&j, "tls", tls), jsw_kstr(&j, "fqdn", name), jsw_end_obj(&j), jsw_end_obj(&j);
  return participant_set(w->db, w->a, w->party.uuid, "access_info", b.p, e);
}

/* Next service, or the end of the step. */
static enum outcome next_service(struct work *w) {
  int64_t i = memo_int(w, "svc") + 1;
  js_set_int(w->memo, "svc", i), js_set_str(w->memo, "node_port", NULL);
  return service(w, i) ? OUT_MORE : OUT_DONE;
}

enum outcome p_services_q(struct work *w, struct call *c, struct err *e) {
  const struct wanted_service *s = service(w, memo_int(w, "svc"));
  const char *host;
  int port;
  if (!s) return OUT_DONE;
  w->fraction = (double)memo_int(w, "svc") / 2;
  if (streq(s->key, "pulsar-public-tls") && !values_has_module(w->a, w->party.deployment_yaml, "pulsar")) {
    if (!values_external_pulsar(w->a, w->party.deployment_yaml, &host, &port)) return err_set(e, FAIL_INVALID, MSG_PARTY_NO_PULSAR), OUT_FAIL;
    return put_access(w, s->key, "External", host, port, true, fqdn(w, s), e) ? next_service(w) : OUT_FAIL;
  }
  if (memo_int(w, "node_port")) *c = kube_list(w->a, "v1", "Node", "", NULL, NULL, 200, NULL);
  else *c = kube_get(w->a, wf_ref("v1", "Service", w->party.namespace_, s->service));
  return OUT_CALL;
}
static enum outcome by_node(struct work *w, const struct wanted_service *s, const struct reply *r, struct err *e) {
  const js *nodes = NULL;
  struct err why = ERR_INIT;
  const char *host = NULL;
  enum kube_verdict v = kube_read(w->a, r, "Nodes", &nodes, &why);
  if (v == KUBE_RETRY) return *e = why, err_set_at(e, why.kind, why.key, why.file, why.line, (const char *const[]){NULL}, 0), OUT_RETRY;
  if (v == KUBE_DONE) host = kube_node_address(nodes);
  if (!host) { /* nodes may not be listed: the API server's own host is the best guess */
    const char *p = strstr(w->infra.api_host, "://");
    p = p ? p + 3 : w->infra.api_host;
    host = *p == '[' ? arena_strndup(w->a, p + 1, strcspn(p + 1, "]")) : arena_strndup(w->a, p, strcspn(p, ":/"));
  }
  return put_access(w, s->key, "NodePort", host, (int)memo_int(w, "node_port"), s->tls, fqdn(w, s), e) ? next_service(w) : OUT_FAIL;
}
enum outcome p_services_d(struct work *w, const struct reply *r, struct err *e) {
  const struct wanted_service *s = service(w, memo_int(w, "svc"));
  const js *svc = NULL;
  struct service_port p;
  if (memo_int(w, "node_port")) return by_node(w, s, r, e);
  enum outcome o = wf_kube(w, r, arena_fmt(w->a, "Service %s", s->service), false, &svc, e);
  if (o != OUT_DONE) return o == OUT_FAIL && e->kind == FAIL_NOT_FOUND ? OUT_RETRY : o;
  kube_service_port(svc, s->port, &p);
  if (!p.found) return err_set(e, FAIL_UPSTREAM, MSG_PARTY_NO_PORT, s->service, s->port), OUT_FAIL;
  bool lb = streq(p.type, "LoadBalancer");
  if (lb && *nn(p.lb_host)) return put_access(w, s->key, "LoadBalancer", p.lb_host, p.port, s->tls, fqdn(w, s), e) ? next_service(w) : OUT_FAIL;
  long age = (long)((w->now - w->step_started) / 1000000);
  bool give_up = s->fallback && age > (w->party.service_type == SERVICE_NODEPORT ? 4 : 100);
  if (lb && !(give_up && p.node_port)) return work_evidence(w, "loadbalancer", TEXT(MSG_CAUSE_LOADBALANCER, s->service), e) ? OUT_WAIT : OUT_FAIL;
  if (p.node_port) return js_set_int(w->memo, "node_port", p.node_port), OUT_MORE;
  return put_access(w, s->key, "ClusterIP", nn(p.cluster_ip), p.port, s->tls, fqdn(w, s), e) ? next_service(w) : OUT_FAIL;
}

/* --- ingresses: best effort --- */
static const char **ingress_keys(struct work *w, size_t *n) {
  const char **v = NULL;
  *n = 0;
  return values_ingress_keys(w->a, w->party.deployment_yaml, &v, n) ? v : NULL;
}
enum { INGRESS_PATIENCE_US = 60 * 1000000 };
static bool has_ingress_class(struct work *w) {
  js *facts = NULL;
  struct err ignored = ERR_INIT;
  return js_parse(w->a, w->infra.facts, strlen(w->infra.facts), 1 << 20, &facts, &ignored) && js_len(js_arr(facts, "ingress_classes")) > 0;
}
enum outcome p_ingresses_q(struct work *w, struct call *c, struct err *e) {
  size_t n, i = (size_t)memo_int(w, "ing");
  const char **k = ingress_keys(w, &n);
  (void)e;
  if (!n) return OUT_SKIP;
  if (i >= n) return OUT_DONE;
  *c = kube_get(w->a, wf_ref("networking.k8s.io/v1", "Ingress", w->party.namespace_, k[i]));
  return OUT_CALL;
}
enum outcome p_ingresses_d(struct work *w, const struct reply *r, struct err *e) {
  size_t n, i = (size_t)memo_int(w, "ing");
  const char **k = ingress_keys(w, &n);
  const js *o = NULL;
  enum outcome res = wf_kube(w, r, arena_fmt(w->a, "Ingress %s", k[i]), true, &o, e);
  if (res != OUT_DONE && res != OUT_SKIP) return res;
  struct ingress x = {0};
  if (res == OUT_DONE) kube_ingress(w->a, o, &x);
  /* A controller needs some seconds; without one there is nothing to wait for. */
  if (res == OUT_DONE && !x.n_addresses && has_ingress_class(w) && w->now - w->step_started < INGRESS_PATIENCE_US)
    return work_evidence(w, "ingress", TEXT(MSG_CAUSE_INGRESS, k[i]), e) ? OUT_WAIT : OUT_FAIL;
  if (res == OUT_DONE && !x.n_addresses && has_ingress_class(w) && !work_event(w, true, TEXT(MSG_EVENT_NO_INGRESS, k[i]), e)) return OUT_FAIL;
  js_set_int(w->memo, "ing", (int64_t)i + 1);
  if (res == OUT_DONE) {
    struct buf b;
    struct jsw j;
    js *old = NULL;
    const char *was = *memo_str(w, "ings") ? memo_str(w, "ings") : w->party.ingress_info ? w->party.ingress_info : "{}";
    if (!js_parse(w->a, was, strlen(was), 65536, &old, e)) return OUT_FAIL;
    buf_init(&b, w->a, 65536), jsw_init(&j, &b), jsw_obj(&j);
    for (struct js_iter it = js_iter(old); js_next(&it);)
      if (!streq(it.key, k[i])) jsw_kraw(&j, it.key, js_dump(w->a, it.val));
    jsw_key(&j, k[i]), jsw_obj(&j), jsw_key(&j, "hosts"), jsw_arr(&j);
    for (size_t h = 0; h < x.n_hosts; h++) jsw_str(&j, x.hosts[h]);
    jsw_end_arr(&j), jsw_key(&j, "addresses"), jsw_arr(&j);
    for (size_t h = 0; h < x.n_addresses; h++) jsw_str(&j, x.addresses[h]);
    jsw_end_arr(&j), jsw_kbool(&j, "tls", x.tls), jsw_end_obj(&j), jsw_end_obj(&j);
    js_set_str(w->memo, "ings", b.p);
  }
  if (i + 1 < n) return OUT_MORE;
  if (*memo_str(w, "ings") && !participant_set(w->db, w->a, w->party.uuid, "ingress_info", memo_str(w, "ings"), e)) return OUT_FAIL;
  js_set_str(w->memo, "ings", NULL);
  return OUT_DONE;
}

/* --- routes --- */
bool route_seen(struct work *w, const struct participant *p, const char *seen_json) {
  js *seen = NULL, *acc = NULL;
  struct err ignored = ERR_INIT;
  if (!js_parse(w->a, seen_json, strlen(seen_json), 1 << 20, &seen, &ignored) || !js_parse(w->a, p->access_info, strlen(p->access_info), 65536, &acc, &ignored)) return false;
  const js *x = js_at(seen, arena_fmt(w->a, "%ld", p->party_id));
  const char *http = arena_fmt(w->a, "%s:%lld", nn(js_str(acc, "nginx.host")), (long long)js_int(acc, "nginx.port", 0));
  const char *sni = arena_fmt(w->a, "%s:%lld", nn(js_str(acc, "pulsar-public-tls.host")), (long long)js_int(acc, "pulsar-public-tls.port", 0));
  return x && streq(js_str(x, "http"), http) && streq(js_str(x, "sni"), sni);
}

/* The live push, whether it may be replaced (after a failure 10 s, doubled with each that failed before it lately), and why it failed. */
static const struct stmt Q_PUSH_STATE = {"wf_push_state",
    "select state, coalesce(ended_at < now() - interval '10 seconds' * (1 << least(4, (select count(*) from operation s where s.subject_type = 'exchange_routes' and s.subject = $1 and s.state = 'superseded' "
    "and s.created_at > now() - interval '10 minutes'))::int), false), error_class, error_args from operation where subject_type = 'exchange_routes' and subject = $1 and state in ('queued', 'running', 'failed')"};
const struct stmt *const STMTS_ROUTES[] = {&Q_PUSH_STATE, NULL};

/* *there: one is live, or has failed just now. */
static bool push_state(struct work *w, struct text *opt_failed, bool *there, bool *any, struct err *e) {
  struct rows r;
  if (opt_failed) *opt_failed = TEXT(MSG_NONE);
  if (!db_query(w->db, w->a, &Q_PUSH_STATE, &r, e, w->exchange.uuid.s)) return false;
  bool failed = r.n && streq(row_text(&r, 0, 0), "failed");
  if (failed && opt_failed) *opt_failed = text_stored(w->a, row_text(&r, 0, 2), row_text(&r, 0, 3));
  *any = r.n > 0, *there = r.n && (!failed || !row_bool(&r, 0, 1));
  return true;
}

bool routes_push_ensure(struct work *w, struct text *opt_failed, struct err *e) {
  bool there, any;
  if (!push_state(w, opt_failed, &there, &any, e)) return false;
  if (there) return true; /* the usual case costs no lock */
  if (!op_lock_live(w->db, w->a, w->exchange.uuid, e) || !op_lock(w->db, w->a, w->exchange.uuid, e) || !push_state(w, opt_failed, &there, &any, e)) return false;
  if (there) return true;
  struct op_hold h[] = {{w->exchange.uuid, false}};
  struct op_new o = {.workflow = "routes_push", .subject_type = "exchange_routes", .subject = w->exchange.uuid, .subject_name = w->exchange.name, .federation = w->exchange.federation_uuid, .actor = w->actor ? w->actor : "FedLCM", .input_json = "{}",
                     .holds = h, .n_holds = 1, .supersede = any};
  return op_insert(w->db, w->a, &o, NULL, e);
}

enum outcome p_routes_q(struct work *w, struct call *c, struct err *e) {
  const char *json;
  (void)json;
  if (w->party.type == TYPE_EXCHANGE) return routes_read_q(w, c);
  if (!w->has_exchange || !w->exchange.is_managed) return OUT_SKIP;
  if (route_seen(w, &w->party, w->exchange.routes_seen)) return DONE_IF(work_event(w, false, TEXT(MSG_EVENT_ROUTED, num_text((char[24]){0}, w->party.party_id)), e));
  struct text failed;
  if (!routes_push_ensure(w, &failed, e) || !work_evidence(w, "routes", failed.key == MSG_NONE ? TEXT(MSG_CAUSE_ROUTES, w->exchange.name) : failed, e)) return OUT_FAIL;
  return w->wait_ms = 1000, OUT_WAIT; /* the push wakes us */
}
enum outcome p_routes_d(struct work *w, const struct reply *r, struct err *e) {
  const char *json = NULL;
  enum outcome o = routes_read_d(w, r, &json, e);
  return o == OUT_DONE ? DONE_IF(participant_set(w->db, w->a, w->party.uuid, "routes_seen", json, e)) : o;
}

enum outcome p_active_q(struct work *w, struct call *c, struct err *e) {
  bool changed;
  (void)c;
  return DONE_IF(participant_set_status(w->db, w->a, w->party.uuid, 1u << PARTY_INSTALLING | 1u << PARTY_FAILED | 1u << PARTY_RECONFIGURING, PARTY_ACTIVE, "", "[]", &changed, e) &&
                 wf_check_begin(w, "participant", w->party.uuid, "participant_check", e) && work_event(w, false, TEXT(MSG_EVENT_ACTIVE, w->party.name), e));
}

/* --- the exchange's ConfigMaps --- */
enum outcome routes_read_q(struct work *w, struct call *c) {
  *c = kube_get(w->a, wf_ref("v1", "ConfigMap", w->exchange.namespace_, streq(memo_str(w, "cm"), "nginx") ? "nginx-config" : "traffic-server-sni"));
  return OUT_CALL;
}
static const char *datum(const js *cm, const char *key) {
  for (struct js_iter it = js_iter(js_obj(cm, "data")); js_next(&it);)
    if (streq(it.key, key)) return nn(js_self_str(it.val));
  return "";
}
enum outcome routes_read_d(struct work *w, const struct reply *r, const char **json, struct err *e) {
  const js *cm = NULL;
  bool second = streq(memo_str(w, "cm"), "nginx");
  enum outcome o = wf_kube(w, r, second ? "ConfigMap nginx-config" : "ConfigMap traffic-server-sni", false, &cm, e);
  if (o != OUT_DONE) return o;
  if (!second) {
    js_set_str(w->memo, "cm", "nginx"), js_set_str(w->memo, "sni_yaml", datum(cm, "sni.yaml"));
    return OUT_MORE;
  }
  js_set_str(w->memo, "cm", NULL);
  bool ok = values_observed(w->a, memo_str(w, "sni_yaml"), datum(cm, "route_table.yaml"), w->exchange.domain, json, e);
  js_set_str(w->memo, "sni_yaml", NULL);
  return ok ? OUT_DONE : OUT_FAIL;
}
