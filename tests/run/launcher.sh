#!/bin/bash
# The launcher as a user meets it. Last line: launcher: N passed, N failed, N skipped
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/stack.sh
passed=0 failed=0
ok() { if eval "$2"; then passed=$((passed + 1)); echo "ok - $1"; else failed=$((failed + 1)); echo "not ok - $1"; fi; }
trap 'stack_stop' EXIT

# A checkout in a folder that other accounts cannot enter, with a space in its path.
home=$(mktemp -d /tmp/flaunch.XXXXXX)
tree="$home/with space"
mkdir -p "$tree/build/release" && cp -r conf "$tree/" && cp -r build/static "$tree/build/" && cp -r build/release/bin "$tree/build/release/"
chmod 700 "$home"
STACK_BIN="$tree/build/release/bin"
stack_start
ok "starts from a 0700 folder with a blank in its path" "curl -sf $STACK_URL/login | grep -q '<h1>'"
ok "prints the address and the first login" "grep -q 'http://127.0.0.1:$STACK_PORT/' $STACK_DIR/out && grep -q 'First login: Admin' $STACK_DIR/out"
if [ "$(id -u)" = 0 ]; then
  ok "no part but the launcher runs as root" "[ -z \"\$(pgrep -u 0 -g $(ps -o pgid= -p "$(pgrep -f "$STACK_DIR/s/app/bin/fedlcm-web" | head -n 1)") )\" ]"
  ok "the private sealing key is readable by the poller's account only" "[ \$(stat -c %a:%u $STACK_DIR/s/keys/seal.key) = 400:64210 ]"
fi
second=$(FEDLCM_STATE=$STACK_DIR/s FEDLCM_PORT=$STACK_PORT "$STACK_BIN/fedlcm-run" run 2>&1)
ok "a second start says so and names the address" "grep -q \"$STACK_URL\" <<<'$second'"
other=$(FEDLCM_STATE=$STACK_DIR/t FEDLCM_PORT=$STACK_PORT "$STACK_BIN/fedlcm-run" run 2>&1)
ok "a taken port names its owner" "grep -q 'in use by nginx (process' <<<'$other'"
open=$(FEDLCM_STATE=$STACK_DIR/t FEDLCM_LISTEN=0.0.0.0 "$STACK_BIN/fedlcm-run" run 2>&1)
ok "listening beyond loopback without TLS is refused" "grep -q 'needs TLS' <<<'$open'"
weak=$(FEDLCM_STATE=$STACK_DIR/t FEDLCM_LISTEN=0.0.0.0 FEDLCM_BEHIND_PROXY=yes "$STACK_BIN/fedlcm-run" run 2>&1)
ok "listening beyond loopback with the default password is refused" "grep -q 'not the default' <<<'$weak'"

wait_up() { for _ in $(seq 100); do curl -sf -o /dev/null "$STACK_URL/readyz" && return 0; sleep 0.1; done; return 1; }
for what in postgres nginx fedlcm-web fedlcm-poller; do
  case $what in
    postgres) pid=$(head -n 1 "$STACK_DIR/s/pg/data/postmaster.pid") ;;
    nginx) pid=$(cat "$STACK_DIR/s/nginx/nginx.pid") ;;
    *) pid=$(pgrep -o -f "$STACK_DIR/s/app/bin/$what") ;;
  esac
  kill -9 "$pid"
  sleep 0.3
  ok "kill -9 of $what: everything answers again within 10 s" "wait_up && curl -sf $STACK_URL/login >/dev/null"
done
worker=$(pgrep -n -f "$STACK_DIR/s/app/bin/fedlcm-web")
kill -9 "$worker"
ok "kill -9 of a web worker: the next request is served" "wait_up"
sup=$(pgrep -o -f "$STACK_DIR/s/app/bin/fedlcm-web")
bad=0
for _ in 1 2 3; do
  kill -HUP "$sup"
  for _ in $(seq 30); do curl -sf -o /dev/null "$STACK_URL/login" || bad=$((bad + 1)); done
done
ok "rolling restarts under requests lose none ($bad of 90)" "[ $bad = 0 ]"
pids="$(pgrep -f "$STACK_DIR/s/" | tr '\n' ' ') $(pgrep -g "$(head -n 1 "$STACK_DIR/s/nginx/nginx.pid")" | tr '\n' ' ')"
kill -HUP "$STACK_PID"
wait "$STACK_PID" 2>/dev/null
left=0
for p in $pids; do kill -0 "$p" 2>/dev/null && left=$((left + 1)); done
ok "a closed terminal stops everything ($left left)" "[ $left = 0 ]"

# Second start: from command to first page.
t0=$(date +%s%N)
FEDLCM_STATE=$STACK_DIR/s FEDLCM_PORT=$STACK_PORT "$STACK_BIN/fedlcm-run" run > "$STACK_DIR/out2" 2>&1 &
STACK_PID=$!
until curl -sf -o /dev/null "$STACK_URL/login"; do sleep 0.02; [ $(($(date +%s%N) - t0)) -lt 20000000000 ] || break; done
ms=$((($(date +%s%N) - t0) / 1000000))
ok "second start to first page: $ms ms, at most 3000" "[ $ms -le 3000 ]"
[ "$ms" -le 3000 ] || cat "$STACK_DIR/out2"
stack_stop
rm -rf "$home"
echo "launcher: $passed passed, $failed failed, 0 skipped"
[ $failed = 0 ] && [ $passed -ge 15 ]
