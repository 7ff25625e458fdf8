/* Contract: watch.h. */
#include "deploy/watch.h"
#include <stdlib.h>
#include "base/log.h"
#include "base/str.h"
#include "deploy/fsm.h"
#include "deploy/store.h"

enum { PARKED_MAX = 1500, LEAST_MS = 1000 /* KubeFATE's own pace */, MOST_MS = 10000, SHARE = 200 /* of the step's age between two looks */,
  LOOKS_A_SECOND = 250 /* of one runner: more would leave it no time for work that begins */, BETWEEN_MS = 20 /* what is due by then is asked together */, POLL_MAX = 16 << 20,
  PODS_MS = 5000, FULL_LEAST_MS = 5000, FULL_MS = 60000, RENEW_MS = 8000, STOPPED_MS = 500 };

static const struct stmt Q_RENEW = {"watch_renew",
    "with t as (select * from jsonb_to_recordset($1::jsonb) as t(i bigint, t bigint)), "
    "r as (update work w set lease_until = now() + make_interval(secs => $2::float8) from t where w.id = t.i and w.lease_token = t.t and not w.ended returning w.id, w.ref, w.step_deadline), "
    "o as (update operation o set evidence_at = case when o.evidence_class <> '' then now() end, version = version + 1 from r where o.id = r.ref returning o.id, o.cancel_requested or o.deadline < now() as over) "
    "select r.id, o.over or coalesce(r.step_deadline < now(), false) from r join o on o.id = r.ref", STMT_WRITES};
static const struct stmt Q_STOPPED = {"watch_stopped",
    "select w.id from operation o join work w on w.class = 'operation' and w.ref = o.id where o.cancel_requested and o.state in ('queued', 'running') and w.lease_until > now() and not w.ended", STMT_READS};
const struct stmt *const STMTS_WATCH[] = {&Q_RENEW, &Q_STOPPED, NULL};

static uint64_t stir(uint64_t h, char c) { return (h ^ (unsigned char)c) * 1099511628211u; } /* FNV-1a */
static const uint64_t BASIS = 14695981039346656037u;
static uint64_t hash(const char *s) {
  uint64_t h = BASIS;
  for (; *s; s++) h = stir(h, *s);
  return h ? h : 1;
}

uint64_t watch_hash(const char *p, size_t n) {
  uint64_t h = BASIS;
  for (size_t i = 0, k; i < n; i++) {
    h = stir(h, p[i]);
    if (p[i] != '"' && p[i] != '[') continue;
    for (k = i + 1; k < n && p[k] >= '0' && p[k] <= '9'; k++) {}
    if (k < n && k > i + 1 && p[k] == (p[i] == '[' ? ']' : '"')) h = stir(h, '0'), i = k - 1;
  }
  return h ? h : 1;
}

void watch_called(struct work *w, const struct call *c) {
  struct watch *x = &w->watch;
  x->at = -1;
  if (!w->eng->watching.on || !w->st->see || w->logging_in || !streq(c->method, "GET") || (w->raw && x->raw_taken)) return;
  x->at = w->raw, x->raw_taken = w->raw;
  free(x->look[x->at].path);
  x->look[x->at].path = strdup(c->path), x->look[x->at].gist = x->look[x->at].text = 0;
}

static bool see(struct work *w, int at, const struct reply *r, struct glimpse *g, uint64_t *gist) {
  *g = (struct glimpse){.gist = ""};
  if (r->fail != REPLY_OK || !w->st->see(w->a, at == 1, r, g)) return false;
  *gist = hash(g->gist);
  return true;
}

void watch_answered(struct work *w, const struct reply *r) {
  struct watch *x = &w->watch;
  struct glimpse g;
  if (x->at < 0 || !w->st || !w->st->see || !x->look[x->at].path) return;
  if (see(w, x->at, r, &g, &x->look[x->at].gist)) {
    x->look[x->at].text = watch_hash(r->body, r->n);
    if (g.parts) x->parts = hash(g.parts);
  }
  x->at = -1;
}

bool watch_wants(const struct work *w) {
  const struct engine *en = w->eng;
  return en->watching.on && !en->stopping && w->st->see && w->watch.look[0].path && w->watch.look[0].gist && !w->cancel && en->watching.parked < PARKED_MAX && streq(w->wf->class, "operation");
}

