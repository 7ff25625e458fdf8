# shellcheck shell=bash
# Counting for tests in shell: `ok NAME COMMAND...` counts and prints one test with the seconds since the last one, `skip WHY` one that cannot run here,
# `has WORDS TEXT` looks for words, `tally LAYER LEAST` prints the closing line; its status is that of the layer.
passed=0 failed=0 skipped=0 last=$EPOCHREALTIME
ok() {
  local name=$1 good=yes tenths
  shift
  "$@" || good=no
  tenths=$(((${EPOCHREALTIME/./} - ${last/./} + 50000) / 100000)) last=$EPOCHREALTIME
  if [ $good = yes ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  printf '%-6s - %s  %d.%d s\n' "$([ $good = yes ] && echo ok || echo 'not ok')" "$name" $((tenths / 10)) $((tenths % 10))
}
skip() { skipped=$((skipped + 1)); echo "skipped - $1"; }
has() { grep -qF -- "$1" <<<"$2"; }
tally() {
  echo "$1: $passed passed, $failed failed, $skipped skipped"
  [ "$failed" = 0 ] && [ "$passed" -ge "$2" ]
}
