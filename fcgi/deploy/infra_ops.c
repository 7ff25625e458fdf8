/* Contract: infra_ops.h. */
#include "deploy/infra_ops.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/name.h"
#include "base/str.h"
#include "db/db.h"
#include "deploy/op.h"
#include "kube/kubeconfig.h"
#include "model/event.h"

static const struct stmt Q_NOW = {"infra_ops_now", "select " USEC("now()")};
static const struct stmt Q_DUP = {"infra_ops_dup",
    "select (select count(*) from infra where name = $1 and uuid::text <> $4), (select count(*) from infra where config_sha256 = $2 and namespaces = array(select jsonb_array_elements_text($3::jsonb)) and uuid::text <> $4)"};
static const struct stmt Q_TAKE = {"infra_ops_take", "update probe set kind = 'infra_test_used', input_secret = null, version = version + 1 where uuid = $1 and kind = 'infra_test' and state = 'done' and (input->'form'->>'save')::boolean returning id"};
const struct stmt *const STMTS_INFRA_OPS[] = {&Q_NOW, &Q_DUP, &Q_TAKE, NULL};

static bool now(struct db *db, struct arena *a, usec_t *out, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_NOW, &r, e)) return false;
  *out = row_time(&r, 0, 0);
  return true;
}

const char *infra_ops_registry_mask(struct arena *a, struct uuid infra) { return arena_fmt(a, "(stored: %s/registry_password)", infra.s); }

/* The kubeconfig read, with the masked text of a stored one understood. */
static bool read(struct db *db, struct arena *a, const struct infra_form *f, struct kubeconfig *k, bool *masked, struct err *e) {
  usec_t t;
  struct infra i;
  bool same;
  *masked = false;
  if (strlen(f->kubeconfig) > KUBECONFIG_MAX) return err_set(e, FAIL_TOO_LARGE, MSG_INFRA_KUBECONFIG_LARGE);
  if (!now(db, a, &t, e)) return false;
  if (!uuid_none(f->uuid) && kubeconfig_is_masked(f->kubeconfig)) {
    if (!infra_get(db, a, f->uuid, &i, e) || !kubeconfig_same_destination(a, f->kubeconfig, i.kubeconfig_shown, &same, e)) return false;
    if (!same) return err_set(e, FAIL_INVALID, MSG_INFRA_ENTER_AGAIN, "kubeconfig");
    return *masked = true;
  }
  return kubeconfig_read(a, f->kubeconfig, strlen(f->kubeconfig), uuid_none(f->uuid) ? "new" : f->uuid.s, f->allow_insecure, t, k, e);
}

bool infra_ops_read(struct db *db, struct arena *a, const struct infra_form *f, struct infra_reading *out, struct err *e) {
  struct kubeconfig k = {0};
  *out = (struct infra_reading){0};
  if (!read(db, a, f, &k, &out->masked, e)) return false;
  if (out->masked) return out->ok = true;
  *out = (struct infra_reading){.ok = k.ok, .server = nn(k.server), .context = nn(k.context), .cluster = nn(k.cluster), .user = nn(k.user), .auth_kind = nn(k.auth_kind), .cert_subject = nn(k.cert_subject), .default_namespace = nn(k.default_namespace), .shown = nn(k.shown), .cert_not_after = k.cert_not_after};
  for (int i = 0; i < k.n_findings && i < 24; i++) out->f[out->n++] = (struct infra_finding){k.findings[i].level == FINDING_FAIL ? 2 : k.findings[i].level == FINDING_WARN ? 1 : 0, k.findings[i].t};
  return true;
}

static bool first_failure(const struct kubeconfig *k, struct err *e) {
  for (int i = 0; i < k->n_findings; i++) {
    if (k->findings[i].level != FINDING_FAIL) continue;
    const char *v[TEXT_MAX_ARGS + 1] = {NULL};
    for (int n = 0; n < k->findings[i].t.n; n++) v[n + 1] = k->findings[i].t.args[n];
    return err_set_at(e, FAIL_INVALID, k->findings[i].t.key, __FILE__, __LINE__, v, (size_t)k->findings[i].t.n);
  }
  return err_set(e, FAIL_BUG, MSG_INTERNAL_BUG);
}

