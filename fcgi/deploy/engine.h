/* The operation engine, seen from a workflow (DESIGN section 3).
 *
 * A step is two functions. request() looks at the records and says what to send; digest() reads the answer. What they write through w->db is kept exactly
 * when the step's result is kept, under the work's lease token: a digest and the request that follows it share one transaction, committed before the call
 * leaves. The engine owns I/O, time limits, lease, back-off, events of start and end, percent. Between the calls of a step the memo (JSON) is all that survives:
 * the work may continue in another process. Between two looks of an EFFECT_READ step that wrote nothing even the memo is not stored: who takes over begins
 * the step's looks again. The records are those of the request when a digest runs, and read anew when something was written.
 *
 * A running operation stores the number of its step, and a program of the version before may work beside a new one: new steps go to the end of a table, or
 * the workflow gets a new name.
 *
 * Effect classes: EFFECT_NONE no call; EFFECT_READ; EFFECT_SAFE may be repeated (server-side apply, DELETE with uid precondition);
 * EFFECT_ONCE: intent is stored before the call, and when its outcome is unknown (lost reply, killed process) the work goes back to the step named by
 * `look`, never straight to the call again. w->intent_at tells look steps that a request may be on its way. All tries together have the deadline of
 * the first one (memo member try_until).
 *
 * Memo members that count tries begin with "try_": a person's retry starts without them. The engine sets the member "went_on" when a forced operation, or a step
 * of best effort, went on after a failure.
 */
#ifndef DEPLOY_ENGINE_H
#define DEPLOY_ENGINE_H
#include <stdbool.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/uuid.h"
#include "codec/js.h"
#include "db/db.h"
#include "model/endpoint.h"
#include "model/federation.h"
#include "model/infra.h"
#include "model/participant.h"
#include "net/call.h"

enum outcome {
  OUT_CALL,     /* request: send *c */
  OUT_DONE,     /* step finished */
  OUT_SKIP,     /* step does not apply */
  OUT_MORE,     /* another call of this step, now */
  OUT_WAIT,     /* look again later (w->wait_ms, 0 = adaptive) */
  OUT_RETRY,    /* a passing failure, e says which: back-off until the step's deadline */
  OUT_FAIL,     /* for good, e says why */
  OUT_GOTO,     /* continue at the step named by w->goto_key */
  OUT_RELOGIN,  /* KubeFATE refused the token: log in once more and repeat the request */
};
enum effect { EFFECT_NONE, EFFECT_READ, EFFECT_SAFE, EFFECT_ONCE };
enum step_flag {
  STEP_KUBEFATE = 1,      /* w->kf_token is a valid token of w->endpoint's KubeFATE; the call goes through its service proxy */
  STEP_FORCE_ON = 2,      /* a forced operation goes on to the next step when this one fails */
  STEP_CANCEL = 4,        /* only reached by cancelling */
  STEP_LAST = 8,          /* the operation succeeds after this step even if CANCEL steps follow */
  STEP_ALWAYS_ON = 16,    /* best effort: failure is an event, the next step follows */
  STEP_FREE = 32,         /* own progress is not shown (weight 0 bookkeeping) */
};

struct work; struct engine;
typedef enum outcome step_request(struct work *w, struct call *c, struct err *e);
typedef enum outcome step_digest(struct work *w, const struct reply *r, struct err *e);
/* What matters in the answers that a waiting step gets again and again: as long as the gist stays the same, the engine asks on without the database
 * (watch.h). raw: the call went to Kubernetes itself. parts: JSON for the operation's components, NULL = none. False: only the digest can tell. */
struct glimpse { const char *gist, *parts; double fraction; };
typedef bool step_see(struct arena *a, bool raw, const struct reply *r, struct glimpse *g);
struct step {
  const char *key;        /* label: text key "step.<key>" */
  step_request *request; step_digest *digest;
  enum effect effect; unsigned flags; int weight, deadline_s;
  const char *look;       /* EFFECT_ONCE */
  const char *retry_from; /* where a person's retry starts; NULL = this step */
  const char *jumps;      /* other steps it may go to by OUT_GOTO, "observe quiet"; NULL = none. The engine refuses a jump that is not declared (BUG) */
  step_see *see;          /* NULL = every look of this step is digested */
};
enum work_end { END_SUCCEEDED, END_FAILED, END_CANCELLED };
struct workflow {
  const char *name, *class;              /* "operation" | "probe" | "check" */
  const struct step *steps; int n; int deadline_s;
  bool (*load)(struct work *w, struct err *e);                     /* records into w, before every request and digest */
  bool (*ended)(struct work *w, enum work_end how, const struct err *opt_why, struct err *e);  /* same transaction as the end */
  const char *cancel_at;                 /* step to go to when cancelled; NULL: cannot be stopped */
};

