/* Common to the unit tests: cmocka, an arena per test, a migrated database where TEST_DB names a server. */
#ifndef UNIT_T_H
#define UNIT_T_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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

/* A fresh database of its own on the test server, migrated. Skips the test without TEST_DB. */
static inline struct db *test_db(const char *name) {
  const char *info = getenv("TEST_DB");
  if (!info) { skip(); return NULL; }
  struct db *admin = db_new(info, "unit", 10000);
  char *drop = arena_fmt(A, "drop database if exists %s", name), *create = arena_fmt(A, "create database %s", name);
  OK(db_script(admin, drop, &E));
  OK(db_script(admin, create, &E));
  db_free(admin);
  struct db *db = db_new(arena_fmt(A, "%s dbname=%s", info, name), "unit", 10000);
  OK(migrate(db, A, NULL, &E));
  return db;
}
#endif
