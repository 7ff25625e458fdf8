/* Contract: drive.h. One transaction per request and per digest; what they wrote is kept exactly when the step's result is. */
#include "deploy/drive.h"
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "deploy/cause.h"
#include "deploy/fsm.h"
#include "deploy/store.h"
#include "deploy/watch.h"
#include "kube/kube.h"
#include "kube/read.h"
#include "kubefate/kubefate.h"
#include "model/event.h"

enum { FORCE_PATIENCE_US = 20 * 1000000, LAST_LOOKS_US = 30 * 1000000, MAX_LOOP = 400, PROBE_CALL_MS = 8000, BROKEN_MS = 1000, CHECKS_A_SECOND = 25,
  SEND_RESERVE_MS = 12000 /* of the lease: a call of 10 s that left in time has ended before anybody else may claim the work */ };

struct work *work_new(struct engine *en, long id, long token) {
  struct work *w = calloc(1, sizeof *w);
  BUG_ON(!w);
  w->eng = en, w->db = en->db, w->id = id, w->token = token, w->a = arena_new(), w->records = arena_new(), w->place = arena_new();
  w->saved_ms = clock_mono_ms(); /* claimed just now */
  en->in_flight++;
  w->next = en->all, en->all = w;
  return w;
}

void work_free(struct work *w) {
  watch_forget(w);
  w->eng->in_flight--;
  for (struct work **at = &w->eng->all; *at; at = &(*at)->next)
    if (*at == w) { *at = w->next; break; }
  arena_free(w->a), arena_free(w->records), arena_free(w->place);
  free(w);
}

/* Half a second at first, slower with age (DESIGN, numbers: waiting adapts). */
static int adaptive(const struct work *w) {
  long age = (long)((w->now - w->step_started) / 1000000);
  return age < 10 ? 400 : age < 60 ? 1000 : age < 300 ? 3000 : 10000;
}

static int backoff(const struct work *w) {
  int most = w->eng->conf->retry_s * 1000, ms = 500 << (w->attempt < 10 ? w->attempt : 10);
  if (ms > most) ms = most;
  return ms + (int)(clock_mono_ms() % (ms / 4 + 1)); /* jitter */
}

/* Of more targets than can be looked at in the time that a check asks for, each is looked at more rarely: all together CHECKS_A_SECOND. */
static bool look_again(struct work *w, bool *lost, struct err *e) {
  int64_t ms = w->wait_ms > 0 ? w->wait_ms : w->eng->conf->check_s * 1000, room = (int64_t)w->eng->targets * 1000 / CHECKS_A_SECOND;
  return store_again(w, (int)(ms > room ? ms : room + clock_mono_ms() % 1500), lost, e);
}

/* --- ends of a step --- */
static bool advance(struct work *w, const char *state, bool *ended, bool *lost, struct err *e) {
  *ended = false;
  if (w->st->effect == EFFECT_ONCE) js_set_str(w->memo, "try_until", NULL);
  if (memo_int(w, "try_late")) js_set_str(w->memo, "try_late", NULL);
  /* Between two tries of a request the reason of the first one stays. */
  store_step(w, state, 1);
  if (!memo_int(w, "try_until")) store_settled(w);
  w->intent_at = 0;
  bool last = (w->st->flags & STEP_LAST) != 0 || w->step + 1 >= w->wf->n;
  if (!last) {
    w->step++;
    return store_percent(w), true;
  }
  *ended = true;
  enum work_end how = w->st->flags & STEP_CANCEL ? END_CANCELLED : END_SUCCEEDED;
  if (streq(w->wf->class, "check")) return w->wf->ended(w, END_SUCCEEDED, NULL, e) && look_again(w, lost, e);
  if (w->wf->ended && !w->wf->ended(w, how, NULL, e)) return false;
  return store_end(w, how, NULL, lost, e);
}

/* The table says where a step can go: the graph that people and tests read is the whole truth. */
static bool may_jump(const struct work *w, const char *key) {
  const struct step *s = w->st;
  if (streq(key, nn(s->look)) || streq(key, nn(s->retry_from)) || streq(key, nn(w->wf->cancel_at))) return true;
  size_t n = strlen(key);
  for (const char *p = nn(s->jumps); (p = strstr(p, key)); p += n)
    if ((p == s->jumps || p[-1] == ' ') && (p[n] == 0 || p[n] == ' ')) return true;
  return false;
}

