/* Create, first half: connect, namespace, pull secret, certificates (reference 20 sections 6, 8, 9). */
#include "crypt/keystock.h"
#include "crypt/x509.h"
#include "deploy/wf_party.h"
#include "model/cert.h"

#define DONE_IF(x) ((x) ? OUT_DONE : OUT_FAIL)
enum {
  KEY_MS = 1000, /* between two looks at an empty stock */
  KEY_PATIENCE_US = 60 * 1000000, /* then this runner makes the key itself, if it has not just made one */
};

enum outcome p_connect_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  *c = kf_version(w->a, w->kf_token);
  return OUT_CALL;
}
enum outcome p_connect_d(struct work *w, const struct reply *r, struct err *e) {
  const js *d;
  enum outcome o = wf_kf(w, r, &d, e);
  return o == OUT_SKIP ? OUT_RETRY : o;
}

/* --- namespace: ours only if we made it; what was there is stored before we make it, so a repeated apply cannot claim a foreign one --- */
static const char *namespace_json(struct work *w) {
  return arena_fmt(w->a, "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"%s\",\"labels\":{\"name\":\"%s\",\"app.kubernetes.io/managed-by\":\"fedlcm\",\"" LABEL_PARTY "\":\"%s\"}}}", w->party.namespace_,
                   w->party.namespace_, w->party.uuid.s);
}
enum outcome p_namespace_q(struct work *w, struct call *c, struct err *e) {
  (void)e;
  const char *ph = memo_str(w, "ns");
  struct kube_ref ref = wf_ref("v1", "Namespace", "", w->party.namespace_);
  if (streq(ph, "make")) {
    const char *doc = namespace_json(w);
    *c = kube_apply(w->a, ref, doc, strlen(doc), false);
  } else *c = kube_get(w->a, ref);
  return OUT_CALL;
}
static bool keep_namespace(struct work *w, const js *ns, bool ours, struct err *e) {
  return participant_set(w->db, w->a, w->party.uuid, "is_new_namespace", ours ? "t" : "f", e) && participant_set(w->db, w->a, w->party.uuid, "namespace_uid", nn(kube_uid(ns)), e) &&
         work_event(w, false, ours ? TEXT(MSG_EVENT_NS_MADE, w->party.namespace_) : TEXT(MSG_EVENT_NS_USED, w->party.namespace_), e);
}
enum outcome p_namespace_d(struct work *w, const struct reply *r, struct err *e) {
  const js *ns = NULL;
  bool make = streq(memo_str(w, "ns"), "make");
  enum outcome o = wf_kube(w, r, arena_fmt(w->a, "Namespace %s", w->party.namespace_), !make, &ns, e);
  if (o == OUT_SKIP) {
    js_set_str(w->memo, "ns", "make");
    return OUT_MORE;
  }
  if (o != OUT_DONE) return o;
  if (kube_is_deleting(ns)) {
    js_set_str(w->memo, "ns", NULL);
    return work_evidence(w, "namespace", wf_terminating(w, ns, w->party.namespace_), e) ? OUT_WAIT : OUT_FAIL;
  }
  return DONE_IF(keep_namespace(w, ns, make || streq(wf_label(ns, LABEL_PARTY), w->party.uuid.s), e));
}

/* --- pull secret --- */
enum outcome p_pull_q(struct work *w, struct call *c, struct err *e) {
  struct secret pw = {0};
  if (!w->party.use_registry_secret) return OUT_SKIP;
  if (!work_open(w, w->party.registry_secret, &pw, e)) return OUT_FAIL;
  const char *cfg = wf_docker_config(w->a, w->party.registry_server, w->party.registry_username, (const char *)pw.p);
  secret_free(&pw);
  const char *doc = wf_secret_json(w, w->party.namespace_, "registrykeyfate", "kubernetes.io/dockerconfigjson", &(struct wf_datum){".dockerconfigjson", cfg, strlen(cfg)}, 1);
  *c = kube_apply(w->a, wf_ref("v1", "Secret", w->party.namespace_, "registrykeyfate"), doc, strlen(doc), false);
  c->secret_body = true;
  return OUT_CALL;
}
enum outcome p_pull_d(struct work *w, const struct reply *r, struct err *e) {
  enum outcome o = wf_kube(w, r, "Secret registrykeyfate", false, NULL, e);
  return o == OUT_DONE ? DONE_IF(work_event(w, false, TEXT(MSG_EVENT_SECRET, "registrykeyfate"), e)) : o;
}

