/* What a person can do with an endpoint; used by pages and API alike. */
#ifndef DEPLOY_ENDPOINT_OPS_H
#define DEPLOY_ENDPOINT_OPS_H
#include <stdbool.h>
#include "crypt/seal.h"
#include "deploy/probe.h"
#include "model/endpoint.h"
struct manifest_form {
  const char *namespace_;                        /* "" cluster-admin */
  const char *service_username, *service_password; /* password NULL: generated when applied, ${secret:kubefate_password} in the text */
  const char *hostname;
  bool use_registry; const char *registry;
  bool use_registry_secret; const char *registry_server, *registry_username, *registry_password; /* password "" or mask: the infrastructure's stored one */
  const char *storage_class;                     /* "" = emptyDir */
  bool ingress; const char *ingress_class;       /* Ingress object only when asked */
  const char *uuid;                              /* endpoint uuid label, "" unknown yet */
};
/* Our manifest (reference 10 section 7): YAML text, several documents; every scalar quoted; secrets only as ${secret:name}, unless literal ones were
 * given (drop-in API: then they stand in the text as given by the caller). FAIL_INVALID names the bad parameter. */
bool manifest_render(struct arena *a, const struct manifest_form *f, const char **out, struct err *e) __attribute__((warn_unused_result));
/* Checks a (possibly edited) manifest: parses, <= 64 KiB, ours in namespace, required objects, allowed kinds. */
bool manifest_check(struct arena *a, const char *yaml, const char *ns, struct err *e) __attribute__((warn_unused_result));

struct endpoint_form { const char *name, *description; struct uuid infra; const char *namespace_, *type; bool install; int ingress_mode; const char *manifest;
  const char *registry_password; /* literal for ${secret:registry_password}; "" = infrastructure's */ };
bool endpoint_ops_scan(struct db *db, struct arena *a, struct uuid infra, const char *ns, const char *type, const char *actor, struct uuid *out_probe, struct err *e) __attribute__((warn_unused_result));
/* Scan result: 0 or 1 item. */
struct scan_item { bool found, managed, compatible; struct uuid uuid; const char *name, *version, *created_at; };
void endpoint_ops_scan_result(struct arena *a, const struct probe *p, struct scan_item *out);
/* Row + operation endpoint_install or endpoint_adopt in one transaction. */
bool endpoint_ops_create(struct db *db, struct arena *a, const struct seal_pub *k, const struct endpoint_form *f, const char *actor, struct uuid *out, struct err *e) __attribute__((warn_unused_result));
bool endpoint_ops_check(struct db *db, struct arena *a, struct uuid endpoint, const char *actor, struct uuid *out_probe, struct err *e) __attribute__((warn_unused_result));
/* The manifest is applied again and KubeFATE asked; an adopted one is only asked, with its account read anew. FAIL_CONFLICT while it is busy. */
bool endpoint_ops_repair(struct db *db, struct arena *a, struct uuid endpoint, const char *actor, struct err *e) __attribute__((warn_unused_result));
/* uninstall false: only our record goes (at once). force: supersedes a live operation and ignores errors of the cluster. */
bool endpoint_ops_delete(struct db *db, struct arena *a, struct uuid endpoint, bool uninstall, bool force, const char *actor, struct err *e) __attribute__((warn_unused_result));
#endif
