#!/bin/bash
# HTTP tests against a whole private product. Last line: http: N passed, N failed, N skipped
#   run.sh [test_file[.Class[.method]]...]
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/stack.sh
trap stack_stop EXIT
trap 'exit 130' INT TERM
stack_start || { echo "http: 0 passed, 1 failed, 0 skipped"; exit 1; }
HTTP_PG_DIR=$(tr '\0' '\n' < "/proc/$(stack_part postgres)/cmdline" | grep -A1 -x -- -k | tail -n 1)
HTTP_POLLER=$(stack_part poller)
export HTTP_URL=$STACK_URL HTTP_STATE=$STACK_DIR/s HTTP_PG_DIR HTTP_POLLER
HTTP_ROUTES=$(stack_cli routes)
export HTTP_ROUTES
python3 -B tests/http/main.py "$@"
