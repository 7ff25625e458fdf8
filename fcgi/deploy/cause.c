/* Contract: cause.h. */
#include "deploy/cause.h"
#include "base/str.h"

const struct cause CAUSES[] = {
    {"image", MSG_WAIT_IMAGE, MSG_NEXT_IMAGE, MSG_NONE, true}, {"unschedulable", MSG_WAIT_UNSCHEDULABLE, MSG_NEXT_UNSCHEDULABLE, MSG_NONE, true}, {"config", MSG_WAIT_CONFIG, MSG_NEXT_CONFIG, MSG_NONE, true},
    {"claim", MSG_WAIT_CLAIM, MSG_NEXT_CLAIM, MSG_NONE, true}, {"crashing", MSG_WAIT_CRASHING, MSG_NEXT_CRASHING, MSG_NONE, true}, {"quota", MSG_WAIT_QUOTA, MSG_NEXT_QUOTA, MSG_NONE, true},
    {"admission", MSG_WAIT_ADMISSION, MSG_NEXT_ADMISSION, MSG_NONE, true}, {"loadbalancer", MSG_WAIT_LOADBALANCER, MSG_NEXT_LOADBALANCER, MSG_NONE, true}, {"ingress", MSG_WAIT_INGRESS, MSG_NEXT_INGRESS, MSG_NONE, true},
    {"hop-name", MSG_WAIT_HOP_NAME, MSG_NEXT_HOP_NAME, MSG_NONE, true}, {"hop-tcp", MSG_WAIT_HOP_TCP, MSG_NEXT_HOP_TCP, MSG_NONE, true}, {"hop-tls", MSG_WAIT_HOP_TLS, MSG_NEXT_HOP_TLS, MSG_NONE, true},
    {"hop-server", MSG_WAIT_HOP_SERVER, MSG_NEXT_HOP_SERVER, MSG_NONE, true}, {"hop-auth", MSG_WAIT_HOP_AUTH, MSG_NEXT_HOP_AUTH, MSG_NEXT_HOP_AUTH, true}, {"hop-service", MSG_WAIT_HOP_SERVICE, MSG_NEXT_HOP_SERVICE, MSG_NEXT_HOP_SERVICE, true},
    {"hop-pod", MSG_WAIT_HOP_POD, MSG_NEXT_HOP_POD, MSG_NONE, true}, {"hop-login", MSG_WAIT_HOP_LOGIN, MSG_NEXT_HOP_LOGIN, MSG_NEXT_HOP_LOGIN, true}, {"kubefate", MSG_WAIT_KUBEFATE, MSG_NEXT_KUBEFATE, MSG_NONE, true},
    {"denied", MSG_WAIT_DENIED, MSG_NEXT_DENIED, MSG_NEXT_DENIED, true}, {"ca", MSG_WAIT_CA, MSG_NEXT_CA, MSG_NEXT_CA, true}, {"held", MSG_WAIT_HELD, MSG_NEXT_HELD, MSG_NONE, false}, {"job", MSG_WAIT_JOB, MSG_NEXT_JOB, MSG_NONE, false},
    {"routes", MSG_WAIT_ROUTES, MSG_NEXT_ROUTES, MSG_NONE, false}, {"chart", MSG_WAIT_CHART, MSG_NEXT_CHART, MSG_NONE, false}, {"namespace", MSG_WAIT_NAMESPACE, MSG_NEXT_NAMESPACE, MSG_NONE, false},
};
const int N_CAUSES = sizeof CAUSES / sizeof *CAUSES;

