/* Template compiler: tmplc IN.html OUT.c writes OUT.c and OUT.h (language: web/tmpl.h). Any fault stops the build with file:line. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *path;
static const char *src, *at;
static FILE *c, *h;
static char lit[1 << 20];
static size_t lit_n;
static int in_template, depth;
static const char *block[64];

/* HTML state of the literal text so far: where a hole would stand. */
enum ctx { TEXT, TAG, ATTR_NAME, ATTR_UNQUOTED, ATTR_DQ, ATTR_SQ, COMMENT, RAW };
static enum ctx ctx;
static char tag[32], attr[64];
static size_t value_n; /* characters in the attribute value so far */
static int raw_keep;   /* inside <pre> or <textarea>: white space stays */

static int line_of(const char *p) {
  int n = 1;
  for (const char *s = src; s < p; s++) n += *s == '\n';
  return n;
}

static void die(const char *p, const char *msg, const char *what) {
  fprintf(stderr, "%s:%d: %s%s%s\n", path, line_of(p), msg, what ? ": " : "", what ? what : "");
  exit(1);
}

static void flush(void) {
  if (!lit_n) return;
  fputs("  buf_add(out, \"", c);
  for (size_t i = 0; i < lit_n; i++) {
    unsigned char x = (unsigned char)lit[i];
    if (x == '"' || x == '\\') fprintf(c, "\\%c", x);
    else if (x == '\n') fputs(i + 1 < lit_n ? "\\n\"\n    \"" : "\\n", c);
    else if (x == '?') fputs("\\?", c);
    else fputc(x, c);
  }
  fprintf(c, "\", %zu);\n", lit_n);
  lit_n = 0;
}

static void put(char ch) {
  if (lit_n == sizeof lit) die(at, "literal too long", NULL);
  lit[lit_n++] = ch;
}

static void tag_end(void) {
  if (!strcmp(tag, "script") || !strcmp(tag, "style")) ctx = RAW;
  else ctx = TEXT;
  if (!strcmp(tag, "pre") || !strcmp(tag, "textarea")) raw_keep = 1;
  if (!strcmp(tag, "/pre") || !strcmp(tag, "/textarea")) raw_keep = 0;
}

static void step_html(const char *p) {
  char ch = *p;
  size_t n;
  switch (ctx) {
  case TEXT:
    if (ch == '<' && !strncmp(p, "<!--", 4)) ctx = COMMENT;
    else if (ch == '<' && (isalpha((unsigned char)p[1]) || p[1] == '/' || p[1] == '!')) ctx = TAG, tag[0] = 0;
    break;
  case RAW:
    if (ch == '<' && p[1] == '/' && !strncmp(p + 2, tag, strlen(tag))) ctx = TAG, tag[0] = 0;
    break;
  case COMMENT:
    if (ch == '>' && p[-1] == '-' && p[-2] == '-') ctx = TEXT;
    break;
  case TAG:
    n = strlen(tag);
    if (ch == '>') tag_end();
    else if (isspace((unsigned char)ch)) ctx = ATTR_NAME, attr[0] = 0;
    else if (n + 1 < sizeof tag) tag[n] = (char)tolower((unsigned char)ch), tag[n + 1] = 0;
    break;
  case ATTR_NAME:
    n = strlen(attr);
    if (ch == '>') tag_end();
    else if (ch == '=') ctx = p[1] == '"' || p[1] == '\'' ? ATTR_NAME : ATTR_UNQUOTED;
    else if (ch == '"' && p[-1] == '=') ctx = ATTR_DQ, value_n = 0;
    else if (ch == '\'' && p[-1] == '=') ctx = ATTR_SQ, value_n = 0;
    else if (isspace((unsigned char)ch)) attr[0] = 0;
    else if (n + 1 < sizeof attr) attr[n] = (char)tolower((unsigned char)ch), attr[n + 1] = 0;
    break;
  case ATTR_UNQUOTED:
    if (ch == '>') tag_end();
    else if (isspace((unsigned char)ch)) ctx = ATTR_NAME, attr[0] = 0;
    break;
  case ATTR_DQ:
    if (ch == '"') ctx = ATTR_NAME, attr[0] = 0;
    else value_n++;
    break;
  case ATTR_SQ:
    if (ch == '\'') ctx = ATTR_NAME, attr[0] = 0;
    else value_n++;
    break;
  }
}