/* A fixed share of the age: whoever waits for a minute may wait a little, whoever waits for an hour ten seconds; and no less than there is time for. */
static int pause_ms(const struct work *w) {
  int64_t ms = (w->now - w->step_started) / 1000 / SHARE, room = (int64_t)w->eng->watching.parked * 1000 / LOOKS_A_SECOND;
  if (ms < room) ms = room;
  return ms < LEAST_MS ? LEAST_MS : ms > MOST_MS ? MOST_MS : (int)ms;
}

/* Looks in full find what no gist tells, such as events: the first ones after 5, 10, 20 and 40 seconds, then one a minute. */
static bool full_is_due(const struct work *w, int64_t now) {
  int64_t since = now - w->watch.full_ms, then = (w->now - w->step_started) / 1000 - since; /* the step's age at the last one */
  return since > (then < FULL_LEAST_MS ? FULL_LEAST_MS : then < FULL_MS ? then : FULL_MS);
}

static void asleep(struct work *w) {
  arena_free(w->a), arena_free(w->records), arena_free(w->place);
  w->a = w->records = w->place = NULL, w->place_ms = 0;
}

static void due(struct work *w, int64_t at_ms) {
  w->watch.look[0].due_ms = at_ms;
  if (at_ms < w->eng->watching.ask_ms) w->eng->watching.ask_ms = at_ms;
}

void watch_park(struct work *w) {
  int64_t now = clock_mono_ms();
  asleep(w);
  w->watch.calling = w->watch.lost = false, w->watch.full_ms = now;
  due(w, now + pause_ms(w)), w->watch.look[1].due_ms = now + PODS_MS;
  w->sent_ms = now; /* w->now counts from here */
  w->eng->in_flight--, w->eng->watching.parked++;
}

void watch_forget(struct work *w) {
  for (int i = 0; i < 2; i++) free(w->watch.look[i].path);
  if (w->watch.parked) w->eng->watching.parked--, w->eng->in_flight++;
}

static void look_in_full(struct work *w) {
  w->watch.parked = false, w->eng->watching.parked--, w->eng->in_flight++;
  if (!w->a) w->a = arena_new();
  if (!w->records) w->records = arena_new(), w->place = arena_new();
  drive(w);
}

/* --- one look --- */
static void ask_again(struct work *w, int64_t now) {
  struct engine *en = w->eng;
  struct watch *x = &w->watch;
  struct err e = ERR_INIT;
  struct peer *p;
  int later;
  w->now += (now - w->sent_ms) * 1000, w->sent_ms = now;
  if (full_is_due(w, now)) { look_in_full(w); return; }
  if (reach_crowded(en->reach, w->home_secret, &later)) { due(w, now + later); return; }
  x->at = x->look[1].path && x->look[1].gist && now >= x->look[1].due_ms;
  const char *token = reach_token(en->reach, w->endpoint.uuid);
  if (x->at == 0 && !token) { look_in_full(w); return; }
  w->a = arena_new();
  if (!reach_peer(en->reach, en->db, w->a, w->home_secret, &p, &e)) { look_in_full(w); return; }
  struct call c = {.method = "GET", .path = x->look[x->at].path, .accept = "application/json", .max_reply = POLL_MAX};
  if (x->at == 0) c.cookie = arena_fmt(w->a, "jwt=%s", token);
  x->calling = true;
  xfer_start(en->xfer, p, w->a, &c, w);
}

static void again_later(struct work *w) {
  int64_t now = clock_mono_ms();
  if (w->watch.at) w->watch.look[1].due_ms = now + (pause_ms(w) * 3 > PODS_MS ? pause_ms(w) * 3 : PODS_MS);
  due(w, w->watch.at ? w->watch.look[0].due_ms : now + pause_ms(w));
  asleep(w);
}

bool watch_reply(struct work *w, const struct reply *r) {
  struct watch *x = &w->watch;
  struct err e = ERR_INIT;
  struct glimpse g;
  uint64_t gist;
  bool lost = false;
  if (!x->calling) return false;
  x->calling = false;
  uint64_t text = r->fail == REPLY_OK && r->status == 200 ? watch_hash(r->body, r->n) : 0;
  if (!x->lost && text && text == x->look[x->at].text) { again_later(w); return true; }
  if (!x->lost && see(w, x->at, r, &g, &gist) && gist == x->look[x->at].gist) {
    unsigned before = db_count(w->db);
    bool news = g.parts && hash(g.parts) != x->parts, kept = !news || store_glimpse(w, &g, &lost, &e);
    w->eng->spent[SPENT_OPERATIONS] += db_count(w->db) - before;
    if (news && kept) x->parts = hash(g.parts);
    if (kept) x->look[x->at].text = text;
    if (!kept) log_err(LOG_LEVEL_WARN, "watch", "progress", &e);
    if (!lost) { again_later(w); return true; }
    x->lost = true;
  }
  if (x->lost) work_free(w);
  else look_in_full(w);
  return true;
}

