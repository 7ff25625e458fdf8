/* Inside of the kubeconfig reader: the selected context as parts, and how they are written out again. Nobody but fcgi/kube includes it. */
#ifndef KUBE_KUBECONFIG_PARTS_H
#define KUBE_KUBECONFIG_PARTS_H
#include "codec/yml.h"
#include "kube/kubeconfig.h"

/* What the file says, as found: nodes of the selected entries. */
struct picked {
  const struct yml *root, *clusters, *users, *contexts;      /* the lists; NULL when absent */
  const char *context, *cluster, *user, *ns;                 /* names; NULL when absent */
  const struct yml *in_context, *in_cluster, *in_user;       /* the inner mappings; NULL when not found */
};
/* Looks only; every member that is not there stays NULL. */
void kubeconfig_pick(const struct yml *root, struct picked *out);
/* The list entry (outer mapping) of a name; inner = "cluster", "user" or "context". */
const struct yml *kubeconfig_entry(const struct yml *list, const char *name, const char *inner);

/* A server address taken apart and put together the one way we write it. */
struct address { bool ok, https, http, login; const char *url /* canonical, no trailing slash */, *host; };
struct address kubeconfig_address(struct arena *a, const char *url);
enum host_class { HOST_ORDINARY, HOST_LOOPBACK, HOST_LINK_LOCAL };
enum host_class kubeconfig_host_class(const char *host);
bool kubeconfig_proxy_ok(struct arena *a, const char *url);
/* true/false as Kubernetes' YAML reader takes it. */
bool kubeconfig_switch(const struct yml *opt_v, bool *out);

/* What goes into the canonical form. Strings "" = absent. *_b64 hold base64 of PEM. */
struct canon { const char *context, *cluster, *user, *ns, *server, *ca_b64, *tls_name, *proxy, *cert_b64, *key_b64, *token; bool insecure; };
const char *kubeconfig_emit(struct arena *a, const struct canon *c);
#define MASK_BEGIN "(stored: "
const char *kubeconfig_mask(struct arena *a, const char *object, const char *field);
bool kubeconfig_mask_is(const char *opt_s);
#endif
