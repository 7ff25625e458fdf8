#!/bin/bash
# The launcher as a user meets it. Last line: launcher: N passed, N failed, N skipped
# shellcheck disable=SC2015,SC2317
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/stack.sh
. tests/lib/ok.sh
home=$(mktemp -d /tmp/flaunch.XXXXXX)
finish() { stack_stop; [ -z "${other:-}" ] || kill "$other" 2>/dev/null; rm -rf "$home"; }
trap finish EXIT
root=no
[ "$(id -u)" != 0 ] || root=yes
up() { for _ in $(seq 600); do curl -sf -o /dev/null "$STACK_URL/readyz" && return 0; sleep 0.1; done; return 1; }
gone() { for _ in $(seq 400); do kill -0 "$1" 2>/dev/null || return 0; sleep 0.05; done; return 1; }
# All processes below one: what must have gone after a stop.
below() { local c; for c in $(ps -o pid= --ppid "$1"); do echo "$c"; below "$c"; done; }
none_left() { local p; for p in "$@"; do ! kill -0 "$p" 2>/dev/null || { echo "left: $(ps -o pid,args -p "$p" | tail -1)"; return 1; }; done; }

# --- a checkout in a folder that other accounts cannot enter, with a blank in its path; state where the program chooses -------------------------------
tree="$home/with space/a checkout"
mkdir -p "$tree/build/release" && cp -r conf "$tree/" && cp -r build/static "$tree/build/" && cp -r build/release/bin "$tree/build/release/"
chmod 700 "$home"
STACK_PORT=$(stack_port) STACK_URL=http://127.0.0.1:$STACK_PORT
(cd "$tree" && FEDLCM_PORT=$STACK_PORT exec build/release/bin/fedlcm-run run) > "$home/out" 2>&1 &
first=$!
for _ in $(seq 4800); do grep -q 'is ready' "$home/out" && break; kill -0 $first 2>/dev/null || break; sleep 0.05; done
page() { curl -sf "$STACK_URL/login" | grep -q '<h1>'; }
ok "starts from a 0700 folder with a blank in its path" page
ok "says the address, the first login and where the state lies" grep -qzP "(?s)is ready after .*http://127\.0\.0\.1:$STACK_PORT/.*Log in as Admin with the password admin.*State and logs: /" "$home/out"
run_there() { (cd "$tree" && FEDLCM_PORT=$STACK_PORT build/release/bin/fedlcm-run "$@"); }
if [ $root = yes ]; then
  state=$(sed -nE 's/^State and logs: (.*)\. Stop:.*/\1/p' "$home/out")
  ok "as root, the state lies where the parts' accounts can read it" has /var/lib/fedlcm- "$state"
  owners=$(for p in $(below $first); do ps -o uid= -p "$p" | tr -d ' '; done | sort -u)
  no_root() { [ -n "$owners" ] && ! grep -qx 0 <<<"$owners"; }
  ok "no part runs as root" no_root
  ok "database, poller, web and nginx run as four accounts" test "$(wc -l <<<"$owners")" = 4
  key_closed() { [ "$(stat -c %a "$state/keys/seal.key")" = 400 ] && for u in $owners; do [ "$u" = "$(stat -c %u "$state/keys/seal.key")" ] || ! setpriv --reuid="$u" --clear-groups cat "$state/keys/seal.key" 2>/dev/null || return 1; done; }
  ok "the private sealing key is readable by the poller's account only" key_closed
  web=$(ps -o uid= -p "$(run_there status | awk '$1 == "web" {print $2}')" | tr -d ' ')
  db_closed() { ! setpriv --reuid="$web" --clear-groups ls "$state/pg" >/dev/null 2>&1 && [ "$(stat -c %a "$state/pg.owner")" = 600 ]; }
  ok "the database's files are closed to the web workers" db_closed
