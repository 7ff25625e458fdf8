/* Checking and changing a deployment YAML in place: the user's text and comments stay byte for byte (contract: values.h). */
#include "base/arena.h"
#include "base/err.h"
#include "base/num.h"
#include "base/str.h"
#include "codec/js.h"
#include "codec/yml.h"
#include "deploy/values.h"

static bool parse(struct arena *a, const char *text, const struct yml **out, struct err *e) {
  if (!yml_parse(a, text, strlen(text), VALUES_MAX, out, e)) return false;
  return (*out)->kind == YML_MAP ? true : err_set(e, FAIL_INVALID, MSG_VALUES_NO_MAP);
}

static const char *quoted(struct arena *a, const char *s) {
  struct buf b;
  buf_init(&b, a, 4096), yml_write_quoted(&b, s);
  return b.p;
}

static bool has(const struct yml *doc, const char *module) {
  const struct yml *m = yml_get(doc, "modules");
  for (size_t i = 0; m && m->kind == YML_SEQ && i < m->n; i++)
    if (m->val[i]->kind == YML_SCALAR && streq(m->val[i]->s, module)) return true;
  return false;
}

static bool differs(struct err *e, const char *key, const char *is, const char *should) { return err_set(e, FAIL_INVALID, MSG_VALUES_DIFFERS, key, nn(is), should); }

static bool check_modules(const struct yml *d, const struct values_expect *x, struct err *e) {
  const struct yml *m = yml_get(d, "modules");
  if (!m || m->kind != YML_SEQ) return err_set(e, FAIL_INVALID, MSG_VALUES_MODULES, "modules");
  for (size_t i = 0; i < m->n; i++)
    if (!yml_is_string(m->val[i])) return err_set(e, FAIL_INVALID, MSG_VALUES_MODULES, "modules");
  const char *const need[] = {"nginx", x->type == 1 ? "trafficServer" : "python"};
  for (int i = 0; i < 2; i++)
    if (!has(d, need[i])) return err_set(e, FAIL_INVALID, MSG_VALUES_MODULE_MISSING, need[i]);
  return true;
}

static bool mapping_or_null(const struct yml *v) { return yml_is_null(v) || v->kind == YML_MAP; }

static bool check_exchange(const struct yml *d, struct err *e) {
  const struct yml *t = yml_get(d, "trafficServer"), *n = yml_get(d, "nginx"), *sni = yml_at(d, "trafficServer.route_table.sni");
  if (!t || t->kind != YML_MAP || !n || n->kind != YML_MAP) return err_set(e, FAIL_INVALID, MSG_VALUES_MAPPING, "trafficServer, nginx");
  if (!mapping_or_null(yml_get(t, "route_table")) || !mapping_or_null(yml_get(n, "route_table"))) return err_set(e, FAIL_INVALID, MSG_VALUES_MAPPING, "route_table");
  return !sni || yml_is_null(sni) || sni->kind == YML_SEQ ? true : err_set(e, FAIL_INVALID, MSG_VALUES_MAPPING, "trafficServer.route_table.sni");
}

static bool check_cluster(struct arena *a, const struct yml *d, const struct values_expect *x, struct err *e) {
  static const struct { const char *key, *module; } I[] = {{"fateboard", "fateboard"}, {"client", "client"}, {"spark", "spark"}, {"pulsar", "pulsar"}, {"rabbitmq", "rabbitmq"}};
  const struct yml *ing = yml_get(d, "ingress"), *dom = yml_at(d, "pulsar.exchange.domain");
  if (dom && !streq(dom->s, x->domain)) return differs(e, "pulsar.exchange.domain", dom->s, x->domain);
  if (ing && ing->kind != YML_MAP && !yml_is_null(ing)) return err_set(e, FAIL_INVALID, MSG_VALUES_MAPPING, "ingress");
  for (size_t i = 0; ing && ing->kind == YML_MAP && i < ing->n; i++) {
    bool fine = false;
    for (size_t k = 0; k < sizeof I / sizeof *I; k++) fine |= streq(ing->key[i]->s, I[k].key) && has(d, I[k].module);
    if (!fine) return err_set(e, FAIL_INVALID, MSG_VALUES_INGRESS, ing->key[i]->s);
  }
  (void)a;
  return true;
}

