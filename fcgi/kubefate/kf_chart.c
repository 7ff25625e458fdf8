/* Charts in KubeFATE's own table (contract: kubefate.h). */
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/b64.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "crypt/digest.h"
#include "kubefate/kubefate.h"

/* The list holds every file of every chart. */
enum { CHARTS_MAX = 32 << 20, UPLOAD_MS = 20000, MOST_TEMPLATES = 500 };

static struct call large(struct call c) { return c.max_reply = CHARTS_MAX, c; }
struct call kf_chart_list(struct arena *a, const char *token) { return large(kf_call(a, "GET", "/v1/chart/", token)); }
struct call kf_chart_get(struct arena *a, const char *token, const char *uuid) { return large(kf_call(a, "GET", kf_item(a, "/v1/chart/", uuid), token)); }

/* The boundary is made of the content, so that it cannot be found in it. */
struct call kf_chart_upload(struct arena *a, const char *token, const char *file_name, const void *archive, size_t n) {
  struct buf b;
  const char *boundary = arena_fmt(a, "fedlcm-%s", sha256_hex(a, archive, n));
  buf_init(&b, a, n + 1024);
  buf_fmt(&b, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\nContent-Type: application/gzip\r\n\r\n", boundary, file_name);
  buf_add(&b, archive, n);
  buf_fmt(&b, "\r\n--%s--\r\n", boundary);
  BUG_ON(b.failed);
  struct call c = kf_call(a, "POST", "/v1/chart", token);
  c.content_type = arena_fmt(a, "multipart/form-data; boundary=%s", boundary), c.body = b.p, c.body_len = b.n, c.timeout_ms = UPLOAD_MS;
  return c;
}

static bool template(struct arena *a, const js *x, struct kf_chart_file *out) {
  const char *name = js_str(x, "name"), *data = js_str(x, "data");
  unsigned char *p = NULL;
  if (!name || (data && !b64_decode(a, data, strlen(data), true, &p, &out->n))) return false;
  out->name = name, out->data = p ? (const char *)p : "";
  return true;
}

bool kf_chart_read(struct arena *a, const js *c, struct kf_chart *out) {
  const js *inner = js_obj(c, "data"), *v;
  if (inner && !js_str(c, "uuid")) c = inner;
  *out = (struct kf_chart){.uuid = js_str(c, "uuid"), .name = js_str(c, "name"), .version = js_str(c, "version"), .chart = nn(js_str(c, "chart")), .values = nn(js_str(c, "values")),
                           .values_template = nn(js_str(c, "values_template")), .values_template_example = nn(js_str(c, "values_template_example"))};
  v = js_arr(c, "templates");
  out->n_templates = js_len(v);
  if (!out->uuid || !*out->uuid || !out->name || !out->version || out->n_templates > MOST_TEMPLATES) return false;
  out->templates = ARENA_ARRAY(a, struct kf_chart_file, out->n_templates + 1);
  for (size_t i = 0; i < out->n_templates; i++)
    if (!template(a, js_item(v, i), &out->templates[i])) return false;
  return true;
}

static int by_name(const void *x, const void *y) { return strcmp(((const struct kf_chart_file *)x)->name, ((const struct kf_chart_file *)y)->name); }
static void add(struct buf *b, struct arena *a, const char *name, const char *p, size_t n) { buf_fmt(b, "%s %s\n", sha256_hex(a, p, n), name); }
const char *kf_chart_content(struct arena *a, const struct kf_chart *c) {
  struct buf b;
  struct kf_chart_file *v = ARENA_ARRAY(a, struct kf_chart_file, c->n_templates + 1);
  buf_init(&b, a, 1 << 20);
  add(&b, a, "Chart.yaml", c->chart, strlen(c->chart)), add(&b, a, "values.yaml", c->values, strlen(c->values));
  add(&b, a, "values-template.yaml", c->values_template, strlen(c->values_template)), add(&b, a, "values-template-example.yaml", c->values_template_example, strlen(c->values_template_example));
  if (c->n_templates) memcpy(v, c->templates, c->n_templates * sizeof *v), qsort(v, c->n_templates, sizeof *v, by_name);
  for (size_t i = 0; i < c->n_templates; i++) add(&b, a, v[i].name, v[i].data, v[i].n);
  BUG_ON(b.failed);
  return sha256_hex(a, b.p, b.n);
}
