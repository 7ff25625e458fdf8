/* What the dashboard shows. */
#ifndef PAGES_DASHBOARD_H
#define PAGES_DASHBOARD_H
#include "model/federation.h"
#include "pages/ui.h"
struct dashboard {
  size_t n_infra, n_ready, n_exchanges, n_clusters; bool complete;      /* of the guided list: counts that end its items */
  int step;                                                             /* the item to do next: 1 infrastructure .. 5 clusters */
  const char *next_url;                                                 /* where exchange and clusters are added */
  struct federation *federations; size_t n_federations;
  struct operation *ops; size_t n_ops, n_running;                       /* running and failed ones */
  struct event *events; size_t n_events;
};
#endif
