#include "deploy/reach.h"
#include <openssl/crypto.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "kube/kubeconfig.h"
#include "model/infra.h"

enum { SLOTS = 256, TOKEN_MS = 25 * 60 * 1000 };
struct peer_slot { struct uuid secret; struct peer *peer; int64_t used; };
struct token_slot { struct uuid endpoint; char *token; int64_t until; };
struct reach { struct xfer *x; struct seal_key key; struct peer_slot peers[SLOTS]; struct token_slot tokens[SLOTS]; };

struct reach *reach_new(struct xfer *x, const struct seal_key *key) {
  struct reach *r = calloc(1, sizeof *r);
  BUG_ON(!r);
  r->x = x, r->key = *key;
  return r;
}

void reach_free(struct reach *r) {
  if (!r) return;
  for (int i = 0; i < SLOTS; i++) free(r->tokens[i].token);
  OPENSSL_cleanse(r, sizeof *r);
  free(r);
}

const struct seal_key *reach_key(const struct reach *r) { return &r->key; }

bool reach_open(struct reach *r, struct db *db, struct arena *a, struct uuid secret, struct secret *out, struct err *e) {
  const char *kind, *sealed;
  return secret_load(db, a, secret, &kind, &sealed, e) && seal_open(&r->key, kind, secret.s, sealed, out, e);
}

bool reach_peer(struct reach *r, struct db *db, struct arena *a, struct uuid secret, struct peer **out, struct err *e) {
  struct peer_slot *oldest = &r->peers[0];
  for (int i = 0; i < SLOTS; i++) {
    struct peer_slot *s = &r->peers[i];
    if (s->peer && uuid_eq(s->secret, secret)) {
      s->used = clock_mono_ms();
      return *out = s->peer, true;
    }
    if (!s->peer || (oldest->peer && s->used < oldest->used)) oldest = s;
  }
  struct secret text = {0};
  struct identity *id = NULL;
  bool ok = reach_open(r, db, a, secret, &text, e) && kubeconfig_identity(&text, &id, e);
  secret_free(&text);
  if (!ok) return false;
  if (oldest->peer) peer_drop(r->x, oldest->peer);
  *oldest = (struct peer_slot){secret, peer_new(r->x, id), clock_mono_ms()};
  return *out = oldest->peer, true;
}

/* As many may wait as get their turn and their answer within a lease, even when each takes the full 10 s. */
enum { MAY_WAIT = 2 };
bool reach_crowded(struct reach *r, struct uuid secret, int *wait_ms) {
  for (int i = 0; i < SLOTS; i++) {
    int64_t busy;
    if (!r->peers[i].peer || !uuid_eq(r->peers[i].secret, secret)) continue;
    if (peer_waiting(r->x, r->peers[i].peer, &busy) < MAY_WAIT) return false;
    *wait_ms = (busy > 1000 ? 1500 : 100) + (int)(clock_mono_ms() % 100);
    return true;
  }
  return false;
}

static struct token_slot *find(struct reach *r, struct uuid endpoint) {
  struct token_slot *spare = &r->tokens[0];
  for (int i = 0; i < SLOTS; i++) {
    if (r->tokens[i].token && uuid_eq(r->tokens[i].endpoint, endpoint)) return &r->tokens[i];
    if (!r->tokens[i].token || r->tokens[i].until < spare->until) spare = &r->tokens[i];
  }
  return spare;
}

const char *reach_token(struct reach *r, struct uuid endpoint) {
  struct token_slot *s = find(r, endpoint);
  return s->token && uuid_eq(s->endpoint, endpoint) && s->until > clock_mono_ms() ? s->token : NULL;
}

void reach_token_put(struct reach *r, struct uuid endpoint, const char *token) {
  struct token_slot *s = find(r, endpoint);
  free(s->token);
  *s = (struct token_slot){endpoint, strdup(token), clock_mono_ms() + TOKEN_MS};
}

void reach_token_drop(struct reach *r, struct uuid endpoint) {
  struct token_slot *s = find(r, endpoint);
  if (s->token && uuid_eq(s->endpoint, endpoint)) s->until = 0;
}
