/* Numbered forward-only migrations (sql/NNNN_name.sql, compiled in by tools/embed): advisory lock, checksum of applied ones compared
 * (edited history is refused), each file in one transaction together with its schema_migration row. */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H
#include <stdbool.h>
struct db; struct arena; struct err;
struct migration { int version; const char *name, *sql, *sha256; };
extern const struct migration MIGRATIONS[];   /* generated, ascending */
extern const int N_MIGRATIONS;
bool migrate(struct db *db, struct arena *a, int *opt_applied, struct err *e) __attribute__((warn_unused_result));
/* The schema is at least as new as this program needs; older: FAIL_UNAVAILABLE with a sentence. */
bool migrate_check(struct db *db, struct arena *a, struct err *e) __attribute__((warn_unused_result));
#endif
