/* Name rules shared by pages, API and deployments (reference 20 sections 4.4, 5.2; 50 section 4). */
#ifndef BASE_NAME_H
#define BASE_NAME_H
#include <stdbool.h>
struct arena;
bool name_dns_label(const char *s);                    /* RFC 1123 label, 1..63 */
bool name_dns(const char *s);                          /* RFC 1123 lower-case name, 1..253, any number of labels */
bool name_domain(const char *s);                       /* name_dns with at least two labels, last one not all digits */
bool name_host(const char *s);                         /* IPv4, IPv6 or DNS name */
bool name_display(const char *s);                      /* valid UTF-8, 1..64 characters, no control characters, not blank */
/* Lower case; every byte outside [a-z0-9] becomes a blank; trimmed; runs become one '-'. May be "" (all-Chinese names). */
char *name_deployment(struct arena *a, const char *display);
#endif