/* --- leases --- */
static struct work *find(struct engine *en, long id) {
  struct work *w = en->all;
  while (w && !(w->id == id && w->watch.parked)) w = w->next;
  return w;
}

static void drop(struct work *w) {
  log_info("watch", "lease lost", "workflow", w->wf->name);
  if (w->watch.calling) w->watch.lost = true; /* its answer still comes */
  else work_free(w);
}

static void renew(struct engine *en, struct arena *a) {
  struct rows r;
  struct err e = ERR_INIT;
  struct buf b;
  buf_init(&b, a, 1 << 20), buf_ch(&b, '[');
  for (struct work *w = en->all; w; w = w->next)
    if (w->watch.parked && !w->watch.lost) buf_fmt(&b, "%s{\"i\":%ld,\"t\":%ld}", b.n > 1 ? "," : "", w->id, w->token);
  buf_ch(&b, ']');
  if (b.n == 2) return;
  unsigned before = db_count(en->db);
  bool ok = db_query(en->db, a, &Q_RENEW, &r, &e, b.p, arena_fmt(a, "%d", en->conf->lease_s));
  en->spent[SPENT_OPERATIONS] += db_count(en->db) - before;
  if (!ok) { log_err(LOG_LEVEL_WARN, "watch", "renew", &e); return; }
  for (struct work *w = en->all, *next; w; w = next) {
    next = w->next;
    if (!w->watch.parked || w->watch.lost) continue;
    int i = 0;
    while (i < r.n && row_i64(&r, i, 0) != w->id) i++;
    if (i == r.n) drop(w);
    else if (row_bool(&r, i, 1) && !w->watch.calling) look_in_full(w);
  }
}

static void stopped(struct engine *en, struct arena *a) {
  struct rows r;
  struct err e = ERR_INIT;
  unsigned before = db_count(en->db);
  bool ok = db_query(en->db, a, &Q_STOPPED, &r, &e);
  en->spent[SPENT_OPERATIONS] += db_count(en->db) - before;
  for (int i = 0; ok && i < r.n; i++) {
    struct work *w = find(en, (long)row_i64(&r, i, 0));
    if (w && !w->watch.calling && !w->watch.lost) look_in_full(w);
  }
}

static int64_t asks_at(const struct engine *en) {
  return en->watching.ask_ms < en->watching.asked_ms + BETWEEN_MS ? en->watching.asked_ms + BETWEEN_MS : en->watching.ask_ms;
}

void watch_turn(struct engine *en) {
  int64_t now = clock_mono_ms();
  if (!en->watching.parked) { en->watching.renew_ms = now + RENEW_MS, en->watching.look = false; return; }
  bool renews = now >= en->watching.renew_ms;
  if (renews || (en->watching.look && now >= en->watching.look_ms)) { /* memory only then: this is called with every answer */
    struct arena *a = arena_new();
    en->watching.look = false;
    if (renews) en->watching.renew_ms = now + RENEW_MS, renew(en, a);
    else en->watching.look_ms = now + STOPPED_MS, stopped(en, a);
    arena_free(a);
  }
  if (now < asks_at(en)) return;
  en->watching.ask_ms = INT64_MAX, en->watching.asked_ms = now; /* found anew */
  for (struct work *w = en->all, *next; w; w = next) {
    next = w->next;
    if (!w->watch.parked || w->watch.calling || w->watch.lost) continue;
    if (now >= w->watch.look[0].due_ms) ask_again(w, now);
    else due(w, w->watch.look[0].due_ms);
  }
}

int64_t watch_due(const struct engine *en) {
  int64_t at = en->watching.parked ? en->watching.renew_ms : INT64_MAX;
  if (en->watching.parked && en->watching.look && en->watching.look_ms < at) at = en->watching.look_ms;
  return en->watching.parked && asks_at(en) < at ? asks_at(en) : at;
}
