#!/bin/bash
# What `make check` looks at in what is built: layer direction, static analysis, shell scripts, nginx configurations, linked libraries.
# Last line: check: N passed, N failed, N skipped
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/ok.sh
bin=build/release/bin
layers() { build/tools/layercheck fcgi/*/*.c fcgi/*/*.h; }
ok "includes follow the layers, no function is used that is banned" layers
static() {
  mkdir -p build/cppcheck
  cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability --inline-suppr --suppressions-list=conf/cppcheck.txt --cppcheck-build-dir=build/cppcheck \
    -Ifcgi -Ibuild/gen "-j$(nproc)" -i fcgi/tools fcgi
}
ok "cppcheck" static
ok "shellcheck" shellcheck -x -S warning conf/*.sh tests/*/*.sh .ci/run
ok "nginx -t on every configuration" bash tests/run/nginx_check.sh
linked() { local p; for p in "$bin"/*; do ! readelf -d "$p" | grep NEEDED | grep -q jansson || { echo "$p links jansson, whose functions clash with json-c's"; return 1; }; done; }
ok "no program links jansson" linked
tally check 5
