/* Contract: chart_ops.h. */
#include "deploy/chart_ops.h"
#include <string.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/tgz.h"
#include "codec/yml.h"
#include "crypt/digest.h"
#include "db/db.h"
#include "deploy/op.h"
#include "kubefate/kubefate.h"
#include "model/chart.h"
#include "model/endpoint.h"
#include "model/status.h"

/* KubeFATE's columns for Chart.yaml and the texts of values hold so much (reference 10 section 10.9). */
enum { MOST_FILES = 500, MOST_BYTES = 16 << 20, TEXT_MAX = 65535 };

/* Helm takes the first folder off every path, and a byte order mark off every text. */
static const char *inner(const char *path) {
  const char *slash = strchr(path, '/');
  return slash && slash > path ? slash + 1 : NULL;
}
static const char *text_of(const struct tgz_file *f) { return f->n >= 3 && !memcmp(f->data, "\xef\xbb\xbf", 3) ? f->data + 3 : f->data; }

static bool fits(const char *name, const char *text, struct err *e) {
  return strlen(text) <= TEXT_MAX ? true : err_set(e, FAIL_INVALID, MSG_ARCHIVE_TEXT_LONG, name, NUM(TEXT_MAX));
}

static bool gather(struct arena *a, const struct tgz *t, struct kf_chart *c, struct err *e) {
  *c = (struct kf_chart){.values = "", .values_template = "", .values_template_example = "", .templates = ARENA_ARRAY(a, struct kf_chart_file, t->n + 1)};
  for (size_t i = 0; i < t->n; i++) {
    const char *path = inner(t->f[i].path), *text = text_of(&t->f[i]);
    const char **to = !path ? NULL : streq(path, "Chart.yaml") ? &c->chart : streq(path, "values.yaml") ? &c->values : streq(path, "values-template.yaml") ? &c->values_template : streq(path, "values-template-example.yaml") ? &c->values_template_example : NULL;
    size_t n = t->f[i].n - (size_t)(text - t->f[i].data);
    if (to && strlen(text) != n) return err_set(e, FAIL_INVALID, MSG_ARCHIVE_NO_TEXT, path);
    if (to) *to = text;
    else if (path && str_starts(path, "templates/")) c->templates[c->n_templates++] = (struct kf_chart_file){path, text, n};
  }
  if (!c->chart) return err_set(e, FAIL_INVALID, MSG_ARCHIVE_NO_CHART);
  if (!*c->values_template) return err_set(e, FAIL_INVALID, MSG_ARCHIVE_NO_TEMPLATE);
  if (!c->n_templates) return err_set(e, FAIL_INVALID, MSG_ARCHIVE_EMPTY);
  return fits("Chart.yaml", c->chart, e) && fits("values.yaml", c->values, e) && fits("values-template.yaml", c->values_template, e) && fits("values-template-example.yaml", c->values_template_example, e);
}

bool chart_ops_store(struct db *db, struct arena *a, struct uuid id, const void *p, size_t n, const char *actor, struct err *e) {
  struct chart wanted;
  struct kf_chart got;
  struct tgz t;
  const struct yml *y;
  if (!n) return err_set(e, FAIL_INVALID, MSG_ARCHIVE_NONE);
  if (n > CHART_ARCHIVE_MAX) return err_set(e, FAIL_TOO_LARGE, MSG_ARCHIVE_LARGE, NUM(CHART_ARCHIVE_MAX >> 20));
  if (!chart_get(db, a, id, &wanted, e)) return false;
  if (wanted.must_upload || wanted.historical) return err_set(e, FAIL_CONFLICT, MSG_ARCHIVE_UNUSED, wanted.chart_name, wanted.version);
  if (!tgz_read(a, p, n, MOST_FILES, MOST_BYTES, &t, e) || !gather(a, &t, &got, e)) return false;
  if (!yml_parse(a, got.chart, strlen(got.chart), TEXT_MAX, &y, e)) return false;
  got.name = nn(yml_str(y, "name")), got.version = nn(yml_str(y, "version"));
  if (!streq(got.name, wanted.chart_name) || !streq(got.version, wanted.version))
    return err_set(e, FAIL_INVALID, MSG_ARCHIVE_OTHER, str_excerpt(a, got.name, strlen(got.name), 80), str_excerpt(a, got.version, strlen(got.version), 80), wanted.chart_name, wanted.version);
  struct chart_archive x = {arena_fmt(a, "%s-%s.tgz", wanted.chart_name, wanted.version), sha256_hex(a, p, n), kf_chart_content(a, &got), actor, (int)n, 0};
  return chart_archive_put(db, a, id, &x, p, n, e);
}

bool chart_ops_drop(struct db *db, struct arena *a, struct uuid id, struct err *e) {
  struct chart c;
  bool was_there = false;
  if (!chart_get(db, a, id, &c, e) || !chart_archive_drop(db, a, id, &was_there, e)) return false;
  return was_there ? true : err_set(e, FAIL_NOT_FOUND, MSG_ARCHIVE_ABSENT, c.chart_name, c.version);
}

bool chart_ops_insert(struct db *db, struct arena *a, const struct endpoint *x, struct uuid chart, const char *chart_title, const char *actor, struct err *e) {
  struct op_new o = {.workflow = "chart_upload", .subject_type = "endpoint_chart", .subject = x->uuid, .subject_name = arena_fmt(a, "%s (%s)", x->name, chart_title), .actor = actor, .supersede_failed = true, .input_json = arena_fmt(a, "{\"chart\":\"%s\"}", chart.s)};
  return op_insert(db, a, &o, NULL, e);
}
bool chart_ops_give(struct db *db, struct arena *a, struct uuid endpoint, struct uuid id, const char *actor, struct err *e) {
  struct endpoint x;
  struct chart c;
  TX(tx);
  if (!tx_begin(db, &tx, e) || !endpoint_get(db, a, endpoint, &x, e) || !chart_get(db, a, id, &c, e)) return false;
  if (!c.archive.size) return err_set(e, FAIL_NOT_FOUND, MSG_ARCHIVE_ABSENT, c.chart_name, c.version);
  if (x.status != EP_READY) return err_set(e, FAIL_CONFLICT, MSG_ARCHIVE_NOT_READY, x.name);
  return chart_ops_insert(db, a, &x, id, arena_fmt(a, "%s %s", c.chart_name, c.version), actor, e) && tx_commit(&tx, e);
}
