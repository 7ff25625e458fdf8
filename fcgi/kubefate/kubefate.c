/* Contract: kubefate.h. Routes by reference 10 section 10.3: slashes at the end are part of the contract. The token travels as a cookie, because the API
 * server removes Authorization (section 9.4). */
#include "kubefate/kubefate.h"
#include <string.h>
#include "base/arena.h"
#include "base/b64.h"
#include "base/log.h"
#include "base/str.h"
#include "crypt/seal.h"

enum { LIST_MAX = 16 << 20, TOKEN_MAX = 4096 };

static struct call plain(const char *method, const char *path) { return (struct call){.method = method, .path = path, .accept = "application/json"}; }

struct call kf_call(struct arena *a, const char *method, const char *path, const char *token) {
  struct call c = plain(method, path);
  c.cookie = arena_fmt(a, "jwt=%s", token);
  return c;
}

const char *kf_item(struct arena *a, const char *collection, const char *uuid) {
  struct buf b;
  BUG_ON(!*nn(uuid)); /* without it the path would mean the collection */
  buf_init(&b, a, 1024);
  buf_str(&b, collection);
  buf_urlq(&b, uuid);
  return b.p;
}

struct call kf_hello(struct arena *a) {
  (void)a;
  return plain("GET", "/");
}

struct call kf_login(struct arena *a, const char *user, const struct secret *password) {
  struct buf b;
  buf_init(&b, a, 16384);
  buf_str(&b, "{\"username\":"), buf_js(&b, user);
  buf_str(&b, ",\"password\":"), buf_js_n(&b, (const char *)password->p, password->n), buf_ch(&b, '}');
  struct call c = plain("POST", "/v1/user/login");
  c.content_type = "application/json", c.body = b.p, c.body_len = b.n, c.secret_body = true;
  c.repeatable = true; /* a second login only costs time */
  return c;
}

struct call kf_version(struct arena *a, const char *token) { return kf_call(a, "GET", "/v1/version/", token); }

struct call kf_cluster_list(struct arena *a, const char *token) {
  struct call c = kf_call(a, "GET", "/v1/cluster/", token);
  c.max_reply = LIST_MAX;
  return c;
}

struct call kf_cluster_get(struct arena *a, const char *token, const char *uuid) { return kf_call(a, "GET", kf_item(a, "/v1/cluster/", uuid), token); }

/* cover stays false: true makes KubeFATE uninstall whatever release has this name in this namespace first (reference 10 section 10.5). The YAML goes as
 * the user's text, base64 (standard alphabet, padded), because KubeFATE decodes it with Go's StdEncoding. */
static struct call cluster_args(struct arena *a, const char *method, const char *token, const char *name, const char *ns, const char *chart, const char *version, const char *yaml, size_t n) {
  struct buf b;
  struct jsw w;
  buf_init(&b, a, 2 * n + 8192);
  jsw_init(&w, &b);
  jsw_obj(&w);
  jsw_kstr(&w, "name", name);
  jsw_kstr(&w, "namespace", ns);
  jsw_kstr(&w, "chart_name", chart);
  jsw_kstr(&w, "chart_version", version);
  jsw_kbool(&w, "cover", false);
  jsw_kstr(&w, "data", b64_encode(a, yaml, n));
  jsw_end_obj(&w);
  BUG_ON(b.failed);
  struct call c = kf_call(a, method, "/v1/cluster", token);
  c.content_type = "application/json", c.body = b.p, c.body_len = b.n, c.secret_body = true; /* the YAML may hold passwords */
  return c;
}

struct call kf_install(struct arena *a, const char *token, const char *name, const char *ns, const char *chart, const char *version, const char *yaml, size_t n) {
  return cluster_args(a, "POST", token, name, ns, chart, version, yaml, n);
}
struct call kf_update(struct arena *a, const char *token, const char *name, const char *ns, const char *chart, const char *version, const char *yaml, size_t n) {
  return cluster_args(a, "PUT", token, name, ns, chart, version, yaml, n);
}

struct call kf_delete(struct arena *a, const char *token, const char *uuid) { return kf_call(a, "DELETE", kf_item(a, "/v1/cluster/", uuid), token); }

struct call kf_job_list(struct arena *a, const char *token) {
  struct call c = kf_call(a, "GET", "/v1/job/", token);
  c.max_reply = LIST_MAX;
  return c;
}

struct call kf_job_get(struct arena *a, const char *token, const char *uuid) { return kf_call(a, "GET", kf_item(a, "/v1/job/", uuid), token); }
struct call kf_job_stop(struct arena *a, const char *token, const char *uuid) { return kf_call(a, "PUT", arena_fmt(a, "%s?jobStatus=stop", kf_item(a, "/v1/job/", uuid)), token); }

/* --- objects --- */

