/* Contract: api.h. */
#include "api/api.h"
#include "base/num.h"
#include "base/str.h"
#include "codec/jsonb.h"

const char *api_query(const struct req *q, const char *name, const char *fallback) {
  const char *v = req_query(q, name);
  return v && *v ? v : fallback;
}

bool api_query_bool(const struct req *q, const char *name, bool fallback, bool *out, struct err *e) {
  const char *v = api_query(q, name, NULL);
  *out = fallback;
  return !v || num_bool(v, out) ? true : err_set(e, FAIL_BAD_REQUEST, MSG_API_BOOLEAN, name, str_excerpt(q->a, v, strlen(v), 80));
}

bool api_query_long(const struct req *q, const char *name, long fallback, long *out, struct err *e) {
  const char *v = api_query(q, name, NULL);
  int64_t n;
  *out = fallback;
  if (!v) return true;
  if (!num_i64(v, INT64_MIN, INT64_MAX, &n)) return err_set(e, FAIL_BAD_REQUEST, MSG_API_NUMBER, name, str_excerpt(q->a, v, strlen(v), 80));
  *out = n;
  return true;
}

static bool id(const struct req *q, const char *name, const char *v, struct uuid *out, struct err *e) {
  if (!*v) return err_set(e, FAIL_INVALID, MSG_API_MISSING, name);
  return uuid_parse(v, out) ? true : err_set(e, FAIL_INVALID, MSG_API_ID, name, str_excerpt(q->a, v, strlen(v), 80));
}

bool api_query_uuid(const struct req *q, const char *name, struct uuid *out, struct err *e) { return id(q, name, api_query(q, name, ""), out, e); }

bool api_body_uuid(const struct req *q, const char *name, struct uuid *out, struct err *e) {
  const char *v;
  return jsq_str(q->json, name, q->a, &v, e) && id(q, name, v, out, e);
}

bool api_body_long(const js *o, const char *name, long *out, struct err *e) {
  int64_t v;
  if (!jsq_int(o, name, INT64_MIN, INT64_MAX, &v, e)) return false;
  *out = v;
  return true;
}

bool api_body_name(const struct req *q, const char **out, struct err *e) {
  if (!jsq_str(q->json, "name", q->a, out, e)) return false;
  *out = str_trim(q->a, *out);
  return true;
}

bool api_registry(const struct req *q, const js *o, const char *name, struct api_registry *out, struct err *e) {
  const js *r, *s;
  const char *registry, *server, *user, *password;
  *out = (struct api_registry){false, "", false, "", "", ""};
  if (!jsq_obj(o, name, &r, e) || !jsq_bool(r, "use_registry", &out->use, e) || !jsq_str(r, "registry", q->a, &registry, e) || !jsq_bool(r, "use_registry_secret", &out->use_secret, e)) return false;
  if (!jsq_obj(r, "registry_secret_config", &s, e) || !jsq_str(s, "server_url", q->a, &server, e) || !jsq_str(s, "username", q->a, &user, e) || !jsq_str(s, "password", q->a, &password, e)) return false;
  if (out->use) out->registry = registry;
  if (out->use_secret) out->server = server, out->username = user, out->password = password;
  return true;
}

bool api_wait(struct req *q, struct uuid probe, struct probe *out, struct err *e) { return probe_wait(q->db, q->a, probe, API_WAIT_MS, out, e); }

void api_time(struct jsw *w, struct req *q, const char *key, usec_t t) { jsw_kstr(w, key, time_rfc3339(q->a, t)); }

/* --- jsonb objects, members in our order; anything unexpected is printed as it stands. --- */
enum { MEMBERS = 16 };

static void put_member(struct buf *b, struct jsonb_member *m, const char *const *inner);

/* The object at p with the members of `order` first, the others after them. inner: order of the members' own members. */
static void put_object(struct buf *b, const char *p, size_t len, const char *const *order, const char *const *inner) {
  struct jsonb_member m[MEMBERS];
  int n = jsonb_members(p, m, MEMBERS);
  if (n < 0) { buf_add(b, p, len); return; }
  size_t from = b->n;
  buf_ch(b, '{');
  for (const char *const *o = order; *o; o++)
    for (int i = 0; i < n; i++)
      if (jsonb_key(&m[i], *o)) {
        if (b->n > from + 1) buf_ch(b, ',');
        put_member(b, &m[i], inner);
        m[i].key_len = 0;
      }
  for (int i = 0; i < n; i++) {
    if (!m[i].key_len) continue;
    if (b->n > from + 1) buf_ch(b, ',');
    put_member(b, &m[i], inner);
  }
  buf_ch(b, '}');
}

static void put_member(struct buf *b, struct jsonb_member *m, const char *const *inner) {
  buf_add(b, m->key, m->key_len);
  buf_ch(b, ':');
  if (inner) put_object(b, m->value, m->value_len, inner, NULL);
  else buf_add(b, m->value, m->value_len);
}

static void put(struct jsw *w, const char *json, const char *const *order, const char *const *inner) {
  jsw_raw(w, " "); /* the writer's comma or colon; a blank is nothing to a reader */
  put_object(w->b, json, strlen(json), order, inner);
}

void api_access(struct jsw *w, const char *json) {
  static const char *const NAMES[] = {"fml-manager-server", "frontend", "nginx", "pulsar-public-tls", "traffic-server", NULL}, *const ENTRY[] = {"service_type", "host", "port", "tls", "fqdn", NULL};
  put(w, *json == '{' ? json : "{}", NAMES, ENTRY);
}

void api_ingress(struct jsw *w, const char *json) {
  static const char *const NAMES[] = {"client", "fateboard", "frontend", "notebook", "pulsar", "spark", NULL}, *const ENTRY[] = {"hosts", "addresses", "tls", NULL};
  if (json && *json == '{') put(w, json, NAMES, ENTRY);
  else jsw_null(w);
}
