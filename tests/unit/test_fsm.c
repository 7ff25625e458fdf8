/* The tables of the workflows, as data (DESIGN section 3): every step can be reached and left in time, what must happen once is looked for first, everything
 * has its words in both languages, and the printed graph is the tables'. */
#include <glob.h>
#include <stdio.h>
#include "t.h"
#include "base/file.h"
#include "deploy/cause.h"
#include "deploy/engine.h"
#include "deploy/fsm.h"

static int BAD;
#define MUST(ok, ...) do { if (!(ok)) BAD++, print_error(__VA_ARGS__); } while (0)
#define EACH_WORKFLOW(wf) for (const struct workflow *wf, *const *at_ = WORKFLOWS; at_ < WORKFLOWS + N_WORKFLOWS && (wf = *at_, true); at_++)
static bool is_op(const struct workflow *wf) { return streq(wf->class, "operation"); }
static int index_of(const struct workflow *wf, const struct step *st) { return (int)(st - wf->steps); }
static bool last(const struct workflow *wf, int i) { return wf->steps[i].flags & STEP_LAST || i + 1 == wf->n; }
/* The steps that one names: members of a list separated by spaces. */
static char **named(const char *opt_list, size_t *n) {
  *n = 0;
  return opt_list ? str_split(A, opt_list, " ", n) : NULL;
}

/* --- the way through --- */
static void visit(const struct workflow *wf, int i, bool *seen) {
  size_t n;
  if (i < 0 || seen[i]) return;
  seen[i] = true;
  const struct step *st = &wf->steps[i];
  if (!last(wf, i)) visit(wf, i + 1, seen);
  char **to = named(st->jumps, &n);
  for (size_t k = 0; k < n; k++) visit(wf, workflow_step(wf, to[k]), seen);
  if (st->look) visit(wf, workflow_step(wf, st->look), seen);
  if (st->retry_from) visit(wf, workflow_step(wf, st->retry_from), seen);
  if (wf->cancel_at) visit(wf, workflow_step(wf, wf->cancel_at), seen);
}
static void every_step_can_be_reached(void **s) {
  (void)s;
  BAD = 0;
  EACH_WORKFLOW(wf) {
    bool seen[64] = {false};
    assert_true(wf->n > 0 && wf->n < 64);
    visit(wf, 0, seen);
    for (int i = 0; i < wf->n; i++) MUST(seen[i], "%s.%s is never reached\n", wf->name, wf->steps[i].key);
  }
  assert_int_equal(BAD, 0);
}
static void every_name_is_a_step_and_means_one(void **s) {
  (void)s;
  BAD = 0;
  EACH_WORKFLOW(wf) {
    for (const struct workflow *const *o = at_ + 1; o < WORKFLOWS + N_WORKFLOWS; o++) MUST(!streq((*o)->name, wf->name), "two workflows are called %s\n", wf->name);
    MUST(workflow_find(wf->name) == wf, "%s is not found by its name\n", wf->name);
    MUST(!wf->cancel_at || workflow_step(wf, wf->cancel_at) >= 0, "%s is stopped at a step that is not there\n", wf->name);
    for (int i = 0; i < wf->n; i++) {
      const struct step *st = &wf->steps[i];
      size_t n;
      char **to = named(st->jumps, &n);
      MUST(workflow_step(wf, st->key) == i, "%s.%s is there twice\n", wf->name, st->key);
      for (size_t k = 0; k < n; k++) MUST(workflow_step(wf, to[k]) >= 0 && !streq(to[k], st->key), "%s.%s jumps to %s\n", wf->name, st->key, to[k]);
      MUST(!st->look || workflow_step(wf, st->look) >= 0, "%s.%s looks at a step that is not there\n", wf->name, st->key);
      MUST(!st->retry_from || workflow_step(wf, st->retry_from) >= 0, "%s.%s is retried from a step that is not there\n", wf->name, st->key);
    }
  }
  assert_int_equal(BAD, 0);
}
static void every_step_ends_in_time(void **s) {
  (void)s;
  BAD = 0;
  EACH_WORKFLOW(wf) {
    bool ends = false;
    MUST(wf->deadline_s > 0 && wf->load, "%s has no deadline or no records\n", wf->name);
    for (int i = 0; i < wf->n; i++) {
      const struct step *st = &wf->steps[i];
      ends |= last(wf, i) && !(st->flags & STEP_CANCEL);
      MUST(st->deadline_s > 0 && st->deadline_s <= wf->deadline_s, "%s.%s takes %d s of %d s\n", wf->name, st->key, st->deadline_s, wf->deadline_s);
      MUST(st->request, "%s.%s asks nothing\n", wf->name, st->key);
      MUST(!st->digest == (st->effect == EFFECT_NONE) || (st->digest && st->effect == EFFECT_NONE), "%s.%s sends calls and reads no answer\n", wf->name, st->key);
      MUST(!(st->flags & STEP_KUBEFATE) || st->effect != EFFECT_NONE, "%s.%s logs in for nothing\n", wf->name, st->key);
    }
    MUST(ends, "%s never succeeds\n", wf->name);
  }
  assert_int_equal(BAD, 0);
}

