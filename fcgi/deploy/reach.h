/* Credentials in use: connections (peers) by kubeconfig secret, KubeFATE tokens by endpoint. Kept in the runner's memory only; losing them costs a
 * login, nothing else. */
#ifndef DEPLOY_REACH_H
#define DEPLOY_REACH_H
#include <stdbool.h>
#include "base/uuid.h"
#include "crypt/seal.h"
#include "net/xfer.h"
struct db; struct arena; struct err; struct reach;
struct reach *reach_new(struct xfer *x, const struct seal_key *key);
/* Forgets the tokens and the key; the peers are the transfer engine's. */
void reach_free(struct reach *opt_r);
/* Opens the secret at first use. FAIL_INVALID when it cannot be opened. */
bool reach_peer(struct reach *r, struct db *db, struct arena *a, struct uuid secret, struct peer **out, struct err *e) __attribute__((warn_unused_result));
/* The identity has all the calls under way and waiting that it may have: the work goes back to the table, so that a cluster that does not answer neither
 * fills the runner nor holds leases until they end. *wait_ms: when to ask again. */
bool reach_crowded(struct reach *r, struct uuid secret, int *wait_ms);
const struct seal_key *reach_key(const struct reach *r);
/* A KubeFATE token that lives at least five more minutes, NULL when a login is needed. */
const char *reach_token(struct reach *r, struct uuid endpoint);
void reach_token_put(struct reach *r, struct uuid endpoint, const char *token);
void reach_token_drop(struct reach *r, struct uuid endpoint);
bool reach_open(struct reach *r, struct db *db, struct arena *a, struct uuid secret, struct secret *out, struct err *e) __attribute__((warn_unused_result));
#endif
