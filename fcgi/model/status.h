/* Enumerations that SQL, JSON and pages share, with their labels (reference 20 section 2, 50 section 6.2). Const tables in status.c. */
#ifndef MODEL_STATUS_H
#define MODEL_STATUS_H
#include "base/text.h"
enum endpoint_status { EP_UNKNOWN, EP_CREATING, EP_READY, EP_DISMISSED, EP_UNAVAILABLE, EP_DELETING, EP__COUNT };
enum party_status { PARTY_UNKNOWN, PARTY_ACTIVE, PARTY_INSTALLING, PARTY_REMOVING, PARTY_RECONFIGURING, PARTY_FAILED, PARTY_UPGRADING, PARTY__COUNT };
enum party_type { TYPE_NONE, TYPE_EXCHANGE, TYPE_CLUSTER };
enum cert_mode { CERT_UNKNOWN, CERT_SKIP, CERT_REUSE, CERT_CREATE };
enum service_type { SERVICE_NONE, SERVICE_LOADBALANCER, SERVICE_NODEPORT };
enum cert_service { CS_NONE, CS_ATS, CS_PULSAR, CS_FML_SERVER, CS_FML_CLIENT, CS_PORTAL_SERVER, CS_PORTAL_CLIENT };
enum entity_type { ENTITY_UNKNOWN, ENTITY_ENDPOINT, ENTITY_EXCHANGE, ENTITY_CLUSTER };
/* Chip of a status: label key, css class ("ok" "busy" "warn" "err" "idle"). Out of range gives Unknown. */
struct chip { enum msg label; const char *cls; };
struct chip endpoint_chip(int status);
struct chip party_chip(int status);
struct chip operation_chip(const char *state);
struct chip step_chip(const char *state);
const char *service_type_name(int t);             /* "LoadBalancer", "NodePort", "Unknown" */
const char *cert_service_text(int s);             /* "pulsar proxy", ... (reference 20 section 2) */
#endif
