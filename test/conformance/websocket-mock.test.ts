// RFC 6455 and RFC 7692 by section, against the lane as the server: a rule answers, and no upstream is there. In memory, so
// that every stream really arrives cut where the test cuts it: at every byte offset.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateRawSync, constants as zlib } from "node:zlib";
import { openWire, type Wire } from "../support/wire.ts";
import { closePayload, deflated, frame, framesIn, masked, type SeenFrame } from "./websocket-frames.ts";
import { cuts, hostile } from "./websocket-hostile.ts";
import { answering } from "./websocket-rules.ts";

const echo = answering(`
  - name: echo
    matches: [{websocket: {path: /chat}}]
    respond:
      websocket:
        - repeat: {steps: [{expect: any}, {send: {text: "{{request.body}}", template: true}}]}`);

const request = (extension: string) =>
  "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
  `${extension === "" ? "" : `Sec-WebSocket-Extensions: ${extension}\r\n`}\r\n`;

/** Others have their turn until `holds`; a test that waits for ever is ended by its deadline. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}

async function open(extension = "", decide = echo): Promise<Wire> {
  const wire = openWire({ decide });
  wire.fromDownstream(request(extension));
  await until(() => wire.toDownstream.includes("\r\n\r\n"));
  return wire;
}

/** Whole frames so far. */
function seen(wire: Wire): SeenFrame[] {
  const { toDownstream } = wire;
  try {
    return framesIn(Buffer.from(toDownstream.slice(toDownstream.indexOf("\r\n\r\n") + 4), "latin1"));
  } catch {
    return [];
  }
}

function send(wire: Wire, pieces: readonly Buffer[]): void {
  for (const piece of pieces) if (piece.length > 0) wire.fromDownstream(piece);
}

/** Messages of ours are compressed where that was agreed on, and refer to those before them. */
function shown(frames: readonly SeenFrame[]): string[] {
  let history = "";
  return frames.map(({ opcode, payload, rsv }) => {
    if (opcode === 8) return `close ${payload.length < 2 ? "" : payload.readUInt16BE(0)}`;
    if (rsv === 0) return `${opcode} ${payload}`;
    const plain = inflate(payload, 15, Buffer.from(history));
    history += plain;
    return `${opcode} ${plain}`;
  });
}

/** A message of ours as its receiver reads it. */
function inflate(payload: Buffer, windowBits: number, history = Buffer.alloc(0)): string {
  const whole = Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]);
  const dictionary = history.length > 0 ? { dictionary: history } : {};
  return inflateRawSync(whole, { finishFlush: zlib.Z_SYNC_FLUSH, windowBits, ...dictionary }).toString();
}

const text = "Ké€𝄞";
const bytes = Buffer.from(text);
const pmd = "permessage-deflate";
const hello = deflated("Hello");
/** RFC 7692 §7.2.3.2: the second refers to the first. */
const sharing = ["f248cdc9c90700", "f200110000"].map((hex) =>
  masked({ rsv: 4, payload: Buffer.from(hex, "hex") }),
);

