#!/bin/bash
# The guide and what goes wrong around it, through the JSON API, with the stand-in of KubeFATE: RIG=sim all of it, RIG=real what README.md lists.
#   run.sh [guide]      the guide only
# Last line: flow: N passed, N failed, N skipped
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/rig.sh
rig_layer flow python3 -B tests/lib/rigrun.py tests/flow/main.py "$@"
