#include "model/setup.h"
#include <string.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"
#include "model/status.h"

/* What is being made comes before what failed, and that before the rest: a person waits for the first, and acts on the second when nothing runs. Endpoints on an
 * infrastructure that has a Ready one and clusters that are being removed stand in nobody's way. */
#define OP(type, id) "left join operation o on o.subject_type = '" type "' and o.subject = " id " and o.state in ('queued', 'running', 'failed')"
#define ORDER(bad) " order by coalesce(o.state in ('queued', 'running'), false) desc, (o.state is not null or " bad ") desc, "
static const struct stmt Q_READ = {"setup_read",
    "with party as (select p.id, p.uuid, p.federation_uuid, p.infra_uuid, p.name, p.type, p.status, coalesce(o.state, '') as state, coalesce(o.percent, 0) as percent from participant p " OP("participant", "p.uuid") " where p.deleted_at is null), "
    "focus as (select f.uuid, f.name, count(p.uuid) filter (where p.type = 2 and p.status = 1) as active, coalesce(bool_or(p.type = 1 and p.status = 1), false) as exchange from federation f "
    "left join party p on p.federation_uuid = f.uuid where f.deleted_at is null group by f.uuid "
    "order by least(count(p.uuid) filter (where p.type = 2 and p.status = 1), 2) desc, coalesce(bool_or(p.type = 1 and p.status = 1), false) desc, count(p.uuid) desc, f.id limit 1) "
    "select i.n, i.tested, (select count(distinct infra_uuid) from endpoint where status = 2), free.uuid, focus.uuid, focus.name, coalesce(focus.active, 0), coalesce(focus.exchange, false), "
    "(select e.uuid from endpoint e where e.status = 2 order by exists (select from party p where p.federation_uuid = focus.uuid and p.type = 2 and p.infra_uuid = e.infra_uuid), e.id limit 1), "
    "bad.uuid, bad.name, bad.failed, '', 0, ep.uuid, ep.name, ep.status, ep.state, ep.percent, x.uuid, x.name, x.status, x.state, x.percent, c.uuid, c.name, c.status, c.state, c.percent, "
    "(select value from setting where key = 'setup.names.' || focus.uuid), (select value from setting where key = 'setup.test.' || focus.uuid) "
    "from (select count(*) as n, count(*) filter (where test_ok) as tested from infra) i left join focus on true "
    "left join lateral (select uuid, name, (test_ok is not null)::int as failed from infra where test_ok is not true order by id limit 1) bad on true "
    "left join lateral (select t.uuid from infra t where t.test_ok and not exists (select from endpoint e where e.infra_uuid = t.uuid) order by t.id limit 1) free on true "
    "left join lateral (select e.uuid, e.name, e.status, coalesce(o.state, '') as state, coalesce(o.percent, 0) as percent from endpoint e " OP("endpoint", "e.uuid")
    " where not exists (select from endpoint r where r.infra_uuid = e.infra_uuid and r.status = 2)" ORDER("e.status in (1, 4)") "e.id limit 1) ep on true "
    "left join lateral (select * from party p where p.federation_uuid = focus.uuid and p.type = 1 and p.status <> 1 limit 1) x on true "
    "left join lateral (select * from party p where p.federation_uuid = focus.uuid and p.type = 2 and p.status not in (1, 3) order by p.state in ('queued', 'running') desc, p.id limit 1) c on true"};
static const struct stmt Q_CONFIRM = {"setup_confirm",
    "insert into setting (key, value) values ($1 || $2, to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') || ' ' || $3) on conflict (key) do nothing"};
static const struct stmt Q_UNDO = {"setup_undo", "delete from setting where key = $1 || $2"};
const struct stmt *const STMTS_SETUP[] = {&Q_READ, &Q_CONFIRM, &Q_UNDO, NULL};

static const char *key_of(enum setup_key k) { return k == SETUP_NAMES ? "setup.names." : "setup.test."; }

static struct setup_object object(const struct rows *r, int c) {
  if (row_null(r, 0, c)) return (struct setup_object){.op_state = ""};
  return (struct setup_object){row_uuid(r, 0, c), row_text(r, 0, c + 1), row_int(r, 0, c + 2), row_text(r, 0, c + 3), row_int(r, 0, c + 4)};
}

/* "2025-01-05T07:11:32Z Admin"; something else is a confirmation all the same, of somebody at some time. */
static struct setup_confirmed confirmed(struct arena *a, const char *opt_value) {
  struct setup_confirmed v = {NULL, 0};
  const char *name = opt_value ? strchr(opt_value, ' ') : NULL;
  if (!opt_value) return v;
  v.who = name ? name + 1 : opt_value;
  if (name && !time_parse_rfc3339(arena_strndup(a, opt_value, (size_t)(name - opt_value)), &v.at)) v.at = 0;
  return v;
}

bool setup_read(struct db *db, struct arena *a, struct setup_facts *o, struct err *e) {
  struct rows r;
  if (!db_query(db, a, &Q_READ, &r, e)) return false;
  *o = (struct setup_facts){.n_infras = row_int(&r, 0, 0), .n_tested = row_int(&r, 0, 1), .n_ready = row_int(&r, 0, 2), .free_infra = row_uuid(&r, 0, 3), .federation = row_uuid(&r, 0, 4), .federation_name = row_text(&r, 0, 5),
                            .n_clusters = row_int(&r, 0, 6), .exchange_active = row_bool(&r, 0, 7), .spot = row_uuid(&r, 0, 8), .infra = object(&r, 9), .endpoint = object(&r, 14), .exchange = object(&r, 19), .cluster = object(&r, 24),
                            .names = confirmed(a, row_opt(&r, 0, 29)), .test = confirmed(a, row_opt(&r, 0, 30))};
  return true;
}

