/* Cross-site request defences (reference 40 section 14.4): Origin / Sec-Fetch-Site on every unsafe request that rides on a cookie, and a synchroniser
 * token (masked per response) in every form of the pages. */
#ifndef WEB_CSRF_H
#define WEB_CSRF_H
#include "web/req.h"
bool csrf_origin_ok(const struct req *q, struct err *e) __attribute__((warn_unused_result));
bool csrf_token_ok(const struct req *q, struct err *e) __attribute__((warn_unused_result));
/* Value of the hidden field: random mask || mask xor token, base64url. */
const char *csrf_value(const struct req *q);
#endif
