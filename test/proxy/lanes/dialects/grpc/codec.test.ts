// Messages to JSON and back, every kind of value, against protobufjs and the JSON that protobuf prescribes.

import assert from "node:assert/strict";
import { test } from "node:test";
import protobuf from "protobufjs";
import { decodeMessage } from "../../../../../src/proxy/lanes/dialects/grpc/decode.ts";
import { encodeMessage, MessageMismatch } from "../../../../../src/proxy/lanes/dialects/grpc/encode.ts";
import { schemaOf } from "../../../../../src/proxy/lanes/dialects/grpc/schema.ts";

const scalars =
  "double float int32 uint32 sint32 fixed32 sfixed32 int64 uint64 sint64 fixed64 sfixed64".split(" ");
const known =
  "Timestamp Duration Struct Value ListValue FieldMask Any StringValue Int64Value BoolValue BytesValue".split(
    " ",
  );
const { root } = protobuf.parse(
  `syntax = "proto3"; package c;
  message All { ${scalars.map((type, i) => `${type} ${type}_v = ${i + 1}; repeated ${type} ${type}_l = ${i + 20};`).join(" ")}
    bool bool_v = 50; bytes bytes_v = 51; string string_v = 52; map<int64, string> by_number = 53; map<bool, All> by_flag = 54;
    repeated bool bool_l = 55; All inner = 56; }
  message Known { ${known.map((type, i) => `google.protobuf.${type} ${type.toLowerCase()} = ${i + 1};`).join(" ")} }`,
  { keepCase: true },
);
const schema = schemaOf(root);
const all = schema.type("c.All") ?? assert.fail("no All");
const wellKnown = schema.type("c.Known") ?? assert.fail("no Known");
const theirs = root.lookupType("c.All");

/** Without what has its zero. */
function written(json: unknown): object {
  return Object.fromEntries(
    Object.entries(json as object).filter(([, value]) =>
      typeof value === "object" && value !== null ? Object.keys(value).length > 0 : Boolean(value),
    ),
  );
}

const extremes: Readonly<Record<string, readonly (number | string)[]>> = {
  double: [1.5, -0.1, 1e300, "NaN", "Infinity", "-Infinity"],
  float: [1.5, 0.1, -3.25, "NaN", "-Infinity"],
  int32: [1, -1, 2147483647, -2147483648],
  uint32: [1, 4294967295],
  sint32: [1, -1, 2147483647, -2147483648],
  fixed32: [1, 4294967295],
  sfixed32: [1, -2147483648],
  int64: [1, -1, "9223372036854775807", "-9223372036854775808"],
  uint64: [1, "18446744073709551615"],
  sint64: [1, -1, "9223372036854775807", "-9223372036854775808"],
  fixed64: [1, "18446744073709551615"],
  sfixed64: [1, -1, "-9223372036854775808"],
};

for (const [type, values] of Object.entries(extremes))
  test(`codec: ${type} comes back as it went, alone and in a list, and protobufjs reads the same`, () => {
    const name = `${type}V`;
    for (const value of values) {
      const bytes = encodeMessage({ [name]: value }, all);
      assert.deepEqual(written(decodeMessage(bytes, all)), { [name]: value });
      const read = theirs.toObject(theirs.decode(bytes), { longs: String, json: true });
      assert.equal(String(Math.fround(Number(read[`${type}_v`]))), String(Math.fround(Number(value))));
    }
    const bytes = encodeMessage({ [`${type}L`]: values }, all);
    assert.deepEqual(written(decodeMessage(bytes, all)), { [`${type}L`]: values });
    assert.equal(theirs.toObject(theirs.decode(bytes))[`${type}_l`].length, values.length);
  });

test("codec: flags, bytes, text, maps and messages within", () => {
  const json = {
    boolV: true,
    bytesV: "AP8=",
    stringV: "ü€",
    byNumber: { "-5": "minus", "9007199254740993": "large" },
    byFlag: { true: { boolV: true } },
    boolL: [true, false],
    inner: { stringV: "x" },
  };
  const back = decodeMessage(encodeMessage(json, all), all);
  assert.partialDeepStrictEqual(back, json);
});

test("codec: numbers that do not fit are refused with what would", () => {
  for (const [field, value, expected] of [
    ["int32V", 2147483648, /a whole number of 32 bits \(int32\)/],
    ["uint32V", -1, /from 0 \(uint32\)/],
    ["uint64V", "18446744073709551616", /64 bits from 0/],
    ["int64V", 1.5, /a whole number/],
    ["int64V", 2 ** 60, /a whole number/],
    ["floatV", "much", /expected a number/],
    ["boolV", 1, /true or false/],
    ["bytesV", "ä", /bytes in base64/],
    ["stringV", 1, /expected text/],
    ["int32L", 1, /expected a list/],
    ["inner", 1, /expected a mapping/],
  ] as const)
    assert.throws(
      () => encodeMessage({ [field]: value }, all),
      (thrown) => {
        assert.ok(thrown instanceof MessageMismatch);
        assert.match(thrown.message, expected);
        assert.equal(thrown.path[0], field);
        return true;
      },
    );
});

test("codec: well-known types have the JSON of their own", () => {
  const json = {
    timestamp: "2026-01-01T12:30:00.250Z",
    duration: "-1.500s",
    struct: { a: 1, b: [true, null, "x", { c: 2 }] },
    value: "any",
    listvalue: [1, "two"],
    fieldmask: "userName,plan",
    any: { "@type": "type.googleapis.com/c.All", stringV: "inside" },
    stringvalue: "",
    int64value: "9223372036854775807",
    boolvalue: false,
    bytesvalue: "AQI=",
  };
  assert.partialDeepStrictEqual(decodeMessage(encodeMessage(json, wellKnown), wellKnown), json);
  for (const wrong of [
    { timestamp: "yesterday" },
    { duration: "5" },
    { fieldmask: 1 },
    { any: { stringV: "no type" } },
    { any: { "@type": "c.Nobody" } },
  ])
    assert.throws(() => encodeMessage(wrong, wellKnown), MessageMismatch, JSON.stringify(wrong));
});

test("codec: nesting has an end, in either direction", () => {
  let json: object = {};
  for (let depth = 0; depth < 200; depth++) json = { inner: json };
  assert.throws(() => encodeMessage(json, all), /less nesting/);
  let bytes = Buffer.alloc(0);
  const inner = (part: Buffer) => {
    const { length } = part;
    const size = length < 128 ? [length] : [(length & 127) | 128, length >> 7];
    return Buffer.concat([Buffer.from([0xc2, 0x03, ...size]), part]);
  };
  for (let depth = 0; depth < 120; depth++) bytes = inner(bytes);
  assert.throws(() => decodeMessage(bytes, all), /nested too deep/);
});
