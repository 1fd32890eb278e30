// Changes on the wire: what they do not name stays as it came, byte for byte.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import protobuf from "protobufjs";
import type { JsonPatchOperation } from "../../../../../src/core/rule.ts";
import { formatRulePath, RuleProblem } from "../../../../../src/core/rule-problem.ts";
import { decodeMessage } from "../../../../../src/proxy/lanes/dialects/grpc/decode.ts";
import { createDescriptorFiles } from "../../../../../src/proxy/lanes/dialects/grpc/descriptor-files.ts";
import { encodeMessage, MessageMismatch } from "../../../../../src/proxy/lanes/dialects/grpc/encode.ts";
import { compileChange } from "../../../../../src/proxy/lanes/dialects/grpc/message-change.ts";
import { schemaOf } from "../../../../../src/proxy/lanes/dialects/grpc/schema.ts";
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
    [
      {
        kind: "patch",
        operations: [
          { op: "test", path: "/tags/1", value: "y" },
          { op: "test", path: "/byStore/b", value: 2 },
          { op: "test", path: "/price/currency", value: "EUR" },
          { op: "move", path: "/sku", from: "/tags/0" },
          { op: "copy", path: "/tags/0", from: "/shelf" },
          { op: "copy", path: "/byStore/c", from: "/byStore/b" },
        ],
      },
      { sku: "x", tags: ["s", "y"], byStore: { a: 1, b: 2, c: 2 } },
    ],
    [
      { kind: "patch", operations: [{ op: "move", path: "/deposit", from: "/price" }] },
      { price: undefined, shelf: undefined, deposit: { currency: "EUR", units: 0 } },
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

test("wire edit: a message that is moved or copied keeps the fields that nobody knows", () => {
  const money = Buffer.concat([lengthDelimited(1, Buffer.from("EUR")), stranger]);
  const bytes = Buffer.concat([encodeMessage({ sku: "a" }, item), lengthDelimited(3, money)]);
  const patch = (op: "move" | "copy") =>
    changed({ kind: "patch", operations: [{ op, from: "/price", path: "/deposit" }] }, bytes);
  const moved = Buffer.concat([encodeMessage({ sku: "a" }, item), lengthDelimited(9, money)]);
  assert.deepEqual(patch("move"), moved);
  assert.deepEqual(patch("copy"), Buffer.concat([bytes, lengthDelimited(9, money)]));
});

test("wire edit: messages in lists and maps move whole, and only to where their type belongs", () => {
  const { root } = protobuf.parse(
    `syntax = "proto3"; package n;
    message M { int32 a = 1; } message O { int32 a = 1; }
    message N { M one = 1; repeated M list = 2; map<string, M> map = 3; O other = 4; repeated M copy = 5; map<string, M> also = 6; }`,
  );
  const type = schemaOf(root).type("n.N") ?? assert.fail("no N");
  const start = { one: { a: 1 }, list: [{ a: 2 }, { a: 3 }], map: { x: { a: 4 } } };
  const after = (...operations: readonly JsonPatchOperation[]) => {
    const change = compileChange({ kind: "patch", operations }, type, []);
    return decodeMessage(change(encodeMessage(start, type)), type) as Record<string, unknown>;
  };
  assert.deepEqual(after({ op: "move", from: "/list/1", path: "/one" }).one, { a: 3 });
  assert.deepEqual(after({ op: "copy", from: "/map/x", path: "/list/0" }).list, [
    { a: 4 },
    { a: 2 },
    { a: 3 },
  ]);
  assert.deepEqual(after({ op: "copy", from: "/list", path: "/copy" }).copy, start.list);
  assert.deepEqual(after({ op: "move", from: "/map", path: "/also" }).also, start.map);
  assert.deepEqual(after({ op: "copy", from: "/map/x/a", path: "/one/a" }).one, { a: 4 });
  assert.throws(() => after({ op: "copy", from: "/one", path: "/other" }), /expected n\.O, got n\.M/);
});

test("wire edit: a test that does not hold, or a place that is not there, stops the patch", () => {
  const bytes = encodeMessage({ sku: "a", tags: ["x"], byStore: { a: 1 } }, item);
  for (const [operation, message] of [
    [{ op: "test", path: "/tags/0", value: "y" }, /tags\.0 is "x"/],
    [{ op: "test", path: "/tags/1", value: "y" }, /tags has 1 items, none at 1/],
    [{ op: "test", path: "/byStore/b", value: 1 }, /byStore\.b is not there/],
    [{ op: "copy", path: "/sku", from: "/tags/3" }, /nothing stands at tags\.3/],
    [{ op: "move", path: "/sku", from: "/price/currency" }, /nothing stands at price\.currency/],
  ] as const)
    assert.throws(() => changed({ kind: "patch", operations: [operation] }, bytes), message);
});

test("wire edit: lists of numbers change item by item, packed or not, as they stood", () => {
  const { root } = protobuf.parse(
    'syntax = "proto3"; package n; message N { repeated int32 a = 1; repeated fixed32 b = 2; repeated int32 c = 3 [packed = false]; }',
  );
  const type = schemaOf(root).type("n.N") ?? assert.fail("no N");
  const after = (json: object, ...operations: readonly JsonPatchOperation[]) =>
    Buffer.from(compileChange({ kind: "patch", operations }, type, [])(encodeMessage(json, type))).toString(
      "hex",
    );
  assert.equal(after({ a: [1, 300, 3] }, { op: "replace", path: "/a/1", value: 2 }), "0a03010203");
  assert.equal(after({ a: [1, 300] }, { op: "remove", path: "/a/0" }), "0a02ac02");
  assert.equal(
    after({ a: [1] }, { op: "add", path: "/a/-", value: 2 }, { op: "test", path: "/a/1", value: 2 }),
    "0a020102",
  );
  assert.equal(after({ a: [1] }, { op: "remove", path: "/a/0" }), "");
  assert.equal(after({}, { op: "add", path: "/a/-", value: 5 }), "0a0105");
  assert.equal(after({ b: [1, 2] }, { op: "add", path: "/b/0", value: 9 }), "120c090000000100000002000000");
  assert.equal(after({ c: [1, 2] }, { op: "add", path: "/c/1", value: 9 }), "180118091802");
  const mixed = Buffer.from("0a0101080208030a0104", "hex"); // [1] 2 3 [4]
  const spec = { kind: "patch", operations: [{ op: "remove", path: "/a/2" }] } as const;
  assert.equal(Buffer.from(compileChange(spec, type, [])(mixed)).toString("hex"), "0a03010204");
  assert.throws(() => decodeMessage(Buffer.from("1203010000", "hex"), type), /a packed number is cut/);
});

test("wire edit: names and values that do not fit are refused with their place", () => {
  for (const [spec, place, message] of [
    [{ kind: "merge", value: { prize: 1 } }, "prize", /did you mean "price"/],
    [{ kind: "merge", value: { price: { units: "x" } } }, "price.units", /a whole number of 64 bits/],
    [{ kind: "merge", value: { tags: "x" } }, "tags", /expected a list/],
    [{ kind: "patch", operations: [{ op: "move", path: "/sku", from: "/shell" }] }, "[0].from", /"shelf"/],
    [
      { kind: "patch", operations: [{ op: "move", path: "/price/units", from: "/price" }] },
      "[0].path",
      /expected a place outside \/price/,
    ],
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
