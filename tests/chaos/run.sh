#!/bin/bash
# The whole product under random faults while deployments come and go (three minutes of faults, some more to settle and to remove everything).
# Last line: chaos: N passed, N failed, N skipped
#   SEED=number      the order of the faults (random; it is the first line of the output)
#   MINUTES=number   how long faults are made (3)
# Report: build/chaos/SEED/report.txt and report.json
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/rig.sh
rig_layer chaos python3 -B tests/chaos/run.py