static void jump(struct work *w, const char *key) {
  int to = workflow_step(w->wf, key);
  BUG_ON(to < 0 || !may_jump(w, key));
  /* Back to looking, and perhaps to another try: all of them share the time of the first. */
  if (w->st->effect == EFFECT_ONCE && streq(key, w->st->look) && !memo_int(w, "try_until")) js_set_int(w->memo, "try_until", w->step_deadline);
  /* The step left behind keeps its row as it is; a later pass runs it again. */
  store_step(w, "pending", 0);
  w->step = to;
}

static bool fail_for_good(struct work *w, const struct err *why, bool *ended, bool *lost, struct err *e) {
  bool go_on = (w->st->flags & STEP_ALWAYS_ON) || (w->force && (w->st->flags & STEP_FORCE_ON));
  if (go_on) {
    if (!work_event(w, true, err_text(why), e)) return false;
    js_set_bool(w->memo, "went_on", true);
    return advance(w, "failed", ended, lost, e);
  }
  *ended = true;
  if (streq(w->wf->class, "check")) return w->wf->ended(w, END_FAILED, why, e) && look_again(w, lost, e);
  store_step(w, "failed", 0);
  if (w->wf->ended && !w->wf->ended(w, END_FAILED, why, e)) return false;
  return store_end(w, END_FAILED, why, lost, e);
}

/* The time is over: the cause last observed is the reason, not the clock. */
static void time_over(struct work *w, const struct err *opt_last, struct err *why) {
  if (opt_last && opt_last->kind) err_move(why, opt_last);
  else store_last_evidence(w, why);
  if (why->kind == FAIL_NONE) err_set(why, FAIL_TIMEOUT, MSG_STEP_DEADLINE, arena_fmt(w->a, "@step.%s", w->st->key), num_text((char[24]){0}, (store_deadline_s(w) + 59) / 60));
}
static bool timed_out(struct work *w, const struct err *opt_last, bool *ended, bool *lost, struct err *e) {
  struct err why = ERR_INIT;
  time_over(w, opt_last, &why);
  return fail_for_good(w, &why, ended, lost, e);
}
/* The step's time, or the operation's own: steps that send each other back begin theirs anew each time. */
static bool op_late(const struct work *w) { return streq(w->wf->class, "operation") && w->op_deadline && w->now >= w->op_deadline && !w->cancel && w->st->effect != EFFECT_NONE; }
static bool is_late(const struct work *w) { return (w->step_deadline && w->now > w->step_deadline) || op_late(w); }

/* Nobody may have looked for long: what takes several looks is looked at once before the time is over. Memo member "try_late" is when that began. */
static bool last_looks(struct work *w) {
  if (w->st->effect != EFFECT_READ) return false;
  if (!memo_int(w, "try_late")) js_set_int(w->memo, "try_late", w->now);
  return w->now - memo_int(w, "try_late") < LAST_LOOKS_US;
}

static void progress(struct work *w) {
  if (w->fraction > 0) store_step(w, "running", w->fraction), store_percent(w);
}

static bool wait_more(struct work *w, int ms, const struct err *opt_last, bool *ended, bool *lost, struct err *e) {
  if (is_late(w)) return timed_out(w, opt_last, ended, lost, e);
  /* A long wait (Retry-After can be 300 s) ends with the step's time, which is looked at then. */
  int64_t left = w->step_deadline ? (w->step_deadline - w->now) / 1000 + 50 : ms;
  if (ms > left) ms = (int)left;
  *ended = true; /* released: the work goes back to the table */
  progress(w);
  if (!opt_last && watch_wants(w)) return w->watch.parked = true, store_save(w, KEEP_LEASE, w->eng->conf->lease_s, 0, lost, e);
  int64_t due = clock_mono_ms() + ms;
  if (due < w->eng->next_due) w->eng->next_due = due;
  return store_save(w, KEEP_RELEASE, 0, ms, lost, e);
}

