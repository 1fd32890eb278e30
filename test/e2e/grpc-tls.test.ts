// gRPC over TLS inside `understudy run`, from clients that were told of nothing: grpc-js and the C core, from Python. All four
// kinds of calls, relayed, mocked, delayed, aborted, patched and cut.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { openShop, protoFolder } from "../support/grpc-shop.ts";
import { testAuthority } from "../support/https.ts";
import { noNamespaces, understudy } from "../support/understudy-process.ts";

const python = ["/usr/bin/python3", "python3"].find(
  (program) => spawnSync(program, ["-c", "import grpc"]).status === 0,
);

/** Messages as bytes, since no code is generated: GetRequest {sku = 1}, Item {sku = 1}. */
const inPython = `
import grpc, sys
channel = grpc.secure_channel(sys.argv[1], grpc.ssl_channel_credentials())
codecs = (lambda sku: b"\\x0a" + bytes([len(sku)]) + sku.encode(), lambda data: data[2:2 + data[1]].decode())
get = channel.unary_unary("/shop.v1.Inventory/Get", *codecs)
watch = channel.unary_stream("/shop.v1.Inventory/Watch", *codecs)
count = channel.stream_unary("/shop.v1.Inventory/Count", *codecs)
talk = channel.stream_stream("/shop.v1.Inventory/Talk", *codecs)
def show(name, call):
    seen = []
    try:
        for item in call(): seen.append(item)
        status = 0
    except grpc.RpcError as error: status = error.code().value[0]
    print(name, status, ",".join(seen), flush=True)
for sku in ["real", "mocked", "gone", "slow", "aborted", "patched"]: show("Get " + sku, lambda: [get(sku, timeout=5)])
for how in ["real", "mocked", "cut"]:
    given = {"timeout": 5, "metadata": (("x-how", how),)}
    show("Watch " + how, lambda: watch("w", **given))
    show("Count " + how, lambda: [count(iter("ab"), **given)])
    show("Talk " + how, lambda: talk(iter("ab"), **given))
show("late", lambda: [get("hangs", timeout=0.2)])
`;

const inNode = `
import * as grpc from ${JSON.stringify(import.meta.resolve("@grpc/grpc-js"))};
import { shopClient } from ${JSON.stringify(new URL("../support/grpc-shop.ts", import.meta.url).href)};
const [host, port] = process.argv[1].split(":");
const client = shopClient({ host, port: Number(port) }, {}, grpc.credentials.createSsl());
const show = async (name, method, skus, options) => {
  const { code, messages } = await client.call(method, skus.map((sku) => ({ sku })), { deadlineMs: 5000, ...options });
  console.log(name, code, messages.map(({ sku }) => sku).join());
};
for (const sku of ["real", "mocked", "gone", "slow", "aborted", "patched"]) await show("Get " + sku, "Get", [sku], {});
for (const how of ["real", "mocked", "cut"]) {
  const given = { metadata: { "x-how": how } };
  await show("Watch " + how, "Watch", ["w"], given);
  await show("Count " + how, "Count", ["a", "b"], given);
  await show("Talk " + how, "Talk", ["a", "b"], given);
}
await show("late", "Get", ["hangs"], { deadlineMs: 200 });
client[Symbol.dispose]();
`;

const rules = `version: 1
descriptors: ${protoFolder}
rules:
  - {name: mocked, matches: [{grpc: {method: Get}, message: {matchesJsonPath: {expression: $.sku, equalTo: mocked}}}], respond: {grpc: {message: {sku: ours}}}}
  - {name: gone, matches: [{grpc: {method: Get}, message: {matchesJsonPath: {expression: $.sku, equalTo: gone}}}], respond: {grpc: {status: NOT_FOUND}}}
  - {name: slow, matches: [{grpc: {method: Get}, message: {matchesJsonPath: {expression: $.sku, equalTo: slow}}}], fault: {delay: 20ms}}
  - {name: hangs, matches: [{grpc: {method: Get}, message: {matchesJsonPath: {expression: $.sku, equalTo: hangs}}}], fault: {delay: 20s}}
  - {name: aborted, matches: [{grpc: {method: Get}, message: {matchesJsonPath: {expression: $.sku, equalTo: aborted}}}], fault: {abort: {grpcStatus: RESOURCE_EXHAUSTED}}}
  - {name: patched, matches: [{grpc: {method: Get}, message: {matchesJsonPath: {expression: $.sku, equalTo: patched}}}], patch: {grpc: {response: {sku: changed}}}}
  - {name: counted, matches: [{grpc: {method: Count}, metadata: {x-how: mocked}}], respond: {grpc: {message: {sku: ours}}}}
  - {name: streamed, matches: [{grpc: {service: shop.v1.Inventory}, metadata: {x-how: mocked}}], respond: {grpc: {messages: [{message: {sku: ours}}, {message: {sku: too}}]}}}
  - {name: cut, matches: [{grpc: {service: shop.v1.Inventory}, metadata: {x-how: cut}}], fault: {grpc: {afterMessages: 1, abort: {grpcStatus: DATA_LOSS}}}}
`;

for (const [name, words, missing] of [
  ["grpc-js", [process.execPath, "--input-type=module", "-e", inNode], false],
  [
    "Python",
    [python ?? "python3", "-c", inPython],
    python ? false : "needs python3-grpcio (scripts/components.sh)",
  ],
] as const)
  test(`grpc over TLS from ${name} inside understudy run, which was told of nothing`, {
    skip: missing || noNamespaces,
  }, async () => {
    const theirs = await testAuthority("theirs");
    const { chain, key } = await theirs.issue("localhost");
    const pair = { cert_chain: Buffer.from(chain), private_key: Buffer.from(key) };
    await using shop = await openShop(undefined, grpc.ServerCredentials.createSsl(null, [pair]));
    const folder = mkdtempSync(join(tmpdir(), "understudy-grpc-tls-"));
    const [ruleFile, upstreamCa] = [join(folder, "rules.yaml"), join(folder, "ca.pem")];
    writeFileSync(ruleFile, rules);
    writeFileSync(upstreamCa, theirs.trust);
    try {
      const { code, stdout, stderr } = await understudy(
        [
          "run",
          "--rules",
          ruleFile,
          "--upstream-cas",
          upstreamCa,
          "--",
          ...words,
          `localhost:${shop.address.port}`,
        ],
        { env: { HOME: "/nonexistent", XDG_CONFIG_HOME: "" } },
      );
      const cut = stdout.split("\n").filter((line) => / cut /.test(line));
      const whole = stdout.split("\n").filter((line) => line !== "" && !/ cut /.test(line));
      assert.deepEqual(
        [code, ...whole],
        [
          0,
          ...["Get real 0 real", "Get mocked 0 ours", "Get gone 5 ", "Get slow 0 slow", "Get aborted 8 "],
          "Get patched 0 changed",
          ...["Watch real 0 w,w,w", "Count real 0 all", "Talk real 0 a,b"],
          ...["Watch mocked 0 ours,too", "Count mocked 0 ours", "Talk mocked 0 ours,too"],
          "late 4 ",
        ],
        stderr,
      );
      // Whether the message before the status reaches the program is up to the client.
      assert.match(cut.join("\n"), /^Watch cut 15 w?\nCount cut 15 \nTalk cut 15 a?$/);
      assert.match(stderr, /\/shop\.v1\.Inventory\/Get → OK relayed, delayed by slow/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