else skip "accounts of the parts (needs root)"; fi
second=$(run_there run 2>&1); rc=$?
ok "a second start says so, names the address and is no fault" has "already running as process $first: $STACK_URL/" "$second/$rc/"
ok "... and ends with 0" test $rc = 0
asked=$(run_there reset <<<no 2>&1)
ok "reset refuses while it runs" has "Stop it first" "$asked"
pids=$(below $first)
ok "stop ends everything" has Stopped "$(run_there stop)"
# shellcheck disable=SC2086
ok "... and leaves no process" none_left $first $pids
wait $first
ok "... with status 0" test $? = 0
asked=$(run_there reset <<<no 2>&1)
ok "reset asks, and no keeps everything" has "Nothing was changed" "$asked"
[ $root = no ] || ok "... there" test -d "$state/pg/data"
ok "reset with yes deletes the state" has "was deleted" "$(run_there reset <<<yes 2>&1)"
[ $root = no ] || ok "... all of it" test ! -e "$state"

# --- refusals ------------------------------------------------------------------------------------------------------------------------------------------
stack_start || exit 1
try() { env FEDLCM_STATE="$STACK_DIR/t" FEDLCM_PORT="$(stack_port)" "$@" "${STACK_BIN:-build/release/bin}/fedlcm-run" run 2>&1; }
taken=$(stack_port)
python3 -m http.server --bind 127.0.0.1 "$taken" > "$STACK_DIR/other" 2>&1 &
other=$!
for _ in $(seq 100); do curl -s -o /dev/null "http://127.0.0.1:$taken/" && break; sleep 0.05; done
says=$(try FEDLCM_PORT="$taken")
ok "a taken port names its owner: process and command" has "Port $taken on 127.0.0.1 is in use by process $other (" "$says"
ok "... and command" has "-m http.server --bind 127.0.0.1 $taken)" "$says"
kill $other; wait $other 2>/dev/null; other=
ok "listening beyond loopback without TLS is refused" has "needs TLS" "$(try FEDLCM_LISTEN=0.0.0.0)"
ok "... also with half of a certificate" has "FEDLCM_TLS_KEY is not set" "$(try FEDLCM_LISTEN=0.0.0.0 FEDLCM_TLS_CERT=/x)"
ok "listening beyond loopback with the default password is refused" has "not the default" "$(try FEDLCM_LISTEN=0.0.0.0 FEDLCM_BEHIND_PROXY=yes)"
says=$(try FEDLCM_STATE="$STACK_DIR/far" FEDLCM_DB="host=/nonexistent dbname=fedlcm")
ok "a database of somebody else that cannot be reached is said" has "The database cannot be reached" "$says"
ok "... and none of our own is made in its place" test ! -e "$STACK_DIR/far/pg/data"
ok "a connection string that is none is refused" has "connection string in FEDLCM_DB has an error" "$(try FEDLCM_STATE="$STACK_DIR/far" FEDLCM_DB="host=/nonexistent passwd secret")"
ok "a port that is none is refused" has "from 1 to 65535" "$(try FEDLCM_PORT=99999)"
ok "an address that is none is refused" has "must be an IP address" "$(try FEDLCM_LISTEN=everywhere)"
ok "an address of another machine is refused" has "cannot listen on 192.0.2.1" "$(try FEDLCM_LISTEN=192.0.2.1 FEDLCM_BEHIND_PROXY=yes LIFECYCLEMANAGER_INITIAL_ADMIN_PASSWORD=different-1)"
ok "a Chinese terminal gets Chinese sentences" has "需要 TLS" "$(try FEDLCM_LISTEN=0.0.0.0 LC_ALL=zh_CN.UTF-8)"
ok "... also the first login" has "请用账户 Admin 和密码 admin 登录" "$(FEDLCM_STATE="$STACK_DIR/s" LC_ALL=zh_CN.UTF-8 "${STACK_BIN:-build/release/bin}/fedlcm-run" cli init)"
mkdir -p "$STACK_DIR/closed" && chmod 700 "$STACK_DIR/closed"
[ $root = no ] || ok "as root, a state folder that the parts cannot reach is refused" has "is closed to others" "$(try FEDLCM_STATE="$STACK_DIR/closed/s")"

