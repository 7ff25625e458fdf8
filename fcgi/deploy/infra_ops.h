/* What a person can do with an infrastructure; used by pages and API alike. */
#ifndef DEPLOY_INFRA_OPS_H
#define DEPLOY_INFRA_OPS_H
#include <stdbool.h>
#include "base/text.h"
#include "codec/js.h"
#include "crypt/seal.h"
#include "deploy/probe.h"
#include "model/infra.h"
struct infra_form {
  struct uuid uuid;                 /* of the edited one; none for a new one */
  const char *name, *description, *type, *kubeconfig; bool in_cluster, allow_insecure;
  const char **namespaces; size_t n_namespaces;
  bool use_registry; const char *registry; bool use_registry_secret; const char *registry_server, *registry_username, *registry_password;
};
/* One line of the preview: level 0 ok, 1 warning, 2 failure. */
struct infra_finding { int level; struct text t; };
struct infra_reading { bool ok, masked; const char *server, *context, *cluster, *user, *auth_kind, *cert_subject, *default_namespace, *shown; usec_t cert_not_after; struct infra_finding f[24]; int n; };
/* Reads the kubeconfig of the form without storing or contacting anything. Masked text (edit): compared with the stored record. */
bool infra_ops_read(struct db *db, struct arena *a, const struct infra_form *f, struct infra_reading *out, struct err *e) __attribute__((warn_unused_result));
/* Validates everything (FAIL_INVALID / FAIL_CONFLICT with a sentence), seals the kubeconfig and starts an "infra_test" probe whose input holds the form
 * (without secrets). name_optional: connection test only. */
bool infra_ops_test(struct db *db, struct arena *a, const struct seal_pub *k, const struct infra_form *f, bool name_optional, const char *actor, struct uuid *out_probe, struct err *e) __attribute__((warn_unused_result));
/* Test of the stored one. */
bool infra_ops_retest(struct db *db, struct arena *a, struct uuid infra, const char *actor, struct uuid *out_probe, struct err *e) __attribute__((warn_unused_result));
/* Creates or updates the infrastructure from a probe that passed with exactly these values (the probe's input); once only. */
bool infra_ops_commit(struct db *db, struct arena *a, struct uuid probe, const char *actor, struct uuid *out_infra, struct err *e) __attribute__((warn_unused_result));
/* Edits that need no test: name, description, registry. Everything else through test + commit. *needs_test tells. */
bool infra_ops_update(struct db *db, struct arena *a, const struct seal_pub *k, const struct infra_form *f, const char *actor, bool *needs_test, struct err *e) __attribute__((warn_unused_result));
bool infra_ops_delete(struct db *db, struct arena *a, struct uuid infra, struct err *e) __attribute__((warn_unused_result));
/* The form stored in a probe's input (to show it again). */
void infra_ops_form(struct arena *a, const struct probe *p, struct infra_form *out);
/* Lines of a test result (probe.result "rights" and facts) for pages: allowed/missing table. */
struct right_line { const char *what; bool allowed, optional; };
void infra_ops_rights(struct arena *a, const struct probe *p, struct right_line **out, size_t *n);
/* Mask shown in place of the stored registry password: "(stored: <uuid>/registry_password)". */
const char *infra_ops_registry_mask(struct arena *a, struct uuid infra);
#endif
