/* Secrets that are known by their own shape, whatever stands before them. */
#include "base/redact_scan.h"

/* --- PEM --- */

static const char *find(const struct scan *s, size_t from, size_t to, const char *what) { return to > from ? memmem(s->p + from, to - from, what, strlen(what)) : NULL; }

/* "-----END x PRIVATE KEY-----" whose beginning was cut off: everything before it that can be its body, back to `from`. */
static void hide_back(struct scan *s, size_t from, size_t end) {
  size_t i = end;
  while (i > from && (c_b64(s->p[i - 1]) || s->p[i - 1] == '\\')) i--;
  scan_hide(s, i, end);
  while (i > from && c_eol(s->p[i - 1])) { /* whole lines, perhaps indented */
    size_t e = i - 1, k;
    for (k = e; k > from && (c_b64(s->p[k - 1]) || (k == e && s->p[k - 1] == '\r')); k--) {}
    size_t body = k;
    while (k > from && c_blank(s->p[k - 1])) k--;
    if (k > from && !c_eol(s->p[k - 1])) return; /* words */
    scan_hide(s, body, e);
    i = k;
  }
}

/* A block whose end was cut off: base64, and the headers of an encrypted key. */
static size_t cut_body(const struct scan *s, size_t i) {
  while (i < s->n && (c_b64(s->p[i]) || c_gap(s->p[i]) || (s->p[i] && strchr("\\:,-", s->p[i])))) i++;
  return i;
}

void redact_keys(struct scan *s) {
  static const char TAIL[] = "PRIVATE KEY-----";
  size_t done = 0, end_seen = 0; /* end_seen: no "-----END" before it that was not looked at */
  for (const char *at; (at = find(s, done, s->n, TAIL)) != NULL;) {
    size_t i = (size_t)(at - s->p), from = done, after = i + sizeof TAIL - 1, back = i;
    while (back > from && i - back < 24 && s->p[back - 1] != '-') back--;
    if (back - from >= 5 && scan_word_at(s->p + back, s->n - back, "end ")) {
      hide_back(s, from, back - 5);
      done = after;
      continue;
    }
    if (end_seen < after) {
      const char *end = find(s, after, s->n, "-----END ");
      end_seen = end ? (size_t)(end - s->p) : s->n;
    }
    size_t to = end_seen < s->n ? end_seen : cut_body(s, after);
    scan_hide(s, after, to);
    done = to;
    if (end_seen < s->n) { /* past the end line, so that it is not taken for one without a beginning */
      const char *tail = find(s, to, to + 64 < s->n ? to + 64 : s->n, TAIL);
      done = tail ? (size_t)(tail - s->p) + sizeof TAIL - 1 : to + 9;
    }
  }
}

/* --- tokens --- */

static size_t run(const struct scan *s, size_t i) {
  while (i < s->n && c_word(s->p[i])) i++;
  return i;
}

/* header.payload.signature, RFC 7519: the header is JSON and so begins with eyJ; the signature may be empty, encryption has two parts more. */
static void web_tokens(struct scan *s) {
  for (size_t i = 0; i + 16 < s->n;) {
    const char *at = find(s, i, s->n, "eyJ");
    if (!at) return;
    size_t from = (size_t)(at - s->p), end = run(s, from), parts = 1;
    if (end - from >= 10)
      while (parts < 5 && end + 1 < s->n && s->p[end] == '.' && (c_word(s->p[end + 1]) || parts == 2)) end = run(s, end + 1), parts++;
    if (parts > 1) scan_hide(s, from, end);
    i = end;
  }
}

static void issued_tokens(struct scan *s) {
  static const char *const PREFIX[] = {"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "xoxa-", "AKIA", "ASIA", "hvs.", "sk-", "AIza", "npm_", "dckr_pat_"};
  for (size_t k = 0; k < sizeof PREFIX / sizeof *PREFIX; k++) {
    size_t len = strlen(PREFIX[k]);
    for (size_t i = 0; i < s->n;) {
      const char *at = find(s, i, s->n, PREFIX[k]);
      if (!at) break;
      size_t from = (size_t)(at - s->p), end = run(s, from + len);
      if (end - from - len >= 16 && (!from || !c_alnum(s->p[from - 1])) && scan_random(s->p + from, end - from, 16)) scan_hide(s, from, end);
      i = end;
    }
  }
}

void redact_tokens(struct scan *s) {
  web_tokens(s);
  issued_tokens(s);
}

/* --- URLs and connection strings --- */

static bool url_end(char c) { return c_gap(c) || c_quote(c) || c == '<' || c == '>'; }

/* scheme://user:password@host. A password that was not percent-coded may hold '/' and the like: then what stands behind the colon is no port. */
static size_t user_info(struct scan *s, size_t i) {
  size_t end = i, host_end, at = 0, colon = 0, far = 0;
  while (end < s->n && !url_end(s->p[end]) && !(s->p[end] == ':' && end + 2 < s->n && s->p[end + 1] == '/' && s->p[end + 2] == '/')) end++;
  for (host_end = i; host_end < end && !strchr("/?#", s->p[host_end]); host_end++)
    if (s->p[host_end] == '@') at = host_end;
  size_t stop = at ? at : host_end;
  for (size_t k = i; k < stop && !colon; k++)
    if (s->p[k] == ':') colon = k;
  if (!at && colon) {
    bool port = true;
    for (size_t k = colon + 1; k < host_end; k++) port &= c_digit(s->p[k]);
    for (size_t k = host_end; !port && k < end; k++)
      if (s->p[k] == '@') far = k;
    at = far;
  }
  if (at && colon) scan_hide(s, colon + 1, at);
  else if (at && scan_random(s->p + i, at - i, 20)) scan_hide(s, i, at); /* a token in the user's place */
  return end;
}

/* user:password@tcp(host), user:password@host:port, user:password@host/db, without a scheme. An image's digest looks alike and is none. */
static bool is_address(const struct scan *s, size_t i) {
  static const char *const WAYS[] = {"tcp(", "tcp6(", "unix(", "(", "//", "["};
  for (size_t k = 0; k < sizeof WAYS / sizeof *WAYS; k++)
    if (scan_word_at(s->p + i, s->n - i, WAYS[k])) return true;
  size_t e = i;
  while (e < s->n && e < i + 254 && (c_word(s->p[e]) || s->p[e] == '.')) e++;
  if (e == i || scan_word_at(s->p + i, s->n - i, "sha256:") || scan_word_at(s->p + i, s->n - i, "sha512:")) return false;
  return s->p[e] == '/' || (s->p[e] == ':' && c_digit(s->p[e + 1]));
}

void redact_urls(struct scan *s) {
  for (size_t i = 0; i < s->n;) {
    const char *at = find(s, i, s->n, "://");
    if (!at) break;
    i = user_info(s, (size_t)(at - s->p) + 3);
  }
  size_t before = 0;
  for (size_t i = 0; i < s->n; i++) {
    if (s->p[i] != '@') continue;
    size_t from = i, colon = 0;
    bool scheme = false;
    while (from > before && !c_gap(s->p[from - 1]) && !c_quote(s->p[from - 1])) {
      from--;
      if (s->p[from] == ':') colon = from, scheme |= s->p[from + 1] == '/' && s->p[from + 2] == '/';
    }
    if (colon > from && !scheme && colon + 1 < i && is_address(s, i + 1)) scan_hide(s, colon + 1, i);
    before = i + 1;
  }
}
