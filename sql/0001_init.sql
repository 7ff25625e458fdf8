-- FedLCM schema. Times are timestamptz, the database clock is the only clock. Sentences are stored as a text key (templates/text) and a
-- JSON array of slot values, so that history is read in the reader's language.

create table app_user (
  id bigserial primary key,
  uuid uuid not null unique default gen_random_uuid(),
  name text not null unique check (length(name) between 1 and 64),
  password text not null,
  role smallint not null default 3 check (role between 1 and 3),
  default_password boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now());

create table session (
  id bigserial primary key,
  token_sha256 text not null unique,
  user_id bigint not null references app_user on delete cascade,
  api boolean not null,
  csrf text not null,
  ip text not null, agent text not null,
  created_at timestamptz not null default now(),
  last_seen timestamptz not null default now(),
  expires_at timestamptz not null);
create index session_by_user on session (user_id);
create index session_expiry on session (expires_at);

create table login_failure (
  key text primary key,           -- 'u:<name>' or 'a:<address>'
  failures int not null,
  last_at timestamptz not null,
  blocked_until timestamptz);

create table setting (key text primary key, value text not null);

-- Sealed to the poller's public key; web workers can insert, nobody but the poller can open.
create table secret (
  id uuid primary key,
  kind text not null,
  sealed text not null,
  created_at timestamptz not null default now());

create table infra (
  uuid uuid primary key,
  id bigserial unique,
  name text not null,
  description text not null default '',
  type text not null default 'Kubernetes',
  kubeconfig_secret uuid references secret,
  config_sha256 text not null,              -- of the canonical form
  kubeconfig_shown text not null,           -- canonical form with masks instead of secrets
  api_host text not null,
  ca_sha256 text not null default '',
  auth_kind text not null,                  -- 'certificate' | 'token'
  auth_subject text not null default '',
  cert_not_after timestamptz,
  insecure_tls boolean not null default false,
  namespaces text[] not null default '{}',
  use_registry boolean not null default false,
  registry text not null default '',
  use_registry_secret boolean not null default false,
  registry_server text not null default '',
  registry_username text not null default '',
  registry_secret uuid references secret,
  facts jsonb not null default '{}',        -- last probe: version, storage_classes, ingress_classes, nodes, loadbalancer, rights
  tested_at timestamptz, test_ok boolean,
  test_class text not null default '', test_args jsonb not null default '[]',
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now());
create unique index infra_name on infra (name);
create unique index infra_config on infra (config_sha256, namespaces);

create table endpoint (
  uuid uuid primary key,
  id bigserial unique,
  infra_uuid uuid not null references infra,
  namespace text not null default '',       -- '' = cluster-admin mode, KubeFATE lives in kube-fate
  name text not null,
  description text not null default '',
  version text not null default '',
  type text not null default 'KubeFATE',
  status smallint not null default 0 check (status between 0 and 5),
  manifest text not null default '',        -- with ${secret:name} placeholders; '' when adopted
  adopted boolean not null default false,
  host text not null default '',
  address text not null default '',
  way text not null default '',             -- 'proxy'
  way_class text not null default '', way_args jsonb not null default '[]',
  credential_secret uuid references secret, -- "user\npassword" of KubeFATE's account
  error_class text not null default '', error_args jsonb not null default '[]',
  checked_at timestamptz,
  row_version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now());
create unique index endpoint_name on endpoint (name);
create unique index endpoint_place on endpoint (infra_uuid, namespace);

-- ${secret:name} of a manifest or deployment YAML.
create table named_secret (
  owner uuid not null, name text not null, secret uuid not null references secret,
  primary key (owner, name));

-- What was applied, for uninstalling by inventory.
create table endpoint_object (
  endpoint_uuid uuid not null references endpoint on delete cascade,
  ord int not null, api_version text not null, kind text not null, namespace text not null default '', name text not null,
  uid text not null, created boolean not null, gone boolean not null default false,
  primary key (endpoint_uuid, ord));

