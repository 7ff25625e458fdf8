/* The route tables of the pages, one per area. */
#ifndef PAGES_TABLES_H
#define PAGES_TABLES_H
#include "web/route.h"
extern const struct route_table PAGES_LOGIN;
#endif
