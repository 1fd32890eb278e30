// The rich road over real sockets: mocks, faults and patches among relayed calls, in order, on one connection.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drainSocket, openRig, openServer, readUntil } from "../../../support/rig.ts";
import { noFault, replyWith, ruleSpec } from "../../../support/rule-spec.ts";

/** Answers every request with its method and path, after reading its whole body by Content-Length or chunked end. */
function echoServer() {
  return openServer((socket) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      for (;;) {
        const headEnd = text.indexOf("\r\n\r\n");
        if (headEnd < 0) return;
        const head = text.slice(0, headEnd);
        const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
        const isChunked = /transfer-encoding: *chunked/i.test(head);
        const bodyEnd = isChunked ? text.indexOf("0\r\n\r\n", headEnd) + 5 : headEnd + 4 + length;
        if (bodyEnd < headEnd + 4 || text.length < bodyEnd) return;
        const body = text.slice(headEnd + 4, bodyEnd);
        text = text.slice(bodyEnd);
        const reply = JSON.stringify({ line: head.split("\r\n")[0], head, body });
        socket.write(`HTTP/1.1 200 OK\r\nX-Server: echo\r\nContent-Length: ${reply.length}\r\n\r\n${reply}`);
      }
    });
    socket.on("end", () => socket.end());
  });
}

const onPath = (value: string) => [{ path: { op: "exact", value } as const }];

test("rich road: a mocked call among pipelined relayed ones is answered in its place", async () => {
  await using upstream = await echoServer();
  await using rig = await openRig({
    upstream: upstream.address,
    rules: [
      { name: "mock", matches: onPath("/2"), respond: replyWith("MOCK", { trailers: [["x-t", "1"]] }) },
    ],
  });
  const client = await rig.connect();
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
  client.write(get("/1") + get("/2") + get("/3") + get("/last"));
  const seen = await readUntil(client, "/last");
  const places = ["GET /1 ", "MOCK", "GET /3 ", "GET /last "].map((part) => seen.indexOf(part));
  assert.deepEqual(
    [...places].sort((a, b) => a - b),
    places,
  );
  assert.ok(!places.includes(-1), seen);
  assert.match(seen, /0\r\nx-t: 1\r\n\r\n/);
  client.destroy();
});

for (const end of ["client", "upstream"] as const) {
  test(`rich road: a claimed call whose turn never comes, since the ${end} has left, is told, and leaves its rule`, async () => {
    let asked: () => void = () => undefined;
    const wasAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    await using upstream = await openServer((socket) => {
      socket.once("data", () => (end === "upstream" ? socket.destroy() : asked()));
    });
    await using rig = await openRig({
      upstream: upstream.address,
      rules: [
        {
          name: "one",
          matches: onPath("/2"),
          scope: { ...ruleSpec({}).scope, maxActive: 1 },
          respond: replyWith("MOCK", { trailers: [["x-t", "1"]] }),
        },
      ],
    });
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const first = await rig.connect();
    first.on("error", () => undefined).resume();
    first.write(get("/1") + get("/2"));
    if (end === "client") {
      await wasAsked;
      first.resetAndDestroy();
    }
    const told = await rig.event((event) => event.kind === "call" && event.path === "/2");
    assert.equal(told.kind === "call" && told.outcome, "failed");
    const second = await rig.connect();
    second.write(get("/2"));
    assert.match(await readUntil(second, "x-t: 1"), /MOCK/);
    for (const socket of [first, second]) socket.destroy();
  });
}

