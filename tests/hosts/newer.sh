#!/bin/bash
# newer.sh DIR: a checkout under DIR whose product is a later version: one more migration, another style sheet. Only what differs is compiled.
set -eu
cd "$(dirname "$0")/../.."
d=$1
rm -rf "$d"
mkdir -p "$d/build/release"
cp -a Makefile conf fcgi sql static templates "$d/"
# An upgrade in place (git pull, make) leaves the style sheets of the version before beside the new ones: a page that came from the last old host asks for them.
cp -a build/gen build/tools build/static "$d/build/"
for x in build/release/*; do
  case ${x##*/} in unit | bin) ;; *) cp -a "$x" "$d/build/release/" ;; esac
done
last=$(basename "$(find sql -name '[0-9]*.sql' | sort | tail -n 1)")
cat > "$(printf '%s/sql/%04d_trial.sql' "$d" $((10#${last%%_*} + 1)))" <<'SQL'
-- A column in each of the tables that requests and runners use all the time, and a table of its own.
alter table federation add column trial text not null default '';
alter table operation add column trial int;
alter table work add column trial bigint not null default 0;
alter table session add column trial timestamptz not null default now();
create table trial (id bigint generated always as identity primary key, name text not null unique);
SQL
echo '/* the next version */' >> "$d/static/app.css"
make --no-print-directory -s -C "$d" -j"$(nproc)" all
