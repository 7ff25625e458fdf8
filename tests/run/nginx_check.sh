#!/bin/bash
# `nginx -t` on a rendered configuration.
set -eu
cd "$(dirname "$0")/../.."
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
mkdir -p "$d/nginx" "$d/web" "$d/static"
sed -e "s|@LISTEN@|127.0.0.1:9099|; s|@SSL@||; s|@HTTPS@||; s|@STATIC@|$d/static|; s|@STATE@|$d|g; s|@SOCK@|$d|g" conf/nginx.conf.in > "$d/nginx.conf"
/usr/sbin/nginx -t -q -p "$d/nginx/" -c "$d/nginx.conf" -e stderr
grep -q 'fastcgi_keep_conn off' "$d/nginx.conf"
echo "nginx -t: in order"
