#include "model/user.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "crypt/passwd.h"
#include "db/db.h"

static const struct stmt Q_BLOCKED = {"user_blocked",
    "select coalesce(ceil(extract(epoch from max(blocked_until) - now())), 0)::int from login_failure where key in ($1, $2) and blocked_until > now()"};
static const struct stmt Q_BY_NAME = {"user_by_name", "select id, uuid, name, role, default_password, password from app_user where name = $1"};
static const struct stmt Q_BY_ID = {"user_by_id", "select id, uuid, name, role, default_password, password from app_user where id = $1"};
/* Exponential delay from the fifth failure on, at most 15 minutes; an hour of silence forgets. */
static const struct stmt Q_FAILED = {"user_failed",
    "insert into login_failure (key, failures, last_at) select k, 1, now() from unnest(array[$1, $2]) k on conflict (key) do update set "
    "failures = case when login_failure.last_at < now() - interval '1 hour' then 1 else login_failure.failures + 1 end, last_at = now(), "
    "blocked_until = case when login_failure.failures + 1 >= 5 and login_failure.last_at > now() - interval '1 hour' "
    "then now() + least(interval '15 minutes', interval '1 second' * power(2, least(login_failure.failures - 3, 12))) end"};
static const struct stmt Q_FORGET = {"user_forget", "delete from login_failure where key = $1"};
static const struct stmt Q_REHASH = {"user_rehash", "update app_user set password = $2, updated_at = now() where id = $1"};
static const struct stmt Q_PASSWORD = {"user_password",
    "with s as (delete from session where user_id = $1) update app_user set password = $2, default_password = false, updated_at = now() where id = $1"};
static const struct stmt Q_ADMIN = {"user_admin", "insert into app_user (name, password, role, default_password) values ('Admin', $1, 3, $2) on conflict (name) do nothing"};
static const struct stmt Q_HAS_ADMIN = {"user_has_admin", "select 1 from app_user where name = 'Admin'"};
const struct stmt *const STMTS_USER[] = {&Q_BLOCKED, &Q_BY_NAME, &Q_BY_ID, &Q_FAILED, &Q_FORGET, &Q_REHASH, &Q_PASSWORD, &Q_ADMIN, &Q_HAS_ADMIN, NULL};

static void map(const struct rows *r, struct user *out) {
  *out = (struct user){row_i64(r, 0, 0), row_uuid(r, 0, 1), row_text(r, 0, 2), row_int(r, 0, 3), row_bool(r, 0, 4)};
}

bool user_login(struct db *db, struct arena *a, const char *name, const char *password, const char *ip, struct user *out, struct err *e) {
  struct rows r;
  const char *by_user = arena_fmt(a, "u:%.64s", name), *by_ip = arena_fmt(a, "a:%.64s", ip);
  if (str_blank(name) || !*password) return err_set(e, FAIL_AUTH, MSG_LOGIN_MISSING);
  if (!db_query(db, a, &Q_BLOCKED, &r, e, by_user, by_ip)) return false;
  if (row_int(&r, 0, 0) > 0) {
    err_set(e, FAIL_BUSY, MSG_LOGIN_BLOCKED, row_text(&r, 0, 0));
    e->retry_after = row_int(&r, 0, 0);
    return false;
  }
  if (!db_query(db, a, &Q_BY_NAME, &r, e, name)) return false;
  bool right = strlen(password) <= 256 && passwd_verify(password, r.n ? row_text(&r, 0, 5) : NULL);
  if (!right) {
    if (!db_exec(db, a, &Q_FAILED, NULL, e, by_user, by_ip)) return false;
    return err_set(e, FAIL_AUTH, MSG_LOGIN_WRONG);
  }
  map(&r, out);
  const char *id = arena_fmt(a, "%ld", out->id);
  if (passwd_needs_rehash(row_text(&r, 0, 5)) && !db_exec(db, a, &Q_REHASH, NULL, e, id, passwd_hash(a, password))) return false;
  return db_exec(db, a, &Q_FORGET, NULL, e, by_user);
}

static bool policy(const char *name, const char *current, const char *fresh, struct err *e) {
  static const char *const COMMON[] = {"password", "12345678", "123456789", "1234567890", "qwertyui", "adminadmin", "password1", "fedlcm123", "lifecycle", "administrator"};
  size_t n = str_utf8_ok(fresh, strlen(fresh)) ? str_utf8_len(fresh) : 0;
  if (str_blank(fresh)) return err_set(e, FAIL_INVALID, MSG_PASSWORD_EMPTY);
  if (streq(current, fresh)) return err_set(e, FAIL_INVALID, MSG_PASSWORD_SAME);
  if (n < 8 || n > 128) return err_set(e, FAIL_INVALID, MSG_PASSWORD_LENGTH);
  if (streq_nocase(fresh, name)) return err_set(e, FAIL_INVALID, MSG_PASSWORD_COMMON);
  for (size_t i = 0; i < sizeof COMMON / sizeof *COMMON; i++)
    if (streq_nocase(fresh, COMMON[i])) return err_set(e, FAIL_INVALID, MSG_PASSWORD_COMMON);
  return true;
}

bool user_set_password(struct db *db, struct arena *a, long id, const char *current, const char *fresh, struct err *e) {
  struct rows r;
  const char *key = arena_fmt(a, "%ld", id);
  if (!db_query(db, a, &Q_BY_ID, &r, e, key)) return false;
  if (!r.n) return err_set(e, FAIL_NOT_FOUND, MSG_USER_UNKNOWN);
  if (!passwd_verify(current, row_text(&r, 0, 5))) return err_set(e, FAIL_INVALID, MSG_PASSWORD_WRONG);
  if (!policy(row_text(&r, 0, 2), current, fresh, e)) return false;
  return db_exec(db, a, &Q_PASSWORD, NULL, e, key, passwd_hash(a, fresh));
}

bool user_ensure_admin(struct db *db, struct arena *a, const char *password, bool is_default, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_HAS_ADMIN, &r, e)) return false;
  return r.n ? true : db_exec(db, a, &Q_ADMIN, NULL, e, passwd_hash(a, password), is_default ? "t" : "f");
}

bool user_reset_password(struct db *db, struct arena *a, const char *name, const char *fresh, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_BY_NAME, &r, e, name)) return false;
  if (!r.n) return err_set(e, FAIL_NOT_FOUND, MSG_USER_UNKNOWN);
  return policy(name, "", fresh, e) && db_exec(db, a, &Q_PASSWORD, NULL, e, row_text(&r, 0, 0), passwd_hash(a, fresh));
}
