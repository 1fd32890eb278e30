// HPACK against the examples of RFC 7541 appendix C, against itself, and against what a hostile peer may write.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HpackDecoder } from "../../../../../src/proxy/lanes/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../../../src/proxy/lanes/http2/hpack/encoder.ts";
import type { HeaderBlock } from "../../../../../src/proxy/lanes/http2/hpack/header-block.ts";
import {
  huffmanDecode,
  huffmanEncode,
  huffmanLength,
} from "../../../../../src/proxy/lanes/http2/hpack/huffman.ts";
import { encodeLiterals } from "../../../../../src/proxy/lanes/http2/hpack/literal-block.ts";

const limits = { maxListBytes: 100_000, maxFields: 1_000 };
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

function decoded(decoder: HpackDecoder, bytes: Buffer): HeaderBlock {
  const block = decoder.decode(bytes, 0, bytes.length);
  if ("flaw" in block) throw new Error(block.flaw);
  return block;
}

const pairs = (block: HeaderBlock) => block.fields.map(({ name, value }) => [name, value]);

const base = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "www.example.com"],
];
const appendixC: readonly (readonly [section: string, blocks: readonly string[]])[] = [
  [
    "C.3",
    [
      "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "8286 84be 5808 6e6f 2d63 6163 6865",
      "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ],
  ],
  [
    "C.4",
    [
      "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
      "8286 84be 5886 a8eb 1064 9cbf",
      "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ],
  ],
];

for (const [section, blocks] of appendixC) {
  test(`hpack: RFC 7541 ${section}, decoded and written again as it was`, () => {
    const decoder = new HpackDecoder(limits);
    const encoder = new HpackEncoder();
    const seen = blocks.map((text) => {
      const block = decoded(decoder, hex(text));
      assert.deepEqual(Buffer.from(encoder.encode(block)), hex(text));
      return pairs(block);
    });
    assert.deepEqual(seen, [
      base,
      [...base, ["cache-control", "no-cache"]],
      [
        [":method", "GET"],
        [":scheme", "https"],
        [":path", "/index.html"],
        [":authority", "www.example.com"],
        ["custom-key", "custom-value"],
      ],
    ]);
  });
}

test("hpack: any octets survive the Huffman code", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
      const text = Buffer.from(octets).toString("latin1");
      const out = new Uint8Array(huffmanLength(text));
      assert.equal(huffmanEncode(text, out, 0), out.length);
      const back = new Uint8Array(octets.length * 2 + 8);
      assert.equal(huffmanDecode(out, 0, out.length, back), octets.length);
      assert.deepEqual(back.subarray(0, octets.length), octets);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test("hpack: what the encoder drops, resizes or was never given, the next peer still reads right", () => {
  const field = fc.tuple(fc.constantFrom("x-a", "x-b", ":path", "cookie"), fc.string({ maxLength: 30 }));
  const block = fc.record({
    fields: fc.array(field, { maxLength: 8 }),
    indexed: fc.array(fc.nat(8), { maxLength: 4 }),
    skipped: fc.boolean(),
    table: fc.option(fc.integer({ min: 0, max: 200 }), { nil: null }),
  });
  fc.assert(
    fc.property(fc.array(block, { maxLength: 20 }), (blocks) => {
      const [ours, theirs] = [new HpackDecoder(limits), new HpackDecoder(limits)];
      const encoder = new HpackEncoder();
      for (const { fields, indexed, skipped, table } of blocks) {
        if (table !== null) {
          encoder.allowTable(table);
          theirs.allowTable(table);
        }
        const incremental = fields.map(([name, value]) => {
          const text = Buffer.from(value, "latin1");
          return Buffer.concat([
            Buffer.from([0x40, name.length]),
            Buffer.from(name),
            Buffer.from([text.length]),
            text,
          ]);
        });
        const wire = Buffer.concat([
          ...incremental,
          Buffer.from(indexed.slice(0, fields.length).map((i) => 0xbe + (i % (fields.length || 1)))),
        ]);
        const read = ours.decode(wire, 0, wire.length);
        if ("flaw" in read) return; // the table of the sender itself had lost it
        if (skipped) continue;
        assert.deepEqual(pairs(decoded(theirs, Buffer.from(encoder.encode(read)))), pairs(read));
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("hpack: blocks that cannot be right are refused", () => {
  const wrong: readonly (readonly [what: string, bytes: string])[] = [
    ["index 0", "80"],
    ["an index beyond the tables", "be"],
    ["an integer without end", "ff ff ff ff ff ff 7f"],
    ["an integer cut off", "ff"],
    ["a string cut off", "40 05 61"],
    ["a name index beyond the tables", "7e 01 61"],
    ["a table larger than allowed", "3f e2 1f"],
    ["a size update behind a field", "82 20"],
    ["EOS inside a string", "40 84 ff ff ff ff 01 61"],
    ["padding of eight bits", "40 82 1f ff 01 61"],
    ["padding of zeros", "40 81 18 01 61"],
  ];
  for (const [what, bytes] of wrong) {
    const block = new HpackDecoder(limits).decode(hex(bytes), 0, hex(bytes).length);
    assert.ok("flaw" in block, what);
  }
});

test("hpack: a lowered table must be announced, and replies of ours can", () => {
  const decoder = new HpackDecoder(limits);
  decoder.allowTable(0);
  assert.ok("flaw" in decoder.decode(hex("82"), 0, 1));
  const fields = [["x-a", "1"]] as const;
  assert.deepEqual(pairs(decoded(decoder, encodeLiterals(fields, 0))), fields);
});

test("hpack: a list beyond the limits is read to its end, and kept no further", () => {
  const decoder = new HpackDecoder({ maxListBytes: 100, maxFields: 10 });
  const big = encodeLiterals([["x-a", "y".repeat(200)]]);
  assert.equal(decoded(decoder, big).tooLarge, true);
  assert.equal(decoded(decoder, hex("82")).tooLarge, false);
});

test("hpack: a literal that comes again is the same, one that only begins alike is not", () => {
  const decoder = new HpackDecoder({ maxListBytes: 10_000, maxFields: 100 });
  const literal = (prefix: number, value: string) =>
    Buffer.concat([Buffer.from([prefix | 0x0f, 54 - 15, value.length]), Buffer.from(value)]); // 54: server
  const blocks = [
    literal(0x00, "nginx"),
    literal(0x00, "nginx"),
    literal(0x10, "nginx"),
    literal(0x00, "nginx2"),
  ];
  const seen = blocks.map((block) => {
    const decoded = decoder.decode(block, 0, block.length);
    assert.ok(!("flaw" in decoded));
    const { as, valueFrom, valueTo } = decoded.coding;
    return decoded.fields.map(({ name, value }, i) => [
      name,
      value,
      as[i],
      (valueTo[i] ?? 0) - (valueFrom[i] ?? 0),
    ]);
  });
  assert.deepEqual(seen, [
    [["server", "nginx", "plain", 6]],
    [["server", "nginx", "plain", 6]],
    [["server", "nginx", "never", 6]],
    [["server", "nginx2", "plain", 7]],
  ]);
  const cut = literal(0x00, "nginx2").subarray(0, 6);
  assert.ok("flaw" in decoder.decode(cut, 0, cut.length));
});