test("rich road: a fixed mock keeps the connection and never dials", async () => {
  await using rig = await openRig({ rules: [{ name: "fixed", respond: replyWith("hi") }] });
  const client = await rig.connect();
  for (let i = 0; i < 3; i++) {
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const reply = await readUntil(client, "hi");
    assert.match(reply, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(reply, /Content-Length: 2\r\n/i);
  }
  client.write("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match(await readUntil(client, "\r\n\r\n"), /Content-Length: 2\r\n[\s\S]*\r\n\r\n$/i);
  const event = await rig.event((found) => found.kind === "call");
  assert.partialDeepStrictEqual(event, { rule: "fixed", outcome: "mocked", status: 200 });
  client.end();
  assert.equal((await drainSocket(client)).reset, false);
});

test("rich road: a mocked upload is read to its end before the next request", async () => {
  await using rig = await openRig({ rules: [{ name: "up", respond: replyWith("done") }] });
  const client = await rig.connect();
  client.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n");
  await readUntil(client, "done");
  client.write(Buffer.alloc(200_000, 0x47));
  client.write("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  await readUntil(client, "done");
  client.destroy();
});

test("rich road: a body rule holds the bytes back, and lets them go unchanged where it does not match", async () => {
  await using upstream = await echoServer();
  await using rig = await openRig({
    upstream: upstream.address,
    rules: [
      { name: "b", matches: [{ body: { op: "contains", value: "magic" } }], respond: replyWith("MATCHED") },
    ],
  });
  const client = await rig.connect();
  const chunked = "5\r\nplain\r\n6;x=y\r\n words\r\n0\r\n\r\n";
  client.write("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.write(chunked);
  assert.ok((await readUntil(client, "}")).includes(JSON.stringify(chunked).slice(1, -1)));
  client.write("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nmagic");
  await readUntil(client, "MATCHED");
  client.write("POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  await readUntil(client, "HTTP/1.1 100 Continue\r\n\r\n");
  client.write("other");
  await readUntil(client, '"body":"other"');
  client.destroy();
});

test("rich road: patch changes the request and the response of a relayed call", async () => {
  await using upstream = await echoServer();
  const message = { setHeaders: [["X-New", "1"]] as const, removeHeaders: [], json: null, body: null };
  await using rig = await openRig({
    upstream: upstream.address,
    rules: [
      {
        name: "p",
        patch: {
          request: message,
          response: { ...message, json: { kind: "merge", value: { added: true } }, status: 201 },
        },
      },
    ],
  });
  const client = await rig.connect();
  client.write("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok");
  const seen = await readUntil(client, "}");
  assert.match(seen, /^HTTP\/1\.1 201 /);
  assert.match(seen, /X-New: 1\r\n/);
  assert.match(seen, /"added":true/);
  assert.match(seen, /\\r\\nX-New: 1/);
  client.destroy();
});

test("rich road: faults reset, close, truncate and delay", async () => {
  await using upstream = await echoServer();
  await using rig = await openRig({
    upstream: upstream.address,
    rules: [
      { name: "rst", matches: onPath("/rst"), fault: { ...noFault, abort: { kind: "reset" } } },
      { name: "fin", matches: onPath("/fin"), fault: { ...noFault, abort: { kind: "close" } } },
      { name: "cut", matches: onPath("/cut"), fault: { ...noFault, truncate: { afterBytes: 7 } } },
      {
        name: "503",
        matches: onPath("/503"),
        fault: { ...noFault, abort: { kind: "httpStatus", status: 503 } },
      },
      { name: "slow", matches: onPath("/slow"), fault: { ...noFault, delay: { type: "fixed", ms: 30 } } },
    ],
  });
  const ask = async (path: string) => {
    const client = await rig.connect();
    client.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    client.setTimeout(5_000, () => client.destroy());
    return {
      client,
      ...(path === "/slow" || path === "/503"
        ? { bytes: Buffer.from(await readUntil(client, "\r\n\r\n")), reset: false }
        : await drainSocket(client)),
    };
  };
  assert.deepEqual(await ask("/rst").then(({ bytes, reset }) => [bytes.length, reset]), [0, true]);
  assert.deepEqual(await ask("/fin").then(({ bytes, reset }) => [bytes.length, reset]), [0, false]);
  assert.match((await ask("/cut")).bytes.toString(), /Content-Length: \d\d+\r\n\r\n.{7}$/);
  assert.match((await ask("/503")).bytes.toString(), /^HTTP\/1\.1 503 /);
  const slow = await ask("/slow");
  assert.match(slow.bytes.toString(), /^HTTP\/1\.1 200 OK/);
  slow.client.destroy();
  const event = await rig.event((found) => found.kind === "call" && found.rule === "slow");
  assert.partialDeepStrictEqual(event, { flags: ["DI"], outcome: "relayed", status: 200 });
  assert.ok(event.kind === "call" && event.durationMs >= 29);
});

test("rich road: a hanging abort stays silent until the client leaves", async () => {
  await using rig = await openRig({ rules: [{ fault: { ...noFault, abort: { kind: "hang" } } }] });
  const client = await rig.connect();
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  client.end();
  client.destroy();
  await rig.event((found) => found.kind === "call" && found.outcome === "aborted");
});

test("rich road: a client that leaves in a large upload that hangs is noticed", async () => {
  await using rig = await openRig({ rules: [{ fault: { ...noFault, abort: { kind: "hang" } } }] });
  const client = await rig.connect();
  client.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n");
  await new Promise((resolve) => client.write(Buffer.alloc(9_000_000), resolve));
  client.destroy();
  await rig.event((found) => found.kind === "call" && found.outcome === "aborted");
});

test("rich road: a fault that calls are suffering ends with its rule", async () => {
  await using upstream = await openServer((socket) => {
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  });
  const hourMs = 3_600_000;
  await using rig = await openRig({
    upstream: upstream.address,
    rules: [
      { name: "hang", matches: onPath("/hang"), fault: { ...noFault, abort: { kind: "hang" } } },
      { name: "late", matches: onPath("/late"), fault: { ...noFault, delay: { type: "fixed", ms: hourMs } } },
    ],
  });
  const [hanging, late] = [await rig.connect(), await rig.connect()];
  hanging.write("GET /hang HTTP/1.1\r\nHost: x\r\n\r\n");
  late.write("GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
  // Whoever connects after these were sent is answered after these were claimed.
  const behind = await rig.connect();
  behind.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await readUntil(behind, "ok");
  behind.destroy();
  rig.setRules([]);
  assert.deepEqual(await drainSocket(hanging).then(({ reset }) => reset), true);
  assert.match(await readUntil(late, "ok"), /^HTTP\/1\.1 200 OK/);
  late.destroy();
});

test("rich road: a throttled 1 MB relay arrives whole", async () => {
  const size = 300_000;
  await using upstream = await openServer((socket) => {
    socket.once("data", () =>
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${"x".repeat(size)}`),
    );
  });
  await using rig = await openRig({
    upstream: upstream.address,
    rules: [{ fault: { ...noFault, throttle: { upBytesPerSecond: null, downBytesPerSecond: 3_000_000 } } }],
  });
  const client = await rig.connect();
  client.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const { bytes } = await drainSocket(client);
  assert.equal(bytes.length - bytes.indexOf("\r\n\r\n") - 4, size);
});
