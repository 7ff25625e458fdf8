#!/bin/bash
# The scheduler of `make test`, on pretended layers. Last line: scheduler: N passed, N failed, N skipped
set -u
cd "$(dirname "$0")/../.." || exit 2
exec python3 -B tests/run/scheduler.py
