#!/usr/bin/env bash
# Fetches grpc-node's own interop client and server, and runs test/interop/grpc-node.ts with them: us in the middle, in the
# clear and inside TLS. They stay in the cache, and run on the grpc-js that is installed here.
#
#   scripts/interop-grpc.sh             from its repository
#   GRPC_NODE=DIR scripts/interop-grpc.sh   from a clone of it
set -euo pipefail
cd "$(dirname "$0")/.."

cache=node_modules/.cache/grpc-interop
source=${GRPC_NODE:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if [ -z "$source" ]; then
  source=$scratch/grpc-node
  git clone --quiet --depth 1 https://github.com/grpc/grpc-node "$source"
fi

rm -rf "$cache"
mkdir -p "$cache"
git -C "$source" archive HEAD test/interop test/any_grpc.js test/data test/proto | tar -x -C "$cache"

# What they ask for: the libraries of this project, and nothing of Google's accounts or of the command line.
module() {
  mkdir -p "$cache/$1"
  echo '{"type":"commonjs","main":"index.js"}' >"$cache/$1/package.json"
  echo "$2" >"$cache/$1/index.js"
}
echo '{"type":"commonjs"}' >"$cache/package.json"
module packages/grpc-js 'module.exports = require("@grpc/grpc-js");'
module packages/proto-loader 'module.exports = require("@grpc/proto-loader");'
module test/node_modules/google-auth-library 'exports.GoogleAuth = class {};'
module test/node_modules/lodash '
  exports.each = (list, work) => list.forEach(work);
  exports.bind = (work, self) => work.bind(self);'
node_modules/.bin/node --test --test-timeout=120000 test/interop/grpc-node.ts
