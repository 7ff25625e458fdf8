/* What the pages of exchange and clusters show. */
#ifndef PAGES_PARTY_H
#define PAGES_PARTY_H
#include "deploy/participant_ops.h"
#include "model/chart.h"
#include "model/endpoint.h"
#include "model/federation.h"
#include "pages/ui.h"
#include "pages/workloads.h"
struct cert_row { enum msg label, mode; const char *cn, *uuid /* NULL: none issued */; usec_t not_after; };
struct party_page {
  struct participant *x; const char *self, *tab;
  struct operation *op; bool has_op;
  struct event *events; size_t n_events;
  struct access access;
  struct cert_row *certs; size_t n_certs; const char *manual; /* secrets to make by hand, NULL none */
  const char **routes; size_t n_routes;
  struct inspect_page watch;
  struct infra *away;                                                /* its infrastructure does not answer, NULL: it does */
  struct delete_line *plan; size_t n_plan; bool blocked, needs_force;
};
/* The line of the plan about what a forced removal may leave behind, NULL none. */
const struct delete_line *party_leftovers(const struct party_page *v);
struct party_form_page {
  int type; bool external; struct federation *fed; const char *action, *back;
  struct endpoint *endpoints; size_t n_endpoints;      /* ready ones */
  enum msg missing; struct need need;                  /* what this form cannot do without; MSG_NONE: it is there */
  struct chart *charts; size_t n_charts; const char *chart; /* uuid of the one proposed */
  bool any_account;                                    /* an infrastructure has a registry account stored */
  const char *suggested, *slug, *party_id, *namespace_, *namespace_hint, *registry;
  const char *yaml /* NULL: the form */; const struct endpoint *endpoint; const char *const *fields;
};
#endif
