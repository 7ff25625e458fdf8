#include "web/view.h"
#include <time.h>
#include "base/num.h"
#include "base/str.h"
#include "model/event.h"
#include "web/csrf.h"
#include "web/route.h"

static void take_flash(struct page *p) {
  const char *v = req_cookie(p->q, "flash");
  if (!v || !*v) return;
  size_t n;
  char **part = str_split(p->q->a, v, ".", &n);
  if (n < 3) return;
  struct form f; /* the parts are URL-encoded: decode them as query values */
  const char *last = strrchr(v, '.');
  form_query(p->q->a, arena_fmt(p->q->a, "k=%.*s&a=%s", (int)(last - v - (long)strlen(part[0]) - 1), v + strlen(part[0]) + 1, last + 1), &f);
  p->flash = text_stored(p->q->a, nn(form_get(&f, "k")), nn(form_get(&f, "a")));
  p->flash_level = streq(part[0], "ok") ? "ok" : streq(part[0], "warn") ? "warn" : "err";
  if (p->flash.key == MSG_NONE) p->flash_level = NULL;
}

/* Known from a cookie, so that no page pays for it; the list itself and the login go without. */
static bool guided(const struct req *q) { return q->who.id && streq(req_cookie(q, "guide"), "1") && !streq(q->path, "/") && !streq(q->path, "/setup") && !streq(q->path, "/login"); }

void page_init(struct page *p, struct req *q, enum section s, const char *title) {
  *p = (struct page){.q = q, .lang = q->lang, .title = title, .section = s, .poll_url = "", .guide = guided(q)};
  take_flash(p);
}

void page_crumb(struct page *p, const char *label, const char *url) {
  if (p->n_crumbs < 5) p->crumbs[p->n_crumbs++] = (struct crumb){label, url};
}

const char *tr(const struct page *p, enum msg key) { return text_raw(p->lang, key); }

static struct html done(struct buf *b) { return (struct html){b->p, b->n}; }

struct html trf(const struct page *p, struct text t) {
  struct buf b;
  buf_init(&b, p->q->a, 65536);
  text_html(&b, p->lang, t);
  return done(&b);
}

static const char *zone_label(const struct page *p, int *minutes) {
  *minutes = 0;
  if (!num_int(p->q->tz_offset, -900, 900, minutes)) return "UTC";
  return arena_fmt(p->q->a, "UTC%+03d:%02d", *minutes / 60, abs(*minutes) % 60);
}

static const char *local(const struct page *p, usec_t t) {
  static const char *const MONTH[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  int min;
  const char *zone = zone_label(p, &min);
  time_t s = (time_t)(t / 1000000) + min * 60;
  struct tm tm;
  gmtime_r(&s, &tm);
  if (p->lang == LANG_ZH)
    return arena_fmt(p->q->a, "%04d年%02d月%02d日 %02d时%02d分%02d秒 %s", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, zone);
  return arena_fmt(p->q->a, "%s %d, %04d, %d:%02d:%02d %s %s", MONTH[tm.tm_mon], tm.tm_mday, tm.tm_year + 1900, tm.tm_hour % 12 ? tm.tm_hour % 12 : 12, tm.tm_min, tm.tm_sec, tm.tm_hour < 12 ? "AM" : "PM", zone);
}

static struct html time_tag(const struct page *p, usec_t t, const char *shown) {
  struct buf b;
  buf_init(&b, p->q->a, 1024);
  buf_fmt(&b, "<time datetime=\"%s\" title=\"", time_rfc3339(p->q->a, t));
  buf_html(&b, local(p, t));
  buf_str(&b, "\">");
  buf_html(&b, shown);
  buf_str(&b, "</time>");
  return done(&b);
}

struct html v_time(const struct page *p, usec_t t) { return t ? time_tag(p, t, local(p, t)) : (struct html){"—", strlen("—")}; }

struct html v_age(const struct page *p, usec_t t, usec_t now) {
  if (!t) return (struct html){"—", strlen("—")};
  struct buf b;
  long s = (long)((now - t) / 1000000);
  buf_init(&b, p->q->a, 256);
  struct text x = s < 60 ? TEXT(MSG_AGE_NOW) : s < 3600 ? TEXT(MSG_AGE_MINUTES, NUM(s / 60)) : s < 86400 * 2 ? TEXT(MSG_AGE_HOURS, NUM(s / 3600)) : TEXT(MSG_AGE_DAYS, NUM(s / 86400));
  text_plain(&b, p->lang, x);
  return time_tag(p, t, b.p);
}

struct html v_csrf(const struct page *p) {
  struct buf b;
  buf_init(&b, p->q->a, 512);
  buf_fmt(&b, "<input type=\"hidden\" name=\"_csrf\" value=\"%s\">", csrf_value(p->q));
  return done(&b);
}

struct html v_error(const struct page *p, const struct err *e) {
  struct buf b;
  buf_init(&b, p->q->a, 8192);
  if (e && e->kind) text_html(&b, p->lang, err_text(e));
  return done(&b);
}

struct html v_stored(const struct page *p, const char *key, const char *args) {
  struct text t = text_stored(p->q->a, key, args);
  if (t.key != MSG_NONE) return trf(p, t);
  struct buf b;
  buf_init(&b, p->q->a, 1024);
  if (*nn(key)) buf_str(&b, "<code>"), buf_html(&b, key), buf_str(&b, "</code>");
  return done(&b);
}

const char *v_num(const struct page *p, long long n) { return arena_fmt(p->q->a, "%lld", n); }

const char *v_here(const struct page *p, const char *opt_pair) {
  struct req seek = *p->q;
  bool other;
  seek.method = METHOD_GET;
  if (p->q->method != METHOD_GET && !route_find(&seek, &other)) return "/";
  const char *query = p->q->query_raw;
  bool keep = *query && !strstr(query, "lang=") && !strstr(query, "refresh=");
  const char *pair = nn(opt_pair);
  return arena_fmt(p->q->a, "%s%s%s%s%s", p->q->path, keep || *pair ? "?" : "", keep ? query : "", keep && *pair ? "&" : "", pair);
}
