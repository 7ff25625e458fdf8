#!/bin/bash
# Runs all unit test programs of one flavour against a throw-away PostgreSQL. Last line: unit: N passed, N failed, N skipped
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/pg.sh
flavour=${FLAVOUR:-release}
trap pg_stop EXIT
trap 'exit 130' INT TERM
pg_start || exit 2
# cmocka closes with "[  PASSED  ] 9 test(s)." and, where there are any, the same for FAILED and SKIPPED.
tally() { sed -nE "s/^\[  $1 *\] ([0-9]+) test\(s\).*/\1/p" <<<"$2" | tail -n 1; }
p=0 f=0 s=0
for t in build/"$flavour"/unit/test_*; do
  [[ $t != *.d && -x $t ]] || continue
  [ -f "tests/unit/$(basename "$t").c" ] || continue # built from a file that is gone
  out=$(timeout -k 10 600 "$t" 2>&1 </dev/null); rc=$?
  a=$(tally PASSED "$out") b=$(tally FAILED "$out") c=$(tally SKIPPED "$out")
  a=${a:-0} b=${b:-0} c=${c:-0}
  # A crash, a sanitizer's report or a failed set-up has no tally.
  [ $rc = 0 ] || { echo "--- $t (status $rc)"; grep -avE '^\[ (RUN|      OK)' <<<"$out" | tail -n 40; [ "$b" -gt 0 ] || b=1; }
  p=$((p + a)) f=$((f + b)) s=$((s + c))
done
echo "unit: $p passed, $f failed, $s skipped"
[ $f = 0 ] && [ $p -ge "${UNIT_LEAST:-30}" ]
