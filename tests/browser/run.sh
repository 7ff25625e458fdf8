#!/bin/bash
# The guide and all pages in a headless browser, in a rig of their own (root; about four minutes). Last line: browser: N passed, N failed, N skipped
#   run.sh [en] [zh] [plain]        one language, or the walk without script; all by default
# Pictures of every page lie in build/screens/ afterwards, with an index.html.
set -u
cd "$(dirname "$0")/../.." || exit 2
skip() { echo "$1"; echo "browser: 0 passed, 0 failed, 1 skipped"; exit 0; }
[ "$(id -u)" = 0 ] || skip "only root may make the network namespace of the rig"
command -v chromium >/dev/null || skip "there is no chromium"
[ -x build/realkube/realkube ] || command -v go >/dev/null || skip "there is no Go to build the rig with"
out=$(mktemp)
trap 'rm -f "$out"' EXIT
python3 -B tests/browser/run.py "$@" 2>&1 | tee "$out"
code=${PIPESTATUS[0]}
# Without the closing line something broke before the tests.
tail -n 1 "$out" | grep -qE '^browser: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' || { echo "browser: 0 passed, 1 failed, 0 skipped"; code=1; }
exit "$code"