/* --- what a person does --- */
static void every_operation_can_be_stopped_and_only_then_ends_so(void **s) {
  (void)s;
  BAD = 0;
  EACH_WORKFLOW(wf) {
    if (!is_op(wf)) { MUST(!wf->cancel_at, "%s is no operation and can be stopped\n", wf->name); continue; }
    MUST(wf->cancel_at && wf->ended, "%s cannot be stopped\n", wf->name);
    int stop = wf->cancel_at ? workflow_step(wf, wf->cancel_at) : -1;
    MUST(stop > 0 && wf->steps[stop].flags & STEP_CANCEL, "%s is stopped by a step of its ordinary way\n", wf->name);
    for (int i = 0; i < wf->n; i++) {
      const struct step *st = &wf->steps[i], *next = i + 1 < wf->n ? st + 1 : NULL;
      size_t n;
      char **to = named(st->jumps, &n);
      bool cancels = st->flags & STEP_CANCEL;
      if (next && !cancels) MUST(!(next->flags & STEP_CANCEL) || st->flags & STEP_LAST, "%s.%s runs into %s\n", wf->name, st->key, next->key);
      if (cancels && last(wf, i)) continue;
      for (size_t k = 0; k < n; k++) MUST(cancels == ((wf->steps[workflow_step(wf, to[k])].flags & STEP_CANCEL) != 0), "%s.%s jumps to %s\n", wf->name, st->key, to[k]);
    }
  }
  assert_int_equal(BAD, 0);
}
static void a_retry_starts_at_or_before_its_step(void **s) {
  (void)s;
  BAD = 0;
  EACH_WORKFLOW(wf) for (int i = 0; i < wf->n; i++) {
    const struct step *st = &wf->steps[i];
    int from = st->retry_from ? workflow_step(wf, st->retry_from) : i;
    MUST(from <= i && !(wf->steps[from].flags & STEP_CANCEL && !(st->flags & STEP_CANCEL)), "%s.%s is retried from %s\n", wf->name, st->key, nn(st->retry_from));
  }
  assert_int_equal(BAD, 0);
}
static void what_happens_once_is_looked_for_first(void **s) {
  int once = 0;
  (void)s;
  BAD = 0;
  EACH_WORKFLOW(wf) for (int i = 0; i < wf->n; i++) {
    const struct step *st = &wf->steps[i];
    MUST((st->effect == EFFECT_ONCE) == (st->look != NULL), "%s.%s: what happens once has a look, and nothing else\n", wf->name, st->key);
    if (st->effect != EFFECT_ONCE || !st->look) continue;
    once++;
    int look = workflow_step(wf, st->look), retry = st->retry_from ? workflow_step(wf, st->retry_from) : i;
    MUST(look < i && wf->steps[look].effect == EFFECT_READ, "%s.%s is not looked for by reading, before it\n", wf->name, st->key);
    MUST(retry <= look, "%s.%s is retried without a look\n", wf->name, st->key);
    for (int k = look; k < i; k++) MUST(!last(wf, k), "%s.%s does not lead to %s\n", wf->name, wf->steps[k].key, st->key);
    /* Nobody jumps past the look. */
    for (int k = 0; k < wf->n; k++) {
      size_t n;
      char **to = named(wf->steps[k].jumps, &n);
      for (size_t x = 0; x < n; x++) MUST(k > look || k == i || index_of(wf, &wf->steps[workflow_step(wf, to[x])]) <= look || index_of(wf, &wf->steps[workflow_step(wf, to[x])]) > i, "%s.%s jumps past the look at %s\n", wf->name, wf->steps[k].key, st->key);
    }
  }
  assert_int_equal(BAD, 0), assert_true(once >= 4);
}

