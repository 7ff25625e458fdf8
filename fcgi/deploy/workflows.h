/* The workflow tables. Each wf_*.c holds one area. */
#ifndef DEPLOY_WORKFLOWS_H
#define DEPLOY_WORKFLOWS_H
struct workflow;
extern const struct workflow WF_ENDPOINT_INSTALL, WF_ENDPOINT_ADOPT, WF_ENDPOINT_REMOVE;
extern const struct workflow WF_EXCHANGE_CREATE, WF_CLUSTER_CREATE, WF_EXCHANGE_REMOVE, WF_CLUSTER_REMOVE, WF_ROUTES_PUSH;
extern const struct workflow WF_INFRA_TEST, WF_ENDPOINT_SCAN, WF_ENDPOINT_PROBE;
extern const struct workflow WF_ENDPOINT_CHECK, WF_PARTICIPANT_CHECK;
#endif
