/* UUIDs as text in a struct of their own: 36 lower-case characters, or "" for none. */
#ifndef BASE_UUID_H
#define BASE_UUID_H
#include <stdbool.h>
struct uuid { char s[37]; };
struct uuid uuid_new(void);                              /* random v4 from the system generator */
bool uuid_parse(const char *opt_s, struct uuid *out);    /* canonical form; upper case is lowered */
static inline bool uuid_none(struct uuid u) { return u.s[0] == 0; }
bool uuid_eq(struct uuid a, struct uuid b);
#endif
