# shellcheck shell=bash
# rig_layer NAME COMMAND...: runs a command that makes a rig, and ends with the layer's line; without root or Go it is skipped and says why.
rig_layer() {
  local name=$1 out code line
  shift
  if [ "$(id -u)" != 0 ]; then
    echo "only root may make the network namespace of the rig"
    echo "$name: 0 passed, 0 failed, 1 skipped"
    return 0
  fi
  if [ ! -x build/realkube/realkube ] && ! command -v go > /dev/null; then
    echo "the rig is not built, and Go is not there to build it"
    echo "$name: 0 passed, 0 failed, 1 skipped"
    return 0
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