/* Applies an outcome inside the open transaction. *ended: this runner is done with the work for now, and the work's row is written; otherwise what is to be
 * kept is noted, and written with the next call. */
static bool settle(struct work *w, enum outcome o, struct err *step_err, bool *ended, bool *lost, struct err *e) {
  *ended = *lost = false;
  switch (o) {
  case OUT_DONE: return advance(w, "done", ended, lost, e);
  case OUT_SKIP: return advance(w, "skipped", ended, lost, e);
  case OUT_MORE:
    if (is_late(w) && !last_looks(w)) return timed_out(w, NULL, ended, lost, e); /* a step that always finds more to do */
    return progress(w), true;
  case OUT_WAIT: return wait_more(w, w->wait_ms > 0 ? w->wait_ms : adaptive(w), NULL, ended, lost, e);
  case OUT_GOTO:
    /* Going back because of a passing failure may repeat itself for long: it says why. */
    if (step_err->retry && !work_evidence(w, cause_of(step_err->key), err_text(step_err), e)) return false;
    if (w->st->effect == EFFECT_READ && op_late(w)) return timed_out(w, step_err, ended, lost, e);
    return jump(w, w->goto_key), true;
  case OUT_FAIL: return fail_for_good(w, step_err, ended, lost, e);
  case OUT_RETRY: {
    int ms = step_err->retry_after > 0 ? step_err->retry_after * 1000 : backoff(w);
    w->attempt++;
    if (!work_evidence(w, cause_of(step_err->key), err_text(step_err), e)) return false;
    if (w->force && (w->st->flags & STEP_FORCE_ON) && w->now - w->step_started > FORCE_PATIENCE_US) return fail_for_good(w, step_err, ended, lost, e);
    return wait_more(w, ms, step_err, ended, lost, e);
  }
  case OUT_RELOGIN: case OUT_CALL: break;
  }
  log_bug("outcome not possible here", w->st->key, (int)o);
}

/* --- KubeFATE login, the engine's own call before a step that needs a token --- */
static bool login_call(struct work *w, struct call *c, struct err *e) {
  struct secret s = {0};
  if (!reach_open(w->eng->reach, w->db, w->a, w->endpoint.credential_secret, &s, e)) return false;
  char *nl = memchr(s.p, '\n', s.n);
  struct secret pw = {nl ? (unsigned char *)nl + 1 : s.p, nl ? s.n - (size_t)(nl + 1 - (char *)s.p) : 0};
  char *user = arena_strndup(w->a, (char *)s.p, nl ? (size_t)(nl - (char *)s.p) : 0);
  *c = kf_login(w->a, user, &pw);
  c->secret_body = true;
  secret_free(&s);
  return true;
}

static enum outcome login_digest(struct work *w, const struct reply *r, struct err *e) {
  const js *body;
  const char *token;
  switch (kf_read(w->a, r, &body, e)) {
  case KF_DONE:
    if (!kf_token(body, &token)) return err_set(e, FAIL_UPSTREAM, MSG_KF_NO_TOKEN), OUT_RETRY;
    reach_token_put(w->eng->reach, w->endpoint.uuid, token);
    return OUT_MORE;
  case KF_UNAUTHORIZED: return err_set(e, FAIL_UPSTREAM, MSG_KF_PASSWORD, w->endpoint.name), OUT_FAIL;
  case KF_DENIED: case KF_KUBE_UNAUTHORIZED: case KF_REFUSED: return OUT_FAIL;
  case KF_RETRY: case KF_NOT_FOUND: case KF_EXISTS: break;
  }
  return OUT_RETRY;
}

/* --- one round --- */

/* The records are read into memory of their own, which lives as long as they are not read again: a reply is digested with those of its request. */
static bool load_records(struct work *w, struct err *e) {
  struct arena *round = w->a;
  arena_reset(w->records);
  w->has_party = w->has_exchange = w->has_endpoint = w->has_infra = false;
  w->call_secret = (struct uuid){{0}}, w->a = w->records;
  bool ok = !w->wf->load || w->wf->load(w, e);
  w->a = round, w->home_secret = w->call_secret;
  return ok;
}

