#!/bin/bash
# The real poller killed from outside while it works on a cluster (about five minutes). Last line: kills: N passed, N failed, N skipped
#   KILLS_SEED=number   repeats the choices of a run (printed at its start)
#   KILLS=number        kills per phase, exchange and clusters (50)
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/rig.sh
rig_layer kills python3 -B tests/kills/run.py
