/* A fake of what answers the engine's calls, for tests without a network: a store of Kubernetes objects by path, and KubeFATE behind the service proxy with
 * the behaviour that tests/kubefate recorded (names are unique, an install is a job and a row, `Failed to find` is "record not found", jobs stay for ever).
 *
 * It stands in the place of net/xfer.c: this file defines the functions of net/xfer.h that the engine uses, so the linker never takes the real ones. A
 * runner's transfer engine holds its one call until the test answers it, fails it, or lets the runner die over it; F.pending is the call of the runner whose
 * turn it is. */
#ifndef UNIT_ENGINE_FAKE_H
#define UNIT_ENGINE_FAKE_H
#include <stdio.h>
#include "t.h"
#include "base/b64.h"
#include "base/log.h"
#include "codec/form.h"
#include "codec/tgz.h"
#include "codec/yml.h"
#include "deploy/drive.h"
#include "deploy/fsm.h"
#include "net/identity.h"
#include "net/xfer.h"

enum { FAKE_OBJECTS = 300, FAKE_JOBS = 90, FAKE_RUNNERS = 3 };
struct fake_call { struct work *w; struct arena *a; struct call c; char path[600], *body; };
struct xfer { struct fake_call call; };
struct fake_object { char path[600], uid[24]; char *doc; int made, removed; bool there, ending; };
struct fake_job { char uuid[48], name[64], ns[64], cluster[48]; const char *method, *status, *last /* state; NULL: it counts its looks */; int looks; int64_t began /* unix time */; bool forgotten, frozen; };
struct fake_release { char uuid[48], name[64], ns[64]; bool there, helm, forgotten, half, deleting; };
struct fake_chart { char uuid[48], json[4000]; bool there; };
static struct {
  struct fake_object o[FAKE_OBJECTS];
  struct fake_job job[FAKE_JOBS];
  struct fake_release rel[FAKE_JOBS];
  struct fake_chart chart[FAKE_JOBS];
  int n, jobs, rels, charts, uids, running_updates, overlaps;
  char sni[2000], table[2000];
  struct fake_call *pending;
  bool crowded, forgetful /* KubeFATE lost its database */, unready /* the workloads are */, vanished /* so they have */, garbles /* KubeFATE keeps another chart than it was sent */;
  const char *dies_in; /* KubeFATE is killed over the next job of this method: its row stays as it is for ever */
  bool dies_late; /* an update's table is written by then, and Helm calls the release pending for ever */
  char sni_before[2000], table_before[2000]; /* what the next update's rollback brings back */
  int calls, logins, doubles /* installs of what was there already */;
} F;
static struct xfer XFER[FAKE_RUNNERS];

/* --- net/xfer.h --- */
struct peer { int unused; };
static struct peer PEER;
struct peer *peer_new(struct xfer *x, struct identity *owned) { (void)x; identity_free(owned); return &PEER; }
void peer_drop(struct xfer *x, struct peer *p) { (void)x, (void)p; }
size_t peer_waiting(const struct xfer *x, const struct peer *p, int64_t *busy_ms) { (void)x, (void)p; *busy_ms = 0; return F.crowded ? 9 : 0; }
void xfer_start(struct xfer *x, struct peer *p, struct arena *a, const struct call *c, void *user) {
  struct fake_call *k = &x->call;
  (void)p;
  BUG_ON(k->w);
  k->w = user, k->a = a, k->c = *c;
  snprintf(k->path, sizeof k->path, "%s", c->path);
  k->body = calloc(1, c->body_len + 1);
  if (c->body_len) memcpy(k->body, c->body, c->body_len); /* may hold zero bytes */
  F.calls++;
}

static inline void fake_reset(void) {
  for (int i = 0; i < F.n; i++) free(F.o[i].doc);
  for (int i = 0; i < FAKE_RUNNERS; i++) free(XFER[i].call.body);
  memset(&F, 0, sizeof F), memset(XFER, 0, sizeof XFER);
  F.pending = &XFER[0].call;
  strcpy(F.sni, "sni:\n"), strcpy(F.table, "route_table:\n");
}

