/* What the endpoint pages show. */
#ifndef PAGES_ENDPOINT_H
#define PAGES_ENDPOINT_H
#include "deploy/endpoint_ops.h"
#include "model/chart.h"
#include "model/endpoint.h"
#include "model/infra.h"
#include "pages/ui.h"
#include "pages/workloads.h"
struct endpoint_page {
  /* wizard */
  struct infra *infras; size_t n_infras; bool any_limited; struct need need; /* of the list of infrastructures when it is empty */
  struct infra *infra; struct uuid probe; bool waiting, failed, passed, managed; const struct err *why; struct scan_item scan;
  const char *suggested, *kube_ns, *yaml /* NULL: the form */; const char *const *fields;
  const char **storage; size_t n_storage;
  /* detail */
  struct endpoint *x; const char *self, *tab; struct inspect_page watch; struct infra *away;
  struct operation *op; bool has_op;
  struct event *events; size_t n_events;
  struct participant *parties; size_t n_parties;
  struct endpoint_object *objects; size_t n_objects;
  struct chart_given *charts; size_t n_charts; bool handing_over;
};
#endif
