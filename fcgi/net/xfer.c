/* Contract: xfer.h. The loop: queue, start, finish. Options of a handle are in xfer_setup.c, the meaning of its result in xfer_reply.c. */
#include "net/xfer.h"
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/xfer_impl.h"

struct finished { struct finished *next; struct xfer_done done; };
struct xfer {
  CURLM *multi;
  int max, per_identity, active;
  size_t queued;
  struct peer *peers;
  struct transfer *queue, *running;
  struct finished *first, *last;
};

static void *zalloc(size_t n) {
  void *p = calloc(1, n);
  BUG_ON(!p);
  return p;
}

struct xfer *xfer_new(int max_transfers, int per_identity) {
  BUG_ON(curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK);
  struct xfer *x = zalloc(sizeof *x);
  x->multi = curl_multi_init();
  BUG_ON(!x->multi);
  x->max = max_transfers, x->per_identity = per_identity;
  /* One request per connection at a time: the number of transfers is the number of connections, and a cut connection hurts one request only. */
  curl_multi_setopt(x->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
  /* Per connection cache, thus per identity. As many as can be in use: a connection at rest costs some 40 kB. */
  curl_multi_setopt(x->multi, CURLMOPT_MAXCONNECTS, (long)per_identity);
  return x;
}

/* --- transfers --- */
static char *keep(char **at, const char *opt_s) {
  if (!opt_s) return NULL;
  size_t n = strlen(opt_s) + 1;
  char *p = memcpy(*at, opt_s, n);
  *at += n;
  return p;
}

static size_t room(const char *opt_s) { return opt_s ? strlen(opt_s) + 1 : 0; }

static void copy_call(struct transfer *t, const struct call *c) {
  t->call = *c;
  char *at = t->text = zalloc(room(c->method) + room(c->path) + room(c->accept) + room(c->content_type) + room(c->cookie) + 1);
  t->call.method = keep(&at, c->method), t->call.path = keep(&at, c->path), t->call.accept = keep(&at, c->accept);
  t->call.content_type = keep(&at, c->content_type), t->call.cookie = keep(&at, c->cookie);
  t->body = zalloc(c->body_len + 1);
  if (c->body_len) memcpy(t->body, c->body, c->body_len);
  t->call.body = t->body;
}

static void transfer_free(struct transfer *t) {
  if (t->easy) curl_easy_cleanup(t->easy);
  transfer_headers_free(&t->headers);
  curl_slist_free_all(t->connect_to);
  if (t->call.cookie) OPENSSL_cleanse((char *)(uintptr_t)t->call.cookie, strlen(t->call.cookie));
  if (t->call.secret_body) OPENSSL_cleanse(t->body, t->call.body_len);
  free(t->text), free(t->body), free(t);
}

static void peer_free(struct peer *p) {
  curl_share_cleanup(p->share); /* closes the idle connections */
  identity_free(p->id);
  free(p->connect_to), free(p->url), free(p->host_header), free(p);
}

/* Frees the peer when it was dropped and nothing uses it any more. */
static void peer_settle(struct xfer *x, struct peer *p) {
  if (!p->dropped || p->active || p->queued) return;
  for (struct peer **at = &x->peers; *at; at = &(*at)->next)
    if (*at == p) {
      *at = p->next;
      peer_free(p);
      return;
    }
}

static void start(struct xfer *x, struct transfer *t) {
  t->easy = curl_easy_init();
  BUG_ON(!t->easy);
  buf_init(&t->reply, t->a, t->call.max_reply ? t->call.max_reply : REPLY_MAX_DEFAULT);
  t->started_ms = clock_mono_ms();
  transfer_setup(t);
  t->next = x->running, x->running = t;
  t->peer->queued--, t->peer->active++, x->queued--, x->active++;
  BUG_ON(curl_multi_add_handle(x->multi, t->easy) != CURLM_OK);
}

static void append(struct xfer *x, struct finished *f) {
  if (x->last) x->last->next = f;
  else x->first = f;
  x->last = f;
}

/* It waited in the queue until its time was over. */
static void drop_late(struct xfer *x, struct transfer *t) {
  struct finished *f = zalloc(sizeof *f);
  struct peer *p = t->peer;
  f->done.user = t->user, t->late = true, t->started_ms = clock_mono_ms();
  transfer_reply(t, CURLE_ABORTED_BY_CALLBACK, &f->done.reply);
  append(x, f);
  p->queued--, x->queued--;
  transfer_free(t);
  peer_settle(x, p);
}

static void start_queued(struct xfer *x) {
  for (struct transfer **at = &x->queue; *at && x->active < x->max;) {
    struct transfer *t = *at;
    if (t->call.send_by_ms && clock_mono_ms() > t->call.send_by_ms) {
      *at = t->next;
      drop_late(x, t);
      continue;
    }
    if (t->peer->active >= x->per_identity) {
      at = &t->next;
      continue;
    }
    *at = t->next;
    start(x, t);
  }
}

void xfer_start(struct xfer *x, struct peer *p, struct arena *a, const struct call *c, void *user) {
  BUG_ON(!c->method || !c->path || c->path[0] != '/' || p->dropped);
  struct transfer *t = zalloc(sizeof *t), **at = &x->queue;
  t->peer = p, t->a = a, t->user = user;
  copy_call(t, c);
  while (*at) at = &(*at)->next;
  *at = t;
  p->queued++, x->queued++;
  start_queued(x);
}

static void unlink_running(struct xfer *x, struct transfer *t) {
  for (struct transfer **at = &x->running; *at; at = &(*at)->next)
    if (*at == t) {
      *at = t->next;
      break;
    }
  curl_multi_remove_handle(x->multi, t->easy);
  t->peer->active--, x->active--;
}

static void finish(struct xfer *x, struct transfer *t, CURLcode code) {
  struct finished *f = zalloc(sizeof *f);
  f->done.user = t->user;
  transfer_reply(t, code, &f->done.reply);
  append(x, f);
  struct peer *p = t->peer;
  unlink_running(x, t);
  transfer_free(t);
  peer_settle(x, p);
}

static void collect(struct xfer *x) {
  int left;
  for (CURLMsg *m; (m = curl_multi_info_read(x->multi, &left));) {
    struct transfer *t = NULL;
    if (m->msg != CURLMSG_DONE) continue;
    CURLcode code = m->data.result;
    BUG_ON(curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t) != CURLE_OK || !t);
    finish(x, t, code);
  }
  start_queued(x);
}

