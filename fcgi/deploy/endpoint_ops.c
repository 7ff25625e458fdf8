/* Contract: endpoint_ops.h. */
#include "deploy/endpoint_ops.h"
#include "base/arena.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/name.h"
#include "base/str.h"
#include "codec/yml.h"
#include "crypt/rnd.h"
#include "db/db.h"
#include "deploy/op.h"
#include "deploy/values.h"
#include "model/event.h"
#include "model/infra.h"
#include "model/status.h"

static bool namespace_ok(const struct infra *i, const char *ns, struct err *e) {
  if (!i->n_namespaces) return !*ns ? true : err_set(e, FAIL_INVALID, MSG_ENDPOINT_NS_UNWANTED, i->name);
  for (size_t k = 0; k < i->n_namespaces; k++)
    if (streq(i->namespaces[k], ns)) return true;
  return err_set(e, FAIL_INVALID, MSG_ENDPOINT_NS_UNKNOWN, ns, i->name);
}

bool endpoint_ops_scan(struct db *db, struct arena *a, struct uuid infra, const char *ns, const char *type, const char *actor, struct uuid *out, struct err *e) {
  struct infra i;
  struct buf b;
  struct jsw w;
  if (!streq(type, "KubeFATE")) return err_set(e, FAIL_INVALID, MSG_ENDPOINT_TYPE);
  if (!infra_get(db, a, infra, &i, e) || !namespace_ok(&i, ns, e)) return false;
  buf_init(&b, a, 4096), jsw_init(&w, &b), jsw_obj(&w), jsw_kstr(&w, "namespace", ns), jsw_end_obj(&w);
  return probe_start(db, a, "endpoint_scan", actor, infra, b.p, (struct uuid){{0}}, out, e);
}

void endpoint_ops_scan_result(struct arena *a, const struct probe *p, struct scan_item *out) {
  (void)a;
  *out = (struct scan_item){.found = js_bool(p->result, "found", false), .compatible = js_bool(p->result, "compatible", false), .version = nn(js_str(p->result, "version")), .created_at = nn(js_str(p->result, "created_at"))};
  out->name = out->compatible ? "compatible endpoint" : "incompatible endpoint";
}

/* Literal secrets in the text leave it: the value is sealed, a placeholder stands in its place. */
static bool hide_literals(struct db *db, struct arena *a, const struct seal_pub *k, struct uuid owner, const char **text, const char **typed, struct err *e) {
  *typed = NULL;
  static const struct { const char *path, *name; } S[] = {{"stringData.kubefatePassword", "kubefate_password"}, {"stringData.mariadbPassword", "mariadb_password"}, {"stringData.mariadbRootPassword", "mariadb_root_password"}, {"stringData..dockerconfigjson", "registry_dockerconfig"}};
  const struct yml **docs;
  size_t n, k2 = 0, len;
  struct yml_edit edits[32];
  if (!yml_parse_all(a, *text, strlen(*text), VALUES_MAX, 100, &docs, &n, e)) return false;
  for (size_t i = 0; i < n; i++) {
    if (!streq(yml_str(docs[i], "kind"), "Secret")) continue;
    for (size_t s = 0; s < sizeof S / sizeof *S && k2 < 32; s++) {
      const struct yml *v = s == 3 ? yml_get(yml_get(docs[i], "stringData"), ".dockerconfigjson") : yml_at(docs[i], S[s].path);
      if (!v || v->kind != YML_SCALAR || strstr(v->s, "${secret:")) continue;
      if (!named_secret_set(db, a, k, owner, S[s].name, v->s, e)) return false;
      if (s == 0) *typed = v->s;
      edits[k2++] = (struct yml_edit){v->start, v->end, arena_fmt(a, "\"${secret:%s}\"", S[s].name)};
    }
  }
  if (k2) *text = yml_splice(a, *text, strlen(*text), edits, k2, &len);
  return true;
}

static const char *docker_config(struct arena *a, const char *server, const char *user, const char *password) {
  struct buf b;
  struct jsw j;
  char *pair = arena_fmt(a, "%s:%s", user, password);
  buf_init(&b, a, 65536), jsw_init(&j, &b);
  jsw_obj(&j), jsw_key(&j, "auths"), jsw_obj(&j), jsw_key(&j, server), jsw_obj(&j), jsw_kstr(&j, "username", user), jsw_kstr(&j, "password", password), jsw_kstr(&j, "auth", b64_encode(a, pair, strlen(pair)));
  jsw_end_obj(&j), jsw_end_obj(&j), jsw_end_obj(&j);
  return b.p;
}