create table authority (
  uuid uuid primary key,
  federation_uuid uuid not null,
  type smallint not null default 2,          -- 2 embedded
  name text not null,
  cert_pem text not null,
  key_secret uuid references secret,
  not_after timestamptz not null,
  current boolean not null default true,
  created_at timestamptz not null default now());
create unique index authority_current on authority (federation_uuid) where current;

create table federation (
  uuid uuid primary key,
  id bigserial unique,
  name text not null, description text not null default '',
  type text not null default 'FATE', domain text not null,
  row_version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz);
create unique index federation_name on federation (type, name) where deleted_at is null;

create table chart (
  uuid uuid primary key, id int not null unique,
  name text not null, description text not null default '',
  type smallint not null, chart_name text not null, version text not null, app_version text not null,
  must_upload boolean not null default false, portal boolean not null default false, historical boolean not null default false,
  about text not null default '', values_text text not null default '', values_template text not null default '',
  created_at timestamptz not null default now());
create unique index chart_version on chart (chart_name, version);

create table participant (
  uuid uuid primary key,
  id bigserial unique,
  federation_uuid uuid not null references federation,
  endpoint_uuid uuid references endpoint,
  infra_uuid uuid references infra,
  chart_uuid uuid references chart,
  name text not null, description text not null default '',
  type smallint not null check (type in (1, 2)),
  party_id bigint not null,
  status smallint not null check (status between 0 and 6),
  is_managed boolean not null,
  namespace text not null default '',
  deployment_name text not null default '',
  generated_yaml text not null default '',
  deployment_yaml text not null default '',
  chart_version text not null default '',
  cluster_uuid text not null default '',
  job_uuid text not null default '',
  is_new_namespace boolean not null default false,
  namespace_uid text not null default '',
  use_registry_secret boolean not null default false,
  registry_server text not null default '', registry_username text not null default '', registry_secret uuid references secret,
  service_type smallint not null default 2,
  cert_modes jsonb not null default '{}',    -- {"proxy_server_cert_info":{"binding_mode":3,"uuid":"","common_name":""},...}
  access_info jsonb not null default '{}',
  ingress_info jsonb,
  -- exchange only: the table last seen in the cluster's ConfigMaps: {"9999":{"http":"10.0.0.1:30093","sni":"10.0.0.1:30651"}}
  routes_seen jsonb not null default '{}', routes_seen_at timestamptz,
  workloads jsonb not null default '[]',      -- names that were there when it became Active: ["Deployment/nginx", ...]
  error_class text not null default '', error_args jsonb not null default '[]',
  checked_at timestamptz,
  was_active boolean not null default false,
  row_version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz);
create unique index participant_exchange on participant (federation_uuid) where type = 1 and deleted_at is null;
create unique index participant_party on participant (federation_uuid, party_id) where type = 2 and deleted_at is null;
create unique index participant_name on participant (federation_uuid, name) where deleted_at is null;
create unique index participant_place on participant (infra_uuid, namespace) where is_managed and deleted_at is null;
create index participant_endpoint on participant (endpoint_uuid) where deleted_at is null;

create table certificate (
  uuid uuid primary key, id bigserial unique,
  authority_uuid uuid not null references authority,
  name text not null, subject_cn text not null, sans text[] not null,
  serial_dec text not null, fingerprint_sha256 text not null, key_alg text not null,
  pem text not null, chain_pem text not null default '',
  not_before timestamptz not null, not_after timestamptz not null,
  status text not null default 'active' check (status in ('active', 'revoked', 'superseded')),
  created_at timestamptz not null default now(),
  deleted_at timestamptz);
create unique index certificate_serial on certificate (authority_uuid, serial_dec);

create table certificate_binding (
  certificate_uuid uuid not null references certificate,
  participant_uuid uuid not null references participant,
  service_type smallint not null,
  federation_uuid uuid not null,
  primary key (participant_uuid, service_type));
