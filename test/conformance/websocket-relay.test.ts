// RFC 6455 and RFC 7692 by section, against the lane as a relay. Without a rule every byte passes, right or wrong. With a
// rule that looks into every message, what is right passes byte for byte, and what is wrong is refused by the book; cut
// at every byte offset each time.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Traffic } from "../../src/core/lane.ts";
import type { Way } from "../../src/core/rule-websocket.ts";
import { openWire, type Wire } from "../support/wire.ts";
import { closeCodeIn, closePayload, deflated, frame, framesIn, masked } from "./websocket-frames.ts";
import { cuts, hostile, type Make } from "./websocket-hostile.ts";
import { messageRules } from "./websocket-rules.ts";

const looking = messageRules(`
  - name: look
    matches: [{websocket: {path: /chat}, message: {contains: never said}}]
    fault: {websocket: {cut: true}}`);

const request =
  "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
  "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

function upgraded(rules: Traffic["decideMessages"] | null, extension = ""): Wire {
  const wire = openWire(rules === null ? {} : { decideMessages: rules });
  wire.fromDownstream(request);
  const agreed = extension === "" ? "" : `Sec-WebSocket-Extensions: ${extension}\r\n`;
  wire.fromUpstream(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${agreed}\r\n`,
  );
  return wire;
}

/** What came out behind the handshake. */
function outOf(wire: Wire, way: Way): Buffer {
  const all = way === "toUpstream" ? wire.toUpstream : wire.toDownstream;
  return Buffer.from(all.slice(all.indexOf("\r\n\r\n") + 4), "latin1");
}

function send(wire: Wire, way: Way, bytes: Buffer): void {
  if (bytes.length === 0) return;
  if (way === "toUpstream") wire.fromDownstream(bytes);
  else wire.fromUpstream(bytes);
}

/** Streams that are right, by section; `make` writes frames of that side. */
const sound: readonly (readonly [section: string, stream: (make: Make) => Buffer[], extension?: string])[] = [
  ["5.2 lengths in one byte", (make) => [0, 1, 124, 125].map((n) => make({ payload: "x".repeat(n) }))],
  ["5.2 lengths in two bytes", (make) => [126, 127, 300].map((n) => make({ payload: "x".repeat(n) }))],
  [
    "5.2 the largest length in two bytes, the smallest in eight",
    (make) => [65_535, 65_536].map((n) => make({ opcode: 2, payload: Buffer.alloc(n, 7) })),
  ],
  [
    "5.4 a message in three frames",
    (make) => [
      make({ fin: false, payload: "Hel" }),
      make({ opcode: 0, fin: false, payload: "" }),
      make({ opcode: 0, payload: "lo" }),
    ],
  ],
  [
    "5.4 control frames between fragments",
    (make) => [
      make({ fin: false, payload: "Hel" }),
      make({ opcode: 9, payload: "ping" }),
      make({ opcode: 10, payload: "" }),
      make({ opcode: 0, payload: "lo" }),
      make({ opcode: 2, payload: Buffer.from([0, 255, 128]) }),
    ],
  ],
  [
    "5.5 control frames of 125 bytes",
    (make) => [9, 10].map((opcode) => make({ opcode, payload: "p".repeat(125) })),
  ],
  [
    "5.5.1 a close without a body, and what is behind it",
    (make) => [make({ opcode: 8 }), Buffer.from("junk")],
  ],
  [
    "5.5.1 a close inside a message that never ends",
    (make) => [make({ fin: false, payload: "Hel" }), make({ opcode: 8, payload: closePayload(1000, "bye") })],
  ],
  ...[1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999].map(
    (code) =>
      [
        `7.4 the close code ${code}`,
        (make: Make) => [make({ opcode: 8, payload: closePayload(code, "é") })],
      ] as const,
  ),
  [
    "10.4 messages larger than a rule may hold",
    (make) => [
      make({ opcode: 2, payload: Buffer.alloc(1_048_577, 7) }),
      make({ fin: false, payload: "x".repeat(1_000_000) }),
      make({ opcode: 9, payload: "ping" }),
      make({ opcode: 0, fin: false, payload: "y".repeat(100_000) }),
      make({ opcode: 0, payload: "" }),
      make({ payload: "bye" }),
    ],
  ],
  [
    "10.4 a message that inflates to more than a rule may hold, and one behind it",
    (make) => [make({ rsv: 4, payload: deflated("\0".repeat(2_000_000)) }), make({ payload: "bye" })],
    "permessage-deflate",
  ],
  [
    "8.1 a character cut by a fragment",
    (make) => {
      const text = Buffer.from("κόσμε€𝄞");
      return [
        make({ fin: false, payload: text.subarray(0, 4) }),
        make({ opcode: 0, payload: text.subarray(4) }),
      ];
    },
  ],
  [
    "7692 7.2.3.1 a compressed message",
    (make) => [make({ rsv: 4, payload: deflated("Hello") }), make({ payload: "plain" })],
    "permessage-deflate",
  ],
  [
    "7692 7.2.3.1 a compressed message in two frames",
    (make) => {
      const bytes = deflated("Hello, Hello, Hello");
      return [
        make({ rsv: 4, fin: false, payload: bytes.subarray(0, 3) }),
        make({ opcode: 9, payload: "between" }),
        make({ opcode: 0, payload: bytes.subarray(3) }),
      ];
    },
    "permessage-deflate",
  ],
  [
    "7692 7.2.3.2 a message that shares the window of the one before",
    (make) =>
      ["f248cdc9c90700", "f200110000"].map((hex) => make({ rsv: 4, payload: Buffer.from(hex, "hex") })),
    "permessage-deflate",
  ],
  [
    "7692 7.2.3.3 a block without compression",
    (make) => [make({ rsv: 4, payload: Buffer.from("000500faff48656c6c6f00", "hex") })],
    "permessage-deflate",
  ],
  [
    "7692 7.2.3.4 a block with BFINAL",
    (make) => [make({ rsv: 4, payload: Buffer.from("f348cdc9c9070000", "hex") })],
    "permessage-deflate",
  ],
  [
    "7692 7.2.3.5 two blocks",
    (make) => [make({ rsv: 4, payload: Buffer.from("f248050000 00ffffcac9c90700".replace(" ", ""), "hex") })],
    "permessage-deflate",
  ],
  [
    "7692 7.2.3.6 an empty message",
    (make) => [make({ rsv: 4, payload: Buffer.from([0]) })],
    "permessage-deflate",
  ],
];

/** A message that is looked into is held until it is whole; control frames do not wait for it (RFC 6455 §5.4). */
function overtaken(frames: readonly Buffer[]): Buffer[] {
  const out: Buffer[] = [];
  let messageAt = -1;
  for (const one of frames) {
    const [first = 0] = one;
    const isPingOrPong = (first & 15) > 8;
    if (isPingOrPong && messageAt >= 0) out.splice(messageAt++, 0, one);
    else {
      if (messageAt < 0) messageAt = out.length;
      out.push(one);
      if (first >= 128) messageAt = -1;
    }
  }
  return out;
}

const ways = [
  ["of the client", "toUpstream", masked],
  ["of the server", "toDownstream", frame],
] as const;

for (const [whose, way, make] of ways) {
  for (const [section, stream, extension] of sound) {
    test(`relay, frames ${whose}: ${section}: pass byte for byte, wherever they are cut`, () => {
      const bytes = Buffer.concat(stream(make));
      for (const rules of [null, looking]) {
        const expected = rules === null ? bytes : Buffer.concat(overtaken(stream(make)));
        for (const cut of cuts(bytes)) {
          const wire = upgraded(rules, extension);
          send(wire, way, bytes.subarray(0, cut));
          send(wire, way, bytes.subarray(cut));
          assert.ok(
            outOf(wire, way).equals(expected),
            `cut at ${cut} with ${rules === null ? "no rule" : "a rule"}`,
          );
        }
      }
    });
  }

  test(`relay, frames ${whose}: byte by byte`, () => {
    const frames = sound[4]?.[1](make) ?? [];
    const bytes = Buffer.concat(frames);
    const wire = upgraded(looking);
    for (const byte of bytes) send(wire, way, Buffer.from([byte]));
    assert.ok(outOf(wire, way).equals(Buffer.concat(overtaken(frames))));
  });
}

for (const [whose, way, make] of ways) {
  for (const [section, code, stream, extension] of hostile) {
    test(`relay, frames ${whose}: ${section}: passes without a rule, is refused with ${code} under one`, () => {
      const before = make({ payload: "before" });
      const bytes = Buffer.concat([before, ...stream(make)]);
      const raw = upgraded(null, extension);
      send(raw, way, bytes);
      assert.ok(outOf(raw, way).equals(bytes));
      const back: Way = way === "toUpstream" ? "toDownstream" : "toUpstream";
      for (const cut of cuts(bytes)) {
        const wire = upgraded(looking, extension);
        send(wire, way, bytes.subarray(0, cut));
        send(wire, way, bytes.subarray(cut));
        assert.equal(closeCodeIn(outOf(wire, back)), code, `to the sender, cut at ${cut}`);
        const passed = outOf(wire, way);
        assert.ok(
          passed.subarray(0, before.length).equals(before),
          `what was right has passed, cut at ${cut}`,
        );
        assert.equal(closeCodeIn(passed), 1001, `to the receiver, cut at ${cut}`);
        const data = framesIn(passed).filter(({ opcode }) => opcode < 8);
        assert.deepEqual(
          data.map(({ payload }) => payload.toString()),
          ["before"],
        );
      }
    });
  }
}

test("relay: an extension that nobody knows: frames pass unread, and the connection says why", () => {
  const wire = upgraded(looking, "x-secret");
  const bytes = masked({ rsv: 7, opcode: 5, payload: "never said" });
  send(wire, "toUpstream", bytes);
  assert.ok(outOf(wire, "toUpstream").equals(bytes));
});
