/* Contract: op_query.h. */
#include "deploy/op_query.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/num.h"
#include "base/str.h"
#include "deploy/cause.h"
#include "deploy/engine.h"
#include "deploy/fsm.h"

const char *const OP_STATES[] = {"open", "queued", "running", "failed", "succeeded", "cancelled", "superseded", NULL};

static bool given(const char *opt_v) { return !str_blank(opt_v); }
static const char *shown(struct arena *a, const char *v) { return str_excerpt(a, v, strlen(v), 80); }

static bool kind(struct arena *a, const char *v, struct operation_filter *out, struct err *e) {
  const char *names[64];
  size_t n = 0;
  const struct workflow *wf = workflow_find(v);
  if (wf && streq(wf->class, "operation")) { out->opt_kind = wf->name; return true; }
  for (int i = 0; i < N_WORKFLOWS && n < 64; i++)
    if (streq(WORKFLOWS[i]->class, "operation")) names[n++] = WORKFLOWS[i]->name;
  return err_set(e, FAIL_INVALID, MSG_FILTER_ONE_OF, "kind", shown(a, v), str_join(a, names, n, ", "));
}

static bool state(struct arena *a, const char *v, struct operation_filter *out, struct err *e) {
  size_t n = 0;
  for (; OP_STATES[n]; n++)
    if (streq(OP_STATES[n], v)) { out->opt_state = OP_STATES[n]; return true; }
  return err_set(e, FAIL_INVALID, MSG_FILTER_ONE_OF, "state", shown(a, v), str_join(a, OP_STATES, n, ", "));
}

/* A day begins at the reader's midnight. */
static bool since(struct arena *a, const char *v, int tz_minutes, struct operation_filter *out, struct err *e) {
  usec_t day;
  if (time_parse_rfc3339(v, &out->since)) return true;
  if (strlen(v) == 10 && time_parse_rfc3339(arena_fmt(a, "%sT00:00:00Z", v), &day)) { out->since = day - (usec_t)tz_minutes * 60000000; return true; }
  return err_set(e, FAIL_INVALID, MSG_FILTER_TIME, "since", shown(a, v), "2027-03-31", "2027-03-31T08:00:00Z");
}

static bool number(struct arena *a, const char *name, const char *v, int64_t most, int64_t *out, struct err *e) {
  return num_i64(v, 1, most, out) ? true : err_set(e, FAIL_INVALID, MSG_FILTER_NUMBER, name, shown(a, v), NUM(most));
}

bool op_query_read(struct arena *a, const struct op_query *q, struct operation_filter *out, struct err *e) {
  int64_t before = 0, after = 0, limit = OP_QUERY_LIMIT;
  *out = (struct operation_filter){0};
  if (given(q->state) && !state(a, str_trim(a, q->state), out, e)) return false;
  if (given(q->kind) && !kind(a, str_trim(a, q->kind), out, e)) return false;
  if (given(q->subject) && !uuid_parse(str_trim(a, q->subject), &out->subject)) out->opt_name = str_trim(a, q->subject);
  if (given(q->federation) && !uuid_parse(str_trim(a, q->federation), &out->federation)) return err_set(e, FAIL_INVALID, MSG_FILTER_ID, "federation", shown(a, q->federation));
  if (given(q->actor)) out->opt_actor = str_trim(a, q->actor);
  if (given(q->since) && !since(a, str_trim(a, q->since), q->tz_minutes, out, e)) return false;
  if (given(q->before) && !number(a, "before", q->before, INT64_MAX, &before, e)) return false;
  if (given(q->after) && !number(a, "after", q->after, INT64_MAX, &after, e)) return false;
  if (before && after) return err_set(e, FAIL_INVALID, MSG_FILTER_BOTH, "before", "after");
  if (given(q->limit) && !number(a, "limit", q->limit, OP_QUERY_MOST, &limit, e)) return false;
  out->before = (long)before, out->after = (long)after, out->limit = (int)limit;
  return true;
}

bool op_expected(struct arena *a, const struct operation *o, const char *opt_subject, const char *opt_version, struct err *e) {
  struct uuid subject;
  int64_t version;
  if (given(opt_subject) && !(uuid_parse(opt_subject, &subject) && uuid_eq(subject, o->subject))) return err_set(e, FAIL_CONFLICT, MSG_OP_OTHER_OBJECT, o->subject_name, shown(a, opt_subject));
  if (given(opt_version) && !(num_i64(opt_version, 1, INT64_MAX, &version) && version == o->version)) return err_set(e, FAIL_CONFLICT, MSG_OP_MOVED_ON, arena_fmt(a, "@state.%s", o->state));
  return true;
}

const char *op_next_action(const struct operation *o) {
  if (!operation_open(o)) return "";
  return *o->next_action ? o->next_action : cause_next(o->cause, streq(o->state, "failed"));
}