# --- what is killed comes back -------------------------------------------------------------------------------------------------------------------------
back() { for _ in $(seq 300); do new=$(stack_part "$1"); [ "$new" != "$2" ] && [ "${new:-0}" != 0 ] && up && return 0; sleep 0.1; done; return 1; }
for part in postgres poller web nginx; do
  pid=$(stack_part $part)
  kill -9 "$pid"
  t0=$(date +%s%N)
  back $part "$pid"; rc=$?
  ok "kill -9 of $part: it is started again and the pages answer, after $((($(date +%s%N) - t0) / 1000000)) ms" test $rc = 0
done
children_are() { local now; now=$(ps -o pid= --ppid "$(stack_part "$1")"); [ "$(wc -w <<<"$now")" = "$2" ] && ! grep -qw "$3" <<<"$now"; }
replaced() { for _ in $(seq 200); do children_are "$@" && return 0; sleep 0.1; done; return 1; }
worker=$(ps -o pid= --ppid "$(stack_part web)" | tail -n 1 | tr -d ' ')
kill -9 "$worker"
ok "kill -9 of a web worker: another takes its place" replaced web 16 "$worker"
runner=$(ps -o pid= --ppid "$(stack_part poller)" | tail -n 1 | tr -d ' ')
kill -9 "$runner"
ok "kill -9 of a runner: another takes its place" replaced poller 2 "$runner"
# A machine that is short of everything: what they ask the database for while they begin comes after more than the three seconds that a page would wait.
pg=$(stack_part postgres)
kill -STOP "$pg"
ps -o pid= --ppid "$(stack_part web)" | xargs kill -9
sleep 3.5
kill -CONT "$pg"
said=$(for _ in $(seq 12); do curl -s -o /dev/null -w '%{http_code} ' "$STACK_URL/login"; done)
ok "web workers that begin while the database is silent for a while serve pages after it: $said" test "$(tr ' ' '\n' <<<"$said" | grep -c '^200$')" = 12
orphans() { [ "$(ps -o pid= --ppid "$STACK_PID" | wc -l)" = 4 ]; }
ok "nothing of the killed parts is left over" orphans

# --- requests under restarts ----------------------------------------------------------------------------------------------------------------------------
python3 tests/run/load.py "$STACK_URL/healthz" 16 5 > "$STACK_DIR/load" &
load=$!
sup=$(stack_part web)
before=$(ps -o pid= --ppid "$sup")
for _ in $(seq 20); do kill -HUP "$sup"; sleep 0.2; done
wait $load
ok "20 rolling restarts under 16 clients lose no request: $(cat "$STACK_DIR/load")" grep -qE '^[0-9]{3,} answers, 0 not 200' "$STACK_DIR/load"
for p in $before; do gone "$p"; done
# shellcheck disable=SC2086
ok "... and replaced every worker" none_left $before
slow=0
for _ in $(seq 30); do # not more: a slot whose processes end again and again is slowed down
  worker=$(ps -o pid= --ppid "$sup" | shuf -n 1 | tr -d ' ')
  kill -TERM "$worker"
  for _ in $(seq 250); do kill -0 "$worker" 2>/dev/null || continue 2; sleep 0.02; done
  slow=$((slow + 1))
done
ok "30 idle workers told to end do so at once ($slow did not)" test $slow = 0
ok "a second supervisor on the same sockets is refused" has "Another supervisor is running" "$(xargs -0 -a "/proc/$sup/environ" sh -c 'env -i "$@" "$0"' "$(readlink "/proc/$sup/exe")" 2>&1)"

