/* The one place that turns an error into an HTTP answer: status by kind, page in the reader's language or JSON envelope. */
#ifndef WEB_ERRORPAGE_H
#define WEB_ERRORPAGE_H
#include "web/req.h"
#include "web/resp.h"
int http_status(const struct err *e);
void error_answer(struct req *q, struct resp *r, const struct err *e);
#endif
