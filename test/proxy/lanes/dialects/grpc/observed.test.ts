// What observers hear of gRPC calls, and what clients hear when there is nobody to relay to.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { callText } from "../../../../../src/proxy/tap/call-text.ts";
import { createGrpcSeries } from "../../../../../src/proxy/tap/grpc-series.ts";
import { createJournal } from "../../../../../src/proxy/tap/journal.ts";
import { formatLogLine } from "../../../../../src/proxy/tap/log-line.ts";
import { openRig } from "../../../../support/rig.ts";
import { rulesOf, withShop } from "./rules.ts";

test("grpc: how a call ended is told of relayed and of mocked calls", () =>
  withShop(
    `
- name: gone
  matches: [{grpc: {method: Watch}}]
  respond: {grpc: {status: NOT_FOUND}}
`,
    async ({ client, rig }) => {
      await client.call("Get", [{ sku: "a" }]);
      await client.call("Get", [{ sku: "none" }]);
      await client.call("Watch", [{ sku: "a" }]);
      const calls = rig.events.flatMap((event) => (event.kind === "call" ? [event] : []));
      assert.deepEqual(
        calls.map(({ grpcStatus, rule }) => [grpcStatus, rule]),
        [
          [0, null],
          [5, null],
          [5, "gone"],
        ],
      );
      const last = calls[2] ?? assert.fail();
      assert.equal(callText(last).outcome, "NOT_FOUND mocked by gone");
      assert.match(formatLogLine(last, 0, ""), /"status":200,"grpcStatus":"NOT_FOUND"/);
      const journal = createJournal(5);
      const series = createGrpcSeries(1);
      for (const call of calls) {
        journal.observe(call);
        series.add(call);
      }
      assert.equal(journal.entries()[0]?.grpcStatus, "NOT_FOUND");
      assert.deepEqual(series.counts(), [
        { method: "shop.v1.Inventory/Get", status: "OK", value: 1 },
        { method: "shop.v1.Inventory/Get", status: "NOT_FOUND", value: 1 },
        { method: "other", status: "NOT_FOUND", value: 1 },
      ]);
    },
  ));

test("grpc: an upstream that cannot be reached is UNAVAILABLE with the reason, on either road", () =>
  withShop(
    `
- name: patched
  matches: [{grpc: {method: Watch}}]
  patch: {grpc: {request: {sku: x}}}
`,
    async ({ client }) => {
      for (const method of ["Get", "Watch"] as const) {
        const { code, details } = await client.call(method, [{ sku: "a" }]);
        assert.equal(code, 14);
        assert.match(details, /understudy: .*(refused|ECONNREFUSED)/);
      }
    },
    { upstream: { host: "127.0.0.1", port: 9 }, mode: "fixed" },
  ));

test("http/2: what is called grpc-status ends no call but one of gRPC", async () => {
  const server = createServer((_request, response) => {
    response.setHeader("trailer", "grpc-status");
    response.write("x");
    response.addTrailers({ "grpc-status": "7" });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await using rig = await openRig({
    upstream: { host: "127.0.0.1", port },
    rules: rulesOf("\n- name: elsewhere\n  matches: [{path: /elsewhere}]\n  respond: {}\n", null),
  });
  const session = connect(`http://127.0.0.1:${rig.address.port}`);
  try {
    for (const type of ["application/json", "application/grpc+proto"]) {
      const stream = session.request({ ":method": "POST", ":path": "/a.B/C", "content-type": type });
      stream.resume();
      stream.end();
      await once(stream, "close");
    }
    await rig.event((event) => event.kind === "call" && event.grpcStatus === 7);
    assert.deepEqual(
      rig.events.flatMap((event) => (event.kind === "call" ? [event.grpcStatus] : [])),
      [null, 7],
    );
  } finally {
    session.destroy();
    server.close();
  }
});
