/* Runtime of compiled templates (tools/tmplc). Output is escaped by the type of the expression: only struct html prints raw.
 *
 * Template language (templates/NAME.html becomes build/gen/tmpl/NAME.c and NAME.h):
 *   {% template name(const struct page *p, const struct v_x *v) %}   first line: C signature; several per file allowed, each until the next
 *   {% include "web/view.h" %}                                       before the first template: C headers
 *   {{ expr }}            escaped by type: const char *, integers, bool ("true"/"false"), struct html (as it is)
 *   {{ url: expr }}       only at the start of href/src/action: expr is const char * that must begin with '/' , 'http://' or 'https://', else "#"
 *   {% if expr %} {% elif expr %} {% else %} {% end %}
 *   {% for T x in array, count %} ... {% end %}                      x is `T *`; also `index` (size_t) inside
 *   {% call other(p, args) %}                                        another template function
 *   {% t key.of.text %}                                              label in p->lang (needs a variable p of type const struct page *)
 *   {% t key.of.text, expr, expr %}                                  sentence with slots, escaped, {=n} in <code>
 *   {# comment #}
 * Holes are refused inside <script>, <style>, on*= attributes, unquoted attributes, tag and attribute names. Literal text is collapsed: runs of
 * white space containing a line break become one line break (not inside <pre> and <textarea>). #line directives point errors at the template.
 * A template function is `void tmpl_<name>(struct buf *out, args)`.
 */
#ifndef WEB_TMPL_H
#define WEB_TMPL_H
#include "base/buf.h"
#include "base/str.h"
#include "web/view.h"
void tmpl_put_text(struct buf *b, const char *opt_s);
void tmpl_put_int(struct buf *b, long long v);
void tmpl_put_uint(struct buf *b, unsigned long long v);
void tmpl_put_bool(struct buf *b, bool v);
void tmpl_put_html(struct buf *b, struct html h);
void tmpl_put_url(struct buf *b, const char *opt_s);
void tmpl_put_label(struct buf *b, const struct page *p, enum msg key);
#define tmpl_put(b, x) _Generic((x), char *: tmpl_put_text, const char *: tmpl_put_text, struct html: tmpl_put_html, bool: tmpl_put_bool, \
  unsigned: tmpl_put_uint, unsigned long: tmpl_put_uint, unsigned long long: tmpl_put_uint, default: tmpl_put_int)((b), (x))
/* Renders `body` inside the frame (header, navigation, language menu, banner, breadcrumbs, flash, footer) into r->body. */
typedef void tmpl_body(struct buf *out, const struct page *p, const void *v);
/* For the layout template only. */
void tmpl_page_body(struct buf *out, const struct page *p, tmpl_body *body, const void *v);
const char *page_version(void);
bool page_render(struct page *p, struct resp *r, tmpl_body *body, const void *v, struct err *e) __attribute__((warn_unused_result));
#endif