static bool check_form(struct arena *a, const struct infra_form *f, bool name_optional, struct err *e) {
  if (!streq(f->type, "Kubernetes") && !name_optional) return err_set(e, FAIL_INVALID, MSG_INFRA_TYPE, nn(f->type), "Kubernetes");
  if (!name_optional && !name_display(nn(f->name))) return err_set(e, FAIL_INVALID, MSG_NAME_BAD);
  if (strlen(nn(f->description)) > 4000) return err_set(e, FAIL_INVALID, MSG_DESCRIPTION_BAD);
  if (str_blank(f->kubeconfig)) return f->in_cluster ? err_set(e, FAIL_INVALID, MSG_INFRA_NO_IN_CLUSTER) : err_set(e, FAIL_INVALID, MSG_INFRA_NO_KUBECONFIG);
  for (size_t i = 0; i < f->n_namespaces; i++)
    if (!name_dns_label(f->namespaces[i])) return err_set(e, FAIL_INVALID, MSG_INFRA_NAMESPACE, str_excerpt(a, f->namespaces[i], strlen(f->namespaces[i]), 80));
  if (f->use_registry && (str_blank(f->registry) || strpbrk(f->registry, " \t\n\"'") || strstr(f->registry, "://"))) return err_set(e, FAIL_INVALID, MSG_VALUES_PARAMETER, "registry", "@expect.registry");
  if (f->use_registry_secret && (!(str_starts(nn(f->registry_server), "https://") || str_starts(nn(f->registry_server), "http://")) || str_blank(f->registry_username)))
    return err_set(e, FAIL_INVALID, MSG_VALUES_PARAMETER, "registry_secret_config", "@expect.registry-server");
  return true;
}

static const char *names(struct arena *a, const struct infra_form *f) {
  struct buf b;
  struct jsw w;
  buf_init(&b, a, 65536), jsw_init(&w, &b), jsw_arr(&w);
  for (size_t i = 0; i < f->n_namespaces; i++) jsw_str(&w, f->namespaces[i]);
  jsw_end_arr(&w);
  return b.p;
}

/* The registry password: typed now, or the stored one while its server is unchanged. */
static bool registry(struct db *db, struct arena *a, const struct seal_pub *k, const struct infra_form *f, struct uuid *out, struct err *e) {
  struct infra i;
  *out = (struct uuid){{0}};
  if (!f->use_registry_secret) return true;
  bool keep = !*nn(f->registry_password) || str_starts(f->registry_password, "(stored: ");
  if (!keep) return secret_store(db, a, k, "registry", f->registry_password, strlen(f->registry_password), out, e);
  if (uuid_none(f->uuid)) return err_set(e, FAIL_INVALID, MSG_INFRA_ENTER_AGAIN, "registry_secret_config.password");
  if (!infra_get(db, a, f->uuid, &i, e)) return false;
  if (uuid_none(i.registry_secret) || !streq(i.registry_server, f->registry_server)) return err_set(e, FAIL_INVALID, MSG_INFRA_ENTER_AGAIN, "registry_secret_config.password");
  *out = i.registry_secret;
  return true;
}

static const char *form_json(struct arena *a, const struct infra_form *f, const struct kubeconfig *k, bool masked, struct uuid reg, bool save) {
  struct buf b;
  struct jsw w;
  buf_init(&b, a, 4 << 20), jsw_init(&w, &b), jsw_obj(&w), jsw_key(&w, "form"), jsw_obj(&w);
  jsw_kstr(&w, "uuid", f->uuid.s), jsw_kstr(&w, "name", nn(f->name)), jsw_kstr(&w, "description", nn(f->description)), jsw_kbool(&w, "use_registry", f->use_registry), jsw_kstr(&w, "registry", nn(f->registry));
  jsw_kbool(&w, "use_registry_secret", f->use_registry_secret), jsw_kstr(&w, "registry_server", nn(f->registry_server)), jsw_kstr(&w, "registry_username", nn(f->registry_username)), jsw_kstr(&w, "registry_secret", reg.s), jsw_kbool(&w, "allow_insecure", f->allow_insecure), jsw_kbool(&w, "save", save), jsw_end_obj(&w);
  jsw_kraw(&w, "namespaces", names(a, f)), jsw_kbool(&w, "unchanged", masked);
  if (!masked) {
    jsw_key(&w, "kubeconfig"), jsw_obj(&w), jsw_kstr(&w, "shown", k->shown), jsw_kstr(&w, "sha256", k->canonical_sha256), jsw_kstr(&w, "server", k->server), jsw_kstr(&w, "ca_sha256", nn(k->ca_sha256)), jsw_kstr(&w, "auth_kind", k->auth_kind);
    jsw_kstr(&w, "auth_subject", nn(k->cert_subject)), jsw_ki64(&w, "cert_not_after", k->cert_not_after), jsw_kbool(&w, "insecure", k->insecure), jsw_end_obj(&w);
  }
  jsw_end_obj(&w);
  return b.p;
}