static void perform(struct xfer *x) {
  int running;
  BUG_ON(curl_multi_perform(x->multi, &running) != CURLM_OK);
  collect(x);
}

void xfer_wait(struct xfer *x, const int *fds, size_t n_fds, int timeout_ms) {
  struct curl_waitfd w[8] = {0};
  BUG_ON(n_fds > sizeof w / sizeof *w);
  for (size_t i = 0; i < n_fds; i++) w[i].fd = fds[i], w[i].events = CURL_WAIT_POLLIN;
  perform(x);
  /* Something is finished already: look at the descriptors, but do not sleep. */
  CURLMcode rc = curl_multi_poll(x->multi, w, (unsigned)n_fds, x->first || timeout_ms < 0 ? 0 : timeout_ms, NULL);
  BUG_ON(rc != CURLM_OK && rc != CURLM_UNRECOVERABLE_POLL);
  perform(x);
}

bool xfer_next(struct xfer *x, struct xfer_done *out) {
  struct finished *f = x->first;
  if (!f) return false;
  x->first = f->next;
  if (!x->first) x->last = NULL;
  *out = f->done;
  free(f);
  return true;
}

size_t xfer_running(const struct xfer *x) { return x->queued + (size_t)x->active; }

static void cancel_finished(struct xfer *x, const void *user) {
  x->last = NULL;
  for (struct finished **at = &x->first; *at;) {
    struct finished *f = *at;
    if (f->done.user == user) {
      *at = f->next;
      free(f);
    } else x->last = f, at = &f->next;
  }
}

