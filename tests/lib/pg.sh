#!/bin/bash
# A throw-away PostgreSQL: `pg_start` sets TEST_DB (libpq string), `pg_stop` removes it. Socket only, no fsync, as an unprivileged user.
pg_bin() {
  local d
  d=$(pg_config --bindir 2>/dev/null)
  [ -x "$d/initdb" ] || d=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
  echo "$d"
}
pg_as() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }
pg_start() {
  local bin
  bin=$(pg_bin)
  PG_DIR=$(mktemp -d /tmp/fpg.XXXXXX)
  [ "$(id -u)" != 0 ] || chown postgres "$PG_DIR"
  (cd / && pg_as "$bin/initdb" -D "$PG_DIR/d" -U fedlcm --auth=trust --locale=C.UTF-8 --encoding=UTF8 --no-sync --no-instructions >"$PG_DIR.log" 2>&1) || { cat "$PG_DIR.log"; return 1; }
  (cd / && pg_as "$bin/pg_ctl" -D "$PG_DIR/d" -w -l "$PG_DIR/log" -o "-k $PG_DIR -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off" start >>"$PG_DIR.log" 2>&1) || { cat "$PG_DIR.log"; return 1; }
  export TEST_DB="host=$PG_DIR dbname=postgres user=fedlcm"
}
pg_stop() {
  [ -n "${PG_DIR:-}" ] || return 0
  (cd / && pg_as "$(pg_bin)/pg_ctl" -D "$PG_DIR/d" -m immediate stop >/dev/null 2>&1)
  rm -rf "$PG_DIR" "$PG_DIR.log"
}
