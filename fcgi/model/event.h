/* User-visible history: sentences with class and arguments, per entity. Kept 180 days (setting). */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H
#include <stdbool.h>
#include <stddef.h>
#include "base/clock.h"
#include "base/text.h"
#include "base/uuid.h"
struct db; struct arena; struct err;
struct event { long id; struct uuid uuid, entity_uuid; int entity_type; long operation_id; const char *op_uuid, *op_kind; const char *level, *cls, *args, *actor, *entity_name; usec_t created_at; };
bool event_add(struct db *db, struct arena *a, struct uuid entity, int entity_type, long opt_operation, bool error, const char *actor, struct text t, struct err *e) __attribute__((warn_unused_result));
/* Newest first, limit 0 = all (API), before 0 = from the newest. */
bool event_list(struct db *db, struct arena *a, struct uuid entity, int limit, long before, struct event **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
/* Of a federation: of all its participants, removed ones too. Newest first. */
bool event_federation(struct db *db, struct arena *a, struct uuid federation, int limit, struct event **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
bool event_recent(struct db *db, struct arena *a, int limit, struct event **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
/* The latest of an operation, oldest of them first. */
bool event_operation(struct db *db, struct arena *a, long operation, int limit, struct event **out, size_t *n, struct err *e) __attribute__((warn_unused_result));
/* JSON array of the slot values of a sentence, for *_args columns. */
const char *text_args_json(struct arena *a, struct text t);
/* A stored sentence in English (API descriptions, log). */
const char *text_stored_en(struct arena *a, const char *key, const char *args_json);
/* Reads a stored sentence back; unknown keys give MSG_NONE. */
struct text text_stored(struct arena *a, const char *key, const char *args_json);
#endif
