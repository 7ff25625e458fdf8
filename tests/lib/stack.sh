#!/bin/bash
# A whole private product for tests, on a free port, with a database that does not wait for the disk and no keys made ahead:
#   stack_start [NAME=VALUE...]   sets STACK_URL, STACK_DIR (its output is in $STACK_DIR/out), STACK_PORT, STACK_PID; state in $STACK_DIR/s
#   stack_url                     prints the address
#   stack_part NAME               prints the process of a part: postgres, poller, web, nginx
#   stack_cli COMMAND...          the command line on its database: stack_cli reset-password Admin secret-enough
#   stack_stop                    ends it and removes its state
# STACK_BIN: folder of the programs (build/release/bin). STACK_ENTER: array put before the command, e.g. (nsenter -t PID -n); everything runs over Unix
# sockets and 127.0.0.1, so a network namespace needs no more than `ip link set lo up`.
STACK_ENTER=()
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0} # what lives as long as the process is not freed
stack_port() { "${STACK_ENTER[@]}" python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
stack_run() { FEDLCM_STATE="$STACK_DIR/s" FEDLCM_PORT="$STACK_PORT" "${STACK_ENTER[@]}" "${STACK_BIN:-build/release/bin}/fedlcm-run" "$@"; }
stack_start() {
  STACK_DIR=$(mktemp -d /tmp/fst.XXXXXX)
  chmod 755 "$STACK_DIR"
  STACK_PORT=$(stack_port)
  STACK_URL=http://127.0.0.1:$STACK_PORT
  stack_again "$@"
}
# Starts once more on the same state.
stack_again() {
  : > "$STACK_DIR/out" # what an earlier one has said is not read as this one's word
  env FEDLCM_PG_OPTIONS="-c fsync=off -c synchronous_commit=off -c full_page_writes=off" FEDLCM_LOGIN_RATE=60000 FEDLCM_KEYS_AHEAD=0 FEDLCM_STATE="$STACK_DIR/s" FEDLCM_PORT="$STACK_PORT" "$@" \
    "${STACK_ENTER[@]}" "${STACK_BIN:-build/release/bin}/fedlcm-run" run > "$STACK_DIR/out" 2>&1 &
  STACK_PID=$!
  for _ in $(seq 4800); do
    grep -qs 'is ready' "$STACK_DIR/out" && return 0
    kill -0 "$STACK_PID" 2>/dev/null || break
    sleep 0.05
  done
  cat "$STACK_DIR/out"
  return 1
}
stack_url() { echo "$STACK_URL"; }
stack_part() { stack_run status | awk -v p="$1" '$1 == p {print $2}'; }
stack_cli() { stack_run cli "$@"; }
stack_stop() {
  [ -n "${STACK_PID:-}" ] || return 0
  kill -TERM "$STACK_PID" 2>/dev/null
  wait "$STACK_PID" 2>/dev/null
  rm -rf "$STACK_DIR"
  STACK_PID=
}
