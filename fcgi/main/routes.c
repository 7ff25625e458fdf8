/* Joins the route tables of all areas. */
#include "api/tables.h"
#include "pages/tables.h"

const struct route_table *const ROUTE_TABLES[] = {&PAGES_LOGIN, &API_USER, &API_INFRA, &API_ENDPOINT, &API_FEDERATION, &API_PARTICIPANT, &API_CHART, &API_CERTIFICATE, &API_EVENT};
const size_t N_ROUTE_TABLES = sizeof ROUTE_TABLES / sizeof *ROUTE_TABLES;
