/* Members of a JSON object as PostgreSQL prints jsonb, without building a tree: lists show a few members of many small objects. The text comes from the
 * database, so it is whole; what is not looks like an object without members. */
#ifndef CODEC_JSONB_H
#define CODEC_JSONB_H
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
struct arena;
struct jsonb_member { const char *key, *value; size_t key_len, value_len; };   /* key with its quotes */
/* The member that begins at or after *at (first call: the object's text), false at the end. *at moves behind it. */
bool jsonb_next(const char **at, struct jsonb_member *out);
/* The same up to the value: value_len is 0, and *at stands where the value begins, to be walked into (call again on its '{') or passed with jsonb_skip. */
bool jsonb_open(const char **at, struct jsonb_member *out);
void jsonb_skip(const char **at);
/* Members of the object at p, at most max; -1 when it is none or has more. */
int jsonb_members(const char *p, struct jsonb_member *m, int max);
static inline bool jsonb_key(const struct jsonb_member *m, const char *name) {
  size_t n = strlen(name);
  return m->key_len == n + 2 && !memcmp(m->key + 1, name, n);
}
/* Text of a string, unescaped; "" for anything else. */
const char *jsonb_text(struct arena *a, const char *value, size_t len);
#endif
