// JSON Merge Patch and JSON Patch against the examples of their RFCs; exact numbers; nothing reaches a prototype.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonPatchOperation, JsonPatchSpec } from "../../../src/core/rule.ts";
import { formatRulePath, RuleProblem } from "../../../src/core/rule-problem.ts";
import { compileJsonChange } from "../../../src/proxy/perform/json-change.ts";

function changed(text: string, spec: JsonPatchSpec): string {
  return Buffer.from(compileJsonChange(spec, ["json"])(Buffer.from(text))).toString();
}

const merge = (document: unknown, value: unknown): unknown =>
  JSON.parse(changed(JSON.stringify(document), { kind: "merge", value }));
const patch = (document: unknown, operations: readonly JsonPatchOperation[]): unknown =>
  JSON.parse(changed(JSON.stringify(document), { kind: "patch", operations }));

function problemOf(spec: JsonPatchSpec): string {
  try {
    compileJsonChange(spec, ["json"]);
  } catch (thrown) {
    if (thrown instanceof RuleProblem) return `${formatRulePath(thrown.path)}: ${thrown.message}`;
  }
  return "no problem";
}

test("merge patch: the examples of RFC 7396, appendix A", () => {
  const rows: readonly (readonly [document: unknown, patch: unknown, result: unknown])[] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [document, value, result] of rows) {
    assert.deepEqual(merge(document, value), result, JSON.stringify([document, value]));
  }
});

const set = (path: string, value: unknown, op: "add" | "replace" | "test" = "add") =>
  ({ op, path, value }) as const;

test("JSON patch: the examples of RFC 6902, appendix A, that succeed", () => {
  const rows: readonly (readonly [document: unknown, operations: JsonPatchOperation[], result: unknown])[] = [
    [{ foo: "bar" }, [set("/baz", "qux")], { baz: "qux", foo: "bar" }],
    [{ foo: ["bar", "baz"] }, [set("/foo/1", "qux")], { foo: ["bar", "qux", "baz"] }],
    [{ baz: "qux", foo: "bar" }, [{ op: "remove", path: "/baz" }], { foo: "bar" }],
    [{ foo: ["bar", "qux", "baz"] }, [{ op: "remove", path: "/foo/1" }], { foo: ["bar", "baz"] }],
    [{ baz: "qux", foo: "bar" }, [set("/baz", "boo", "replace")], { baz: "boo", foo: "bar" }],
    [
      { foo: { bar: "baz", waldo: "fred" }, qux: { corge: "grault" } },
      [{ op: "move", from: "/foo/waldo", path: "/qux/thud" }],
      { foo: { bar: "baz" }, qux: { corge: "grault", thud: "fred" } },
    ],
    [
      { foo: ["all", "grass", "cows", "eat"] },
      [{ op: "move", from: "/foo/1", path: "/foo/3" }],
      { foo: ["all", "cows", "eat", "grass"] },
    ],
    [
      { baz: "qux", foo: ["a", 2, "c"] },
      [set("/baz", "qux", "test"), set("/foo/1", 2, "test")],
      { baz: "qux", foo: ["a", 2, "c"] },
    ],
    [{ foo: "bar" }, [set("/child", { grandchild: {} })], { foo: "bar", child: { grandchild: {} } }],
    [{ "/": 9, "~1": 10 }, [set("/~01", 10, "test")], { "/": 9, "~1": 10 }],
    [{ foo: ["bar"] }, [set("/foo/-", ["abc", "def"])], { foo: ["bar", ["abc", "def"]] }],
    // Beyond the appendix: whole documents, copies that stay apart, equality without order.
    [{ a: 1 }, [set("", [1])], [1]],
    [{ a: 1 }, [set("", [1], "replace")], [1]],
    [
      { a: { b: 1 } },
      [{ op: "copy", from: "/a", path: "/c" }, set("/c/b", 2, "replace")],
      { a: { b: 1 }, c: { b: 2 } },
    ],
    [{ a: 1 }, [{ op: "move", from: "/a", path: "/a" }], { a: 1 }],
    [{ a: { x: 1, y: [null] } }, [set("/a", { y: [null], x: 1 }, "test")], { a: { x: 1, y: [null] } }],
    [
      [1, 2],
      [set("/1", 3, "replace"), set("/2", 4)],
      [1, 3, 4],
    ],
    [{ "": 1 }, [set("/", 2, "replace")], { "": 2 }],
    [{ a: null }, [set("/a", 1, "replace")], { a: 1 }],
  ];
  for (const [document, operations, result] of rows) {
    assert.deepEqual(patch(document, operations), result, JSON.stringify(operations));
  }
});

