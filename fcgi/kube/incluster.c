/* Contract: incluster.h. */
#include "kube/incluster.h"
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/name.h"
#include "base/num.h"
#include "base/str.h"

static bool files(struct arena *a, const char *dir, struct identity *id, struct err *e) {
  char *ca, *token;
  size_t n;
  if (!file_read(a, arena_fmt(a, "%s/ca.crt", dir), 1 << 20, &ca, NULL, e) || !file_read(a, arena_fmt(a, "%s/token", dir), 1 << 16, &token, &n, e)) return false;
  const char *trimmed = str_trim(a, token);
  identity_set(&id->ca_pem, ca);
  secret_set(&id->token, trimmed, strlen(trimmed));
  OPENSSL_cleanse(token, n), OPENSSL_cleanse((char *)(uintptr_t)trimmed, id->token.n);
  return true;
}

bool kube_in_cluster(const char *opt_dir, struct identity **out, struct err *e) {
  const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
  int number;
  if (!host || !port || !name_host(host) || !num_int(port, 1, 65535, &number)) return err_set(e, FAIL_INVALID, MSG_KUBE_NOT_IN_CLUSTER, "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT");
  struct arena *a = arena_new();
  struct identity *id = identity_new();
  identity_set(&id->base_url, arena_fmt(a, strchr(host, ':') ? "https://[%s]:%d" : "https://%s:%d", host, number));
  bool ok = files(a, opt_dir ? opt_dir : "/var/run/secrets/kubernetes.io/serviceaccount", id, e);
  arena_free(a);
  if (ok) *out = id;
  else identity_free(id);
  return ok;
}
