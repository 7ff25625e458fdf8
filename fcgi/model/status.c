#include "model/status.h"
#include "base/str.h"

static const struct chip ENDPOINT[] = {{MSG_STATUS_UNKNOWN, "idle"}, {MSG_STATUS_CREATING, "busy"}, {MSG_STATUS_READY, "ok"}, {MSG_STATUS_DISMISSED, "idle"}, {MSG_STATUS_UNAVAILABLE, "err"}, {MSG_STATUS_DELETING, "busy"}};
static const struct chip PARTY[] = {{MSG_STATUS_UNKNOWN, "idle"}, {MSG_STATUS_ACTIVE, "ok"}, {MSG_STATUS_INSTALLING, "busy"}, {MSG_STATUS_REMOVING, "busy"}, {MSG_STATUS_RECONFIGURING, "busy"}, {MSG_STATUS_FAILED, "err"}, {MSG_STATUS_UPGRADING, "busy"}};
static const struct { const char *state; struct chip chip; } OPERATION[] = {{"queued", {MSG_STATE_QUEUED, "idle"}}, {"running", {MSG_STATE_RUNNING, "busy"}}, {"succeeded", {MSG_STATE_SUCCEEDED, "ok"}}, {"failed", {MSG_STATE_FAILED, "err"}},
    {"cancelled", {MSG_STATE_CANCELLED, "warn"}}, {"superseded", {MSG_STATE_SUPERSEDED, "idle"}}, {"pending", {MSG_STATE_PENDING, "idle"}}, {"done", {MSG_STATE_DONE, "ok"}}, {"skipped", {MSG_STATE_SKIPPED, "idle"}}};

struct chip endpoint_chip(int s) { return ENDPOINT[s >= 0 && s < EP__COUNT ? s : 0]; }
struct chip party_chip(int s) { return PARTY[s >= 0 && s < PARTY__COUNT ? s : 0]; }
struct chip operation_chip(const char *state) {
  for (size_t i = 0; i < sizeof OPERATION / sizeof *OPERATION; i++)
    if (streq(OPERATION[i].state, state)) return OPERATION[i].chip;
  return (struct chip){MSG_STATUS_UNKNOWN, "idle"};
}
struct chip step_chip(const char *state) { return operation_chip(state); }
const char *service_type_name(int t) { return t == SERVICE_LOADBALANCER ? "LoadBalancer" : t == SERVICE_NODEPORT ? "NodePort" : "Unknown"; }
const char *cert_service_text(int s) {
  static const char *const T[] = {"unknown", "pulsar proxy", "pulsar server", "fml manager server", "fml manager client", "site portal server", "site portal client"};
  return T[s >= 1 && s <= CS_PORTAL_CLIENT ? s : 0];
}
