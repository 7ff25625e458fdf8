/* The guided start: from an empty database to a federation that works, as nine items whose state is read from the records. What nobody can see from here
 * (names reachable, toy test) a person confirms for one federation; who and when is kept in table setting. One statement, one pure function; pages show what they say. */
#ifndef MODEL_SETUP_H
#define MODEL_SETUP_H
#include <stdbool.h>
#include <stddef.h>
#include "base/clock.h"
#include "base/uuid.h"
struct db; struct arena; struct err;

enum setup_key { SETUP_PASSWORD, SETUP_CA, SETUP_INFRA, SETUP_ENDPOINT, SETUP_FEDERATION, SETUP_EXCHANGE, SETUP_CLUSTERS, SETUP_NAMES, SETUP_TEST, SETUP__COUNT };
enum setup_state {
  SETUP_DONE,
  SETUP_TODO,      /* can be done now */
  SETUP_BUSY,      /* something of it is being made: item.object */
  SETUP_FAILED,    /* something of it failed or stands in the way: item.object */
  SETUP_WAITS,     /* item.first has to be done before it */
};
enum { SETUP_PARTIES = 2 };   /* infrastructures, endpoints and clusters of a real federation */

/* A record that keeps its item from being done. status: enum endpoint_status or party_status; of an infrastructure 1 when its test failed, 0 when it has none. */
struct setup_object { struct uuid uuid; const char *name; int status; const char *op_state /* "" none */; int percent; };
struct setup_confirmed { const char *who; usec_t at; };   /* who NULL: not confirmed */
struct setup_facts {
  int n_infras, n_tested;                      /* all; those whose last test passed */
  int n_ready;                                 /* infrastructures with an endpoint that is Ready */
  struct uuid free_infra;                      /* tested and without an endpoint; none "" */
  struct uuid federation; const char *federation_name; /* the one that is furthest; none "" */
  struct uuid spot;                            /* Ready endpoint, if possible where that federation has no cluster yet */
  int n_clusters;                              /* Active ones of that federation */
  bool exchange_active;
  struct setup_object infra, endpoint, exchange, cluster; /* not as they should be; name NULL: there is none */
  struct setup_confirmed names, test;
};
struct setup_item {
  enum setup_state state;
  bool next;                                   /* the one to do now: exactly one unless all are done */
  int have, want;                              /* want 0: not counted */
  enum setup_key first; bool second;           /* SETUP_WAITS; second: one is there, another is needed */
  const struct setup_object *object;           /* of the facts, NULL none */
};
/* One statement whatever there is. */
bool setup_read(struct db *db, struct arena *a, struct setup_facts *out, struct err *e) __attribute__((warn_unused_result));
/* Pure. Returns whether all is done. */
bool setup_items(const struct setup_facts *f, bool default_password, struct setup_item out[SETUP__COUNT]);
/* SETUP_NAMES or SETUP_TEST; a second confirmation leaves the first as it is. The caller has seen to it that the item does not wait. */
bool setup_confirm(struct db *db, struct arena *a, enum setup_key k, struct uuid federation, const char *who, struct err *e) __attribute__((warn_unused_result));
bool setup_undo(struct db *db, struct arena *a, enum setup_key k, struct uuid federation, struct err *e) __attribute__((warn_unused_result));
#endif