create index certificate_binding_cert on certificate_binding (certificate_uuid);

-- Durable operations ------------------------------------------------------------------------------------------------------------

create table operation (
  id bigserial primary key,
  uuid uuid not null unique default gen_random_uuid(),
  kind text not null,                        -- workflow name
  subject_type text not null,                -- 'endpoint' | 'participant' | 'exchange_routes'
  subject uuid not null,
  subject_name text not null,
  federation_uuid uuid,
  actor text not null,
  state text not null default 'queued' check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'superseded')),
  input jsonb not null default '{}',
  percent smallint not null default 0,
  cancel_requested boolean not null default false,
  retry_requested boolean not null default false,
  retries int not null default 0,
  cause text not null default '',            -- cause class while it waits
  evidence_class text not null default '', evidence_args jsonb not null default '[]', evidence_at timestamptz,
  error_class text not null default '', error_args jsonb not null default '[]',
  next_action text not null default '',      -- text key: what a person can do now
  created_at timestamptz not null default now(),
  started_at timestamptz, ended_at timestamptz,
  deadline timestamptz not null,
  version bigint not null default 1);
create unique index operation_live on operation (subject_type, subject) where state in ('queued', 'running', 'failed');
create index operation_recent on operation (id desc);
create index operation_subject on operation (subject, id desc);

create table operation_step (
  operation_id bigint not null references operation on delete cascade,
  ord smallint not null, key text not null, weight smallint not null,
  state text not null default 'pending' check (state in ('pending', 'running', 'done', 'skipped', 'failed')),
  fraction real not null default 0,
  started_at timestamptz, ended_at timestamptz, deadline timestamptz,
  attempts int not null default 0,
  detail_class text not null default '', detail_args jsonb not null default '[]',
  primary key (operation_id, ord));

create table operation_component (
  operation_id bigint not null references operation on delete cascade,
  name text not null, status text not null, ready boolean not null,
  reason text not null default '', message text not null default '',
  since timestamptz not null default now(),
  primary key (operation_id, name));

-- Parents are protected while an operation lives: taken at insert, gone at its end.
create table hold (
  operation_id bigint not null references operation on delete cascade,
  object uuid not null, exclusive boolean not null,
  primary key (operation_id, object));
create index hold_object on hold (object);

-- The narrow lease table of everything that the poller does: operations, probes, checks.
create table work (
  id bigserial primary key,
  class text not null check (class in ('operation', 'probe', 'check')),
  ref bigint not null,
  workflow text not null,
  step smallint not null default 0,
  memo jsonb not null default '{}',
  intent_at timestamptz,                     -- a *once* request may be on its way since then
  step_deadline timestamptz,
  attempt int not null default 0,
  run_at timestamptz not null default now(),
  lease_until timestamptz, lease_by text not null default '', lease_token bigint not null default 0,
  ended boolean not null default false,
  unique (class, ref));
create index work_due on work (run_at) where not ended;
create sequence lease_token_seq;

create table probe (
  id bigserial primary key,
  uuid uuid not null unique default gen_random_uuid(),
  kind text not null,
  actor text not null,
  subject uuid,
  input jsonb not null default '{}',
  input_secret uuid references secret on delete set null,
  state text not null default 'queued' check (state in ('queued', 'done', 'failed')),
  result jsonb not null default '{}',
  error_kind text not null default '', error_class text not null default '', error_args jsonb not null default '[]',
  version bigint not null default 1,
  created_at timestamptz not null default now(), ended_at timestamptz);

create table health_check (
  id bigserial primary key,
  target_type text not null, target uuid not null,
  ok boolean, failures int not null default 0,
  last_at timestamptz, last_class text not null default '', last_args jsonb not null default '[]',
  unique (target_type, target));

