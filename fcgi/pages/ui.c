/* Contract: ui.h. */
#include "pages/ui.h"
#include <arpa/inet.h>
#include "base/num.h"
#include "base/str.h"
#include "codec/js.h"
#include "codec/jsonb.h"
#include "crypt/digest.h"
#include "deploy/cause.h"
#include "web/errorpage.h"

const char *ui_fmt(const struct page *p, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  char *s = arena_vfmt(p->q->a, fmt, ap);
  va_end(ap);
  return s;
}

static const char *sent(const struct page *p, const char *field) { return form_get(&p->q->form, field); }

const char *ui_value(const struct page *p, const char *field, const char *otherwise) {
  if (p->q->method == METHOD_POST) return sent(p, field) ? sent(p, field) : nn(otherwise);
  const char *v = req_query(p->q, field);
  return v ? v : nn(otherwise);
}

bool ui_checked(const struct page *p, const char *field, bool otherwise) { return p->q->method == METHOD_POST ? req_flag(p->q, field) : otherwise; }

bool ui_picked(const struct page *p, const char *field, const char *value, bool otherwise) {
  const char *v = p->q->method == METHOD_POST ? sent(p, field) : req_query(p->q, field);
  return v ? streq(v, value) : otherwise;
}

const char *ui_text(struct req *q, const char *field) {
  char *s = arena_strdup(q->a, req_field(q, field)), *to = s;
  for (const char *from = s; *from; from++)
    if (from[0] != '\r' || from[1] != '\n') *to++ = *from;
  *to = 0;
  return s;
}

struct html ui_hidden(const struct page *p, const char *const *fields) {
  struct buf b;
  buf_init(&b, p->q->a, 1 << 18);
  for (; *fields; fields++) {
    const char *v = sent(p, *fields);
    if (!v) continue;
    buf_str(&b, "<input type=\"hidden\" name=\""), buf_html(&b, *fields), buf_str(&b, "\" value=\""), buf_html(&b, v), buf_str(&b, "\">");
  }
  return (struct html){b.p, b.n};
}

bool ui_again(const struct err *why, struct err *e) {
  if (why->kind == FAIL_INVALID || why->kind == FAIL_BAD_REQUEST || why->kind == FAIL_CONFLICT || why->kind == FAIL_TOO_LARGE || why->kind == FAIL_UPSTREAM) return true;
  return err_move(e, why);
}

/* Which field a refusal is about; sentences about YAML are about the only YAML of their page. */
static const char *field_of(const struct page *p, const struct err *e) {
  static const struct { enum msg key; const char *field; } ABOUT[] = {
      {MSG_NAME_BAD, "name"}, {MSG_INFRA_NAME_TAKEN, "name"}, {MSG_ENDPOINT_NAME_TAKEN, "name"}, {MSG_FEDERATION_NAME_TAKEN, "name"}, {MSG_PARTY_NAME_TAKEN, "name"}, {MSG_OPS_RELEASE_NAME, "name"},
      {MSG_DESCRIPTION_BAD, "description"}, {MSG_DOMAIN_BAD, "domain"}, {MSG_INFRA_NAMESPACE, "namespaces"}, {MSG_INFRA_ENTER_AGAIN, "registry_password"},
      {MSG_INFRA_CONFIG_TAKEN, "kubeconfig"}, {MSG_INFRA_NO_KUBECONFIG, "kubeconfig"}, {MSG_INFRA_KUBECONFIG_LARGE, "kubeconfig"}, {MSG_INFRA_MOVED, "kubeconfig"},
      {MSG_ENDPOINT_NS_UNKNOWN, "namespace"}, {MSG_ENDPOINT_NS_UNWANTED, "namespace"}, {MSG_PARTY_PLACE_TAKEN, "namespace"}, {MSG_PARTY_NS_OCCUPIED, "namespace"},
      {MSG_PARTY_ID_RANGE, "party_id"}, {MSG_PARTY_ID_TAKEN, "party_id"}, {MSG_WIZARD_PICK_CHART, "chart"}, {MSG_DELETE_NAME_DIFFERS, "confirm"},
      {MSG_PASSWORD_WRONG_SHOWN, "current"}, {MSG_PASSWORD_LENGTH, "fresh"}, {MSG_PASSWORD_COMMON, "fresh"}, {MSG_PASSWORD_EMPTY_SHOWN, "fresh"}, {MSG_PASSWORD_SAME_SHOWN, "fresh"}, {MSG_PASSWORD_REPEAT, "again"}};
  bool infra = str_starts(p->q->path, "/infra");
  if (e->key == MSG_VALUES_PARAMETER && e->n) return streq(e->args[0], "registry_secret_config") ? "registry_server" : e->args[0];
  for (size_t i = 0; i < sizeof ABOUT / sizeof *ABOUT; i++)
    if (ABOUT[i].key == e->key) return ABOUT[i].field;
  const char *key = text_key(e->key);
  if (str_starts(key, "kubeconfig.")) return "kubeconfig";
  return str_starts(key, "yaml.") || str_starts(key, "values.") || str_starts(key, "manifest.") ? infra ? "kubeconfig" : "yaml" : NULL;
}

