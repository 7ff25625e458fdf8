/* Our own kubeconfig reader (reference 10 section 4): never executes, never opens a file. */
#ifndef KUBE_KUBECONFIG_H
#define KUBE_KUBECONFIG_H
#include <stdbool.h>
#include "base/clock.h"
#include "base/text.h"
#include "net/identity.h"
struct arena; struct err;

enum finding_level { FINDING_OK, FINDING_WARN, FINDING_FAIL };
struct finding { enum finding_level level; struct text t; };

struct kubeconfig {
  const char *context, *cluster, *user, *server, *host;   /* host: name or address in the server URL */
  const char *default_namespace;
  const char *auth_kind;                 /* "certificate" | "token" | "" */
  const char *cert_subject; usec_t cert_not_after;
  const char *ca_sha256;
  bool insecure;
  const char *canonical;                 /* minimal kubeconfig with only the selected context, real secrets inside: seal it, then cleanse */
  const char *canonical_sha256;
  const char *shown;                     /* canonical with masks ("(stored: <object>/<field>)", object = `mask_object`) in place of key and token */
  struct finding findings[24]; int n_findings;
  bool ok;                               /* no FINDING_FAIL */
};
enum { KUBECONFIG_MAX = 1 << 20 };
/* mask_object names the infrastructure in masks (its uuid, or "new"). Unreadable YAML is a finding too (with line and column); false only for bugs.
 * allow_insecure: insecure-skip-tls-verify was confirmed by a switch (then a lasting warning instead of a failure).
 * now: database or system time in microseconds, for expiry findings. */
bool kubeconfig_read(struct arena *a, const char *text, size_t n, const char *mask_object, bool allow_insecure, usec_t now, struct kubeconfig *out, struct err *e) __attribute__((warn_unused_result));
/* Identity from the canonical text (poller only, after opening the secret). */
bool kubeconfig_identity(const struct secret *canonical, struct identity **out, struct err *e) __attribute__((warn_unused_result));
/* A mask of ours stands in place of a secret of the selected user. */
bool kubeconfig_is_masked(const char *text);
/* Posted text holds masks: put the stored secrets back (poller only), only while server, CA, proxy and tls name are unchanged, else FAIL_INVALID "enter it again". */
bool kubeconfig_unmask(struct arena *a, const char *posted, const struct secret *stored_canonical, const char **out, struct err *e) __attribute__((warn_unused_result));
/* For web workers, which cannot open the stored one: does the posted masked text point to the same destination as the stored shown text, and leave its login alone? */
bool kubeconfig_same_destination(struct arena *a, const char *posted, const char *stored_shown, bool *out, struct err *e) __attribute__((warn_unused_result));
#endif
