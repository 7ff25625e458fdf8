/* Contract: yml.h. Pass one walks events with limits (libyaml 0.2.5 is quadratic in flow nesting); pass two builds the tree from the document API. */
#include "codec/yml.h"
#include <yaml.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/num.h"
#include "base/str.h"

enum { MAX_DEPTH = 64, MAX_EVENTS = 100000, MAX_ALIASES = 100, MAX_NODES = 200000 };

/* libyaml's marks count characters; offsets of bytes are wanted. Built once per document text: byte offset of every 64th character. */
struct source { const char *p; size_t n; size_t *at; size_t chars; };

static void index_source(struct arena *a, struct source *s) {
  s->at = ARENA_ARRAY(a, size_t, s->n / 64 + 2);
  for (size_t i = 0; i < s->n; i++)
    if (((unsigned char)s->p[i] & 0xc0) != 0x80) {
      if (s->chars % 64 == 0) s->at[s->chars / 64] = i;
      s->chars++;
    }
}

static size_t byte_of(const struct source *s, size_t character) {
  if (character >= s->chars) return s->n;
  size_t i = s->at[character / 64], c = character / 64 * 64;
  while (c < character) {
    i++;
    while (i < s->n && ((unsigned char)s->p[i] & 0xc0) == 0x80) i++;
    c++;
  }
  return i;
}

static void drop_parser(yaml_parser_t **p) { if (*p) yaml_parser_delete(*p); }

static bool syntax(const yaml_parser_t *p, struct err *e) {
  return err_set(e, FAIL_INVALID, MSG_YAML_SYNTAX, NUM(p->problem_mark.line + 1), NUM(p->problem_mark.column + 1), nn(p->problem));
}