create table event (
  id bigserial primary key,
  uuid uuid not null unique default gen_random_uuid(),
  type smallint not null default 1,
  entity_uuid uuid not null, entity_type smallint not null,
  operation_id bigint,
  level text not null check (level in ('Info', 'Error')),
  class text not null, args jsonb not null default '[]',
  actor text not null default '',
  created_at timestamptz not null default now());
create index event_entity on event (entity_uuid, id desc);
create index event_recent on event (id desc);

-- Catalogue: upstream's eight with their UUIDs, 1.11.2, the historical 1.9.1 portal variants, fate-upgrade-manager (reference 20 section 14).
insert into chart (id, uuid, name, type, chart_name, version, app_version, must_upload, portal, historical) values
 (1, '19c7c751-0de0-4780-95d6-e152440ab287', 'chart for FATE exchange v1.11.1', 1, 'fate-exchange', 'v1.11.1', 'v1.11.1', false, false, false),
 (2, 'd81d2b48-930d-4c5e-b522-322b93e8ef39', 'chart for FATE cluster v1.11.1', 2, 'fate', 'v1.11.1', 'v1.11.1', false, false, false),
 (3, '9dff91c4-2566-4c24-a0dc-631fa8808378', 'chart for FATE exchange v1.10.0', 1, 'fate-exchange', 'v1.10.0', 'v1.10.0', false, false, false),
 (4, '7a1e3009-ce43-47b5-9ce9-a5256c399151', 'chart for FATE cluster v1.10.0', 2, 'fate', 'v1.10.0', 'v1.10.0', false, false, false),
 (5, 'fd30a219-c9d2-4f6a-9146-f06c05a666f2', 'chart for FATE exchange v1.11.1 with fml-manager service v0.3.0', 1, 'fate-exchange', 'v1.11.1-fedlcm-v0.3.0', 'exchangev1.11.1 & fedlcmv0.3.0', true, true, false),
 (6, '73acbbc0-4cdf-46bf-b48f-25fe1e03b91f', 'chart for FATE cluster v1.11.1 with site-portal v0.3.0', 2, 'fate', 'v1.11.1-fedlcm-v0.3.0', 'fatev1.11.1+fedlcmv0.3.0', true, true, false),
 (7, '6a4f6a50-7f9e-4b60-9d9b-0f6f0b1a1120', 'chart for FATE exchange v1.11.2', 1, 'fate-exchange', 'v1.11.2', 'v1.11.2', false, false, false),
 (8, '2f0c3f3e-5a0d-4c39-8d6a-8d9f5c7e1121', 'chart for FATE cluster v1.11.2', 2, 'fate', 'v1.11.2', 'v1.11.2', false, false, false),
 (9, '242bf84c-548c-43d4-9f34-15f6d4dc0f33', 'chart for FATE exchange v1.9.1 with fml-manager service v0.2.0', 1, 'fate-exchange', 'v1.9.1-fedlcm-v0.2.0', 'exchangev1.9.1 & fedlcmv0.2.0', true, true, true),
 (10, '8d1b15c1-cc7e-460b-8563-fa732457a049', 'chart for FATE cluster v1.9.1 with site-portal v0.2.0', 2, 'fate', 'v1.9.1-fedlcm-v0.2.0', 'fatev1.9.1+fedlcmv0.2.0', true, true, true),
 (11, 'b1d3c8c2-0b6e-4f7a-9a55-3f3f0c2d1003', 'chart for FATE upgrade manager v1.0.0', 0, 'fate-upgrade-manager', 'v1.0.0', 'v1.0.0', false, false, true),
 (101, '516a10e2-0b96-417c-812b-ee45ed197e81', 'chart for FedLCM private OpenFL Director v0.3.0', 3, 'openfl-director', 'v0.3.0', 'openfl-director-v1.5', true, true, false),
 (102, 'c62b27a6-bf0f-4515-840a-2554ed63aa56', 'chart for FedLCM private OpenFL Envoy v0.3.0', 4, 'openfl-envoy', 'v0.3.0', 'openfl-envoy-v1.5', true, true, false);
