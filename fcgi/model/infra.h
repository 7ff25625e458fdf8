/* Infrastructures: Kubernetes clusters with their credentials. Secrets are ids here, never bytes. */
#ifndef MODEL_INFRA_H
#define MODEL_INFRA_H
#include <stdbool.h>
#include <stddef.h>
#include "base/clock.h"
#include "base/uuid.h"
struct db; struct arena; struct err;

struct infra {
  struct uuid uuid; long id;
  const char *name, *description, *type, *api_host;
  struct uuid kubeconfig_secret;
  const char *config_sha256, *kubeconfig_shown, *auth_kind, *auth_subject, *ca_sha256;
  usec_t cert_not_after; bool insecure_tls;
  const char **namespaces; size_t n_namespaces;
  bool use_registry; const char *registry;
  bool use_registry_secret; const char *registry_server, *registry_username; struct uuid registry_secret;
  const char *facts;                 /* JSON: {"git_version":"v1.34.4","major":1,"minor":34,"storage_classes":[..],"ingress_classes":[..],"nodes":n,
                                        "node_address":"..","loadbalancer":bool,"cluster_admin":bool,"psp":bool} */
  usec_t tested_at; bool test_known, test_ok; const char *test_class, *test_args;
  long version; usec_t created_at, updated_at;
  int n_endpoints, n_participants;   /* list and detail, from the same statement */
  const char *kube_version;          /* facts.git_version or "" */
  /* The circuit breaker: failures in a row; while since is set nobody calls the cluster before until, except one trial call at a time. Class and args: why the last call failed. */
  int circuit_failures; usec_t circuit_since, circuit_until; const char *circuit_class, *circuit_args;
};
bool infra_list(struct db *db, struct arena *a, struct infra **out, size_t *n, struct err *e) __attribute__((warn_unused_result));   /* by name; one statement; without kubeconfig, facts, secrets and hashes */
bool infra_get(struct db *db, struct arena *a, struct uuid id, struct infra *out, struct err *e) __attribute__((warn_unused_result)); /* FAIL_NOT_FOUND */
/* Inserts; FAIL_CONFLICT sentences for the name and for the same kubeconfig ("provider already exists" in meaning). uuid set by the caller. */
bool infra_insert(struct db *db, struct arena *a, const struct infra *i, struct err *e) __attribute__((warn_unused_result));
/* Compare-and-set on version. All editable columns. */
bool infra_update(struct db *db, struct arena *a, const struct infra *i, struct err *e) __attribute__((warn_unused_result));
/* FAIL_CONFLICT while endpoints or participants refer to it or an operation holds it. Secrets go with it. */
bool infra_delete(struct db *db, struct arena *a, struct uuid id, struct err *e) __attribute__((warn_unused_result));
bool infra_set_test(struct db *db, struct arena *a, struct uuid id, bool ok, const char *opt_facts_json, const char *cls, const char *args, struct err *e) __attribute__((warn_unused_result));
/* What a call to the cluster came to, in one statement. A failure counts; the open_after-th in a row opens the circuit for open_s seconds, one while it is open keeps it open
 * for as long again. A success closes it. *changed: it was opened or closed by this. Version and updated_at stay: nobody edited anything. */
bool infra_circuit(struct db *db, struct arena *a, struct uuid infra, bool ok, const char *cls, const char *args_json, int open_after, int open_s, bool *changed, struct err *e) __attribute__((warn_unused_result));
/* Takes the one trial call of an open circuit whose time is over; *mine for one caller in open_s seconds. */
bool infra_circuit_try(struct db *db, struct arena *a, struct uuid infra, int open_s, bool *mine, struct err *e) __attribute__((warn_unused_result));
/* The circuit's columns and the name alone, for pages about something else on it. *open: it is. */
bool infra_circuit_open(struct db *db, struct arena *a, struct uuid infra, struct infra *out, bool *open, struct err *e) __attribute__((warn_unused_result));
/* Seals and stores a secret; returns its id. kinds: "kubeconfig", "registry", "kubefate", "named", "ca-key", "leaf-key". */
struct seal_pub;
bool secret_store(struct db *db, struct arena *a, const struct seal_pub *k, const char *kind, const void *p, size_t n, struct uuid *out, struct err *e) __attribute__((warn_unused_result));
bool secret_load(struct db *db, struct arena *a, struct uuid id, const char **out_kind, const char **out_sealed, struct err *e) __attribute__((warn_unused_result));
bool secret_delete(struct db *db, struct arena *a, struct uuid id, struct err *e) __attribute__((warn_unused_result));
/* ${secret:name} of an owner (endpoint or participant). Setting again replaces. */
bool named_secret_set(struct db *db, struct arena *a, const struct seal_pub *k, struct uuid owner, const char *name, const char *value, struct err *e) __attribute__((warn_unused_result));
struct named_secret { const char *name; struct uuid secret; const char *sealed; };
bool named_secret_list(struct db *db, struct arena *a, struct uuid owner, struct named_secret **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
bool named_secret_drop(struct db *db, struct arena *a, struct uuid owner, struct err *e) __attribute__((warn_unused_result));
#endif
