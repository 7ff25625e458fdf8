/* Contract: clusters.h. */
#include "clusters.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/js.h"
#include "codec/yml.h"

enum { BUCKETS = 1024, BODY_MAX = 8 << 20, PAD = 1800 /* managedFields and the like of one object */, UPDATE_MS = 300, UPDATE_SHOWS_MS = 120 };
struct object { struct object *next; char *path, *doc; int uid; };
struct release { char *name, *ns; bool exchange; int restarts, job; char *sni, *table; /* ConfigMaps as they are once `update` shows */ char *next_sni, *next_table; int64_t shows_at; };
struct job { int release; bool update; int64_t began; int ms; };
struct cluster { int number, n_rel, n_jobs, uids; struct object *o[BUCKETS]; struct release *rel; struct job *job; };
static struct cluster *all[256];
static int n_all, job_min = 60000, job_max = 180000, installs, doubled, refused;
static long calls;
static char pad[PAD + 1];

void clusters_job_time(int min_ms, int max_ms) { job_min = min_ms, job_max = max_ms; }

struct cluster *cluster_new(int number) {
  struct cluster *c = calloc(1, sizeof *c);
  BUG_ON(!c || n_all >= (int)(sizeof all / sizeof *all));
  c->number = number;
  memset(pad, 'x', PAD);
  return all[n_all++] = c;
}

static void say(struct answer *out, int status, const char *body) { *out = (struct answer){status, body, strlen(body)}; }
static void kube_status(struct arena *a, struct answer *out, int code, const char *reason, const char *message) {
  say(out, code, arena_fmt(a, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"%s\",\"code\":%d,\"reason\":\"%s\",\"message\":\"%s\"}", code < 300 ? "Success" : "Failure", code, reason, message));
}

/* --- the modules of a chart; each is ready at its share of the job's time --- */
static const char *const CLUSTER[] = {"nginx", "client", "clustermanager", "fateboard", "python", "mysql", "pulsar", "nodemanager"}, *const EXCHANGE[] = {"nginx", "traffic-server"};
enum { DEPLOYMENTS = 4 };
static int modules(const struct release *r) { return r->exchange ? 2 : 8; }
static const char *module(const struct release *r, int i) { return r->exchange ? EXCHANGE[i] : CLUSTER[i]; }
static bool module_up(const struct cluster *c, const struct release *r, int i, int64_t now) {
  const struct job *j = &c->job[r->job];
  return now - j->began >= (int64_t)j->ms * (i + 1) / modules(r);
}

/* --- objects --- */
static struct object **bucket(struct cluster *c, const char *path) {
  unsigned h = 5381;
  for (const char *p = path; *p; p++) h = h * 33 + (unsigned char)*p;
  return &c->o[h % BUCKETS];
}
static struct object *object(struct cluster *c, const char *path) {
  for (struct object *o = *bucket(c, path); o; o = o->next)
    if (streq(o->path, path)) return o;
  return NULL;
}
/* The document as applied, with the server's members in its metadata. */
static void show(struct arena *a, const struct object *o, int status, struct answer *out) {
  static const char KEY[] = "\"metadata\":{";
  const char *at = strstr(o->doc, KEY);
  if (!at) { say(out, status, o->doc); return; }
  at += strlen(KEY);
  say(out, status, arena_fmt(a, "%.*s\"uid\":\"uid-%d\",\"resourceVersion\":\"%d\",\"annotations\":{\"pad\":\"%s\"},%s", (int)(at - o->doc), o->doc, o->uid, o->uid, pad, at));
}
static void apply(struct cluster *c, struct arena *a, const char *path, const char *body, struct answer *out) {
  struct object *o = object(c, path);
  bool fresh = !o;
  if (fresh) {
    struct object **at = bucket(c, path);
    o = calloc(1, sizeof *o);
    BUG_ON(!o);
    o->path = strdup(path), o->uid = ++c->uids, o->next = *at, *at = o;
  }
  free(o->doc), o->doc = strdup(body);
  show(a, o, fresh ? 201 : 200, out);
}

