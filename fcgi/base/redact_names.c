/* Secrets that only the name before them gives away. */
#include "base/redact_scan.h"

enum kind { PLAIN, WEAK, SECRET, PASSWORD, AUTHORIZATION, COOKIE }; /* WEAK: "key" and the like, hidden only when the value looks made by a machine */

struct piece { size_t from, to; };
struct names {
  struct scan *s;
  struct piece prev;      /* the name before this one */
  enum kind prev_kind;
  bool prev_open;         /* nothing followed it: "name: DB_PASSWORD, value: ..." goes on */
  size_t line, text;      /* where this line begins, and its first word; 0: not looked at */
  bool identified, password, generated; /* words seen on this line */
  bool known, mysql, login, curl, redis; /* programs on this line, looked up once */
};

static bool is(const struct names *w, struct piece x, const char *lower) {
  size_t n = strlen(lower);
  return x.to - x.from == n && scan_word_at(w->s->p + x.from, n, lower);
}
static bool one_of(const char *p, size_t n, const char *const *words) {
  for (; *words; words++)
    if (strlen(*words) == n && scan_word_at(p, n, *words)) return true;
  return false;
}

/* --- which names --- */

static const struct { const char *word; enum kind kind; bool whole; } WORDS[] = { /* whole: begins a part of the name */
  {"password", PASSWORD}, {"passwd", PASSWORD}, {"passphrase", PASSWORD}, {"passcode", PASSWORD}, {"pwd", PASSWORD}, {"requirepass", PASSWORD}, {"pass", PASSWORD, true},
  {"authorization", AUTHORIZATION}, {"cookie", COOKIE},
  {"secret", SECRET}, {"token", SECRET}, {"credential", SECRET}, {"apikey", SECRET}, {"accesskey", SECRET}, {"privatekey", SECRET}, {"jwt", SECRET, true},
  {"jsessionid", SECRET}, {"masterauth", SECRET}, {"dockerconfigjson", SECRET}, {"dockercfg", SECRET}, {"auth", WEAK, true}, {"key", WEAK}};
static const char *const KEY_OF[] = {"api", "access", "secret", "private", "encryption", "encrypt", "signing", "sign", "master", "shared", "auth", "account", "ssh", "aes", "rsa", "cipher", "license", "sas", NULL};
/* The last part of a name that says: not the secret itself. */
static const char *const ABOUT[] = {"name", "names", "ref", "refs", "keyref", "selector", "file", "files", "filename", "path", "dir", "url", "uri", "type", "expiry", "expires", "expiration", "expire", "length", "len", "count",
  "policy", "ttl", "enabled", "disabled", "required", "size", "mount", "mounts", "version", "provider", "lifetime", "rotation", "manager", "class", "namespace", "endpoint", "issuer", "age", "max", "min", "limit", "timeout",
  "interval", "error", "errors", "status", "valid", "validator", "encoder", "check", "checker", "changed", "user", "username", "format", "algorithm", "controller", "plugin", "usage", "column", NULL};
static const char *const GLUED[] = {"key", "keys", "value", "data", "hash", "string", "text", "id", "name", "names", "ref", "file", "path", "url", "type", NULL};

static bool apart(char c) { return c == '_' || c == '-' || c == '.'; }

/* The part of the name behind a secret word. */
static bool says_secret(const char *rest, size_t n, const char *word, char before) {
  if (!n) return true;
  if (c_lower(rest[0]) || (c_upper(rest[0]) && !c_lower(before))) { /* the word goes on: tokenizer, secretary; or another is glued to it */
    size_t k = c_fold(rest[0]) == 's' ? 1 : 0;
    if (!one_of(rest, n, GLUED) && !(k && (n == 1 || !c_alnum(rest[1])))) return false;
  }
  size_t last = n;
  while (last && !apart(rest[last - 1]) && !(last < n && c_upper(rest[last]) && c_lower(rest[last - 1]))) last--;
  if (one_of(rest + last, n - last, ABOUT)) return false;
  if (!strcmp(word, "key") && one_of(rest + last, n - last, (const char *const[]){"id", "ids", "spec", NULL})) return false;
  return !(!strcmp(word, "token") && n == 6 && rest[0] == '-' && strspn(rest + 1, "bcdfghjklmnpqrstvwxz2456789") >= 5); /* volumes of service accounts: default-token-x7k2p */
}

