/* All workflows (const tables in wf_*.c), found by name; Graphviz output of the tables. */
#ifndef DEPLOY_FSM_H
#define DEPLOY_FSM_H
#include <stdio.h>
struct workflow;
extern const struct workflow *const WORKFLOWS[];
extern const int N_WORKFLOWS;
const struct workflow *workflow_find(const char *name);
int workflow_step(const struct workflow *wf, const char *key);   /* index, -1 */
void fsm_print_dot(FILE *f);
#endif
