/* Contract: jsonb.h. */
#include "codec/jsonb.h"
#include <string.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/js.h"

static const char *string_end(const char *p) {
  for (p++; *p && *p != '"'; p++)
    if (*p == '\\' && p[1]) p++;
  return *p ? p + 1 : p;
}

static const char *value_end(const char *p) {
  int depth = 0;
  for (; *p; p++) {
    if (*p == '"') p = string_end(p) - 1;
    else if (*p == '{' || *p == '[') depth++;
    else if ((*p == '}' || *p == ']') && --depth <= 0) return depth < 0 ? p : p + 1;
    else if (*p == ',' && !depth) return p;
  }
  return p;
}

bool jsonb_open(const char **at, struct jsonb_member *out) {
  const char *p = *at;
  while (*p == '{' || *p == ',' || *p == ' ') p++;
  if (*p != '"') return *at = p, false;
  const char *end = string_end(p);
  if (*end != ':') return *at = end, false;
  *out = (struct jsonb_member){.key = p, .key_len = (size_t)(end - p)};
  for (end++; *end == ' ';) end++;
  *at = out->value = end;
  return true;
}

void jsonb_skip(const char **at) { *at = value_end(*at); }

bool jsonb_next(const char **at, struct jsonb_member *out) {
  if (!jsonb_open(at, out)) return false;
  jsonb_skip(at), out->value_len = (size_t)(*at - out->value);
  return true;
}

int jsonb_members(const char *p, struct jsonb_member *m, int max) {
  struct jsonb_member x;
  int n = 0;
  if (*p != '{') return -1;
  while (jsonb_next(&p, &x)) {
    if (n == max) return -1;
    m[n++] = x;
  }
  return *p == '}' ? n : -1;
}

const char *jsonb_text(struct arena *a, const char *value, size_t len) {
  js *v = NULL;
  struct err ignored = ERR_INIT;
  if (len < 2 || *value != '"' || value[len - 1] != '"') return "";
  if (!memchr(value, '\\', len)) return arena_strndup(a, value + 1, len - 2);
  const char *wrapped = arena_fmt(a, "[%.*s]", (int)len, value);
  return js_parse(a, wrapped, strlen(wrapped), 1 << 20, &v, &ignored) ? nn(js_self_str(js_item(v, 0))) : "";
}
