#!/bin/bash
# `nginx -t` on the configuration that fedlcm-run renders: plain, behind a proxy, with TLS; and on the example of a machine in front.
set -eu
cd "$(dirname "$0")/../.."
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
chmod 755 "$d"
check() { # what, settings...
  local what=$1 argv
  shift
  rm -rf "$d/s"
  argv=$(env FEDLCM_STATE="$d/s" FEDLCM_PORT=65431 "$@" "${STACK_BIN:-build/release/bin}/fedlcm-run" render 2>"$d/err") || { cat "$d/err"; exit 1; }
  mapfile -t argv <<<"$argv"
  "${argv[@]}" -t -q || { echo "nginx -t: $what: not in order"; exit 1; }
  # Kept FastCGI connections pin idle workers (reference 81 section 4).
  grep -q '^ *fastcgi_keep_conn off;' "$d/s/app/nginx.conf"
  ! grep -nE '@[A-Z_0-9]+@' "$d/s/app/nginx.conf" "$d"/s/app/front/*.html || { echo "nginx -t: $what: a name was not filled in"; exit 1; }
}
check plain X=
check proxy FEDLCM_BEHIND_PROXY=yes "FEDLCM_PROXY_FROM=10.0.0.1, 192.168.0.0/16"
check "self-made TLS" FEDLCM_TLS=self-made FEDLCM_LISTEN=::1
rm -rf "$d/own" && mkdir "$d/own"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$d/own/key" -out "$d/own/crt" -subj /CN=localhost -days 2 2>/dev/null
check "own TLS files" FEDLCM_TLS_CERT="$d/own/crt" FEDLCM_TLS_KEY="$d/own/key"
mkdir "$d/front"
sed "s#/etc/ssl/fedlcm\\.#$d/own/#; s#events {#pid $d/front/pid; events {#" conf/nginx-front.conf > "$d/front/nginx.conf"
PATH="$PATH:/usr/sbin" nginx -t -q -e stderr -p "$d/front" -c nginx.conf || { echo "nginx -t: conf/nginx-front.conf: not in order"; exit 1; }
echo "nginx -t: in order"
