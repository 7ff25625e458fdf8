/* KubeFATE v1.4.5 REST API (reference 10 sections 10, 11, 15; tests/kubefate/FACTS.md): call builders and reply readers. Paths are exact, redirects are
 * never followed. Calls are relative to KubeFATE; deploy sends them through kube_via_service. */
#ifndef KUBEFATE_KUBEFATE_H
#define KUBEFATE_KUBEFATE_H
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "codec/js.h"
#include "net/call.h"
struct arena; struct secret;

/* What the builders below are made of: a call with the token as cookie; "<collection><uuid>" as a path. */
struct call kf_call(struct arena *a, const char *method, const char *path, const char *token);
const char *kf_item(struct arena *a, const char *collection, const char *uuid);

struct call kf_hello(struct arena *a);                                      /* GET / */
struct call kf_login(struct arena *a, const char *user, const struct secret *password);
struct call kf_version(struct arena *a, const char *token);
struct call kf_cluster_list(struct arena *a, const char *token);
struct call kf_cluster_get(struct arena *a, const char *token, const char *uuid);
struct call kf_install(struct arena *a, const char *token, const char *name, const char *ns, const char *chart, const char *version, const char *yaml, size_t n);
struct call kf_update(struct arena *a, const char *token, const char *name, const char *ns, const char *chart, const char *version, const char *yaml, size_t n);
struct call kf_delete(struct arena *a, const char *token, const char *uuid);
struct call kf_job_list(struct arena *a, const char *token);
struct call kf_job_get(struct arena *a, const char *token, const char *uuid);
struct call kf_job_stop(struct arena *a, const char *token, const char *uuid);
struct call kf_chart_list(struct arena *a, const char *token);
struct call kf_chart_get(struct arena *a, const char *token, const char *uuid);
/* Replaces the chart of the same name and version, first the old row, then the new one, in no transaction: one upload at a time. */
struct call kf_chart_upload(struct arena *a, const char *token, const char *file_name, const void *archive, size_t n);

enum kf_verdict { KF_DONE, KF_UNAUTHORIZED /* KubeFATE's own 401: log in once more */, KF_NOT_FOUND /* exactly "record not found" */, KF_EXISTS /* "already existed" */,
  KF_RETRY /* transport, gateway, no endpoints, HTML */, KF_REFUSED, KF_DENIED /* Kubernetes 403 on services/proxy */, KF_KUBE_UNAUTHORIZED };
/* Tells a Kubernetes Status from KubeFATE's envelope. *out is the whole parsed body. */
enum kf_verdict kf_read(struct arena *a, const struct reply *r, const js **out, struct err *e);

/* GET / answered as KubeFATE does; a listening port alone proves nothing about who listens. */
bool kf_hello_ok(const js *body);
bool kf_token(const js *body, const char **out);
bool kf_version_read(const js *body, const char **out, bool *at_least_1_4_4);
struct kf_component { const char *name, *status; bool ready; };
enum kf_job_state { KFJ_PENDING, KFJ_RUNNING, KFJ_SUCCESS, KFJ_FAILED, KFJ_ROLLBACK, KFJ_TIMEOUT, KFJ_STOPPING, KFJ_CANCELED, KFJ_OTHER };
struct kf_job { const char *uuid, *status_text, *cluster_id, *method, *last_state, *name, *ns; enum kf_job_state state; const char *start_time;
  struct kf_component *parts; size_t n_parts; };
bool kf_job_read(struct arena *a, const js *job, struct kf_job *out);         /* a job object (body "data", or a list item) */
bool kf_job_final(const struct kf_job *j);                                   /* Failed of ClusterUpdate is not final on first sight: see reference 10 15.7 */
struct kf_cluster { const char *uuid, *name, *ns, *chart, *version, *status, *values; };
bool kf_cluster_read(const js *c, struct kf_cluster *out);
/* A chart as KubeFATE keeps it: of an archive only these (reference 10 section 11.1). It tells no checksum, so copies are compared by kf_chart_content. */
struct kf_chart_file { const char *name /* "templates/..." */, *data; size_t n; };
struct kf_chart { const char *uuid, *name, *version, *chart /* Chart.yaml */, *values, *values_template, *values_template_example; struct kf_chart_file *templates; size_t n_templates; };
bool kf_chart_read(struct arena *a, const js *c, struct kf_chart *out);         /* an item of the list, or the body's "data"; false when it is none */
const char *kf_chart_content(struct arena *a, const struct kf_chart *c);        /* hex SHA-256 of all texts; the order of the templates does not matter */
#endif
