#!/usr/bin/env bash
# Fetches the programs that some tests, the demo and the bench use beside Node: clients, peers and network tools.
# Debian packages only; doing it again changes nothing.
#
#   scripts/components.sh          installs what is missing (as root, or through sudo)
#   scripts/components.sh --list   shows what is there and what is not; exit code 1 when something is missing
set -euo pipefail

# program:package
components=(
  curl:curl
  python3:python3
  nginx:nginx-light
  haproxy:haproxy
  wrk:wrk
  h2load:nghttp2-client
  nft:nftables
  iptables:iptables
  ip:iproute2
  unshare:util-linux
  setpriv:util-linux
  busybox:busybox-static
  dig:bind9-dnsutils
  serf:serf
)
# library:package; what the Node of node_modules is linked to and a minimal system lacks
libraries=(
  libatomic.so.1:libatomic1
)

PATH="$PATH:/usr/sbin:/sbin" # an ordinary user's PATH may lack them

# where NAME: its path; nothing when it is not there
where() {
  case "$1" in
    *.so.*) ldconfig -p | sed -n "s|^[[:space:]]*$1 .*=> ||p" | sed -n 1p ;;
    *) command -v "$1" || true ;;
  esac
}

missing() {
  local pair
  for pair in "${components[@]}" "${libraries[@]}"; do
    [ -n "$(where "${pair%%:*}")" ] || echo "${pair#*:}"
  done | sort -u
}

list() {
  local pair found
  for pair in "${components[@]}" "${libraries[@]}"; do
    found=$(where "${pair%%:*}")
    printf '%-14s %s\n' "${pair%%:*}" "${found:-missing (package ${pair#*:})}"
  done
}

case "${1:-}" in
  --list)
    list
    [ -z "$(missing)" ]
    exit
    ;;
  "") ;;
  *)
    echo "components: expected --list or nothing, got \"$1\"" >&2
    exit 64
    ;;
esac

mapfile -t packages < <(missing)
if [ "${#packages[@]}" -eq 0 ]; then
  echo "components: everything is there"
  exit 0
fi

if ! command -v apt-get >/dev/null; then
  echo "components: no apt-get here; please install by other means: ${packages[*]}" >&2
  exit 69
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "components: needs root, or sudo, to install: ${packages[*]}" >&2
    exit 77
  fi
  as_root=(sudo)
fi

# Servers are started by the tests themselves, on ports of their own: installing one must not start it.
policy=/usr/sbin/policy-rc.d
made_policy=no
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  made_policy=yes
fi
restore() { if [ "$made_policy" = yes ]; then "${as_root[@]}" rm -f "$policy"; fi; }
trap restore EXIT

echo "components: installing ${packages[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
list