/** What is sent, and what comes back but for the close. */
const transcripts: readonly (readonly [
  section: string,
  sent: readonly Buffer[],
  expected: readonly string[],
  extension?: string,
])[] = [
  ["5.6 a text message", [masked({ payload: text })], [`1 ${text}`]],
  ["5.6 an empty message", [masked({ payload: "" })], ["1 "]],
  ["5.3 a mask of zeros", [masked({ payload: text, mask: Buffer.alloc(4) })], [`1 ${text}`]],
  ["5.2 a length in two bytes", [masked({ payload: "x".repeat(126) })], [`1 ${"x".repeat(126)}`]],
  ["5.2 a length in eight bytes", [masked({ payload: "x".repeat(65_536) })], [`1 ${"x".repeat(65_536)}`]],
  [
    "5.4 fragments with a ping between them",
    [
      masked({ fin: false, payload: "Hel" }),
      masked({ opcode: 9, payload: "p" }),
      masked({ opcode: 0, payload: "lo" }),
    ],
    ["10 p", "1 Hello"],
  ],
  [
    "5.4 empty fragments",
    [masked({ fin: false }), masked({ opcode: 0, fin: false, payload: "a" }), masked({ opcode: 0 })],
    ["1 a"],
  ],
  [
    "8.1 characters cut by fragments",
    [...bytes.subarray(0, -1)]
      .map((byte, i) => masked({ opcode: i === 0 ? 1 : 0, fin: false, payload: Buffer.from([byte]) }))
      .concat(masked({ opcode: 0, payload: bytes.subarray(-1) })),
    [`1 ${text}`],
  ],
  [
    "5.5.2 a ping is answered with its own payload",
    [masked({ opcode: 9, payload: "are you" })],
    ["10 are you"],
  ],
  ["5.5.2 a ping of 125 bytes", [masked({ opcode: 9, payload: "p".repeat(125) })], [`10 ${"p".repeat(125)}`]],
  [
    "5.5.3 a pong that nobody asked for",
    [masked({ opcode: 10, payload: "x" }), masked({ payload: "y" })],
    ["1 y"],
  ],
  ["7692 7.2.3.1 a compressed message", [masked({ rsv: 4, payload: hello })], ["1 Hello"], pmd],
  [
    "7692 7.2.3.1 a compressed message in two frames",
    [
      masked({ rsv: 4, fin: false, payload: hello.subarray(0, 3) }),
      masked({ opcode: 9, payload: "p" }),
      masked({ opcode: 0, payload: hello.subarray(3) }),
    ],
    ["10 p", "1 Hello"],
    pmd,
  ],
  [
    "7692 6 a plain message where compression was agreed on",
    [masked({ payload: "plain" })],
    ["1 plain"],
    pmd,
  ],
  ["7692 7.2.3.2 a message that shares the window of the one before", sharing, ["1 Hello", "1 Hello"], pmd],
  [
    "7692 7.2.3.3 a block without compression",
    [masked({ rsv: 4, payload: Buffer.from("000500faff48656c6c6f00", "hex") })],
    ["1 Hello"],
    pmd,
  ],
  [
    "7692 7.2.3.4 a block with BFINAL",
    [masked({ rsv: 4, payload: Buffer.from("f348cdc9c9070000", "hex") })],
    ["1 Hello"],
    pmd,
  ],
  [
    "7692 7.2.3.5 two blocks",
    [masked({ rsv: 4, payload: Buffer.from("f24805000000ffffcac9c90700", "hex") })],
    ["1 Hello"],
    pmd,
  ],
  ["7692 7.2.3.6 an empty message", [masked({ rsv: 4, payload: Buffer.from([0]) })], ["1 "], pmd],
];
for (const [section, sent, expected, extension] of transcripts)
  test(`mock ${section}, cut at every byte`, async () => {
    const stream = Buffer.concat(sent);
    for (const at of cuts(stream)) {
      const wire = await open(extension);
      send(wire, [stream.subarray(0, at), stream.subarray(at)]);
      await until(() => seen(wire).length >= expected.length || wire.downstreamEnd !== "open");
      send(wire, [masked({ opcode: 8, payload: closePayload(1000, "bye") })]);
      await until(() => wire.downstreamEnd !== "open");
      const frames = seen(wire);
      // A pong may overtake the answer to a message, which a script gives in its own time.
      assert.deepEqual(shown(frames).sort(), [...expected, "close 1000"].sort(), `cut at ${at}`);
      assert.ok(
        frames.every(({ masked: isMasked, fin }) => !isMasked && fin),
        "5.1: a server does not mask",
      );
    }
  });

test("mock: byte by byte", async () => {
  const wire = await open();
  const stream = Buffer.concat([
    masked({ fin: false, payload: "Hel" }),
    masked({ opcode: 9, payload: "p" }),
    masked({ opcode: 0, payload: "lo" }),
    masked({ payload: "x".repeat(200) }),
  ]);
  send(
    wire,
    [...stream].map((byte) => Buffer.from([byte])),
  );
  await until(() => seen(wire).length === 3);
  assert.deepEqual(shown(seen(wire)).sort(), [`1 ${"x".repeat(200)}`, "1 Hello", "10 p"].sort());
});

/** Where `ws`, which speaks for us, is more lenient than the RFC lets it be, or names another code. */
const otherwise: Readonly<Record<string, number | "taken">> = {
  // The sender has the duty to be brief; nobody has to check it.
  "5.2 a length of 125 in two bytes": "taken",
  "5.2 a length of 65535 in eight bytes": "taken",
  "5.2 a length whose most significant bit is set": 1009,
};
const tooLarge = [
  "10.4 a message that is too large",
  1009,
  (make: typeof masked) => [make({ payload: Buffer.alloc(1_048_577) }).subarray(0, 64)],
] as const;
const inflated = [
  "10.4 a message that inflates to too much",
  1009,
  (make: typeof masked) => [make({ rsv: 4, payload: deflated("\0".repeat(1_048_577)) })],
  pmd,
] as const;
const badReason = [
  "5.5.1 a close reason that ends inside a character",
  1007,
  (make: typeof masked) => [make({ opcode: 8, payload: closePayload(1000, bytes.subarray(0, 2)) })],
] as const;