static bool load(struct work *w, bool records, bool *lost, struct err *e) {
  arena_reset(w->a);
  w->call_secret = w->home_secret, w->kf_token = NULL;
  if (!store_load(w, lost, e) || *lost) return !e->kind;
  w->loaded_ms = clock_mono_ms(), w->unsaved = false, w->saved_step = w->step;
  return !records || load_records(w, e);
}

/* A quick answer is taken with what its request was made of; whether the work is still ours is asked by the statement that writes. A wish to stop is seen at
 * the next load. */
enum { WARM_MS = 3000, WARM_BYTES = 1 << 20 };
static bool is_warm(const struct work *w) { return w->unsaved || (clock_mono_ms() - w->loaded_ms < WARM_MS && arena_used(w->a) < WARM_BYTES); }
static void time_passed(struct work *w, int64_t since_ms) { w->now += (clock_mono_ms() - since_ms) * 1000; }

/* The next request of the same transaction begins like one after a load. */
static bool next_request(struct work *w, unsigned written, struct err *e) {
  w->st = &w->wf->steps[w->step];
  w->step_started = w->step_deadline ? w->step_deadline - (usec_t)store_deadline_s(w) * 1000000 : w->now;
  w->goto_key = NULL, w->wait_ms = 0, w->fraction = 0, w->result = NULL, w->call_secret = w->home_secret, w->kf_token = NULL;
  return written == db_written(w->db) || load_records(w, e);
}

static enum outcome ask(struct work *w, struct call *c, struct err *e) {
  if (w->goto_key) return OUT_GOTO; /* a person's retry starts earlier */
  /* Stopping waits for the look: what was perhaps sent must be known, or nobody would stop it. */
  if (w->cancel && w->wf->cancel_at && !(w->st->flags & STEP_CANCEL) && !w->intent_at) return w->goto_key = w->wf->cancel_at, OUT_GOTO;
  /* A request that must happen once may be on its way already: look first, whatever this step would say. */
  if (w->st->effect == EFFECT_ONCE && w->intent_at) return w->goto_key = w->st->look, OUT_GOTO;
  w->logging_in = w->raw = false;
  if (w->st->flags & STEP_KUBEFATE) {
    if (!w->has_endpoint) return OUT_SKIP;
    w->kf_token = reach_token(w->eng->reach, w->endpoint.uuid);
    if (!w->kf_token) {
      w->logging_in = true;
      return login_call(w, c, e) ? OUT_CALL : OUT_FAIL;
    }
  }
  enum outcome o = w->st->request(w, c, e);
  if (o == OUT_CALL && w->st->effect == EFFECT_ONCE && memo_int(w, "try_until") && w->now > memo_int(w, "try_until")) return time_over(w, NULL, e), OUT_FAIL;
  return o;
}

/* After the operation's time nothing is changed any more, but looked at: perhaps nobody has looked for long. The refused request leaves no trace. */
static enum outcome ask_in_time(struct work *w, struct call *c, struct err *e) {
  if (!op_late(w) || w->st->effect == EFFECT_READ) return ask(w, c, e);
  js *before = NULL;
  const char *memo = js_dump(w->a, w->memo);
  enum outcome o = ask(w, c, e);
  if (o != OUT_CALL || w->logging_in) return o;
  if (!js_parse(w->a, memo, strlen(memo), 4 << 20, &before, e)) return OUT_FAIL;
  w->memo = before;
  return time_over(w, NULL, e), OUT_FAIL;
}

static void send_call(struct work *w, struct peer *p, const struct call *c, int64_t began) {
  struct call out = *c;
  if ((w->st->flags & STEP_KUBEFATE) && !w->raw) out = kube_via_service(w->a, w->endpoint.kube_ns, "kubefate:8080", *c);
  /* Somebody waits 9.5 s for a probe: a server that says nothing is told of before that. */
  if (streq(w->wf->class, "probe")) out.timeout_ms = PROBE_CALL_MS;
  watch_called(w, &out);
  w->sent_ms = clock_mono_ms();
  if (w->unsaved) began = w->saved_ms;
  out.send_by_ms = began + w->eng->conf->lease_s * 1000 - SEND_RESERVE_MS;
  xfer_start(w->eng->xfer, p, w->a, &out, w);
}

