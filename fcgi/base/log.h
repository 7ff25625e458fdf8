/* Structured log, one logfmt line per record on stderr: time level module id msg key=value... Control characters are escaped.
 * Never pass a secret: there is no formatter for struct secret on purpose.
 *     log_info("engine", "step done", "op", op_uuid, "step", key);
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include <stddef.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
void log_init(const char *program, enum log_level least);
/* Id printed with every line until changed (request id, operation uuid); borrowed; NULL clears. */
void log_scope(const char *opt_id);
void log_write(enum log_level l, const char *module, const char *msg, const char *const *kv_after_null, size_t n);
#define LOG_KV_(...) (const char *const[]){NULL, ##__VA_ARGS__}, sizeof((const char *const[]){NULL, ##__VA_ARGS__}) / sizeof(char *) - 1
#define log_debug(m, msg, ...) log_write(LOG_LEVEL_DEBUG, (m), (msg), LOG_KV_(__VA_ARGS__))
#define log_info(m, msg, ...) log_write(LOG_LEVEL_INFO, (m), (msg), LOG_KV_(__VA_ARGS__))
#define log_warn(m, msg, ...) log_write(LOG_LEVEL_WARN, (m), (msg), LOG_KV_(__VA_ARGS__))
#define log_error(m, msg, ...) log_write(LOG_LEVEL_ERROR, (m), (msg), LOG_KV_(__VA_ARGS__))
struct err;
void log_err(enum log_level l, const char *module, const char *doing, const struct err *e);
/* Invariant of our own code; aborts with file and line in all builds. Not for input. */
#define BUG_ON(c) do { if (__builtin_expect(!!(c), 0)) log_bug(#c, __FILE__, __LINE__); } while (0)
void log_bug(const char *cond, const char *file, int line) __attribute__((noreturn));
#endif
