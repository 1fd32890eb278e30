// Merge patches of messages: what they do not name stays, in mappings of JSON and in messages within Any, too.

import assert from "node:assert/strict";
import { test } from "node:test";
import protobuf from "protobufjs";
import { decodeMessage } from "../../../../../src/proxy/lanes/dialects/grpc/decode.ts";
import { encodeMessage } from "../../../../../src/proxy/lanes/dialects/grpc/encode.ts";
import { compileChange } from "../../../../../src/proxy/lanes/dialects/grpc/message-change.ts";
import { schemaOf } from "../../../../../src/proxy/lanes/dialects/grpc/schema.ts";
import { lengthDelimited, tag, varint } from "../../../../../src/proxy/lanes/dialects/grpc/wire.ts";

const source = `
syntax = "proto3";
package made;
message Part { optional string name = 1; Part next = 2; }
message Whole {
  google.protobuf.Struct labels = 1;
  google.protobuf.Value value = 2;
  map<string, google.protobuf.Value> values = 3;
  google.protobuf.Any any = 4;
  Part part = 5;
  map<string, Part> parts = 6;
  map<bool, int32> flags = 7;
}`;
const schema = schemaOf(protobuf.parse(source, { keepCase: true }).root);
const whole = schema.type("made.Whole") ?? assert.fail("no Whole");
const part = schema.type("made.Part") ?? assert.fail("no Part");

function change(patch: object): ReturnType<typeof compileChange> {
  return compileChange({ kind: "merge", value: patch }, whole, ["patch"]);
}

function merged(message: object, patch: object): unknown {
  return decodeMessage(change(patch)(encodeMessage(message, whole)), whole);
}

const partUrl = "type.googleapis.com/made.Part";

test("merge: mappings go deeper in Struct and Value, and in maps of them", () => {
  const labels = { a: 1, b: { c: 1, d: 2 } };
  const row = (message: object, patch: object, expected: object) =>
    assert.partialDeepStrictEqual(merged(message, patch), expected);
  row({ labels }, { labels: { b: { c: 9 } } }, { labels: { a: 1, b: { c: 9, d: 2 } } });
  row({ labels }, { labels: { x: [1] } }, { labels: { ...labels, x: [1] } });
  row({ value: { a: 1, b: 2 } }, { value: { a: 3 } }, { value: { a: 3, b: 2 } });
  row({ value: [1] }, { value: { a: 3 } }, { value: { a: 3 } });
  row({ values: { k: { a: 1, b: 2 } } }, { values: { k: { a: 3 } } }, { values: { k: { a: 3, b: 2 } } });
  assert.deepEqual(
    (merged({ labels }, { labels: { a: null, b: { d: null } } }) as { labels: object }).labels,
    { b: { c: 1 } },
  );
});

test("merge: an empty mapping leaves what is there, and makes what is not", () => {
  const made = merged(
    { part: { name: "n" }, parts: { k: { name: "m" } } },
    { part: {}, parts: { k: {}, l: {} } },
  );
  assert.partialDeepStrictEqual(made, { part: { name: "n" }, parts: { k: { name: "m" }, l: {} } });
  assert.partialDeepStrictEqual(merged({}, { part: {} }), { part: {} });
});

test("merge: Any is changed in the message that it holds, unknown fields stay", () => {
  const stranger = Buffer.concat([tag(900, 0), varint(7)]);
  const held = Buffer.concat([encodeMessage({ name: "a", next: { name: "b" } }, part), stranger]);
  const url = lengthDelimited(1, Buffer.from(partUrl));
  const bytes = lengthDelimited(4, Buffer.concat([url, lengthDelimited(2, held)]));
  const after = Buffer.concat([encodeMessage({ name: "a", next: { name: "c" } }, part), stranger]);
  const expected = lengthDelimited(4, Buffer.concat([url, lengthDelimited(2, after)]));
  for (const any of [{ next: { name: "c" } }, { "@type": "made.Part", next: { name: "c" } }])
    assert.deepEqual(Buffer.from(change({ any })(bytes)), expected);
});

test("merge: Any of another type is replaced, one that holds JSON of its own too", () => {
  const duration = { "@type": "google.protobuf.Duration", value: "1s" };
  const url = "type.googleapis.com/google.protobuf.Duration";
  const replaced = merged({ any: { "@type": "made.Part", name: "a" } }, { any: duration });
  assert.partialDeepStrictEqual(replaced, { any: { "@type": url, value: "1s" } });
  const later = merged({ any: duration }, { any: { value: "2s" } });
  assert.partialDeepStrictEqual(later, { any: { "@type": url, value: "2s" } });
  const made = merged({}, { any: { "@type": "made.Part", name: "a" } });
  assert.partialDeepStrictEqual(made, { any: { "@type": partUrl, name: "a" } });
});

test("merge: what does not fit Any is told where its type is written, and else at the message", () => {
  const place = (error: { path: readonly string[] }) => error.path.join(".");
  assert.throws(
    () => change({ any: { "@type": "made.Part", nam: "x" } }),
    (error: Error & { path: readonly string[] }) => place(error) === "patch.any.nam",
  );
  assert.throws(() => change({ any: { "@type": "made.Gone" } }), /no descriptor of made\.Gone is known/);
  assert.throws(() => merged({}, { any: { name: "x" } }), /expected a type such as .*, got nothing/);
  const unknown = lengthDelimited(4, lengthDelimited(1, Buffer.from("x/made.Gone")));
  assert.throws(() => change({ any: { name: "x" } })(unknown), /no descriptor of made\.Gone is known/);
});

test("merge: keys of a map of bool are true and false", () => {
  assert.partialDeepStrictEqual(merged({}, { flags: { true: 1, false: 2 } }), {
    flags: { true: 1, false: 2 },
  });
  assert.throws(() => change({ flags: { yes: 1 } }), /expected true or false, got "yes"/);
});
