// Another implementation of gRPC (C core, from Python) as the client: mocks, statuses and relayed calls.

import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import type { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { createGrpcDialect } from "../../src/proxy/lanes/dialects/grpc/dialect.ts";
import { rulesOf, withShop } from "../proxy/lanes/dialects/grpc/rules.ts";
import { openShop, protoFolder, shopPackage } from "../support/grpc-shop.ts";
import { openRig } from "../support/rig.ts";
import { noNamespaces, understudy } from "../support/understudy-process.ts";

/** The system's own first: modules of Debian packages are found by no other. */
const python = ["/usr/bin/python3", "python3"].find(
  (program) => spawnSync(program, ["-c", "import grpc"]).status === 0,
);
const skip: string | false = python ? false : "needs python3-grpcio (scripts/components.sh)";

/** Messages as bytes, since no code is generated: GetRequest {sku = 1}, Item {sku = 1}. */
const program = `
import grpc, sys
channel = grpc.insecure_channel(sys.argv[1])
item = lambda data: data[2:2 + data[1]].decode() if data else ""
get = channel.unary_unary("/shop.v1.Inventory/Get", lambda sku: b"\\x0a" + bytes([len(sku)]) + sku.encode(), item)
watch = channel.unary_stream("/shop.v1.Inventory/Watch", lambda sku: b"\\x0a" + bytes([len(sku)]) + sku.encode(), item)
for sku in ["real", "mocked", "gone"]:
    try:
        print(sku, get(sku, timeout=5))
    except grpc.RpcError as error:
        print(sku, error.code().name, error.details())
print(",".join(watch("w", timeout=5)))
try:
    get("slow", timeout=0.2)
except grpc.RpcError as error:
    print(error.code().name)
`;

test("grpc from Python: mocked, refused, relayed, streamed, and out of time", { skip }, () =>
  withShop(
    `
- name: mocked
  matches: [{grpc: {method: Get}, message: {equalToJson: {sku: mocked}}}]
  respond: {grpc: {message: {sku: from-us}}}
- name: gone
  matches: [{grpc: {method: Get}, message: {equalToJson: {sku: gone}}}]
  respond: {grpc: {status: NOT_FOUND, message: "long gone"}}
- name: slow
  matches: [{grpc: {method: Get}, message: {equalToJson: {sku: slow}}}]
  fault: {delay: 20s}
`,
    async ({ rig }) => {
      const { stdout } = await promisify(execFile)(python ?? "python3", [
        "-c",
        program,
        `127.0.0.1:${rig.address.port}`,
      ]);
      assert.deepEqual(stdout.trim().split("\n"), [
        "real real",
        "mocked from-us",
        "gone NOT_FOUND long gone",
        "w,w,w",
        "DEADLINE_EXCEEDED",
      ]);
    },
  ),
);

/** Server and client of the C core, which would speak of bytes in metadata another way among themselves. */
const binaryMetadata = `
import grpc
from concurrent import futures

def answer(request, context):
    given = dict(context.invocation_metadata())
    context.send_initial_metadata((("x-head-bin", given["x-sent-bin"]),))
    context.set_trailing_metadata((("x-tail-bin", given["x-sent-bin"]),))
    return request

class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(answer)

server = grpc.server(futures.ThreadPoolExecutor(2), handlers=(Echo(),))
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
channel = grpc.insecure_channel(input())
call = channel.unary_unary("/test.Echo/Get")
for round in range(3):
    _, told = call.with_call(b"hi", metadata=(("x-sent-bin", b"\\x00\\xff\\n"),), timeout=5)
    print(dict(told.initial_metadata())["x-head-bin"], dict(told.trailing_metadata())["x-tail-bin"])
channel.close()
server.stop(None)
`;

test("grpc from Python to Python: metadata of bytes arrives", { skip }, async () => {
  const child = spawn(python ?? "python3", ["-c", binaryMetadata], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    let stdout = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    await once(child.stdout, "data");
    await using rig = await openRig({
      upstream: { host: "127.0.0.1", port: Number.parseInt(stdout, 10) },
      rules: rulesOf(
        "- name: m\n  matches: [{grpc: {service: mocked.S}}]\n  respond: {grpc: {status: NOT_FOUND}}\n",
        null,
      ),
      dialects: [createGrpcDialect()],
    });
    child.stdin.end(`127.0.0.1:${rig.address.port}\n`);
    const [code] = await once(child, "close");
    const bytes = "b'\\x00\\xff\\n'";
    assert.deepEqual(
      [code, ...stdout.trim().split("\n").slice(1)],
      [0, ...Array(3).fill(`${bytes} ${bytes}`)],
    );
  } finally {
    child.kill();
  }
});

for (const [from, descriptors, addServices] of [
  ["named", `descriptors: ${protoFolder}`, undefined],
  ["asked of the upstream", "", (server: Server) => new ReflectionService(shopPackage).addToServer(server)],
] as const)
  test(`grpc from Python inside understudy run, which was told of nothing; descriptors are ${from}`, {
    skip: skip || noNamespaces,
  }, async () => {
    await using shop = await openShop(addServices);
    const folder = mkdtempSync(join(tmpdir(), "understudy-grpc-"));
    const rules = join(folder, "rules.yaml");
    writeFileSync(
      rules,
      `version: 1
${descriptors}
rules:
  - name: mocked
    matches: [{grpc: {service: shop.v1.Inventory, method: Get}, message: {equalToJson: {sku: mocked}, ignoreExtraElements: true}}]
    respond: {grpc: {message: {sku: from-us}}}
  - name: gone
    matches: [{grpc: {method: Get}, message: {matchesJsonPath: {expression: $.sku, equalTo: gone}}}]
    respond: {grpc: {status: NOT_FOUND, message: "long gone"}}
  - name: slow
    matches: [{grpc: {method: Get}, message: {equalToJson: {sku: slow}, ignoreExtraElements: true}}]
    fault: {delay: 20s}
`,
    );
    try {
      const { code, stdout, stderr } = await understudy(
        ["run", "--rules", rules, "--", python ?? "python3", "-c", program, `127.0.0.1:${shop.address.port}`],
        { env: { HOME: "/nonexistent", XDG_CONFIG_HOME: "" } },
      );
      assert.deepEqual(
        [code, ...stdout.trim().split("\n")],
        [0, "real real", "mocked from-us", "gone NOT_FOUND long gone", "w,w,w", "DEADLINE_EXCEEDED"],
        stderr,
      );
      assert.match(stderr, /\/shop\.v1\.Inventory\/Get → OK mocked by mocked/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
