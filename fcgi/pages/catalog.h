/* What the chart and certificate pages show. */
#ifndef PAGES_CATALOG_H
#define PAGES_CATALOG_H
#include "model/cert.h"
#include "model/chart.h"
#include "pages/ui.h"
struct cert_page { struct authority *authorities; size_t n_authorities; struct cert *certs; size_t n_certs; struct need need; };
const char *chart_type(const struct page *p, int type);
struct html cert_names(const struct page *p, const struct cert *x);   /* names in the certificate */
const char *cert_service(const struct page *p, int service_type);
const char *expiry_class(usec_t t);    /* chip class: more than 30 days "ok", 30 "warn", 7 or past "err" */
#endif
