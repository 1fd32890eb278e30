// RFC 6455 and RFC 7692 by section, against the lane as the server: a rule answers, and no upstream is there.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { rulesOf } from "../proxy/lanes/websocket/sockets.ts";
import { openRig, type Rig, readUntil } from "../support/rig.ts";
import { closePayload, deflated, frame, framesIn, masked, type SeenFrame } from "./websocket-frames.ts";

const echo = `
  - name: echo
    matches: [{websocket: {path: /chat}}]
    respond:
      websocket:
        - repeat: {steps: [{expect: any}, {send: {text: "{{request.body}}", template: true}}]}`;

const handshake = {
  Host: "a",
  Connection: "keep-alive, Upgrade",
  Upgrade: "WebSocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
} as const;

function requestWith(change: Readonly<Record<string, string | null>> = {}): string {
  const fields = Object.entries({ ...handshake, ...change }).filter(([, value]) => value !== null);
  return `GET /chat HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

async function answerTo(rig: Rig, request: string): Promise<{ socket: Socket; head: string; rest: Buffer }> {
  const socket = await rig.connect();
  socket.write(request);
  const seen = await readUntil(socket, "\r\n\r\n");
  const end = seen.indexOf("\r\n\r\n") + 4;
  return { socket, head: seen.slice(0, end), rest: Buffer.from(seen.slice(end), "latin1") };
}

/** Frames until `enough` is true of them, or the connection ends. */
function framesUntil(socket: Socket, first: Buffer, enough: (frames: SeenFrame[]) => boolean) {
  return new Promise<SeenFrame[]>((resolve) => {
    let bytes = first;
    const look = (ended: boolean) => {
      let frames: SeenFrame[] = [];
      try {
        frames = framesIn(bytes);
      } catch {
        if (!ended) return; // the rest is on its way
      }
      if (ended || enough(frames)) resolve(frames);
    };
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      look(false);
    });
    socket.on("end", () => look(true));
    socket.on("close", () => look(true));
    look(false);
  });
}

/** `answers`: frames to wait for before the client says goodbye; 0: it does not. */
async function conversation(
  rig: Rig,
  pieces: readonly Buffer[],
  answers: number,
  extensions: string | null = null,
) {
  const { socket, rest } = await answerTo(rig, requestWith({ "Sec-WebSocket-Extensions": extensions }));
  const answered = framesUntil(socket, rest, (frames) => frames.length >= answers);
  const closed = framesUntil(socket, rest, (frames) => frames.some(({ opcode }) => opcode === 8));
  for (const piece of pieces) if (piece.length > 0) socket.write(piece);
  // An answer may take its time: a client that says goodbye at once does not get it.
  await answered;
  if (answers > 0) socket.write(goodbye);
  const frames = await closed;
  socket.destroy();
  return frames;
}

const goodbye = masked({ opcode: 8, payload: closePayload(1000, "bye") });
const shown = (frames: readonly SeenFrame[]) =>
  frames.map(({ opcode, payload }) =>
    opcode === 8 ? `close ${payload.length < 2 ? "" : payload.readUInt16BE(0)}` : `${opcode} ${payload}`,
  );

test("mock 4.2.2: the handshake is accepted with the digest of the key, and no extension nobody asked for", async () => {
  await using rig = await openRig({ rules: rulesOf(echo) });
  const { socket, head } = await answerTo(rig, requestWith());
  assert.match(head, /^HTTP\/1\.1 101 /);
  assert.match(head, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  assert.match(head, /\r\nUpgrade: websocket\r\n/i);
  assert.match(head, /\r\nConnection: Upgrade\r\n/i);
  assert.doesNotMatch(head, /Sec-WebSocket-(?:Extensions|Protocol)/);
  socket.destroy();
});

test("mock 4.2.2: a subprotocol is one of those that the client offers", async () => {
  await using rig = await openRig({ rules: rulesOf(echo) });
  const { socket, head } = await answerTo(rig, requestWith({ "Sec-WebSocket-Protocol": "v2, v1" }));
  assert.match(head, /\r\nSec-WebSocket-Protocol: v2\r\n/);
  socket.destroy();
});

const refusals: readonly (readonly [
  section: string,
  change: Record<string, string | null>,
  status: RegExp,
])[] = [
  [
    "4.4 another version",
    { "Sec-WebSocket-Version": "12" },
    /^HTTP\/1\.1 4(?:00|26) [\s\S]*Sec-WebSocket-Version: 13/,
  ],
  ["4.2.1 no key", { "Sec-WebSocket-Key": null }, /^HTTP\/1\.1 400 /],
  ["4.2.1 a key of another length", { "Sec-WebSocket-Key": "c2hvcnQ=" }, /^HTTP\/1\.1 400 /],
  ["9.1 a malformed extension", { "Sec-WebSocket-Extensions": "a b;;" }, /^HTTP\/1\.1 400 /],
];
for (const [section, change, status] of refusals)
  test(`mock ${section}: the handshake is refused`, async () => {
    await using rig = await openRig({ rules: rulesOf(echo) });
    const { socket, head } = await answerTo(rig, requestWith(change));
    assert.match(head, status);
    socket.destroy();
  });

const text = "Ké€𝄞";
const transcripts: readonly (readonly [section: string, sent: Buffer, expected: string[]])[] = [
  ["5.6 a text message", masked({ payload: text }), [`1 ${text}`, "close 1000"]],
  [
    "5.4 fragments with a ping between them",
    Buffer.concat([
      masked({ fin: false, payload: "Hel" }),
      masked({ opcode: 9, payload: "p" }),
      masked({ opcode: 0, payload: "lo" }),
    ]),
    ["10 p", "1 Hello", "close 1000"],
  ],
  [
    "5.5.2 a ping is answered with its own payload",
    masked({ opcode: 9, payload: "are you" }),
    ["10 are you", "close 1000"],
  ],
  [
    "5.5.3 a pong that nobody asked for",
    Buffer.concat([masked({ opcode: 10, payload: "x" }), masked({ payload: "y" })]),
    ["1 y", "close 1000"],
  ],
];
for (const [section, sent, expected] of transcripts)
  test(`mock ${section}, cut at every byte`, async () => {
    await using rig = await openRig({ rules: rulesOf(echo) });
    const offsets = Array.from({ length: sent.length + 1 }, (_, at) => at);
    const seen = await Promise.all(
      offsets.map((at) => conversation(rig, [sent.subarray(0, at), sent.subarray(at)], expected.length - 1)),
    );
    for (const [at, frames] of seen.entries()) {
      // A pong may overtake the answer to a message, which a script gives in its own time.
      assert.deepEqual([...shown(frames)].sort(), [...expected].sort(), `cut at ${at}`);
      assert.ok(
        frames.every(({ masked: isMasked }) => !isMasked),
        "5.1: a server does not mask",
      );
    }
  });

const hostile: readonly (readonly [section: string, code: number, sent: Buffer])[] = [
  ["5.1 an unmasked frame", 1002, frame({ payload: "a" })],
  ["5.2 a reserved bit", 1002, masked({ rsv: 1, payload: "a" })],
  ["5.2 RSV1 without an extension", 1002, masked({ rsv: 4, payload: "a" })],
  ["5.2 a reserved opcode", 1002, masked({ opcode: 3 })],
  ["5.4 a continuation of nothing", 1002, masked({ opcode: 0, payload: "a" })],
  [
    "5.4 a new message inside another",
    1002,
    Buffer.concat([masked({ fin: false, payload: "a" }), masked({ payload: "b" })]),
  ],
  ["5.5 a fragmented ping", 1002, masked({ opcode: 9, fin: false })],
  ["5.5 a ping of 126 bytes", 1002, masked({ opcode: 9, payload: "p".repeat(126) })],
  ["5.5.1 a close code of one byte", 1002, masked({ opcode: 8, payload: "a" })],
  ["7.4.1 the close code 1005", 1002, masked({ opcode: 8, payload: closePayload(1005) })],
  ["7.4.2 the close code 2999", 1002, masked({ opcode: 8, payload: closePayload(2999) })],
  [
    "5.5.1 a close reason that is not UTF-8",
    1007,
    masked({ opcode: 8, payload: closePayload(1000, Buffer.from([0xff])) }),
  ],
  ["8.1 text that is not UTF-8", 1007, masked({ payload: Buffer.from([0xc3, 0x28]) })],
  ["10.4 a message that is too large", 1009, masked({ payload: Buffer.alloc(1_048_577) }).subarray(0, 64)],
];
for (const [section, code, sent] of hostile)
  test(`mock ${section}: the connection is failed with ${code}`, async () => {
    await using rig = await openRig({ rules: rulesOf(echo) });
    const at = Math.min(3, sent.length);
    const frames = await conversation(rig, [sent.subarray(0, at), sent.subarray(at)], 0);
    assert.deepEqual(shown(frames), [`close ${code}`]);
  });

test("mock 7692 7: compression is agreed on, read and written", async () => {
  await using rig = await openRig({ rules: rulesOf(echo) });
  const long = "the same again and again ".repeat(100);
  const frames = await conversation(
    rig,
    [masked({ rsv: 4, payload: deflated(long) })],
    1,
    "permessage-deflate; client_max_window_bits",
  );
  const [answer] = frames;
  assert.equal(answer?.rsv, 4);
  assert.ok((answer?.payload.length ?? 0) < long.length / 4);
});

test("mock 5.5.1: a close is answered with its code, and the connection ends", async () => {
  await using rig = await openRig({ rules: rulesOf(echo) });
  const { socket, rest } = await answerTo(rig, requestWith());
  const ended = new Promise((resolve) => socket.once("end", resolve));
  const seen = framesUntil(socket, rest, () => false);
  socket.write(masked({ opcode: 8, payload: closePayload(3001, "why") }));
  await ended;
  const [close] = await seen;
  assert.deepEqual([close?.opcode, close?.payload.readUInt16BE(0)], [8, 3001]);
  socket.destroy();
});
