/* Takes secrets out of text that people will read (logs of containers): values behind names like password, passwd, secret, token, key, authorization
 * (as =, :, JSON or YAML), user information in URLs, JSON web tokens, PEM blocks of private keys, long runs of base64 or hex after such names.
 * Known values (n of them, 6 bytes or longer) are removed wherever they stand. The result belongs to the arena; structure and line breaks stay. */
#ifndef BASE_REDACT_H
#define BASE_REDACT_H
#include <stddef.h>
struct arena;
char *redact(struct arena *a, const char *text, size_t n, const char *const *known, size_t n_known);
#endif
