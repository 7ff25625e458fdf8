/* Sessions: one row per login for pages and API; the token only has the looks of a JWT (reference 40 section 7.7), its authority is the
 * lookup of its SHA-256. Pages: 60 min idle, 12 h at most; API tokens 24 h. Logout and password change end rows. */
#ifndef MODEL_SESSION_H
#define MODEL_SESSION_H
#include <stdbool.h>
#include "base/clock.h"
#include "base/uuid.h"
#include "model/user.h"
struct db; struct arena; struct err;
struct session { long id; const char *csrf; bool api; struct user user; };
/* New session for a person; *out_token is the secret to send, csrf the raw token. */
bool session_create(struct db *db, struct arena *a, const struct user *u, bool api, const char *ip, const char *agent, const char **out_token, struct err *e) __attribute__((warn_unused_result));
/* FAIL_AUTH with the sentences of reference 40 section 7.4 when there is none. touch: counts as use (written at most once a minute). */
bool session_find(struct db *db, struct arena *a, const char *token, bool touch, struct session *out, struct err *e) __attribute__((warn_unused_result));
bool session_end(struct db *db, struct arena *a, long session_id, struct err *e) __attribute__((warn_unused_result));
#endif
