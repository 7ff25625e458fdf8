#!/bin/bash
# A whole private product for tests: stack_start [NAME=VALUE...] sets STACK_URL and STACK_DIR; stack_stop ends it and removes its state.
stack_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
stack_start() {
  STACK_DIR=$(mktemp -d /tmp/fst.XXXXXX)
  chmod 755 "$STACK_DIR"
  STACK_PORT=$(stack_port)
  STACK_URL=http://127.0.0.1:$STACK_PORT
  env "$@" FEDLCM_STATE="$STACK_DIR/s" FEDLCM_PORT="$STACK_PORT" "${STACK_BIN:-build/release/bin}/fedlcm-run" run > "$STACK_DIR/out" 2>&1 &
  STACK_PID=$!
  for _ in $(seq 200); do
    grep -q 'is ready' "$STACK_DIR/out" && return 0
    kill -0 $STACK_PID 2>/dev/null || break
    sleep 0.1
  done
  cat "$STACK_DIR/out"
  return 1
}
stack_stop() {
  [ -n "${STACK_PID:-}" ] || return 0
  kill -TERM "$STACK_PID" 2>/dev/null
  wait "$STACK_PID" 2>/dev/null
  rm -rf "$STACK_DIR"
  STACK_PID=
}
