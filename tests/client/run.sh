#!/bin/bash
# Builds the client test and runs it on a cluster of its own: RIG=real (tests/realkube) or RIG=sim (tests/sim), or on KUBECONFIG_FILE when that is set. The
# expectations are the same. Last line: client: N passed, N failed, N skipped
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/rig.sh
test_client=build/${FLAVOUR:-release}/client/test_client
make --no-print-directory -s "FLAVOUR=${FLAVOUR:-release}" "$test_client" || { echo "client: 0 passed, 1 failed, 0 skipped"; exit 1; }
if [ -n "${KUBECONFIG_FILE:-}" ]; then "$test_client"; exit; fi
rig_layer client python3 -B tests/client/run.py "$test_client"