/* --- certificates: issued from the federation's own CA; the key is kept sealed until the secret is confirmed, then dropped --- */
static bool authority(struct work *w, struct authority *out, struct err *e) {
  bool found, won;
  if (!authority_of(w->db, w->a, w->party.federation_uuid, out, &found, e)) return false;
  if (found) return true;
  struct secret key = {0};
  struct x509_facts f;
  struct authority x = {.uuid = uuid_new(), .federation_uuid = w->party.federation_uuid, .name = arena_fmt(w->a, "FedLCM %s CA", w->party.federation_uuid.s)};
  bool ok = x509_make_ca(w->a, x.name, "FedLCM", &x.cert_pem, &key, e) && work_seal(w, "ca-key", key.p, key.n, &x.key_secret, e) && x509_read(w->a, x.cert_pem, strlen(x.cert_pem), &f, e);
  secret_free(&key);
  if (!ok) return false;
  x.not_after = f.not_after;
  return authority_insert(w->db, w->a, &x, &won, e) && authority_of(w->db, w->a, w->party.federation_uuid, out, &found, e) && found;
}

struct cert_plan { const char *member, *secret, *key_file, *cert_file, *ca_file, *cn; int service; bool pkcs8; int mode; };
static struct cert_plan plan(struct work *w) {
  bool exchange = w->party.type == TYPE_EXCHANGE;
  struct cert_plan p = {exchange ? "proxy_server_cert_info" : "pulsar_server_cert_info", exchange ? "traffic-server-cert" : "pulsar-cert", exchange ? "proxy.key.pem" : "broker.key-pk8.pem", exchange ? "proxy.cert.pem" : "broker.cert.pem",
                        "ca.cert.pem", NULL, exchange ? CS_ATS : CS_PULSAR, !exchange, 0};
  js *m = NULL;
  struct err ignored = ERR_INIT;
  if (js_parse(w->a, w->party.cert_modes, strlen(w->party.cert_modes), 65536, &m, &ignored)) {
    p.mode = (int)js_int(m, arena_fmt(w->a, "%s.binding_mode", p.member), 0);
    p.cn = js_str(m, arena_fmt(w->a, "%s.common_name", p.member));
  }
  if (!exchange) p.cn = arena_fmt(w->a, "%ld.%s", w->party.party_id, w->party.domain); /* a CN in the request is overwritten */
  else if (!p.cn || !*p.cn) p.cn = arena_fmt(w->a, "proxy.%s", w->party.domain);
  return p;
}

static bool record(struct work *w, const struct authority *ca, const struct cert_plan *p, const char *pem, struct err *e) {
  struct x509_facts f;
  if (!x509_read(w->a, pem, strlen(pem), &f, e)) return false;
  struct cert c = {.uuid = uuid_new(), .authority_uuid = ca->uuid, .name = arena_fmt(w->a, "Certificate for %s", p->cn), .subject_cn = p->cn, .sans_json = text_args_json(w->a, text_make(MSG_NONE, (const char *const[]){NULL, p->cn}, 1)),
                   .serial_dec = f.serial_dec, .fingerprint_sha256 = f.fingerprint_sha256, .key_alg = f.key_alg, .pem = pem, .chain_pem = "", .not_before = f.not_before, .not_after = f.not_after};
  struct cert_binding b = {.service_type = p->service, .participant_uuid = w->party.uuid, .federation_uuid = w->party.federation_uuid};
  struct buf m;
  struct jsw j;
  js *modes = NULL;
  buf_init(&m, w->a, 65536), jsw_init(&j, &m);
  if (!js_parse(w->a, w->party.cert_modes, strlen(w->party.cert_modes), 65536, &modes, e)) return false;
  jsw_obj(&j);
  for (struct js_iter it = js_iter(modes); js_next(&it);) {
    if (!streq(it.key, p->member)) { jsw_kraw(&j, it.key, js_dump(w->a, it.val)); continue; }
    jsw_key(&j, it.key), jsw_obj(&j), jsw_ki64(&j, "binding_mode", CERT_CREATE), jsw_kstr(&j, "uuid", c.uuid.s), jsw_kstr(&j, "common_name", p->cn), jsw_end_obj(&j);
  }
  jsw_end_obj(&j);
  return cert_insert(w->db, w->a, &c, &b, e) && participant_set(w->db, w->a, w->party.uuid, "cert_modes", m.p, e) && work_event(w, false, TEXT(MSG_EVENT_CERT, p->cn, f.serial_dec), e);
}