static bool names_a_key(const char *p, size_t n) {
  while (n && apart(p[n - 1])) n--;
  for (size_t k = 0; KEY_OF[k]; k++) {
    size_t len = strlen(KEY_OF[k]);
    if (n >= len && scan_word_at(p + n - len, len, KEY_OF[k])) return true;
  }
  return false;
}

static enum kind kind_of(const struct names *w, struct piece x) {
  enum { LONGEST = 160 };
  if (x.to - x.from > LONGEST) x.from = x.to - LONGEST;
  const char *p = w->s->p + x.from;
  size_t n = x.to - x.from;
  for (size_t k = 0; k < sizeof WORDS / sizeof *WORDS; k++) {
    size_t len = strlen(WORDS[k].word);
    for (size_t i = 0; i + len <= n; i++) {
      if (c_fold(p[i]) != WORDS[k].word[0] || !scan_word_at(p + i, n - i, WORDS[k].word)) continue;
      if (WORDS[k].whole && i && !apart(p[i - 1]) && !(c_upper(p[i]) && c_lower(p[i - 1]))) continue;
      if (!says_secret(p + i + len, n - i - len, WORDS[k].word, p[i + len - 1])) continue;
      if (strcmp(WORDS[k].word, "key")) return WORDS[k].kind;
      if (names_a_key(p, i) || (!i && x.from == w->prev.to + 1 && c_blank(w->s->p[w->prev.to]) && names_a_key(w->s->p + w->prev.from, w->prev.to - w->prev.from))) return SECRET;
      return WEAK;
    }
  }
  return PLAIN;
}

/* --- where values end --- */

static size_t blanks(const struct scan *s, size_t i) {
  while (i < s->n && c_blank(s->p[i])) i++;
  return i;
}
static size_t line_end(const struct scan *s, size_t i) {
  while (i < s->n && !c_eol(s->p[i])) i++;
  return i;
}
static size_t trimmed(const struct scan *s, size_t from, size_t to) {
  while (to > from && c_blank(s->p[to - 1])) to--;
  return to;
}

/* At an opening quote, perhaps behind backslashes (JSON within JSON): the content, and where to go on. No end on this line: all of it. */
static bool quoted(const struct scan *s, size_t i, struct piece *in, size_t *after) {
  size_t k = i;
  if (k + 1 < s->n && strchr("bruBRU", s->p[k]) && c_quote(s->p[k + 1])) k++;
  size_t first = k;
  while (k < s->n && s->p[k] == '\\') k++;
  size_t depth = k - first;
  if (k >= s->n || !c_quote(s->p[k]) || depth > 8) return false;
  char q = s->p[k];
  in->from = ++k;
  for (size_t slashes = 0; k < s->n && !c_eol(s->p[k]); k++) {
    if (s->p[k] == q && (depth ? slashes <= depth : slashes % 2 == 0)) {
      in->to = k - (depth ? slashes : 0), *after = k + 1;
      return true;
    }
    slashes = s->p[k] == '\\' ? slashes + 1 : 0;
  }
  in->to = *after = k;
  return true;
}

static bool name_char(char c) { return c_word(c) || c == '.'; }

