/* What the pages share: form values over a failed attempt, labels, links to records, live fragments.
 *
 * A form handler shows its form again with the values that were sent when the domain layer refuses them (ui_again); faults of our own become the error page.
 * Secrets are the exception: a password or kubeconfig that was sent is never put into an answer. */
#ifndef PAGES_UI_H
#define PAGES_UI_H
#include "model/event.h"
#include "model/operation.h"
#include "model/participant.h"
#include "model/status.h"
#include "web/tmpl.h"
#include "web/view.h"

const char *ui_fmt(const struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Value of a field: as posted, else as in the query, else otherwise. */
const char *ui_value(const struct page *p, const char *field, const char *otherwise);
bool ui_checked(const struct page *p, const char *field, bool otherwise);
bool ui_picked(const struct page *p, const char *field, const char *value, bool otherwise);
/* Text of a textarea: browsers send CR LF, everything behind this expects LF. */
const char *ui_text(struct req *q, const char *field);
/* Hidden inputs with the posted values of these fields, NULL-terminated. */
struct html ui_hidden(const struct page *p, const char *const *fields);
/* Puts the refusal of a form onto the page: status, summary, and the field that it is about. NULL: nothing. */
void ui_refuse(struct page *p, struct resp *r, const struct err *opt_why);
const char *ui_invalid(const struct page *p, const char *field);    /* "true" / "false" for aria-invalid */
struct html ui_field_error(const struct page *p, const char *field); /* <p id="FIELD-error">, nothing when the refusal is not about it */
/* True: a refusal that the person can act on, shown above the form. False: *e became the refusal. */
bool ui_again(const struct err *why, struct err *e);

/* Rows of the component table: KubeFATE names components, Kubernetes names their pods. A pod's reason is said at its component; pods of no known component keep a row. */
struct part_rows { struct op_part *v; size_t n; };
struct part_rows ui_parts(const struct page *p, const struct operation *o);
const char *ui_kind(const struct page *p, const char *op_kind);    /* "deploy exchange" */
const char *ui_step(const struct page *p, const char *step);
bool ui_live(const struct operation *o);                            /* queued or running */
bool ui_open(const struct operation *o);                            /* live, or failed and waiting for a person */
const char *ui_cause(const struct page *p, const char *cause);      /* label of a cause class */
bool ui_trouble(const struct operation *o);                         /* its cause is trouble, not the ordinary waiting for somebody's work */
const char *ui_party_url(const struct page *p, const struct participant *x);
const char *ui_subject_url(const struct page *p, const struct operation *o);
/* type: infra, endpoint, federation, participant, exchange, cluster. The word is "" for other types. */
const char *ui_object_url(const struct page *p, const char *type, struct uuid id);
const char *ui_object_word(const struct page *p, const char *type);
const char *ui_force_url(const struct page *p, const struct operation *o);  /* where its object can be removed by force instead, "" when there is nothing to remove */
const char *ui_removed_url(struct req *q, const struct operation *removal, const char *otherwise);   /* where the page of a removed object leads: to the removal when it left something behind */
const char *ui_entity_url(const struct page *p, int entity_type, struct uuid entity);
const char *ui_span(const struct page *p, usec_t us);               /* "40 s", "12 min", "3 h 5 min", "2 d 4 h" */
struct text ui_span_text(struct arena *a, usec_t us);
struct html ui_json_text(const struct page *p, const char *s);      /* foreign text in <code>, "" prints nothing */
usec_t ui_now(void);
bool ui_may(const struct page *p);                                  /* the person may change things */

/* What an empty list leads to: the sentence about the prerequisite that is missing (key MSG_NONE: none is), the one button to its form or record ("" none). */
struct need { struct text why; const char *url, *button; bool plain /* the page has this button once more, as its main one */, steps /* the list of steps is linked */; };

/* Body without the frame, with an ETag made from it; 304 when the reader has it. */
bool ui_fragment(struct req *q, struct resp *r, tmpl_body *body, const void *v, struct err *e);

/* Addresses of a participant, from access_info and ingress_info. */
struct access_row { const char *service, *host, *type, *fqdn, *port, *url; bool tls; };
struct ingress_row { const char *name, **hosts, **addresses, *url; size_t n_hosts, n_addresses; bool tls; };
struct host_line { const char *line; };
struct access {
  bool read;                                    /* ui_access or ui_services has filled it */
  struct access_row *services; size_t n_services;
  struct ingress_row *ingresses; size_t n_ingresses;
  struct host_line *lines; size_t n_lines;      /* for the hosts file: "10.0.0.7 a.example.com b.example.com  # fedlcm lab/party" */
};
void ui_access(const struct page *p, const struct participant *x, struct access *out);
/* Names, hosts and ports of the services alone, for lists. */
void ui_services(const struct page *p, const struct participant *x, struct access *out);
#endif