void xfer_cancel(struct xfer *x, void *user) {
  cancel_finished(x, user);
  for (struct transfer **at = &x->queue; *at;) {
    struct transfer *t = *at;
    if (t->user != user) {
      at = &t->next;
      continue;
    }
    *at = t->next;
    struct peer *p = t->peer;
    p->queued--, x->queued--;
    transfer_free(t);
    peer_settle(x, p);
  }
  for (struct transfer *t = x->running, *next; t; t = next) {
    next = t->next;
    if (t->user != user) continue;
    struct peer *p = t->peer;
    unlink_running(x, t);
    transfer_free(t);
    peer_settle(x, p);
  }
  start_queued(x);
}

/* --- peers --- */

/* tls-server-name (reference 10 section 12.2): the TLS name becomes the URL's host, CONNECT_TO leads to the real one, Host keeps the real one. */
static void use_tls_name(struct peer *p) {
  CURLU *u = curl_url();
  char *host = NULL, *port = NULL, *url = NULL;
  char name[300] = "";
  BUG_ON(!u);
  if (*p->id->tls_server_name) snprintf(name, sizeof name, strchr(p->id->tls_server_name, ':') ? "[%s]" : "%s", p->id->tls_server_name);
  if (*name && curl_url_set(u, CURLUPART_URL, p->id->base_url, 0) == CURLUE_OK && curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
      curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK && curl_url_set(u, CURLUPART_HOST, name, 0) == CURLUE_OK &&
      curl_url_get(u, CURLUPART_URL, &url, 0) == CURLUE_OK) {
    free(p->url), free(p->connect_to), free(p->host_header);
    size_t n = strlen(url);
    if (n && url[n - 1] == '/') url[n - 1] = 0; /* libcurl adds the path "/" */
    p->url = strdup(url);
    if (asprintf(&p->connect_to, "%s:%s:%s:%s", name, port, host, port) < 0 || asprintf(&p->host_header, "%s:%s", host, port) < 0) BUG_ON(true);
  }
  curl_free(host), curl_free(port), curl_free(url);
  curl_url_cleanup(u);
}

struct peer *peer_new(struct xfer *x, struct identity *owned) {
  struct peer *p = zalloc(sizeof *p);
  p->id = owned;
  p->share = curl_share_init();
  BUG_ON(!p->share);
  /* Connections and TLS sessions live in the identity's own cache: libcurl 7.88 compares certificates but not private keys when it looks for a
   * connection to reuse (reference 81 section 9), so two identities in one cache could meet. No locks: one thread. */
  curl_share_setopt(p->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
  curl_share_setopt(p->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  p->url = strdup(owned->base_url), p->connect_to = strdup(""), p->host_header = strdup("");
  BUG_ON(!p->url || !p->connect_to || !p->host_header);
  use_tls_name(p);
  p->next = x->peers, x->peers = p;
  return p;
}

size_t peer_waiting(const struct xfer *x, const struct peer *p, int64_t *busy_ms) {
  int64_t now = clock_mono_ms();
  *busy_ms = 0;
  for (const struct transfer *t = x->running; t; t = t->next)
    if (t->peer == p && now - t->started_ms > *busy_ms) *busy_ms = now - t->started_ms;
  return p->queued;
}

void peer_drop(struct xfer *x, struct peer *p) {
  p->dropped = true;
  peer_settle(x, p);
}

void xfer_free(struct xfer *x) {
  if (!x) return;
  while (x->running) {
    struct transfer *t = x->running;
    unlink_running(x, t);
    transfer_free(t);
  }
  for (struct transfer *t = x->queue, *next; t; t = next) next = t->next, transfer_free(t);
  for (struct finished *f = x->first, *next; f; f = next) next = f->next, free(f);
  for (struct peer *p = x->peers, *next; p; p = next) next = p->next, peer_free(p);
  curl_multi_cleanup(x->multi);
  free(x);
  curl_global_cleanup();
}
