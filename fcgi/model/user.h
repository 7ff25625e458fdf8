/* Accounts. Login throttling lives here too: counters per account and per address in PostgreSQL, exponential delay from the fifth failure. */
#ifndef MODEL_USER_H
#define MODEL_USER_H
#include <stdbool.h>
#include "base/uuid.h"
struct db; struct arena; struct err;
struct user { long id; struct uuid uuid; const char *name; int role; /* enum role of web/req.h: 1 viewer 2 operator 3 admin */ bool default_password; };
/* FAIL_AUTH "incorrect Username or Password"; FAIL_BUSY with retry_after while throttled. Same work for unknown users. Rehashes bcrypt. */
bool user_login(struct db *db, struct arena *a, const char *name, const char *password, const char *ip, struct user *out, struct err *e) __attribute__((warn_unused_result));
/* Checks current password, then policy (8..128 characters, not the default, not the name, not the current one; api_upstream: rules and texts of
 * reference 40 section 7.6). Ends all sessions of the account. */
bool user_set_password(struct db *db, struct arena *a, long id, const char *current, const char *fresh, struct err *e) __attribute__((warn_unused_result));
/* `fedlcm init`: Admin with this password unless an Admin exists. is_default marks the banner. */
bool user_ensure_admin(struct db *db, struct arena *a, const char *password, bool is_default, struct err *e) __attribute__((warn_unused_result));
/* `fedlcm reset-password` */
bool user_reset_password(struct db *db, struct arena *a, const char *name, const char *fresh, struct err *e) __attribute__((warn_unused_result));
#endif
