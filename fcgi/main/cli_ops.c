/* fedlcm ops: operations from the command line, straight on the database. */
#include <stdio.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/migrate.h"
#include "deploy/cause.h"
#include "deploy/op.h"
#include "deploy/op_query.h"
#include "main/cli.h"
#include "model/event.h"
#include "model/status.h"
#include "pages/ui.h"

static const char ACTOR[] = "cli";
enum { TIMELINE_MOST = 500 };

#define SAY(x, key, ...) cli_say((x), TEXT(key, ##__VA_ARGS__))

static const char *label(struct cli *x, const char *area, const char *key) {
  enum msg m = text_find(arena_fmt(x->a, "%s.%s", area, key));
  return m == MSG_NONE ? key : SAY(x, m);
}
static const char *stored(struct cli *x, const char *key, const char *args) {
  struct text t = text_stored(x->a, key, args);
  return t.key == MSG_NONE ? key : cli_say(x, t);
}
/* "2027-03-31 08:00:00Z" */
static const char *when(struct cli *x, usec_t t) {
  if (!t) return "-";
  char *s = arena_strndup(x->a, time_rfc3339(x->a, t), 19);
  s[10] = ' ';
  return arena_fmt(x->a, "%sZ", s);
}
static const char *span(struct cli *x, usec_t us) { return cli_say(x, ui_span_text(x->a, us)); }
static const char *state(struct cli *x, const char *s) { return SAY(x, operation_chip(s).label); }
static const char *cause(struct cli *x, const struct operation *o) {
  const struct cause *c = cause_find(o->cause);
  return !operation_open(o) ? "" : c ? SAY(x, c->label) : o->cause;
}

/* --- list --- */
static bool misuse(struct cli *x) { x->misused = true; return false; }

/* "--name value" and "--name=value". */
static bool options(struct cli *x, struct op_query *q) {
  const struct { const char *name; const char **to; } OPTION[] = {{"--state", &q->state}, {"--kind", &q->kind}, {"--limit", &q->limit}};
  for (int i = 1; i < x->argc; i++) {
    const char *arg = x->argv[i];
    size_t k = 0, n = strcspn(arg, "=");
    if (streq(arg, "--open")) { q->state = "open"; continue; }
    while (k < sizeof OPTION / sizeof *OPTION && (strlen(OPTION[k].name) != n || strncmp(arg, OPTION[k].name, n) != 0)) k++;
    if (k == sizeof OPTION / sizeof *OPTION) return misuse(x);
    const char *value = arg[n] ? arg + n + 1 : i + 1 < x->argc ? x->argv[++i] : "";
    if (!*value) return misuse(x);
    *OPTION[k].to = value;
  }
  return true;
}

static bool list(struct cli *x, struct err *e) {
  struct op_query q = {0};
  struct operation_filter f;
  struct operation *v;
  struct cli_table t = {.a = x->a, .columns = 9};
  size_t n;
  bool more;
  if (!options(x, &q)) return false;
  if (!op_query_read(x->a, &q, &f, e)) return misuse(x);
  if (!operation_list(x->db, x->a, &f, &v, &n, &more, e)) return false;
  if (!n) { puts(SAY(x, q.state || q.kind ? MSG_OPERATIONS_NO_MATCH : MSG_OPERATIONS_NONE)); return true; }
  cli_table_row(&t, (const char *[]){"UUID", SAY(x, MSG_COL_STATE), "%", SAY(x, MSG_COL_OPERATION), SAY(x, MSG_COL_OBJECT), SAY(x, MSG_COL_REASON), SAY(x, MSG_COL_STARTED), SAY(x, MSG_COL_DURATION), SAY(x, MSG_COL_BY)});
  for (const struct operation *o = v; o < v + n; o++)
    cli_table_row(&t, (const char *[]){o->uuid.s, state(x, o->state), arena_fmt(x->a, "%d", o->percent), label(x, "op", o->kind), o->subject_name, cause(x, o), when(x, o->created_at), span(x, (o->ended_at ? o->ended_at : o->now) - o->created_at), o->actor});
  cli_table_print(&t, "");
  return true;
}

