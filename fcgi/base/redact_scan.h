/* Inside of redact.c: the scanners mark bytes, redact() prints a mark of its own for each marked run. Each scanner reads the text a bounded number of
 * times whatever it holds (logs are hostile). p[n] is NUL, no other byte of p is. */
#ifndef BASE_REDACT_SCAN_H
#define BASE_REDACT_SCAN_H
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
struct scan { const char *p; size_t n; unsigned char *hide; };

static inline void scan_hide(struct scan *s, size_t from, size_t to) {
  if (to > from) memset(s->hide + from, 1, to - from);
}
static inline bool c_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool c_upper(char c) { return c >= 'A' && c <= 'Z'; }
static inline bool c_lower(char c) { return c >= 'a' && c <= 'z'; }
static inline bool c_alnum(char c) { return c_digit(c) || c_upper(c) || c_lower(c); }
static inline bool c_word(char c) { return c_alnum(c) || c == '_' || c == '-'; }
static inline bool c_b64(char c) { return c_alnum(c) || c == '+' || c == '/' || c == '='; }
static inline bool c_blank(char c) { return c == ' ' || c == '\t'; }
static inline bool c_eol(char c) { return c == '\n' || c == '\r' || !c; }
static inline bool c_gap(char c) { return c_blank(c) || c_eol(c); }
static inline bool c_quote(char c) { return c == '"' || c == '\'' || c == '`'; }
static inline char c_fold(char c) { return c_upper(c) ? (char)(c + 32) : c; }
static inline bool scan_word_at(const char *p, size_t n, const char *lower) { /* n bytes at p begin with lower, in any case */
  for (size_t i = 0; lower[i]; i++)
    if (i >= n || c_fold(p[i]) != lower[i]) return false;
  return true;
}
/* Looks made by a machine: long enough, and more than a word. */
static inline bool scan_random(const char *p, size_t n, size_t least) {
  bool digit = false, letter = false, inner_upper = false, lower = false;
  for (size_t i = 0; i < n; i++) {
    digit |= c_digit(p[i]), letter |= c_alnum(p[i]) && !c_digit(p[i]), lower |= c_lower(p[i]);
    inner_upper |= lower && c_upper(p[i]);
  }
  return n >= least && letter && (digit || inner_upper);
}

void redact_keys(struct scan *s);   /* PEM blocks of private keys, whole or cut */
void redact_tokens(struct scan *s); /* JSON web tokens, and tokens that name their issuer by a prefix */
void redact_urls(struct scan *s);   /* user information in URLs and connection strings */
void redact_names(struct scan *s);  /* values behind names, headers, command lines, SQL */
#endif
