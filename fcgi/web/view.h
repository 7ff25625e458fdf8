/* What every page needs: the frame, links, labels, formatting. Templates call these; they never concatenate a URL by hand. */
#ifndef WEB_VIEW_H
#define WEB_VIEW_H
#include "base/clock.h"
#include "base/text.h"
#include "web/req.h"
#include "web/resp.h"

/* Already-safe HTML; only the template runtime (web/tmpl.c) and these builders make one. */
struct html { const char *p; size_t n; };

enum section { SEC_NONE, SEC_DASHBOARD, SEC_FEDERATION, SEC_INFRA, SEC_ENDPOINT, SEC_CHART, SEC_CERTIFICATE, SEC_OPERATIONS };
struct crumb { const char *label, *url; };
struct page {
  struct req *q;
  enum lang lang;
  const char *title;               /* "Object – Section"; the product name is added */
  enum section section;
  struct crumb crumbs[5]; int n_crumbs;
  bool refresh;                    /* something runs: noscript meta refresh of 10 s and live polling */
  const char *poll_url;            /* /ui/... fragment polled by the script, "" none */
  const struct err *form_error;    /* shown in the error summary on top */
  const char *form_field;          /* id of the field it is about: the summary links to it, the field repeats it; NULL none */
  bool guide;                      /* the guided start is open elsewhere: a line on top leads back to it */
  struct text flash; const char *flash_level; /* taken from the cookie by page_begin */
};
void page_init(struct page *p, struct req *q, enum section s, const char *title);
void page_crumb(struct page *p, const char *label, const char *url);

/* Template helpers; all return arena memory of the request. T(key) in templates is the label in the page's language. */
const char *tr(const struct page *p, enum msg key);
struct html trf(const struct page *p, struct text t);            /* sentence with slots, escaped, {=n} in <code> */
struct html v_time(const struct page *p, usec_t t);              /* <time datetime=...>local text</time>, "—" for 0 */
struct html v_age(const struct page *p, usec_t t, usec_t now);   /* "3 min ago" with absolute time in title */
struct html v_csrf(const struct page *p);                        /* hidden field with the masked token */
struct html v_error(const struct page *p, const struct err *opt_e);
/* Sentence stored in the database as key and JSON array of arguments. */
struct html v_stored(const struct page *p, const char *key, const char *args_json);
const char *v_num(const struct page *p, long long n);
/* Address that shows this page again with GET, with one more query pair or NULL: for the language menu and reloading by hand. "/" after a POST that no GET answers. */
const char *v_here(const struct page *p, const char *opt_pair);
#endif