/* --- show --- */
static void fact(struct cli *x, struct cli_table *t, enum msg name, const char *value) {
  if (*nn(value)) cli_table_row(t, (const char *[]){SAY(x, name), value});
}
static const char *named(struct cli *x, const struct op_ref *r) { return arena_fmt(x->a, "%s  %s: %s (%s)", r->uuid.s, label(x, "op", r->kind), r->subject_name, state(x, r->state)); }
static const char *limit(struct cli *x, const struct operation *o, usec_t t) {
  return operation_live(o) && t ? arena_fmt(x->a, "%s (%s)", when(x, t), SAY(x, MSG_PROGRESS_LEFT, span(x, t - o->now))) : when(x, t);
}

static void waits(struct cli *x, const struct operation *o, struct cli_table *t) {
  const char *label_ = cause(x, o), *next = op_next_action(o);
  if (*o->error_class) fact(x, t, MSG_CLI_ERROR, stored(x, o->error_class, o->error_args));
  if (!operation_open(o)) return;
  fact(x, t, MSG_OPERATION_WAITS, *o->evidence_class ? arena_fmt(x->a, "%s%s%s", label_, *label_ ? ": " : "", stored(x, o->evidence_class, o->evidence_args)) : label_);
  if (o->evidence_at) fact(x, t, MSG_CLI_SEEN, arena_fmt(x->a, "%s (%s)", when(x, o->evidence_at), SAY(x, MSG_CLI_AGO, span(x, o->now - o->evidence_at))));
  if (o->until && (*o->cause || *o->evidence_class)) fact(x, t, MSG_CLI_UNTIL, limit(x, o, o->until));
  if (*next) fact(x, t, MSG_CLI_NEXT, stored(x, next, "[]"));
}

static void facts(struct cli *x, const struct operation *o, const struct op_context *c) {
  struct cli_table t = {.a = x->a, .columns = 2};
  cli_table_row(&t, (const char *[]){"UUID", o->uuid.s});
  fact(x, &t, MSG_COL_OPERATION, label(x, "op", o->kind)), fact(x, &t, MSG_COL_OBJECT, arena_fmt(x->a, "%s (%s)", o->subject_name, o->subject.s));
  fact(x, &t, MSG_COL_STATE, arena_fmt(x->a, "%s, %d %%", state(x, o->state), o->percent));
  waits(x, o, &t);
  fact(x, &t, MSG_COL_BY, o->actor), fact(x, &t, MSG_COL_CREATED, when(x, o->created_at)), fact(x, &t, MSG_COL_STARTED, when(x, o->started_at)), fact(x, &t, MSG_COL_ENDED, when(x, o->ended_at));
  fact(x, &t, MSG_COL_LIMIT, limit(x, o, o->deadline)), fact(x, &t, MSG_OPERATION_RETRIES, arena_fmt(x->a, "%d", o->retries));
  if (c->at_work) fact(x, &t, MSG_OPERATION_WORKER, *c->worker ? arena_fmt(x->a, "%s (%s %s)", c->worker, SAY(x, MSG_PROGRESS_UNTIL), when(x, c->lease_until)) : c->next_look > o->now ? arena_fmt(x->a, "%s %s", SAY(x, MSG_OPERATION_WAITS_UNTIL), when(x, c->next_look)) : SAY(x, MSG_OPERATION_DUE));
  if (c->parent) fact(x, &t, MSG_OPERATION_PARENT, named(x, c->parent));
  for (size_t i = 0; i < c->n_children; i++) cli_table_row(&t, (const char *[]){i ? "" : SAY(x, MSG_OPERATION_CHILDREN), named(x, &c->children[i])});
  if (c->successor) fact(x, &t, MSG_CLI_SUPERSEDED, named(x, c->successor));
  cli_table_print(&t, "");
}

static void heading(struct cli *x, enum msg title) { printf("\n%s\n", SAY(x, title)); }

