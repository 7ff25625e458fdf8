#!/bin/bash
# Runs a layer and shows its closing line; everything when it fails.
#   quiet.sh SCRIPT [ARGUMENT...]
out=$(bash "$@" 2>&1) && tail -n 1 <<<"$out" && exit 0
echo "$out"
exit 1