# --- what nginx answers on its own ---------------------------------------------------------------------------------------------------------------------
code() { curl -s -o "$STACK_DIR/body" -D "$STACK_DIR/head" -w '%{http_code}' "$@"; }
head -c 4000000 /dev/zero > "$STACK_DIR/large"
ok "a body that is too large: 413" test "$(code --data-binary @"$STACK_DIR/large" "$STACK_URL/login")" = 413
ok "... with a page in English where no language was chosen" grep -q "too large" "$STACK_DIR/body"
code -b lang=zh-CN --data-binary @"$STACK_DIR/large" "$STACK_URL/login" >/dev/null
ok "... and in Chinese where that was" grep -q "请求内容过大" "$STACK_DIR/body"
ok "... and for the API as JSON" test "$(code --data-binary @"$STACK_DIR/large" "$STACK_URL/api/v1/user/login" && python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["code"])' "$STACK_DIR/body")" = 41310001
sock=$(sed -nE 's/^ *upstream web .*unix:(.*)\/web\.sock.*/\1/p' "$STACK_DIR/s/app/nginx.conf")
mv "$sock/web.sock" "$sock/away"
ok "no worker pool: 503 page that says what to do" test "$(code "$STACK_URL/login")$(grep -c 'Nothing was changed' "$STACK_DIR/body")" = 5031
ok "... and JSON with Retry-After for the API" test "$(code "$STACK_URL/api/v1/status")$(grep -ic '^retry-after' "$STACK_DIR/head")$(grep -c '^{"code":10001' "$STACK_DIR/body")" = 50311
mv "$sock/away" "$sock/web.sock"
css=$(curl -s "$STACK_URL/login" | grep -oE '/static/app\.[0-9a-f]+\.css' | head -n 1)
ok "static files are immutable and compressed" test "$(code -H 'Accept-Encoding: gzip' "$STACK_URL$css")$(grep -ciE 'immutable|content-encoding: gzip' "$STACK_DIR/head")" = 2002
code "$STACK_URL/login?secret=1" >/dev/null
ok "the access log has no query strings" test "$(grep -c 'secret=1' "$STACK_DIR/s/log/access.log")" = 0
ok "security headers on pages, no server version" test "$(grep -ciE '^(x-content-type-options|referrer-policy|cross-origin-opener-policy|permissions-policy|content-security-policy):|^server: nginx.?$' "$STACK_DIR/head")" = 6
waits=$("${STACK_BIN:-build/release/bin}/fedlcm" routes | grep -c ' wait')
ok "every waiting route is in nginx's map ($waits)" test "$(grep -c '" wait;$' "$STACK_DIR/s/app/nginx.conf")" = "$waits"
ok "the command line works on the running state" has "are in order" "$(stack_cli check)"
ok "reset-password sets one" has "was set" "$(stack_cli reset-password Admin - <<<different-1)"
schema() { psql -qAt "$(tr '\0' '\n' < "/proc/$(stack_part web)/environ" | sed -n 's/^FEDLCM_DB=//p')" -c "$1" 2>&1; }
if command -v psql >/dev/null; then ok "the parts' database role changes no schema" has "permission denied" "$(schema 'create table public.x (a int)')"; else skip "the parts' database role (needs psql)"; fi

# --- ends ----------------------------------------------------------------------------------------------------------------------------------------------
for sig in HUP TERM INT; do
  pids=$(below "$STACK_PID")
  kill -$sig "$STACK_PID"
  wait "$STACK_PID"; rc=$?
  # shellcheck disable=SC2086
  ok "$sig stops everything and leaves no process (status $rc)" none_left $pids
  t0=$(date +%s%N)
  stack_again || break
  ms=$((($(date +%s%N) - t0) / 1000000))
  ok "the second start shows its first page, after $ms ms" page
