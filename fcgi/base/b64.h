/* Base64 (RFC 4648 section 4), base64url without padding (section 5) and hex. Decoders are strict: no white space except where said. */
#ifndef BASE_B64_H
#define BASE_B64_H
#include <stdbool.h>
#include <stddef.h>
struct arena;
char *b64_encode(struct arena *a, const void *p, size_t n);
char *b64url_encode(struct arena *a, const void *p, size_t n);
/* skip_space: line breaks and blanks between characters are allowed (kubeconfig files). Result is NUL-terminated. */
bool b64_decode(struct arena *a, const char *s, size_t n, bool skip_space, unsigned char **out, size_t *out_n);
bool b64url_decode(struct arena *a, const char *s, size_t n, unsigned char **out, size_t *out_n);
char *hex_encode(struct arena *a, const void *p, size_t n);
#endif
