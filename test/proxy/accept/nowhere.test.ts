// Connections to a name without an address: rules answer on them, and whatever they leave is refused without anybody being
// dialled. Behind the address that is given here somebody would answer, and nobody must be asked.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import type { Exchange } from "../../../src/core/exchange.ts";
import type { LinkEnd } from "../../../src/core/link.ts";
import { dialNowhere } from "../../../src/core/no-link.ts";
import { ownPost } from "../../../src/proxy/lanes/dialects/graphql/wire/own-post.ts";
import { testAuthority } from "../../support/https.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { drainSocket, openRig, openServer, type RigOptions, readUntil } from "../../support/rig.ts";
import { replyWith } from "../../support/rule-spec.ts";

const nowhere = "payments.internal has no address (nobody knows it)";
const rules = [
  { name: "paid", matches: [{ path: { op: "exact", value: "/pay" } }], respond: replyWith("mocked") },
] as const;

async function scene(options: Partial<RigOptions> = {}) {
  const dialled: unknown[] = [];
  const upstream = await openServer((socket) => void dialled.push(socket));
  const rig = await openRig({ rules, upstream: { ...upstream.address, nowhere } as never, ...options });
  return {
    rig,
    dialled,
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

const call = (path: string) => `GET ${path} HTTP/1.1\r\nHost: payments.internal\r\n\r\n`;

test("nowhere: a mock answers, and the next call on the connection is reset", async () => {
  await using all = await scene();
  const socket = await all.rig.connect();
  socket.write(call("/pay"));
  assert.match(await readUntil(socket, "mocked"), /^HTTP\/1\.1 200 /);
  socket.write(call("/other"));
  assert.equal((await drainSocket(socket)).reset, true);
  const event = await all.rig.event((seen) => seen.kind === "call" && seen.path === "/other");
  assert.ok(event.kind === "call");
  assert.deepEqual([event.outcome, event.flags, event.detail], ["failed", ["UF"], nowhere]);
  assert.deepEqual(all.dialled, []);
});

test("nowhere: a call whose body decides is reset when no rule takes it", async () => {
  const body = { op: "contains", value: "yes" } as const;
  await using all = await scene({
    rules: [{ name: "said", matches: [{ body }], respond: replyWith("mocked") }],
  });
  const socket = await all.rig.connect();
  const post = (text: string) =>
    `POST / HTTP/1.1\r\nHost: payments.internal\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  socket.write(post("yes"));
  await readUntil(socket, "mocked");
  socket.write(post("no"));
  assert.equal((await drainSocket(socket)).reset, true);
  assert.deepEqual(all.dialled, []);
});

test("nowhere: a fault that only delays is followed by the refusal", async () => {
  await using all = await scene({
    rules: [{ name: "slow", fault: { delay: { type: "fixed", ms: 5 } } as never }],
  });
  const socket = await all.rig.connect();
  socket.write(call("/"));
  assert.equal((await drainSocket(socket)).reset, true);
  assert.deepEqual(all.dialled, []);
});

test("nowhere: over HTTP/2 mocks answer, and other streams fail", async () => {
  await using all = await scene();
  const client = connectHttp2(`http://127.0.0.1:${all.rig.address.port}`);
  client.on("error", () => undefined);
  const mocked = client.request({ ":path": "/pay" });
  const [head] = await once(mocked, "response");
  assert.equal(head[":status"], 200);
  const other = client.request({ ":path": "/other" });
  const [error] = await once(other, "error");
  assert.match(String(error), /INTERNAL_ERROR|REFUSED_STREAM|CANCEL|ECONNRESET|closed/);
  const event = await all.rig.event((seen) => seen.kind === "call" && seen.path === "/other");
  assert.ok(event.kind === "call");
  assert.equal(event.detail, nowhere);
  client.destroy();
  assert.deepEqual(all.dialled, []);
});

test("nowhere: bytes that nobody parses are reset", async () => {
  await using all = await scene({ rules: [] });
  const socket = await all.rig.connect();
  socket.write("\0\u0001\u0002 no protocol that anybody knows");
  assert.equal((await drainSocket(socket)).reset, true);
  const event = await all.rig.event((seen) => seen.kind === "opaque");
  assert.ok(event.kind === "opaque");
  assert.deepEqual([event.outcome, event.flags, event.detail], ["failed", ["UF"], nowhere]);
  assert.deepEqual(all.dialled, []);
});

test("nowhere: a client that is slow to begin is waited for, since nobody else could speak first", async () => {
  const clock = manualClock();
  await using all = await scene({ clock, deadlines: { detectMs: 200, headMs: 30_000 } });
  const [slow, silent] = [await all.rig.connect(), await all.rig.connect()];
  await all.rig.event(() => all.rig.events.filter(({ kind }) => kind === "connection-opened").length === 2);
  await clock.advance(5_000);
  slow.write(call("/pay"));
  await readUntil(slow, "mocked");
  const end = drainSocket(silent);
  await clock.advance(30_000);
  assert.equal((await end).reset, true);
  slow.destroy();
});

for (const protocols of [["http/1.1"], ["h2", "http/1.1"], []])
  test(`nowhere: TLS is opened for a rule, with ALPN ${protocols.join(", ") || "left out"}`, async () => {
    const authority = await testAuthority("ours");
    await using all = await scene({ tls: { authority } });
    const open = () =>
      connectTls({
        ...all.rig.address,
        servername: "payments.internal",
        ca: authority.trust,
        ALPNProtocols: protocols,
      });
    const socket = open();
    await once(socket, "secureConnect");
    socket.write(call("/pay"));
    await readUntil(socket, "mocked");
    socket.write(call("/other"));
    assert.match(await readUntil(socket, nowhere), /^HTTP\/1\.1 502 /);
    assert.deepEqual(all.dialled, []);
  });

test("nowhere: no request of our own goes there", () => {
  const head = { authority: "payments.internal", scheme: "http", path: "/graphql", headers: [] };
  const originalDestination = { host: "payments.internal", port: 80 };
  // As much of an exchange as is looked at.
  const exchange = (connection: object) => ({ head, connection }) as unknown as Exchange;
  assert.notEqual(ownPost(exchange({ originalDestination }), {}), null);
  assert.equal(ownPost(exchange({ originalDestination, nowhere }), {}), null);
});

test("nowhere: a link ends once, in its own time, and not where its owner has ended it", async () => {
  const heard: [LinkEnd, string][] = [];
  const events = {
    data: () => true,
    drain: () => undefined,
    end: () => undefined,
    close: (how: LinkEnd, detail: string) => void heard.push([how, detail]),
  };
  const dial = dialNowhere(nowhere);
  const [first, second] = [dial({ host: "a", port: 1 }, events), dial({ host: "b", port: 1 }, events)];
  assert.deepEqual(heard, []);
  assert.equal(first.write(Buffer.from("x")), true);
  assert.equal(first.holdsBytes, false);
  for (const each of [first, second])
    for (const act of ["pause", "resume", "released", "end"] as const) each[act]();
  second.destroy(true);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(heard, [["refused", nowhere]]);
});