/* Every placeholder gets a value: generated ones, and the registry's from the infrastructure. */
static bool make_secrets(struct db *db, struct arena *a, const struct seal_pub *k, struct uuid owner, const char *text, const struct endpoint_form *f, const struct infra *i, struct err *e) {
  const char **names;
  size_t n, have;
  struct named_secret *known;
  if (!values_secrets(a, text, &names, &n, e) || !named_secret_list(db, a, owner, &known, &have, e)) return false;
  for (size_t x = 0; x < n; x++) {
    bool set = false;
    for (size_t y = 0; y < have; y++) set |= streq(known[y].name, names[x]);
    if (set) continue;
    if (streq(names[x], "kubefate_password") || streq(names[x], "mariadb_password") || streq(names[x], "mariadb_root_password")) {
      if (!named_secret_set(db, a, k, owner, names[x], rnd_password(a, 24), e)) return false;
    } else if (streq(names[x], "registry_dockerconfig") && *nn(f->registry_password) && !str_starts(f->registry_password, "(stored:")) {
      const char *cfg = docker_config(a, i->registry_server, i->registry_username, f->registry_password);
      if (!named_secret_set(db, a, k, owner, names[x], cfg, e)) return false;
    } else return err_set(e, FAIL_INVALID, MSG_VALUES_NO_SECRET, names[x]);
  }
  return true;
}

static const char *label_uuid(struct arena *a, const char *text, struct uuid id) { /* the review text was made before the uuid was known */
  struct buf b;
  static const char NEW[] = "fedlcm.io/endpoint: \"new\"";
  buf_init(&b, a, VALUES_MAX * 2);
  for (const char *p; (p = strstr(text, NEW)); text = p + strlen(NEW)) buf_add(&b, text, (size_t)(p - text)), buf_fmt(&b, "fedlcm.io/endpoint: \"%s\"", id.s);
  buf_str(&b, text);
  return b.p;
}

static bool account(struct db *db, struct arena *a, const struct seal_pub *k, const char *text, struct uuid owner, const char *typed, struct uuid *out, struct err *e);

bool endpoint_ops_create(struct db *db, struct arena *a, const struct seal_pub *k, const struct endpoint_form *f, const char *actor, struct uuid *out, struct err *e) {
  struct infra i;
  const char *ns = nn(f->namespace_), *text = nn(f->manifest), *typed = NULL;
  struct endpoint x = {.uuid = uuid_new(), .infra_uuid = f->infra, .namespace_ = ns, .name = str_trim(a, f->name), .description = nn(f->description), .status = EP_CREATING, .adopted = !f->install, .manifest = "", .host = ""};
  if (!streq(f->type, "KubeFATE")) return err_set(e, FAIL_INVALID, MSG_ENDPOINT_TYPE);
  if (!name_display(x.name)) return err_set(e, FAIL_INVALID, MSG_NAME_BAD);
  if (f->ingress_mode < 0 || f->ingress_mode > 3) return err_set(e, FAIL_INVALID, MSG_ENDPOINT_MODE);
  if (f->ingress_mode == 1 || f->ingress_mode == 2) return err_set(e, FAIL_INVALID, MSG_ENDPOINT_NO_CONTROLLER);
  if (!infra_get(db, a, f->infra, &i, e) || !namespace_ok(&i, ns, e)) return false;
  TX(tx);
  if (!tx_begin(db, &tx, e)) return false;
  if (f->install) {
    struct manifest_form m = {.namespace_ = ns, .service_username = "admin", .hostname = "kubefate.net", .uuid = x.uuid.s};
    if (str_blank(text) && !manifest_render(a, &m, &text, e)) return false;
    text = label_uuid(a, text, x.uuid);
    if (!manifest_check(a, text, ns, e) || !hide_literals(db, a, k, x.uuid, &text, &typed, e) || !make_secrets(db, a, k, x.uuid, text, f, &i, e) || !account(db, a, k, text, x.uuid, typed, &x.credential_secret, e)) return false;
    x.manifest = text;
  }
  struct op_hold h[] = {{i.uuid, false}};
  struct op_new o = {.workflow = f->install ? "endpoint_install" : "endpoint_adopt", .subject_type = "endpoint", .subject = x.uuid, .subject_name = x.name, .actor = actor, .input_json = "{}", .holds = h, .n_holds = 1};
  if (!endpoint_insert(db, a, &x, e) || !op_insert(db, a, &o, NULL, e) || !event_add(db, a, x.uuid, ENTITY_ENDPOINT, 0, false, actor, TEXT(MSG_EVENT_ENDPOINT_START, x.name, i.name), e)) return false;
  *out = x.uuid;
  return tx_commit(&tx, e);
}

