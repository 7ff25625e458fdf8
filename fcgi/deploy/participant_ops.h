/* What a person can do with participants; used by pages and API alike. */
#ifndef DEPLOY_PARTICIPANT_OPS_H
#define DEPLOY_PARTICIPANT_OPS_H
#include <stdbool.h>
#include "base/text.h"
#include "crypt/seal.h"
#include "deploy/values.h"
#include "model/participant.h"
struct party_form {
  struct uuid federation, endpoint, chart;
  const char *name, *description, *namespace_, *deployment_yaml;   /* deployment_yaml as edited; name/namespace in it are replaced by the form's */
  long party_id;                                                   /* clusters */
  int proxy_mode, fml_server_mode, fml_client_mode;                /* exchange: enum cert_mode; 0 counts as Skip */
  int pulsar_mode, portal_server_mode, portal_client_mode;         /* cluster */
  const char *proxy_cn, *fml_server_cn, *fml_client_cn, *portal_server_cn, *portal_client_cn;
  bool use_registry_secret; const char *registry_server, *registry_username, *registry_password;   /* mask/"" = the infrastructure's */
  int service_type;
};
struct external_form { struct uuid federation; const char *name, *description; long party_id; const char *a_host; long a_port; /* traffic server or pulsar */ const char *nginx_host; long nginx_port; };
/* YAML for the review step (values.h) with everything looked up: chart, federation, exchange. */
bool participant_ops_yaml(struct db *db, struct arena *a, int type, struct values_form *f, struct uuid federation, struct uuid chart, const char **out, struct err *e) __attribute__((warn_unused_result));
bool participant_ops_create(struct db *db, struct arena *a, const struct seal_pub *k, int type, const struct party_form *f, const char *actor, struct uuid *out, struct err *e) __attribute__((warn_unused_result));
bool participant_ops_external(struct db *db, struct arena *a, int type, const struct external_form *f, const char *actor, struct uuid *out, struct err *e) __attribute__((warn_unused_result));
/* A participant that is not busy, or whose operation has failed; force: any status, supersedes. External: record only (plus routes). */
bool participant_ops_delete(struct db *db, struct arena *a, int type, struct uuid id, struct uuid federation, bool force, const char *actor, struct err *e) __attribute__((warn_unused_result));
/* The same inside the caller's transaction, asked for by the operation `parent` (0 = a person). */
bool participant_ops_remove(struct db *db, struct arena *a, int type, struct uuid id, struct uuid federation, bool force, long parent, const char *actor, struct err *e) __attribute__((warn_unused_result));
/* Secrets and routes anew, then a look at the workloads: participant_repair. Only managed ones; FAIL_CONFLICT while another operation is at work. */
bool participant_ops_repair(struct db *db, struct arena *a, int type, struct uuid id, struct uuid federation, const char *actor, struct err *e) __attribute__((warn_unused_result));
/* What deletion would do and what blocks it. */
struct delete_line { int kind; /* 0 removes, 1 blocks, 2 keeps, 3 leftover command */ struct text t; const char *url; };
bool participant_ops_delete_plan(struct db *db, struct arena *a, const struct participant *p, struct delete_line **out, size_t *n, bool *blocked, struct err *e) __attribute__((warn_unused_result));
/* "Rebuild routes": a push of the exchange's wanted table now. */
bool participant_ops_push(struct db *db, struct arena *a, struct uuid federation, const char *actor, struct err *e) __attribute__((warn_unused_result));
#endif
