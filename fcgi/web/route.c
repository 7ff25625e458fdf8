#include "web/route.h"
#include "base/str.h"

/* Segments of pattern and path are compared one by one; {..} matches any non-empty segment. */
static bool match(const char *pat, const char *path, struct req *q) {
  int n = 0;
  const char *seg[4];
  for (;;) {
    pat += *pat == '/', path += *path == '/';
    size_t a = strcspn(pat, "/"), b = strcspn(path, "/");
    if (!a && !b) break;
    if (!a || !b) return false;
    if (*pat == '{') {
      if (n == 4) return false;
      seg[n++] = arena_strndup(q->a, path, b);
    } else if (a != b || strncmp(pat, path, a)) return false;
    pat += a, path += b;
  }
  q->n_seg = n;
  for (int i = 0; i < n; i++) q->seg[i] = seg[i];
  return true;
}

const struct route *route_find(struct req *q, bool *other) {
  *other = false;
  const struct route *best = NULL;
  /* A pattern without {..} wins, so static segments are looked for first. */
  for (int pass = 0; pass < 2 && !best; pass++)
    for (size_t t = 0; t < N_ROUTE_TABLES && !best; t++)
      for (size_t i = 0; i < ROUTE_TABLES[t]->n; i++) {
        const struct route *r = &ROUTE_TABLES[t]->r[i];
        if ((strchr(r->pattern, '{') != NULL) != (pass == 1) || !match(r->pattern, q->path, q)) continue;
        if (r->method != q->method) { *other = true; continue; }
        best = r;
        break;
      }
  return best;
}