/* Placeholders only where a double quote surrounds them: the filled text must be the same document whatever the secret holds. */
static bool placeholders_quoted(const struct yml *v, const char *text, struct err *e) {
  if (v->kind == YML_SCALAR) {
    bool holds = strstr(v->s, "${secret:") != NULL;
    return !holds || text[v->start] == '"' ? true : err_set(e, FAIL_INVALID, MSG_VALUES_UNQUOTED, num_text((char[24]){0}, (long long)v->line));
  }
  for (size_t i = 0; i < v->n; i++)
    if (!placeholders_quoted(v->val[i], text, e)) return false;
  return true;
}

/* Where the text says another name or namespace than the request, one of them is a mistake. Nothing there: it is added. */
static bool same_or_nothing(const struct yml *d, const char *key, const char *should, const char *opt_other, struct err *e) {
  const struct yml *v = yml_get(d, key);
  if (!v || yml_is_null(v) || (v->kind == YML_SCALAR && (!*v->s || streq(v->s, should) || streq(v->s, opt_other)))) return true;
  return differs(e, key, v->kind == YML_SCALAR ? v->s : v->kind == YML_MAP ? "{…}" : "[…]", should);
}

static struct yml_edit top(struct arena *a, const struct yml *d, const char *key, const char *value) {
  const struct yml *v = yml_get(d, key);
  if (v && v->end > v->start) return (struct yml_edit){v->start, v->end, quoted(a, value)};
  if (v) return (struct yml_edit){v->start, v->start, arena_fmt(a, " %s", quoted(a, value))};
  return (struct yml_edit){d->start, d->start, arena_fmt(a, "%s: %s\n", key, quoted(a, value))};
}

bool values_accept(struct arena *a, const char *text, const struct values_expect *x, const char **out, struct err *e) {
  const struct yml *d;
  const char **names;
  size_t n;
  int64_t party;
  if (strlen(text) > VALUES_MAX) return err_set(e, FAIL_TOO_LARGE, MSG_VALUES_LARGE, NUM(VALUES_MAX));
  if (!parse(a, text, &d, e) || !values_secrets(a, text, &names, &n, e)) return false;
  if (d->flow) return err_set(e, FAIL_INVALID, MSG_VALUES_FLOW);
  if (!streq(yml_str(d, "chartName"), x->chart_name)) return differs(e, "chartName", yml_str(d, "chartName"), x->chart_name);
  if (!streq(yml_str(d, "chartVersion"), x->chart_version)) return differs(e, "chartVersion", yml_str(d, "chartVersion"), x->chart_version);
  const struct yml *p = yml_get(d, "partyId");
  if (x->type == 2 && (!yml_int(p, &party) || party != x->party_id)) return differs(e, "partyId", p && p->kind == YML_SCALAR ? p->s : "", num_text((char[24]){0}, x->party_id));
  if (!same_or_nothing(d, "name", x->deployment_name, x->generated_name, e) || !same_or_nothing(d, "namespace", x->namespace_, NULL, e)) return false;
  if (!check_modules(d, x, e) || !placeholders_quoted(d, text, e)) return false;
  if (x->type == 1 ? !check_exchange(d, e) : !check_cluster(a, d, x, e)) return false;
  struct yml_edit edits[] = {top(a, d, "name", x->deployment_name), top(a, d, "namespace", x->namespace_)};
  *out = yml_splice(a, text, strlen(text), edits, 2, &n);
  return n <= VALUES_MAX ? true : err_set(e, FAIL_TOO_LARGE, MSG_VALUES_LARGE, NUM(VALUES_MAX));
}

bool values_has_module(struct arena *a, const char *text, const char *module) {
  const struct yml *d;
  struct err ignored = ERR_INIT;
  return parse(a, text, &d, &ignored) && has(d, module);
}

