/* The federation as inline SVG (reference 50 section 10.3): the exchange in the middle, parties around it. Shape, icon and word carry the status, not colour alone. */
#include <math.h>
#include "base/str.h"
#include "pages/federation.h"

enum { WIDTH = 960, HEIGHT = 460, FLAT = 140 /* height of a row: no more than two parties */, CX = 480, ONE_RING = 10, TWO_RINGS = 24 };

static int height(const struct federation_page *v) { return v->n_clusters > 2 ? HEIGHT : FLAT; }

static const char *cut(struct arena *a, const char *s, size_t max) {
  size_t n = 0;
  const char *p = s;
  while (*p && n < max) {
    size_t k = str_utf8_seq(p, strlen(p));
    p += k ? k : 1, n++;
  }
  return *p ? arena_fmt(a, "%.*s…", (int)(p - s), s) : s;
}

static void node(struct buf *b, const struct page *p, const struct participant *x, int cx, int cy, int w, int h) {
  struct chip c = party_chip(x->status);
  bool hub = x->type == TYPE_EXCHANGE;
  buf_fmt(b, "<a class=\"%s\" href=\"", c.cls), buf_html(b, ui_party_url(p, x)), buf_str(b, "\"><title>"), buf_html(b, x->name), buf_str(b, "</title>");
  if (hub) buf_fmt(b, "<polygon points=\"%d,%d %d,%d %d,%d %d,%d %d,%d %d,%d\"/>", cx - w / 2, cy, cx - w / 2 + 24, cy - h / 2, cx + w / 2 - 24, cy - h / 2, cx + w / 2, cy, cx + w / 2 - 24, cy + h / 2, cx - w / 2 + 24, cy + h / 2);
  else buf_fmt(b, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"10\"%s/>", cx - w / 2, cy - h / 2, w, h, x->is_managed ? "" : " stroke-dasharray=\"7 5\"");
  buf_fmt(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", cx, cy - 4), buf_html(b, cut(p->q->a, x->name, w > 150 ? 16 : 12)), buf_str(b, "</text>");
  buf_fmt(b, "<text class=\"sub\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">", cx, cy + 17);
  if (!hub) buf_fmt(b, "%ld · ", x->party_id);
  buf_html(b, tr(p, c.label)), buf_str(b, "</text></a>");
}

/* Solid: route seen; dashed: not (yet). */
static void edge(struct buf *b, const struct federation_page *v, const struct participant *x, int cx, int cy) {
  bool solid = x->status == PARTY_ACTIVE && (!v->routes_managed || federation_routed(v, x));
  buf_fmt(b, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"%s/>", CX, height(v) / 2, cx, cy, solid ? "" : " class=\"dash\"");
}

struct spot { int x, y, w, h; };
static struct spot place(size_t i, size_t n, int mid) {
  bool small = n > ONE_RING;
  size_t outer = small ? (n + 1) / 2 + n % 2 : n, ring = i < outer ? outer : n - outer, k = i < outer ? i : i - outer;
  double turn = 2 * M_PI * (double)k / (double)ring - (n <= 2 ? M_PI : M_PI / 2) + (small && i >= outer ? M_PI / (double)ring : 0);
  double rx = small && i >= outer ? 240 : 370, ry = small && i >= outer ? 105 : 180;
  return (struct spot){CX + (int)lround(rx * cos(turn)), mid + (int)lround(ry * sin(turn)), small ? 126 : 176, small ? 48 : 62};
}

static void groups(struct buf *b, const struct page *p, const struct federation_page *v) {
  int y = 40;
  for (int s = 0; s < PARTY__COUNT; s++) {
    size_t n = 0;
    for (size_t i = 0; i < v->n_clusters; i++) n += v->clusters[i].status == s;
    if (!n) continue;
    struct chip c = party_chip(s);
    buf_fmt(b, "<line x1=\"%d\" y1=\"%d\" x2=\"760\" y2=\"%d\"/><g class=\"%s\"><rect x=\"700\" y=\"%d\" width=\"200\" height=\"52\" rx=\"10\"/><text x=\"800\" y=\"%d\" text-anchor=\"middle\">%zu · ", CX, height(v) / 2, y + 26, c.cls, y, y + 32, n);
    buf_html(b, tr(p, c.label)), buf_str(b, "</text></g>"), y += 76;
  }
}

struct html topology(const struct page *p, const struct federation_page *v) {
  struct buf b;
  buf_init(&b, p->q->a, 1 << 18);
  buf_fmt(&b, "<svg class=\"topo\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, height(v));
  struct buf said;
  buf_init(&said, p->q->a, 1024);
  text_plain(&said, p->lang, TEXT(MSG_TOPOLOGY_SAID, NUM(v->n_clusters), NUM(v->n_active)));
  buf_html(&b, said.p), buf_str(&b, "\">");
  if (v->n_clusters > TWO_RINGS) groups(&b, p, v);
  else {
    for (size_t i = 0; i < v->n_clusters; i++) {
      struct spot s = place(i, v->n_clusters, height(v) / 2);
      edge(&b, v, &v->clusters[i], s.x, s.y);
    }
    for (size_t i = 0; i < v->n_clusters; i++) {
      struct spot s = place(i, v->n_clusters, height(v) / 2);
      node(&b, p, &v->clusters[i], s.x, s.y, s.w, s.h);
    }
  }
  node(&b, p, v->exchange, CX, height(v) / 2, 196, 72);
  buf_str(&b, "</svg>");
  return (struct html){b.p, b.n};
}