static bool issue(struct work *w, const struct cert_plan *p, struct err *e) {
  struct authority ca;
  struct secret key = {0};
  struct x509_leaf leaf = {0};
  struct uuid id;
  bool ok = authority(w, &ca, e) && work_open(w, ca.key_secret, &key, e) && x509_issue(w->a, ca.cert_pem, &key, p->cn, &p->cn, 1, 8760L * 3600, &leaf, e) && record(w, &ca, p, leaf.cert_pem, e);
  const struct secret *k = p->pkcs8 ? &leaf.key_pkcs8 : &leaf.key_pkcs1;
  ok = ok && work_seal(w, "leaf-key", k->p, k->n, &id, e);
  if (ok) js_set_str(w->memo, "leaf_key", id.s), js_set_str(w->memo, "leaf", leaf.cert_pem), js_set_str(w->memo, "ca", ca.cert_pem);
  secret_free(&key), x509_leaf_free(&leaf);
  if (!ok && e->kind != FAIL_UNAVAILABLE && e->kind != FAIL_TIMEOUT) {
    const char *said = arena_strdup(w->a, err_message(e, w->a));
    return err_set(e, FAIL_UPSTREAM, MSG_CAUSE_CA, p->cn, said);
  }
  return ok;
}

enum outcome p_certs_q(struct work *w, struct call *c, struct err *e) {
  struct cert_plan p = plan(w);
  struct uuid id;
  struct secret key = {0};
  if (p.mode != CERT_CREATE) return OUT_SKIP;
  if (!*memo_str(w, "leaf_key")) {
    bool overdue = w->now - w->step_started > KEY_PATIENCE_US;
    if (keystock_ready() || (overdue && keystock_overdue())) return issue(w, &p, e) ? OUT_MORE : OUT_FAIL;
    return work_evidence(w, "", TEXT(MSG_CAUSE_KEY, p.cn), e) ? (w->wait_ms = KEY_MS, OUT_WAIT) : OUT_FAIL;
  }
  if (!uuid_parse(memo_str(w, "leaf_key"), &id) || !work_open(w, id, &key, e)) return OUT_FAIL;
  const char *leaf = memo_str(w, "leaf"), *ca = memo_str(w, "ca");
  struct wf_datum d[] = {{p.key_file, key.p, key.n}, {p.cert_file, leaf, strlen(leaf)}, {p.ca_file, ca, strlen(ca)}};
  const char *doc = wf_secret_json(w, w->party.namespace_, p.secret, "Opaque", d, 3);
  secret_free(&key);
  *c = kube_apply(w->a, wf_ref("v1", "Secret", w->party.namespace_, p.secret), doc, strlen(doc), false);
  c->secret_body = true;
  return OUT_CALL;
}
enum outcome p_certs_d(struct work *w, const struct reply *r, struct err *e) {
  struct cert_plan p = plan(w);
  struct uuid id;
  enum outcome o = wf_kube(w, r, arena_fmt(w->a, "Secret %s", p.secret), false, NULL, e);
  if (o != OUT_DONE) return o;
  if (uuid_parse(memo_str(w, "leaf_key"), &id) && !secret_delete(w->db, w->a, id, e)) return OUT_FAIL;
  js_set_str(w->memo, "leaf_key", NULL), js_set_str(w->memo, "leaf", NULL), js_set_str(w->memo, "ca", NULL);
  return DONE_IF(work_event(w, false, TEXT(MSG_EVENT_SECRET, p.secret), e));
}