/* AGAIN: go on at once; SENT: a transfer is under way; OVER: released, ended or lost; BROKEN: nothing was kept, the lease is still ours. */
enum round { ROUND_AGAIN, ROUND_SENT, ROUND_OVER, ROUND_BROKEN };

static bool keep(struct work *w, bool *lost, struct err *e) { return store_save(w, KEEP_LEASE, w->eng->conf->lease_s, 0, lost, e) && !*lost; }

/* A statement of the step itself failed for good (a constraint, a value): the transaction is void, so the failure is recorded in one of its own. Without
 * this the step would be repeated for ever. */
static enum round record_fault(struct work *w, const struct err *why) {
  struct err e = ERR_INIT, copy = *why;
  bool lost = false, ended = false;
  if (why->kind == FAIL_NONE || why->kind == FAIL_UNAVAILABLE || why->kind == FAIL_TIMEOUT || !db_alive(w->db)) return ROUND_BROKEN;
  err_set(&copy, why->kind, why->key, why->n > 0 ? why->args[0] : "", why->n > 1 ? why->args[1] : "", why->n > 2 ? why->args[2] : "");
  TX(tx);
  if (!tx_begin(w->db, &tx, &e) || !load(w, true, &lost, &e) || lost || !fail_for_good(w, &copy, &ended, &lost, &e) || lost || (!ended && !keep(w, &lost, &e)) || !tx_commit(&tx, &e)) {
    log_err(LOG_LEVEL_ERROR, "engine", "fault not recorded", &e);
    return ROUND_BROKEN;
  }
  return ended ? ROUND_OVER : ROUND_AGAIN;
}

/* Nothing of this transaction is kept. */
static enum round void_outcome(struct work *w, struct tx *tx, enum outcome o, bool lost, const struct err *step_err, const struct err *e) {
  if (tx->open) tx_rollback(tx);
  w->watch.parked = false;
  if (lost) return log_info("engine", "lease lost, result dropped", "workflow", w->wf->name), ROUND_OVER;
  log_err(LOG_LEVEL_WARN, "engine", w->st->key, step_err->kind ? step_err : e);
  return o == OUT_FAIL ? record_fault(w, step_err) : ROUND_BROKEN; /* the step is repeated from its last committed state */
}

/* What could not be settled goes back to the table: a hiccup of the database costs a second, not the rest of the lease. */
static void give_back(struct work *w, int ms) {
  struct err e = ERR_INIT;
  if (db_alive(w->db) && !store_defer(w, ms, &e)) log_err(LOG_LEVEL_WARN, "engine", "give back", &e);
}

/* --- the circuit breaker of a cluster (model/infra.h): whoever waits for a cluster that does not answer costs no call and no slot --- */
enum { CIRCUIT_AFTER = 3, CIRCUIT_FIRST_S = 5, TRIAL_S = 12 /* longer than a call */ };

/* Somebody who presses a button always gets his call. *ms: when to look again. */
static bool held_off(struct work *w, int *ms, struct err *e) {
  bool mine;
  if (!w->has_infra || !w->infra.circuit_since || streq(w->wf->class, "probe")) return false;
  int64_t left = (w->infra.circuit_until - w->now) / 1000;
  *ms = (left > 0 ? (int)left : 1000) + (int)(clock_mono_ms() % 700);
  if (left > 0) return true;
  return !infra_circuit_try(w->db, w->a, w->infra.uuid, TRIAL_S, &mine, e) || !mine;
}

