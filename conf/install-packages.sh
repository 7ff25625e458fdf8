#!/bin/sh
# Installs the Debian packages that are missing: those of conf/packages.txt and of the lists named as arguments.
#
# Nothing is upgraded. No daemon of the system is started or changed, and no main PostgreSQL cluster is made: a temporary policy-rc.d and a temporary
# createcluster drop-in see to that, each only where the machine has no setting of its own; both are removed afterwards.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mark='# temporary, by FedLCM'
policy=/usr/sbin/policy-rc.d
cluster_dir=/etc/postgresql-common/createcluster.d
cluster=$cluster_dir/fedlcm-temporary.conf

# The packages that are not there, one a line: neither installed nor replaced by the file that the list names.
missing() {
  installed=" $(dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p' | tr '\n' ' ') "
  cat "$here/packages.txt" "$@" | while read -r package file; do
    case $package in '' | '#'*) continue ;; esac
    case $installed in *" $package "*) continue ;; esac
    if [ -n "$file" ]; then
      # shellcheck disable=SC2086  # a pattern on purpose
      set -- $file
      [ ! -e "$1" ] || continue
    fi
    echo "$package"
  done
}

undo() {
  rm -f "${prefer:-}"
  [ ! -f "$policy" ] || ! grep -qF "$mark" "$policy" || rm -f "$policy"
  [ ! -f "$cluster" ] || rm -f "$cluster"
  [ -z "${made_dir:-}" ] || rmdir --ignore-fail-on-non-empty -p "$cluster_dir" 2>/dev/null || true
}

quiet_services() {
  # The mark of an earlier run that was killed makes the file ours again.
  if [ ! -e "$policy" ] || grep -qF "$mark" "$policy"; then
    printf '#!/bin/sh\n%s\nexit 101\n' "$mark" > "$policy"
    chmod 755 "$policy"
  fi
  if ! grep -rqsE '^[[:space:]]*create_main_cluster' /etc/postgresql-common/createcluster.conf "$cluster_dir"; then
    [ -d "$cluster_dir" ] || made_dir=yes
    mkdir -p "$cluster_dir"
    printf '%s\ncreate_main_cluster = false\n' "$mark" > "$cluster"
  fi
}

apt() { LC_ALL=C apt-get ${prefer:+-o "Dir::Etc::preferences=$prefer"} "$@"; }
known() { apt -s install --no-install-recommends --no-upgrade "$@" >/dev/null 2>&1; }
upgrades() { apt -s install --no-install-recommends --no-upgrade "$@" 2>/dev/null | sed -n 's/^Inst \([^ ]*\) \[\(.*\)\] (\([^ ]*\).*/  \1 \2 -> \3/p'; }

# Packages of one source demand each other in exactly one version. So that a new one does not pull a newer version of what is there already, the version
# that is there is preferred for everything of its source, where the package sources still have it. A file of our own: no setting of the machine changes.
prefer_what_is_there() {
  prefer=$(mktemp)
  chmod 644 "$prefer"
  {
    cat /etc/apt/preferences 2>/dev/null || true
    dpkg-query -W -f='${db:Status-Status} ${source:Package} ${Version}\n' | sort -u | sed -n 's/^installed \([^ ]*\) \(.*\)/\nPackage: src:\1\nPin: version \2\nPin-Priority: 990/p'
  } > "$prefer"
}

list=$(missing "$@")
[ -n "$list" ] || exit 0
# shellcheck disable=SC2086  # a list of words on purpose
set -- $list
echo "Missing Debian packages: $*"
if [ "$(id -u)" != 0 ]; then
  echo "Only root can install them. Run as root: apt-get install --no-install-recommends $*" >&2
  exit 1
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "This machine has no apt-get. Install what these Debian 12 packages hold in its own way, then start again." >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
known "$@" || apt-get update -q
if ! known "$@"; then
  echo "apt-get cannot install them from the package sources of this machine; its reason:" >&2
  apt -s install --no-install-recommends --no-upgrade "$@" 2>&1 | grep -E '^(E:| )' | head -n 20 >&2
  exit 1
fi
trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
[ -z "$(upgrades "$@")" ] || prefer_what_is_there
# The version that is there may have left the package sources; then nothing goes with it, and what would be upgraded is named below.
[ -z "${prefer:-}" ] || known "$@" || { rm -f "$prefer"; prefer=; }
left=$(upgrades "$@")
if [ -n "$left" ] && [ "${FEDLCM_UPGRADE:-}" != yes ]; then
  printf 'They cannot be installed without upgrading packages that are there already:\n%s\nNothing was changed. To allow exactly these upgrades: make run FEDLCM_UPGRADE=yes\n' "$left" >&2
  exit 1
fi
nginx_is_new=yes
[ ! -e /etc/init.d/nginx ] || nginx_is_new=
quiet_services
[ -n "$left" ] || set -- --no-upgrade "$@"
install() { apt install -q -y --no-install-recommends --no-remove "$@"; }
install "$@" || { apt-get update -q; install "$@"; } # a list that is too old names files that are gone
# A new nginx would offer its sample page at the next boot of this machine.
if [ -n "$nginx_is_new" ] && [ -e /etc/init.d/nginx ] && command -v update-rc.d >/dev/null 2>&1; then
  update-rc.d nginx disable >/dev/null 2>&1 || true
  echo "The package's own nginx service stays switched off (update-rc.d nginx enable switches it on)."
fi
