#!/bin/bash
# The guide and what goes wrong around it, through the JSON API, with the stand-in of KubeFATE, on real control planes (under four minutes) or the simulator.
# Last line: flow: N passed, N failed, N skipped
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/rig.sh
rig_layer flow python3 -B tests/lib/rigrun.py tests/flow/main.py "$@"