/* The token goes back as a header: only the characters of a JWT. */
bool kf_token(const js *body, const char **out) {
  const char *t = js_str(body, "token");
  if (!t || !*t || strlen(t) > TOKEN_MAX || strspn(t, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=") != strlen(t)) return false;
  *out = t;
  return true;
}

bool kf_hello_ok(const js *body) { return streq(js_str(body, "msg"), "kubefate run Success"); }

/* "v1.4.5", maybe with a suffix. An empty version is a failure (upstream took it for success, reference 10 W20). */
bool kf_version_read(const js *body, const char **out, bool *at_least) {
  const char *v = js_str(body, "version"), *s = v && *v == 'v' ? v + 1 : nn(v);
  int part[3] = {0};
  for (int i = 0; i < 3; i++) {
    size_t n = strspn(s, "0123456789");
    if (!n || n > 5) return false;
    for (size_t k = 0; k < n; k++) part[i] = part[i] * 10 + (s[k] - '0');
    s += n;
    if (i < 2 && *s++ != '.') return false;
  }
  *out = v;
  *at_least = part[0] != 1 ? part[0] > 1 : part[1] != 4 ? part[1] > 4 : part[2] >= 4;
  return true;
}

/* Reference 10 section 11.6. */
static enum kf_job_state job_state(const char *s) {
  static const struct { const char *s; enum kf_job_state v; } STATE[] = {{"Pending", KFJ_PENDING}, {"Running", KFJ_RUNNING}, {"Success", KFJ_SUCCESS}, {"Failed", KFJ_FAILED},
      {"Rollback", KFJ_ROLLBACK}, {"Timeout", KFJ_TIMEOUT}, {"Stopping", KFJ_STOPPING}, {"Canceled", KFJ_CANCELED}};
  for (size_t i = 0; i < sizeof STATE / sizeof *STATE; i++)
    if (streq(s, STATE[i].s)) return STATE[i].v;
  return KFJ_OTHER;
}

static const char *short_text(struct arena *a, const char *opt_s, size_t max) { return str_excerpt(a, nn(opt_s), strlen(nn(opt_s)), max); }

/* Keys are names of Deployments and StatefulSets (section 10.6). */
static void job_parts(struct arena *a, const js *job, struct kf_job *out) {
  enum { MOST = 100 };
  out->parts = ARENA_ARRAY(a, struct kf_component, MOST);
  for (struct js_iter it = js_iter(js_obj(job, "sub_jobs")); js_next(&it) && out->n_parts < MOST;) {
    const char *name = js_str(it.val, "ModuleName"), *modules = js_str(it.val, "ModulesStatus"), *status = js_str(it.val, "Status");
    struct kf_component *c = &out->parts[out->n_parts++];
    c->name = short_text(a, name && *name ? name : it.key, 253);
    c->status = short_text(a, modules && *modules ? modules : status, 64);
    c->ready = streq(status, "Success") || streq(modules, "Available");
  }
}

bool kf_job_read(struct arena *a, const js *job, struct kf_job *out) {
  const js *inner = js_obj(job, "data"), *states;
  if (inner && !js_str(job, "uuid")) job = inner; /* the envelope was given */
  const char *uuid = js_str(job, "uuid"), *status = js_str(job, "status");
  if (!uuid || !*uuid || !status) return false;
  states = js_arr(job, "states");
  *out = (struct kf_job){.uuid = short_text(a, uuid, 64), .status_text = short_text(a, status, 64), .cluster_id = short_text(a, js_str(job, "cluster_id"), 64), .method = short_text(a, js_str(job, "method"), 64),
                         .last_state = short_text(a, js_self_str(js_item(states, js_len(states) - 1)), 400), .name = short_text(a, js_str(job, "meta_data.name"), 253),
                         .ns = short_text(a, js_str(job, "meta_data.namespace"), 253), .state = job_state(status), .start_time = short_text(a, js_str(job, "start_time"), 64)};
  job_parts(a, job, out);
  return true;
}

/* A failed update reads Failed for 0.1 to 0.3 s and then becomes Rollback (reference 10 section 15.7). */
bool kf_job_final(const struct kf_job *j) {
  switch (j->state) {
    case KFJ_SUCCESS: case KFJ_ROLLBACK: case KFJ_TIMEOUT: case KFJ_CANCELED: return true;
    case KFJ_FAILED: return !streq(j->method, "ClusterUpdate");
    case KFJ_PENDING: case KFJ_RUNNING: case KFJ_STOPPING: case KFJ_OTHER: return false;
  }
  return false;
}

/* The namespace stands under the plural key "namespaces" (reference 10 section 10.7). */
bool kf_cluster_read(const js *c, struct kf_cluster *out) {
  const js *inner = js_obj(c, "data");
  if (inner && !js_str(c, "uuid")) c = inner;
  const char *uuid = js_str(c, "uuid");
  if (!uuid || !*uuid) return false;
  *out = (struct kf_cluster){uuid, nn(js_str(c, "name")), nn(js_str(c, "namespaces")), nn(js_str(c, "chart_name")), nn(js_str(c, "chart_version")), nn(js_str(c, "status")), nn(js_str(c, "values"))};
  return true;
}