/* The step's request has not happened: its transaction was taken back. */
static enum round hold_off(struct work *w, int ms) {
  struct err e = ERR_INIT, why = ERR_INIT;
  bool lost = false, ended = false;
  const char *v[TEXT_MAX_ARGS + 1] = {NULL};
  TX(tx);
  if (!tx_begin_late(w->db, &tx, &e) || !load(w, true, &lost, &e) || lost) return lost ? ROUND_OVER : ROUND_BROKEN;
  struct text t = text_stored(w->a, w->infra.circuit_class, w->infra.circuit_args);
  for (int i = 0; i < t.n; i++) v[i + 1] = t.args[i];
  err_set_at(&why, FAIL_TIMEOUT, t.key == MSG_NONE ? MSG_INTERNAL_BUG : t.key, __FILE__, __LINE__, v, (size_t)t.n);
  why.retry = true;
  bool enough = streq(w->wf->class, "check") || (w->force && (w->st->flags & STEP_FORCE_ON) && w->now - w->step_started > FORCE_PATIENCE_US);
  bool ok = enough ? fail_for_good(w, &why, &ended, &lost, &e) : work_evidence(w, cause_of(t.key), err_text(&why), &e) && wait_more(w, ms, &why, &ended, &lost, &e);
  if (!ok || lost || (!ended && !keep(w, &lost, &e)) || !tx_commit(&tx, &e)) return lost ? ROUND_OVER : ROUND_BROKEN;
  return ended ? ROUND_OVER : ROUND_AGAIN;
}

static const struct stmt Q_WAKE_INFRA = {"drive_wake_infra",
    "update work w set run_at = now() from hold h where h.object = $1 and w.class = 'operation' and w.ref = h.operation_id and w.lease_until is null and not w.ended and w.run_at > now()"};
const struct stmt *const STMTS_DRIVE[] = {&Q_WAKE_INFRA, NULL};

/* What the call says about the cluster. KubeFATE's silence behind a server that took the connection is not the cluster's. */
static bool note_circuit(struct work *w, const struct reply *r, struct err *e) {
  struct err why = ERR_INIT;
  bool ok = r->fail == REPLY_OK || r->fail == REPLY_TOO_LARGE, changed = false, behind = (w->st->flags & STEP_KUBEFATE) && !w->raw && r->fail == REPLY_UNKNOWN;
  if (!w->has_infra || behind || r->ours || (ok && !w->infra.circuit_failures && !w->infra.circuit_since)) return true;
  if (!ok) reply_err(r, w->infra.name, &why);
  int n = w->infra.circuit_failures + 1 - CIRCUIT_AFTER, open_s = CIRCUIT_FIRST_S << (n < 0 ? 0 : n < 7 ? n : 7);
  if (open_s > w->eng->conf->circuit_s) open_s = w->eng->conf->circuit_s;
  struct text t = err_text(&why);
  if (!infra_circuit(w->db, w->a, w->infra.uuid, ok, ok ? "" : text_key(t.key), ok ? "[]" : text_args_json(w->a, t), CIRCUIT_AFTER, open_s, &changed, e)) return false;
  w->place_ms = 0;
  if (changed) log_info("engine", ok ? "cluster answers again" : "cluster does not answer", "infrastructure", w->infra.name);
  return !changed || !ok || db_exec(w->db, w->a, &Q_WAKE_INFRA, NULL, e, w->infra.uuid.s);
}

/* Another look of the same step needs no trace: whoever takes over begins the looks again. The lease must last for the call and what follows. */
static bool only_looks(const struct work *w) {
  return w->st->effect == EFFECT_READ && tx_only_read(w->db) && !w->logging_in && !store_has_noted(w) && w->step == w->saved_step && !w->intent_at && clock_mono_ms() - w->saved_ms < (w->eng->conf->lease_s * 1000 - SEND_RESERVE_MS) / 2 && arena_used(w->a) < WARM_BYTES;
}

/* From a loaded state to the next call, or to the end of this runner's part, in the open transaction. What steps without a call do is kept together with what
 * comes after them. */
