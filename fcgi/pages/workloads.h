/* What runs in the cluster for a participant or an endpoint (a tab of their pages), the log of a container (a page), and the line about an infrastructure
 * that does not answer. */
#ifndef PAGES_WORKLOADS_H
#define PAGES_WORKLOADS_H
#include "deploy/inspect.h"
#include "model/infra.h"
#include "pages/ui.h"
struct inspect_page { const char *self /* of its object */; struct uuid probe; bool waiting, failed, seen; const struct err *why; struct inspection v; };
/* The look named by ?probe= is waited for or its failure told; what was seen last, at most 15 minutes ago, is shown meanwhile. */
bool workloads_load(struct req *q, enum inspect_of of, struct uuid subject, const char *self, struct inspect_page *out, struct err *e) __attribute__((warn_unused_result));
/* The infrastructure when its circuit is open, else NULL. */
bool workloads_away(struct req *q, struct uuid infra, struct infra **out, struct err *e) __attribute__((warn_unused_result));

struct log_page {
  enum inspect_of of; struct uuid subject; const char *self, *name; /* of its object */
  struct participant *x;                                          /* NULL: an endpoint */
  const char *pod, *container; bool previous; long lines;         /* the form */
  const char **containers; size_t n;
  struct uuid probe; bool waiting, failed, seen; const struct err *why; struct inspect_log v;
};
const char *workloads_what(const struct page *p, const char *what);  /* "pods" in the reader's language */
/* A short sentence over the table: "3 of 4 pods are ready". */
size_t workloads_ready(const struct inspection *v);
#endif
