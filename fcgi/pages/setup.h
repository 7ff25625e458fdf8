/* The guided start as pages show it: /setup, the dashboard, and the empty lists, which all ask the same view. */
#ifndef PAGES_SETUP_H
#define PAGES_SETUP_H
#include "model/federation.h"
#include "model/setup.h"
#include "pages/ui.h"
struct setup_view {
  struct setup_facts f;
  struct setup_item items[SETUP__COUNT];
  bool complete, busy;                          /* busy: something of an item is being made */
};
/* One statement. */
bool setup_load(struct req *q, struct setup_view *v, struct err *e) __attribute__((warn_unused_result));
/* While something is left a session cookie has every other page lead back to the list; when nothing is, the cookie goes. */
void setup_cookie(struct req *q, struct resp *r, const struct setup_view *v);
/* Looks at this federation in place of the one that is furthest; of its exchange, and as if it had no cluster. */
void setup_focus(struct setup_view *v, const struct federation *fed, const struct participant *opt_exchange);
/* What is first missing for an item, with the way to it; the item itself when nothing is. Nothing when it is done. */
struct need setup_need(struct req *q, const struct setup_view *v, enum setup_key k);
/* The same for the first item that is not done, from k to the clusters. */
struct need setup_need_from(struct req *q, const struct setup_view *v, enum setup_key k);
/* For lists that are empty: nothing is asked when there are rows. */
bool setup_need_of_list(struct req *q, size_t n_rows, enum setup_key from, struct need *out, struct err *e) __attribute__((warn_unused_result));

/* For the template. */
enum msg setup_what(enum setup_key k);
enum msg setup_why(enum setup_key k);
enum msg setup_button(enum setup_key k);
const char *setup_url(struct req *q, const struct setup_view *v, enum setup_key k);          /* where the item is done */
const char *setup_object_url(struct req *q, const struct setup_view *v, enum setup_key k);   /* the record that is in the way */
struct chip setup_chip(const struct setup_view *v, enum setup_key k);                        /* of that record */
struct html setup_waits(const struct page *p, const struct setup_view *v, enum setup_key k); /* which step comes before */
const struct setup_confirmed *setup_said(const struct setup_view *v, enum setup_key k);      /* NULL: this item is not confirmed by people */
const char *setup_word(enum setup_key k);                                                    /* name of the item in forms: "names", "test" */
#endif