/* KubeFATE is installed anew: what it did goes on existing in Kubernetes, but it knows nothing of it. */
static inline void fake_forget(void) {
  for (int i = 0; i < F.jobs; i++) F.job[i].forgotten = true;
  for (int i = 0; i < F.rels; i++) F.rel[i].forgotten = true;
  for (int i = 0; i < F.charts; i++) F.chart[i].there = false;
  F.running_updates = 0;
}
/* The state kept aside, and back again; there is one such place. */
static typeof(F) F_KEPT;
static inline void fake_keep(void) {
  for (int i = 0; i < F_KEPT.n; i++) free(F_KEPT.o[i].doc);
  F_KEPT = F;
  for (int i = 0; i < F.n; i++) F_KEPT.o[i].doc = strdup(F.o[i].doc ? F.o[i].doc : "");
}
static inline void fake_again(void) {
  fake_reset();
  struct fake_call *p = F.pending;
  F = F_KEPT, F.pending = p;
  for (int i = 0; i < F.n; i++) F.o[i].doc = strdup(F_KEPT.o[i].doc);
}

/* --- answers --- */
static struct reply say_(struct arena *a, int status, const char *body) { return (struct reply){.status = status, .content_type = "application/json", .body = arena_strdup(a, body), .n = strlen(body), .why = "", .peer = ""}; }
static struct reply kube_status(struct arena *a, int code, const char *reason, const char *message) {
  return say_(a, code, arena_fmt(a, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"code\":%d,\"reason\":\"%s\",\"message\":\"%s\"}", code, reason, message));
}
static struct fake_object *object(const char *path, bool make) {
  for (int i = 0; i < F.n; i++)
    if (streq(F.o[i].path, path)) return &F.o[i];
  if (!make) return NULL;
  BUG_ON(F.n >= FAKE_OBJECTS);
  snprintf(F.o[F.n].path, sizeof F.o->path, "%s", path);
  return &F.o[F.n++];
}
/* How often an object with this end of its path was made, over all its lives. */
static inline int made(const char *path_end) {
  int n = 0;
  for (int i = 0; i < F.n; i++)
    if (str_ends(F.o[i].path, path_end)) n += F.o[i].made;
  return n;
}
static inline int objects_there(void) {
  int n = 0;
  for (int i = 0; i < F.n; i++) n += F.o[i].there;
  return n;
}
static int jobs_of(const char *method) {
  int n = 0;
  for (int i = 0; i < F.jobs; i++) n += streq(F.job[i].method, method);
  return n;
}

