#!/bin/bash
# The real poller killed from outside while it works on a real control plane (root, Go; about five minutes). Last line: kills: N passed, N failed, N skipped
#   KILLS_SEED=number   repeats the choices of a run (printed at its start)
#   KILLS=number        kills per phase, exchange and clusters (50)
set -u
cd "$(dirname "$0")/../.." || exit 2
skip() {
  echo "$1"
  echo "kills: 0 passed, 0 failed, 1 skipped"
  exit 0
}
[ "$(id -u)" = 0 ] || skip "only root may make the network namespace of the rig"
[ -x build/realkube/realkube ] || command -v go > /dev/null || skip "the rig is not built and Go is not there to build it"
out=$(mktemp)
trap 'rm -f "$out"' EXIT
python3 -B tests/kills/run.py > "$out" 2>&1
code=$?
line=$(grep -E '^kills: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$out" | tail -n 1)
grep -vxF -- "${line:-no line}" "$out"
# Without that line something broke before the tests.
[ -n "$line" ] || { line="kills: 0 passed, 1 failed, 0 skipped"; code=1; }
echo "$line"
exit "$code"
