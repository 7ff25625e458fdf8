#!/bin/bash
# `make bench`: rates, times and memory of the product against a yardstick (bare.c). The load runs on one core, the product with its nginx and PostgreSQL on
# another. Every number is printed with what is demanded and whether it holds; the exit status only says whether all could be measured.
#   BENCH_SECONDS=4 (a round), BENCH_ROUNDS=3
set -u
cd "$(dirname "$0")/../.." || exit 2
[ "$(nproc)" -ge 2 ] || { echo "bench: two cores are needed, one for the load and one for the product"; exit 2; }
[ "$(id -u)" = 0 ] || { echo "bench: the memory of other accounts' processes can only be read as root"; exit 2; }
. tests/lib/stack.sh
out=$PWD/build/bench
mkdir -p "$out"
${CC:-cc} -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -o "$out"/load tests/bench/load.c || exit 2
# shellcheck disable=SC2046
${CC:-cc} -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra $(pkg-config --cflags libpq) -o "$out"/bare tests/bench/bare.c -lfcgi $(pkg-config --libs libpq) || exit 2
cpu_load=$(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' | sed -E 's/-.*//' | head -n 1)
cpu_product=$(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' | sed -E 's/.*-//' | tail -n 1)
STACK_ENTER=(taskset -c "$cpu_product")
trap stack_stop EXIT
trap 'exit 130' INT TERM
stack_start FEDLCM_KEYS_AHEAD=128 || exit 2
HTTP_PG_DIR=$(tr '\0' '\n' < "/proc/$(stack_part postgres)/cmdline" | grep -A1 -x -- -k | tail -n 1)
BENCH_PARTS=$(stack_run status)
export HTTP_URL=$STACK_URL HTTP_STATE=$STACK_DIR/s HTTP_PG_DIR BENCH_PARTS BENCH_LAUNCHER=$STACK_PID BENCH_CPU_LOAD=$cpu_load BENCH_CPU_PRODUCT=$cpu_product BENCH_BIN="$out"
export BENCH_TMP=$STACK_DIR
taskset -c "$cpu_load" python3 -B tests/bench/bench.py "$@" || exit 2
stack_stop
. tests/lib/pg.sh
pg_start || exit 2
trap 'pg_stop; stack_stop' EXIT
build/release/bench/month 2>/dev/null | grep -v '^\[' || exit 2
pg_stop
if [ -e tests/bench/times.py ]; then python3 -B tests/bench/times.py || exit 2; fi