static bool live(const struct setup_object *o) { return streq(o->op_state, "queued") || streq(o->op_state, "running"); }

/* The record is shown in place of an offer to make another one. */
static void in_the_way(struct setup_item *x, const struct setup_object *o, const char *cls) {
  x->state = live(o) || (streq(cls, "busy") && !streq(o->op_state, "failed")) ? SETUP_BUSY : SETUP_FAILED;
  x->object = o;
}

static void waits(struct setup_item *x, enum setup_key first) { x->state = SETUP_WAITS, x->first = first; }

/* What any participant needs, in the order of the list; false: it is all there. */
static bool participant_waits(struct setup_item *x, const struct setup_facts *f) {
  if (!f->n_ready) return waits(x, f->n_tested || f->endpoint.name ? SETUP_ENDPOINT : SETUP_INFRA), true;
  if (uuid_none(f->federation)) return waits(x, SETUP_FEDERATION), true;
  return false;
}

/* Both parties may be on one cluster: with two of them Active nobody needs another one. */
static void infra_item(struct setup_item *x, const struct setup_facts *f) {
  *x = (struct setup_item){.state = SETUP_TODO, .have = f->n_tested, .want = SETUP_PARTIES};
  if (f->n_tested >= SETUP_PARTIES || f->n_clusters >= SETUP_PARTIES) x->state = SETUP_DONE;
  else if (f->infra.name) in_the_way(x, &f->infra, f->infra.status ? "err" : "idle");
}

static void endpoint_item(struct setup_item *x, const struct setup_facts *f) {
  const struct setup_object *o = &f->endpoint;
  const char *cls = endpoint_chip(o->status).cls;
  *x = (struct setup_item){.state = SETUP_TODO, .have = f->n_ready, .want = SETUP_PARTIES};
  if (f->n_ready >= SETUP_PARTIES || f->n_clusters >= SETUP_PARTIES) x->state = SETUP_DONE;
  else if (o->name && (*o->op_state || !streq(cls, "idle") || uuid_none(f->free_infra))) in_the_way(x, o, cls);
  else if (uuid_none(f->free_infra)) waits(x, SETUP_INFRA), x->second = f->n_tested > 0;
}

static void exchange_item(struct setup_item *x, const struct setup_facts *f) {
  *x = (struct setup_item){.state = SETUP_TODO};
  if (f->exchange_active) x->state = SETUP_DONE;
  else if (f->exchange.name) in_the_way(x, &f->exchange, party_chip(f->exchange.status).cls);
  else (void)participant_waits(x, f);
}

static void clusters_item(struct setup_item *x, const struct setup_facts *f) {
  *x = (struct setup_item){.state = SETUP_TODO, .have = f->n_clusters, .want = SETUP_PARTIES};
  if (f->n_clusters >= SETUP_PARTIES) x->state = SETUP_DONE;
  else if (f->cluster.name) in_the_way(x, &f->cluster, party_chip(f->cluster.status).cls);
  else if (!participant_waits(x, f) && !f->exchange_active) waits(x, SETUP_EXCHANGE);
}

static void confirmed_item(struct setup_item *x, const struct setup_item *clusters, const struct setup_confirmed *c) {
  *x = (struct setup_item){.state = c->who ? SETUP_DONE : SETUP_TODO};
  if (clusters->state != SETUP_DONE) waits(x, SETUP_CLUSTERS);
}

bool setup_items(const struct setup_facts *f, bool default_password, struct setup_item x[SETUP__COUNT]) {
  x[SETUP_PASSWORD] = (struct setup_item){.state = default_password ? SETUP_TODO : SETUP_DONE};
  x[SETUP_CA] = (struct setup_item){.state = SETUP_DONE}; /* built in */
  infra_item(&x[SETUP_INFRA], f);
  endpoint_item(&x[SETUP_ENDPOINT], f);
  x[SETUP_FEDERATION] = (struct setup_item){.state = uuid_none(f->federation) ? SETUP_TODO : SETUP_DONE};
  exchange_item(&x[SETUP_EXCHANGE], f);
  clusters_item(&x[SETUP_CLUSTERS], f);
  confirmed_item(&x[SETUP_NAMES], &x[SETUP_CLUSTERS], &f->names);
  confirmed_item(&x[SETUP_TEST], &x[SETUP_CLUSTERS], &f->test);
  for (int k = 0; k < SETUP__COUNT; k++)
    if (x[k].state != SETUP_DONE && x[k].state != SETUP_WAITS) return x[k].next = true, false;
  return true;
}

bool setup_confirm(struct db *db, struct arena *a, enum setup_key k, struct uuid federation, const char *who, struct err *e) { return db_exec(db, a, &Q_CONFIRM, NULL, e, key_of(k), federation.s, who); }
bool setup_undo(struct db *db, struct arena *a, enum setup_key k, struct uuid federation, struct err *e) { return db_exec(db, a, &Q_UNDO, NULL, e, key_of(k), federation.s); }
