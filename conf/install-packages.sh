#!/bin/sh
# Installs the Debian packages that are missing (conf/packages.txt and the lists named as arguments). Nothing is upgraded, no system daemon is started
# or changed, and no main PostgreSQL cluster is made: a temporary policy-rc.d and createcluster drop-in see to that where none exists.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
list=$(cat "$here/packages.txt" "$@" | grep -v '^#')
missing=
for p in $list; do
  dpkg-query -W -f='${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
# A virtual package counts when its provider is there (nginx-light by any nginx).
if command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ]; then missing=$(echo "$missing" | sed 's/ nginx-light\b//'); fi
[ -n "$(echo "$missing" | tr -d ' ')" ] || exit 0
echo "Missing Debian packages:$missing"
if [ "$(id -u)" != 0 ]; then
  echo "Install them as root: apt-get install --no-install-recommends$missing" >&2
  exit 1
fi
policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.d/fedlcm-none.conf
made_policy=
made_cluster=
undo() {
  [ -z "$made_policy" ] || rm -f "$policy"
  [ -z "$made_cluster" ] || { rm -f "$cluster"; rmdir /etc/postgresql-common/createcluster.d /etc/postgresql-common 2>/dev/null || true; }
}
trap undo EXIT
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
  made_policy=1
fi
if ! dpkg-query -W -f='${db:Status-Status}\n' postgresql-common 2>/dev/null | grep -qx installed; then
  mkdir -p "$(dirname "$cluster")"
  echo 'create_main_cluster = false' > "$cluster"
  made_cluster=1
fi
export DEBIAN_FRONTEND=noninteractive
[ -n "$(ls /var/lib/apt/lists/*_Packages 2>/dev/null)" ] || apt-get update -q
# shellcheck disable=SC2086  # a list of words on purpose
apt-get install -q -y --no-install-recommends --no-upgrade $missing || { apt-get update -q; apt-get install -q -y --no-install-recommends --no-upgrade $missing; }
