/* The route tables of the JSON API, one per area. */
#ifndef API_TABLES_H
#define API_TABLES_H
#include "web/route.h"
extern const struct route_table API_USER;
#endif
