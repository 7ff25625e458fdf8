# shellcheck shell=bash
# Counting for tests in shell: `ok NAME COMMAND...` counts and prints one test, `skip WHY` one that cannot run here, `has WORDS TEXT` looks for words,
# `tally LAYER LEAST` prints the closing line; its status is that of the layer.
passed=0 failed=0 skipped=0
ok() {
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); echo "ok - $name"; else failed=$((failed + 1)); echo "not ok - $name"; fi
}
skip() { skipped=$((skipped + 1)); echo "skipped - $1"; }
has() { grep -qF -- "$1" <<<"$2"; }
tally() {
  echo "$1: $passed passed, $failed failed, $skipped skipped"
  [ "$failed" = 0 ] && [ "$passed" -ge "$2" ]
}
