#!/bin/bash
# All unit test programs of one flavour, side by side, against a throw-away PostgreSQL. Last line: unit: N passed, N failed, N skipped
#   unit.sh [PROGRAM...]      those only, e.g. test_net
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/pg.sh
trap pg_stop EXIT
trap 'exit 130' INT TERM
pg_start || exit 2
python3 -B tests/lib/unit.py "build/${FLAVOUR:-release}/unit" "$@"
