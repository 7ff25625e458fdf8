#!/bin/bash
# `make scale`: many deployments at once on clusters that a C responder pretends (clusters.h), some of them dead. The responder and the driver run on one
# core, the product with its nginx and PostgreSQL on another. Every number is printed with what is demanded.
#   run.sh smoke                 forty deployments on four clusters, one of them dead, no verdicts about time or memory (a layer of `make test`)
#   SCALE_PARTIES=1000 SCALE_CLUSTERS=50 SCALE_DEAD=8 SCALE_ARRIVE=150 (seconds) SCALE_JOB=180-360 (seconds) SCALE_DELAY=5 (ms an answer takes)
# Last line: scale: N passed, N failed, N skipped
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/stack.sh
smoke=
[ "${1:-}" != smoke ] || smoke=1
keys=128
[ -z "$smoke" ] || keys=2
out=$PWD/build/scale
make --no-print-directory build/scale/responder > /dev/null || exit 2
if [ -z "$smoke" ]; then
  [ "$(nproc)" -ge 2 ] || { echo "two cores are needed, one for the clusters and one for the product"; echo "scale: 0 passed, 0 failed, 1 skipped"; exit 0; }
  [ "$(id -u)" = 0 ] || { echo "the memory of other accounts' processes can only be read as root"; echo "scale: 0 passed, 0 failed, 1 skipped"; exit 0; }
  export SCALE_CPU_LOAD SCALE_CPU_PRODUCT
  SCALE_CPU_LOAD=$(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' | sed -E 's/-.*//' | head -n 1)
  SCALE_CPU_PRODUCT=$(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' | sed -E 's/.*-//' | tail -n 1)
  STACK_ENTER=(taskset -c "$SCALE_CPU_PRODUCT")
fi
trap stack_stop EXIT
trap 'exit 130' INT TERM
stack_start FEDLCM_KEYS_AHEAD="$keys" FEDLCM_PG_OPTIONS="-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_preload_libraries=pg_stat_statements" || exit 2
export SCALE_URL=$STACK_URL SCALE_STATE=$STACK_DIR/s SCALE_PORT=$STACK_PORT SCALE_TMP=$STACK_DIR SCALE_BIN=$out SCALE_SMOKE=$smoke
if [ -n "$smoke" ]; then python3 -B tests/scale/scale.py; else taskset -c "$SCALE_CPU_LOAD" python3 -B tests/scale/scale.py; fi