bool infra_ops_test(struct db *db, struct arena *a, const struct seal_pub *key, const struct infra_form *f, bool name_optional, const char *actor, struct uuid *out, struct err *e) {
  struct kubeconfig k = {0};
  bool masked;
  struct uuid secret = {{0}}, reg;
  struct rows r;
  if (!check_form(a, f, name_optional, e) || !read(db, a, f, &k, &masked, e)) return false;
  if (!masked && !k.ok) return first_failure(&k, e);
  if (!name_optional) {
    if (!db_query(db, a, &Q_DUP, &r, e, nn(f->name), masked ? "" : k.canonical_sha256, names(a, f), f->uuid.s)) return false;
    if (row_int(&r, 0, 0)) return err_set(e, FAIL_CONFLICT, MSG_INFRA_NAME_TAKEN, f->name);
    if (row_int(&r, 0, 1)) return err_set(e, FAIL_CONFLICT, MSG_INFRA_CONFIG_TAKEN);
  }
  TX(tx);
  if (!tx_begin(db, &tx, e) || !registry(db, a, key, f, &reg, e)) return false;
  if (!masked && !secret_store(db, a, key, "kubeconfig", k.canonical, strlen(k.canonical), &secret, e)) return false;
  return probe_start(db, a, "infra_test", actor, masked ? f->uuid : (struct uuid){{0}}, form_json(a, f, &k, masked, reg, !name_optional), secret, out, e) && tx_commit(&tx, e);
}

bool infra_ops_retest(struct db *db, struct arena *a, struct uuid id, const char *actor, struct uuid *out, struct err *e) {
  struct infra i;
  if (!infra_get(db, a, id, &i, e)) return false;
  struct infra_form f = {.uuid = i.uuid, .name = i.name, .namespaces = i.namespaces, .n_namespaces = i.n_namespaces};
  return probe_start(db, a, "infra_test", actor, id, form_json(a, &f, NULL, true, (struct uuid){{0}}, false), (struct uuid){{0}}, out, e);
}

static bool fill(struct db *db, struct arena *a, const struct probe *p, struct infra *i, bool *edit, struct err *e) {
  const js *f = js_obj(p->input, "form"), *k = js_obj(p->input, "kubeconfig"), *ns = js_arr(p->input, "namespaces");
  struct uuid id;
  *edit = uuid_parse(js_str(f, "uuid"), &id);
  *i = (struct infra){.uuid = uuid_new(), .type = "Kubernetes", .facts = "{}"};
  if (*edit && !infra_get(db, a, id, i, e)) return false;
  i->name = nn(js_str(f, "name")), i->description = nn(js_str(f, "description")), i->use_registry = js_bool(f, "use_registry", false), i->registry = nn(js_str(f, "registry"));
  i->use_registry_secret = js_bool(f, "use_registry_secret", false), i->registry_server = nn(js_str(f, "registry_server")), i->registry_username = nn(js_str(f, "registry_username"));
  if (!uuid_parse(js_str(f, "registry_secret"), &i->registry_secret)) i->registry_secret = (struct uuid){{0}};
  i->namespaces = ARENA_ARRAY(a, const char *, js_len(ns) + 1), i->n_namespaces = 0;
  for (size_t n = 0; n < js_len(ns); n++) i->namespaces[i->n_namespaces++] = nn(js_self_str(js_item(ns, n)));
  if (!k) return true;
  bool moved = *edit && (!streq(i->api_host, js_str(k, "server")) || !streq(i->ca_sha256, js_str(k, "ca_sha256")));
  if (moved && (i->n_endpoints || i->n_participants)) return err_set(e, FAIL_CONFLICT, MSG_INFRA_MOVED, i->name);
  i->kubeconfig_secret = p->input_secret, i->config_sha256 = nn(js_str(k, "sha256")), i->kubeconfig_shown = nn(js_str(k, "shown")), i->api_host = nn(js_str(k, "server")), i->ca_sha256 = nn(js_str(k, "ca_sha256"));
  i->auth_kind = nn(js_str(k, "auth_kind")), i->auth_subject = nn(js_str(k, "auth_subject")), i->cert_not_after = js_int(k, "cert_not_after", 0), i->insecure_tls = js_bool(k, "insecure", false);
  return true;
}