/* The sentences of net, kube and kubefate, by the hop that they speak of. */
static const struct { enum msg sentence; const char *cause; } SENTENCES[] = {
    {MSG_NET_DNS, "hop-name"}, {MSG_NET_REFUSED, "hop-tcp"}, {MSG_NET_NO_ROUTE, "hop-tcp"}, {MSG_NET_CONNECT_TIMEOUT, "hop-tcp"}, {MSG_NET_PROXY, "hop-tcp"}, {MSG_NET_FORBIDDEN, "hop-tcp"}, {MSG_NET_OTHER, "hop-tcp"},
    {MSG_NET_TLS, "hop-tls"}, {MSG_NET_TLS_UNTRUSTED, "hop-tls"}, {MSG_NET_TLS_NAME, "hop-tls"}, {MSG_NET_TLS_EXPIRED, "hop-tls"}, {MSG_NET_TLS_PLAIN, "hop-tls"}, {MSG_NET_TLS_CLIENT, "hop-auth"},
    {MSG_NET_TIMEOUT, "hop-server"}, {MSG_NET_CUT, "hop-server"}, {MSG_NET_GARBAGE, "hop-server"}, {MSG_NET_TOO_LARGE, "hop-server"}, {MSG_KUBE_BUSY, "hop-server"}, {MSG_KUBE_FAILING, "hop-server"},
    {MSG_KUBE_GATEWAY, "hop-server"}, {MSG_KUBE_GARBLED, "hop-server"}, {MSG_KUBE_PATH, "hop-server"}, {MSG_KUBE_UNAUTHORIZED, "hop-auth"}, {MSG_KUBEFATE_KUBE_UNAUTHORIZED, "hop-auth"},
    {MSG_KUBE_DENIED, "denied"}, {MSG_KUBEFATE_DENIED, "denied"}, {MSG_KUBE_QUOTA, "quota"}, {MSG_KUBE_POLICY, "admission"}, {MSG_KUBE_WEBHOOK, "admission"}, {MSG_KUBE_TERMINATING, "namespace"}, {MSG_WF_TERMINATING, "namespace"},
    {MSG_KUBEFATE_NO_SERVICE, "hop-service"}, {MSG_KUBEFATE_NO_POD, "hop-pod"}, {MSG_KUBEFATE_UNREACHABLE, "hop-pod"}, {MSG_KUBEFATE_PROXY_FAILING, "hop-pod"}, {MSG_KUBEFATE_PASSWORD, "hop-login"}, {MSG_KUBEFATE_TOKEN, "hop-login"},
    {MSG_KF_PASSWORD, "hop-login"}, {MSG_KF_NO_TOKEN, "hop-login"}, {MSG_KUBEFATE_FAILING, "kubefate"}, {MSG_KUBEFATE_OTHER, "kubefate"}, {MSG_KUBEFATE_CRASHED, "kubefate"}, {MSG_KF_NO_VERSION, "kubefate"},
    {MSG_CAUSE_IMAGE, "image"}, {MSG_CAUSE_CONFIG, "config"}, {MSG_CAUSE_UNSCHEDULABLE, "unschedulable"}, {MSG_CAUSE_CRASHING, "crashing"}, {MSG_CAUSE_QUOTA, "quota"}, {MSG_CAUSE_IMAGE_OF, "image"}, {MSG_CAUSE_CLAIM, "claim"},
    {MSG_CAUSE_CLAIM_NO_CLASS, "claim"}, {MSG_CAUSE_CLAIM_SAID, "claim"}, {MSG_CAUSE_ADMISSION, "admission"}, {MSG_CAUSE_CRASHING_LOG, "crashing"}, {MSG_CAUSE_LOADBALANCER, "loadbalancer"}, {MSG_CAUSE_INGRESS, "ingress"}, {MSG_CAUSE_CA, "ca"}, {MSG_CAUSE_HELD_BY, "namespace"},
};

const struct cause *cause_find(const char *opt_key) {
  for (int i = 0; *nn(opt_key) && i < N_CAUSES; i++)
    if (streq(CAUSES[i].key, opt_key)) return &CAUSES[i];
  return NULL;
}

const char *cause_of(enum msg sentence) {
  for (size_t i = 0; i < sizeof SENTENCES / sizeof *SENTENCES; i++)
    if (SENTENCES[i].sentence == sentence) return SENTENCES[i].cause;
  return "";
}

const char *cause_next(const char *opt_key, bool failed) {
  const struct cause *c = cause_find(opt_key);
  if (!failed) return c ? text_key(c->next) : "";
  return text_key(c && c->after != MSG_NONE ? c->after : MSG_NEXT_RETRY_OR_REMOVE);
}