static enum round go_on(struct work *w, struct tx *tx, bool chained) {
  enum { TOGETHER = 8 };
  int later;
  bool lost = false, ended = false;
  for (int i = 0; i < TOGETHER; i++) {
    struct err e = ERR_INIT, kept = ERR_INIT;
    struct call c = {0};
    struct peer *p;
    int64_t began = clock_mono_ms();
    unsigned written = db_written(w->db);
    if ((chained || i) && w->has_infra && w->infra.circuit_since) break; /* what was done so far is kept before anybody looks whether he may call */
    if (reach_crowded(w->eng->reach, w->call_secret, &later)) {
      if (store_save(w, KEEP_RELEASE, 0, later, &lost, &e) && !lost && !tx_commit(tx, &e)) log_err(LOG_LEVEL_WARN, "engine", "release", &e);
      return ROUND_OVER;
    }
    store_step_begin(w, store_deadline_s(w));
    enum outcome o = ask_in_time(w, &c, &e);
    if (o == OUT_CALL && held_off(w, &later, &e)) {
      tx_rollback(tx);
      return e.kind ? ROUND_BROKEN : hold_off(w, later);
    }
    if (o == OUT_CALL && !reach_peer(w->eng->reach, w->db, w->a, w->call_secret, &p, &e)) o = OUT_FAIL;
    if (o == OUT_CALL) {
      if (w->st->effect == EFFECT_ONCE && !w->logging_in) w->intent_at = -1; /* now, stored before the call leaves */
      w->unsaved = only_looks(w);
      if (!w->unsaved && !keep(w, &lost, &e)) return lost ? ROUND_OVER : ROUND_BROKEN;
      if (!tx_commit(tx, &e)) return ROUND_BROKEN;
      send_call(w, p, &c, began);
      return ROUND_SENT;
    }
    if (!settle(w, o, &e, &ended, &lost, &kept) || lost) return void_outcome(w, tx, o, lost, &e, &kept);
    if (ended) return tx_commit(tx, &kept) ? ROUND_OVER : void_outcome(w, tx, o, false, &e, &kept);
    if (!next_request(w, written, &kept)) return void_outcome(w, tx, OUT_RETRY, false, &e, &kept);
  }
  struct err e = ERR_INIT;
  if (!keep(w, &lost, &e)) return lost ? ROUND_OVER : ROUND_BROKEN;
  return tx_commit(tx, &e) ? ROUND_AGAIN : ROUND_BROKEN;
}

static enum round one_round(struct work *w) {
  struct err e = ERR_INIT;
  bool lost = false;
  TX(tx);
  if (!tx_begin_late(w->db, &tx, &e) || !load(w, true, &lost, &e) || lost) {
    if (!lost) log_err(LOG_LEVEL_WARN, "engine", "load", &e);
    if (!lost && db_alive(w->db) && w->wf && e.kind == FAIL_NOT_FOUND) { /* the record is gone: nothing to do any more */
      if (tx.open && store_end(w, END_FAILED, &e, &lost, &(struct err)ERR_INIT) && !lost && tx_commit(&tx, &e)) return ROUND_OVER;
    }
    return lost ? ROUND_OVER : ROUND_BROKEN;
  }
  log_scope(w->op_uuid.s);
  return go_on(w, &tx, false);
}

static void spent(struct work *w, unsigned before) {
  const char *class = w->wf ? w->wf->class : "operation";
  w->eng->spent[streq(class, "check") ? SPENT_CHECKS : streq(class, "probe") ? SPENT_PROBES : SPENT_OPERATIONS] += db_count(w->db) - before;
}

static void let_go(struct work *w) {
  if (w->watch.parked) watch_park(w);
  else work_free(w);
}

void drive(struct work *w) {
  for (int i = 0; i < MAX_LOOP; i++) {
    unsigned before = db_count(w->db);
    enum round r = one_round(w);
    spent(w, before);
    log_scope(NULL);
    if (r == ROUND_SENT) return;
    if (r == ROUND_BROKEN) give_back(w, w->wf ? BROKEN_MS : 10 * BROKEN_MS); /* a workflow that only a newer program knows is left to it */
    if (r != ROUND_AGAIN) { let_go(w); return; }
  }
  log_error("engine", "too many rounds without a call", "workflow", w->wf ? w->wf->name : "");
  give_back(w, 10 * BROKEN_MS); /* until the operation's deadline */
  work_free(w);
}

