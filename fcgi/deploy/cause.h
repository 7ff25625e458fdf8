/* Cause classes: why an operation waits or failed. Stored in operation.cause; the label is the text "wait.<class>", what a person can do is "next.<class>".
 *
 *   image unschedulable config claim crashing quota admission      read from pods, events and conditions (why.h)
 *   loadbalancer ingress                                           a service or ingress has no address yet
 *   hop-name hop-tcp hop-tls hop-server hop-auth                   on the way to the API server: name service, connection, TLS, its answer, our credentials
 *   hop-service hop-pod hop-login kubefate                         behind it: the service of KubeFATE, its pod, our account there, KubeFATE itself
 *   denied                                                         the account lacks a right (the sentence names verb and resource)
 *   ca                                                             the certificate authority cannot issue
 *   held                                                           another operation has to end first
 *   job routes namespace                                           ordinary waiting for somebody's work: no trouble
 */
#ifndef DEPLOY_CAUSE_H
#define DEPLOY_CAUSE_H
#include <stdbool.h>
#include "base/text.h"

/* next: while it waits. after: when it failed, MSG_NONE = the general sentence, because the error itself says what to correct. */
struct cause { const char *key; enum msg label, next, after; bool trouble; /* worth an event when it begins */ };
extern const struct cause CAUSES[];
extern const int N_CAUSES;
/* NULL for "" and unknown classes. */
const struct cause *cause_find(const char *opt_key);
/* The class that a sentence of the clients speaks of ("hop-tcp" for net.refused); "" when it tells none. */
const char *cause_of(enum msg sentence);
/* Text key of the next action for a class: its own, else the general one of a wait ("") or a failure ("next.retry-or-remove"). */
const char *cause_next(const char *opt_key, bool failed);
#endif
