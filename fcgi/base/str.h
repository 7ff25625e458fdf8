/* Borrowed slices and small string questions. A struct str never owns its bytes and need not be NUL-terminated. */
#ifndef BASE_STR_H
#define BASE_STR_H
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct arena;
struct str { const char *p; size_t n; };

#define STR(lit) ((struct str){"" lit, sizeof(lit) - 1})
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_of(const char *opt_s) { return (struct str){opt_s ? opt_s : "", opt_s ? strlen(opt_s) : 0}; }
bool str_eq(struct str a, struct str b);
/* C strings; NULL counts as "". */
bool streq(const char *opt_a, const char *opt_b);
bool streq_nocase(const char *opt_a, const char *opt_b);
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
bool str_blank(const char *opt_s);
/* Copy without leading and trailing white space. */
char *str_trim(struct arena *a, const char *opt_s);
char *str_lower(struct arena *a, const char *s);
/* Splits at any of the characters in seps; empty parts are kept. Returns NULL-terminated array, count in *opt_n. */
char **str_split(struct arena *a, const char *s, const char *seps, size_t *opt_n);
char *str_join(struct arena *a, const char *const *parts, size_t n, const char *sep);
/* Length of the valid UTF-8 sequence at p (1 for any ASCII byte, NUL too), 0 when there is none (RFC 3629: no surrogates, no
 * overlong forms, up to U+10FFFF). n is at least 1. */
size_t str_utf8_seq(const char *p, size_t n);
/* True when the bytes are valid UTF-8 without NUL. */
bool str_utf8_ok(const char *p, size_t n);
/* Number of code points of valid UTF-8. */
size_t str_utf8_len(const char *s);
/* Printable excerpt of untrusted bytes: at most max bytes, control characters become blanks, invalid UTF-8 '?'. */
char *str_excerpt(struct arena *a, const char *p, size_t n, size_t max);
/* The empty string instead of NULL. */
static inline const char *nn(const char *opt_s) { return opt_s ? opt_s : ""; }
#endif
