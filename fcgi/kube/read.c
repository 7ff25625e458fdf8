/* Contract: read.h. Verdicts by reference 10 section 12.9, with what trials added in section 15. */
#include "kube/read.h"
#include <string.h>
#include "base/arena.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"

enum { SAID_MAX = 600 };

struct answer { struct arena *a; const struct reply *r; const char *what; const js *body; const char *reason, *said; };

static enum kube_verdict say(const struct answer *x, enum kube_verdict v, enum err_kind kind, enum msg key, struct err *e) {
  err_set(e, kind, key, x->what, x->said);
  e->retry = v == KUBE_RETRY || v == KUBE_TERMINATING || v == KUBE_CONFLICT || v == KUBE_GONE;
  return v;
}

/* Not a Status object: a gateway, a proxy, a wrong port. Its text goes to the log only, so that nobody can use us to read pages of internal servers
 * (reference 10 section 4.2, SSRF). */
static enum kube_verdict foreign(struct answer *x, struct err *e) {
  const struct reply *r = x->r;
  x->said = arena_fmt(x->a, "HTTP %d, %s", r->status, *nn(r->content_type) ? r->content_type : "no content type");
  enum kube_verdict v;
  /* What every Go server says to an unknown path. It must not count as "the object is absent": a gateway without its backend says it too. */
  if (r->status == 404 && r->n < 64 && str_starts(r->body, "404 page not found")) v = say(x, KUBE_REFUSED, FAIL_NOT_FOUND, MSG_KUBE_PATH, e);
  else if (r->status == 401) v = say(x, KUBE_UNAUTHORIZED, FAIL_AUTH, MSG_KUBE_UNAUTHORIZED, e);
  else if (r->status == 413) v = say(x, KUBE_REFUSED, FAIL_TOO_LARGE, MSG_KUBE_REFUSED, e);
  else if (r->status == 429) v = say(x, KUBE_RETRY, FAIL_BUSY, MSG_KUBE_BUSY, e);
  else v = say(x, KUBE_RETRY, FAIL_UPSTREAM, MSG_KUBE_GATEWAY, e);
  e->retry_after = r->retry_after_s;
  err_detail(e, "body: %s", str_excerpt(x->a, r->body, r->n, 256));
  return v;
}

static bool has_cause(const js *status, const char *reason) {
  const js *causes = js_arr(status, "details.causes");
  for (size_t i = 0; i < js_len(causes); i++)
    if (streq(js_str(js_item(causes, i), "reason"), reason)) return true;
  return false;
}

/* The server's message; for 422 the causes with their field paths when the message does not hold them. */
static const char *said(struct arena *a, const js *status) {
  const char *m = js_str(status, "message");
  const js *causes = js_arr(status, "details.causes");
  struct buf b;
  buf_init(&b, a, 8192);
  buf_str(&b, m && *m ? m : js_str(status, "reason") ? js_str(status, "reason") : "no reason given");
  for (size_t i = 0; i < js_len(causes) && i < 8; i++) {
    const char *field = js_str(js_item(causes, i), "field"), *text = js_str(js_item(causes, i), "message");
    if (!text || strstr(b.p, text)) continue;
    buf_fmt(&b, "; %s%s%s", nn(field), field && *field ? ": " : "", text);
  }
  return str_excerpt(a, b.p, b.n, SAID_MAX);
}

static enum kube_verdict forbidden(const struct answer *x, struct err *e) {
  if (has_cause(x->body, "NamespaceTerminating") || strstr(x->said, "because it is being terminated")) return say(x, KUBE_TERMINATING, FAIL_CONFLICT, MSG_KUBE_TERMINATING, e);
  if (strstr(x->said, "system:anonymous")) return say(x, KUBE_UNAUTHORIZED, FAIL_AUTH, MSG_KUBE_UNAUTHORIZED, e); /* anonymous access: our credentials did not count */
  if (strstr(x->said, "exceeded quota")) return say(x, KUBE_REFUSED, FAIL_UPSTREAM, MSG_KUBE_QUOTA, e);
  if (strstr(x->said, "violates PodSecurity") || strstr(x->said, "admission webhook") || strstr(x->said, "ValidatingAdmissionPolicy")) return say(x, KUBE_REFUSED, FAIL_UPSTREAM, MSG_KUBE_POLICY, e);
  return say(x, KUBE_DENIED, FAIL_FORBIDDEN, MSG_KUBE_DENIED, e);
}

