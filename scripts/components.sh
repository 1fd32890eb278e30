#!/usr/bin/env bash
# Fetches the programs that some tests, the demo and the bench use beside Node: clients, peers and network tools.
# Debian packages only; doing it again changes nothing. Consul, an older package, goes to a cache folder instead:
# ${UNDERSTUDY_COMPONENTS:-~/.cache/understudy/components}.
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
  nghttpx:nghttp2-proxy
  nft:nftables
  iptables:iptables
  ip:iproute2
  unshare:util-linux
  setpriv:util-linux
  busybox:busybox-static
  dig:bind9-dnsutils
  serf:serf
  etcd:etcd-server
  etcdctl:etcd-client
  chromium:chromium
  certutil:libnss3-tools
  debootstrap:debootstrap
  promtool:prometheus
)
# Consul is in bullseye, not in every later Debian: it is fetched from there and unpacked beside, never installed.
consul_suite=bullseye
consul="${UNDERSTUDY_COMPONENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/understudy/components}/consul-1.8.7/usr/bin/consul"
# module:package of Python
modules=(
  grpc:python3-grpcio
)
# library:package; what the Node of node_modules is linked to and a minimal system lacks
libraries=(
  libatomic.so.1:libatomic1
)

PATH="$PATH:/usr/sbin:/sbin" # an ordinary user's PATH may lack them

# where NAME: its path; nothing when it is not there
where() {
  case "$1" in
    consul) [ ! -x "$consul" ] || echo "$consul" ;;
    *.so.*) ldconfig -p | sed -n "s|^[[:space:]]*$1 .*=> ||p" | sed -n 1p ;;
    *) command -v "$1" || true ;;
  esac
}

# importable NAME: whether the Python of the system finds the module
importable() {
  /usr/bin/python3 -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$1') is None)" 2>/dev/null
}

missing() {
  local pair
  for pair in "${components[@]}" "${libraries[@]}"; do
    [ -n "$(where "${pair%%:*}")" ] || echo "${pair#*:}"
  done | sort -u
  for pair in "${modules[@]}"; do
    importable "${pair%%:*}" || echo "${pair#*:}"
  done
}

list() {
  local pair found
  for pair in "${components[@]}" "${libraries[@]}"; do
    found=$(where "${pair%%:*}")
    printf '%-14s %s\n' "${pair%%:*}" "${found:-missing (package ${pair#*:})}"
  done
  for pair in "${modules[@]}"; do
    importable "${pair%%:*}" && found="a module of Python" || found="missing (package ${pair#*:})"
    printf '%-14s %s\n' "${pair%%:*}" "$found"
  done
  found=$(where consul)
  printf '%-14s %s\n' consul "${found:-missing (package consul of $consul_suite)}"
}

# The mirror of this machine's own package sources, as an URL without a slash at its end.
mirror() {
  {
    sed -n 's/^URIs:[[:space:]]*//p' /etc/apt/sources.list.d/*.sources || true
    sed -nE 's/^deb ([^#]*\] )?([^ ]+) .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list || true
  } 2>/dev/null | tr ' ' '\n' | sed -nE 's|^(.*/debian)/?$|\1|p' | sed -n 1p
}

# Fetches Consul into the cache; the digest is that of the suite's own index.
fetch_consul() {
  local from arch dir entry
  from=$(mirror)
  if [ -z "$from" ]; then
    echo "components: no Debian mirror among the package sources of this machine, so no consul" >&2
    return 69
  fi
  arch=$(dpkg --print-architecture)
  dir=$(mktemp -d)
  curl -fsS -o "$dir/Packages.xz" "$from/dists/$consul_suite/main/binary-$arch/Packages.xz"
  entry=$(xzcat "$dir/Packages.xz" | sed -n '/^Package: consul$/,/^$/p')
  curl -fsS -o "$dir/consul.deb" "$from/$(sed -n 's/^Filename: //p' <<<"$entry")"
  echo "$(sed -n 's/^SHA256: //p' <<<"$entry")  $dir/consul.deb" | sha256sum --check --quiet
  dpkg -x "$dir/consul.deb" "$dir/unpacked"
  mkdir -p "$(dirname "${consul%/usr/bin/consul}")"
  rm -rf "${consul%/usr/bin/consul}"
  mv "$dir/unpacked" "${consul%/usr/bin/consul}"
  rm -rf "$dir"
}

case "${1:-}" in
  --list)
    list
    [ -z "$(missing)" ] && [ -x "$consul" ]
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
  if [ ! -x "$consul" ]; then
    echo "components: fetching consul"
    fetch_consul
  fi
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
if [ ! -x "$consul" ]; then
  echo "components: fetching consul"
  fetch_consul
fi
list
