#!/bin/bash
# Faults between the product and a cluster, by a proxy of ours before the API server (under four minutes).
# Last line: faults: N passed, N failed, N skipped
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/rig.sh
rig_layer faults python3 -B tests/lib/rigrun.py tests/faults/main.py "$@"