/* --- workloads and pods of the release in a namespace --- */
static struct release *in_namespace(struct cluster *c, struct arena *a, const char *path) {
  const char *p = strstr(path, "/namespaces/");
  if (!p) return NULL;
  p += strlen("/namespaces/");
  const char *ns = arena_strndup(a, p, strcspn(p, "/?"));
  for (int i = 0; i < c->n_rel; i++)
    if (streq(c->rel[i].ns, ns)) return &c->rel[i];
  return NULL;
}
static void list(struct cluster *c, struct arena *a, char *path, int64_t now, struct answer *out) {
  struct release *r = in_namespace(c, a, path);
  bool pods = strstr(path, "/pods?"), sets = strstr(path, "/statefulsets?");
  struct buf b;
  buf_init(&b, a, BODY_MAX), buf_fmt(&b, "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"%lld\"},\"items\":[", (long long)now);
  for (int i = 0, n = 0; r && i < modules(r); i++) {
    bool up = module_up(c, r, i, now);
    if (!pods && sets != (i >= DEPLOYMENTS)) continue;
    buf_fmt(&b, "%s{\"metadata\":{\"name\":\"%s%s\",\"namespace\":\"%s\",\"generation\":1,\"uid\":\"u%05d-%d\",\"labels\":{\"name\":\"%s\",\"fateMoudle\":\"%s\"},\"annotations\":{\"pad\":\"%s\"}},", n++ ? "," : "", module(r, i), pods ? "-7d9c5b6f4-x2x4z" : "",
            r->ns, pods && streq(module(r, i), "traffic-server") ? r->restarts : 0, i, r->name, module(r, i), pad);
    if (!pods) buf_fmt(&b, "\"spec\":{\"replicas\":1},\"status\":{\"observedGeneration\":1,\"replicas\":1,\"readyReplicas\":%d,\"updatedReplicas\":1,\"availableReplicas\":%d}}", up, up);
    else buf_fmt(&b, "\"spec\":{\"nodeName\":\"n1\"},\"status\":{\"phase\":\"%s\",\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"True\"},{\"type\":\"Ready\",\"status\":\"%s\"}],\"containerStatuses\":[{\"name\":\"%s\",\"ready\":%s,\"restartCount\":0,\"state\":%s}]}}",
                 up ? "Running" : "Pending", up ? "True" : "False", module(r, i), up ? "true" : "false", up ? "{\"running\":{\"startedAt\":\"2026-01-01T00:00:00Z\"}}" : "{\"waiting\":{\"reason\":\"ContainerCreating\"}}");
  }
  buf_str(&b, "]}");
  *out = (struct answer){200, b.p, b.n};
}
static void helm(struct cluster *c, struct arena *a, char *path, struct answer *out) {
  struct release *r = in_namespace(c, a, path);
  if (!r) { say(out, 200, "{\"items\":[]}"); return; }
  say(out, 200, arena_fmt(a, "{\"items\":[{\"metadata\":{\"name\":\"sh.helm.release.v1.%s.v1\",\"uid\":\"h-%s\",\"labels\":{\"owner\":\"helm\",\"name\":\"%s\",\"status\":\"deployed\",\"version\":\"1\"}}}]}", r->name, r->name, r->name));
}
static void config_map(struct arena *a, const char *key, const char *text, struct answer *out) {
  struct buf b;
  buf_init(&b, a, BODY_MAX), buf_fmt(&b, "{\"metadata\":{\"name\":\"x\",\"uid\":\"cm\"},\"data\":{\"%s\":", key), buf_js(&b, text), buf_str(&b, "}}");
  *out = (struct answer){200, b.p, b.n};
}
static void service(struct cluster *c, struct arena *a, const struct release *r, const char *port, int number, struct answer *out) {
  say(out, 200, arena_fmt(a, "{\"metadata\":{\"name\":\"s\",\"uid\":\"s\"},\"spec\":{\"type\":\"NodePort\",\"clusterIP\":\"10.96.0.9\",\"ports\":[{\"name\":\"%s\",\"port\":%d,\"nodePort\":%d}]}}", port, number, 30000 + (int)(r - c->rel) * 4 + number % 3));
}

static const char KUBEFATE[] = "{\"metadata\":{\"name\":\"kubefate\",\"namespace\":\"kube-fate\",\"generation\":1,\"uid\":\"kf\"},\"spec\":{\"replicas\":1,\"template\":{\"spec\":{\"containers\":[{\"name\":\"kubefate\",\"image\":\"federatedai/kubefate:v1.4.5\",\"env\":["
  "{\"name\":\"FATECLOUD_USER_USERNAME\",\"value\":\"admin\"},{\"name\":\"FATECLOUD_USER_PASSWORD\",\"value\":\"admin\"}]}]}}},\"status\":{\"observedGeneration\":1,\"replicas\":1,\"readyReplicas\":1,\"updatedReplicas\":1,\"availableReplicas\":1}}";
