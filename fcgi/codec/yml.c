/* Contract: yml.h. Reading. Pass one walks the events and counts (libyaml 0.2.5 is quadratic in flow nesting beyond any depth we
 * allow); pass two walks them again and builds the tree. The document API of libyaml is not used: it forgets tags and the places of
 * aliases, and accepts a collection that contains itself. */
#include "codec/yml.h"
#include <yaml.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

enum { MAX_DEPTH = 64, MAX_EVENTS = 100000, MAX_ALIASES = 100, MAX_ANCHORS = 1000, FEW_KEYS = 16 };

/* libyaml's marks count characters; offsets of bytes are wanted: byte offset of every 64th character. */
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
#define PARSER __attribute__((cleanup(drop_parser))) yaml_parser_t *

static bool start(yaml_parser_t *p, const struct source *s, struct err *e) {
  if (!yaml_parser_initialize(p)) return err_set(e, FAIL_BUG, MSG_INTERNAL_BUG);
  yaml_parser_set_encoding(p, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(p, (const unsigned char *)s->p, s->n);
  return true;
}

static bool syntax(const yaml_parser_t *p, const struct source *s, struct err *e) {
  size_t line = p->problem_mark.line + 1, col = p->problem_mark.column + 1;
  if (p->error == YAML_READER_ERROR) { /* a character that YAML forbids: libyaml gives its byte only */
    size_t at = p->problem_offset < s->n ? p->problem_offset : s->n;
    line = 1, col = 1;
    for (size_t i = 0; i < at; i++) s->p[i] == '\n' ? (line++, col = 1) : (col += ((unsigned char)s->p[i] & 0xc0) != 0x80);
  }
  return err_set(e, FAIL_INVALID, MSG_YAML_SYNTAX, NUM(line), NUM(col), nn(p->problem));
}

static const unsigned char *anchor_of(const yaml_event_t *ev) {
  if (ev->type == YAML_SCALAR_EVENT) return ev->data.scalar.anchor;
  if (ev->type == YAML_SEQUENCE_START_EVENT) return ev->data.sequence_start.anchor;
  return ev->type == YAML_MAPPING_START_EVENT ? ev->data.mapping_start.anchor : NULL;
}

/* Pass one: nothing is kept, everything is counted. */
static bool scan(const struct source *s, struct err *e) {
  yaml_parser_t parser;
  if (!start(&parser, s, e)) return false;
  PARSER p = &parser;
  int depth = 0, events = 0, aliases = 0, anchors = 0;
  for (;;) {
    yaml_event_t ev;
    if (!yaml_parser_parse(p, &ev)) return syntax(p, s, e);
    yaml_event_type_t type = ev.type;
    size_t line = ev.start_mark.line + 1;
    anchors += anchor_of(&ev) != NULL;
    yaml_event_delete(&ev);
    if (type == YAML_STREAM_END_EVENT) return true;
    if (type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT) depth++;
    if (type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT) depth--;
    if (type == YAML_ALIAS_EVENT) aliases++;
    if (depth > MAX_DEPTH) return err_set(e, FAIL_INVALID, MSG_YAML_DEEP, NUM(line), NUM(MAX_DEPTH));
    if (++events > MAX_EVENTS || aliases > MAX_ALIASES || anchors > MAX_ANCHORS) return err_set(e, FAIL_INVALID, MSG_YAML_MANY, NUM(line));
  }
}

/* --- pass two --- */
struct open { struct yml *y; const struct yml *key; size_t cap; }; /* key: read, its value still to come */
struct anchor { const char *name; struct yml *y; };
struct build {
  struct arena *a;
  const struct source *src;
  struct err *e;
  struct open stack[MAX_DEPTH];
  int depth;
  struct anchor *anchors;
  size_t n_anchors;
  struct yml *root;
  size_t last_end; /* where the last scalar, alias or flow collection ended */
};

static struct yml *node(struct build *b, const yaml_event_t *ev, enum yml_kind kind) {
  struct yml *y = ARENA_NEW(b->a, struct yml);
  y->kind = kind;
  y->start = byte_of(b->src, ev->start_mark.index), y->end = byte_of(b->src, ev->end_mark.index);
  y->line = ev->start_mark.line + 1, y->col = ev->start_mark.column + 1;
  const char *name = (const char *)anchor_of(ev);
  if (name) {
    if (!b->anchors) b->anchors = ARENA_ARRAY(b->a, struct anchor, MAX_ANCHORS);
    b->anchors[b->n_anchors++] = (struct anchor){arena_strdup(b->a, name), y};
  }
  return y;
}

static const struct yml **grown(struct arena *a, const struct yml **v, size_t from, size_t to) {
  return arena_grow(a, v, from * sizeof *v, to * sizeof *v);
}

/* Puts a finished or just opened node into its parent. */
static bool place(struct build *b, const struct yml *y, size_t line) {
  if (!b->depth) return true;
  struct open *o = &b->stack[b->depth - 1];
  struct yml *up = o->y;
  if (up->kind == YML_MAP && !o->key) {
    if (y->kind != YML_SCALAR) return err_set(b->e, FAIL_INVALID, MSG_YAML_KEY, NUM(line));
    o->key = y;
    return true;
  }
  if (up->n == o->cap) {
    size_t cap = o->cap ? o->cap * 2 : 8;
    up->val = grown(b->a, up->val, o->cap, cap);
    if (up->kind == YML_MAP) up->key = grown(b->a, up->key, o->cap, cap);
    o->cap = cap;
  }
  if (up->kind == YML_MAP) up->key[up->n] = o->key, o->key = NULL;
  up->val[up->n++] = y;
  return true;
}

static bool scalar(struct build *b, const yaml_event_t *ev) {
  struct yml *y = node(b, ev, YML_SCALAR);
  yaml_scalar_style_t style = ev->data.scalar.style;
  y->len = ev->data.scalar.length;
  y->s = arena_strndup(b->a, (const char *)ev->data.scalar.value, y->len);
  y->plain = style == YAML_PLAIN_SCALAR_STYLE && ev->data.scalar.plain_implicit; /* with a tag (!!str 12) it is text */
  if (memchr(y->s, 0, y->len)) return err_set(b->e, FAIL_INVALID, MSG_YAML_NUL, NUM(y->line));
  /* The mark of a block scalar lies at the start of the next line; a replacement must leave that line break in place. */
  if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
    while (y->end > y->start && strchr(" \t\r\n", b->src->p[y->end - 1])) y->end--;
  b->last_end = y->end;
  if (!b->depth) b->root = y;
  return place(b, y, y->line);
}

static bool open_collection(struct build *b, const yaml_event_t *ev) {
  bool seq = ev->type == YAML_SEQUENCE_START_EVENT;
  struct yml *y = node(b, ev, seq ? YML_SEQ : YML_MAP);
  y->flow = seq ? ev->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE : ev->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
  y->end = 0; /* until it is closed */
  if (!b->depth) b->root = y;
  if (!place(b, y, y->line)) return false;
  b->stack[b->depth++] = (struct open){.y = y};
  return true;
}

static int by_text(const void *a, const void *b) {
  const struct yml *x = *(const struct yml *const *)a, *y = *(const struct yml *const *)b;
  int c = strcmp(x->s, y->s);
  return c ? c : x->start < y->start ? -1 : x->start > y->start;
}

static bool keys_differ(struct build *b, const struct yml *m) {
  const struct yml *twice = NULL;
  if (m->n <= FEW_KEYS) {
    for (size_t i = 1; i < m->n && !twice; i++)
      for (size_t k = 0; k < i && !twice; k++)
        if (streq(m->key[i]->s, m->key[k]->s)) twice = m->key[i];
  } else { /* a mapping of 50,000 keys must not take 50,000 times as long */
    const struct yml **v = ARENA_ARRAY(b->a, const struct yml *, m->n);
    memcpy(v, m->key, m->n * sizeof *v);
    qsort(v, m->n, sizeof *v, by_text);
    for (size_t i = 1; i < m->n && !twice; i++)
      if (streq(v[i]->s, v[i - 1]->s)) twice = v[i];
  }
  return twice ? err_set(b->e, FAIL_INVALID, MSG_YAML_TWICE, NUM(twice->line), twice->s) : true;
}

static bool close_collection(struct build *b, const yaml_event_t *ev) {
  struct yml *y = b->stack[--b->depth].y;
  /* The mark of a block collection's end lies at whatever follows it: its true end is that of its last part. */
  if (y->flow) b->last_end = byte_of(b->src, ev->end_mark.index);
  y->end = b->last_end > y->start ? b->last_end : y->start;
  return y->kind != YML_MAP || keys_differ(b, y);
}

static bool alias(struct build *b, const yaml_event_t *ev) {
  const char *name = (const char *)ev->data.alias.anchor;
  size_t line = ev->start_mark.line + 1;
  b->last_end = byte_of(b->src, ev->end_mark.index);
  for (size_t i = b->n_anchors; i-- > 0;) /* the latest of a name counts */
    if (streq(b->anchors[i].name, name)) {
      const struct yml *y = b->anchors[i].y;
      if (y->kind != YML_SCALAR && !y->end) return err_set(b->e, FAIL_INVALID, MSG_YAML_CYCLE, NUM(line), name);
      return place(b, y, line);
    }
  return err_set(b->e, FAIL_INVALID, MSG_YAML_ANCHOR, NUM(line), name);
}

static bool take(struct build *b, const yaml_event_t *ev) {
  switch (ev->type) {
  case YAML_DOCUMENT_START_EVENT: b->root = NULL, b->n_anchors = 0; return true;
  case YAML_SCALAR_EVENT: return scalar(b, ev);
  case YAML_ALIAS_EVENT: return alias(b, ev);
  case YAML_SEQUENCE_START_EVENT:
  case YAML_MAPPING_START_EVENT: return open_collection(b, ev);
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT: return close_collection(b, ev);
  case YAML_NO_EVENT:
  case YAML_STREAM_START_EVENT:
  case YAML_STREAM_END_EVENT:
  case YAML_DOCUMENT_END_EVENT: return true;
  }
  return true;
}

/* A document of comments only is an empty plain scalar to libyaml. */
static bool nothing(const struct yml *y) { return !y || (y->kind == YML_SCALAR && y->plain && !y->len); }

bool yml_parse_all(struct arena *a, const char *p, size_t n, size_t max, size_t max_docs, const struct yml ***out, size_t *out_n, struct err *e) {
  struct source src = {.p = p, .n = n};
  if (n > max) return err_set(e, FAIL_TOO_LARGE, MSG_YAML_LARGE, NUM(max));
  if (!str_utf8_ok(p, n)) return err_set(e, FAIL_INVALID, MSG_YAML_UTF8);
  if (!scan(&src, e)) return false;
  index_source(a, &src);
  yaml_parser_t parser;
  if (!start(&parser, &src, e)) return false;
  PARSER owned = &parser;
  struct build *b = ARENA_NEW(a, struct build);
  *b = (struct build){.a = a, .src = &src, .e = e};
  const struct yml **docs = ARENA_ARRAY(a, const struct yml *, max_docs + 1);
  size_t k = 0;
  for (bool end = false; !end;) {
    yaml_event_t ev;
    if (!yaml_parser_parse(owned, &ev)) return syntax(owned, &src, e);
    bool ok = take(b, &ev), closed = ev.type == YAML_DOCUMENT_END_EVENT;
    end = ev.type == YAML_STREAM_END_EVENT;
    yaml_event_delete(&ev);
    if (!ok) return false;
    if (!closed || nothing(b->root)) continue;
    if (k == max_docs) return err_set(e, FAIL_INVALID, MSG_YAML_DOCS, NUM(max_docs));
    docs[k++] = b->root;
  }
  *out = docs, *out_n = k;
  return true;
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

const char *yml_str(const struct yml *m, const char *dotted) {
  const struct yml *v = yml_at(m, dotted);
  return v && v->kind == YML_SCALAR && !yml_is_null(v) ? v->s : NULL;
}
