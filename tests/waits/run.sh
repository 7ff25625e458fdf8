#!/bin/bash
# Every cause for which an operation waits, made on a rig and read on the page in both languages; checks, repair, circuit breaker, removal as a whole.
#   run.sh controllers      only what the clusters' own controllers say (README.md): for real control planes
#   run.sh WORD...          tests with one of these in their names
# Last line: waits: N passed, N failed, N skipped
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/rig.sh
rig_layer waits python3 -B tests/lib/rigrun.py tests/waits/main.py "$@"
