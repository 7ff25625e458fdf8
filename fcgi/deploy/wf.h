/* What the workflow files share: loading records, judging Kubernetes and KubeFATE replies, building objects with our labels. */
#ifndef DEPLOY_WF_H
#define DEPLOY_WF_H
#include "base/log.h"
#include "base/str.h"
#include "crypt/seal.h"
#include "deploy/engine.h"
#include "kube/kube.h"
#include "kube/read.h"
#include "kubefate/kubefate.h"
#include "model/event.h"
#include "model/status.h"

/* Loaders for struct workflow.load: participant (with endpoint, infra, exchange), endpoint (with infra). */
bool wf_load_party(struct work *w, struct err *e);
bool wf_load_endpoint(struct work *w, struct err *e);

/* A Kubernetes answer in the engine's words: OUT_DONE with *out, OUT_SKIP when the object does not exist (only with missing_ok), OUT_RETRY, OUT_WAIT (a
 * namespace is terminating), OUT_FAIL. */
enum outcome wf_kube(struct work *w, const struct reply *r, const char *what, bool missing_ok, const js **out, struct err *e);
/* A KubeFATE answer: OUT_DONE with *data (member "data", or the whole body), OUT_SKIP for "record not found", OUT_RELOGIN, OUT_RETRY, OUT_FAIL. */
enum outcome wf_kf(struct work *w, const struct reply *r, const js **data, struct err *e);

struct kube_ref wf_ref(const char *api, const char *kind, const char *ns, const char *name);
/* A namespace is being deleted: the sentence names what the cluster says it waits for (finalizers, contents) once it says so. */
struct text wf_terminating(struct work *w, const js *ns, const char *name);
/* A label of a Kubernetes object, "" when it has none. */
const char *wf_label(const js *object, const char *key);
/* JSON of a Secret of ours: keys and values (bytes, base64-encoded here). */
struct wf_datum { const char *key; const void *p; size_t n; };
const char *wf_secret_json(struct work *w, const char *ns, const char *name, const char *type, const struct wf_datum *d, size_t n);
/* Value of .dockerconfigjson (reference 10 section 3.3). */
const char *wf_docker_config(struct arena *a, const char *server, const char *user, const char *password);
/* The end of a cancelled operation that has nothing running elsewhere; STOPPED is its line in a table (the last one). */
step_request wf_stopped_q;
#define STOPPED {"stopped", wf_stopped_q, NULL, EFFECT_NONE, STEP_CANCEL | STEP_LAST, 0, 60, NULL, NULL, NULL}
/* Who asked to stop it. */
const char *wf_stopper(const struct work *w);
/* Commands that show what a participant, or an endpoint, may have left in its cluster; with the operation and as an event. */
bool wf_party_leftovers(struct work *w, struct err *e);
bool wf_endpoint_leftovers(struct work *w, struct err *e);
/* Makes the health check row of a target, due at once. */
bool wf_check_begin(struct work *w, const char *type, struct uuid target, const char *workflow, struct err *e);
bool wf_check_end(struct work *w, struct uuid target, struct err *e);
#define LABEL_PARTY "fedlcm.io/participant"
#define LABEL_ENDPOINT "fedlcm.io/endpoint"
#endif
