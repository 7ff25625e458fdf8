#!/bin/bash
# The guide and all pages in a headless browser, in rigs of their own, and a newcomer's tour of `make demo` (about six minutes).
# Last line: browser: N passed, N failed, N skipped
#   run.sh [en] [zh] [plain] [tour-en] [tour-zh]        one language, the walk without script, the tour of the demo; all by default
# Pictures of every page lie in build/screens/ afterwards, with an index.html; no verdict depends on them, and PICTURES=no saves what drawing takes, a
# third to a half of the processor time. What failed is kept as a picture all the same.
set -u
cd "$(dirname "$0")/../.." || exit 2
command -v chromium-headless-shell chromium >/dev/null || { echo "there is no chromium"; echo "browser: 0 passed, 0 failed, 1 skipped"; exit 0; }
. tests/lib/rig.sh
rig_layer browser python3 -B tests/browser/run.py "$@"
