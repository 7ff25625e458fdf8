/* Contract: kubefate.h, kf_read. Two programs can answer on this way: Kubernetes' API server with a Status object, and KubeFATE with {"error"} or
 * {"code","message"} (reference 10 section 9.4 "Who answered?", section 10.1). Mixing them up would renew the wrong credential or believe an object gone. */
#include <string.h>
#include "base/arena.h"
#include "base/log.h"
#include "base/str.h"
#include "kubefate/kubefate.h"

enum { SAID_MAX = 600 };

static enum kf_verdict say(enum kf_verdict v, enum err_kind kind, enum msg key, const char *said, struct err *e) {
  err_set(e, kind, key, said);
  e->retry = v == KF_RETRY;
  return v;
}

static enum kf_verdict by_kubernetes(struct arena *a, const struct reply *r, const js *body, struct err *e) {
  const char *m = nn(js_str(body, "message")), *said = str_excerpt(a, m, strlen(m), SAID_MAX);
  if (r->status == 401) return say(KF_KUBE_UNAUTHORIZED, FAIL_AUTH, MSG_KUBEFATE_KUBE_UNAUTHORIZED, said, e);
  if (r->status == 403) return say(strstr(m, "system:anonymous") ? KF_KUBE_UNAUTHORIZED : KF_DENIED, FAIL_FORBIDDEN, strstr(m, "system:anonymous") ? MSG_KUBEFATE_KUBE_UNAUTHORIZED : MSG_KUBEFATE_DENIED, said, e);
  /* Never KF_NOT_FOUND: the way is missing, which says nothing about the object asked for. */
  if (r->status == 404) return say(KF_RETRY, FAIL_UPSTREAM, MSG_KUBEFATE_NO_SERVICE, said, e);
  enum msg key = MSG_KUBEFATE_PROXY_FAILING;
  if (strstr(m, "no endpoints available")) key = MSG_KUBEFATE_NO_POD;
  else if (strstr(m, "error trying to reach service") || strstr(m, "dial tcp")) key = MSG_KUBEFATE_UNREACHABLE;
  if (r->status == 429 || r->status >= 500) {
    say(KF_RETRY, FAIL_UPSTREAM, key, said, e);
    e->retry_after = r->retry_after_s;
    return KF_RETRY;
  }
  return say(KF_REFUSED, FAIL_UPSTREAM, MSG_KUBEFATE_REFUSED, said, e);
}

/* KubeFATE passes on errors of its database and of Kubernetes as 500 with the library's words: these pass, its own refusals do not. */
static bool passing(const char *text) {
  static const char *const WORDS[] = {"connection refused", "bad connection", "invalid connection", "i/o timeout", "too many connections", "Too many connections", "database is locked", "no such host",
      "TLS handshake timeout", "connection reset", "context deadline exceeded", "etcdserver:", "the server is currently unable to handle the request"};
  for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
    if (strstr(text, WORDS[i])) return true;
  return false;
}

/* Verdicts by exact text: nearly every failure has status 500 (reference 10 section 10.1). */
static enum kf_verdict by_error_text(struct arena *a, const char *text, struct err *e) {
  const char *said = str_excerpt(a, text, strlen(text), SAID_MAX);
  if (streq(text, "record not found")) return say(KF_NOT_FOUND, FAIL_NOT_FOUND, MSG_KUBEFATE_NOT_FOUND, said, e);
  if (str_ends(text, "Cluster already existed")) return say(KF_EXISTS, FAIL_CONFLICT, MSG_KUBEFATE_EXISTS, said, e); /* "name=X & namespace=Y Cluster already existed" */
  if (passing(text)) return say(KF_RETRY, FAIL_UPSTREAM, MSG_KUBEFATE_FAILING, said, e);
  return say(KF_REFUSED, FAIL_UPSTREAM, MSG_KUBEFATE_REFUSED, said, e);
}

/* The login's own refusals are about user name and password, all other 401 about the token. */
static enum kf_verdict by_authentication(struct arena *a, const struct reply *r, const char *text, struct err *e) {
  const char *said = str_excerpt(a, text, strlen(text), SAID_MAX);
  if (r->status != 401) return say(KF_REFUSED, FAIL_FORBIDDEN, MSG_KUBEFATE_REFUSED, said, e);
  bool login = streq_nocase(text, "incorrect Username or Password") || streq_nocase(text, "missing Username or Password");
  return say(KF_UNAUTHORIZED, FAIL_AUTH, login ? MSG_KUBEFATE_PASSWORD : MSG_KUBEFATE_TOKEN, said, e);
}

static enum kf_verdict by_other(struct arena *a, const struct reply *r, struct err *e) {
  if (r->status == 500 && !r->n) return say(KF_REFUSED, FAIL_UPSTREAM, MSG_KUBEFATE_CRASHED, "", e); /* a panic in a handler: empty body */
  say(KF_RETRY, FAIL_UPSTREAM, MSG_KUBEFATE_OTHER, arena_fmt(a, "HTTP %d, %s", r->status, *nn(r->content_type) ? r->content_type : "no content type"), e);
  e->retry_after = r->retry_after_s;
  err_detail(e, "body: %s", str_excerpt(a, r->body, r->n, 256));
  return KF_RETRY;
}

enum kf_verdict kf_read(struct arena *a, const struct reply *r, const js **out, struct err *e) {
  js *tree = NULL;
  struct err parse = ERR_INIT;
  if (out) *out = NULL;
  if (r->fail != REPLY_OK) {
    reply_err(r, "KubeFATE", e);
    return e->retry ? KF_RETRY : KF_REFUSED;
  }
  const js *body = r->n && js_parse(a, r->body, r->n, r->n, &tree, &parse) ? js_obj(tree, "") : NULL;
  if (!body) return by_other(a, r, e);
  bool status = streq(js_str(body, "kind"), "Status") && streq(js_str(body, "apiVersion"), "v1");
  if (r->status >= 200 && r->status < 300 && !status) {
    if (out) *out = body;
    return KF_DONE;
  }
  if (status) return by_kubernetes(a, r, body, e);
  if (r->status < 400) return by_other(a, r, e);
  const char *error = js_str(body, "error"), *message = js_str(body, "message"), *msg = js_str(body, "msg");
  if (error) return by_error_text(a, error, e);
  if (message && js_int(body, "code", 0) == r->status) return by_authentication(a, r, message, e);
  if (msg && r->status >= 400) return by_error_text(a, msg, e);
  return by_other(a, r, e);
}