static const char NODES[] = "{\"items\":[{\"metadata\":{\"name\":\"n1\"},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}],\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"10.%d.0.1\"}]}}]}";

static void tables(struct release *r, int64_t now) {
  if (!r->next_sni || now < r->shows_at) return;
  free(r->sni), free(r->table);
  r->sni = r->next_sni, r->table = r->next_table, r->next_sni = r->next_table = NULL;
}

static void get(struct cluster *c, struct arena *a, char *path, int64_t now, struct answer *out) {
  struct release *r = in_namespace(c, a, path);
  struct object *o;
  if (streq(path, "/version")) { say(out, 200, "{\"major\":\"1\",\"minor\":\"34\",\"gitVersion\":\"v1.34.4\"}"); return; }
  if (streq(path, "/apis/apps/v1/namespaces/kube-fate/deployments/kubefate")) { say(out, 200, KUBEFATE); return; }
  if (str_starts(path, "/api/v1/nodes")) { say(out, 200, arena_fmt(a, NODES, c->number)); return; }
  if (strstr(path, "/pods?") || strstr(path, "/deployments?") || strstr(path, "/statefulsets?")) { list(c, a, path, now, out); return; }
  if (strstr(path, "/secrets?") && strstr(path, "owner%3Dhelm")) { helm(c, a, path, out); return; }
  if (strchr(path, '?') || str_ends(path, "classes")) { say(out, 200, "{\"items\":[]}"); return; }
  if (r && str_ends(path, "/services/nginx")) { service(c, a, r, "http", 80, out); return; }
  if (r && str_ends(path, "/services/traffic-server")) { service(c, a, r, "443", 443, out); return; }
  if (r && str_ends(path, "/services/pulsar-public-tls")) { service(c, a, r, "tls-port", 6651, out); return; }
  if (r) tables(r, now);
  if (r && str_ends(path, "/configmaps/traffic-server-sni")) { config_map(a, "sni.yaml", r->sni, out); return; }
  if (r && str_ends(path, "/configmaps/nginx-config")) { config_map(a, "route_table.yaml", r->table, out); return; }
  if (r && strstr(path, "/ingresses/")) { say(out, 200, "{\"metadata\":{\"name\":\"i\"},\"spec\":{\"rules\":[{\"host\":\"i.example.com\"}]},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"10.0.0.9\"}]}}}"); return; }
  if ((o = object(c, path))) show(a, o, 200, out);
  else kube_status(a, out, 404, "NotFound", "not found");
}

