#!/bin/bash
# Builds the fuzz targets with the sanitizers and runs each over its corpus (tests/fuzz/corpus/TARGET). FUZZ_SECS=60 goes on with fresh mutations.
# Last line: fuzz: N passed, N failed, N skipped (one test per corpus file)
set -u
cd "$(dirname "$0")/../.." || exit 2
b=build/asan/fuzz
make --no-print-directory -s -j2 FLAVOUR=asan fuzzers || { echo "the targets do not build with FLAVOUR=asan"; echo "fuzz: 0 passed, 1 failed, 0 skipped"; exit 1; }
export ASAN_OPTIONS=abort_on_error=1:detect_leaks=0 UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1
p=0 f=0 s=0
for src in tests/fuzz/fuzz_*.c; do
  name=$(basename "$src" .c) name=${name#fuzz_}
  files=(tests/fuzz/corpus/"$name"/*)
  [ -e "${files[0]}" ] || { echo "skipped $name: no corpus"; s=$((s + 1)); continue; }
  if out=$(FUZZ_CRASH=$b/$name.crash timeout $((300 + ${FUZZ_SECS:-0})) "$b/$name" "${FUZZ_SECS:-0}" "${files[@]}" 2>&1); then
    printf "ok     $name: %s\n" "${files[@]##*/}"
    echo "$name: $(tail -n 1 <<<"$out")"
    p=$((p + ${#files[@]}))
  else
    echo "not ok $name: input in $b/$name.crash"
    tail -n 40 <<<"$out"
    f=$((f + 1))
  fi
done
echo "fuzz: $p passed, $f failed, $s skipped"
[ $f = 0 ]
