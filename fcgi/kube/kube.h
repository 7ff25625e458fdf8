/* Kubernetes API: call builders (reference 10 section 12). Pure; paths are percent-encoded here. Field manager "fedlcm". */
#ifndef KUBE_KUBE_H
#define KUBE_KUBE_H
#include <stdbool.h>
#include <stddef.h>
#include "net/call.h"
struct arena; struct err;

struct kube_kind { const char *api_version, *kind, *plural; bool namespaced; };
/* ns "" for cluster-scoped; uid "" unknown; found: what discovery answered (kube_discovered), NULL for kinds of the built-in table. */
struct kube_ref { const char *api_version, *kind, *ns, *name, *uid; const struct kube_kind *found; };
const struct kube_kind *kube_kind(const char *api_version, const char *kind);    /* built-in table; NULL = ask discovery */

struct call kube_version(struct arena *a);
struct call kube_discover(struct arena *a, const char *api_version);             /* APIResourceList of one group-version */
struct call kube_get(struct arena *a, struct kube_ref r);                        /* BUG when the kind is neither in the table nor in r.found */
/* selectors may be NULL; limit 0 = none; cont NULL or the continue token. */
struct call kube_list(struct arena *a, const char *api_version, const char *kind, const char *ns, const char *labels, const char *fields, int limit, const char *opt_cont);
struct call kube_list_names(struct arena *a, const char *api_version, const char *kind, const char *ns, const char *labels); /* PartialObjectMetadata */
/* Server-side apply of a JSON or YAML document, force=true. */
struct call kube_apply(struct arena *a, struct kube_ref r, const char *doc, size_t n, bool dry_run);
struct call kube_create(struct arena *a, struct kube_ref r, const char *json, size_t n);
/* DELETE with Background policy and uid precondition (always; BUG when r.uid is empty). */
struct call kube_delete(struct arena *a, struct kube_ref r);
/* "Can this account verb that?" Empty ns: everywhere, or cluster scope. */
struct call kube_access_review(struct arena *a, const char *verb, const char *group, const char *resource, const char *subresource, const char *ns, const char *opt_name);
struct call kube_rules_review(struct arena *a, const char *ns);
struct call kube_pod_log(struct arena *a, const char *ns, const char *pod, const char *container, int tail, bool previous);
/* Service proxy: any call to a program behind a service, as /api/v1/namespaces/NS/services/NAME:PORT/proxy + inner.path */
struct call kube_via_service(struct arena *a, const char *ns, const char *service_port, struct call inner);
#endif
