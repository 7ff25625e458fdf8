/* Contract: js.h. The only file that knows json-c. */
#include "codec/js.h"
#include <json-c/json.h>
#include <string.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

static void put(void *o) { json_object_put(o); }
static struct json_object *mut(const js *v) { return (struct json_object *)(uintptr_t)v; } /* json-c's getters take non-const pointers */

static void drop_tokener(struct json_tokener **t) { if (*t) json_tokener_free(*t); }

static size_t span(const char *p, const char *end, const char *set) {
  size_t n = 0;
  while (p + n < end && p[n] && strchr(set, p[n])) n++;
  return n;
}

/* Length of the JSON number at p (RFC 8259 section 6), 0 when it is none. */
static size_t number(const char *p, const char *end) {
  const char *s = p + (*p == '-');
  size_t whole = span(s, end, "0123456789"), k;
  if (!whole || (whole > 1 && *s == '0')) return 0;
  s += whole;
  if (s < end && *s == '.') {
    if (!(k = span(s + 1, end, "0123456789"))) return 0;
    s += 1 + k;
  }
  if (s < end && (*s == 'e' || *s == 'E')) {
    s++;
    if (s < end && (*s == '+' || *s == '-')) s++;
    if (!(k = span(s, end, "0123456789"))) return 0;
    s += k;
  }
  return (size_t)(s - p);
}

/* Length of the string token at p, which begins with a quote. */
static size_t string(const char *p, const char *end) {
  for (const char *s = p + 1; s < end && (unsigned char)*s >= 0x20; s++) {
    if (*s == '"') return (size_t)(s - p) + 1;
    if (*s == '\\' && (++s == end || !*s || !strchr("\"\\/bfnrtu", *s))) return 0;
  }
  return 0;
}

/* json-c's strict mode still takes single quotes, NaN, Infinity, 01, 1. and raw control characters: the tokens are looked at first.
 * Byte of the first bad one, or n. */
static size_t bad_token(const char *p, size_t n) {
  static const char *const WORDS[] = {"true", "false", "null"};
  const char *end = p + n, *s = p;
  while (s < end) {
    size_t k = span(s, end, " \t\r\n{}[]:,");
    if (!k && *s == '"') k = string(s, end);
    else if (!k && (*s == '-' || (*s >= '0' && *s <= '9'))) k = number(s, end);
    for (size_t i = 0; !k && i < 3; i++)
      if ((size_t)(end - s) >= strlen(WORDS[i]) && !memcmp(s, WORDS[i], strlen(WORDS[i]))) k = strlen(WORDS[i]);
    if (!k) return (size_t)(s - p);
    s += k;
  }
  return n;
}

bool js_parse(struct arena *a, const char *p, size_t n, size_t max, js **out, struct err *e) {
  if (n > max || n >= INT32_MAX) return err_set(e, FAIL_TOO_LARGE, MSG_JSON_LARGE, NUM(max));
  if (!n) return err_set(e, FAIL_BAD_REQUEST, MSG_JSON_EMPTY);
  size_t bad = bad_token(p, n);
  if (bad < n) return err_set(e, FAIL_BAD_REQUEST, MSG_JSON_BAD, NUM(bad), str_excerpt(a, p + bad, n - bad, 20));
  if (!str_utf8_ok(p, n)) return err_set(e, FAIL_BAD_REQUEST, MSG_JSON_UTF8); /* json-c's own check lets surrogates pass */
  __attribute__((cleanup(drop_tokener))) struct json_tokener *t = json_tokener_new_ex(32);
  if (!t) return err_set(e, FAIL_BUG, MSG_INTERNAL_BUG);
  json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
  struct json_object *o = json_tokener_parse_ex(t, p, (int)n);
  enum json_tokener_error why = json_tokener_get_error(t);
  size_t end = json_tokener_get_parse_end(t);
  if (!o && why == json_tokener_continue) { /* a bare number or literal ends with the text */
    o = json_tokener_parse_ex(t, " ", 1);
    why = json_tokener_get_error(t), end = n;
  }
  if (why == json_tokener_continue) return err_set(e, FAIL_BAD_REQUEST, MSG_JSON_ENDS);
  if (why != json_tokener_success) return err_set(e, FAIL_BAD_REQUEST, MSG_JSON_BAD, NUM(end), json_tokener_error_desc(why));
  if (o) arena_defer(a, put, o);
  while (end < n && strchr(" \t\r\n", p[end])) end++;
  if (end < n) return err_set(e, FAIL_BAD_REQUEST, MSG_JSON_BAD, NUM(end), str_excerpt(a, p + end, n - end, 20));
  *out = o;
  return true;
}

const js *js_at(const js *v, const char *dotted) {
  while (v && *dotted) {
    size_t k = strcspn(dotted, ".");
    char key[128];
    if (k >= sizeof key || !json_object_is_type(v, json_type_object)) return NULL;
    memcpy(key, dotted, k);
    key[k] = 0;
    struct json_object *next = NULL;
    if (!json_object_object_get_ex(v, key, &next)) return NULL;
    v = next;
    dotted += k + (dotted[k] == '.');
  }
  return v;
}

