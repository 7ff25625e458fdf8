#!/bin/bash
# Builds build/realkube/realkube when its sources are newer. Needs Go 1.25 or newer.
#   build.sh if-possible      without Go, or without root, who alone may use it: nothing
set -eu
[ "${1:-}" != if-possible ] || { [ "$(id -u)" = 0 ] && command -v go > /dev/null; } || exit 0
cd "$(dirname "$0")/../.."
out=build/realkube/realkube
mkdir -p build/realkube
if [ -x $out ] && [ -z "$(find tests/realkube -newer $out -name '*.go' -o -newer $out -name 'go.*')" ]; then exit 0; fi
# The version that the real programs would carry: the API server reports it at /version.
k=k8s.io/component-base/version
v="-X $k.gitVersion=v1.34.4 -X $k.gitMajor=1 -X $k.gitMinor=34"
(cd tests/realkube && go build -trimpath -ldflags="-s -w $v" -o "../../$out" .)
