/* What the dashboard shows. */
#ifndef PAGES_DASHBOARD_H
#define PAGES_DASHBOARD_H
#include "model/federation.h"
#include "pages/setup.h"
#include "pages/ui.h"
struct dashboard {
  struct setup_view setup;                                              /* shown until all is done */
  struct federation *federations; size_t n_federations;
  struct operation *ops; size_t n_ops, n_running;                       /* running and failed ones */
  struct event *events; size_t n_events;
};
#endif