static enum kube_verdict conflict(const struct answer *x, struct err *e) {
  if (strstr(x->said, "object is being deleted")) return say(x, KUBE_TERMINATING, FAIL_CONFLICT, MSG_KUBE_TERMINATING, e); /* reference 10 section 15.15 */
  if (streq(x->reason, "AlreadyExists")) return say(x, KUBE_EXISTS, FAIL_CONFLICT, MSG_KUBE_EXISTS, e);
  if (strstr(x->said, "UID in precondition") || strstr(x->said, "UID in the precondition")) { /* both wordings exist: registry store, etcd3 store */
    say(x, KUBE_CONFLICT, FAIL_CONFLICT, MSG_KUBE_RECREATED, e);
    e->retry = false;
    return KUBE_CONFLICT;
  }
  return say(x, KUBE_CONFLICT, FAIL_CONFLICT, MSG_KUBE_CONFLICT, e);
}

static enum kube_verdict failing(const struct answer *x, struct err *e) {
  int64_t wait = js_int(x->body, "details.retryAfterSeconds", 0);
  bool busy = x->r->status == 429;
  enum msg key = strstr(x->said, "failed calling webhook") ? MSG_KUBE_WEBHOOK : busy ? MSG_KUBE_BUSY : MSG_KUBE_FAILING;
  say(x, KUBE_RETRY, busy ? FAIL_BUSY : x->r->status == 504 ? FAIL_TIMEOUT : FAIL_UPSTREAM, key, e);
  if (wait < 0 || wait > 300) wait = 300;
  e->retry_after = x->r->retry_after_s > (int)wait ? x->r->retry_after_s : (int)wait;
  return KUBE_RETRY;
}

static enum kube_verdict status_object(struct answer *x, struct err *e) {
  x->said = said(x->a, x->body);
  x->reason = nn(js_str(x->body, "reason"));
  int code = x->r->status;
  if (code == 401) return say(x, KUBE_UNAUTHORIZED, FAIL_AUTH, MSG_KUBE_UNAUTHORIZED, e);
  if (code == 403) return forbidden(x, e);
  if (code == 404) return say(x, KUBE_NOT_FOUND, FAIL_NOT_FOUND, MSG_KUBE_NOT_FOUND, e);
  if (code == 409) return conflict(x, e);
  if (code == 410) return say(x, KUBE_GONE, FAIL_CONFLICT, MSG_KUBE_GONE, e);
  if (code == 422) return say(x, KUBE_REFUSED, FAIL_INVALID, MSG_KUBE_INVALID, e);
  if (code == 408 || code == 429 || code >= 500) return failing(x, e);
  return say(x, KUBE_REFUSED, FAIL_UPSTREAM, MSG_KUBE_REFUSED, e);
}

/* The body as a JSON object, or NULL. Strictness is the parser's: depth, UTF-8, size were bounded before. */
static const js *object(struct arena *a, const struct reply *r, struct err *e) {
  js *v = NULL;
  if (!js_parse(a, r->body, r->n, r->n, &v, e)) return NULL;
  return js_obj(v, "");
}

static bool is_status(const js *body) { return streq(js_str(body, "kind"), "Status") && streq(js_str(body, "apiVersion"), "v1"); }

enum kube_verdict kube_read(struct arena *a, const struct reply *r, const char *what, const js **out, struct err *e) {
  struct answer x = {.a = a, .r = r, .what = what, .said = ""};
  struct err parse = ERR_INIT;
  if (out) *out = NULL;
  if (r->fail != REPLY_OK) {
    reply_err(r, what, e);
    return e->retry ? KUBE_RETRY : KUBE_REFUSED;
  }
  bool fine = r->status >= 200 && r->status < 300;
  if (fine && !r->n) return KUBE_DONE;
  x.body = object(a, r, &parse);
  if (out) *out = x.body;
  if (fine && x.body && !(is_status(x.body) && !streq(js_str(x.body, "status"), "Success"))) return KUBE_DONE;
  if (x.body && is_status(x.body) && r->status >= 400) return status_object(&x, e);
  if (out) *out = NULL;
  if (fine && strstr(r->content_type, "json")) { /* Kubernetes by its label, but broken: not the gateway's sentence */
    x.said = x.body ? "an error object under a success status" : str_excerpt(a, err_message(&parse, a), strlen(err_message(&parse, a)), 200);
    return say(&x, KUBE_RETRY, FAIL_UPSTREAM, MSG_KUBE_GARBLED, e);
  }
  return foreign(&x, e);
}

