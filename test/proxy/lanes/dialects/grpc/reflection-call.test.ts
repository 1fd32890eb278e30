// How streams of a reflection service end, by a server of plain HTTP/2 that says what real ones do not say on command.

import assert from "node:assert/strict";
import { createServer, type ServerHttp2Stream } from "node:http2";
import { test } from "node:test";
import { systemClock } from "../../../../../src/core/clock.ts";
import { createDeadlines } from "../../../../../src/core/deadlines.ts";
import { createReadBuffers } from "../../../../../src/core/read-buffers.ts";
import { describedBy } from "../../../../../src/proxy/lanes/dialects/grpc/reflection.ts";
import { connectReflection } from "../../../../../src/proxy/lanes/dialects/grpc/reflection-call.ts";
import { createDial } from "../../../../../src/proxy/relay/socket-link.ts";

/** What is told of `shop.v1.Inventory` by a server that answers each stream by its path. */
async function toldBy(answer: (stream: ServerHttp2Stream, path: string) => void): Promise<Uint8Array> {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream, headers) => answer(stream, String(headers[":path"])));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  const connection = connectReflection({
    upstream: { host: "127.0.0.1", port },
    dial: createDial({
      clock: systemClock,
      deadlines: createDeadlines(systemClock, 50),
      connectMs: 2_000,
      buffers: createReadBuffers(),
      shortcut: null,
    }),
    scheme: "http",
    authority: "shop.test",
  });
  try {
    return await describedBy((path) => connection.open(path), "shop.v1.Inventory");
  } finally {
    connection.destroy();
    server.close();
  }
}

function refuse(stream: ServerHttp2Stream, code: number, text: string): void {
  const head = { "content-type": "application/grpc", "grpc-status": code, "grpc-message": text };
  stream.respond(head, { endStream: true });
}

test("reflection call: a text of a status that is not encoded as it should be is told as it came", async () => {
  const denied = (text: string) => toldBy((stream) => refuse(stream, 7, text));
  await assert.rejects(denied("100% no"), { message: "PERMISSION_DENIED: 100% no" });
  await assert.rejects(denied("100%25 no"), { message: "PERMISSION_DENIED: 100% no" });
});

test("reflection call: a server that has no path of v1 is asked by v1alpha", async () => {
  const paths: string[] = [];
  const notFound = (stream: ServerHttp2Stream) => stream.respond({ ":status": 404 }, { endStream: true });
  const told = toldBy((stream, path) => {
    paths.push(path.split(".")[2] ?? "");
    if (path.includes(".v1.")) notFound(stream);
    else refuse(stream, 16, "who are you?");
  });
  await assert.rejects(told, { message: "UNAUTHENTICATED: who are you?" });
  assert.deepEqual(paths, ["v1", "v1alpha"]);
  await assert.rejects(toldBy(notFound), { message: "it has no reflection service" });
});

test("reflection call: another status of HTTP is told", async () => {
  const told = toldBy((stream) => stream.respond({ ":status": 503 }, { endStream: true }));
  await assert.rejects(told, { message: "it answered with HTTP status 503" });
});