/* What the next store_save writes besides the work's own row (turn.c). */
enum { TURN_ROWS = 16 };
struct watch { struct { char *path; uint64_t gist, text /* watch_hash of an answer with that gist */; int64_t due_ms; } look[2] /* KubeFATE's, Kubernetes' own */; uint64_t parts; int64_t full_ms; int at; bool raw_taken, parked, calling, lost; };
struct turn { struct { int ord, deadline_s; const char *state; double fraction; bool begin; } row[TURN_ROWS]; int n; bool percent; const char *evidence, *said, *said_args, *leftovers; struct buf parts, events; };

struct work {
  struct engine *eng; struct db *db; struct arena *a;
  long id, token, ref; const struct workflow *wf; const struct step *st; int step, attempt;
  js *memo; usec_t now, intent_at, step_started, step_deadline;
  /* operation */
  struct uuid op_uuid, subject, federation; const char *subject_type, *subject_name, *actor; const js *input; bool cancel, force; usec_t op_deadline; const char *cause; struct text seen; usec_t seen_at; /* evidence as stored */
  /* probe and check */
  struct uuid input_secret; const char *target_type; int failures; const js *result;
  /* records (by load) */
  struct participant party, exchange; struct endpoint endpoint; struct infra infra; struct federation fed;
  bool has_party, has_exchange, has_endpoint, has_infra;
  /* the call being built: credentials to use. load() sets it to infra.kubeconfig_secret; a step may point elsewhere */
  struct uuid call_secret; const char *kf_token; bool raw; /* a call of a STEP_KUBEFATE step that goes to Kubernetes itself */
  /* to the engine */
  int wait_ms; double fraction; const char *goto_key;
  /* engine's own */
  bool logging_in, relogged; struct work *next;
  struct arena *records; struct uuid home_secret; /* what load() read, kept over the call; call_secret as it left it */
  struct arena *place; int64_t place_ms; /* endpoint and infrastructure, read again only now and then while a work goes from call to call */
  int64_t loaded_ms, sent_ms, saved_ms; int saved_step; bool unsaved; /* a look is under way of which only the memo in memory knows */
  struct turn turn;
  struct watch watch;
};

/* Evidence: what was last observed, with a cause class of deploy/cause.h ("" = just progress). The next action follows from the class; the beginning of a
 * trouble is an event. */
bool work_evidence(struct work *w, const char *cause, struct text t, struct err *e) __attribute__((warn_unused_result));
/* Event on the operation's subject. */
bool work_event(struct work *w, bool error, struct text t, struct err *e) __attribute__((warn_unused_result));
/* What may be left in the cluster, said in the turn that ends the operation: commands for a person ("kubectl get ..."). Shown with the operation for as long as that is kept. */
void work_leftovers(struct work *w, const char *const *commands, size_t n);
/* Component row of the operation. */
bool work_part(struct work *w, const char *name, const char *status, bool ready, const char *reason, const char *message, struct err *e) __attribute__((warn_unused_result));
/* Wakes waiting operations of a federation's participants (after routes were observed). */
bool work_wake_federation(struct work *w, struct uuid federation, struct err *e) __attribute__((warn_unused_result));
/* Secrets, in the poller only. */
struct secret;
bool work_open(struct work *w, struct uuid secret, struct secret *out, struct err *e) __attribute__((warn_unused_result));
bool work_seal(struct work *w, const char *kind, const void *p, size_t n, struct uuid *out, struct err *e) __attribute__((warn_unused_result));
/* memo shorthands */
static inline const char *memo_str(const struct work *w, const char *k) { const char *s = js_str(w->memo, k); return s ? s : ""; }
static inline int64_t memo_int(const struct work *w, const char *k) { return js_int(w->memo, k, 0); }
#endif
