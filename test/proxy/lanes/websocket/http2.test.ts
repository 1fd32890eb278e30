// WebSockets over HTTP/2 (RFC 8441): rules do there what they do over HTTP/1. Frames are written by hand, because there is
// no client that speaks it outside of browsers.

import assert from "node:assert/strict";
import { once } from "node:events";
import {
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { type Clock, systemClock } from "../../../../src/core/clock.ts";
import { closeCodeIn, closePayload, frame, framesIn, masked } from "../../../conformance/websocket-frames.ts";
import { openRig, type Rig } from "../../../support/rig.ts";
import { rulesOf } from "./sockets.ts";

/** An upstream that sends the payload of each frame back, unmasked. */
async function openEcho(): Promise<{ server: Http2Server; port: number } & AsyncDisposable> {
  const server = createServer({ settings: { enableConnectProtocol: true } });
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    if (headers[":protocol"] !== "websocket") return stream.respond({ ":status": 404 }, { endStream: true });
    stream.respond({ ":status": 200 });
    stream.on("error", () => undefined);
    stream.on("data", (chunk: Buffer) => {
      for (const { opcode, payload } of framesIn(chunk)) stream.write(frame({ opcode, payload }));
    });
    stream.on("end", () => stream.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    server,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}

interface Talk extends AsyncDisposable {
  readonly stream: ClientHttp2Stream;
  readonly status: number;
  /** Everything that came once `enough` is true of it, or the stream has ended. */
  until(enough: (bytes: Buffer) => boolean): Promise<Buffer>;
}

async function open(rig: Rig, path = "/chat"): Promise<Talk> {
  const session = connect(`http://127.0.0.1:${rig.address.port}`);
  session.on("error", () => undefined);
  const stream = session.request(
    { ":method": "CONNECT", ":protocol": "websocket", ":path": path, "sec-websocket-version": "13" },
    { endStream: false },
  );
  stream.on("error", () => undefined);
  const [headers] = await once(stream, "response");
  let bytes = Buffer.alloc(0);
  let ended = false;
  const looks = new Set<() => void>();
  const look = () => {
    for (const one of [...looks]) one();
  };
  stream.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    look();
  });
  stream.on("end", () => {
    ended = true;
    look();
  });
  return {
    stream,
    status: Number(headers[":status"]),
    until: (enough) =>
      new Promise((resolve) => {
        const check = () => {
          if (!ended && !enough(bytes)) return;
          looks.delete(check);
          resolve(bytes);
        };
        looks.add(check);
        check();
      }),
    async [Symbol.asyncDispose]() {
      session.destroy();
    },
  };
}

const texts = (bytes: Buffer) =>
  framesIn(bytes)
    .filter(({ opcode }) => opcode < 8)
    .map(({ payload }) => payload.toString());
const count = (wanted: number) => (bytes: Buffer) => {
  try {
    return texts(bytes).length >= wanted;
  } catch {
    return false;
  }
};

test("over HTTP/2: without a rule the stream is relayed", async () => {
  await using echo = await openEcho();
  await using rig = await openRig({ upstream: { host: "127.0.0.1", port: echo.port } });
  await using talk = await open(rig);
  talk.stream.write(masked({ payload: "one" }));
  assert.deepEqual(texts(await talk.until(count(1))), ["one"]);
});

test("over HTTP/2: one message is answered, one is dropped, the rest passes", async () => {
  await using echo = await openEcho();
  const rules = rulesOf(`
  - name: answer
    matches: [{websocket: {path: /chat, direction: toUpstream}, message: {equalTo: ask}}]
    respond: {websocket: [{send: answered}]}
  - name: drop
    matches: [{websocket: {path: /chat}, message: {equalTo: drop}}]
    fault: {websocket: {dropMessages: true}}`);
  await using rig = await openRig({ upstream: { host: "127.0.0.1", port: echo.port }, rules });
  await using talk = await open(rig);
  assert.equal(talk.status, 200);
  for (const payload of ["one", "drop", "ask", "two"]) talk.stream.write(masked({ payload }));
  assert.deepEqual(texts(await talk.until(count(3))).sort(), ["answered", "one", "two"]);
  talk.stream.end();
  const event = await rig.event((one) => one.kind === "call");
  assert.deepEqual(event.kind === "call" && event.messages, { toUpstream: 4, toDownstream: 2, ruleHits: 3 });
});

test("over HTTP/2: closeCode closes the stream behind a close frame", async () => {
  await using echo = await openEcho();
  const rules = rulesOf(`
  - name: close
    matches: [{websocket: {direction: toUpstream}}]
    fault: {websocket: {closeCode: 1013, afterMessages: 1}}`);
  await using rig = await openRig({ upstream: { host: "127.0.0.1", port: echo.port }, rules });
  await using talk = await open(rig);
  talk.stream.write(masked({ payload: "one" }));
  await talk.until(count(1));
  talk.stream.write(masked({ payload: "two" }));
  assert.equal(closeCodeIn(await talk.until(() => false)), 1013);
});