done
pids=$(below "$STACK_PID")
kill -9 "$STACK_PID"; wait "$STACK_PID" 2>/dev/null
for p in $pids; do gone "$p"; done
# shellcheck disable=SC2086
ok "kill -9 of the launcher: the parts end by themselves" none_left $pids
ok "... and the next start works" stack_again
kill -TERM "$STACK_PID"; wait "$STACK_PID"
mv "$STACK_DIR/s/keys/seal.key" "$STACK_DIR/s/keys/away"
says=$(stack_again 2>&1)
ok "a start without the sealing key is refused with a sentence" has "is missing, but the database holds secrets" "$says"
mv "$STACK_DIR/s/keys/away" "$STACK_DIR/s/keys/seal.key"

# --- beyond loopback -----------------------------------------------------------------------------------------------------------------------------------
stack_again FEDLCM_LISTEN=0.0.0.0 FEDLCM_TLS=self-made || exit 1
tls() { curl -sf --cacert "$STACK_DIR/s/tls/ca.crt" "https://localhost:$STACK_PORT/login" | grep -q '<h1>'; }
ok "with TLS of its own making it listens beyond loopback, and the CA verifies" tls
ok "cookies are for https only" has "__Host-fedlcm=" "$(curl -s --cacert "$STACK_DIR/s/tls/ca.crt" -D - -o /dev/null -d 'username=Admin&password=different-1' -H "Origin: https://localhost:$STACK_PORT" "https://localhost:$STACK_PORT/login")"
kill -TERM "$STACK_PID"; wait "$STACK_PID"
rm -rf "$STACK_DIR/t"
fresh=$(env FEDLCM_STATE="$STACK_DIR/t" FEDLCM_PORT="$STACK_PORT" timeout -s TERM 60 bash -c '"$0" run' "${STACK_BIN:-build/release/bin}/fedlcm-run" > "$STACK_DIR/out2" 2>&1 & echo $!)
for _ in $(seq 4800); do grep -q 'is ready' "$STACK_DIR/out2" && break; sleep 0.05; done
kill -TERM "$fresh"; for _ in $(seq 200); do grep -q Stopped "$STACK_DIR/out2" && break; sleep 0.05; done
says=$(try FEDLCM_LISTEN=0.0.0.0 FEDLCM_TLS=self-made)
ok "a database whose account still has the default password is not opened to others" has "still has the default password" "$says"

sane() { ! grep -lE 'ERROR: AddressSanitizer|runtime error:|module=bug' "$STACK_DIR"/s/log/*.log; }
ok "no invariant was broken, no sanitizer spoke" sane

# --- other surroundings --------------------------------------------------------------------------------------------------------------------------------
if [ $root = yes ] && id games >/dev/null 2>&1; then
  mv "$tree" "$STACK_DIR/user tree" && chown -R games "$STACK_DIR/user tree"
  port=$(stack_port)
  (cd "$STACK_DIR/user tree" && exec setpriv --reuid=games --regid=games --clear-groups env FEDLCM_PORT="$port" build/release/bin/fedlcm-run run) > "$STACK_DIR/out3" 2>&1 &
  user=$!
  for _ in $(seq 4800); do grep -q 'is ready' "$STACK_DIR/out3" && break; kill -0 $user 2>/dev/null || break; sleep 0.05; done
  as_user() { curl -sf -o /dev/null "http://127.0.0.1:$port/login" && [ -d "$STACK_DIR/user tree/var/pg/data" ]; }
  ok "an ordinary user starts it too, state in var/" as_user
  kill -TERM $user; wait $user
else skip "start as an ordinary user (needs root to become one)"; fi
if [ $root = yes ] && unshare -n true 2>/dev/null; then
  stack_stop
  unshare -n sh -c 'ip link set lo up; exec sleep 300' &
  ns=$!
  sleep 0.3
  STACK_ENTER=(nsenter -t "$ns" -n)
  inside() { stack_start && "${STACK_ENTER[@]}" curl -sf "$STACK_URL/login" | grep -q '<h1>' && ! curl -s -o /dev/null "$STACK_URL/login"; }
  ok "runs inside a network namespace" inside
  stack_stop
  kill $ns; wait $ns 2>/dev/null
else skip "network namespace (needs root)"; fi
tally launcher 40
