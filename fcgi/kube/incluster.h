/* The cluster that this program itself runs in (reference 10 section 4.3): address from the environment, CA and token from the pod's ServiceAccount folder.
 * Poller only. The token is bound and expires (about 1 h): make a new identity at least every minute of use, and once more after a 401. */
#ifndef KUBE_INCLUSTER_H
#define KUBE_INCLUSTER_H
#include <stdbool.h>
#include "net/identity.h"
struct err;
/* opt_dir NULL: /var/run/secrets/kubernetes.io/serviceaccount. */
bool kube_in_cluster(const char *opt_dir, struct identity **out, struct err *e) __attribute__((warn_unused_result));
#endif