test("JSON patch: what does not apply fails, and says which operation and why", () => {
  const rows: readonly (readonly [document: unknown, operations: JsonPatchOperation[], expected: RegExp])[] =
    [
      [
        { baz: "qux" },
        [set("/baz", "bar", "test")],
        /^operation 0 \(test \/baz\): the value is another one$/,
      ], // A.9
      [{ foo: "bar" }, [set("/baz/bat", "qux")], /operation 0 \(add \/baz\/bat\): there is no \/baz/], // A.12
      [{ "/": 9, "~1": 10 }, [set("/~01", "10", "test")], /the value is another one/], // A.15
      [{}, [set("/a", 1), set("/b", 1, "replace")], /operation 1 \(replace \/b\): there is no \/b/],
      [{}, [{ op: "remove", path: "/a" }], /there is no \/a/],
      [{}, [{ op: "remove", path: "" }], /operation 0 \(remove ""\): the whole document cannot be removed/],
      [[1], [set("/3", 1)], /"3" is no place in an array of 1/],
      [[1], [set("/01", 1)], /"01" is no place/],
      [[1], [set("/-", 1, "replace")], /there is no \/-/],
      [{ a: 1 }, [set("/a/b", 1)], /its parent is neither an object nor an array/],
      [{}, [{ op: "copy", from: "/constructor", path: "/a" }], /there is no \/constructor/],
      [{ a: { b: 1 } }, [set("/a", { b: 1, c: 2 }, "test")], /another one/],
      [{ a: { b: 1 } }, [set("/a", [1], "test")], /another one/],
      [{ a: [1] }, [set("/a", [1, 2], "test")], /another one/],
    ];
  for (const [document, operations, expected] of rows) {
    assert.throws(() => patch(document, operations), { message: expected }, JSON.stringify(operations));
  }
});

test("JSON patch: numbers that nobody named stay as they were written", () => {
  const text = '{"id":12345678901234567890,"price":1.10,"tiny":1e-7,"plan":"free"}';
  assert.equal(
    changed(text, { kind: "merge", value: { plan: "pro" } }),
    '{"id":12345678901234567890,"price":1.10,"tiny":1e-7,"plan":"pro"}',
  );
  const moved: JsonPatchOperation[] = [
    set("/price", 1.1, "test"),
    { op: "copy", from: "/id", path: "/copy" },
    set("/tiny", { a: 1 }),
  ];
  assert.equal(
    changed(text, { kind: "patch", operations: moved }),
    '{"id":12345678901234567890,"price":1.10,"tiny":{"a":1},"plan":"free","copy":12345678901234567890}',
  );
});

test("JSON patch: a document's own odd keys survive, and no prototype is touched", () => {
  const text = '{"__proto__":{"a":1},"constructor":{"b":2},"x":1}';
  assert.equal(
    changed(text, { kind: "merge", value: { x: 2, constructor: { c: 3 } } }),
    '{"__proto__":{"a":1},"constructor":{"b":2,"c":3},"x":2}',
  );
  assert.equal(
    changed('{"o":{"__proto__":1}}', { kind: "patch", operations: [{ op: "copy", from: "/o", path: "/p" }] }),
    '{"o":{"__proto__":1},"p":{"__proto__":1}}',
  );
  assert.equal(Reflect.get({}, "a"), undefined);
  assert.equal(Reflect.get(Object, "c"), undefined);
});

test("JSON patch: a pointer that is none, a move into itself and __proto__ are refused in advance", () => {
  const proto: unknown = JSON.parse('{"a":[{"__proto__":1}]}');
  const rows: readonly (readonly [JsonPatchSpec, RegExp])[] = [
    [{ kind: "patch", operations: [set("a", 1)] }, /^json\[0\]\.path: expected a JSON pointer .* got "a"/],
    [{ kind: "patch", operations: [set("/a~2", 1)] }, /expected a JSON pointer/],
    [
      { kind: "patch", operations: [{ op: "copy", from: "x", path: "/a" }] },
      /^json\[0\]\.from: expected a JSON pointer/,
    ],
    [
      { kind: "patch", operations: [{ op: "move", from: "/a", path: "/a/b" }] },
      /expected a place outside \/a/,
    ],
    [{ kind: "patch", operations: [set("/__proto__/x", 1)] }, /^json\[0\]\.path: expected no key __proto__/],
    [
      { kind: "patch", operations: [set("/x", proto)] },
      /^json\[0\]\.value\.a\[0\]\.__proto__: expected no key/,
    ],
    [{ kind: "merge", value: proto }, /^json\.a\[0\]\.__proto__: expected no key/],
  ];
  for (const [spec, expected] of rows) assert.match(problemOf(spec), expected);
});

test("JSON patch: bytes that are no JSON are told so", () => {
  for (const bytes of [
    Buffer.from("<p>"),
    Buffer.from([0x22, 0xff, 0x22]),
    Buffer.from(""),
    Buffer.from("[".repeat(200_000) + "]".repeat(200_000)),
  ]) {
    const change = compileJsonChange({ kind: "merge", value: {} }, ["json"]);
    assert.throws(() => change(bytes), /the body is not JSON/);
  }
});
