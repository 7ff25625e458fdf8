#!/bin/bash
# All tests, one layer after the other. Closes with: N passed, N failed, N skipped. Under CI=true a skipped layer is a failure, and each layer states the
# least number of tests that it must have executed.
set -u
cd "$(dirname "$0")/.." || exit 2
P=0 F=0 S=0
layer() { # name, least, command...
  local name=$1 least=$2 out rc line p f s
  shift 2
  echo "== $name"
  out=$("$@" 2>&1); rc=$?
  line=$(grep -E "^[a-z]+: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$" <<<"$out" | tail -n 1)
  read -r p f s <<<"$(sed -E 's/[^0-9]+/ /g' <<<"${line:-0 1 0}")"
  [ $rc = 0 ] || [ "$f" -gt 0 ] || f=1
  if [ "$p" -lt "$least" ] && [ "$f" = 0 ]; then
    if [ "${CI:-}" = true ]; then echo "layer $name executed $p tests, at least $least are demanded"; f=1; elif [ "$s" = 0 ]; then s=1; fi
  fi
  [ "$f" = 0 ] && tail -n 1 <<<"$line" || { grep -nE -A 2 "^(not ok|FAIL|VIOLATION)" <<<"$out" | cut -c1-900; tail -n 60 <<<"$out"; }
  P=$((P + p)) F=$((F + f)) S=$((S + s))
}
. tests/layers.sh
echo "$P passed, $F failed, $S skipped"
[ $F = 0 ] && { [ "${CI:-}" != true ] || [ $S = 0 ]; }
