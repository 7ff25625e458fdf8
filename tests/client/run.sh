#!/bin/bash
# Builds the client test and runs it on a cluster of its own: RIG=real (tests/realkube) or RIG=sim (tests/sim), or on KUBECONFIG_FILE when that is set. The
# expectations are the same. Last line: client: N passed, N failed, N skipped
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/rig.sh
b=build/${FLAVOUR:-release}
make --no-print-directory -s -j2 "$b/libfedlcm.a" >/dev/null || { echo "client: 0 passed, 1 failed, 0 skipped"; exit 1; }
mkdir -p "$b/client"
san=()
[ "${FLAVOUR:-release}" = asan ] && san=("-fsanitize=address,undefined" -fno-sanitize-recover=all)
# shellcheck disable=SC2046
${CC:-cc} -std=gnu17 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Wno-missing-field-initializers "${san[@]}" -Ifcgi -Ibuild/gen -include base/banned.h -o "$b/client/test_client" tests/client/test_client.c "$b/libfedlcm.a" \
  $(pkg-config --cflags --libs libpq json-c libcurl yaml-0.1 openssl libcrypt libarchive zlib) || { echo "client: 0 passed, 1 failed, 0 skipped"; exit 1; }
if [ -n "${KUBECONFIG_FILE:-}" ]; then "$b/client/test_client"; exit; fi
rig_layer client python3 -B tests/client/run.py "$b/client/test_client"