/* An unquoted value may hold punctuation; what follows decides whether it belongs to it. */
static size_t bare_end(const struct scan *s, size_t i, bool xml) {
  for (; i < s->n; i++) {
    char c = s->p[i], d = i + 1 < s->n ? s->p[i + 1] : 0;
    if (c_gap(c) || (xml && c == '<')) return i;
    if (c == ',' || c == ';' || c == '&' || c == '|') {
      size_t m = i + 1;
      if (c_gap(d) || c_quote(d)) return i;
      while (m < s->n && name_char(s->p[m])) m++;
      if (m > i + 1 && (s->p[m] == '=' || s->p[m] == ':')) return i;
      i = m - 1;
    } else if (c == '\\' && c_quote(d)) return i;
    else if ((c_quote(c) || c == ')' || c == ']' || c == '}' || c == '>') && (c_gap(d) || c_quote(d) || strchr(",;)]}>:=.\\", d))) return i;
  }
  return i;
}

/* YAML's block scalars: all lines that are deeper than the line of the name. */
static size_t block_end(const struct scan *s, size_t line, size_t i) {
  size_t depth = blanks(s, line) - line, end = i;
  while (i < s->n) {
    size_t text = blanks(s, i), e = line_end(s, text);
    if (text < e && text - i <= depth) return end;
    end = e;
    for (i = e; i < s->n && c_eol(s->p[i]) && (i == e || s->p[i - 1] != '\n'); i++) {}
  }
  return end;
}

/* --- values --- */

static const char *const EMPTY[] = {"null", "none", "nil", "true", "false", "yes", "no", "undefined", "unset", "empty", "required", "missing", "invalid", "expired", "incorrect", "wrong", "not", "is", "***", NULL};
static const char *const ONE_WORD[] = {"bearer", "basic", "token", "negotiate", "apikey", "jwt", "ntlm", NULL};
static const char *const MANY_WORDS[] = {"digest", "aws4-hmac-sha256", "hoba", "mutual", "oauth", "scram-sha-256", NULL};

/* False: nothing of it needs to go. */
static bool hide_text(struct scan *s, struct piece v, enum kind kind) {
  size_t e = v.from;
  while (e < v.to && c_word(s->p[e])) e++;
  size_t rest = blanks(s, e);
  if (rest > e && rest < v.to && (one_of(s->p + v.from, e - v.from, ONE_WORD) || one_of(s->p + v.from, e - v.from, MANY_WORDS))) v.from = rest; /* the scheme may be seen */
  else if (one_of(s->p + v.from, v.to - v.from, EMPTY)) return false;
  if (kind == WEAK && (s->p[v.from] == '/' || !scan_random(s->p + v.from, v.to - v.from, 12))) return false;
  if (kind == WEAK)
    for (size_t i = v.from; i < v.to; i++)
      if (!c_b64(s->p[i]) && (v.to - v.from < 32 || !c_word(s->p[i]))) return false;
  scan_hide(s, v.from, v.to);
  return true;
}

static bool digits(const struct scan *s, struct piece v) {
  for (size_t i = v.from; i < v.to; i++)
    if (!c_digit(s->p[i])) return false;
  return v.to > v.from;
}

struct follows { size_t at; char sep, quote; bool begins_line, xml; }; /* a value: where, behind what; the quote that stands before the name */

/* The end of a header that stands within quotes. Cookies hold quotes only around single values. */
static bool closes(const struct scan *s, size_t i, char quote, bool cookie) {
  char c = s->p[i], d = i + 1 < s->n ? s->p[i + 1] : 0;
  return (quote && c == quote) || (cookie && c_quote(c) && (c_gap(d) || strchr(",)]}", d)));
}

