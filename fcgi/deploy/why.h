/* Why workloads are not there yet: reads the cluster's own pods, claims, events and logs, one call at a time, and stores the most telling thing as evidence
 * with its cause class. A step that waits for workloads starts it when its own look found them unready and passes request and digest on to it:
 *
 *     why_begin(w, ns, "name=x");  return OUT_MORE;                    // in the digest of the step
 *     if (why_active(w)) return why_request(w, c, e);                  // first in its request
 *     if (why_active(w)) return why_digest(w, r, e);                   // first in its digest: OUT_MORE, or OUT_WAIT when the evidence is stored
 *
 * Memo members begin with "why_". What cannot be read (no right, no kubelet) is left out, never an error. Log lines are redacted (base/redact.h).
 */
#ifndef DEPLOY_WHY_H
#define DEPLOY_WHY_H
#include "deploy/engine.h"
void why_begin(struct work *w, const char *ns, const char *selector);
bool why_active(const struct work *w);
enum outcome why_request(struct work *w, struct call *c, struct err *e);
enum outcome why_digest(struct work *w, const struct reply *r, struct err *e);
/* The finding as an error sentence instead of evidence (health checks): key MSG_NONE when nothing was found. Valid after why_digest returned OUT_WAIT. */
struct text why_found(struct work *w, const char **cause);
#endif