static int is_url_attr(void) { return !strcmp(attr, "href") || !strcmp(attr, "src") || !strcmp(attr, "action") || !strcmp(attr, "formaction"); }

static void hole_allowed(const char *p, int url) {
  if (ctx == RAW) die(p, "no hole inside <script> or <style>", tag);
  if (ctx == COMMENT) die(p, "no hole inside a comment", NULL);
  if (ctx == TAG || ctx == ATTR_NAME) die(p, "no hole in a tag or attribute name", tag);
  if (ctx == ATTR_UNQUOTED) die(p, "no hole in an unquoted attribute", attr);
  if (ctx == ATTR_DQ || ctx == ATTR_SQ) {
    if (!strncmp(attr, "on", 2) || !strcmp(attr, "style") || !strcmp(attr, "srcdoc")) die(p, "no hole in this attribute", attr);
    if (is_url_attr() && value_n == 0 && !url) die(p, "a link must be {{ url: ... }}", attr);
    value_n++;
  }
  if (url && !(ctx == ATTR_DQ || ctx == ATTR_SQ)) die(p, "{{ url: }} belongs in an attribute", NULL);
}

static char *trim(const char *p, size_t n) {
  while (n && isspace((unsigned char)*p)) p++, n--;
  while (n && isspace((unsigned char)p[n - 1])) n--;
  char *s = malloc(n + 1);
  if (!s) exit(1);
  memcpy(s, p, n);
  s[n] = 0;
  return s;
}

static void mark(const char *p) { fprintf(c, "#line %d \"%s\"\n", line_of(p), path); }

static void constant(const char *key, char *out, size_t n) {
  size_t o = (size_t)snprintf(out, n, "MSG_");
  for (; *key && o + 1 < n; key++) out[o++] = *key == '.' || *key == '-' ? '_' : (char)toupper((unsigned char)*key);
  out[o] = 0;
}

static void close_template(void) {
  if (!in_template) return;
  flush();
  if (depth) die(at, "block not closed", block[depth - 1]);
  fputs("}\n", c);
  in_template = 0;
}

static void push(const char *p, const char *what) {
  if (depth == 64) die(p, "nested too deep", NULL);
  block[depth++] = what;
}

static void open_template(const char *p, const char *sig) {
  close_template();
  const char *args = strchr(sig, '(');
  if (!args || sig[strlen(sig) - 1] != ')') die(p, "signature expected", sig);
  fprintf(h, "void tmpl_%.*s(struct buf *out, %s;\n", (int)(args - sig), sig, args + 1);
  mark(p);
  fprintf(c, "void tmpl_%.*s(struct buf *out, %s {\n", (int)(args - sig), sig, args + 1);
  in_template = 1, ctx = TEXT, raw_keep = 0;
}

static void text_call(const char *p, char *arg) {
  char name[256], *comma = strchr(arg, ',');
  hole_allowed(p, 0);
  if (comma) *comma = 0;
  constant(trim(arg, strlen(arg)), name, sizeof name);
  mark(p);
  if (comma) fprintf(c, "  tmpl_put_html(out, trf(p, TEXT(%s, %s)));\n", name, comma + 1);
  else fprintf(c, "  tmpl_put_label(out, p, %s);\n", name);
}

static void for_loop(const char *p, char *arg) {
  char *in = strstr(arg, " in "), *comma = in ? strrchr(in, ',') : NULL;
  if (!comma) die(p, "expected: for T x in array, count", arg);
  *in = 0, *comma = 0;
  char *name = strrchr(arg, ' ');
  if (!name) die(p, "expected: for T x in array, count", arg);
  *name++ = 0;
  mark(p);
  fprintf(c, "  for (size_t index = 0; index < (size_t)(%s); index++) {\n  %s *%s = &(%s)[index]; (void)%s;\n", comma + 1, arg, name, in + 4, name);
  push(p, "for");
}