/* The document as applied, with the server's members in its metadata. */
static struct reply show(struct arena *a, const struct fake_object *o, int code) {
  const char *at = strstr(o->doc, "\"metadata\":{");
  BUG_ON(!at);
  at += strlen("\"metadata\":{");
  return say_(a, code, arena_fmt(a, "%.*s\"uid\":\"%s\",%s%s", (int)(at - o->doc), o->doc, o->uid, o->ending ? "\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"," : "", at));
}
static struct reply kube_apply_(struct arena *a, struct fake_object *o, const char *doc) {
  bool fresh = !o->there;
  if (fresh) o->there = true, o->ending = false, o->made++, snprintf(o->uid, sizeof o->uid, "uid-%d", ++F.uids);
  free(o->doc), o->doc = strdup(doc);
  return show(a, o, fresh ? 201 : 200);
}
static void kube_remove(struct fake_object *o) {
  const char *ns = strstr(o->path, "/namespaces/");
  o->there = o->ending = false, o->removed++;
  if (!ns || strchr(ns += strlen("/namespaces/"), '/')) return;
  /* Everything in a namespace goes with it, Helm's records included. */
  size_t n = strlen(ns);
  for (int i = 0; i < F.n; i++) {
    const char *in = strstr(F.o[i].path, "/namespaces/");
    if (in && !strncmp(in + strlen("/namespaces/"), ns, n) && in[strlen("/namespaces/") + n] == '/') F.o[i].there = false;
  }
  for (int i = 0; i < F.rels; i++)
    if (streq(F.rel[i].ns, ns)) F.rel[i].there = F.rel[i].helm = false;
}
/* "labelSelector=a%3Db%2Cc%3Dd": does the object carry them all? */
static bool selected(struct arena *a, const char *query, const char *doc) {
  const char *at = strstr(query, "labelSelector=");
  if (!at) return true;
  char *text = arena_strndup(a, at + strlen("labelSelector="), strcspn(at + strlen("labelSelector="), "&")), *to = text;
  for (const char *p = text; *p; p++, to++) {
    unsigned c = (unsigned char)*p;
    if (c == '%' && sscanf(p + 1, "%2x", &c) == 1) p += 2;
    *to = (char)c;
  }
  *to = 0;
  for (char *rest = NULL, *one = strtok_r(text, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
    char *eq = strchr(one, '=');
    if (!eq || !strstr(doc, arena_fmt(a, "\"%.*s\":\"%s\"", (int)(eq - one), one, eq + 1))) return false;
  }
  return true;
}
static struct reply show(struct arena *a, const struct fake_object *o, int code);
static struct reply kube_items(struct arena *a, const char *path) {
  size_t n = strcspn(path, "?");
  struct buf b;
  bool any = false;
  buf_init(&b, a, 200000), buf_str(&b, "{\"items\":[");
  for (int i = 0; i < F.n; i++)
    if (F.o[i].there && !strncmp(F.o[i].path, path, n) && F.o[i].path[n] == '/' && !strchr(F.o[i].path + n + 1, '/') && selected(a, path + n, F.o[i].doc)) buf_fmt(&b, "%s%s", any ? "," : "", show(a, &F.o[i], 200).body), any = true;
  buf_str(&b, "]}");
  return say_(a, 200, b.p);
}
static struct reply kube_object(struct arena *a, const char *method, char *path, const char *body) {
  char *query = strchr(path, '?');
  if (query) *query = 0;
  struct fake_object *o = object(path, streq(method, "PATCH"));
  if (streq(method, "PATCH")) return kube_apply_(a, o, body);
  if (o && o->ending && streq(method, "GET")) { /* seen once while it ends */
    struct reply r = show(a, o, 200);
    kube_remove(o);
    return r;
  }
  if (!o || !o->there) return kube_status(a, 404, "NotFound", arena_fmt(a, "%s not found", path));
  if (streq(method, "GET")) return show(a, o, 200);
  if (!strstr(body, o->uid)) return kube_status(a, 409, "Conflict", "Precondition failed: UID in precondition: x, UID in object meta: y");
  if (str_starts(path, "/api/v1/namespaces/") && !strchr(path + 19, '/')) return o->ending = true, show(a, o, 200);
  kube_remove(o);
  return say_(a, 200, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Success\"}");
}

/* What charts and the endpoint's manifest make: two of a kind, available. */
static struct reply workloads(struct arena *a) {
  static const char ONE[] = "{\"metadata\":{\"name\":\"%s\",\"generation\":1,\"uid\":\"w-%s\"},\"spec\":{\"replicas\":1},\"status\":{\"observedGeneration\":1,\"replicas\":1,\"readyReplicas\":1,\"updatedReplicas\":1,\"availableReplicas\":%d}}";
  struct buf b;
  buf_init(&b, a, 4000);
  if (F.vanished) return say_(a, 200, "{\"items\":[]}");
  buf_str(&b, "{\"items\":["), buf_fmt(&b, ONE, "one", "one", !F.unready), buf_ch(&b, ','), buf_fmt(&b, ONE, "two", "two", !F.unready), buf_str(&b, "]}");
  return say_(a, 200, b.p);
}
static bool release_in(struct arena *a, const char *path) {
  for (int i = 0; i < F.rels; i++)
    if (F.rel[i].there && strstr(path, arena_fmt(a, "/%s/", F.rel[i].ns))) return true;
  return false;
}
static struct reply helm_secrets(struct arena *a, const char *path) {
  struct buf b;
  bool any = false;
  buf_init(&b, a, 8000), buf_str(&b, "{\"items\":[");
  for (int i = 0; i < F.rels; i++)
    if (F.rel[i].helm && strstr(path, arena_fmt(a, "/%s/", F.rel[i].ns)) && strstr(path, F.rel[i].name)) {
      buf_fmt(&b, "%s{\"metadata\":{\"name\":\"sh.helm.release.v1.%s.v1\",\"uid\":\"h-%d\",\"labels\":{\"owner\":\"helm\",\"name\":\"%s\",\"status\":\"%s\",\"version\":\"1\"}}}", any ? "," : "", F.rel[i].name, i, F.rel[i].name, F.rel[i].half ? "pending-" : "deployed");
      any = true;
    }
  buf_str(&b, "]}");
  return say_(a, 200, b.p);
}
static struct reply config_map(struct arena *a, const char *key, const char *text) {
  struct buf b;
  struct jsw w;
  buf_init(&b, a, 8000), jsw_init(&w, &b);
  jsw_obj(&w), jsw_key(&w, "metadata"), jsw_obj(&w), jsw_kstr(&w, "name", "x"), jsw_end_obj(&w), jsw_key(&w, "data"), jsw_obj(&w), jsw_kstr(&w, key, text), jsw_end_obj(&w), jsw_end_obj(&w);
  return say_(a, 200, b.p);
}
static struct reply service(struct arena *a, const char *port, int number) {
  return say_(a, 200, arena_fmt(a, "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"type\":\"NodePort\",\"clusterIP\":\"10.96.0.9\",\"ports\":[{\"name\":\"%s\",\"port\":%d,\"nodePort\":%d}]}}", port, number, 30000 + number % 1000));
}
static struct reply by_kubernetes(struct arena *a, const char *method, char *path, const char *body) {
  bool get = streq(method, "GET");
  if (get && strstr(path, "/deployments?")) return strstr(path, "=name%3D") && !release_in(a, path) ? say_(a, 200, "{\"items\":[]}") : workloads(a);
  if (get && strstr(path, "/statefulsets?")) return say_(a, 200, "{\"items\":[]}");
  if (get && strstr(path, "/secrets?")) return strstr(path, "owner%3Dhelm") || strstr(path, "owner=helm") ? helm_secrets(a, path) : kube_items(a, path);
  if (get && str_ends(path, "/services/nginx")) return service(a, "http", 80);
  if (get && str_ends(path, "/services/traffic-server")) return service(a, "443", 443);
  if (get && str_ends(path, "/services/pulsar-public-tls")) return service(a, "tls-port", 651);
  if (get && str_ends(path, "/configmaps/traffic-server-sni")) return config_map(a, "sni.yaml", F.sni);
  if (get && str_ends(path, "/configmaps/nginx-config")) return config_map(a, "route_table.yaml", F.table);
  if (get && str_starts(path, "/api/v1/nodes")) return say_(a, 200, "{\"items\":[{\"metadata\":{\"name\":\"n\"},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}],\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"10.9.9.9\"}]}}]}");
  if (get && strchr(path, '?') && !strstr(path, "fieldManager")) return kube_items(a, path);
  return kube_object(a, method, path, body);
}

/* --- KubeFATE --- */
static const char *job_json(struct arena *a, struct fake_job *j) {
  return arena_fmt(a, "{\"uuid\":\"%s\",\"method\":\"%s\",\"status\":\"%s\",\"cluster_id\":\"%s\",\"start_time\":\"%s\",\"states\":[\"%s\"],\"sub_jobs\":null,\"meta_data\":{\"name\":\"%s\",\"namespace\":\"%s\"}}",
                   j->uuid, j->method, j->status, j->cluster, time_rfc3339(a, j->began * 1000000LL), j->last ? j->last : arena_fmt(a, "checkout Cluster status [%d]", abs(j->looks)), j->name, j->ns);
}
static struct fake_release *release(const char *uuid, const char *name, const char *ns) {
  for (int i = 0; i < F.rels; i++)
    if (F.rel[i].there && (uuid ? streq(F.rel[i].uuid, uuid) : streq(F.rel[i].name, name) && streq(F.rel[i].ns, ns))) return &F.rel[i];
  return NULL;
}
static struct fake_job *new_job(struct arena *a, const char *method, const struct fake_release *r) {
  struct fake_job *j = &F.job[F.jobs++];
  BUG_ON(F.jobs >= FAKE_JOBS);
  (void)a;
  *j = (struct fake_job){.method = method, .status = "Pending", .began = clock_unix()};
  if (F.dies_in && streq(F.dies_in, method)) j->frozen = true, j->status = "Running", F.dies_in = NULL;
  snprintf(j->uuid, sizeof j->uuid, "00000000-0000-4000-8000-0000000001%02d", F.jobs);
  snprintf(j->name, sizeof j->name, "%s", r->name), snprintf(j->ns, sizeof j->ns, "%s", r->ns), snprintf(j->cluster, sizeof j->cluster, "%s", r->uuid);
  return j;
}
/* Pending, Running, Success: a step with every look at it. */
static void job_moves(struct fake_job *j) {
  static const char *const NEXT[] = {"Running", "Running", "Success"};
  if (j->frozen) return;
  if (j->looks < 0) j->looks++, j->status = "Running"; /* a test wants it slow */
  else if (j->looks < 3) j->status = NEXT[j->looks++];
  if (j->looks == 3 && streq(j->method, "ClusterUpdate")) j->looks = 4, F.running_updates--;
}
static void take_routes(struct arena *a, const char *data) {
  unsigned char *text;
  size_t n;
  const struct yml *d;
  struct err e = ERR_INIT;
  BUG_ON(!b64_decode(a, data, strlen(data), true, &text, &n) || !yml_parse(a, (char *)text, n, 1 << 20, &d, &e));
  const struct yml *sni = yml_at(d, "trafficServer.route_table.sni"), *table = yml_at(d, "nginx.route_table");
  strcpy(F.sni, "sni:\n"), strcpy(F.table, "route_table:\n");
  for (size_t i = 0; sni && sni->kind == YML_SEQ && i < sni->n; i++)
    snprintf(F.sni + strlen(F.sni), sizeof F.sni - strlen(F.sni), "- fqdn: %s\n  tunnel_route: %s\n", yml_str(sni->val[i], "fqdn"), yml_str(sni->val[i], "tunnelRoute"));
  for (size_t i = 0; table && table->kind == YML_MAP && i < table->n; i++) {
    const struct yml *f = yml_get(table->val[i], "fateflow")->val[0];
    snprintf(F.table + strlen(F.table), sizeof F.table - strlen(F.table), "  %s:\n    fateflow:\n    - host: %s\n      http_port: %s\n", table->key[i]->s, yml_str(f, "host"), yml_str(f, "http_port"));
  }
}
static struct reply kf_error(struct arena *a, const char *text) { return say_(a, 500, arena_fmt(a, "{\"error\":\"%s\"}", text)); }
static struct reply kf_list(struct arena *a, bool jobs) {
  struct buf b;
  bool any = false;
  buf_init(&b, a, 60000), buf_str(&b, "{\"data\":[");
  for (int i = 0; jobs && i < F.jobs && !F.forgetful; i++)
    if (!F.job[i].forgotten) job_moves(&F.job[i]), buf_fmt(&b, "%s%s", any ? "," : "", job_json(a, &F.job[i])), any = true;
  for (int i = 0; !jobs && i < F.rels && !F.forgetful; i++)
    if (F.rel[i].there && !F.rel[i].forgotten) buf_fmt(&b, "%s{\"uuid\":\"%s\",\"name\":\"%s\",\"namespaces\":\"%s\",\"status\":\"%s\"}", any ? "," : "", F.rel[i].uuid, F.rel[i].name, F.rel[i].ns, F.rel[i].deleting ? "Deleting" : "Running"), any = true;
  buf_str(&b, "],\"msg\":\"\"}");
  return say_(a, 200, b.p);
}
static struct reply kf_write(struct arena *a, const char *method, const char *path, const char *body) {
  js *v = NULL;
  struct err e = ERR_INIT;
  struct fake_release *r;
  if (streq(method, "DELETE")) {
    if (!(r = release(path + strlen("/v1/cluster/"), NULL, NULL)) || r->forgotten) return kf_error(a, "record not found");
    struct fake_job *j = new_job(a, "ClusterDelete", r);
    if (j->frozen) r->deleting = true;
    else r->there = r->helm = false, j->status = "Success", j->looks = 3;
    return say_(a, 200, arena_fmt(a, "{\"data\":%s,\"msg\":\"\"}", job_json(a, j)));
  }
  BUG_ON(!js_parse(a, body, strlen(body), 1 << 20, &v, &e));
  const char *name = js_str(v, "name"), *ns = js_str(v, "namespace");
  r = release(NULL, name, ns);
  if (streq(method, "PUT")) {
    if (!r || r->forgotten) return kf_error(a, "Cluster is not existed");
    struct fake_job *j = new_job(a, "ClusterUpdate", r);
    if (r->half) { /* "another operation (install/upgrade/rollback) is in progress" */
      j->looks = 4, j->status = "Rollback", r->half = false;
      strcpy(F.sni, F.sni_before), strcpy(F.table, F.table_before);
      return say_(a, 200, arena_fmt(a, "{\"data\":%s,\"msg\":\"\"}", job_json(a, j)));
    }
    r->half = j->frozen && F.dies_late;
    strcpy(F.sni_before, F.sni), strcpy(F.table_before, F.table);
    if (!j->frozen && F.running_updates++) F.overlaps++;
    if (!j->frozen || F.dies_late) take_routes(a, js_str(v, "data"));
    return say_(a, 200, arena_fmt(a, "{\"data\":%s,\"msg\":\"\"}", job_json(a, j)));
  }
  if (r && ++F.doubles) return kf_error(a, arena_fmt(a, "name=%s & namespace=%s Cluster already existed", name, ns));
  BUG_ON(F.rels >= FAKE_JOBS);
  r = &F.rel[F.rels++];
  *r = (struct fake_release){.there = true, .helm = true};
  snprintf(r->uuid, sizeof r->uuid, "00000000-0000-4000-8000-0000000002%02d", F.rels), snprintf(r->name, sizeof r->name, "%s", name), snprintf(r->ns, sizeof r->ns, "%s", ns);
  struct fake_job *j = new_job(a, "ClusterInstall", r);
  r->half = j->frozen;
  return say_(a, 200, arena_fmt(a, "{\"data\":%s,\"msg\":\"\"}", job_json(a, j)));
}
/* A stop ends a job that runs, and what it has installed so far goes; one that has ended stays as it is. */
static void job_stop(const char *path) {
  for (int i = 0; i < F.jobs; i++) {
    struct fake_job *j = &F.job[i];
    if (!strstr(path, j->uuid) || j->looks >= 3 || j->forgotten) continue;
    if (j->frozen) { j->status = "Stopping"; continue; }
    struct fake_release *r = streq(j->method, "ClusterInstall") ? release(j->cluster, NULL, NULL) : NULL;
    if (streq(j->method, "ClusterUpdate")) F.running_updates--;
    if (r) r->there = r->helm = false;
    j->status = "Canceled", j->looks = 4;
  }
}
/* Replaces the chart of that name and version, as the real one does. */
static struct reply take_chart(struct arena *a, const char *body) {
  struct form f;
  struct tgz t;
  struct buf b;
  struct err e = ERR_INIT;
  struct fake_chart *x = &F.chart[F.charts++];
  const char *name = "", *version = "";
  BUG_ON(F.charts > FAKE_JOBS || !form_multipart(a, F.pending->c.content_type, body, F.pending->c.body_len, &f, &e) || f.n != 1 || !tgz_read(a, f.f[0].value, f.f[0].len, 100, 1 << 20, &t, &e));
  snprintf(x->uuid, sizeof x->uuid, "00000000-0000-4000-8000-0000000003%02d", F.charts);
  buf_init(&b, a, sizeof x->json), buf_fmt(&b, "{\"uuid\":\"%s\",\"templates\":[", x->uuid);
  for (size_t i = 0, k = 0; i < t.n; i++)
    if (strstr(t.f[i].path, "/templates/")) buf_fmt(&b, "%s{\"name\":\"%s\",\"data\":\"%s\"}", k++ ? "," : "", strchr(t.f[i].path, '/') + 1, b64_encode(a, t.f[i].data, t.f[i].n));
  buf_str(&b, "]");
  static const struct { const char *path, *key; } TEXTS[] = {{"/Chart.yaml", "chart"}, {"/values.yaml", "values"}, {"/values-template.yaml", "values_template"}};
  for (size_t i = 0; i < t.n; i++)
    for (size_t k = 0; k < 3; k++)
      if (str_ends(t.f[i].path, TEXTS[k].path)) buf_fmt(&b, ",\"%s\":", TEXTS[k].key), buf_js(&b, t.f[i].data);
  for (size_t i = 0; i < t.n; i++) {
    const struct yml *y;
    if (str_ends(t.f[i].path, "/Chart.yaml") && yml_parse(a, t.f[i].data, t.f[i].n, 65536, &y, &e)) name = yml_str(y, "name"), version = yml_str(y, "version");
  }
  buf_fmt(&b, ",\"name\":\"%s\",\"version\":\"%s\"}", name, version);
  for (int i = 0; i < F.charts - 1; i++)
    if (strstr(F.chart[i].json, arena_fmt(a, "\"name\":\"%s\",\"version\":\"%s\"}", name, version))) F.chart[i].there = false;
  BUG_ON(b.failed);
  strcpy(x->json, b.p), x->there = true;
  if (F.garbles) *strstr(x->json, "values_template") = 'V';
  return say_(a, 200, arena_fmt(a, "{\"data\":{\"helmUUID\":\"%s\"},\"msg\":\"\"}", x->uuid));
}
static struct reply charts(struct arena *a, const char *method, const char *path, const char *body) {
  struct buf b;
  bool all = streq(path, "/v1/chart/"), any = false;
  if (streq(method, "POST")) return take_chart(a, body);
  buf_init(&b, a, 1 << 20), buf_str(&b, all ? "{\"data\":[" : "{\"data\":");
  for (int i = 0; i < F.charts; i++)
    if (F.chart[i].there && (all || str_ends(path, F.chart[i].uuid))) buf_str(&b, any ? "," : ""), buf_str(&b, F.chart[i].json), any = true;
  if (!all && !any) return kf_error(a, "record not found");
  return buf_str(&b, all ? "],\"msg\":\"\"}" : ",\"msg\":\"\"}"), say_(a, 200, b.p);
}
static struct reply by_kubefate(struct arena *a, const char *method, const char *path, const char *body) {
  if (streq(path, "/v1/user/login")) return F.logins++, say_(a, 200, "{\"code\":200,\"token\":\"a.b.c\"}");
  if (streq(path, "/v1/version/")) return say_(a, 200, "{\"version\":\"v1.4.5\",\"msg\":\"\"}");
  if (str_starts(path, "/v1/chart")) return charts(a, method, path, body);
  if (!streq(method, "GET")) {
    if (!str_starts(path, "/v1/job/")) return kf_write(a, method, path, body);
    job_stop(path);
    return say_(a, 200, "{\"data\":{},\"msg\":\"\"}");
  }
  if (streq(path, "/v1/job/") || streq(path, "/v1/cluster/")) return kf_list(a, path[4] == 'j');
  for (int i = 0; i < F.jobs && !F.forgetful; i++)
    if (str_ends(path, F.job[i].uuid) && !F.job[i].forgotten) return job_moves(&F.job[i]), say_(a, 200, arena_fmt(a, "{\"data\":%s,\"msg\":\"\"}", job_json(a, &F.job[i])));
  struct fake_release *r = F.forgetful ? NULL : release(path + strlen("/v1/cluster/"), NULL, NULL);
  if (r && !r->forgotten) return say_(a, 200, arena_fmt(a, "{\"data\":{\"uuid\":\"%s\",\"name\":\"%s\",\"namespaces\":\"%s\",\"status\":\"Running\"},\"msg\":\"\"}", r->uuid, r->name, r->ns));
  return kf_error(a, "record not found");
}

/* What the cluster does with the call that waits, and says to it. */
static struct reply fake_answer(void) {
  static const char PROXY[] = "/services/kubefate:8080/proxy";
  char *inner = strstr(F.pending->path, PROXY);
  if (inner) return by_kubefate(F.pending->a, F.pending->c.method, inner + strlen(PROXY), F.pending->body);
  return by_kubernetes(F.pending->a, F.pending->c.method, F.pending->path, F.pending->body);
}
#endif