/* --- KubeFATE --- */
static const char *id(struct arena *a, const struct cluster *c, char kind, int n) { return arena_fmt(a, "%08x-000%c-4000-8000-%012x", c->number + 1, kind, n); }
static int number_of(const char *uuid, int max) {
  long n = strlen(uuid) >= 36 ? strtol(uuid + 24, NULL, 16) : -1;
  return n >= 0 && n < max ? (int)n : -1;
}
static void job_text(struct cluster *c, struct arena *a, int n, int64_t now, struct buf *b) {
  const struct job *j = &c->job[n];
  const struct release *r = &c->rel[j->release];
  int64_t t = now - j->began;
  bool over = t >= j->ms;
  /* Pending, Running for some milliseconds, Pending while Helm works, Running with one look a second (FACTS.md). */
  const char *status = over ? "Success" : j->update ? "Running" : t < 30 || (t >= 80 && t < 300) ? "Pending" : "Running";
  buf_fmt(b, "{\"uuid\":\"%s\",\"start_time\":\"2026-01-01T00:00:00Z\",\"end_time\":\"%s\",\"method\":\"%s\",\"status\":\"%s\",\"creator\":\"admin\",\"cluster_id\":\"%s\",\"time_limit\":3600000000000,\"states\":[", id(a, c, 'a', n),
          over ? "2026-01-01T00:10:00Z" : "0001-01-01T00:00:00Z", j->update ? "ClusterUpdate" : "ClusterInstall", status, id(a, c, 'c', j->release));
  buf_fmt(b, "\"update job status to Running\",\"create Cluster in DB Success\",\"helm install Success\",\"checkout Cluster status [%d]\"%s],\"sub_jobs\":{", (int)((over ? j->ms : t) / 1000), over ? ",\"job run Success\"" : "");
  for (int i = 0; !j->update && i < modules(r); i++) {
    bool up = module_up(c, r, i, now);
    buf_fmt(b, "%s\"%s\":{\"ModuleName\":\"%s\",\"Status\":\"%s\",\"ModulesStatus\":\"%s\",\"StartTime\":\"2026-01-01T00:00:00Z\",\"EndTime\":\"0001-01-01T00:00:00Z\"}", i ? "," : "", module(r, i), module(r, i), up ? "Success" : "Running", up ? "Available" : "Progressing");
  }
  buf_fmt(b, "},\"meta_data\":{\"name\":\"%s\",\"namespace\":\"%s\"}}", r->name, r->ns);
}
static void kf_error(struct arena *a, const char *text, struct answer *out) { say(out, 500, arena_fmt(a, "{\"error\":\"%s\"}", text)); }
static void kf_list(struct cluster *c, struct arena *a, bool jobs, int64_t now, struct answer *out) {
  struct buf b;
  buf_init(&b, a, BODY_MAX), buf_str(&b, "{\"data\":[");
  for (int i = 0; jobs && i < c->n_jobs; i++) buf_str(&b, i ? "," : ""), job_text(c, a, i, now, &b);
  for (int i = 0; !jobs && i < c->n_rel; i++)
    buf_fmt(&b, "%s{\"uuid\":\"%s\",\"name\":\"%s\",\"namespaces\":\"%s\",\"chart_name\":\"fate\",\"status\":\"Running\"}", i ? "," : "", id(a, c, 'c', i), c->rel[i].name, c->rel[i].ns);
  buf_str(&b, "],\"msg\":\"\"}");
  *out = (struct answer){200, b.p, b.n};
}
static void one_job(struct cluster *c, struct arena *a, int n, int64_t now, struct answer *out) {
  struct buf b;
  buf_init(&b, a, BODY_MAX), buf_str(&b, "{\"data\":"), job_text(c, a, n, now, &b), buf_str(&b, ",\"msg\":\"\"}");
  *out = (struct answer){200, b.p, b.n};
}
static int new_job(struct cluster *c, int release, bool update, int ms, int64_t now) {
  c->job = realloc(c->job, (size_t)(c->n_jobs + 1) * sizeof *c->job);
  BUG_ON(!c->job);
  c->job[c->n_jobs] = (struct job){.release = release, .update = update, .began = now, .ms = ms};
  return c->n_jobs++;
}
/* The tables of an exchange's values as the chart writes them into its ConfigMaps. */
static bool take_routes(struct arena *a, struct release *r, const char *data, int64_t now) {
  unsigned char *text;
  size_t n;
  const struct yml *d;
  struct err e = ERR_INIT;
  struct buf s, t;
  if (!b64_decode(a, data, strlen(data), true, &text, &n) || !yml_parse(a, (char *)text, n, 1 << 20, &d, &e)) return false;
  const struct yml *sni = yml_at(d, "trafficServer.route_table.sni"), *table = yml_at(d, "nginx.route_table");
  buf_init(&s, a, BODY_MAX), buf_init(&t, a, BODY_MAX), buf_str(&s, "sni:\n"), buf_str(&t, "route_table:\n");
  for (size_t i = 0; sni && sni->kind == YML_SEQ && i < sni->n; i++) buf_fmt(&s, "- fqdn: %s\n  tunnel_route: %s\n", yml_str(sni->val[i], "fqdn"), yml_str(sni->val[i], "tunnelRoute"));
  for (size_t i = 0; table && table->kind == YML_MAP && i < table->n; i++) {
    const struct yml *f = yml_get(table->val[i], "fateflow")->val[0];
    buf_fmt(&t, "  %s:\n    fateflow:\n    - host: %s\n      http_port: %s\n", table->key[i]->s, yml_str(f, "host"), yml_str(f, "http_port"));
  }
  tables(r, now);
  free(r->next_sni), free(r->next_table);
  r->next_sni = strdup(s.p), r->next_table = strdup(t.p), r->shows_at = now + UPDATE_SHOWS_MS;
  return true;
}
static int install_ms(void) { return job_max <= job_min ? job_min : job_min + (int)((long)installs * 7919 % (job_max - job_min)); }
static void kf_write(struct cluster *c, struct arena *a, const char *method, const char *body, size_t n, int64_t now, struct answer *out) {
  js *v = NULL;
  struct err e = ERR_INIT;
  if (!js_parse(a, body, n, BODY_MAX, &v, &e)) { say(out, 400, "{\"error\":\"body\"}"); return; }
  const char *name = nn(js_str(v, "name")), *ns = nn(js_str(v, "namespace")), *chart = nn(js_str(v, "chart_name"));
  int at = -1;
  for (int i = 0; i < c->n_rel; i++)
    if (streq(c->rel[i].name, name) && streq(c->rel[i].ns, ns)) at = i;
  if (streq(method, "PUT")) {
    if (at < 0) { kf_error(a, "Cluster is not existed", out); return; }
    for (int i = 0; i < c->n_jobs; i++) doubled += c->job[i].update && c->job[i].release == at && now < c->job[i].began + c->job[i].ms; /* two updates at once */
    if (!take_routes(a, &c->rel[at], nn(js_str(v, "data")), now)) { kf_error(a, "yaml", out); return; }
    one_job(c, a, new_job(c, at, true, UPDATE_MS, now), now, out);
    return;
  }
  if (at >= 0) { doubled++, kf_error(a, arena_fmt(a, "name=%s & namespace=%s Cluster already existed", name, ns), out); return; }
  c->rel = realloc(c->rel, (size_t)(c->n_rel + 1) * sizeof *c->rel);
  BUG_ON(!c->rel);
  at = c->n_rel++;
  c->rel[at] = (struct release){.name = strdup(name), .ns = strdup(ns), .exchange = streq(chart, "fate-exchange"), .sni = strdup("sni:\n"), .table = strdup("route_table:\n")};
  c->rel[at].job = new_job(c, at, false, c->rel[at].exchange ? 1500 : install_ms(), now);
  installs++;
  one_job(c, a, c->rel[at].job, now, out);
}
static void kubefate(struct cluster *c, struct arena *a, const char *method, const char *path, const char *body, size_t n, int64_t now, struct answer *out) {
  int at;
  if (streq(path, "/v1/user/login")) say(out, 200, "{\"code\":200,\"expire\":\"2030-01-01T00:00:00Z\",\"token\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.cccccccccccccccccccc\"}");
  else if (streq(path, "/v1/version/")) say(out, 200, "{\"version\":\"v1.4.5\",\"msg\":\"getVersion success\"}");
  else if (streq(path, "/v1/cluster")) kf_write(c, a, method, body, n, now, out);
  else if (streq(path, "/v1/job/") || streq(path, "/v1/cluster/")) kf_list(c, a, path[4] == 'j', now, out);
  else if (str_starts(path, "/v1/job/") && (at = number_of(path + 8, c->n_jobs)) >= 0) one_job(c, a, at, now, out);
  else kf_error(a, "record not found", out);
}