bool values_ingress_keys(struct arena *a, const char *text, const char ***out, size_t *n) {
  const struct yml *d;
  struct err ignored = ERR_INIT;
  *n = 0;
  const struct yml *ing = parse(a, text, &d, &ignored) ? yml_get(d, "ingress") : NULL;
  if (!ing || ing->kind != YML_MAP) return false;
  *out = ARENA_ARRAY(a, const char *, ing->n + 1);
  for (size_t i = 0; i < ing->n; i++) (*out)[(*n)++] = ing->key[i]->s;
  return true;
}

bool values_external_pulsar(struct arena *a, const char *text, const char **host, int *port) {
  const struct yml *d;
  struct err ignored = ERR_INIT;
  int64_t v;
  if (!parse(a, text, &d, &ignored) || !(*host = yml_str(d, "python.pulsar.host")) || !yml_int(yml_at(d, "python.pulsar.ssl_port"), &v) || v < 1 || v > 65535) return false;
  *port = (int)v;
  return true;
}

/* --- route tables --- */
/* Replacement for the value of `key` in the mapping m (indentation of its keys in the source: `pad`). */
static struct yml_edit set_value(struct arena *a, const char *text, const struct yml *m, const char *key, const char *flow_json) {
  const struct yml *v = yml_get(m, key);
  if (v && v->end > v->start) {
    /* A block collection starts on the line below its key: replace it by flow style behind the key. */
    size_t from = v->start;
    if (!v->flow && v->kind != YML_SCALAR && v->kind != YML_NULL)
      while (from > 0 && (text[from - 1] == ' ' || text[from - 1] == '\n' || text[from - 1] == '\r' || text[from - 1] == '\t')) from--;
    return (struct yml_edit){from, v->end, arena_fmt(a, "%s%s", from < v->start ? " " : "", flow_json)};
  }
  if (v) return (struct yml_edit){v->start, v->start, arena_fmt(a, "%s%s", v->start > 0 && text[v->start - 1] == ':' ? " " : "", flow_json)};
  if (m->flow) return (struct yml_edit){m->start + 1, m->start + 1, arena_fmt(a, "%s: %s%s", key, flow_json, m->n ? ", " : "")};
  return (struct yml_edit){m->start, m->start, arena_fmt(a, "%s: %s\n%*s", key, flow_json, (int)(m->col - 1), "")};
}

static const char *nginx_flow(struct arena *a, const struct values_route *r, size_t n) {
  struct buf b;
  buf_init(&b, a, VALUES_MAX), buf_ch(&b, '{');
  for (size_t i = 0; i < n; i++) buf_fmt(&b, "%s\"%ld\": {fateflow: [{host: %s, http_port: %d}]}", i ? ", " : "", r[i].party_id, quoted(a, r[i].http_host), r[i].http_port);
  buf_ch(&b, '}');
  return b.p;
}
static const char *host_port(struct arena *a, const char *host, int port) { return arena_fmt(a, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port); }
static const char *sni_flow(struct arena *a, const struct values_route *r, size_t n) {
  struct buf b;
  buf_init(&b, a, VALUES_MAX), buf_ch(&b, '[');
  for (size_t i = 0; i < n; i++) buf_fmt(&b, "%s{fqdn: %s, tunnelRoute: %s}", i ? ", " : "", quoted(a, r[i].sni_fqdn), quoted(a, host_port(a, r[i].sni_host, r[i].sni_port)));
  buf_ch(&b, ']');
  return b.p;
}

bool values_routes(struct arena *a, const char *text, const struct values_route *r, size_t n, const char **out, struct err *e) {
  const struct yml *d;
  size_t len;
  if (!parse(a, text, &d, e) || !check_exchange(d, e)) return false;
  const struct yml *t = yml_get(d, "trafficServer"), *rt = yml_get(t, "route_table"), *ng = yml_get(d, "nginx");
  struct yml_edit edits[2];
  edits[0] = rt && rt->kind == YML_MAP && rt->n ? set_value(a, text, rt, "sni", sni_flow(a, r, n)) : set_value(a, text, t, "route_table", arena_fmt(a, "{sni: %s}", sni_flow(a, r, n)));
  edits[1] = set_value(a, text, ng, "route_table", nginx_flow(a, r, n));
  *out = yml_splice(a, text, strlen(text), edits, 2, &len);
  if (len > VALUES_MAX) return err_set(e, FAIL_TOO_LARGE, MSG_VALUES_LARGE, NUM(VALUES_MAX));
  return yml_parse(a, *out, len, VALUES_MAX, &d, e); /* what we send must read back */
}

