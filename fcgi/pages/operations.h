/* What the pages of operations show. */
#ifndef PAGES_OPERATIONS_H
#define PAGES_OPERATIONS_H
#include "deploy/op_query.h"
#include "pages/setup.h"
#include "pages/ui.h"
struct choice { const char *value, *label; bool picked; };
struct operations_page {
  struct operation_filter f; struct operation *o; size_t n, n_live;
  bool bad, filtered, narrowed;                  /* the filter cannot be used; is there one at all; is it more than what the tabs ask for */
  const char *older, *newer, *poll;              /* "" none */
  struct choice *states, *kinds, *federations; size_t n_states, n_kinds, n_federations;
  struct need need;
};
struct op_page { struct operation *o; struct op_context c; struct event *events; size_t n_events; };
#endif
