#!/bin/bash
# The demonstration as a user meets it, and the guide on it (about two minutes; neither root nor Go is needed).
#   run.sh [quick]     without the guide
# Last line: demo: N passed, N failed, N skipped
# shellcheck disable=SC2317
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/ok.sh
unset MAKEFLAGS MAKELEVEL FEDLCM_STATE FEDLCM_DEMO_STATE FEDLCM_LISTEN FEDLCM_PORT LC_ALL LC_MESSAGES
export LANG=C.UTF-8 FEDLCM_LOGIN_RATE=60000 FEDLCM_KEYS_AHEAD=0
home=$(mktemp -d /tmp/fdemo.XXXXXX)
chmod 755 "$home"
root=no
[ "$(id -u)" != 0 ] || root=yes
closed=
finish() {
  # shellcheck disable=SC2046  # a list of processes
  [ -z "$(jobs -p)" ] || kill -9 $(jobs -p) 2>/dev/null
  none_left 300
  rm -rf "$home" ${closed:+"$closed"}
}
trap finish EXIT
trap 'exit 130' INT TERM

# Four ports that are free now: product, page, and the clusters' (ten apart).
ports() {
  read -r FEDLCM_DEMO_PORT FEDLCM_DEMO_PAGE_PORT FEDLCM_DEMO_KUBE_PORT <<<"$(python3 -B tests/demo/checks.py ports)"
  export FEDLCM_DEMO_PORT FEDLCM_DEMO_PAGE_PORT FEDLCM_DEMO_KUBE_PORT
  url=http://127.0.0.1:$FEDLCM_DEMO_PORT page=http://127.0.0.1:$FEDLCM_DEMO_PAGE_PORT
}
# Every process of a demonstration names a place below our folder, in its command or its environment.
left() { python3 -B tests/demo/checks.py left "$home/" ${closed:+"$closed/"}; }
none_left() { for _ in $(seq "${1:-40}"); do left >/dev/null && return 0; sleep 0.1; done; left; return 1; }
cli() { python3 -B tests/demo/demo.py "$@"; }
try() { timeout 60 env FEDLCM_DEMO_STATE="$home/t" "$@" python3 -B tests/demo/demo.py up 2>&1; }
start() {
  local out=$1
  shift
  : > "$out" # what an earlier one has said is not read as this one's word
  t0=$(date +%s%N)
  "$@" python3 -B tests/demo/demo.py up > "$out" 2>&1 &
  demo=$!
  for _ in $(seq 4800); do grep -q demo-stop "$out" && break; kill -0 $demo 2>/dev/null || break; sleep 0.05; done
  ms=$((($(date +%s%N) - t0) / 1000000))
  grep -q demo-stop "$out" || { cat "$out"; return 1; }
}
# Says what came instead, and what the product logged: this is the first that anybody asks of it.
answers() {
  local got
  got=$(code "$1")
  [ "$got" = 200 ] && return 0
  echo "$1 answered $got:"
  cat "$home/head" "$home/body"
  tail -n 5 "$FEDLCM_DEMO_STATE"/product/log/*.log
  return 1
}
code() { curl -s -o "$home/body" -D "$home/head" -w '%{http_code}' "$@"; }
check() { python3 -B tests/demo/checks.py "$@"; }
[ -x "${STACK_BIN:-build/release/bin}/fedlcm-run" ] || { echo "build it first: make all"; echo "demo: 0 passed, 1 failed, 0 skipped"; exit 1; }
ports

# --- refusals: a sentence, status 1, and nothing runs ------------------------------------------------------------------------------------------------------
taken=$(check port)
python3 -m http.server --bind 127.0.0.1 "$taken" > "$home/other" 2>&1 &
other=$!
for _ in $(seq 100); do curl -s -o /dev/null "http://127.0.0.1:$taken/" && break; sleep 0.05; done
for setting in FEDLCM_DEMO_PORT FEDLCM_DEMO_PAGE_PORT FEDLCM_DEMO_KUBE_PORT; do
  says=$(try $setting="$taken"); rc=$?
  ok "a taken port is refused and names the setting $setting" grep -qE "Port $taken on 127.0.0.1 is in use.*make demo $setting=[0-9]+ *1$" <<<"$says $rc"
done
says=$(try FEDLCM_DEMO_KUBE_PORT=$((taken - 10)))
ok "... also the port of the second cluster" has "Port $taken on 127.0.0.1 is in use" "$says"
kill $other; wait $other 2>/dev/null
pod=127.$((64 + (FEDLCM_DEMO_KUBE_PORT + 10) / 256 % 128)).$(((FEDLCM_DEMO_KUBE_PORT + 10) % 256)).11 # of lab-b
python3 -m http.server --bind "$pod" 8080 > "$home/other" 2>&1 &
other=$!
for _ in $(seq 100); do curl -s -o /dev/null "http://$pod:8080/" && break; sleep 0.05; done
says=$(try)
ok "... and KubeFATE's" has "Port 8080 on $pod is in use" "$says"
kill $other; wait $other 2>/dev/null
refused() { local want=$1 out; shift; out=$(try "$@") && { echo "status 0"; return 1; }; has "$want" "$out" || { echo "$out"; return 1; }; }
ok "a port that is none is refused" refused "from 1 to 65535" FEDLCM_DEMO_PORT=99999
ok "a cluster port without room for the second is refused" refused "from 1 to 65525" FEDLCM_DEMO_KUBE_PORT=65530
ok "one port for two is refused" refused "both name port $FEDLCM_DEMO_PORT" FEDLCM_DEMO_PAGE_PORT="$FEDLCM_DEMO_PORT"
ok "an address that is none is refused" refused "must be an IP address" FEDLCM_LISTEN=everywhere
ok "a Chinese terminal gets Chinese sentences" refused "应为 1 到 65535 之间的端口号" FEDLCM_DEMO_PORT=0 LC_ALL=zh_CN.UTF-8
ok "what FedLCM itself refuses is told in its words" refused "needs TLS" FEDLCM_LISTEN=0.0.0.0
mkdir -p "$home/strange" && echo mine > "$home/strange/file"
ok "a folder with something else in it is refused" refused "holds something else" FEDLCM_DEMO_STATE="$home/strange"
ok "... and keeps that" test "$(cat "$home/strange/file")" = mine
[ $root = no ] || { mkdir -p "$home/closed" && chmod 700 "$home/closed"; ok "as root, a place that the parts cannot reach is refused" refused "is closed to others" FEDLCM_DEMO_STATE="$home/closed/s"; }
ok "nothing of all this runs on" none_left
ok "stop without a demonstration says so" has "No demonstration is running" "$(FEDLCM_DEMO_STATE=$home/t cli stop)"
says=$(FEDLCM_DEMO_STATE=$home/t cli break IMAGE=mysql 2>&1); rc=$?
ok "break without a demonstration says so, status 1" has "No demonstration is running. Start one: make demo/1" "$says/$rc"

# --- start ---------------------------------------------------------------------------------------------------------------------------------------------
mkdir -p "$home/var/pg" && echo precious > "$home/var/pg/data" && touch "$home/var/run.lock"
sum() { find "$home/var" -printf '%p %m %T@ %s\n' -exec sh -c '[ ! -f "$1" ] || sha256sum "$1"' _ {} \; | sort | sha256sum; }
before=$(sum)
export FEDLCM_DEMO_STATE=$home/s
ok "the demonstration starts" start "$home/out" env FEDLCM_STATE="$home/var"
echo "started after $ms ms"
ok "the product's login page answers" answers "$url/login"
ok "it says the address, the first login, both kubeconfigs, the page, how to break and how to stop" \
  grep -qzP "(?s)ready after.*$url/.*Log in as Admin with the password admin.*$page/.*lab-a: $home/s/clusters/lab-a/admin.kubeconfig.*lab-b: $home/s/.*make demo-break IMAGE=mysql.*make demo-stop" "$home/out"
says=$(make -s demo 2>&1); rc=$?
ok "a second make demo says so with the address and is no fault" has "already running as process $demo: $url/" "$says/$rc/"
ok "... and ends with 0" test $rc = 0
if [ $root = yes ]; then
  # root are only the two launchers: this program and fedlcm-run
  roots() { local n; n=$(ps -eo uid=,args= | grep -F -- "$home/" | grep -vE 'grep|pgrep' | awk '$1 == 0' | grep -cvE 'fedlcm-run'); [ "$n" = 0 ]; }
  ok "simulator, page and stand-ins do not run as root" roots
  named() { local u; u=$(ps -eo uid=,args= | grep -F "$home/s/programs/sim/sim.py" | grep -v grep | awk '{print $1}' | sort -u); [ "$u" != 0 ] && [ "$(wc -l <<<"$u")" = 1 ] && { ! getent passwd "$u" >/dev/null || [ "$u" = "$(id -u nobody)" ]; }; }
  ok "... but as one account to which nothing belongs" named
else skip "accounts of the parts (needs root)"; fi

# --- the page -------------------------------------------------------------------------------------------------------------------------------------------
ok "the page is there, in English" test "$(code "$page/")$(grep -c 'The clusters are simulated' "$home/body")" = 2001
ok "... with the product's address, both API servers and the commands" grep -qzP "(?s)$url/.*127.0.0.1:$FEDLCM_DEMO_KUBE_PORT<.*127.0.0.1:$((FEDLCM_DEMO_KUBE_PORT + 10))<.*make demo-mend" "$home/body"
ok "... and no script, with its policy, not stored" test "$(grep -c '<script' "$home/body")$(grep -ciE "^(content-security-policy: default-src 'none'; style-src 'self'|x-content-type-options: nosniff|cache-control: no-store)" "$home/head")" = 03
ok "in Chinese by its link" test "$(code "$page/?lang=zh")$(grep -c '这些集群是模拟的' "$home/body")" = 2001
ok "in Chinese by the browser's languages" test "$(code -H 'Accept-Language: fr, zh-CN;q=0.8, en;q=0.5' "$page/")$(grep -c '<html lang="zh-CN">' "$home/body")" = 2001
ok "its style is there" test "$(code "$page/style.css")$(grep -ci 'content-type: text/css' "$home/head")" = 2001
ok "HEAD has no body" test "$(code -I "$page/")$(grep -ci 'content-length: [1-9]' "$home/head")" = 2001
for name in lab-a lab-b; do
  ok "the kubeconfig of $name is a download" test "$(code "$page/kubeconfig-$name.yaml")$(grep -ci "content-disposition: attachment; filename=\"kubeconfig-$name.yaml\"" "$home/head")" = 2001
  cp "$home/body" "$home/$name.yaml"
  ok "... that works" has '200 v1.' "$(check version "$home/$name.yaml")"
done
ok "lab-a has a load balancer, lab-b has none" test "$(curl -s "$page/" | grep -oE 'Load balancer">(yes|no)' | tr '\n' ' ')" = 'Load balancer">yes Load balancer">no '
for path in /x /kubeconfig-lab-c.yaml /../fedlcm-demo.lock /style.css/ //; do ok "nothing but its pages: $path" test "$(code --path-as-is "$page$path")$(grep -c 'There is no page' "$home/body")" = 4041; done
ok "only reading" test "$(code -d x=1 "$page/")$(grep -c 'only be read' "$home/body")$(grep -ci '^allow: GET, HEAD' "$home/head")" = 40511
ok "a foreign name for it is refused" test "$(code -H 'Host: evil.example' "$page/kubeconfig-lab-a.yaml")$(grep -c 'PRIVATE\|client-key' "$home/body")" = 4210
ok "no name too" test "$(code -H 'Host:' "$page/")" = 421
ok "localhost and this machine's name are not foreign" test "$(code -H "Host: localhost:$FEDLCM_DEMO_PAGE_PORT" "$page/")$(code -H "Host: $(hostname)" "$page/")" = 200200
ok "what is no request is refused in a sentence" has "not a request" "$(printf 'x\r\n\r\n' | timeout 5 python3 -B tests/demo/checks.py raw "$FEDLCM_DEMO_PAGE_PORT")"

# --- break and mend ------------------------------------------------------------------------------------------------------------------------------------------
no_break() { local want=$1 out; shift; out=$(make -s demo-break "$@" 2>&1) && { echo "status 0"; return 1; }; has "$want" "$out" || { echo "$out"; return 1; }; }
ok "break without anything says how" no_break "Name one thing to break"
ok "... with two things" no_break "Name one thing to break" IMAGE=mysql NODE=lab-a
ok "... with an empty one" no_break "Name one thing to break" IMAGE=
ok "... with an image that is none" no_break "No image has sqlmy in its name" IMAGE=sqlmy
ok "... with a cluster that is none" no_break "There is no cluster lab-c; the clusters are lab-a, lab-b" IMAGE=mysql CLUSTER=lab-c
ok "... with a node that is none" no_break "has no node node-9; its nodes are node-1" NODE=lab-b/node-9
ok "... with a value that is none" no_break "the only value is down" API=up
ok "mend without a fault says so" has "Nothing was broken" "$(make -s demo-mend 2>&1)"
lines() { while read -r line; do case $line in 'ok - '*) ok "${line#ok - }" true ;; 'not ok - '*) ok "${line#not ok - }" false ;; *) echo "$line" ;; esac; done; }
lines < <(check breaks "$FEDLCM_DEMO_STATE")

# --- ends ------------------------------------------------------------------------------------------------------------------------------------------------
ok "make demo-stop ends it" has "The demonstration has ended" "$(make -s demo-stop 2>&1)"
wait $demo
ok "... with status 0" test $? = 0
ok "... and leaves no process" none_left 1
ok "the state of make run was not touched" test "$(sum)" = "$before"
ok "it starts again, says that it starts afresh" start "$home/out"
ok "... as it does" has "was removed; this one starts afresh" "$(cat "$home/out")"
ok "an old kubeconfig is told where the new one is" has "401 This kubeconfig belongs to an earlier demonstration. Take the one of the demonstration that runs now from $page/" "$(check version "$home/lab-a.yaml")"
kill -9 $demo; wait $demo 2>/dev/null
ok "kill -9: everything that it started ends by itself" none_left 200
ok "... and the next start works" start "$home/out"
kill -9 $demo; wait $demo 2>/dev/null
ok "... also at once" start "$home/out"
for sig in HUP INT; do
  kill -$sig $demo
  wait $demo; rc=$?
  ok "$sig stops everything (status $rc)" none_left 1
  [ $sig = INT ] || start "$home/out" env LC_ALL=zh_CN.UTF-8
done
ok "a Chinese terminal reads Chinese" has "请用账户 Admin 和密码 admin 登录" "$(cat "$home/out")"
# On a busy machine 0.2 s are not enough for Python to have read the program: then the signal ends it itself (143), with nothing started yet.
kill_early() { start_only; sleep "$1"; kill -TERM $demo; wait $demo; case $? in 0 | 143) none_left 1 ;; *) return 1 ;; esac; }
start_only() { python3 -B tests/demo/demo.py up > "$home/out" 2>&1 & demo=$!; }
for after in 0.2 0.6 1.0; do ok "TERM $after s after the start leaves no process" kill_early $after; done

# --- other surroundings ----------------------------------------------------------------------------------------------------------------------------------
if [ $root = yes ] && id games >/dev/null 2>&1; then
  tree="$home/a checkout" sim=$(dirname "${DEMO_SIM:-tests/sim/sim.py}")
  mkdir -p "$tree/build/release" "$tree/tests" && cp -r conf "$tree/" && cp -r build/static "$tree/build/" && cp -r "${STACK_BIN:-build/release/bin}" "$tree/build/release/bin" && cp -r tests/demo "$sim" "$sim/../kubefate" "$tree/tests/"
  chmod 700 "$tree"
  plain=(env -u FEDLCM_DEMO_STATE -u DEMO_SIM -u STACK_BIN)
  in_tree() { cd "$tree" || return 1; start "$home/out" "$@"; local rc=$?; cd - >/dev/null || return 1; return $rc; }
  ok "as root in a checkout that others cannot enter" in_tree "${plain[@]}"
  closed=$(sed -nE 's/.*lab-a: (.*)\/clusters\/lab-a\/admin.kubeconfig/\1/p' "$home/out")
  ok "... its state lies elsewhere and it says so" grep -qF "lie in ${closed:-nowhere}." "$home/out"
  ok "... and the page works" test "$(code "$page/kubeconfig-lab-b.yaml")" = 200
  kill $demo; wait $demo
  ok "... and ends" none_left 1
  chown -R games "$tree" && chmod 755 "$tree"
  games=(setpriv --reuid=games --regid=games --clear-groups "${plain[@]}" PATH=/usr/bin:/bin)
  ok "as an ordinary user, with a blank in the path" in_tree "${games[@]}"
  ok "... state in var-demo/" test -d "$tree/var-demo/product/pg/data"
  ok "... closed to others" test "$(stat -c %a "$tree/var-demo")" = 700
  code "$page/kubeconfig-lab-a.yaml" >/dev/null
  ok "... the kubeconfig works" has '200 v1.' "$(check version "$home/body")"
  user() { (cd "$tree" && "${games[@]}" python3 -B tests/demo/demo.py "$@" 2>&1); }
  ok "... breaking too" has "the API server refuses connections" "$(user break API=down)"
  ok "... and mending" has "the API server answers again" "$(user mend)"
  ok "... and stopping" has "has ended" "$(user stop)"
  wait $demo
  ok "... which leaves no process" none_left 1
else skip "a closed checkout, an ordinary user (needs root to become one)"; fi

# --- the guide -------------------------------------------------------------------------------------------------------------------------------------------
if [ "${1:-}" != quick ]; then
  ok "the demonstration starts for the guide" start "$home/out"
  lines < <(python3 -B tests/demo/guide.py "$FEDLCM_DEMO_STATE" "$url")
  kill $demo || cat "$home/out" # it had ended by itself
  wait $demo
  ok "it ends with a used product in it" none_left 1
fi
if [ "${1:-}" = quick ]; then tally demo 60; else tally demo 112; fi
