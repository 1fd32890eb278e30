// Changes on the wire: what they do not name stays as it came, byte for byte.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import protobuf from "protobufjs";
import { formatRulePath, RuleProblem } from "../../../../../src/core/rule-problem.ts";
import { decodeMessage } from "../../../../../src/proxy/lanes/dialects/grpc/decode.ts";
import { createDescriptorFiles } from "../../../../../src/proxy/lanes/dialects/grpc/descriptor-files.ts";
import { encodeMessage, MessageMismatch } from "../../../../../src/proxy/lanes/dialects/grpc/encode.ts";
import { compileChange } from "../../../../../src/proxy/lanes/dialects/grpc/message-change.ts";
import { lengthDelimited, tag, varint } from "../../../../../src/proxy/lanes/dialects/grpc/wire.ts";
import { protoFolder } from "../../../../support/grpc-shop.ts";

const schema = createDescriptorFiles()([protoFolder]);
const item = schema.type("shop.v1.Item") ?? assert.fail("no Item");

const stranger = Buffer.concat([tag(900, 0), varint(7)]);
const strangers = lengthDelimited(901, Buffer.from("kept"));

function changed(spec: Parameters<typeof compileChange>[0], bytes: Uint8Array): Buffer {
  return Buffer.from(compileChange(spec, item, [])(bytes));
}

test("wire edit: unknown fields stay in their places, whatever changes around them", () => {
  const sku = encodeMessage({ sku: "a" }, item);
  const tags = encodeMessage({ tags: ["x", "y"] }, item);
  const price = Buffer.concat([encodeMessage({ price: { currency: "EUR", units: 5 } }, item)]);
  const priced = Buffer.concat([
    price.subarray(0, 1),
    varint(price.length - 2 + stranger.length),
    price.subarray(2),
    stranger,
  ]);
  const bytes = Buffer.concat([stranger, sku, strangers, priced, tags, stranger]);
  const after = changed({ kind: "merge", value: { sku: "b", price: { units: 6 } } }, bytes);
  const newPrice = encodeMessage({ price: { currency: "EUR", units: 6 } }, item);
  const newPriced = Buffer.concat([
    newPrice.subarray(0, 1),
    varint(newPrice.length - 2 + stranger.length),
    newPrice.subarray(2),
    stranger,
  ]);
  assert.deepEqual(
    after,
    Buffer.concat([stranger, encodeMessage({ sku: "b" }, item), strangers, newPriced, tags, stranger]),
  );
});

test("wire edit: each kind of change", () => {
  const start = {
    sku: "a",
    tags: ["x", "y"],
    byStore: { a: 1, b: 2 },
    shelf: "s",
    price: { currency: "EUR" },
  };
  const rows: readonly (readonly [Parameters<typeof compileChange>[0], object])[] = [
    [
      { kind: "merge", value: { deposit: { units: 3 } } },
      { shelf: undefined, deposit: { currency: "", units: 3 } },
    ],
    [{ kind: "merge", value: { byStore: { a: null, c: 9 } } }, { byStore: { b: 2, c: 9 } }],
    [
      { kind: "merge", value: { price: null, sku: null } },
      { price: undefined, sku: "" },
    ],
    [
      { kind: "merge", value: { restocked_at: "2026-01-01T00:00:00Z" } },
      { restockedAt: "2026-01-01T00:00:00Z" },
    ],
    [{ kind: "patch", operations: [{ op: "add", path: "/tags/0", value: "w" }] }, { tags: ["w", "x", "y"] }],
    [{ kind: "patch", operations: [{ op: "remove", path: "/tags/1" }] }, { tags: ["x"] }],
    [
      { kind: "patch", operations: [{ op: "replace", path: "/price/units", value: 4 }] },
      { price: { currency: "EUR", units: 4 } },
    ],
    [
      { kind: "patch", operations: [{ op: "add", path: "/byStore/z", value: 1 }] },
      { byStore: { a: 1, b: 2, z: 1 } },
    ],
    [
      {
        kind: "patch",
        operations: [
          { op: "test", path: "/sku", value: "a" },
          { op: "replace", path: "/state", value: "SOLD_OUT" },
        ],
      },
      { state: "SOLD_OUT" },
    ],
  ];
  const before = decodeMessage(encodeMessage(start, item), item) as Record<string, unknown>;
  for (const [spec, difference] of rows) {
    const expected = Object.fromEntries(
      Object.entries({ ...before, ...difference }).filter(([, value]) => value !== undefined),
    );
    assert.deepEqual(decodeMessage(changed(spec, encodeMessage(start, item)), item), expected);
  }
});

test("wire edit: names and values that do not fit are refused with their place", () => {
  for (const [spec, place, message] of [
    [{ kind: "merge", value: { prize: 1 } }, "prize", /did you mean "price"/],
    [{ kind: "merge", value: { price: { units: "x" } } }, "price.units", /a whole number of 64 bits/],
    [{ kind: "merge", value: { tags: "x" } }, "tags", /expected a list/],
    [{ kind: "patch", operations: [{ op: "move", path: "/sku", from: "/shelf" }] }, "[0].op", /got move/],
    [{ kind: "patch", operations: [{ op: "remove", path: "/tags/x" }] }, "[0].path", /place of an item/],
    [{ kind: "patch", operations: [{ op: "remove", path: "" }] }, "[0].path", /got the whole/],
  ] as const) {
    assert.throws(
      () => compileChange(spec, item, []),
      (thrown) => {
        assert.ok(thrown instanceof RuleProblem);
        assert.equal(formatRulePath(thrown.path), place);
        assert.match(thrown.message, message);
        return true;
      },
    );
  }
});

test("codec: agrees with protobufjs in both directions", () => {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => (target.startsWith("google/") ? target : join(protoFolder, target));
  root.loadSync("shop/v1/inventory.proto");
  const theirs = root.lookupType("shop.v1.Item");
  const json = {
    sku: "a",
    inStock: -5,
    price: { currency: "EUR", units: 9_007_199_254_740_991 },
    tags: ["x", ""],
    byStore: { a: 1, b: -2 },
    state: 2,
    deposit: { currency: "", units: 0 },
  };
  const bytes = encodeMessage({ ...json, state: "SOLD_OUT" }, item);
  const read = theirs.toObject(theirs.decode(bytes), { longs: Number });
  assert.partialDeepStrictEqual(read, { ...json, deposit: {} });
  const back = decodeMessage(theirs.encode(theirs.fromObject(json)).finish(), item);
  assert.partialDeepStrictEqual(back, { ...json, state: "SOLD_OUT" });
});

test("codec: bytes that are no message are told apart from one", () => {
  for (const bytes of [[0x0a, 0x05, 0x61], [0x08], [0x00, 0x01], [0x0c], [0x0b, 0x08, 0x01], [0x0f]])
    assert.throws(() => decodeMessage(Buffer.from(bytes), item), RangeError, String(bytes));
  assert.throws(() => encodeMessage({ nope: 1 }, item), MessageMismatch);
});
