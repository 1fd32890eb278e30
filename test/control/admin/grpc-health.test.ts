// grpc.health.v1.Health on the admin port, asked by a real client, beside HTTP/1 on the same port.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { startAdmin } from "../../../src/control/admin/server.ts";
import { quietAdmin } from "../../support/admin-sources.ts";
import { manualClock } from "../../support/manual-clock.ts";

const identity = (bytes: Buffer) => bytes;
const request = (service: string) =>
  service === ""
    ? Buffer.alloc(0)
    : Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)]);

async function port(context: TestContext) {
  let ready = true;
  const clock = manualClock();
  const admin = await startAdmin(
    {
      listen: { host: "127.0.0.1", port: 0 },
      metrics: async () => ({ contentType: "", text: "" }),
      journal: () => [],
      rules: () => ({ revision: null, count: 0, problems: [] }),
      ready: () => ({ ready, reasons: ready ? [] : ["draining"] }),
      ...quietAdmin,
      clock,
    },
    new AbortController().signal,
  );
  const client = new grpc.Client(`127.0.0.1:${admin.address.port}`, grpc.credentials.createInsecure());
  context.after(async () => {
    client.close();
    await admin.close();
  });
  const check = (service: string, path = "/grpc.health.v1.Health/Check") =>
    new Promise<number | string>((resolve) =>
      client.makeUnaryRequest(path, identity, identity, request(service), (error, reply) =>
        resolve(error ? (grpc.status[error.code] ?? "?") : (reply?.at(-1) ?? -1)),
      ),
    );
  return {
    admin,
    client,
    clock,
    check,
    setReady: (is: boolean) => {
      ready = is;
    },
  };
}

test("health: Check says what /readyz says", async (context) => {
  const { admin, check, setReady } = await port(context);
  assert.equal(await check(""), 1);
  assert.equal(await check("understudy"), 1);
  setReady(false);
  assert.equal(await check(""), 2);
  assert.equal((await fetch(`http://127.0.0.1:${admin.address.port}/readyz`)).status, 503);
  assert.equal(await check("strange"), "NOT_FOUND");
  assert.equal(await check("", "/other.Service/Get"), "UNIMPLEMENTED");
  assert.equal(await check("x".repeat(100)), "NOT_FOUND");
});

test("health: Watch tells each change, and an unknown service from one that is down", async (context) => {
  const { client, clock, setReady } = await port(context);
  const watch = (service: string) => {
    const seen: number[] = [];
    let wake = () => {};
    const call = client.makeServerStreamRequest(
      "/grpc.health.v1.Health/Watch",
      identity,
      identity,
      request(service),
    );
    call.on("error", () => undefined);
    call.on("data", (reply: Buffer) => {
      seen.push(reply.at(-1) ?? -1);
      wake();
    });
    const until = async (count: number) => {
      while (seen.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return seen;
    };
    return { until, call };
  };
  const known = watch("");
  assert.deepEqual(await known.until(1), [1]);
  setReady(false);
  clock.advance(500);
  assert.deepEqual(await known.until(2), [1, 2]);
  const strange = watch("strange");
  assert.deepEqual(await strange.until(1), [3]);
  known.call.cancel();
  strange.call.cancel();
});

test("health: an opening in pieces is told from a request of HTTP/1", async (context) => {
  const { admin } = await port(context);
  const ask = async (pieces: readonly string[]) => {
    const socket = connect(admin.address.port, "127.0.0.1");
    socket.setNoDelay(true);
    let text = "";
    const answered = new Promise<void>((resolve) =>
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1");
        resolve();
      }),
    );
    for (const piece of pieces) {
      socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await answered;
    socket.destroy();
    return text;
  };
  assert.match(await ask(["P", "OST /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"]), /^HTTP\/1\.1 405 /);
  // SETTINGS: nine octets of frame head, type 4, come first of all (RFC 9113 §3.4).
  const opened = await ask(["P", "RI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\0\0\0\u0004\0\0\0\0\0"]);
  assert.equal(opened.charCodeAt(3), 4);
});