static bool scan(const char *text, size_t n, struct err *e) {
  yaml_parser_t parser;
  if (!yaml_parser_initialize(&parser)) return err_set(e, FAIL_BUG, MSG_INTERNAL_BUG);
  __attribute__((cleanup(drop_parser))) yaml_parser_t *owned = &parser;
  yaml_parser_set_encoding(owned, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(owned, (const unsigned char *)text, n);
  int depth = 0, events = 0, aliases = 0;
  for (;;) {
    yaml_event_t ev;
    if (!yaml_parser_parse(owned, &ev)) return syntax(owned, e);
    yaml_event_type_t type = ev.type;
    size_t line = ev.start_mark.line + 1;
    yaml_event_delete(&ev);
    if (type == YAML_STREAM_END_EVENT) return true;
    if (type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT) depth++;
    if (type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT) depth--;
    if (type == YAML_ALIAS_EVENT) aliases++;
    if (depth > MAX_DEPTH) return err_set(e, FAIL_INVALID, MSG_YAML_DEEP, NUM(line), NUM(MAX_DEPTH));
    if (++events > MAX_EVENTS || aliases > MAX_ALIASES) return err_set(e, FAIL_INVALID, MSG_YAML_MANY, NUM(line));
  }
}

struct build { struct arena *a; yaml_document_t *doc; struct source *src; struct yml **made; struct err *e; };

static struct yml *node(struct build *b, int index);

static bool children(struct build *b, struct yml *y, yaml_node_t *x) {
  if (x->type == YAML_SEQUENCE_NODE) {
    y->n = (size_t)(x->data.sequence.items.top - x->data.sequence.items.start);
    y->val = ARENA_ARRAY(b->a, const struct yml *, y->n + 1);
    for (size_t i = 0; i < y->n; i++)
      if (!(y->val[i] = node(b, x->data.sequence.items.start[i]))) return false;
    return true;
  }
  y->n = (size_t)(x->data.mapping.pairs.top - x->data.mapping.pairs.start);
  y->key = ARENA_ARRAY(b->a, const struct yml *, y->n + 1), y->val = ARENA_ARRAY(b->a, const struct yml *, y->n + 1);
  for (size_t i = 0; i < y->n; i++) {
    yaml_node_pair_t p = x->data.mapping.pairs.start[i];
    if (!(y->key[i] = node(b, p.key)) || !(y->val[i] = node(b, p.value))) return false;
    if (y->key[i]->kind != YML_SCALAR) return err_set(b->e, FAIL_INVALID, MSG_YAML_KEY, NUM(y->key[i]->line));
    for (size_t k = 0; k < i; k++)
      if (streq(y->key[k]->s, y->key[i]->s)) return err_set(b->e, FAIL_INVALID, MSG_YAML_TWICE, NUM(y->key[i]->line), y->key[i]->s);
  }
  return true;
}

static struct yml *node(struct build *b, int index) {
  if (b->made[index]) return b->made[index];
  yaml_node_t *x = yaml_document_get_node(b->doc, index);
  struct yml *y = b->made[index] = ARENA_NEW(b->a, struct yml);
  y->start = byte_of(b->src, x->start_mark.index), y->end = byte_of(b->src, x->end_mark.index);
  y->line = x->start_mark.line + 1, y->col = x->start_mark.column + 1;
  if (x->type == YAML_SCALAR_NODE) {
    y->kind = YML_SCALAR, y->len = x->data.scalar.length;
    y->s = arena_strndup(b->a, (const char *)x->data.scalar.value, y->len);
    y->plain = x->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (memchr(y->s, 0, y->len)) return err_set(b->e, FAIL_INVALID, MSG_YAML_NUL, NUM(y->line)), NULL;
    return y;
  }
  y->kind = x->type == YAML_SEQUENCE_NODE ? YML_SEQ : YML_MAP;
  y->flow = x->type == YAML_SEQUENCE_NODE ? x->data.sequence.style == YAML_FLOW_SEQUENCE_STYLE : x->data.mapping.style == YAML_FLOW_MAPPING_STYLE;
  /* A block collection's end mark lies at the start of what follows: its true end is that of its last child. */
  if (!children(b, y, x)) return NULL;
  if (!y->flow && y->n) y->end = y->val[y->n - 1]->end > y->start ? y->val[y->n - 1]->end : y->end;
  return y;
}

static void drop_doc(yaml_document_t **d) { if (*d) yaml_document_delete(*d); }

/* Loads the next document; *out NULL at the end of the stream. */
static bool load(struct arena *a, yaml_parser_t *p, struct source *src, const struct yml **out, bool *end, struct err *e) {
  yaml_document_t doc;
  if (!yaml_parser_load(p, &doc)) return syntax(p, e);
  __attribute__((cleanup(drop_doc))) yaml_document_t *owned = &doc;
  size_t n = (size_t)(doc.nodes.top - doc.nodes.start);
  *end = n == 0;
  *out = NULL;
  if (*end) return true;
  struct build b = {a, owned, src, ARENA_ARRAY(a, struct yml *, n + 1), e};
  struct yml *root = node(&b, 1);
  if (!root) return false;
  if (root->kind == YML_SCALAR && root->plain && !root->len) root->kind = YML_NULL; /* only comments: libyaml gives an empty scalar */
  *out = root;
  return true;
}

bool yml_parse_all(struct arena *a, const char *p, size_t n, size_t max, size_t max_docs, const struct yml ***out, size_t *out_n, struct err *e) {
  if (n > max) return err_set(e, FAIL_TOO_LARGE, MSG_YAML_LARGE, NUM(max));
  if (!str_utf8_ok(p, n)) return err_set(e, FAIL_INVALID, MSG_YAML_UTF8);
  if (!scan(p, n, e)) return false;
  struct source src = {.p = p, .n = n};
  index_source(a, &src);
  yaml_parser_t parser;
  if (!yaml_parser_initialize(&parser)) return err_set(e, FAIL_BUG, MSG_INTERNAL_BUG);
  __attribute__((cleanup(drop_parser))) yaml_parser_t *owned = &parser;
  yaml_parser_set_encoding(owned, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(owned, (const unsigned char *)p, n);
  *out = ARENA_ARRAY(a, const struct yml *, max_docs + 1), *out_n = 0;
  for (;;) {
    const struct yml *d;
    bool end = false;
    if (!load(a, owned, &src, &d, &end, e)) return false;
    if (end) return true;
    if (d->kind == YML_NULL) continue;
    if (*out_n == max_docs) return err_set(e, FAIL_INVALID, MSG_YAML_DOCS, NUM(max_docs));
    (*out)[(*out_n)++] = d;
  }
}

bool yml_parse(struct arena *a, const char *p, size_t n, size_t max, const struct yml **out, struct err *e) {
  static const struct yml NOTHING = {.kind = YML_NULL, .s = "", .plain = true, .line = 1, .col = 1};
  const struct yml **docs;
  size_t k;
  if (!yml_parse_all(a, p, n, max, 1, &docs, &k, e)) return false;
  *out = k ? docs[0] : &NOTHING;
  return true;
}

const struct yml *yml_get(const struct yml *m, const char *key) {
  for (size_t i = 0; m && m->kind == YML_MAP && i < m->n; i++)
    if (streq(m->key[i]->s, key)) return m->val[i];
  return NULL;
}

const struct yml *yml_at(const struct yml *m, const char *dotted) {
  while (m && *dotted) {
    size_t k = strcspn(dotted, ".");
    char key[128];
    if (k >= sizeof key) return NULL;
    memcpy(key, dotted, k);
    key[k] = 0;
    m = yml_get(m, key);
    dotted += k + (dotted[k] == '.');
  }
  return m;
}

bool yml_is_null(const struct yml *v) {
  if (!v || v->kind == YML_NULL) return true;
  return v->kind == YML_SCALAR && v->plain && (!v->len || streq(v->s, "~") || streq(v->s, "null") || streq(v->s, "Null") || streq(v->s, "NULL"));
}

const char *yml_str(const struct yml *m, const char *dotted) {
  const struct yml *v = yml_at(m, dotted);
  return v && v->kind == YML_SCALAR && !yml_is_null(v) ? v->s : NULL;
}

static bool is_bool(const char *s, bool *out) {
  static const char *const T[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"};
  static const char *const F[] = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"};
  for (size_t i = 0; i < sizeof T / sizeof *T; i++) {
    if (streq(s, T[i])) return *out = true, true;
    if (streq(s, F[i])) return *out = false, true;
  }
  return false;
}

/* Digits with optional sign, fraction, exponent; also 0x, 0o and 1_000: whatever a YAML 1.1 reader may take for a number. */
static bool number_like(const char *s) {
  if (*s == '+' || *s == '-') s++;
  if (!*s || !strpbrk(s, "0123456789")) return streq(s, ".inf") || streq(s, ".nan") || streq(s, ".Inf") || streq(s, ".NaN");
  if (s[0] == '0' && (s[1] == 'x' || s[1] == 'o' || s[1] == 'b')) return true;
  return strspn(s, "0123456789._eE+-:") == strlen(s);
}

bool yml_is_string(const struct yml *v) {
  bool b;
  if (v->kind != YML_SCALAR) return false;
  return !v->plain || (!yml_is_null(v) && !is_bool(v->s, &b) && !number_like(v->s));
}

bool yml_int(const struct yml *v, int64_t *out) { return v && v->kind == YML_SCALAR && v->plain && num_i64(v->s, INT64_MIN, INT64_MAX, out); }

static bool emit(const struct yml *v, struct buf *b, size_t *count, struct err *e) {
  bool flag;
  int64_t num;
  if (++*count > MAX_NODES || b->failed) return err_set(e, FAIL_INVALID, MSG_YAML_MANY, NUM(v->line));
  if (yml_is_null(v)) buf_str(b, "null");
  else if (v->kind == YML_SCALAR) {
    if (!v->plain) buf_js(b, v->s);
    else if (is_bool(v->s, &flag) && strlen(v->s) > 1) buf_str(b, flag ? "true" : "false");
    else if (yml_int(v, &num) && (v->s[0] != '0' || !v->s[1])) buf_i64(b, num);
    else if (number_like(v->s) && strspn(v->s, "0123456789.-") == strlen(v->s) && v->s[strlen(v->s) - 1] != '.' && v->s[0] != '.' && strchr(v->s, '.') == strrchr(v->s, '.') && strchr(v->s, '.') && v->s[0] != '0') buf_str(b, v->s);
    else buf_js(b, v->s);
  } else {
    buf_ch(b, v->kind == YML_SEQ ? '[' : '{');
    for (size_t i = 0; i < v->n; i++) {
      if (i) buf_ch(b, ',');
      if (v->kind == YML_MAP) buf_js(b, v->key[i]->s), buf_ch(b, ':');
      if (!emit(v->val[i], b, count, e)) return false;
    }
    buf_ch(b, v->kind == YML_SEQ ? ']' : '}');
  }
  return true;
}

bool yml_to_json(const struct yml *v, struct buf *out, struct err *e) {
  size_t count = 0;
  if (!emit(v, out, &count, e)) return false;
  return out->failed ? err_set(e, FAIL_TOO_LARGE, MSG_YAML_LARGE, NUM(out->max)) : true;
}

static int by_start(const void *a, const void *b) {
  const struct yml_edit *x = a, *y = b;
  return x->start < y->start ? -1 : x->start > y->start;
}

char *yml_splice(struct arena *a, const char *src, size_t n, const struct yml_edit *edits, size_t n_edits, size_t *out_n) {
  struct yml_edit *v = ARENA_ARRAY(a, struct yml_edit, n_edits + 1);
  memcpy(v, edits, n_edits * sizeof *v);
  qsort(v, n_edits, sizeof *v, by_start);
  struct buf b;
  buf_init(&b, a, n + (8 << 20));
  size_t at = 0;
  for (size_t i = 0; i < n_edits; i++) {
    buf_add(&b, src + at, v[i].start - at);
    buf_str(&b, v[i].text);
    at = v[i].end;
  }
  buf_add(&b, src + at, n - at);
  *out_n = b.n;
  return b.p;
}

void yml_write_quoted(struct buf *b, const char *s) {
  buf_ch(b, '"');
  for (; *s; s++) {
    unsigned char c = (unsigned char)*s;
    if (c == '"' || c == '\\') buf_ch(b, '\\'), buf_ch(b, *s);
    else if (c == '\n') buf_str(b, "\\n");
    else if (c == '\t') buf_str(b, "\\t");
    else if (c == '\r') buf_str(b, "\\r");
    else if (c < 0x20 || c == 0x7f) buf_fmt(b, "\\x%02x", c);
    else buf_ch(b, *s);
  }
  buf_ch(b, '"');
}