static enum outcome judge(struct work *w, const struct reply *r, struct err *e) {
  if (w->logging_in) return login_digest(w, r, e);
  if (w->st->effect == EFFECT_ONCE && r->fail != REPLY_OK) {
    reply_err(r, w->st->flags & STEP_KUBEFATE ? "KubeFATE" : w->st->key, e);
    if (r->fail != REPLY_NOT_SENT) return w->goto_key = w->st->look, OUT_GOTO;
    w->intent_at = 0; /* the server never saw it */
    return OUT_RETRY;
  }
  enum outcome o = w->st->digest(w, r, e);
  if (w->st->effect == EFFECT_ONCE && r->status == 429 && o == OUT_GOTO && e->kind) { /* turned away at the door: nothing to look for, and the time to wait was told */
    w->intent_at = 0;
    return OUT_RETRY;
  }
  if (o != OUT_RELOGIN) { w->relogged = false; return o; }
  if (w->st->effect == EFFECT_ONCE) w->intent_at = 0; /* refused before it did anything */
  reach_token_drop(w->eng->reach, w->endpoint.uuid);
  if (w->relogged) return err_set(e, FAIL_UPSTREAM, MSG_KF_PASSWORD, w->endpoint.name), OUT_RETRY;
  w->relogged = true;
  return OUT_MORE;
}

/* The digest of a reply and, with `on`, what follows it up to the next call, in one transaction. */
static enum round take_reply(struct work *w, const struct reply *r, bool warm, bool on) {
  struct err e = ERR_INIT, kept = ERR_INIT;
  bool lost = false, ended = false, was_login = w->logging_in;
  TX(tx);
  if (!tx_begin_late(w->db, &tx, &e) || (!warm && !load(w, false, &lost, &e)) || lost) {
    if (!lost) log_err(LOG_LEVEL_WARN, "engine", "reply dropped", &e);
    return lost ? ROUND_OVER : ROUND_BROKEN;
  }
  if (warm && (!next_request(w, db_written(w->db), &kept))) return ROUND_BROKEN;
  log_scope(w->op_uuid.s);
  w->logging_in = was_login;
  unsigned written = db_written(w->db);
  if (w->st->flags & STEP_KUBEFATE) w->kf_token = reach_token(w->eng->reach, w->endpoint.uuid);
  if (!note_circuit(w, r, &kept)) return ROUND_BROKEN;
  enum outcome o = judge(w, r, &e);
  if (!settle(w, o, &e, &ended, &lost, &kept) || lost) return void_outcome(w, &tx, o, lost, &e, &kept);
  if (ended) return tx_commit(&tx, &kept) ? ROUND_OVER : void_outcome(w, &tx, o, false, &e, &kept);
  if (on) return next_request(w, written, &kept) ? go_on(w, &tx, true) : ROUND_BROKEN;
  if (!keep(w, &lost, &kept)) return lost ? ROUND_OVER : ROUND_BROKEN;
  return tx_commit(&tx, &kept) ? ROUND_AGAIN : ROUND_BROKEN;
}

void drive_reply(struct work *w, const struct reply *r0) {
  struct arena *aside = NULL;
  struct reply r = *r0;
  bool was_login = w->logging_in, relogged = w->relogged, on = !w->eng->stopping, unsaved = w->unsaved;
  unsigned before = db_count(w->db);
  enum round round = ROUND_BROKEN;
  watch_answered(w, &r);
  if (is_warm(w)) {
    if (w->intent_at == -1) w->intent_at = w->now;
    time_passed(w, w->sent_ms);
    round = take_reply(w, &r, true, on);
    on = false; /* if what follows spoiled the transaction: the reply by itself, and then that */
  }
  for (int tries = on ? 2 : 1; round == ROUND_BROKEN && tries && !unsaved && db_alive(w->db); tries--, on = false) {
    if (!aside) aside = w->a, w->a = arena_new(); /* the reply lives in the arena that load() resets */
    w->logging_in = was_login, w->relogged = relogged;
    round = take_reply(w, &r, false, on);
  }
  spent(w, before);
  arena_free(aside);
  log_scope(NULL);
  if (round == ROUND_SENT) return;
  if (round == ROUND_AGAIN && !w->eng->stopping) {
    drive(w);
    return;
  }
  if (round != ROUND_OVER) give_back(w, round == ROUND_AGAIN ? 0 : BROKEN_MS);
  let_go(w);
}
