// TLS sockets read through a buffer of ours: nothing is lost or written over, on a Node that has the places for it and on
// one that has not.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { connect, createSecureContext, TLSSocket } from "node:tls";
import type { Inlet } from "../../../src/core/inlet.ts";
import { createReadBuffers } from "../../../src/core/read-buffers.ts";
import { createSecureInlets } from "../../../src/proxy/accept/secure-reads.ts";
import { BorrowedBytes } from "../../../src/proxy/lanes/borrowed-bytes.ts";
import { testAuthority } from "../../support/https.ts";
import { connectTo, openServer } from "../../support/rig.ts";

interface Pair extends AsyncDisposable {
  readonly client: TLSSocket;
  readonly server: TLSSocket;
  readonly inlet: Inlet;
  /** How often the first read was told of. */
  readonly told: () => number;
}

/** Both ends of a TLS connection; the server's is read through its inlet. */
async function pair(): Promise<Pair> {
  const authority = await testAuthority();
  const leaf = await authority.issue("shop.test");
  const accepted = Promise.withResolvers<Socket>();
  const listener = await openServer(accepted.resolve);
  const raw = await connectTo(listener.address);
  const client = connect({ socket: raw, servername: "shop.test", ca: authority.trust });
  client.on("error", () => undefined);
  const secureContext = createSecureContext({ cert: leaf.chain, key: leaf.key });
  const server = new TLSSocket(await accepted.promise, { isServer: true, secureContext });
  server.on("error", () => undefined);
  let told = 0;
  const inlet = createSecureInlets(createReadBuffers())(server, () => {
    told++;
  });
  assert.ok(inlet, "this Node keeps what onread says where it is looked for");
  await once(client, "secureConnect");
  const dispose = async () => {
    client.destroy();
    server.destroy();
    await listener[Symbol.asyncDispose]();
  };
  return { client, server, inlet, told: () => told, [Symbol.asyncDispose]: dispose };
}

test("secure reads: a chunk that is held is not written over, a free one is; the first is told of once", async () => {
  for (const isFree of [false, true]) {
    await using ends = await pair();
    const chunks: Buffer[] = [];
    let arrived = Promise.withResolvers<void>();
    ends.inlet.direct((chunk) => {
      chunks.push(chunk);
      arrived.resolve();
      return isFree;
    });
    for (const text of ["first", "other"]) {
      arrived = Promise.withResolvers();
      ends.client.write(text);
      await arrived.promise;
    }
    assert.deepEqual(chunks.map(String), isFree ? ["other", "other"] : ["first", "other"]);
    assert.equal(ends.told(), 1);
  }
});

test("secure reads: what came before the sink comes first, and every byte comes, however large the records", async () => {
  await using ends = await pair();
  ends.client.write("early ");
  await once(ends.server, "readable");
  const sent = Buffer.alloc(300_000, "0123456789");
  const hash: Buffer[] = [];
  const ended = Promise.withResolvers<void>();
  ends.inlet.direct((chunk) => {
    hash.push(Buffer.from(chunk));
    return true;
  });
  ends.server.on("end", ended.resolve);
  ends.server.resume();
  ends.client.end(sent);
  await ended.promise;
  assert.ok(Buffer.concat(hash).equals(Buffer.concat([Buffer.from("early "), sent])));
});

test("secure reads: without a sink the socket's events tell, whatever is paused meanwhile", async () => {
  await using ends = await pair();
  const sent = Buffer.alloc(200_000, "abc");
  let bytes = 0;
  ends.server.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    ends.server.pause();
    setImmediate(() => ends.server.resume());
  });
  ends.client.end(sent);
  await once(ends.server, "end");
  assert.equal(bytes, sent.length);
});

test("secure reads: a Node that keeps it elsewhere is left to its events", async () => {
  const before = { _handle: { useUserBuffer: () => undefined } } as unknown as TLSSocket;
  assert.equal(createSecureInlets(createReadBuffers())(before), null);
});

test("borrowed bytes: TLS borrows nothing, even of what waits for an earlier write", async () => {
  await using ends = await pair();
  const borrowed = new BorrowedBytes({ socket: ends.client }, () => assert.fail("nothing was held"));
  const buffer = Buffer.from("one");
  const received: Buffer[] = [];
  const both = Promise.withResolvers<void>();
  ends.inlet.direct((chunk) => {
    received.push(Buffer.from(chunk));
    if (Buffer.concat(received).length === 6) both.resolve();
    return true;
  });
  borrowed.write(buffer);
  buffer.write("two");
  borrowed.write(buffer);
  buffer.write("xxx");
  assert.equal(borrowed.held, false);
  await both.promise;
  assert.equal(Buffer.concat(received).toString(), "onetwo");
});
