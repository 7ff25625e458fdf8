#!/bin/bash
# Runs all unit test programs of one flavour against a throw-away PostgreSQL. Last line: unit: N passed, N failed, N skipped
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/pg.sh
flavour=${FLAVOUR:-release}
trap pg_stop EXIT
pg_start || exit 2
p=0 f=0 s=0
for t in build/"$flavour"/unit/test_*; do
  [[ $t == *.d ]] && continue
  out=$("$t" 2>&1); rc=$?
  a=$(grep -c '^\[       OK \]' <<<"$out") b=$(grep -c '^\[  FAILED  \] [a-z_]*$' <<<"$out") c=$(grep -c '^\[  SKIPPED \] [a-z_]*$' <<<"$out")
  [ $rc = 0 ] || { echo "--- $t (status $rc)"; grep -vE '^\[ (RUN|      OK)' <<<"$out" | tail -40; [ "$b" -gt 0 ] || b=1; }
  p=$((p + a)) f=$((f + b)) s=$((s + c))
done
echo "unit: $p passed, $f failed, $s skipped"
[ $f = 0 ] && [ $p -ge ${UNIT_LEAST:-30} ]