static size_t bare(struct names *w, struct follows f, enum kind kind, bool plural) {
  struct scan *s = w->s;
  size_t first = bare_end(s, f.at, f.xml);
  struct piece v = {f.at, first};
  size_t e = f.at;
  while (e < first && c_word(s->p[e])) e++;
  bool scheme_one = e == first && one_of(s->p + f.at, e - f.at, ONE_WORD), scheme_many = e == first && one_of(s->p + f.at, e - f.at, MANY_WORDS);
  if (plural && digits(s, v)) return first;
  if (kind == COOKIE || scheme_many) {
    for (v.to = f.at; v.to < s->n && !c_eol(s->p[v.to]) && !closes(s, v.to, f.quote, kind == COOKIE); v.to++) {}
  } else if (scheme_one && c_blank(s->p[first])) v.to = bare_end(s, blanks(s, first), f.xml);
  else if (f.begins_line && kind >= SECRET && (f.sep == '=' || (kind == PASSWORD && !one_of(s->p + f.at, first - f.at, EMPTY)))) v.to = trimmed(s, f.at, line_end(s, f.at));
  hide_text(s, v, kind);
  return v.to;
}

/* Hides the value at f and says where to go on. */
static size_t value(struct names *w, struct follows f, enum kind kind, bool plural) {
  struct scan *s = w->s;
  struct piece in;
  size_t after;
  char c = f.at < s->n ? s->p[f.at] : 0;
  if (c_eol(c) || c == '{') return f.at;
  if (f.quote && f.sep == '=' && !c_quote(c) && kind > WEAK) { /* "NAME=a b" as a whole stands in quotes */
    size_t e = f.at;
    while (e < s->n && !c_eol(s->p[e]) && !(s->p[e] == f.quote && s->p[e - 1] != '\\')) e++;
    return hide_text(s, (struct piece){f.at, e}, kind) ? e : f.at;
  }
  if (!f.xml && quoted(s, f.at, &in, &after)) {
    return hide_text(s, in, kind) ? after : in.from; /* names may stand in there too */
  }
  if (f.sep == ':' && (c == '|' || c == '>')) {
    size_t e = f.at + 1;
    while (e < s->n && (c_digit(s->p[e]) || s->p[e] == '-' || s->p[e] == '+')) e++;
    e = blanks(s, e);
    if (kind >= SECRET && (e >= s->n || c_eol(s->p[e]))) {
      size_t next = e;
      if (next < s->n && s->p[next] == '\r') next++;
      if (next < s->n && s->p[next] == '\n') next++;
      size_t to = block_end(s, w->line, next);
      scan_hide(s, next, to);
      return to;
    }
  }
  if (c == '[' && kind != WEAK) {
    size_t e = f.at + 1;
    while (e < s->n && s->p[e] != ']' && !c_eol(s->p[e])) e++;
    if (!plural) hide_text(s, (struct piece){f.at + 1, e}, kind);
    return e;
  }
  return bare(w, f, kind, plural);
}

/* --- what stands between name and value --- */

static bool at_line_start(struct names *w, size_t i) {
  static const char *const LEAD[] = {"- ", "export ", "declare -x ", "set ", "env ", "+ ", "$ ", "# "};
  if (!w->text) {
    size_t k = blanks(w->s, w->line);
    for (size_t j = 0; j < sizeof LEAD / sizeof *LEAD && k < w->s->n; j++)
      if (scan_word_at(w->s->p + k, w->s->n - k, LEAD[j])) k = blanks(w->s, k + strlen(LEAD[j]));
    w->text = k + 1;
  }
  return w->text == i + 1;
}

static bool separated(struct names *w, struct piece x, struct follows *f) {
  const struct scan *s = w->s;
  size_t i = x.to;
  bool q = false;
  while (i < s->n && (s->p[i] == '\\' || c_quote(s->p[i])) && i < x.to + 8) q |= c_quote(s->p[i]), i++;
  if (i < s->n && s->p[i] == ']') i++;
  size_t tight = i;
  i = blanks(s, i);
  *f = (struct follows){.sep = i < s->n ? s->p[i] : 0, .quote = !q && x.from && c_quote(s->p[x.from - 1]) ? s->p[x.from - 1] : 0, .begins_line = at_line_start(w, x.from)};
  if (f->sep == '>' && i == tight && x.from && (s->p[x.from - 1] == '<' || q)) {
    f->xml = true, f->at = blanks(s, i + 1);
    return true;
  }
  if (scan_word_at(s->p + i, s->n - i, "\xef\xbc\x9a")) f->sep = ':', i += 2; /* the full-width colon */
  if (f->sep != '=' && f->sep != ':') return false;
  if (f->sep == ':' && (s->p[i + 1] == ':' || (s->p[i + 1] == '/' && s->p[i + 2] == '/'))) return false;
  i++;
  while (i < s->n && (s->p[i] == '=' || (s->p[i] == '>' && s->p[i - 1] == '=') || (s->p[i] == '~' && s->p[i - 1] == '='))) i++;
  f->at = blanks(s, i);
  return true;
}

