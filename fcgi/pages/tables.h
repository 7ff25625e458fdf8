/* The route tables of the pages, one per area. */
#ifndef PAGES_TABLES_H
#define PAGES_TABLES_H
#include "web/route.h"
extern const struct route_table PAGES_LOGIN, PAGES_DASHBOARD, PAGES_OPERATIONS, PAGES_SETUP, PAGES_INFRA, PAGES_ENDPOINT, PAGES_ENDPOINT_NEW, PAGES_FEDERATION, PAGES_PARTY, PAGES_PARTY_NEW, PAGES_CATALOG;
#endif
