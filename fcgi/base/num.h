/* Checked number parsing; the only place that turns text into numbers. The whole text must be the number. */
#ifndef BASE_NUM_H
#define BASE_NUM_H
#include <stdbool.h>
#include <stdint.h>

bool num_i64(const char *opt_s, int64_t min, int64_t max, int64_t *out) __attribute__((warn_unused_result));
bool num_int(const char *opt_s, int min, int max, int *out) __attribute__((warn_unused_result));
/* Go's ParseBool set: 1 t T TRUE true True 0 f F FALSE false False. */
bool num_bool(const char *opt_s, bool *out) __attribute__((warn_unused_result));
#endif