bool infra_ops_commit(struct db *db, struct arena *a, struct uuid probe, const char *actor, struct uuid *out, struct err *e) {
  TX(tx);
  struct probe p;
  struct infra i;
  struct rows r;
  bool edit;
  (void)actor;
  if (!tx_begin(db, &tx, e) || !probe_get(db, a, probe, &p, e)) return false;
  if (streq(p.state, "failed")) return probe_error(a, &p, e);
  if (!db_query(db, a, &Q_TAKE, &r, e, probe.s)) return false;
  if (!r.n) return err_set(e, FAIL_CONFLICT, MSG_INFRA_PROBE_USED);
  if (!fill(db, a, &p, &i, &edit, e) || !(edit ? infra_update(db, a, &i, e) : infra_insert(db, a, &i, e))) return false;
  const js *facts = js_obj(p.result, "facts");
  if (!infra_set_test(db, a, i.uuid, true, facts ? js_dump(a, facts) : NULL, "", "[]", e) || !tx_commit(&tx, e)) return false;
  *out = i.uuid;
  return true;
}

bool infra_ops_update(struct db *db, struct arena *a, const struct seal_pub *k, const struct infra_form *f, const char *actor, bool *needs_test, struct err *e) {
  struct infra i;
  struct kubeconfig kc = {0};
  bool masked;
  (void)actor;
  if (!infra_get(db, a, f->uuid, &i, e) || !check_form(a, f, false, e) || !read(db, a, f, &kc, &masked, e)) return false;
  bool same_ns = i.n_namespaces == f->n_namespaces;
  for (size_t n = 0; same_ns && n < f->n_namespaces; n++) same_ns = streq(i.namespaces[n], f->namespaces[n]);
  *needs_test = !masked || !same_ns;
  if (*needs_test) return true;
  TX(tx);
  if (!tx_begin(db, &tx, e) || !registry(db, a, k, f, &i.registry_secret, e)) return false;
  i.name = f->name, i.description = nn(f->description), i.use_registry = f->use_registry, i.registry = nn(f->registry), i.use_registry_secret = f->use_registry_secret, i.registry_server = nn(f->registry_server), i.registry_username = nn(f->registry_username);
  return infra_update(db, a, &i, e) && tx_commit(&tx, e);
}

bool infra_ops_delete(struct db *db, struct arena *a, struct uuid id, struct err *e) { return infra_delete(db, a, id, e); }

void infra_ops_form(struct arena *a, const struct probe *p, struct infra_form *out) {
  const js *f = js_obj(p->input, "form"), *ns = js_arr(p->input, "namespaces");
  *out = (struct infra_form){.name = nn(js_str(f, "name")), .description = nn(js_str(f, "description")), .type = "Kubernetes", .kubeconfig = nn(js_str(p->input, "kubeconfig.shown")), .allow_insecure = js_bool(f, "allow_insecure", false),
      .use_registry = js_bool(f, "use_registry", false), .registry = nn(js_str(f, "registry")), .use_registry_secret = js_bool(f, "use_registry_secret", false), .registry_server = nn(js_str(f, "registry_server")), .registry_username = nn(js_str(f, "registry_username")), .registry_password = ""};
  if (!uuid_parse(js_str(f, "uuid"), &out->uuid)) out->uuid = (struct uuid){{0}};
  out->namespaces = ARENA_ARRAY(a, const char *, js_len(ns) + 1);
  for (size_t i = 0; i < js_len(ns); i++) out->namespaces[out->n_namespaces++] = nn(js_self_str(js_item(ns, i)));
}

void infra_ops_rights(struct arena *a, const struct probe *p, struct right_line **out, size_t *n) {
  const js *v = js_arr(p->result, "rights");
  *out = ARENA_ARRAY(a, struct right_line, js_len(v) + 1), *n = 0;
  for (size_t i = 0; i < js_len(v); i++) (*out)[(*n)++] = (struct right_line){nn(js_str(js_item(v, i), "what")), js_bool(js_item(v, i), "allowed", false), js_bool(js_item(v, i), "optional", false)};
}