void ui_refuse(struct page *p, struct resp *r, const struct err *why) {
  if (!why || !why->kind) return;
  p->form_error = why, p->form_field = field_of(p, why);
  if (r->status < 400) r->status = http_status(why);
}

static bool about(const struct page *p, const char *field) { return p->form_field && streq(p->form_field, field); }
const char *ui_invalid(const struct page *p, const char *field) { return about(p, field) ? "true" : "false"; }
struct html ui_field_error(const struct page *p, const char *field) {
  struct buf b;
  if (!about(p, field) || !p->form_error) return (struct html){"", 0};
  buf_init(&b, p->q->a, 16384);
  struct html said = v_error(p, p->form_error);
  buf_fmt(&b, "<p class=\"field-error\" id=\"%s-error\">", field), buf_add(&b, said.p, said.n), buf_str(&b, "</p>");
  return (struct html){b.p, b.n};
}

static const char *label(const struct page *p, const char *area, const char *key) {
  enum msg m = text_find(arena_fmt(p->q->a, "%s.%s", area, key));
  return m == MSG_NONE ? key : text_raw(p->lang, m);
}
const char *ui_kind(const struct page *p, const char *kind) { return label(p, "op", kind); }
const char *ui_step(const struct page *p, const char *step) { return label(p, "step", step); }

static bool pod_of(const struct op_part *pod, const struct op_part *component) {
  size_t n = strlen(component->name);
  return strlen(pod->name) > n && !strncmp(pod->name, component->name, n) && pod->name[n] == '-' && *pod->reason;
}

struct part_rows ui_parts(const struct page *p, const struct operation *o) {
  size_t n = 0;
  struct op_part *v = ARENA_ARRAY(p->q->a, struct op_part, o->n_parts + 1);
  int *owner = ARENA_ARRAY(p->q->a, int, o->n_parts + 1);
  for (size_t i = 0; i < o->n_parts; i++) {
    owner[i] = -1;
    for (size_t k = 0; k < o->n_parts; k++) /* the longest name wins: spark-worker-0 is of spark-worker, not of spark */
      if (k != i && pod_of(&o->parts[i], &o->parts[k]) && (owner[i] < 0 || strlen(o->parts[k].name) > strlen(o->parts[owner[i]].name))) owner[i] = (int)k;
  }
  for (size_t i = 0; i < o->n_parts; i++) {
    if (owner[i] >= 0) continue;
    v[n] = o->parts[i];
    for (size_t k = 0; k < o->n_parts && !v[n].ready && !*v[n].reason; k++)
      if (owner[k] == (int)i) v[n].reason = o->parts[k].reason, v[n].message = o->parts[k].message;
    n++;
  }
  return (struct part_rows){v, n};
}

bool ui_live(const struct operation *o) { return operation_live(o); }
bool ui_open(const struct operation *o) { return operation_open(o); }

const char *ui_cause(const struct page *p, const char *cause) {
  const struct cause *c = cause_find(cause);
  return c ? tr(p, c->label) : cause;
}
bool ui_trouble(const struct operation *o) {
  const struct cause *c = cause_find(o->cause);
  return c ? c->trouble : *o->cause != 0;
}

const char *ui_party_url(const struct page *p, const struct participant *x) {
  return ui_fmt(p, "/federation/fate/%s/%s/detail/%s", x->federation_uuid.s, x->type == TYPE_EXCHANGE ? "exchange" : "cluster", x->uuid.s);
}

