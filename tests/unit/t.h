/* Common to the unit tests: cmocka, an arena per test, a migrated database where TEST_DB names a server. */
#ifndef UNIT_T_H
#define UNIT_T_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"
#include "db/migrate.h"

static struct arena *A __attribute__((unused));
static struct err E __attribute__((unused));
static int setup(void **s) { (void)s; A = arena_new(); err_clear(&E); return 0; }
static int teardown(void **s) { (void)s; arena_free(A); return 0; }
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define OK(x) do { if (!(x)) { print_error("%s: %s [%s]\n", #x, err_message(&E, A), E.detail); fail(); } } while (0)
#define REFUSED(x, k) do { err_clear(&E); assert_false(x); assert_int_equal(E.kind, k); } while (0)

/* Milliseconds of this process's own time. Sanitizers and a busy neighbour on the same core make it some times longer: bounds are ten times what a quiet machine takes. */
static inline int64_t cpu_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The migrated database that all others are copies of, made by whoever comes first. Programs run side by side on one server: the lock makes the others wait. */
#define TEMPLATE "unit_template"
static inline void template_there(struct db *admin, const char *info) {
  static const struct stmt Q_THERE = {"unit_template", "select count(*) from pg_database where datname = '" TEMPLATE "'"};
  struct rows r = {0};
  OK(db_script(admin, "select pg_advisory_lock(1)", &E));
  OK(db_query(admin, A, &Q_THERE, &r, &E));
  if (row_int(&r, 0, 0) == 0) {
    OK(db_script(admin, "drop database if exists half_template", &E));
    OK(db_script(admin, "create database half_template", &E));
    struct db *db = db_new(arena_fmt(A, "%s dbname=half_template", info), "unit", 10000);
    OK(migrate(db, A, NULL, &E));
    db_free(db);
    OK(db_script(admin, "alter database half_template rename to " TEMPLATE, &E));
  }
  OK(db_script(admin, "select pg_advisory_unlock(1)", &E));
}

/* A fresh database of its own on the test server, migrated. Skips the test without TEST_DB. */
static inline struct db *test_db(const char *name) {
  const char *info = getenv("TEST_DB");
  if (!info) { skip(); return NULL; }
  struct db *admin = db_new(info, "unit", 10000);
  char *drop = arena_fmt(A, "drop database if exists %s", name), *create = arena_fmt(A, "create database %s template " TEMPLATE, name);
  template_there(admin, info);
  OK(db_script(admin, drop, &E));
  OK(db_script(admin, create, &E));
  db_free(admin);
  struct db *db = db_new(arena_fmt(A, "%s dbname=%s", info, name), "unit", 10000);
  OK(db_connect(db, &E));
  return db;
}
#endif
