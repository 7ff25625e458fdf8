/* Times. The database clock decides everything stored; the monotonic clock is for waiting inside one process. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
#include <stdbool.h>
#include <stdint.h>
struct arena;
int64_t clock_mono_ms(void);
int64_t clock_unix(void);
/* Database times travel as microseconds since the epoch (0 = none). */
typedef int64_t usec_t;
/* RFC 3339 in UTC with as many fractional digits as needed; 0 prints Go's zero time 0001-01-01T00:00:00Z. */
char *time_rfc3339(struct arena *a, usec_t t);
bool time_parse_rfc3339(const char *opt_s, usec_t *out);
#endif