/* --- words --- */
/* A short label may be a name that is the same in both. */
static bool said(const char *key) {
  enum msg m = text_find(key);
  const char *en = m == MSG_NONE ? "" : text_raw(LANG_EN, m), *zh = m == MSG_NONE ? "" : text_raw(LANG_ZH, m);
  return *en && *zh && (strlen(en) < 16 || strcmp(en, zh));
}
static void every_workflow_and_step_has_its_words(void **s) {
  (void)s;
  BAD = 0;
  EACH_WORKFLOW(wf) {
    if (!is_op(wf)) continue;
    MUST(said(arena_fmt(A, "op.%s", wf->name)), "op.%s is not said\n", wf->name);
    for (int i = 0; i < wf->n; i++) MUST(said(arena_fmt(A, "step.%s", wf->steps[i].key)), "step.%s of %s is not said\n", wf->steps[i].key, wf->name);
  }
  assert_int_equal(BAD, 0);
}
static void every_cause_has_its_words_and_a_next_action(void **s) {
  (void)s;
  BAD = 0;
  assert_true(N_CAUSES >= 20);
  for (int i = 0; i < N_CAUSES; i++) {
    const struct cause *c = &CAUSES[i];
    MUST(cause_find(c->key) == c, "%s is there twice\n", c->key);
    MUST(streq(text_key(c->label), arena_fmt(A, "wait.%s", c->key)) && said(text_key(c->label)), "%s has another label\n", c->key);
    MUST(streq(text_key(c->next), arena_fmt(A, "next.%s", c->key)) && said(text_key(c->next)), "%s has another next action\n", c->key);
    MUST(streq(cause_next(c->key, false), text_key(c->next)), "%s leads to %s\n", c->key, cause_next(c->key, false));
    MUST(streq(cause_next(c->key, true), c->after == MSG_NONE ? "next.retry-or-remove" : text_key(c->after)) && said(cause_next(c->key, true)), "after a failure %s leads to %s\n", c->key, cause_next(c->key, true));
  }
  static const char *const NONE[] = {"", NULL, "no such class"};
  for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) MUST(said(cause_next(NONE[i], true)) && !*cause_next(NONE[i], false) && !cause_find(NONE[i]), "what has no class: a failure has a next action, a wait has none\n");
  assert_int_equal(BAD, 0);
}
static void every_sentence_speaks_of_a_class_that_is_there(void **s) {
  static const char *const SPOKEN[] = {"hop-name", "hop-tcp", "hop-tls", "hop-server", "hop-auth", "hop-service", "hop-pod", "hop-login", "kubefate", "denied", "quota", "admission", "image", "config", "unschedulable", "crashing"};
  bool spoken[sizeof SPOKEN / sizeof *SPOKEN] = {false};
  (void)s;
  BAD = 0;
  for (int m = MSG_NONE + 1; m < MSG__COUNT; m++) {
    const char *c = cause_of((enum msg)m);
    MUST(!*c || cause_find(c), "%s speaks of %s\n", text_key((enum msg)m), c);
    for (size_t i = 0; i < sizeof SPOKEN / sizeof *SPOKEN; i++) spoken[i] |= streq(c, SPOKEN[i]);
  }
  for (size_t i = 0; i < sizeof SPOKEN / sizeof *SPOKEN; i++) MUST(spoken[i], "no sentence speaks of %s\n", SPOKEN[i]);
  /* The classes that workflows name themselves. */
  glob_t g = {0};
  int named_classes = 0;
  assert_int_equal(glob("fcgi/deploy/*.c", 0, NULL, &g), 0);
  for (size_t i = 0; i < g.gl_pathc; i++) {
    char *text;
    size_t n;
    static const char CALL[] = "work_evidence(w, \"";
    OK(file_read(A, g.gl_pathv[i], 1 << 20, &text, &n, &E));
    for (const char *p = text; (p = strstr(p, CALL)); named_classes++) {
      p += strlen(CALL);
      const char *c = arena_strndup(A, p, strcspn(p, "\""));
      MUST(!*c || cause_find(c), "%s waits for %s, which is no class\n", g.gl_pathv[i], c);
    }
  }
  globfree(&g);
  assert_int_equal(BAD, 0), assert_true(named_classes > 10);
}

