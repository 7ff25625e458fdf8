/* What the infrastructure pages show. */
#ifndef PAGES_INFRA_H
#define PAGES_INFRA_H
#include "deploy/infra_ops.h"
#include "model/endpoint.h"
#include "model/infra.h"
#include "pages/ui.h"
struct infra_facts { const char *version, *nodes, *node_address, *storage, *ingress; bool cluster_admin; };
struct infra_page {
  struct infra *x; struct infra_facts facts;
  const char *namespaces, *shown, *action, *back, *server; bool edit, again; /* again: what was pasted is gone and must be pasted once more */
  struct infra_finding *findings; size_t n_findings;
  struct uuid probe; bool waiting, failed; const struct err *why;
  struct right_line *rights; size_t n_rights;
  struct endpoint *endpoints; size_t n_endpoints;
};
/* From the JSON of infra.facts or of a test's result. */
void infra_facts_read(struct arena *a, const js *facts, struct infra_facts *out);
/* Names of a list in the facts, joined: "a, b". */
const char *infra_fact_names(struct arena *a, const js *facts, const char *key);
#endif
