// Loopback destinations: inside first, then the host, and [::1] goes on to 127.0.0.1.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import { formatHostPort, type HostPort } from "../../../../src/core/address.ts";
import {
  type Connect,
  connectOnHost,
  createLocalhost,
} from "../../../../src/proxy/accept/namespace/localhost.ts";

const { signal } = new AbortController();

/** Places that answer, as `inside 127.0.0.1:80`; the order in which places are asked. */
function scene(answering: readonly string[], published: readonly number[] = []) {
  const asked: string[] = [];
  const connectTo =
    (where: string): Connect =>
    async (destination: HostPort) => {
      const place = `${where} ${formatHostPort(destination)}`;
      asked.push(place);
      return answering.includes(place) ? ({ place } as unknown as Socket) : null; // only its identity is looked at
    };
  const connect = createLocalhost({
    inside: connectTo("inside"),
    host: connectTo("host"),
    published: new Set(published),
  });
  return { connect, asked };
}

describe("localhost of a command", () => {
  test("its own server comes first", async () => {
    const { connect, asked } = scene(["inside 127.0.0.1:80"]);
    assert.ok(await connect({ host: "127.0.0.1", port: 80 }, signal));
    assert.deepEqual(asked, ["inside 127.0.0.1:80"]);
  });

  test("what nobody inside listens on is left to the caller", async () => {
    assert.equal(await scene([]).connect({ host: "127.0.0.1", port: 80 }, signal), null);
  });

  test("a refused [::1] goes on as a client would have", async () => {
    const { connect, asked } = scene(["host 127.0.0.1:80"]);
    assert.ok(await connect({ host: "::1", port: 80 }, signal));
    assert.deepEqual(asked, ["inside [::1]:80", "host [::1]:80", "inside 127.0.0.1:80", "host 127.0.0.1:80"]);
  });

  test("a refused [::1] that nobody else answers is told", async () => {
    await assert.rejects(scene([]).connect({ host: "::1", port: 80 }, signal), {
      code: "connect_failed",
      message: "nobody listens on [::1]:80 inside or on the host, nor on 127.0.0.1",
    });
  });

  test("a published port is looked for inside alone, in both families", async () => {
    const { connect } = scene(["inside [::1]:80"], [80]);
    assert.ok(await connect({ host: "127.0.0.1", port: 80 }, signal));
    await assert.rejects(
      scene(["host 127.0.0.1:80"], [80]).connect({ host: "127.0.0.1", port: 80 }, signal),
      {
        code: "connect_failed",
      },
    );
  });
});

describe("dialling the host", () => {
  test("gives a connected socket, or null where nobody listens", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const socket = await connectOnHost({ host: "127.0.0.1", port }, signal);
    assert.equal(socket?.remotePort, port);
    socket?.destroy();
    server.close();
    await once(server, "close");
    assert.equal(await connectOnHost({ host: "127.0.0.1", port }, signal), null);
  });

  test("ends with the signal's reason", async () => {
    const reason = new Error("enough");
    await assert.rejects(connectOnHost({ host: "127.0.0.1", port: 1 }, AbortSignal.abort(reason)), reason);
  });
});