/* --- what the driver asks: all jobs, and the counters --- */
static void report(struct arena *a, int64_t now, struct answer *out) {
  struct buf b;
  buf_init(&b, a, 64 << 20);
  buf_fmt(&b, "{\"calls\":%ld,\"doubled\":%d,\"refused\":%d,\"installs\":[", calls, doubled, refused);
  for (int i = 0, k = 0; i < n_all; i++)
    for (int x = 0; x < all[i]->n_jobs; x++)
      if (!all[i]->job[x].update) buf_fmt(&b, "%s[%d,\"%s\",%d,%lld]", k++ ? "," : "", i, all[i]->rel[all[i]->job[x].release].ns, all[i]->job[x].ms, (long long)(now - all[i]->job[x].began));
  int updates = 0;
  for (int i = 0; i < n_all; i++)
    for (int x = 0; x < all[i]->n_jobs; x++) updates += all[i]->job[x].update;
  buf_fmt(&b, "],\"updates\":%d}", updates);
  *out = (struct answer){200, b.p, b.n};
}

void cluster_answer(struct cluster *c, struct arena *a, const char *method, char *path, const char *body, size_t n, int64_t now, struct answer *out) {
  static const char PROXY[] = "/api/v1/namespaces/kube-fate/services/kubefate:8080/proxy";
  if (streq(path, "/scale")) { report(a, now, out); return; }
  calls++;
  if (str_starts(path, PROXY)) kubefate(c, a, method, path + strlen(PROXY), body, n, now, out);
  else if (streq(method, "GET")) get(c, a, path, now, out);
  else if (streq(method, "PATCH")) *(strchr(path, '?') ? strchr(path, '?') : path + strlen(path)) = 0, apply(c, a, path, body, out);
  else if (streq(method, "POST") && str_ends(path, "reviews")) say(out, 201, "{\"status\":{\"allowed\":true}}");
  else if (streq(method, "DELETE") && strstr(path, "/pods/")) {
    struct release *r = in_namespace(c, a, path);
    if (r) r->restarts++;
    kube_status(a, out, 200, "", "");
  } else refused++, kube_status(a, out, 405, "MethodNotAllowed", "not pretended here");
}
