// The server's half of an opening handshake, by section of RFC 6455 and RFC 7692: a rule answers, and no upstream is there.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { rulesOf } from "../proxy/lanes/websocket/sockets.ts";
import { openRig, type Rig, readUntil } from "../support/rig.ts";

const quiet = `
  - name: quiet
    matches: [{websocket: {path: /chat}}]
    respond: {websocket: [{expect: any}]}`;

const handshake = {
  Host: "a",
  Connection: "keep-alive, Upgrade",
  Upgrade: "WebSocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
} as const;

function requestWith(
  change: Readonly<Record<string, string | null>> = {},
  line = "GET /chat HTTP/1.1",
): string {
  const fields = Object.entries({ ...handshake, ...change }).filter(([, value]) => value !== null);
  return `${line}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

async function answerTo(rig: Rig, request: string): Promise<{ socket: Socket; head: string }> {
  const socket = await rig.connect();
  socket.write(request);
  const seen = await readUntil(socket, "\r\n\r\n");
  return { socket, head: seen.slice(0, seen.indexOf("\r\n\r\n") + 4) };
}

test("mock 4.2.2: the handshake is accepted with the digest of the key, and no extension nobody asked for", async () => {
  await using rig = await openRig({ rules: rulesOf(quiet) });
  const { socket, head } = await answerTo(rig, requestWith());
  assert.match(head, /^HTTP\/1\.1 101 /);
  assert.match(head, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  assert.match(head, /\r\nUpgrade: websocket\r\n/i);
  assert.match(head, /\r\nConnection: Upgrade\r\n/i);
  assert.doesNotMatch(head, /Sec-WebSocket-(?:Extensions|Protocol)/);
  socket.destroy();
});

test("mock 4.2.2: a subprotocol is one of those that the client offers", async () => {
  await using rig = await openRig({ rules: rulesOf(quiet) });
  const { socket, head } = await answerTo(rig, requestWith({ "Sec-WebSocket-Protocol": "v2, v1" }));
  assert.match(head, /\r\nSec-WebSocket-Protocol: v2\r\n/);
  socket.destroy();
});

test("mock 4.2.2: a subprotocol that the client does not offer is not agreed on", async () => {
  const rules = rulesOf(quiet.replace("respond: {", "respond: {subprotocol: v3, "));
  await using rig = await openRig({ rules });
  const { socket, head } = await answerTo(rig, requestWith({ "Sec-WebSocket-Protocol": "v2, v1" }));
  assert.match(head, /^HTTP\/1\.1 101 /);
  assert.doesNotMatch(head, /Sec-WebSocket-Protocol/);
  socket.destroy();
});

test("mock 4.2.1: websocket may stand among other protocols", async () => {
  await using rig = await openRig({ rules: rulesOf(quiet) });
  const { socket, head } = await answerTo(rig, requestWith({ Upgrade: "h2c, websocket" }));
  assert.match(head, /^HTTP\/1\.1 101 /);
  socket.destroy();
});

test("mock 4.2.1: a request is taken wherever it is cut", async () => {
  await using rig = await openRig({ rules: rulesOf(quiet) });
  const request = Buffer.from(requestWith({ Connection: "Upgrade" }));
  const socket = await rig.connect();
  for (const byte of request) {
    socket.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  assert.match(await readUntil(socket, "\r\n\r\n"), /^HTTP\/1\.1 101 /);
  socket.destroy();
});

type Change = Readonly<Record<string, string | null>>;
const refusals: readonly (readonly [section: string, change: Change, status: RegExp, line?: string])[] = [
  [
    "4.4 another version, and which one would do",
    { "Sec-WebSocket-Version": "12" },
    /^HTTP\/1\.1 4(?:00|26) [\s\S]*Sec-WebSocket-Version: 13/,
  ],
  ["4.2.1 no version", { "Sec-WebSocket-Version": null }, /^HTTP\/1\.1 4(?:00|26) /],
  ["4.2.1 no key", { "Sec-WebSocket-Key": null }, /^HTTP\/1\.1 400 /],
  ["4.2.1 a key of another length", { "Sec-WebSocket-Key": "c2hvcnQ=" }, /^HTTP\/1\.1 400 /],
  ["4.2.1 no Host", { Host: null }, /^HTTP\/1\.1 400 /],
  ["4.2.1 no Upgrade in Connection", { Connection: "keep-alive" }, /^HTTP\/1\.1 400 /],
  ["4.2.1 another method", {}, /^HTTP\/1\.1 40[05] /, "POST /chat HTTP/1.1"],
  ["4.1 an empty subprotocol", { "Sec-WebSocket-Protocol": "a,,b" }, /^HTTP\/1\.1 400 /],
  ["9.1 a malformed extension", { "Sec-WebSocket-Extensions": "a b;;" }, /^HTTP\/1\.1 400 /],
  [
    "9.1 a malformed parameter",
    { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits=(9)" },
    /^HTTP\/1\.1 400 /,
  ],
];
for (const [section, change, status, line] of refusals)
  test(`mock ${section}: the handshake is refused`, async () => {
    await using rig = await openRig({ rules: rulesOf(quiet) });
    const { socket, head } = await answerTo(rig, requestWith(change, line));
    assert.match(head, status);
    socket.destroy();
  });

/** What is agreed on; null: nothing. */
const offers: readonly (readonly [section: string, offer: string, agreed: string | null])[] = [
  ["7.1 a plain offer", "permessage-deflate", "permessage-deflate"],
  ["7.1.1.1 server_no_context_takeover", "permessage-deflate; server_no_context_takeover", "same"],
  ["7.1.1.2 client_no_context_takeover", "permessage-deflate; client_no_context_takeover", "same"],
  ["7.1.2.1 server_max_window_bits", "permessage-deflate; server_max_window_bits=10", "same"],
  [
    "7.1.2.1 a value in quotes",
    'permessage-deflate; server_max_window_bits="10"',
    "permessage-deflate; server_max_window_bits=10",
  ],
  [
    "7.1.2.2 client_max_window_bits without a value",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate",
  ],
  ["7.1.2.2 client_max_window_bits", "permessage-deflate; client_max_window_bits=9", "same"],
  ["9.1 an extension that nobody knows", "x-secret; a=1", null],
  ["7.1 an unknown parameter", "permessage-deflate; level=9", null],
  [
    "7.1 a parameter that stands there twice",
    "permessage-deflate; client_max_window_bits=9; client_max_window_bits=9",
    null,
  ],
  ["7.1.1.1 a value where none may be", "permessage-deflate; server_no_context_takeover=1", null],
  ["7.1.2.1 no value where one must be", "permessage-deflate; server_max_window_bits", null],
  ["7.1.2.1 a window too large", "permessage-deflate; server_max_window_bits=16", null],
  ["7.1.2.1 a leading zero", "permessage-deflate; server_max_window_bits=010", null],
  ["7.1.2.1 a window that zlib cannot write for", "permessage-deflate; server_max_window_bits=8", null],
  ["7.1.2.2 a window too small", "permessage-deflate; client_max_window_bits=7", null],
  [
    "5.1 the first offer that can be taken",
    "permessage-deflate; level=9, x-y, permessage-deflate",
    "permessage-deflate",
  ],
];
for (const [section, offer, agreed] of offers)
  test(`mock 7692 ${section}: ${agreed === null ? "is declined" : "is agreed on"}`, async () => {
    await using rig = await openRig({ rules: rulesOf(quiet) });
    const { socket, head } = await answerTo(rig, requestWith({ "Sec-WebSocket-Extensions": offer }));
    assert.match(head, /^HTTP\/1\.1 101 /);
    const [, said = null] = /\r\nSec-WebSocket-Extensions: ([^\r]*)\r\n/.exec(head) ?? [];
    assert.equal(said, agreed === "same" ? offer : agreed);
    socket.destroy();
  });