/* KubeFATE's account "user\npassword" as its own secret, for logging in. The password is generated here or was typed; both are known in this request only. */
static bool account(struct db *db, struct arena *a, const struct seal_pub *k, const char *text, struct uuid owner, const char *typed, struct uuid *out, struct err *e) {
  const struct yml **docs;
  size_t n;
  const char *user = "admin";
  if (!yml_parse_all(a, text, strlen(text), VALUES_MAX, 100, &docs, &n, e)) return false;
  for (size_t i = 0; i < n; i++)
    if (yml_str(docs[i], "stringData.kubefateUsername")) user = yml_str(docs[i], "stringData.kubefateUsername");
  /* One password for both secrets: set again together. */
  const char *pw = rnd_password(a, 24);
  if (typed) pw = typed;
  char *pair = arena_fmt(a, "%s\n%s", user, pw);
  return (typed || named_secret_set(db, a, k, owner, "kubefate_password", pw, e)) && secret_store(db, a, k, "kubefate", pair, strlen(pair), out, e);
}

bool endpoint_ops_check(struct db *db, struct arena *a, struct uuid id, const char *actor, struct uuid *out, struct err *e) {
  struct endpoint x;
  if (!endpoint_get(db, a, id, &x, e)) return false;
  if (x.status == EP_CREATING || x.status == EP_DELETING) return err_set(e, FAIL_CONFLICT, MSG_ENDPOINT_BUSY, x.name);
  return probe_start(db, a, "endpoint_probe", actor, id, "{}", (struct uuid){{0}}, out, e);
}

bool endpoint_ops_delete(struct db *db, struct arena *a, struct uuid id, bool uninstall, bool force, const char *actor, struct err *e) {
  struct endpoint x;
  bool changed;
  TX(tx);
  if (!tx_begin(db, &tx, e) || !op_lock_live(db, a, id, e) || !endpoint_get(db, a, id, &x, e)) return false;
  if (x.n_participants) return err_set(e, FAIL_CONFLICT, MSG_ENDPOINT_IN_USE, x.name, num_text((char[24]){0}, x.n_participants));
  if (!endpoint_set_status(db, a, id, ~0u, EP_DELETING, "", "[]", &changed, e)) return false;
  /* Only our record goes when nothing was installed by us, or when the person keeps KubeFATE: then there is no inventory to work through. */
  struct op_hold h[] = {{x.infra_uuid, false}, {id, true}};
  bool live = *x.op_uuid != 0;
  struct op_new o = {.workflow = "endpoint_remove", .subject_type = "endpoint", .subject = id, .subject_name = x.name, .actor = actor, .input_json = !uninstall ? "{\"keep\":true}" : force ? "{\"force\":true}" : "{}", .holds = h, .n_holds = 2,
                     .supersede = force || (live && (streq(x.op_state, "failed") || streq(x.op_kind, "endpoint_install") || streq(x.op_kind, "endpoint_adopt")))};
  return op_insert(db, a, &o, NULL, e) && event_add(db, a, id, ENTITY_ENDPOINT, 0, false, actor, TEXT(MSG_EVENT_ENDPOINT_DELETE, x.name), e) && tx_commit(&tx, e);
}

bool endpoint_ops_repair(struct db *db, struct arena *a, struct uuid id, const char *actor, struct err *e) {
  struct endpoint x;
  TX(tx);
  if (!tx_begin(db, &tx, e) || !endpoint_get(db, a, id, &x, e)) return false;
  if (x.status == EP_CREATING || x.status == EP_DELETING) return err_set(e, FAIL_CONFLICT, MSG_ENDPOINT_BUSY, x.name);
  struct op_hold h[] = {{x.infra_uuid, false}};
  struct op_new o = {.workflow = x.adopted ? "endpoint_adopt" : "endpoint_repair", .subject_type = "endpoint", .subject = id, .subject_name = x.name, .actor = actor, .input_json = "{}", .holds = h, .n_holds = 1, .supersede_failed = true};
  return op_insert(db, a, &o, NULL, e) && event_add(db, a, id, ENTITY_ENDPOINT, 0, false, actor, TEXT(MSG_EVENT_REPAIR, x.name), e) && tx_commit(&tx, e);
}