static void statement(const char *p, char *s) {
  flush();
  if (!strncmp(s, "template ", 9)) { open_template(p, trim(s + 9, strlen(s + 9))); return; }
  if (!strncmp(s, "include ", 8)) { fprintf(h, "#include %s\n", s + 8); return; }
  if (!in_template) die(p, "outside a template", s);
  if (!strncmp(s, "if ", 3)) mark(p), fprintf(c, "  if (%s) {\n", s + 3), push(p, "if");
  else if (!strncmp(s, "elif ", 5)) mark(p), fprintf(c, "  } else if (%s) {\n", s + 5);
  else if (!strcmp(s, "else")) fputs("  } else {\n", c);
  else if (!strncmp(s, "for ", 4)) for_loop(p, trim(s + 4, strlen(s + 4)));
  else if (!strncmp(s, "call ", 5)) {
    char *args = strchr(s + 5, '(');
    if (!args) die(p, "expected: call name(args)", s);
    mark(p);
    fprintf(c, "  tmpl_%.*s(out, %s;\n", (int)(args - s - 5), s + 5, args + 1);
  } else if (!strncmp(s, "t ", 2)) text_call(p, trim(s + 2, strlen(s + 2)));
  else if (!strcmp(s, "end")) {
    if (!depth) die(p, "end without a block", NULL);
    depth--;
    fputs("  }\n", c);
  } else die(p, "unknown statement", s);
}

static void hole(const char *p, char *s) {
  int url = !strncmp(s, "url:", 4);
  hole_allowed(p, url);
  flush();
  mark(p);
  fprintf(c, url ? "  tmpl_put_url(out, %s);\n" : "  tmpl_put(out, %s);\n", url ? s + 4 : s);
}

static char *slurp(const char *name) {
  FILE *f = fopen(name, "rb");
  static char b[1 << 20];
  if (!f) { perror(name); exit(1); }
  size_t n = fread(b + 2, 1, sizeof b - 4, f);
  fclose(f);
  b[0] = b[1] = ' ', b[n + 2] = 0;
  return b + 2;
}

static const char *find_end(const char *p, const char *mark2) {
  const char *end = strstr(p + 2, mark2);
  if (!end) die(p, "not closed", mark2);
  return end;
}

/* White space with a line break becomes one line break, except inside pre and textarea. */
static const char *space(const char *p) {
  const char *end = p;
  int nl = 0;
  while (isspace((unsigned char)*end)) nl |= *end++ == '\n';
  for (const char *s = p; s < end; s++) step_html(s);
  if (nl && !raw_keep && ctx != ATTR_DQ && ctx != ATTR_SQ) put('\n');
  else
    for (const char *s = p; s < end; s++) put(*s);
  return end;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  path = argv[1], src = at = slurp(argv[1]);
  char hname[4096], guard[256];
  snprintf(hname, sizeof hname, "%.*sh", (int)strlen(argv[2]) - 1, argv[2]);
  c = fopen(argv[2], "w"), h = fopen(hname, "w");
  if (!c || !h) { perror(argv[2]); return 1; }
  const char *base = strrchr(argv[2], '/') ? strrchr(argv[2], '/') + 1 : argv[2];
  snprintf(guard, sizeof guard, "TMPL_%s", base);
  for (char *g = guard; *g; g++) *g = isalnum((unsigned char)*g) ? (char)toupper((unsigned char)*g) : '_';
  fprintf(h, "/* generated by tools/tmplc from %s */\n#ifndef %s\n#define %s\n#include \"web/tmpl.h\"\n", path, guard, guard);
  fprintf(c, "/* generated by tools/tmplc from %s */\n#include \"tmpl/%.*sh\"\n", path, (int)strlen(base) - 1, base);
  while (*at) {
    const char *p = at;
    if (!strncmp(p, "{%", 2)) { const char *e = find_end(p, "%}"); statement(p, trim(p + 2, (size_t)(e - p - 2))); at = e + 2; }
    else if (!strncmp(p, "{{", 2)) { const char *e = find_end(p, "}}"); if (!in_template) die(p, "outside a template", NULL); hole(p, trim(p + 2, (size_t)(e - p - 2))); at = e + 2; }
    else if (!strncmp(p, "{#", 2)) at = find_end(p, "#}") + 2;
    else if (isspace((unsigned char)*p)) { at = in_template ? space(p) : p + 1; }
    else { if (!in_template) die(p, "text outside a template", NULL); step_html(p); put(*p); at = p + 1; }
  }
  close_template();
  fputs("#endif\n", h);
  return fclose(c) || fclose(h);
}