/* --- the printed graph --- */
static char *printed(void) {
  char *text = NULL, *kept;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  fsm_print_dot(f);
  fclose(f);
  kept = arena_strdup(A, text);
  free(text);
  return kept;
}
static bool has(const char *graph, const char *a, const char *b) { return strstr(graph, b ? arena_fmt(A, "\n    \"%s\" -> \"%s\"", a, b) : arena_fmt(A, "\n    \"%s\" [label=", a)) != NULL; }
static void the_graph_says_what_the_tables_say(void **s) {
  (void)s;
  BAD = 0;
  char *graph = printed(), *rest = NULL;
  EACH_WORKFLOW(wf) for (int i = 0; i < wf->n; i++) {
    const struct step *st = &wf->steps[i];
    size_t n;
    char **to = named(st->jumps, &n);
    const char *me = arena_fmt(A, "%s.%s", wf->name, st->key);
    MUST(has(graph, me, NULL), "%s is not in the graph\n", me);
    if (!last(wf, i)) MUST(has(graph, me, arena_fmt(A, "%s.%s", wf->name, wf->steps[i + 1].key)), "%s has no edge to the next step\n", me);
    for (size_t k = 0; k < n; k++) MUST(has(graph, me, arena_fmt(A, "%s.%s", wf->name, to[k])), "%s has no edge to %s\n", me, to[k]);
    if (st->look) MUST(has(graph, me, arena_fmt(A, "%s.%s", wf->name, st->look)), "%s has no edge to its look\n", me);
    if (st->retry_from) MUST(has(graph, me, arena_fmt(A, "%s.%s", wf->name, st->retry_from)), "%s has no edge for a retry\n", me);
    if (wf->cancel_at && !(st->flags & STEP_CANCEL)) MUST(has(graph, me, arena_fmt(A, "%s.%s", wf->name, wf->cancel_at)), "%s has no edge for stopping\n", me);
  }
  int depth = 0, edges = 0;
  for (char *line = strtok_r(arena_strdup(A, graph), "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    char a[200], b[200], end[200];
    int quotes = 0;
    for (const char *p = line; *p; p++) quotes += *p == '"', depth += (*p == '{') - (*p == '}');
    MUST(quotes % 2 == 0 && depth >= 0, "not well formed: %s\n", line);
    if (sscanf(line, " \"%199[^\"]\" -> \"%199[^\"]\"%199s", a, b, end) < 2) continue;
    edges++;
    MUST(has(graph, a, NULL) && has(graph, b, NULL), "an edge between steps that are not there: %s\n", line);
    MUST(line[strlen(line) - 1] == ';', "not well formed: %s\n", line);
  }
  MUST(str_starts(graph, "digraph ") && depth == 0 && str_ends(graph, "}\n"), "the graph is cut off\n");
  assert_int_equal(BAD, 0), assert_true(edges > 60);
}

int main(void) {
  const struct CMUnitTest tests[] = {T(every_name_is_a_step_and_means_one), T(every_step_can_be_reached), T(every_step_ends_in_time), T(every_operation_can_be_stopped_and_only_then_ends_so), T(a_retry_starts_at_or_before_its_step),
                                     T(what_happens_once_is_looked_for_first), T(every_workflow_and_step_has_its_words), T(every_cause_has_its_words_and_a_next_action), T(every_sentence_speaks_of_a_class_that_is_there), T(the_graph_says_what_the_tables_say)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
