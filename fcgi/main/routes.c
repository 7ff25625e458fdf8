/* Joins the route tables of all areas. */
#include "api/tables.h"
#include "pages/tables.h"

const struct route_table *const ROUTE_TABLES[] = {&PAGES_LOGIN, &API_USER};
const size_t N_ROUTE_TABLES = sizeof ROUTE_TABLES / sizeof *ROUTE_TABLES;
