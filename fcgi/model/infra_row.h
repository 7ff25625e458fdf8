/* The columns of an infrastructure "i" and their mapper, for statements that join it to something else. counts: two columns, endpoints and participants. */
#ifndef MODEL_INFRA_ROW_H
#define MODEL_INFRA_ROW_H
#include "db/db.h"
#include "model/infra.h"
#define INFRA_CIRCUIT "i.circuit_failures, " USEC("i.circuit_since") ", " USEC("i.circuit_until") ", i.circuit_class, i.circuit_args"
#define INFRA_COLS(counts) "i.uuid, i.id, i.name, i.description, i.type, i.api_host, coalesce(i.kubeconfig_secret::text, ''), i.config_sha256, i.kubeconfig_shown, i.auth_kind, i.auth_subject, i.ca_sha256, " \
  USEC("i.cert_not_after") ", i.insecure_tls, to_json(i.namespaces)::text, i.use_registry, i.registry, i.use_registry_secret, i.registry_server, i.registry_username, coalesce(i.registry_secret::text, ''), " \
  "i.facts, " USEC("i.tested_at") ", i.test_ok, i.test_class, i.test_args, i.version, " USEC("i.created_at") ", " USEC("i.updated_at") ", " \
  counts ", coalesce(i.facts->>'git_version', ''), " INFRA_CIRCUIT
/* Row i, first column c. */
bool infra_map(struct arena *a, const struct rows *r, int i, int c, struct infra *out, struct err *e) __attribute__((warn_unused_result));
#endif
