/* Joins the route tables of all areas. */
#include "api/tables.h"
#include "pages/tables.h"

const struct route_table *const ROUTE_TABLES[] = {&PAGES_LOGIN, &PAGES_DASHBOARD, &PAGES_INFRA, &PAGES_ENDPOINT, &PAGES_ENDPOINT_NEW, &PAGES_FEDERATION, &PAGES_PARTY, &PAGES_PARTY_NEW, &PAGES_CATALOG, &API_USER, &API_INFRA, &API_ENDPOINT, &API_FEDERATION, &API_PARTICIPANT, &API_CHART, &API_CERTIFICATE, &API_EVENT};
const size_t N_ROUTE_TABLES = sizeof ROUTE_TABLES / sizeof *ROUTE_TABLES;