const char *ui_entity_url(const struct page *p, int type, struct uuid id) { return ui_fmt(p, "/%s/%s", type == ENTITY_ENDPOINT ? "endpoint-detail" : "participant", id.s); }

const char *ui_object_url(const struct page *p, const char *type, struct uuid id) {
  return ui_fmt(p, "/%s/%s", streq(type, "endpoint") || streq(type, "endpoint_chart") ? "endpoint-detail" : streq(type, "infra") ? "infra-detail" : streq(type, "federation") ? "federation/fate" : "participant", id.s);
}
const char *ui_object_word(const struct page *p, const char *type) {
  return streq(type, "endpoint") ? tr(p, MSG_NAV_ENDPOINT) : streq(type, "infra") ? tr(p, MSG_NAV_INFRA) : streq(type, "federation") ? tr(p, MSG_NAV_FEDERATION) : streq(type, "exchange") ? "Exchange" : streq(type, "cluster") ? "Cluster" : "";
}

const char *ui_subject_url(const struct page *p, const struct operation *o) { return ui_object_url(p, o->subject_type, o->subject); }

const char *ui_force_url(const struct page *p, const struct operation *o) {
  return !operation_open(o) || streq(o->subject_type, "exchange_routes") || streq(o->subject_type, "endpoint_chart") ? "" : ui_fmt(p, "%s/delete", ui_subject_url(p, o));
}

const char *ui_removed_url(struct req *q, const struct operation *o, const char *otherwise) { return o->n_leftovers ? arena_fmt(q->a, "/operations/%s", o->uuid.s) : otherwise; }

struct text ui_span_text(struct arena *a, usec_t us) {
  long s = us > 0 ? (long)(us / 1000000) : 0;
  const char *v[3] = {NULL};
  enum msg key = s < 90 ? MSG_SPAN_SECONDS : s < 7200 ? MSG_SPAN_MINUTES : s < 172800 ? MSG_SPAN_HOURS : MSG_SPAN_DAYS;
  v[1] = arena_fmt(a, "%ld", s < 90 ? s : s < 7200 ? (s + 30) / 60 : s < 172800 ? s / 3600 : s / 86400);
  v[2] = arena_fmt(a, "%ld", s < 172800 ? s % 3600 / 60 : s % 86400 / 3600);
  return text_make(key, v, s < 7200 ? 1 : 2);
}

const char *ui_span(const struct page *p, usec_t us) {
  struct buf b;
  buf_init(&b, p->q->a, 256), text_plain(&b, p->lang, ui_span_text(p->q->a, us));
  return b.p;
}

struct html ui_json_text(const struct page *p, const char *s) {
  struct buf b;
  buf_init(&b, p->q->a, 65536);
  if (*nn(s)) buf_str(&b, "<code>"), buf_html(&b, s), buf_str(&b, "</code>");
  return (struct html){b.p, b.n};
}

usec_t ui_now(void) { return (usec_t)clock_unix() * 1000000; }
bool ui_may(const struct page *p) { return p->q->who.role >= ROLE_OPERATOR; }

bool ui_fragment(struct req *q, struct resp *r, tmpl_body *body, const void *v, struct err *e) {
  struct page p;
  page_init(&p, q, SEC_NONE, "");
  r->type = "text/html; charset=utf-8";
  body(&r->body, &p, v);
  if (r->body.failed) return err_set(e, FAIL_BUG, MSG_WEB_RENDER);
  (void)resp_etag(r, q, arena_strndup(q->a, sha256_hex(q->a, r->body.p, r->body.n), 24));
  return true;
}

