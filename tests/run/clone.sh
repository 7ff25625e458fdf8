#!/bin/bash
# The two commands as a newcomer has them: a fresh clone in a folder that others cannot enter, `make run`, the login page, `make stop`, `make reset`.
# Last line: clone: N passed, N failed, N skipped
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/ok.sh
git rev-parse --git-dir >/dev/null 2>&1 || { skip "a clone (this tree is no git checkout)"; tally clone 0; exit 0; }
home=$(mktemp -d /tmp/fclone.XXXXXX)
tree="$home/a clone"
finish() { [ ! -d "$tree" ] || (cd "$tree" && make -s stop >/dev/null 2>&1; echo yes | make -s reset >/dev/null 2>&1); rm -rf "$home"; }
trap finish EXIT
git clone -q . "$tree" || exit 2
cd "$tree" || exit 2
FEDLCM_PORT=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
export FEDLCM_PORT
# As it is compiled every time here, optimized for nobody: half of the work.
setsid make run OPT="-O0 -g" > "$home/out" 2>&1 < /dev/null &
run=$!
for _ in $(seq 3000); do grep -q 'is ready' "$home/out" && break; kill -0 $run 2>/dev/null || break; sleep 0.1; done
ready() { grep -q "is ready after .*http://127\.0\.0\.1:$FEDLCM_PORT/" "$home/out" || { tail -n 20 "$home/out"; false; }; }
ok "make run in a fresh clone builds, starts and prints the address" ready
page() { curl -sf "http://127.0.0.1:$FEDLCM_PORT/login" | grep -q '<h1>'; }
ok "the login page is there" page
token() { curl -sf -d '{"username":"Admin","password":"admin"}' -H 'Content-Type: application/json' "http://127.0.0.1:$FEDLCM_PORT/api/v1/user/login" | grep -q '"code":0'; }
ok "the first login that it prints works" token
ok "make status names the parts" has poller "$(make -s status 2>&1)"
ok "make help lists the targets" has "install what is missing, build, start everything privately" "$(make -s help)"
ok "make stop ends it" has Stopped "$(make -s stop 2>&1)"
for _ in $(seq 100); do kill -0 $run 2>/dev/null || break; sleep 0.1; done
ok "... make run too" test -z "$(ps -o pid= -p $run)"
ok "make reset deletes the state" has "was deleted" "$(echo yes | make -s reset 2>&1)"
clean() { [ -z "$(git status --porcelain)" ]; }
ok "the checkout is clean afterwards" clean
tally clone 9