enum kube_verdict kube_read_text(struct arena *a, const struct reply *r, const char *what, const char **out, struct err *e) {
  *out = "";
  if (r->fail != REPLY_OK || r->status != 200) return kube_read(a, r, what, NULL, e);
  char *s = arena_strndup(a, r->body, r->n);
  for (size_t i = 0; i < r->n; i++) /* line breaks stay: logs are lines */
    if (((unsigned char)s[i] < 0x20 && s[i] != '\n' && s[i] != '\t') || s[i] == 0x7f) s[i] = ' ';
  if (!str_utf8_ok(s, r->n))
    for (size_t i = 0; i < r->n; i++)
      if ((unsigned char)s[i] >= 0x80) s[i] = '?';
  *out = s;
  return KUBE_DONE;
}

const char *kube_uid(const js *obj) { return nn(js_str(obj, "metadata.uid")); }
const char *kube_name(const js *obj) { return nn(js_str(obj, "metadata.name")); }
bool kube_is_deleting(const js *obj) { return *nn(js_str(obj, "metadata.deletionTimestamp")) != 0; }

/* Condition types by reference 10 section 12.8. */
const char *kube_held_by(struct arena *a, const js *obj) {
  static const char *const TYPES[] = {"NamespaceDeletionDiscoveryFailure", "NamespaceDeletionGroupVersionParsingFailure", "NamespaceDeletionContentFailure", "NamespaceContentRemaining", "NamespaceFinalizersRemaining"};
  const js *fin = js_arr(obj, "metadata.finalizers"), *cond = js_arr(obj, "status.conditions");
  struct buf b;
  buf_init(&b, a, 4096);
  for (size_t i = 0; i < js_len(fin) && i < 10; i++) buf_fmt(&b, "%s%s", i ? ", " : "finalizers: ", nn(js_self_str(js_item(fin, i))));
  for (size_t i = 0; i < js_len(cond); i++)
    for (size_t k = 0; k < sizeof TYPES / sizeof *TYPES; k++)
      if (streq(js_str(js_item(cond, i), "type"), TYPES[k]) && streq(js_str(js_item(cond, i), "status"), "True")) buf_fmt(&b, "%s%s", b.n ? "; " : "", nn(js_str(js_item(cond, i), "message")));
  return str_excerpt(a, b.p, b.n, SAID_MAX);
}

const char *kube_label(struct arena *a, const struct kube_ref *r) {
  return *nn(r->ns) ? arena_fmt(a, "%s %s/%s", r->kind, r->ns, nn(r->name)) : arena_fmt(a, "%s %s", r->kind, nn(r->name));
}

/* Entries with '/' in their name are subresources of the same kind (reference 10 section 12.4). The plural goes into paths: only what can be one counts. */
bool kube_discovered(struct arena *a, const js *list, const char *api_version, const char *kind, struct kube_kind *out) {
  const js *all = js_arr(list, "resources");
  for (size_t i = 0; i < js_len(all); i++) {
    const js *x = js_item(all, i);
    const char *plural = js_str(x, "name");
    if (!plural || !streq(js_str(x, "kind"), kind) || strchr(plural, '/') || !*plural) continue;
    *out = (struct kube_kind){arena_strdup(a, api_version), arena_strdup(a, kind), arena_strdup(a, plural), js_bool(x, "namespaced", false)};
    return true;
  }
  return false;
}

/* --- version and permission --- */
static bool leading_int(struct arena *a, const char *opt_s, int *out) {
  size_t n = strspn(nn(opt_s), "0123456789");
  return n && n < 6 && num_int(arena_strndup(a, opt_s, n), 0, 99999, out);
}

/* gitVersion "v1.29.4+k3s1"; major and minor ("29+" with some vendors) when it is missing. */
bool kube_version_read(const js *v, int *major, int *minor, const char **git) {
  const char *g = js_str(v, "gitVersion"), *dot = g ? strchr(g, '.') : NULL;
  struct arena *a = arena_new();
  bool ok = dot && g[0] == 'v' && leading_int(a, g + 1, major) && leading_int(a, dot + 1, minor);
  if (!ok) ok = leading_int(a, js_str(v, "major"), major) && leading_int(a, js_str(v, "minor"), minor);
  arena_free(a);
  *git = nn(g);
  return ok;
}

bool kube_review_allowed(const js *review) { return js_bool(review, "status.allowed", false) && !js_bool(review, "status.denied", false); }
