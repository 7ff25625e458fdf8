/* Probes from the asking side (contract: probe.h). */
#include "deploy/probe.h"
#include <poll.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/num.h"
#include "base/str.h"
#include "db/db.h"
#include "model/event.h"

static const struct stmt Q_START = {"probe_start",
    "with p as (insert into probe (kind, actor, subject, input, input_secret) values ($1, $2, nullif($3, '')::uuid, $4::jsonb, nullif($5, '')::uuid) returning id, uuid), "
    "w as (insert into work (class, ref, workflow) select 'probe', id, $1 from p) select uuid, pg_notify('fedlcm_work', '') from p"};
static const struct stmt Q_GET = {"probe_get",
    "select uuid, kind, actor, coalesce(subject::text, ''), coalesce(input_secret::text, ''), state, input, result, error_kind, error_class, error_args, version, " USEC("created_at")
    " from probe where uuid = $1"};
const struct stmt *const STMTS_PROBE[] = {&Q_START, &Q_GET, NULL};

bool probe_start(struct db *db, struct arena *a, const char *kind, const char *actor, struct uuid opt_subject, const char *input_json, struct uuid opt_secret,
                 struct uuid *out, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_START, &r, e, kind, actor, opt_subject.s, input_json, opt_secret.s)) return false;
  *out = row_uuid(&r, 0, 0);
  return true;
}

bool probe_get(struct db *db, struct arena *a, struct uuid id, struct probe *out, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_GET, &r, e, id.s)) return false;
  if (!r.n) return err_set(e, FAIL_NOT_FOUND, MSG_PROBE_UNKNOWN, id.s);
  js *in = NULL, *res = NULL;
  if (!js_parse(a, row_text(&r, 0, 6), strlen(row_text(&r, 0, 6)), 4 << 20, &in, e)) return false;
  if (!js_parse(a, row_text(&r, 0, 7), strlen(row_text(&r, 0, 7)), 4 << 20, &res, e)) return false;
  *out = (struct probe){.uuid = row_uuid(&r, 0, 0), .kind = row_text(&r, 0, 1), .actor = row_text(&r, 0, 2), .subject = row_uuid(&r, 0, 3), .input_secret = row_uuid(&r, 0, 4),
                        .state = row_text(&r, 0, 5), .input = in, .result = res, .error_kind = row_text(&r, 0, 8), .error_class = row_text(&r, 0, 9),
                        .error_args = row_text(&r, 0, 10), .version = row_i64(&r, 0, 11), .created_at = row_time(&r, 0, 12)};
  return true;
}

/* 401 and 403 speak of the caller's own session, and clients log out on them: a cluster that refuses its credentials is a value that cannot be used. What a
 * test finds wrong with a kubeconfig (no answer at its address, another authority, no Kubernetes there) is the fault of what was typed, too. */
static int kind_of(const struct probe *p) {
  int kind = FAIL_UPSTREAM;
  if (!num_int(p->error_kind, FAIL_NONE + 1, FAIL_BUG, &kind)) kind = FAIL_UPSTREAM;
  if (kind == FAIL_AUTH || kind == FAIL_FORBIDDEN) return FAIL_INVALID;
  return str_starts(p->kind, "infra_test") && (kind == FAIL_UPSTREAM || kind == FAIL_TIMEOUT) ? FAIL_INVALID : kind;
}

bool probe_error(struct arena *a, const struct probe *p, struct err *e) {
  struct text t = text_stored(a, p->error_class, p->error_args);
  const char *v[TEXT_MAX_ARGS + 1] = {NULL};
  for (int i = 0; i < t.n; i++) v[i + 1] = t.args[i];
  return err_set_at(e, (enum err_kind)kind_of(p), t.key == MSG_NONE ? MSG_INTERNAL_BUG : t.key, __FILE__, __LINE__, v, (size_t)t.n);
}

bool probe_wait(struct db *db, struct arena *a, struct uuid id, int timeout_ms, struct probe *out, struct err *e) {
  int64_t end = clock_mono_ms() + timeout_ms;
  for (int pause = 20;; pause = pause < 200 ? pause * 2 : 200) {
    if (!probe_get(db, a, id, out, e)) return false;
    if (streq(out->state, "done")) return true;
    if (streq(out->state, "failed")) return probe_error(a, out, e);
    if (clock_mono_ms() + pause > end) break;
    poll(NULL, 0, pause);
  }
  return err_set(e, FAIL_TIMEOUT, MSG_PROBE_TIMEOUT);
}