static void look_up_line(struct names *w) {
  static const char *const MYSQL[] = {"mysql", "mariadb", "sshpass"}, *const LOGIN[] = {" login", "\"login", "sshpass"};
  if (w->known) return;
  const char *p = w->s->p + w->line;
  size_t n = line_end(w->s, w->line) - w->line;
  for (size_t k = 0; k < 3; k++) w->mysql |= memmem(p, n, MYSQL[k], strlen(MYSQL[k])) != NULL, w->login |= memmem(p, n, LOGIN[k], strlen(LOGIN[k])) != NULL;
  w->curl = memmem(p, n, "curl", 4) || memmem(p, n, "wget", 4), w->redis = memmem(p, n, "redis", 5) != NULL;
  w->known = true;
}

/* The next argument of a command line, also of a list in JSON or YAML. 0: there is none. */
static size_t argument(const struct scan *s, size_t i) {
  size_t k = i;
  while (k < s->n && (s->p[k] == '\\' || c_quote(s->p[k])) && k < i + 4) k++;
  bool list = k > i;
  if (list && k < s->n && s->p[k] == ',') k++;
  size_t e = blanks(s, k);
  if (e < s->n && c_eol(s->p[e])) {
    while (e < s->n && c_gap(s->p[e]) && e < i + 200) e++;
    if (!list && !scan_word_at(s->p + e, s->n - e, "- ")) return 0;
    if (!list) e += 2;
  } else if (e == k && !list) return 0;
  return e < s->n && s->p[e] != '-' && !c_gap(s->p[e]) ? e : 0;
}

static size_t hide_argument(struct names *w, size_t at, enum kind kind, bool after_colon) {
  struct scan *s = w->s;
  struct piece v;
  size_t after;
  if (!quoted(s, at, &v, &after)) {
    v.from = at, v.to = at;
    while (v.to < s->n && !c_gap(s->p[v.to]) && !(c_quote(s->p[v.to]) && (v.to + 1 >= s->n || c_gap(s->p[v.to + 1]) || strchr(",])", s->p[v.to + 1])))) v.to++;
    after = v.to;
  }
  if (after_colon) {
    const char *colon = v.to > v.from ? memchr(s->p + v.from, ':', v.to - v.from) : NULL;
    if (!colon) return after;
    struct piece user = {v.from, (size_t)(colon - s->p)};
    v.from = user.to + 1;
    if (digits(s, user) && digits(s, v)) return after; /* user and group ids */
  }
  hide_text(s, v, kind);
  return after;
}

/* -pSECRET of MySQL's programs, -p SECRET of a login, -a SECRET of Redis, -u user:SECRET of curl. */
static bool short_option(struct names *w, struct piece x, size_t *next) {
  struct scan *s = w->s;
  size_t n = x.to - x.from, at;
  char o = n > 1 ? s->p[x.from + 1] : 0;
  if (n < 2 || s->p[x.from] != '-' || !strchr("pau", o) || (x.from && !c_gap(s->p[x.from - 1]) && !c_quote(s->p[x.from - 1]))) return false;
  look_up_line(w);
  if (o == 'p' && w->mysql && !(n == 2 && x.to < s->n && (c_gap(s->p[x.to]) || c_quote(s->p[x.to])) && !w->login)) {
    if (n > 2 || !(c_gap(s->p[x.to]) || c_quote(s->p[x.to]))) {
      size_t q = x.from + 2;
      return *next = hide_argument(w, q, PASSWORD, false), true;
    }
  }
  if (n != 2 || !(at = argument(s, x.to))) return false;
  if ((o == 'p' && w->login) || (o == 'a' && w->redis)) return *next = hide_argument(w, at, PASSWORD, false), true;
  if (o == 'u' && w->curl) return *next = hide_argument(w, at, PASSWORD, true), true;
  return false;
}

