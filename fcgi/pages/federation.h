/* What the federation pages show. */
#ifndef PAGES_FEDERATION_H
#define PAGES_FEDERATION_H
#include "codec/js.h"
#include "model/federation.h"
#include "pages/ui.h"
struct federation_page {
  struct federation *x; const char *self, *tab;
  struct participant *all, *exchange /* NULL none */, *clusters; size_t n_clusters, n_active;
  struct access *access;               /* parallel to all; filled when first asked for */
  struct event *events; size_t n_events;
  struct need need_exchange, need_cluster; /* of the sections that are empty */
  struct operation *op; bool has_op;   /* removal of the whole */
  bool exchange_ready, routes_managed, busy;
  const long *routed; size_t n_routed; /* party ids as last seen in the exchange, in ascending order */
};
/* Everything of the page from one statement; one more for what is missing when a section is empty. */
bool federation_page_load(struct req *q, struct federation_page *v, struct err *e) __attribute__((warn_unused_result));
bool federation_routed(const struct federation_page *v, const struct participant *x);
/* Addresses of a row; computed once per participant and page. */
const struct access *federation_access(const struct page *p, const struct federation_page *v, const struct participant *x);
/* "Open notebook" for an Ingress of ours, else its name. */
const char *access_label(const struct page *p, const char *ingress);
/* Exchange and parties as a picture; parties beyond 24 are summed up by status. Its facts are in the tables too. */
struct html topology(const struct page *p, const struct federation_page *v);
#endif
