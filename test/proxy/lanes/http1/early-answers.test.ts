// Upstreams that answer a claimed upload before they have taken the last of it: the reply goes on at once, the upload goes on
// for as long as the upstream reads, and nothing overtakes it.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import { drainSocket, openRig, openServer, readUntil } from "../../../support/rig.ts";
import { noFault, replyWith } from "../../../support/rule-spec.ts";

const posts = [{ method: { op: "exact", value: "POST" } as const }];
const marked = { setHeaders: [["X-Seen", "1"]] as const, removeHeaders: [], json: null, body: null };
const claims: Record<string, Partial<RuleSpec>> = {
  patch: { matches: posts, patch: { request: null, response: { ...marked, status: null } } },
  delay: { matches: posts, fault: { ...noFault, delay: { type: "fixed", ms: 5 } } },
  throttle: {
    matches: posts,
    fault: { ...noFault, throttle: { upBytesPerSecond: 600_000, downBytesPerSecond: null } },
  },
  state: { matches: posts, state: { name: "s", key: null, is: null, becomes: "two" } },
};

const early = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nearly";
const last = "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nearly";
const next = "GET /next HTTP/1.1\r\nHost: x\r\n\r\n";
const body = "B".repeat(60_000);
const framings: Record<string, readonly [head: string, body: string]> = {
  "Content-Length": [`POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`, body],
  chunked: [
    "POST /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  ],
};

/** Answers an upload with `answer` as soon as its head is there, then does `after`; answers `next` when it comes. */
function hasty(answer: string, after: (socket: Socket) => void = () => undefined) {
  const seen = { text: "" };
  const server = openServer((socket) => {
    let answered = false;
    socket.on("data", (chunk) => {
      const begins = seen.text === "";
      seen.text += chunk.toString("latin1");
      if (begins) {
        socket.write(answer);
        after(socket);
      }
      if (answered || !seen.text.includes("GET /next")) return;
      answered = true;
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext");
    });
    socket.on("end", () => socket.end());
  });
  return { seen, server };
}

/** How many bytes of the upload came before the request behind it. */
const uploaded = (text: string) => (text.slice(0, text.indexOf("GET /next")).match(/B/g) ?? []).length;

for (const [claim, rule] of Object.entries(claims))
  for (const [framing, [head, wire]] of Object.entries(framings)) {
    test(`early answers: nothing overtakes an upload (${claim}, ${framing})`, async () => {
      const { seen, server } = hasty(early);
      await using upstream = await server;
      await using rig = await openRig({ upstream: upstream.address, rules: [rule] });
      const client = await rig.connect();
      client.write(head + wire + next);
      const got = await readUntil(client, /next$/);
      assert.match(got, /^HTTP\/1\.1 413 .*early/s);
      assert.equal(uploaded(seen.text), body.length);
      client.destroy();
    });

    test(`early answers: the rest of an upload may come behind its answer (${claim}, ${framing})`, async () => {
      const { seen, server } = hasty(early);
      await using upstream = await server;
      await using rig = await openRig({ upstream: upstream.address, rules: [rule] });
      const client = await rig.connect();
      client.write(head + wire.slice(0, 100));
      await readUntil(client, "early");
      const told = await rig.event((event) => event.kind === "call");
      assert.partialDeepStrictEqual(told, { status: 413, outcome: "relayed" });
      client.write(wire.slice(100) + next);
      await readUntil(client, /next$/);
      assert.equal(uploaded(seen.text), body.length);
      client.destroy();
    });

    for (const [ending, answer] of [
      ["says close", last],
      ["just closes", early],
    ] as const)
      test(`early answers: an upstream that ${ending} ends the upload, and the answer arrives whole (${claim}, ${framing})`, async () => {
        const { server } = hasty(answer, (socket) => socket.end());
        await using upstream = await server;
        await using rig = await openRig({ upstream: upstream.address, rules: [rule] });
        const client = await rig.connect();
        client.write(head + wire.slice(0, 100));
        const { bytes, reset } = await drainSocket(client);
        assert.match(bytes.toString(), /^HTTP\/1\.1 413 .*early$/s);
        assert.equal(reset, false);
        client.end(wire.slice(100));
        const told = await rig.event((event) => event.kind === "call");
        assert.partialDeepStrictEqual(told, { status: 413, outcome: "relayed" });
      });
  }

test("early answers: a client that leaves in its upload cuts it upstream, and its answered call is no failure", async () => {
  let ended: (how: string) => void = () => undefined;
  const end = new Promise<string>((resolve) => {
    ended = resolve;
  });
  const { server } = hasty(early, (socket) => {
    socket.on("error", () => ended("cut"));
    socket.on("end", () => ended("fin"));
  });
  await using upstream = await server;
  await using rig = await openRig({ upstream: upstream.address, rules: [claims.patch ?? {}] });
  const client = await rig.connect();
  client.write(`${framings["Content-Length"]?.[0]}B`);
  await readUntil(client, "early");
  client.destroy();
  assert.equal(await end, "cut");
  const told = await rig.event((event) => event.kind === "call");
  assert.partialDeepStrictEqual(told, { status: 413, outcome: "relayed", flags: [] });
});

test("early answers: what has been told of a call that nobody claims stays, though its client leaves in the upload", async () => {
  const { server } = hasty(early);
  await using upstream = await server;
  await using rig = await openRig({ upstream: upstream.address });
  const client = await rig.connect();
  client.write(`${framings["Content-Length"]?.[0]}B`);
  await readUntil(client, "early");
  const told = await rig.event((event) => event.kind === "call");
  client.destroy();
  await rig.event((event) => event.kind === "connection-closed");
  assert.partialDeepStrictEqual(told, { status: 413, outcome: "relayed", flags: [], detail: "" });
});

test("early answers: a rule lasts as long as the upload that it slows", async () => {
  const { seen, server } = hasty(early);
  await using upstream = await server;
  const slow = { upBytesPerSecond: 1, downBytesPerSecond: null };
  await using rig = await openRig({
    upstream: upstream.address,
    rules: [{ matches: posts, fault: { ...noFault, throttle: slow } }],
  });
  const client = await rig.connect();
  client.write((framings["Content-Length"]?.join("") ?? "") + next);
  await readUntil(client, "early");
  rig.setRules([]);
  await readUntil(client, /next$/);
  assert.equal(uploaded(seen.text), body.length);
  client.destroy();
});

test("early answers: a body that a patch replaces is read to its end, and the connection kept", async () => {
  const { seen, server } = hasty(early);
  await using upstream = await server;
  await using rig = await openRig({
    upstream: upstream.address,
    rules: [{ matches: posts, patch: { request: { ...marked, body: "instead" }, response: null } }],
  });
  const client = await rig.connect();
  client.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n${"B".repeat(200_000)}${next}`);
  await readUntil(client, /next$/);
  assert.match(seen.text, /Content-Length: 7\r\n\r\ninsteadGET/);
  client.destroy();
});

const expecting = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";

test("early answers: a final answer to a request that waits for 100 leaves the body to client and upstream", async () => {
  const { seen, server } = hasty(early);
  await using upstream = await server;
  await using rig = await openRig({ upstream: upstream.address, rules: [claims.patch ?? {}] });
  const client = await rig.connect();
  client.write(expecting);
  assert.doesNotMatch(await readUntil(client, "early"), /100|close/);
  client.write(`BBBB${next}`);
  await readUntil(client, /next$/);
  assert.equal(uploaded(seen.text), 4);
  client.destroy();
});

test("early answers: a mock that needs no body says that it does not wait for one", async () => {
  await using rig = await openRig({ rules: [{ respond: replyWith("no need") }] });
  const client = await rig.connect();
  client.write(expecting);
  const { bytes, reset } = await drainSocket(client);
  assert.match(bytes.toString(), /^HTTP\/1\.1 200 OK\r\n.*Connection: close\r\n.*no need$/s);
  assert.equal(reset, false);
  client.destroy();
  const hasty = await rig.connect();
  hasty.write(`${expecting}BBBB${expecting}`); // does not wait at first, hence is not sent away
  assert.equal((await drainSocket(hasty)).bytes.toString().match(/no need/g)?.length, 2);
  hasty.destroy();
});

test("early answers: a client that is told to wait by a slow rule is not late", async () => {
  const { server } = hasty("HTTP/1.1 100 Continue\r\n\r\n");
  await using upstream = await server;
  const slow = { upBytesPerSecond: 160_000, downBytesPerSecond: null };
  await using rig = await openRig({
    upstream: upstream.address,
    deadlines: { bodyIdleMs: 250 },
    rules: [{ matches: posts, fault: { ...noFault, throttle: slow } }],
  });
  const client = await rig.connect();
  const size = 140_000; // twice what waits here at most, hence two waits of 400 ms
  client.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`);
  client.write(`${"B".repeat(size - 9)}GET /next`);
  assert.match(await readUntil(client, /next$/), /200 OK/);
  client.destroy();
});

test("early answers: a slow reply under way outlasts the deadline for silence", async () => {
  const { server } = hasty(`HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n${"x".repeat(30_000)}`);
  await using upstream = await server;
  const slow = { upBytesPerSecond: null, downBytesPerSecond: 50_000 };
  await using rig = await openRig({
    upstream: upstream.address,
    deadlines: { responseMs: 200, hangMs: 200 },
    rules: [{ fault: { ...noFault, throttle: slow } }],
  });
  const client = await rig.connect();
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await readUntil(client, "x".repeat(30_000));
  client.destroy();
});