/* Words of SQL and of people: PASSWORD 'x', IDENTIFIED BY 'x', "the password is x". */
static bool spoken(struct names *w, struct piece x, enum kind kind, size_t *next) {
  struct scan *s = w->s;
  struct piece v;
  size_t i = blanks(s, x.to), after;
  bool sql = w->identified && (is(w, x, "by") || is(w, x, "as"));
  if (kind == PASSWORD && i < s->n && s->p[i] == '(') i = blanks(s, i + 1);
  if ((sql || kind == PASSWORD) && i > x.to && i < s->n && c_quote(s->p[i]) && quoted(s, i, &v, &after) && after > v.to) return hide_text(s, v, SECRET), *next = after, true;
  if (kind != PASSWORD && kind != SECRET) return false;
  if (kind == PASSWORD && i > x.to && scan_word_at(s->p + i, s->n - i, "for ")) { /* SET PASSWORD FOR 'a'@'b' = 'x' */
    size_t end = i + 200 < s->n ? i + 200 : s->n, k = i;
    while (k < end && s->p[k] != '=' && !c_eol(s->p[k])) k++;
    k = k < end && s->p[k] == '=' ? blanks(s, k + 1) : s->n;
    if (k < s->n && quoted(s, k, &v, &after)) return hide_text(s, v, SECRET), *next = after, true;
  }
  static const char *const LINK[] = {"is ", "was ", "to ", "is: ", "as "};
  for (size_t k = 0; k < sizeof LINK / sizeof *LINK; k++) {
    if (i == x.to || !scan_word_at(s->p + i, s->n - i, LINK[k])) continue;
    size_t at = blanks(s, i + strlen(LINK[k]));
    if (quoted(s, at, &v, &after)) return hide_text(s, v, kind), *next = after, true;
    v = (struct piece){at, bare_end(s, at, false)};
    if (scan_random(s->p + v.from, v.to - v.from, 6)) return scan_hide(s, v.from, v.to), *next = v.to, true;
  }
  /* A property and its value (spark-defaults.conf), or a password that looks like one. */
  v = (struct piece){i, bare_end(s, i, false)};
  if (i == x.to || v.to == v.from || !c_alnum(s->p[i])) return false;
  bool property = memchr(s->p + x.from, '.', x.to - x.from) && s->p[x.to - 1] != '.';
  if (property) return hide_text(s, v, kind), *next = v.to, true;
  bool odd = scan_random(s->p + v.from, v.to - v.from, 6);
  for (size_t k = v.from + 1; k + 1 < v.to && !odd; k++) odd = strchr("_@#$%!^&*", s->p[k]) != NULL;
  return kind == PASSWORD && odd && v.to - v.from >= 6 ? scan_hide(s, v.from, v.to), *next = v.to, true : false;
}

static bool bearer(struct names *w, struct piece x, size_t *next) {
  struct scan *s = w->s;
  if (!is(w, x, "bearer")) return false;
  size_t i = blanks(s, x.to), e = i;
  while (e < s->n && (c_b64(s->p[e]) || (s->p[e] && strchr("-._~", s->p[e])))) e++;
  if (i == x.to || !(scan_random(s->p + i, e - i, 8) || e - i >= 20)) return false;
  return scan_hide(s, i, e), *next = e, true;
}

