#!/bin/bash
# Tests of the simulator itself (neither root nor Go; half a minute). Last line: sim: N passed, N failed, N skipped
set -u
cd "$(dirname "$0")/../.." || exit 2
exec python3 -B tests/sim/test_sim.py
