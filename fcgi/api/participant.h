/* Participants as JSON. */
#ifndef API_PARTICIPANT_H
#define API_PARTICIPANT_H
#include "model/participant.h"
struct jsw; struct req;
/* The members of a list item, inside an object that the caller opened. */
void api_participant(struct jsw *w, struct req *q, const struct participant *p);
#endif
