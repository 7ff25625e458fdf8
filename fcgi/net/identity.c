/* Contract: identity.h. Strings are always set (""), so that readers need no NULL checks. */
#include "net/identity.h"
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"

static char *empty(void) {
  char *s = calloc(1, 1);
  BUG_ON(!s);
  return s;
}

struct identity *identity_new(void) {
  struct identity *i = calloc(1, sizeof *i);
  BUG_ON(!i);
  i->base_url = empty(), i->ca_pem = empty(), i->cert_pem = empty(), i->tls_server_name = empty(), i->proxy_url = empty();
  return i;
}

bool identity_set(char **field, const char *opt_s) {
  char *s = strdup(opt_s ? opt_s : "");
  BUG_ON(!s);
  free(*field);
  *field = s;
  return *s != 0;
}

void secret_set(struct secret *s, const void *p, size_t n) {
  secret_free(s);
  s->p = malloc(n + 1);
  BUG_ON(!s->p);
  memcpy(s->p, p, n);
  s->p[n] = 0;
  s->n = n;
}

void identity_free(struct identity *i) {
  if (!i) return;
  free(i->base_url), free(i->ca_pem), free(i->cert_pem), free(i->tls_server_name), free(i->proxy_url);
  secret_free(&i->key_pem);
  secret_free(&i->token);
  free(i);
}
