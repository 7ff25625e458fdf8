/* The route tables of the JSON API, one per area. */
#ifndef API_TABLES_H
#define API_TABLES_H
#include "web/route.h"
extern const struct route_table API_USER, API_INFRA, API_ENDPOINT, API_FEDERATION, API_PARTICIPANT, API_CHART, API_CERTIFICATE, API_EVENT, API_OPERATION, API_WORKLOAD;
#endif
