#!/bin/bash
# Builds the client test and runs it against a real control plane of its own (tests/realkube), or against KUBECONFIG_FILE when that is set.
# Needs root (network namespace). Last line: client: N passed, N failed, N skipped
set -u
cd "$(dirname "$0")/../.." || exit 2
b=${CLIENT_BUILD:-build/${FLAVOUR:-release}}
[ -n "${CLIENT_BUILD:-}" ] || make --no-print-directory -s -j2 "$b/libfedlcm.a" >/dev/null || { echo "client: 0 passed, 1 failed, 0 skipped"; exit 1; }
mkdir -p "$b/client"
san=()
[ "${FLAVOUR:-release}" = asan ] && san=("-fsanitize=address,undefined" -fno-sanitize-recover=all)
# shellcheck disable=SC2046
${CC:-cc} -std=gnu17 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Wno-missing-field-initializers "${san[@]}" -Ifcgi "-I${CLIENT_GEN:-build/gen}" -include base/banned.h -o "$b/client/test_client" tests/client/test_client.c "$b/libfedlcm.a" \
  $(pkg-config --cflags --libs libpq json-c libcurl yaml-0.1 openssl libcrypt) || { echo "client: 0 passed, 1 failed, 0 skipped"; exit 1; }
if [ -n "${KUBECONFIG_FILE:-}" ]; then "$b/client/test_client"; exit; fi
rk=${REALKUBE:-build/realkube/realkube}
[ -x "$rk" ] || bash tests/realkube/build.sh || { echo "realkube cannot be built here"; echo "client: 0 passed, 0 failed, 1 skipped"; exit 0; }
[ "$(id -u)" = 0 ] || { echo "a network namespace needs root"; echo "client: 0 passed, 0 failed, 1 skipped"; exit 0; }
dir=$(mktemp -d)
pid=
finish() {
  [ -n "$pid" ] && kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
  rm -rf "$dir"
}
trap finish EXIT
unshare --net "$rk" up -dir "$dir" -clusters a >"$dir/log" 2>&1 &
pid=$!
for _ in $(seq 600); do
  [ -e "$dir/ready" ] && break
  kill -0 "$pid" 2>/dev/null || break
  sleep 0.1
done
[ -e "$dir/ready" ] || { tail -n 20 "$dir/log"; echo "client: 0 passed, 1 failed, 0 skipped"; exit 1; }
KUBECONFIG_FILE=$dir/a/admin.kubeconfig nsenter -t "$pid" -n "$b/client/test_client"
