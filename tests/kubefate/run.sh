#!/bin/bash
# The contract tests of KubeFATE in a rig of their own (root; about a minute). Last line: kubefate: N passed, N failed, N skipped
#   run.sh [Class[.method]...]
# The same against the real program, to prove that the stand-in tells the truth (FACTS.md says how to get it):
#   KUBEFATE_PROGRAM='bash /path/start.sh' KUBEFATE_CHARTS=/path/charts run.sh
set -u
cd "$(dirname "$0")/../.." || exit 2
if [ "$(id -u)" != 0 ]; then
  echo "only root may make the network namespace of the rig"
  echo "kubefate: 0 passed, 0 failed, 1 skipped"
  exit 0
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
python3 -B tests/kubefate/run.py "$@" > "$out" 2>&1
code=$?
line=$(grep -E '^kubefate: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$out" | tail -n 1)
grep -vxF -- "${line:-no line}" "$out"
# Without that line something broke before the tests.
[ -n "$line" ] || { line="kubefate: 0 passed, 1 failed, 0 skipped"; code=1; }
echo "$line"
exit "$code"
