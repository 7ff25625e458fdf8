-- Operations in full: what a forced end may have left behind, operations made by another one, a federation that is being removed as a whole, the circuit
-- breaker of a cluster, and settings for tables whose rows are rewritten all day. Everything is added, so that programs of the version before go on working.

alter table operation
  add column parent bigint references operation on delete set null,   -- the removal of a federation that asked for it
  add column leftovers jsonb not null default '[]';                   -- commands that show what may be left in the cluster: ["kubectl ...", ...]
create index operation_open on operation (id desc) where state in ('queued', 'running', 'failed');
create index operation_parent on operation (parent) where parent is not null;
create index operation_federation on operation (federation_uuid, id desc);
create index event_operation on event (operation_id, id) where operation_id is not null;

alter table federation add column removing boolean not null default false;  -- no new participant while it is true

-- After some failures in a row nobody calls the cluster until circuit_until, except one call at a time that finds out whether it answers again.
alter table infra
  add column circuit_failures int not null default 0,
  add column circuit_since timestamptz,       -- open since; null = closed
  add column circuit_until timestamptz,
  add column circuit_class text not null default '', add column circuit_args jsonb not null default '[]';

-- Work that is leased for long (deployments that are watched) is not in the way of what is due: that alone is read, in order.
create index work_when on work ((greatest(run_at, lease_until))) where not ended;
drop index work_due;

-- A claim reads the head of work_when and updates the row several times: dead versions must go within a minute, not at a fifth of the table.
alter table work set (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
alter table operation set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
alter table operation_step set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
alter table operation_component set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
alter table health_check set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);
alter table infra set (fillfactor = 70);
alter table session set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
