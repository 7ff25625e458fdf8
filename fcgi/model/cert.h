/* Certificates, their bindings, and the embedded CA of each federation (reference 40 sections 5, 6). */
#ifndef MODEL_CERT_H
#define MODEL_CERT_H
#include <stdbool.h>
#include <stddef.h>
#include "base/clock.h"
#include "base/uuid.h"
struct db; struct arena; struct err;
struct authority { struct uuid uuid, federation_uuid, key_secret; const char *name, *cert_pem; usec_t not_after, created_at; const char *federation_name; };
bool authority_of(struct db *db, struct arena *a, struct uuid federation, struct authority *out, bool *found, struct err *e) __attribute__((warn_unused_result));
/* Insert when none is current; *won false: somebody else made one first (read it again). */
bool authority_insert(struct db *db, struct arena *a, const struct authority *x, bool *won, struct err *e) __attribute__((warn_unused_result));
bool authority_list(struct db *db, struct arena *a, struct authority **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
struct cert_binding { int service_type; struct uuid participant_uuid, federation_uuid; const char *participant_name, *participant_type /* "exchange" "cluster" "" */, *federation_name; };
struct cert { struct uuid uuid, authority_uuid; const char *name, *subject_cn, *serial_dec, *fingerprint_sha256, *key_alg, *pem, *chain_pem, *sans_json; usec_t not_before, not_after, created_at;
  const char *status; struct cert_binding *bindings; size_t n_bindings; };
bool cert_insert(struct db *db, struct arena *a, const struct cert *c, const struct cert_binding *b, struct err *e) __attribute__((warn_unused_result)); /* certificate + binding; replaces the participant's binding of that service */
/* Live certificates with bindings, one statement (bindings aggregated as JSON). */
bool cert_list(struct db *db, struct arena *a, struct cert **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
bool cert_get(struct db *db, struct arena *a, struct uuid id, struct cert *out, struct err *e) __attribute__((warn_unused_result));
bool cert_delete(struct db *db, struct arena *a, struct uuid id, struct err *e) __attribute__((warn_unused_result)); /* FAIL_CONFLICT while bound; FAIL_NOT_FOUND */
bool cert_unbind(struct db *db, struct arena *a, struct uuid participant, struct err *e) __attribute__((warn_unused_result)); /* bindings away, certificates left without one are deleted */
#endif
