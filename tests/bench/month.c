/* Does a month of operations and health checks slow down claiming? Times the claim of due work, and a health check's whole cycle in the tables, on an empty
 * database and on one with a month's rows, whose work rows have been rewritten as often as some days of checks do it. Prints milliseconds; judges nothing.
 * Run by tests/bench/run.sh (`make bench`), or alone with TEST_DB (tests/lib/pg.sh). */
#include "../unit/t.h"
#include <stdio.h>
#include <time.h>
#include "deploy/duties.h"
#include "deploy/store.h"

enum { TARGETS = 500, OPERATIONS = 3000, CYCLES = 2000, ROUNDS = 400, BATCH = 64 };

static int by_value(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }
static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}
static void run_sql(struct db *db, const char *sql) { OK(db_script(db, sql, &E)); }

/* As a runner does it: claim what is due, put each row back for later. */
static void claims(struct db *db, const char *when) {
  static double t[CYCLES];
  struct claim c[BATCH];
  struct arena *a = arena_new();
  int n = 0, got = 0;
  for (int i = 0; i < CYCLES; i++) {
    int k;
    double began = now_ms();
    OK(store_claim(db, a, "bench", 30, 8, c, &k, NULL, &E));
    t[n++] = now_ms() - began, got += k;
    for (int x = 0; x < k; x++)
      run_sql(db, arena_fmt(a, "update work set lease_until = null, run_at = now() + random() * interval '2 seconds' where id = %ld and lease_token = %ld; update health_check set last_at = now() where id = %ld", c[x].id, c[x].token, c[x].id));
    arena_reset(a);
  }
  arena_free(a);
  qsort(t, (size_t)n, sizeof *t, by_value);
  printf("%-34s claim %.3f ms median, %.3f ms p99, %.3f ms longest (%d claims, %d rows)\n", when, t[n / 2], t[n * 99 / 100], t[n - 1], n, got);
}

static void a_month(void **s) {
  (void)s;
  struct db *db = test_db("month");
  if (!db) return;
  run_sql(db, arena_fmt(A, "insert into health_check (target_type, target) select 'participant', gen_random_uuid() from generate_series(1, %d);"
                           "insert into work (class, ref, workflow, run_at) select 'check', id, 'participant_check', now() + random() * interval '2 seconds' from health_check", TARGETS));
  claims(db, "empty:");
  double began = now_ms();
  run_sql(db, arena_fmt(A, "insert into operation (kind, subject_type, subject, subject_name, actor, state, deadline, created_at, ended_at) select 'cluster_create', 'participant', gen_random_uuid(), 'p' || i, 'Admin', 'succeeded', now(), t, t "
                           "from generate_series(1, %d) i, lateral (select now() - i * interval '14 minutes' t) x;"
                           "insert into work (class, ref, workflow, ended, run_at) select 'operation', id, kind, true, created_at from operation;"
                           "insert into operation_step (operation_id, ord, key, weight, state) select o.id, s, 'step', 1, 'done' from operation o, generate_series(0, 12) s;"
                           "insert into operation_component (operation_id, name, status, ready) select o.id, 'c' || s, 'Available', true from operation o, generate_series(1, 13) s;"
                           "insert into event (entity_uuid, entity_type, operation_id, level, class, created_at) select o.subject, 3, o.id, 'Info', 'event.active', o.created_at from operation o, generate_series(1, 20) s", OPERATIONS));
  /* Each round rewrites every check's rows as a look does: claimed, begun, saved, put back. */
  for (int i = 0; i < ROUNDS; i++)
    run_sql(db, "update work set lease_until = now(), lease_by = 'x' where class = 'check'; update work set memo = '{\"ph\":\"sts\"}' where class = 'check';"
                "update work set memo = '{}', lease_until = null, run_at = now() + random() * interval '2 seconds' where class = 'check'; update health_check set last_at = now(), ok = true");
  printf("a month's rows and %d rewritings: made in %.1f s\n", ROUNDS * TARGETS * 4, (now_ms() - began) / 1000);
  claims(db, "after a month, just then:");
  run_sql(db, "vacuum work"), run_sql(db, "vacuum health_check"); /* what autovacuum does within a minute */
  claims(db, "after a month, vacuumed:");
  began = now_ms();
  OK(duties_run(db, A, 1, &E));
  printf("one run of the retention              %.1f ms for its batch\n", now_ms() - began);
  db_free(db);
}

int main(void) {
  const struct CMUnitTest tests[] = {T(a_month)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