static void steps(struct cli *x, const struct operation *o) {
  struct cli_table t = {.a = x->a, .columns = 6}, parts = {.a = x->a, .columns = 3};
  heading(x, MSG_OPERATION_STEPS);
  cli_table_row(&t, (const char *[]){SAY(x, MSG_COL_STEP), SAY(x, MSG_COL_STATE), SAY(x, MSG_COL_ATTEMPTS), SAY(x, MSG_COL_STARTED), SAY(x, MSG_COL_DURATION), SAY(x, MSG_COL_DETAIL)});
  for (const struct op_step *s = o->steps; s < o->steps + o->n_steps; s++) {
    if (!s->weight && (streq(s->state, "pending") || streq(s->state, "skipped"))) continue;
    usec_t end = s->ended_at ? s->ended_at : operation_live(o) || !o->ended_at ? o->now : o->ended_at;
    cli_table_row(&t, (const char *[]){label(x, "step", s->key), state(x, s->state), s->attempts ? arena_fmt(x->a, "%d", s->attempts) : "", s->started_at ? when(x, s->started_at) : "", s->started_at ? span(x, end - s->started_at) : "",
                                       *s->detail_class ? stored(x, s->detail_class, s->detail_args) : ""});
  }
  cli_table_print(&t, "  ");
  if (!o->n_parts) return;
  heading(x, MSG_OPERATION_PARTS);
  for (const struct op_part *p = o->parts; p < o->parts + o->n_parts; p++) cli_table_row(&parts, (const char *[]){p->name, SAY(x, p->ready ? MSG_PART_READY : MSG_PART_WAITING), arena_fmt(x->a, "%s%s%s", p->reason, *p->reason && *p->message ? ": " : "", p->message)});
  cli_table_print(&parts, "  ");
}

static void holds(struct cli *x, const struct op_context *c) {
  struct cli_table t = {.a = x->a, .columns = 3};
  if (!c->n_holds) return;
  heading(x, MSG_OPERATION_HOLDS);
  for (const struct op_hold_row *h = c->holds; h < c->holds + c->n_holds; h++)
    cli_table_row(&t, (const char *[]){*h->object_name ? arena_fmt(x->a, "%s (%s)", h->object_name, h->object_type) : h->object.s, SAY(x, h->exclusive ? MSG_HOLD_EXCLUSIVE : MSG_HOLD_SHARED), h->own ? SAY(x, MSG_HOLD_OWN) : named(x, &h->by)});
  cli_table_print(&t, "  ");
}

static bool show(struct cli *x, const struct uuid *id, struct err *e) {
  struct operation o;
  struct op_context c;
  struct event *v;
  struct cli_table t = {.a = x->a, .columns = 3};
  size_t n;
  if (!operation_get(x->db, x->a, *id, &o, e) || !operation_context(x->db, x->a, &o, &c, e) || !event_operation(x->db, x->a, o.id, TIMELINE_MOST, &v, &n, e)) return false;
  facts(x, &o, &c), steps(x, &o), holds(x, &c);
  if (o.n_leftovers) heading(x, MSG_LEFTOVERS_TITLE);
  for (size_t i = 0; i < o.n_leftovers; i++) printf("  %s\n", cli_clean(x->a, o.leftovers[i]));
  heading(x, MSG_OPERATION_TIMELINE);
  for (const struct event *ev = v; ev < v + n; ev++) cli_table_row(&t, (const char *[]){when(x, ev->created_at), SAY(x, streq(ev->level, "Error") ? MSG_LEVEL_ERROR : MSG_LEVEL_INFO), stored(x, ev->cls, ev->args)});
  cli_table_print(&t, "  ");
  if (!n) printf("  %s\n", SAY(x, MSG_EVENTS_NONE));
  return true;
}

/* --- retry, cancel --- */
static bool retry(struct cli *x, const struct uuid *id, struct err *e) {
  if (!op_retry(x->db, x->a, *id, ACTOR, e)) return false;
  puts(SAY(x, MSG_OPERATION_RETRYING));
  return true;
}
static bool cancel(struct cli *x, const struct uuid *id, struct err *e) {
  if (!op_cancel(x->db, x->a, *id, ACTOR, e)) return false;
  puts(SAY(x, MSG_OPERATION_STOPPING));
  return true;
}

bool cmd_ops(struct cli *x, struct err *e) {
  static const struct { const char *name; bool (*run)(struct cli *, const struct uuid *, struct err *); } ON_ONE[] = {{"show", show}, {"retry", retry}, {"cancel", cancel}};
  const char *what = x->argc ? x->argv[0] : "";
  struct uuid id;
  if (streq(what, "list")) return migrate_check(x->db, x->a, e) && list(x, e);
  for (size_t i = 0; i < sizeof ON_ONE / sizeof *ON_ONE; i++) {
    if (!streq(ON_ONE[i].name, what)) continue;
    if (x->argc != 2) return misuse(x);
    if (!migrate_check(x->db, x->a, e)) return false;
    return uuid_parse(x->argv[1], &id) ? ON_ONE[i].run(x, &id, e) : err_set(e, FAIL_NOT_FOUND, MSG_OPERATION_UNKNOWN, x->argv[1]);
  }
  return misuse(x);
}
