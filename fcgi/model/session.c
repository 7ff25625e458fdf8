#include "model/session.h"
#include "base/arena.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/js.h"
#include "crypt/digest.h"
#include "crypt/rnd.h"
#include "db/db.h"

static const struct stmt Q_CREATE = {"session_create",
    "insert into session (token_sha256, user_id, api, csrf, ip, agent, expires_at) values ($1, $2, $3, $4, $5, $6, now() + case when $3::boolean then interval '24 hours' else interval '12 hours' end) "
    "returning extract(epoch from expires_at)::bigint"};
static const struct stmt Q_FIND = {"session_find",
    "select s.id, s.api, s.csrf, u.id, u.uuid, u.name, u.role, u.default_password, s.last_seen < now() - interval '1 minute' from session s join app_user u on u.id = s.user_id "
    "where s.token_sha256 = $1 and s.expires_at > now() and (s.api or s.last_seen > now() - interval '60 minutes')"};
/* The use is noted at most once a minute, by a statement of its own: every request would pay for an update that it seldom makes. */
static const struct stmt Q_TOUCH = {"session_touch", "update session set last_seen = now() where id = $1 and last_seen < now() - interval '1 minute'"};
static const struct stmt Q_END = {"session_end", "delete from session where id = $1"};
const struct stmt *const STMTS_SESSION[] = {&Q_CREATE, &Q_FIND, &Q_TOUCH, &Q_END, NULL};

/* Upstream's header and claims, then 256 random bits in the place of the MAC. Nothing in it is ever trusted. */
static char *dress(struct arena *a, const struct user *u, int64_t exp) {
  struct buf b;
  struct jsw w;
  static const char HEAD[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
  buf_init(&b, a, 2048);
  jsw_init(&w, &b);
  jsw_obj(&w), jsw_ki64(&w, "exp", exp), jsw_ki64(&w, "id", u->id), jsw_kstr(&w, "name", u->name), jsw_ki64(&w, "orig_iat", clock_unix()), jsw_kstr(&w, "uuid", u->uuid.s), jsw_end_obj(&w);
  return arena_fmt(a, "%s.%s.%s", b64url_encode(a, HEAD, strlen(HEAD)), b64url_encode(a, b.p, b.n), rnd_token(a, 32));
}

bool session_create(struct db *db, struct arena *a, const struct user *u, bool api, const char *ip, const char *agent, const char **out_token, struct err *e) {
  struct rows r;
  char *token = dress(a, u, clock_unix() + (api ? 24 : 12) * 3600);
  if (!db_query(db, a, &Q_CREATE, &r, e, sha256_hex(a, token, strlen(token)), arena_fmt(a, "%ld", u->id), api ? "t" : "f", rnd_token(a, 24), str_excerpt(a, ip, strlen(ip), 64), str_excerpt(a, agent, strlen(agent), 200)))
    return false;
  *out_token = token;
  return true;
}

bool session_find(struct db *db, struct arena *a, const char *token, bool touch, struct session *out, struct err *e) {
  struct rows r;
  const char *dot = strchr(token, '.'), *dot2 = dot ? strchr(dot + 1, '.') : NULL;
  if (!*token) return err_set(e, FAIL_AUTH, MSG_SESSION_NONE);
  if (!dot2 || strchr(dot2 + 1, '.')) return err_set(e, FAIL_AUTH, MSG_SESSION_SEGMENTS);
  if (!db_query(db, a, &Q_FIND, &r, e, sha256_hex(a, token, strlen(token)))) return false;
  if (!r.n) return err_set(e, FAIL_AUTH, MSG_SESSION_ENDED);
  if (touch && row_bool(&r, 0, 8) && !db_exec(db, a, &Q_TOUCH, NULL, e, row_text(&r, 0, 0))) return false;
  *out = (struct session){row_i64(&r, 0, 0), row_text(&r, 0, 2), row_bool(&r, 0, 1), {row_i64(&r, 0, 3), row_uuid(&r, 0, 4), row_text(&r, 0, 5), row_int(&r, 0, 6), row_bool(&r, 0, 7)}};
  return true;
}

bool session_end(struct db *db, struct arena *a, long id, struct err *e) { return db_exec(db, a, &Q_END, NULL, e, arena_fmt(a, "%ld", id)); }
