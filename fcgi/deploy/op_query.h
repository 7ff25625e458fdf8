/* Operations for their readers, pages, API and command line alike: the filter of a list as a person or a program writes it, what may be expected of an operation that is
 * acted on, and what a person can do about it. */
#ifndef DEPLOY_OP_QUERY_H
#define DEPLOY_OP_QUERY_H
#include <stdbool.h>
#include "model/operation.h"
/* NULL or "": any. subject: an object's id, or a part of its name. since: a date of the reader's calendar, or RFC 3339. */
struct op_query { const char *state, *kind, *subject, *federation, *actor, *since, *before, *after, *limit; int tz_minutes; };
enum { OP_QUERY_LIMIT = 50, OP_QUERY_MOST = 200 };
/* FAIL_INVALID names the filter that cannot be used, and what it may be. */
bool op_query_read(struct arena *a, const struct op_query *q, struct operation_filter *out, struct err *e) __attribute__((warn_unused_result));
/* The states a filter may name, NULL-terminated, "open" first. */
extern const char *const OP_STATES[];

/* What a form or program that acts on an operation may say about it: the object it means, and the version it saw; NULL or "" when it does not. FAIL_CONFLICT when that is not so. */
bool op_expected(struct arena *a, const struct operation *o, const char *opt_subject, const char *opt_version, struct err *e) __attribute__((warn_unused_result));
/* Text key of what a person can do now: the stored one, else that of its cause; "" when there is nothing to do. */
const char *op_next_action(const struct operation *o);
#endif
