#!/usr/bin/env bash
# Packs the package as npm would publish it, installs it into an empty folder, and tries it there: its version, a check
# of rules, and calls through it that are relayed and mocked. Leaves nothing behind.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
PATH="$root/node_modules/.bin:$PATH" # the Node of the checkout, where the machine's is older
scratch=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$scratch"
}
trap cleanup EXIT
fail() {
  echo "try-package: $*" >&2
  exit 1
}
# wait_for NAME COMMAND…: until it succeeds, 10 s at most
wait_for() {
  local name=$1 attempt
  shift
  for attempt in $(seq 100); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  fail "$name is not there after 10 s ($attempt attempts)"
}

echo "== pack"
cd "$root"
tarball=$(npm pack --silent --pack-destination "$scratch" | tail -1)
files=$(tar -tzf "$scratch/$tarball")
if grep -E '\.ts$' <<<"$files" | grep -vE '\.d\.ts$'; then fail "the package holds TypeScript sources"; fi
if grep -E '(^|/)(test|bench|scripts)/' <<<"$files"; then fail "the package holds files of the repository"; fi
echo "$tarball: $(wc -l <<<"$files") files, $(stat -c %s "$scratch/$tarball") bytes"

echo "== install"
mkdir "$scratch/clean"
cd "$scratch/clean"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts "$scratch/$tarball" >/dev/null
understudy="$scratch/clean/node_modules/.bin/understudy"

echo "== run"
"$understudy" --version
cat >rules.yaml <<'RULES'
version: 1
rules:
  - name: mocked
    matches: [{path: /mocked}]
    respond: {status: 418, body: short and stout}
RULES
"$understudy" rules check rules.yaml
# A server and two ports, from Node itself: nothing else needs to be installed.
node -e '
  const http = require("http"), fs = require("fs"), net = require("net");
  const server = http.createServer((_q, r) => r.end("the real one")).listen(0, "127.0.0.1", () => {
    const probe = net.createServer().listen(0, "127.0.0.1", () => {
      const free = probe.address().port;
      probe.close(() => fs.writeFileSync("ports", `${server.address().port} ${free}\n`));
    });
  });
' &
pids+=($!)
wait_for "the server" test -s ports
read -r upstream port <ports
"$understudy" proxy --listen "127.0.0.1:$port" --to "127.0.0.1:$upstream" --admin off --rules rules.yaml >log 2>&1 &
pids+=($!)
get() {
  node -e 'fetch(process.argv[1]).then(async (r) => console.log(r.status, await r.text()), () => process.exit(1))' \
    "http://127.0.0.1:$port$1"
}
wait_for "the proxy" get /
relayed=$(get /real)
[ "$relayed" = "200 the real one" ] || fail "expected the real answer, got: $relayed"
mocked=$(get /mocked)
[ "$mocked" = "418 short and stout" ] || fail "expected the mock, got: $mocked"
kill "${pids[1]}"
code=0
wait "${pids[1]}" || code=$?
[ "$code" -eq 0 ] || fail "expected exit code 0 after SIGTERM, got $code: $(tail -5 log)"

echo "== import"
cat >api.mjs <<'API'
import { startProxy } from "understudy";
await using proxy = await startProxy({ to: `127.0.0.1:${process.argv[2]}`, rules: "rules.yaml" });
for (const path of ["/real", "/mocked"]) {
  const reply = await fetch(`http://127.0.0.1:${proxy.address.port}${path}`, { headers: { connection: "close" } });
  console.log(reply.status, await reply.text());
}
API
imported=$(node api.mjs "$upstream")
[ "$imported" = "200 the real one
418 short and stout" ] || fail "expected both answers through the API, got: $imported"
echo "try-package: it runs"