for (const [section, usual, stream, extension] of [...hostile, tooLarge, inflated, badReason]) {
  const code = otherwise[section] ?? usual;
  if (code === "taken") continue;
  test(`mock ${section}: the connection is failed with ${code}, wherever it is cut`, async () => {
    const wrong = Buffer.concat(stream(masked));
    const whole = Buffer.concat([masked({ payload: "before" }), wrong]);
    for (const at of cuts(whole)) {
      const wire = await open(extension);
      send(wire, [whole.subarray(0, at), whole.subarray(at)]);
      await until(() => wire.downstreamEnd !== "open");
      const answers = shown(seen(wire));
      // What is right is answered, unless the end comes first; behind the close nothing is.
      assert.equal(answers.at(-1), `close ${code}`, `cut at ${at}`);
      assert.ok(
        answers.slice(0, -1).every((one) => one === "1 before"),
        `cut at ${at}: ${answers}`,
      );
    }
  });
}

test("mock 7.1.7: nothing is done with what comes behind a violation", async () => {
  const wire = await open();
  send(wire, [frame({ payload: "unmasked" }), masked({ payload: "behind" })]);
  await until(() => wire.downstreamEnd !== "open");
  assert.deepEqual(shown(seen(wire)), ["close 1002"]);
});

for (const code of [1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999])
  test(`mock 5.5.1: a close with ${code} is answered with it, and the connection ends, wherever it is cut`, async () => {
    const close = masked({ opcode: 8, payload: closePayload(code, "why") });
    const stream = Buffer.concat([close, masked({ payload: "too late" })]);
    for (const at of cuts(stream)) {
      const wire = await open();
      send(wire, [stream.subarray(0, at), stream.subarray(at)]);
      await until(() => wire.downstreamEnd !== "open");
      assert.deepEqual(shown(seen(wire)), [`close ${code}`], `cut at ${at}`);
    }
  });

test("mock 5.5.1: a close without a code is answered without one", async () => {
  const wire = await open();
  send(wire, [masked({ opcode: 8 })]);
  await until(() => wire.downstreamEnd !== "open");
  assert.deepEqual(shown(seen(wire)), ["close "]);
});

/** Messages of so many characters. */
const says = (lengths: readonly number[]) =>
  answering(`
  - name: says
    matches: [{websocket: {}}]
    respond: {websocket: [${lengths.map((length) => `{send: "${"x".repeat(length)}"}`).join(", ")}, {repeat: {times: 1, steps: [{close: {code: 4000, reason: bye}}]}}, {send: late}]}`);

test("mock 5.2, 5.5.1: lengths in as few bytes as they take, and no message behind a close", async () => {
  const lengths = [0, 1, 125, 126, 65_535, 65_536];
  const wire = await open("", says(lengths));
  await until(() => seen(wire).some(({ opcode }) => opcode === 8));
  const expected = Buffer.concat([
    ...lengths.map((length) => frame({ payload: "x".repeat(length) })),
    frame({ opcode: 8, payload: closePayload(4000, "bye") }),
  ]);
  const { toDownstream } = wire;
  assert.ok(Buffer.from(toDownstream.slice(toDownstream.indexOf("\r\n\r\n") + 4), "latin1").equals(expected));
  send(wire, [masked({ opcode: 8, payload: closePayload(4000) })]);
  await until(() => wire.downstreamEnd !== "open");
});

const chapter = Array.from({ length: 400 }, (_, i) => `line ${i * 7919} of it\n`).join("");
const reads = answering(`
  - name: reads
    matches: [{websocket: {}}]
    respond: {websocket: [{send: ${JSON.stringify(chapter)}}, {send: ${JSON.stringify(chapter)}}]}`);

test("mock 7692 7.2.1: messages are compressed, and later ones refer to earlier ones", async () => {
  const wire = await open(pmd, reads);
  await until(() => seen(wire).length === 2);
  const [first, second] = seen(wire);
  assert.ok(first && second);
  assert.deepEqual([first.rsv, second.rsv], [4, 4]);
  assert.equal(inflate(first.payload, 15), chapter);
  assert.equal(inflate(second.payload, 15, Buffer.from(chapter)), chapter);
  assert.ok(second.payload.length < first.payload.length / 4);
});

test("mock 7692 7.1.1.1: server_no_context_takeover: each message stands alone", async () => {
  const wire = await open(`${pmd}; server_no_context_takeover`, reads);
  await until(() => seen(wire).length === 2);
  for (const { payload } of seen(wire)) assert.equal(inflate(payload, 15), chapter);
});

test("mock 7692 7.1.2.1: server_max_window_bits: messages are read with a window that small", async () => {
  const wire = await open(`${pmd}; server_max_window_bits=9; server_no_context_takeover`, reads);
  await until(() => seen(wire).length === 2);
  for (const { payload } of seen(wire)) assert.equal(inflate(payload, 9), chapter);
});
