#!/usr/bin/env bash
# Follows the Dockerfile without a Docker engine: its stages become debootstrap roots, RUN happens in a chroot, COPY
# copies what .dockerignore lets through. Then the finished root is tried as the user that the image names.
# Needs root and debootstrap; takes a minute and a half, most of it debootstrap. The base image (Debian slim with Node) is imitated with the Node of
# node_modules and the npm of this machine. Knows FROM, WORKDIR, COPY, RUN, ENV, USER, LABEL, ENTRYPOINT and CMD.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ "$(id -u)" -eq 0 ] || { echo "try-dockerfile: needs root (chroot, debootstrap)" >&2; exit 77; }
command -v debootstrap >/dev/null || { echo "try-dockerfile: needs debootstrap (apt-get install debootstrap)" >&2; exit 69; }

work=$(mktemp -d)
mounted=()
cleanup() {
  local at
  for ((at = ${#mounted[@]} - 1; at >= 0; at--)); do umount "${mounted[at]}" || true; done
  # Should a mount be left, nothing is removed through it.
  rm -rf --one-file-system "$work"
}
trap cleanup EXIT
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; } |
  sed -nE '/^(deb|URIs:)/s/.*(https?:[^ ]+\/debian)\/?( .*|$)/\1/p' | sed -n 1p)

# As in the image, Node brings libatomic1 along.
base() {
  echo "== base: $suite, slim, with Node"
  timeout 600 debootstrap --variant=minbase --include=ca-certificates,libatomic1 "$suite" "$work/base" ${mirror:+"$mirror"} >"$work/debootstrap.log" ||
    { tail -5 "$work/debootstrap.log" >&2; exit 1; }
  # This machine's ways to its registries and its certificates.
  cp -a /etc/apt/. "$work/base/etc/apt/"
  cp /etc/ssl/certs/ca-certificates.crt "$work/base/etc/ssl/certs/"
  cp /etc/resolv.conf "$work/base/etc/resolv.conf"
  npm config get registry >"$work/registry"
  local npm
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  cp -L "$root/node_modules/node/bin/node" "$work/base/usr/local/bin/node"
  mkdir -p "$work/base/usr/local/lib/node_modules"
  cp -aL "$npm" "$work/base/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/base/usr/local/bin/npm"
  chroot "$work/base" groupadd --gid 1000 node
  chroot "$work/base" useradd --uid 1000 --gid 1000 --no-create-home node
}

enter() { # starts a stage in a copy of the base
  stage=$1
  cp -a "$work/base" "$work/$stage"
  mount -t proc proc "$work/$stage/proc" && mounted+=("$work/$stage/proc")
  mount --bind /dev "$work/$stage/dev" && mounted+=("$work/$stage/dev")
  cd_in=/
  environment=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "HOME=/root"
    "NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt" "npm_config_registry=$(cat "$work/registry")")
  user=0:0
}

# What may be copied: the lines of .dockerignore that begin with an exclamation mark.
allowed() {
  local entry
  while read -r entry; do
    case "$1" in "${entry#!}" | "${entry#!}"/*) return 0 ;; esac
  done < <(grep '^!' "$root/.dockerignore")
  return 1
}

copy() { # [--from=STAGE] SOURCE… TARGET
  local from=$root words=("$@") target source
  if [[ ${words[0]} == --from=* ]]; then
    from=$work/${words[0]#--from=}
    words=("${words[@]:1}")
  fi
  target=${words[-1]}
  [[ $target == /* ]] || target=$cd_in/$target
  for source in "${words[@]:0:${#words[@]}-1}"; do
    if [ "$from" = "$root" ]; then
      allowed "$source" || { echo "COPY $source: .dockerignore keeps it out" >&2; exit 1; }
    fi
    # Docker copies the contents of a folder, and a file into a target that ends with a slash.
    if [ -d "$from/$source" ]; then
      mkdir -p "$work/$stage$target"
      cp -a "$from/$source/." "$work/$stage$target/"
    else
      [[ $target == */ ]] && mkdir -p "$work/$stage$target"
      cp -a "$from/$source" "$work/$stage$target"
    fi
  done
}

inside() { # runs its arguments in the stage as the image's user
  timeout 600 chroot --userspec="$user" "$work/$stage" env -i "${environment[@]}" \
    sh -c 'cd "$1" && shift && exec "$@"' sh "$cd_in" "$@"
}

in_network() { # the same in a network of its own, as USER
  local as=$1
  shift
  timeout 60 unshare --net sh -c 'ip link set lo up && exec "$@"' sh \
    chroot --userspec="$as" "$work/$stage" env -i "${environment[@]}" "$@"
}

base
number=0
while read -r word rest; do
  case "$word" in
    "" | \#*) continue ;;
    FROM)
      echo "== $word $rest"
      if [[ $rest == *" AS "* ]]; then enter "${rest##* AS }"; else enter "stage$((number += 1))"; fi
      ;;
    WORKDIR)
      cd_in=$rest
      mkdir -p "$work/$stage$rest"
      ;;
    COPY)
      echo "-- COPY $rest"
      # shellcheck disable=SC2086 # words are meant to be split
      copy $rest
      ;;
    RUN)
      echo "-- RUN $rest"
      inside sh -c "$rest" >"$work/run.log" 2>&1 || { tail -40 "$work/run.log" >&2; exit 1; }
      ;;
    ENV) environment+=("$rest") ;;
    USER) user=$rest ;;
    LABEL | ENTRYPOINT | CMD) ;;
    *)
      echo "try-dockerfile: does not know $word" >&2
      exit 1
      ;;
  esac
done <"$root/Dockerfile"

echo "== the finished root, as user $user"
inside understudy --version
inside understudy --help >/dev/null
inside sh -c 'command -v nft && nft --version'
inside sh -c '! test -w /opt/understudy && ! ls /opt/understudy/src 2>/dev/null'
inside sh -c 'printf "version: 1\nrules: []\n" > /tmp/rules.yaml && understudy rules check /tmp/rules.yaml'
echo "== a sidecar in a network of its own, as user $user, and the redirection, as root"
# Ends with the exit code of the sidecar after SIGTERM.
in_network "$user" sh -c '
  understudy sidecar >/tmp/log 2>&1 &
  for attempt in $(seq 100); do
    if node -e "fetch(\"http://127.0.0.1:15090/readyz\").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"; then
      kill $! && wait $!
      exit
    fi
    sleep 0.1
  done
  echo "the sidecar is not ready after $attempt attempts:" >&2
  cat /tmp/log >&2
  exit 1'
in_network 0:0 sh -c "understudy redirect up --uid ${user%%:*} && understudy redirect show && understudy redirect down" >"$work/redirect.log"
grep -q "meta skuid ${user%%:*} return" "$work/redirect.log"
echo "understudy adds $(du -sm "$work/$stage/opt/understudy" | cut -f1) MB to the base"
echo "try-dockerfile: every step works"
