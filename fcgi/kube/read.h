/* Kubernetes API: reply readers. Remote answers are hostile: size, depth, type bounded; unknown shapes are errors with a sentence. */
#ifndef KUBE_READ_H
#define KUBE_READ_H
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "base/clock.h"
#include "codec/js.h"
#include "kube/kube.h"
#include "net/call.h"
struct arena;

/* What an answer means for the engine's retry policy (reference 10 section 12.9). */
enum kube_verdict { KUBE_DONE, KUBE_NOT_FOUND, KUBE_EXISTS, KUBE_CONFLICT, KUBE_RETRY, KUBE_TERMINATING, KUBE_DENIED, KUBE_UNAUTHORIZED, KUBE_GONE, KUBE_REFUSED };
/* Verdict, parsed object (out may be NULL; NULL tree on DONE with empty body) and, unless DONE, a sentence in e that names the object and the server's
 * message (foreign text slot). Transport failures are KUBE_RETRY with kind FAIL_TIMEOUT/FAIL_UPSTREAM and e->retry. 200 with HTML or non-JSON is KUBE_RETRY
 * ("something else answers"). `what` is a short object name for the sentence, e.g. "Deployment kube-fate/kubefate". */
enum kube_verdict kube_read(struct arena *a, const struct reply *r, const char *what, const js **out, struct err *e);
/* The same for answers that are plain text (pod logs): *out is the printable text. */
enum kube_verdict kube_read_text(struct arena *a, const struct reply *r, const char *what, const char **out, struct err *e);
/* Plural and scope of a kind from an APIResourceList (kube_discover); false: the group-version does not have it. */
bool kube_discovered(struct arena *a, const js *list, const char *api_version, const char *kind, struct kube_kind *out);
const char *kube_uid(const js *obj);
const char *kube_name(const js *obj);
bool kube_is_deleting(const js *obj);
/* What keeps an object that is being deleted: its finalizers, and for namespaces the conditions of the namespace controller. "" when nothing is told. */
const char *kube_held_by(struct arena *a, const js *obj);

/* Readiness of a workload (Deployment or StatefulSet object): reference 10 section 12.11. */
struct workload { const char *kind, *name; int wanted, ready; bool available; const char *problem_reason, *problem_message; };
void kube_workload(const js *obj, const char *kind, struct workload *out);

/* Why pods are not ready: the most telling problem of a pod list. */
enum pod_cause { POD_FINE, POD_STARTING, POD_IMAGE, POD_CONFIG /* secret or configmap missing */, POD_UNSCHEDULABLE, POD_CRASHING, POD_QUOTA };
struct pod_problem { enum pod_cause cause; const char *pod, *container, *reason, *message; };
void kube_pod_problem(const js *pod_list, const char *opt_workload_prefix, struct pod_problem *out);
const char *pod_cause_key(enum pod_cause c);          /* stable cause class: "image", "config", ... */

/* Addresses (reference 20 section 7.1). */
struct service_port { const char *type; const char *cluster_ip; int port, node_port; const char *lb_host; bool found; };
void kube_service_port(const js *svc, const char *port_name, struct service_port *out);
const char *kube_node_address(const js *node_list);   /* a Ready node's ExternalIP, else InternalIP; NULL */
struct ingress { const char **hosts; size_t n_hosts; const char **addresses; size_t n_addresses; bool tls; };
void kube_ingress(struct arena *a, const js *ing, struct ingress *out);

/* Version: "v1.34.4" -> 1, 34. */
bool kube_version_read(const js *v, int *major, int *minor, const char **git);
bool kube_review_allowed(const js *review);

/* "Deployment kube-fate/kubefate" or "Namespace kube-fate", for sentences. */
const char *kube_label(struct arena *a, const struct kube_ref *r);

enum { KUBE_MANIFEST_MAX = 64 << 10, KUBE_MANIFEST_DOCS = 100 };
/* Multi-document manifest: split with libyaml, List flattened, checked (apiVersion, kind, metadata.name), ordered for application
 * (reference 10 section 12.7). doc is JSON. */
struct kube_doc { struct kube_ref ref; const char *json; size_t n; int order; };   /* ref.ns is "" when the document names none */
bool kube_manifest(struct arena *a, const char *yaml, size_t n, struct kube_doc **out, size_t *out_n, struct err *e) __attribute__((warn_unused_result));
#endif
