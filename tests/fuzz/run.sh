#!/bin/bash
# Builds the fuzz targets with the sanitizers and runs each over its corpus (tests/fuzz/corpus/TARGET). FUZZ_SECS=60 goes on with fresh mutations.
# Last line: fuzz: N passed, N failed, N skipped (one test per corpus file)
set -u
cd "$(dirname "$0")/../.." || exit 2
b=${FUZZ_BUILD:-build/asan}
lib=$b/libfedlcm.a
[ -n "${FUZZ_BUILD:-}" ] || make --no-print-directory -s -j2 FLAVOUR=asan build/asan/libfedlcm.a >/dev/null || { echo "the library does not build with FLAVOUR=asan"; echo "fuzz: 0 passed, 1 failed, 0 skipped"; exit 1; }
flags=(-std=gnu17 -D_GNU_SOURCE -O1 -g "-fsanitize=address,undefined" -fno-sanitize-recover=all -fno-omit-frame-pointer -Wall -Wextra -Ifcgi "-I${FUZZ_GEN:-build/gen}" -include base/banned.h)
mkdir -p "$b/fuzz"
export ASAN_OPTIONS=abort_on_error=1:detect_leaks=0 UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1
p=0 f=0 s=0
for src in tests/fuzz/fuzz_*.c; do
  name=$(basename "$src" .c) name=${name#fuzz_}
  files=(tests/fuzz/corpus/"$name"/*)
  [ -e "${files[0]}" ] || { echo "$name: no corpus"; s=$((s + 1)); continue; }
  # shellcheck disable=SC2046
  if ! ${CC:-cc} "${flags[@]}" -o "$b/fuzz/$name" "$src" tests/fuzz/runner.c "$lib" $(pkg-config --cflags --libs libpq json-c libcurl yaml-0.1 openssl libcrypt libarchive zlib); then f=$((f + 1)); continue; fi
  if out=$(FUZZ_CRASH=$b/fuzz/$name.crash timeout $((300 + ${FUZZ_SECS:-0})) "$b/fuzz/$name" "${FUZZ_SECS:-0}" "${files[@]}" 2>&1); then
    echo "$name: ${#files[@]} files, $(tail -n 1 <<<"$out")"
    p=$((p + ${#files[@]}))
  else
    echo "--- $name failed; input in $b/fuzz/$name.crash"
    tail -n 40 <<<"$out"
    f=$((f + 1))
  fi
done
echo "fuzz: $p passed, $f failed, $s skipped"
[ $f = 0 ]
