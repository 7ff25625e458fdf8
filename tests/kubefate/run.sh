#!/bin/bash
# The contract tests of KubeFATE in a rig of their own (about a minute). Last line: kubefate: N passed, N failed, N skipped
#   run.sh [Class[.method]...]
# The same against the real program, to prove that the stand-in tells the truth (FACTS.md says how to get it and what it answered):
#   KUBEFATE_PROGRAM='sh /path/start' KUBEFATE_CHARTS=/path/charts run.sh
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/rig.sh
rig_layer kubefate python3 -B tests/kubefate/run.py "$@"
