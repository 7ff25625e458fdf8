# shellcheck shell=bash
# rig_layer NAME COMMAND...: runs a command that makes a rig (tests/lib/rig.py), and ends with the layer's line. RIG=real without root or Go: skipped, with the
# reason. Without RIG real control planes are taken where they can be had, and the simulator elsewhere.
rig_layer() {
  local name=$1 out code line why=
  shift
  if [ "${RIG:-}" = real ]; then
    [ "$(id -u)" = 0 ] || why="only root may make the network namespace that real control planes need"
    [ -x build/realkube/realkube ] || command -v go > /dev/null || why="the real control planes are not built, and Go is not there to build them"
    [ -z "$why" ] || { echo "$why"; echo "$name: 0 passed, 0 failed, 1 skipped"; return 0; }
  fi
  out=$(mktemp)
  "$@" > "$out" 2>&1
  code=$?
  line=$(grep -E "^$name: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$" "$out" | tail -n 1)
  grep -vxF -- "${line:-no line}" "$out"
  rm -f "$out"
  # Without that line something broke before the tests.
  [ -n "$line" ] || { line="$name: 0 passed, 1 failed, 0 skipped"; code=1; }
  echo "$line"
  return "$code"
}