/* A text with an escaped NUL in it would be read short: it counts as no text. */
const char *js_self_str(const js *v) {
  const char *s = v && json_object_is_type(v, json_type_string) ? json_object_get_string(mut(v)) : NULL;
  return s && strlen(s) == (size_t)json_object_get_string_len(v) ? s : NULL;
}
const char *js_str(const js *v, const char *d) { return js_self_str(js_at(v, d)); }
int64_t js_int(const js *v, const char *d, int64_t fallback) {
  const js *x = js_at(v, d);
  return x && json_object_is_type(x, json_type_int) ? json_object_get_int64(x) : fallback;
}
bool js_bool(const js *v, const char *d, bool fallback) {
  const js *x = js_at(v, d);
  return x && json_object_is_type(x, json_type_boolean) ? json_object_get_boolean(x) : fallback;
}
const js *js_arr(const js *v, const char *d) { const js *x = js_at(v, d); return x && json_object_is_type(x, json_type_array) ? x : NULL; }
const js *js_obj(const js *v, const char *d) { const js *x = js_at(v, d); return x && json_object_is_type(x, json_type_object) ? x : NULL; }
size_t js_len(const js *v) { return v && json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0; }
const js *js_item(const js *v, size_t i) { return i < js_len(v) ? json_object_array_get_idx(v, i) : NULL; }
bool js_is_null(const js *v) { return !v || json_object_is_type(v, json_type_null); }

struct js_iter js_iter(const js *v) {
  struct js_iter it = {.v = v};
  if (v && json_object_is_type(v, json_type_object)) {
    struct lh_table *t = json_object_get_object(v);
    it.pos = t ? t->head : NULL;
  }
  return it;
}

bool js_next(struct js_iter *it) {
  struct lh_entry *x = it->pos;
  if (!x) return false;
  it->key = lh_entry_k(x), it->val = lh_entry_v(x), it->pos = x->next;
  return true;
}

char *js_dump(struct arena *a, const js *v) { return arena_strdup(a, v ? json_object_to_json_string_ext(mut(v), JSON_C_TO_STRING_PLAIN) : "null"); }

/* --- request bodies: Go's decoding rules --- */
static const js *loose(const js *obj, const char *key) {
  struct json_object *x = NULL;
  if (!obj || !json_object_is_type(obj, json_type_object)) return NULL;
  if (json_object_object_get_ex(obj, key, &x)) return x;
  for (struct js_iter it = js_iter(obj); js_next(&it);)
    if (streq_nocase(it.key, key)) return it.val;
  return NULL;
}

static bool wrong(struct err *e, const char *key, const char *expected) { return err_set(e, FAIL_BAD_REQUEST, MSG_JSON_TYPE, key, expected); }

bool jsq_str(const js *obj, const char *key, struct arena *a, const char **out, struct err *e) {
  const js *x = loose(obj, key);
  *out = "";
  if (js_is_null(x)) return true;
  if (!js_self_str(x)) return wrong(e, key, "string");
  *out = arena_strdup(a, js_self_str(x));
  return true;
}

bool jsq_int(const js *obj, const char *key, int64_t min, int64_t max, int64_t *out, struct err *e) {
  const js *x = loose(obj, key);
  *out = 0;
  if (js_is_null(x)) return true;
  if (!json_object_is_type(x, json_type_int)) return wrong(e, key, "integer");
  int64_t v = json_object_get_int64(x);
  if (v < min || v > max) return err_set(e, FAIL_INVALID, MSG_JSON_RANGE, key, NUM(min), NUM(max));
  *out = v;
  return true;
}

bool jsq_bool(const js *obj, const char *key, bool *out, struct err *e) {
  const js *x = loose(obj, key);
  *out = false;
  if (js_is_null(x)) return true;
  if (!json_object_is_type(x, json_type_boolean)) return wrong(e, key, "true or false");
  *out = json_object_get_boolean(x);
  return true;
}

bool jsq_obj(const js *obj, const char *key, const js **out, struct err *e) {
  const js *x = loose(obj, key);
  *out = NULL;
  if (js_is_null(x)) return true;
  if (!json_object_is_type(x, json_type_object)) return wrong(e, key, "object");
  *out = x;
  return true;
}

bool jsq_strs(const js *obj, const char *key, struct arena *a, const char ***out, size_t *n, struct err *e) {
  const js *x = loose(obj, key);
  *out = NULL, *n = 0;
  if (js_is_null(x)) return true;
  if (!json_object_is_type(x, json_type_array)) return wrong(e, key, "list of strings");
  *out = ARENA_ARRAY(a, const char *, js_len(x) + 1);
  for (size_t i = 0; i < js_len(x); i++) {
    const char *s = js_self_str(js_item(x, i));
    if (!s) return wrong(e, key, "list of strings");
    (*out)[(*n)++] = arena_strdup(a, s);
  }
  return true;
}

/* --- mutable trees --- */
js *js_new(struct arena *a) {
  struct json_object *o = json_object_new_object();
  BUG_ON(!o);
  arena_defer(a, put, o);
  return o;
}
void js_set_str(js *o, const char *key, const char *s) {
  if (s) json_object_object_add(o, key, json_object_new_string(s));
  else json_object_object_del(o, key);
}
void js_set_int(js *o, const char *key, int64_t v) { json_object_object_add(o, key, json_object_new_int64(v)); }
void js_set_bool(js *o, const char *key, bool v) { json_object_object_add(o, key, json_object_new_boolean(v)); }
void js_set_copy(js *o, const char *key, const js *v) {
  struct json_object *copy = NULL;
  if (v && json_object_deep_copy(mut(v), &copy, NULL) == 0) json_object_object_add(o, key, copy);
  else json_object_object_del(o, key);
}
