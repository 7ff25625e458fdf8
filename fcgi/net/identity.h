/* Where and as whom to call: one Kubernetes user on one API server. Connections are never shared between two identities, not even inside one
 * multi handle (reference 81 section 9: libcurl 7.88 does not compare private keys when it reuses connections). */
#ifndef NET_IDENTITY_H
#define NET_IDENTITY_H
#include <stdbool.h>
#include "crypt/seal.h"
struct identity {
  char *base_url;               /* https://host:port[/prefix], no trailing slash */
  char *ca_pem;                 /* "" = system trust */
  char *cert_pem;               /* "" = none */
  struct secret key_pem, token; /* empty = none */
  char *tls_server_name;        /* "" = from the URL */
  char *proxy_url;              /* "" = none (environment proxies are never used) */
  bool insecure;
};
/* Owns copies; malloc'ed. */
struct identity *identity_new(void);
void identity_free(struct identity *opt_i);
/* Replaces a string field by a copy; answers whether it is not empty. */
bool identity_set(char **field, const char *opt_s);
/* Replaces a secret by a copy of n bytes, NUL-terminated one byte beyond. */
void secret_set(struct secret *s, const void *p, size_t n);
#endif