/* --- observed tables --- */
struct seen { long party; const char *http, *sni; };

static struct seen *seen_of(struct seen *v, size_t *n, size_t cap, long party) {
  for (size_t i = 0; i < *n; i++)
    if (v[i].party == party) return &v[i];
  if (*n == cap) return &v[cap - 1];
  v[*n] = (struct seen){party, "", ""};
  return &v[(*n)++];
}
static int by_party(const void *x, const void *y) {
  const struct seen *a = x, *b = y;
  return a->party < b->party ? -1 : a->party > b->party;
}
static const char *seen_json(struct arena *a, struct seen *v, size_t n) {
  struct buf b;
  struct jsw w;
  qsort(v, n, sizeof *v, by_party);
  buf_init(&b, a, 1 << 20), jsw_init(&w, &b), jsw_obj(&w);
  for (size_t i = 0; i < n; i++) jsw_key(&w, arena_fmt(a, "%ld", v[i].party)), jsw_obj(&w), jsw_kstr(&w, "http", v[i].http), jsw_kstr(&w, "sni", v[i].sni), jsw_end_obj(&w);
  jsw_end_obj(&w);
  return b.p;
}

bool values_observed(struct arena *a, const char *sni_yaml, const char *route_yaml, const char *domain, const char **out, struct err *e) {
  enum { CAP = 2000 };
  const struct yml *s, *r;
  struct seen *v = ARENA_ARRAY(a, struct seen, CAP);
  size_t n = 0;
  int64_t party, port;
  if (!yml_parse(a, sni_yaml, strlen(sni_yaml), 1 << 20, &s, e) || !yml_parse(a, route_yaml, strlen(route_yaml), 1 << 20, &r, e)) return false;
  const struct yml *list = yml_get(s, "sni") ? yml_get(s, "sni") : s;
  for (size_t i = 0; list->kind == YML_SEQ && i < list->n; i++) {
    const char *fqdn = yml_str(list->val[i], "fqdn"), *to = yml_str(list->val[i], "tunnel_route");
    const char *dot = fqdn ? strchr(fqdn, '.') : NULL;
    if (!to || !dot || !streq(dot + 1, domain) || !num_i64(arena_strndup(a, fqdn, (size_t)(dot - fqdn)), 1, INT32_MAX, &party)) continue;
    seen_of(v, &n, CAP, (long)party)->sni = to;
  }
  const struct yml *table = yml_get(r, "route_table") ? yml_get(r, "route_table") : r;
  for (size_t i = 0; table->kind == YML_MAP && i < table->n; i++) {
    if (!num_i64(table->key[i]->s, 1, INT32_MAX, &party)) continue; /* "default" and the exchange's own 0 */
    const struct yml *ff = yml_get(table->val[i], "fateflow"), *first = ff && ff->kind == YML_SEQ && ff->n ? ff->val[0] : NULL;
    const char *host = yml_str(first, "host");
    if (!host || !yml_int(yml_get(first, "http_port"), &port)) continue;
    seen_of(v, &n, CAP, (long)party)->http = arena_fmt(a, "%s:%lld", host, (long long)port);
  }
  *out = seen_json(a, v, n);
  return true;
}

const char *values_wanted_json(struct arena *a, const struct values_route *r, size_t n) {
  struct seen *v = ARENA_ARRAY(a, struct seen, n + 1);
  for (size_t i = 0; i < n; i++) v[i] = (struct seen){r[i].party_id, arena_fmt(a, "%s:%d", r[i].http_host, r[i].http_port), host_port(a, r[i].sni_host, r[i].sni_port)};
  return seen_json(a, v, n);
}
