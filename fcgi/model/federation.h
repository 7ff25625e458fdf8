/* FATE federations. */
#ifndef MODEL_FEDERATION_H
#define MODEL_FEDERATION_H
#include <stdbool.h>
#include <stddef.h>
#include "base/clock.h"
#include "base/uuid.h"
struct db; struct arena; struct err;
struct federation {
  struct uuid uuid; const char *name, *description, *type, *domain; usec_t created_at; long row_version;
  int n_parties, n_ok, n_busy, n_failed; int exchange_status; /* counted in lists only; exchange_status -1 none */
  const char *versions;                                       /* distinct chart versions, ", " joined */
  bool removing;                                              /* federation_get: takes no participant */
  bool removal;                                               /* participant_page: its removal as a whole is under way or has failed */
};
/* Validates name (name_display, 1..64) and domain (lower-cased; name_domain; <= 253 with prefixes; site-<party>.server.<domain> within 64 for 10 digits is a
 * warning only -> refuse domains over 200). */
bool federation_create(struct db *db, struct arena *a, const char *name, const char *description, const char *domain, struct uuid *out, struct err *e) __attribute__((warn_unused_result));
bool federation_list(struct db *db, struct arena *a, struct federation **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
bool federation_get(struct db *db, struct arena *a, struct uuid id, struct federation *out, struct err *e) __attribute__((warn_unused_result));
/* While it is set no participant can be added. */
bool federation_set_removing(struct db *db, struct arena *a, struct uuid id, bool on, struct err *e) __attribute__((warn_unused_result));
/* FAIL_CONFLICT while the federation is being removed as a whole; inside the transaction that adds a participant, after its lock on the federation. */
bool federation_check_open(struct db *db, struct arena *a, struct uuid id, struct err *e) __attribute__((warn_unused_result));
/* federation_delete inside the caller's transaction. */
bool federation_delete_in(struct db *db, struct arena *a, struct uuid id, struct err *e) __attribute__((warn_unused_result));
/* FAIL_CONFLICT with the number of participants left. */
bool federation_delete(struct db *db, struct arena *a, struct uuid id, struct err *e) __attribute__((warn_unused_result));
#endif
