-- Chart archives of our own store, and which of them KubeFATE on which endpoint was seen to have. Everything is added, so that programs of the version before go
-- on working.

create table chart_archive (
  chart_uuid uuid primary key references chart,
  file_name text not null, archive bytea not null, size int not null, sha256 text not null,
  content text not null,                      -- digest of what KubeFATE keeps of it (kubefate/kubefate.h, kf_chart_content)
  uploaded_by text not null, uploaded_at timestamptz not null default now());
alter table chart_archive alter column archive set storage external;  -- it is compressed already

create table endpoint_chart (
  endpoint_uuid uuid not null references endpoint on delete cascade, chart_uuid uuid not null references chart on delete cascade,
  content text not null, kubefate_uuid text not null,    -- what was seen there, and its name in KubeFATE
  seen_at timestamptz not null default now(),
  primary key (endpoint_uuid, chart_uuid));