static size_t name(struct names *w, struct piece x) {
  struct scan *s = w->s;
  struct follows f;
  struct piece bare_name = x;
  size_t next = x.to, at;
  if (short_option(w, x, &next) || bearer(w, x, &next)) return w->prev_open = false, next;
  while (bare_name.from < bare_name.to && (s->p[bare_name.from] == '-' || s->p[bare_name.from] == '.')) bare_name.from++;
  bool option = bare_name.from > x.from && s->p[x.from] == '-', sep = separated(w, x, &f);
  enum kind kind = kind_of(w, bare_name);
  if (w->prev_open && x.from - w->prev.to <= 64 && is(w, x, "value")) kind = w->prev_kind;
  if (sep && f.at < s->n && s->p[f.at] == '/' && (is(w, x, "pwd") || is(w, x, "oldpwd"))) kind = PLAIN;
  if (option && w->curl && is(w, bare_name, "user")) option = false;
  w->identified |= is(w, x, "identified"), w->password |= kind == PASSWORD, w->generated |= w->password && is(w, x, "generated");
  bool plural = kind == SECRET && c_fold(s->p[x.to - 1]) == 's';
  w->prev_open = kind > WEAK && !sep, w->prev_kind = kind, w->prev = bare_name;
  if (sep && kind != PLAIN) return value(w, f, kind, plural);
  if (sep && w->generated && f.sep == ':') return value(w, f, PASSWORD, false);
  if (option && kind > WEAK && (at = argument(s, x.to)) != 0) return hide_argument(w, at, kind, false);
  if (spoken(w, x, kind, &next)) return next;
  return x.to;
}

/* --- other languages: the people who run this often read Chinese --- */

static void chinese_names(struct scan *s) {
  static const char *const WORD[] = {"\xe5\xaf\x86\xe7\xa0\x81", "\xe5\x8f\xa3\xe4\xbb\xa4", "\xe5\xaf\x86\xe9\x92\xa5", "\xe4\xbb\xa4\xe7\x89\x8c"}; /* password, pass word, key, token */
  for (size_t k = 0; k < sizeof WORD / sizeof *WORD; k++)
    for (size_t i = 0; i < s->n;) {
      const char *hit = memmem(s->p + i, s->n - i, WORD[k], strlen(WORD[k]));
      if (!hit) break;
      i = blanks(s, (size_t)(hit - s->p) + strlen(WORD[k]));
      if (scan_word_at(s->p + i, s->n - i, "\xef\xbc\x9a")) i += 3;
      else if (scan_word_at(s->p + i, s->n - i, "\xe6\x98\xaf")) i += 3; /* "is" */
      else if (i < s->n && (s->p[i] == ':' || s->p[i] == '=')) i++;
      else continue;
      i = blanks(s, i);
      struct piece v = {i, 0};
      size_t after;
      if (!quoted(s, i, &v, &after)) v = (struct piece){i, after = bare_end(s, i, false)};
      if (v.to > v.from) scan_hide(s, v.from, v.to);
      i = after > i ? after : i;
    }
}

void redact_names(struct scan *s) {
  struct names w = {.s = s};
  for (size_t i = 0; i < s->n;) {
    if (name_char(s->p[i])) {
      struct piece x = {i, i};
      while (x.to < s->n && name_char(s->p[x.to])) x.to++;
      size_t next = name(&w, x);
      if (memchr(s->p + i, '\n', next - i)) /* the value had several lines */
        for (size_t k = next; k > i; k--)
          if (s->p[k - 1] == '\n') { w = (struct names){.s = s, .line = k}; break; }
      i = next > i ? next : i + 1;
      continue;
    }
    if (s->p[i] == '\n') {
      /* "- name: DB_PASSWORD" and its value stand on two lines */
      struct names fresh = {.s = s, .line = i + 1, .prev = w.prev, .prev_kind = w.prev_kind, .prev_open = w.prev_open};
      w = fresh;
    }
    i++;
  }
  chinese_names(s);
}
