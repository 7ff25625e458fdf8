/* The only file that knows libfcgi. One request at a time: accept, fill struct req, serve, send. */
#ifndef WEB_FCGI_IO_H
#define WEB_FCGI_IO_H
#include "web/req.h"
void fcgi_init(int listen_fd);
/* Waits for a request with TERM unblocked only while waiting (reference 81 section 2: loses no signal). false: told to stop. */
bool fcgi_next(volatile int *stop);
void fcgi_serve(struct app *app, struct arena *a);
#endif