test("over HTTP/2: where closeCode closes, the upstream hears that its peer has left", async () => {
  await using echo = await openEcho();
  const heard = Promise.withResolvers<number | null>();
  echo.server.removeAllListeners("stream");
  echo.server.on("stream", (stream: ServerHttp2Stream) => {
    stream.respond({ ":status": 200 });
    let bytes = Buffer.alloc(0);
    stream.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
    });
    stream.on("error", () => undefined);
    stream.on("end", () => stream.end());
    stream.on("close", () => heard.resolve(closeCodeIn(bytes)));
  });
  const rules = rulesOf(`
  - name: close
    matches: [{websocket: {direction: toUpstream}}]
    fault: {websocket: {closeCode: 1013}}`);
  await using rig = await openRig({ upstream: { host: "127.0.0.1", port: echo.port }, rules });
  await using talk = await open(rig);
  talk.stream.write(masked({ payload: "one" }));
  assert.equal(closeCodeIn(await talk.until(() => false)), 1013);
  talk.stream.end();
  assert.equal(await heard.promise, 1001);
});

/** An extension that nobody knows: the messages pass unread. */
for (const extension of ["", "x-unknown"]) {
  test(`over HTTP/2: an upstream that has ended its direction hears the client to its end${extension && ", unread"}`, async () => {
    await using echo = await openEcho();
    const heard = Promise.withResolvers<string[]>();
    echo.server.removeAllListeners("stream");
    echo.server.on("stream", (stream: ServerHttp2Stream) => {
      stream.respond({ ":status": 200, ...(extension ? { "sec-websocket-extensions": extension } : {}) });
      let bytes = Buffer.alloc(0);
      stream.on("data", (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk]);
      });
      stream.on("error", () => undefined);
      stream.on("close", () => heard.resolve(texts(bytes)));
      stream.end(frame({ payload: "last word" }));
    });
    const rules = rulesOf(`
  - {name: drop, matches: [{websocket: {}, message: {equalTo: drop}}], fault: {websocket: {dropMessages: true}}}`);
    await using rig = await openRig({ upstream: { host: "127.0.0.1", port: echo.port }, rules });
    await using talk = await open(rig);
    assert.deepEqual(texts(await talk.until(() => false)), ["last word"]);
    for (const payload of ["one", "two"]) talk.stream.write(masked({ payload }));
    talk.stream.end(masked({ payload: "three" }));
    assert.deepEqual(await heard.promise, ["one", "two", "three"]);
    const event = await rig.event((one) => one.kind === "call");
    assert.deepEqual(event.kind === "call" && event.flags, []);
  });
}

test("over HTTP/2: a rule answers the whole conversation, without an upstream", async () => {
  const rules = rulesOf(`
  - name: script
    matches: [{websocket: {path: /chat}}]
    respond:
      websocket: [{send: welcome}, {expect: any}, {send: {text: "<{{request.body}}>", template: true}}]`);
  await using rig = await openRig({ rules });
  await using talk = await open(rig);
  assert.equal(talk.status, 200);
  assert.deepEqual(texts(await talk.until(count(1))), ["welcome"]);
  talk.stream.write(masked({ payload: "hi" }));
  assert.deepEqual(texts(await talk.until(count(2))), ["welcome", "<hi>"]);
  talk.stream.write(masked({ opcode: 8, payload: closePayload(1000) }));
  assert.equal(closeCodeIn(await talk.until(() => false)), 1000);
});

test("over HTTP/2: an upstream that refuses is heard", async () => {
  await using echo = await openEcho();
  echo.server.removeAllListeners("stream");
  echo.server.on("stream", (stream: ServerHttp2Stream) =>
    stream.respond({ ":status": 403 }, { endStream: true }),
  );
  const rules = rulesOf(`
  - {name: drop, matches: [{websocket: {}}], fault: {websocket: {dropMessages: true}}}`);
  await using rig = await openRig({ upstream: { host: "127.0.0.1", port: echo.port }, rules });
  await using talk = await open(rig);
  assert.equal(talk.status, 403);
});

test("over HTTP/2: a script ends with its stream, however that ends", async () => {
  let waits = 0;
  const ended = Promise.withResolvers<void>();
  const clock: Clock = {
    ...systemClock,
    after(delayMs, fire, options) {
      const timer = systemClock.after(delayMs, fire, options);
      if (delayMs !== 3_600_000) return timer;
      waits++;
      return {
        cancel() {
          timer.cancel();
          ended.resolve();
        },
      };
    },
  };
  const rules = rulesOf(`
  - name: script
    matches: [{websocket: {path: /chat}}]
    respond: {websocket: [{send: welcome}, {wait: 1h}]}`);
  await using rig = await openRig({ rules, clock });
  await using talk = await open(rig);
  await talk.until(count(1));
  talk.stream.close(constants.NGHTTP2_CANCEL);
  await ended.promise;
  assert.equal(waits, 1);
});