/* --- addresses --- */
/* all: also what only the table of addresses shows. */
static void services(const struct page *p, const char *json, bool all, struct access *out) {
  struct jsonb_member m, f;
  out->services = ARENA_ARRAY(p->q->a, struct access_row, 6);
  for (const char *at = json; out->n_services < 6 && jsonb_open(&at, &m);) {
    struct access_row *r = &out->services[out->n_services++];
    *r = (struct access_row){.service = jsonb_text(p->q->a, m.key, m.key_len), .host = "", .type = "", .fqdn = "", .port = ""};
    if (*at != '{') { jsonb_skip(&at); continue; }
    while (jsonb_next(&at, &f)) {
      if (jsonb_key(&f, "host")) r->host = jsonb_text(p->q->a, f.value, f.value_len);
      else if (jsonb_key(&f, "port") && *f.value != '0') r->port = arena_strndup(p->q->a, f.value, f.value_len);
      else if (!all) continue;
      else if (jsonb_key(&f, "service_type")) r->type = jsonb_text(p->q->a, f.value, f.value_len);
      else if (jsonb_key(&f, "fqdn")) r->fqdn = jsonb_text(p->q->a, f.value, f.value_len);
      else if (jsonb_key(&f, "tls")) r->tls = *f.value == 't';
    }
    if (*at == '}') at++;
    if (streq(r->service, "frontend") && *r->host) r->url = ui_fmt(p, "https://%s:%s", r->host, r->port);
  }
}

static const char **strings(const struct page *p, const js *v, const char *key, size_t *n) {
  const js *arr = js_arr(v, key);
  const char **out = ARENA_ARRAY(p->q->a, const char *, js_len(arr) + 1);
  *n = 0;
  for (size_t i = 0; i < js_len(arr); i++) out[(*n)++] = nn(js_self_str(js_item(arr, i)));
  return out;
}

/* An Ingress rule matches the host without the port, so http://HOST:NODEPORT/ works and no forwarding of port 80 is needed. */
static const char *ingress_url(const struct page *p, const struct ingress_row *r) {
  if (!r->n_hosts || !r->n_addresses) return "";
  const char *colon = strrchr(r->addresses[0], ':');
  return ui_fmt(p, "%s://%s%s/", r->tls ? "https" : "http", r->hosts[0], colon && !strchr(r->addresses[0], '[') ? colon : "");
}

static void ingresses(const struct page *p, const js *v, struct access *out) {
  out->ingresses = ARENA_ARRAY(p->q->a, struct ingress_row, 16);
  for (struct js_iter it = js_iter(v); js_next(&it) && out->n_ingresses < 16;) {
    struct ingress_row *r = &out->ingresses[out->n_ingresses++];
    *r = (struct ingress_row){.name = arena_strdup(p->q->a, it.key), .tls = js_bool(it.val, "tls", false)};
    r->hosts = strings(p, it.val, "hosts", &r->n_hosts), r->addresses = strings(p, it.val, "addresses", &r->n_addresses);
    r->url = ingress_url(p, r);
  }
}

static const char *bare_address(const struct page *p, const char *s) {
  struct in6_addr x;
  const char *colon = strrchr(s, ':');
  char *host = colon && strchr(s, ':') == colon ? arena_strndup(p->q->a, s, (size_t)(colon - s)) : arena_strdup(p->q->a, s);
  return inet_pton(AF_INET, host, &x) == 1 || inet_pton(AF_INET6, host, &x) == 1 ? host : NULL;
}

static void host_lines(const struct page *p, const struct participant *x, struct access *out) {
  out->lines = ARENA_ARRAY(p->q->a, struct host_line, 4);
  const char *address = NULL;
  struct buf b;
  buf_init(&b, p->q->a, 8192);
  for (size_t i = 0; i < out->n_ingresses; i++) {
    const struct ingress_row *r = &out->ingresses[i];
    const char *a = r->n_addresses ? bare_address(p, r->addresses[0]) : NULL;
    if (!a || (address && !streq(address, a))) continue;
    if (!address) buf_str(&b, address = a);
    for (size_t h = 0; h < r->n_hosts; h++) buf_fmt(&b, " %s", r->hosts[h]);
  }
  if (!address) return;
  buf_fmt(&b, "  # fedlcm %s/%s", x->federation_name, x->name);
  out->lines[out->n_lines++] = (struct host_line){b.p};
}

void ui_services(const struct page *p, const struct participant *x, struct access *out) {
  *out = (struct access){.read = true};
  services(p, nn(x->access_info), false, out);
}

void ui_access(const struct page *p, const struct participant *x, struct access *out) {
  struct err e = ERR_INIT;
  js *i = NULL;
  *out = (struct access){.read = true};
  services(p, nn(x->access_info), true, out);
  if (*nn(x->ingress_info) && js_parse(p->q->a, x->ingress_info, strlen(x->ingress_info), 1 << 20, &i, &e)) ingresses(p, i, out);
  host_lines(p, x, out);
}
