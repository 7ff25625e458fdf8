/* The transfer engine: curl multi driven by the runner's event loop. At most `per_identity` transfers per identity at a time (others queue here).
 * Every handle: CAPATH NULL with a CA blob, explicit PROXY/NOPROXY, https only, no redirects, connect 5 s, total 10 s unless the call says
 * otherwise (at most 120 s), TLS >= 1.2, reply and headers capped in the callbacks, no VERBOSE, link-local addresses refused, connection cache
 * per identity (CURLSH).
 *
 *     struct xfer *x = xfer_new(64, 2);
 *     struct peer *p = peer_new(x, identity);  // connection set of an identity
 *     xfer_start(x, p, arena, &call, user);
 *     for (;;) { xfer_wait(x, fds, n, timeout_ms); while (xfer_next(x, &done)) ... done.user, done.reply }
 */
#ifndef NET_XFER_H
#define NET_XFER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "net/call.h"
#include "net/identity.h"
struct xfer; struct peer; struct arena;
struct xfer *xfer_new(int max_transfers, int per_identity);
void xfer_free(struct xfer *x);                         /* aborts what runs */
/* A peer takes ownership of the identity. Released when no transfer uses it any more. */
struct peer *peer_new(struct xfer *x, struct identity *owned);
void peer_drop(struct xfer *x, struct peer *p);
/* Transfers of the peer that still wait for their turn; *busy_ms: for how long the oldest of those under way has been (0 = none is). */
size_t peer_waiting(const struct xfer *x, const struct peer *p, int64_t *busy_ms);
/* Copies the call. `a` must live until the transfer is done; the reply is allocated there. */
void xfer_start(struct xfer *x, struct peer *p, struct arena *a, const struct call *c, void *user);
struct xfer_done { void *user; struct reply reply; };
/* Waits at most timeout_ms for transfers or one of the extra descriptors to be readable; returns. */
void xfer_wait(struct xfer *x, const int *fds, size_t n_fds, int timeout_ms);
/* Next finished transfer, false when there is none now. */
bool xfer_next(struct xfer *x, struct xfer_done *out);
size_t xfer_running(const struct xfer *x);
void xfer_cancel(struct xfer *x, void *user);           /* its reply never comes */
#endif
