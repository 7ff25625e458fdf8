#!/bin/bash
# conf/install-packages.sh against a pretended apt: what it installs, what it refuses, what it says. Last line: packages: N passed, N failed, N skipped
# The pretended machine has libcurl4 in version 1, and libcurl4-openssl-dev is missing, which demands libcurl4 in its own version.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/lib/ok.sh
[ "$(id -u)" = 0 ] || { skip "installing packages (needs root)"; tally packages 0; exit 0; }
dir=$(mktemp -d /tmp/fpkg.XXXXXX)
trap 'rm -rf "$dir"' EXIT
cat > "$dir/dpkg-query" <<'F'
#!/bin/sh
case $2 in
*source*) echo "installed curl 1" ;;
*) for p in gcc libc6-dev make pkg-config libfcgi-dev libpq-dev libjson-c-dev libyaml-dev libssl-dev libcrypt-dev libarchive-dev zlib1g-dev postgresql nginx libcurl4 $INSTALLED; do echo "installed $p"; done ;;
esac
F
# SERVED: versions that the package sources have. With a preference for version 1 apt never takes another.
cat > "$dir/apt-get" <<'F'
#!/bin/sh
pin= simulate=
for a; do case $a in *preferences=*) pin=yes ;; -s) simulate=yes ;; update) exit 0 ;; no-such-package) exit 100 ;; esac; done
case "$SERVED/$pin" in
*1*/yes) version=1 ;;
2/yes) echo "E: Unable to correct problems, you have held broken packages."; exit 100 ;;
*) version=2 ;;
esac
[ $version = 1 ] || echo "Inst libcurl4 [1] (2 Debian:12.15 [amd64])"
echo "Inst libcurl4-openssl-dev ($version Debian:12.15 [amd64])"
[ -n "$simulate" ] || echo "$version" >> "$LOG"
F
printf '#!/bin/sh\n' > "$dir/update-rc.d"
chmod +x "$dir"/*
export LOG=$dir/log
try() { : > "$LOG"; says=$(env -u FEDLCM_UPGRADE PATH="$dir:$PATH" INSTALLED="${INSTALLED:-}" "$@" sh conf/install-packages.sh 2>&1); rc=$?; }
installed() { [ "$rc" = 0 ] && [ "$(cat "$LOG")" = "$1" ]; }
refused() { [ "$rc" != 0 ] && [ ! -s "$LOG" ]; }

INSTALLED=libcurl4-openssl-dev try SERVED="1 2"
ok "nothing missing: nothing is done and nothing said" test "$rc/$says/$(wc -c < "$LOG")" = 0//0
try SERVED="1 2"
ok "the missing package is named" has "Missing Debian packages: libcurl4-openssl-dev" "$says"
ok "... and comes in the version of what is there, so that nothing goes up" installed 1
try SERVED=2
ok "an upgrade that cannot be avoided is refused, and nothing changes" refused
ok "... naming the package and both versions" has "libcurl4 1 -> 2" "$says"
ok "... and what to do" has "make run FEDLCM_UPGRADE=yes" "$says"
try SERVED=2 FEDLCM_UPGRADE=yes
ok "allowed, it is made" installed 2
left() { grep -qs 'temporary, by FedLCM' /usr/sbin/policy-rc.d /etc/postgresql-common/createcluster.d/fedlcm-temporary.conf; }
ok "no temporary setting is left" test "$(left && echo left)" = ""
tally packages 8
