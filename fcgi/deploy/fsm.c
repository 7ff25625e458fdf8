#include "deploy/fsm.h"
#include "base/str.h"
#include "deploy/engine.h"
#include "deploy/workflows.h"

const struct workflow *const WORKFLOWS[] = {
    &WF_ENDPOINT_INSTALL, &WF_ENDPOINT_ADOPT, &WF_ENDPOINT_REPAIR, &WF_ENDPOINT_REMOVE, &WF_EXCHANGE_CREATE, &WF_CLUSTER_CREATE, &WF_EXCHANGE_REMOVE,
    &WF_CLUSTER_REMOVE,   &WF_ROUTES_PUSH, &WF_PARTICIPANT_REPAIR, &WF_FEDERATION_REMOVE, &WF_CHART_UPLOAD, &WF_INFRA_TEST,      &WF_ENDPOINT_SCAN,   &WF_ENDPOINT_PROBE, &WF_ENDPOINT_CHECK,
    &WF_PARTICIPANT_CHECK,
    &WF_PARTY_WORKLOADS, &WF_ENDPOINT_WORKLOADS, &WF_POD_LOG,
};
const int N_WORKFLOWS = sizeof WORKFLOWS / sizeof *WORKFLOWS;

const struct workflow *workflow_find(const char *name) {
  for (int i = 0; i < N_WORKFLOWS; i++)
    if (streq(WORKFLOWS[i]->name, name)) return WORKFLOWS[i];
  return NULL;
}

int workflow_step(const struct workflow *wf, const char *key) {
  for (int i = 0; i < wf->n; i++)
    if (streq(wf->steps[i].key, key)) return i;
  return -1;
}

static const char *const EFFECTS[] = {"none", "read", "safe", "once"};

void fsm_print_dot(FILE *f) {
  fprintf(f, "digraph fsm {\n  rankdir=LR; node [shape=box];\n");
  for (int i = 0; i < N_WORKFLOWS; i++) {
    const struct workflow *wf = WORKFLOWS[i];
    fprintf(f, "  subgraph \"cluster_%s\" {\n    label=\"%s (%s, %d s)\";\n", wf->name, wf->name, wf->class, wf->deadline_s);
    for (int s = 0; s < wf->n; s++) {
      const struct step *st = &wf->steps[s];
      fprintf(f, "    \"%s.%s\" [label=\"%s\\n%s, weight %d, %d s\"];\n", wf->name, st->key, st->key, EFFECTS[st->effect], st->weight, st->deadline_s);
      if (s + 1 < wf->n && !(st->flags & STEP_LAST)) fprintf(f, "    \"%s.%s\" -> \"%s.%s\";\n", wf->name, st->key, wf->name, wf->steps[s + 1].key);
      size_t jumps;
      struct arena *a = arena_new();
      char **to = str_split(a, nn(st->jumps), " ", &jumps);
      for (size_t k = 0; *nn(st->jumps) && k < jumps; k++) fprintf(f, "    \"%s.%s\" -> \"%s.%s\" [style=dashed];\n", wf->name, st->key, wf->name, to[k]);
      arena_free(a);
      if (wf->cancel_at && !(st->flags & STEP_CANCEL)) fprintf(f, "    \"%s.%s\" -> \"%s.%s\" [style=dotted,color=grey];\n", wf->name, st->key, wf->name, wf->cancel_at);
      if (st->look) fprintf(f, "    \"%s.%s\" -> \"%s.%s\" [style=dashed,label=\"outcome unknown\"];\n", wf->name, st->key, wf->name, st->look);
      if (st->retry_from) fprintf(f, "    \"%s.%s\" -> \"%s.%s\" [style=dotted,label=retry];\n", wf->name, st->key, wf->name, st->retry_from);
    }
    fprintf(f, "  }\n");
  }
  fprintf(f, "}\n");
}
