// Conditions on messages say what those on bodies say; the quick ones are held against the plain way.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { BodyMatch } from "../../../src/core/rule.ts";
import { BodyTools } from "../../../src/proxy/match/body-match.ts";
import { Patterns } from "../../../src/proxy/match/pattern.ts";
import { payloadTests } from "../../../src/proxy/match/payload-test.ts";

const compile = payloadTests(new BodyTools(new Patterns()));

/** The test on a message that lies in the middle of other bytes. */
function holds(match: BodyMatch, message: Buffer | string, binary = false): boolean {
  const bytes = Buffer.concat([Buffer.from("xx"), Buffer.from(message), Buffer.from("yy")]);
  return compile(match, [])(bytes, 2, bytes.length - 2, binary);
}

test("contains agrees with the plain search, for any text in any text", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "é"), maxLength: 40 });
  fc.assert(
    fc.property(letters, letters, (text, wanted) => {
      fc.pre(wanted !== "");
      assert.equal(holds({ op: "contains", value: wanted }, text), text.includes(wanted));
    }),
    { seed: 1, numRuns: 3_000 },
  );
});

test("contains never looks beyond the message", () => {
  assert.equal(holds({ op: "contains", value: "ay" }, "a"), false);
  assert.equal(holds({ op: "contains", value: "xa" }, "a"), false);
});

const table: readonly (readonly [
  match: BodyMatch,
  message: Buffer | string,
  binary: boolean,
  expected: boolean,
])[] = [
  [{ op: "equalTo", value: "é" }, "é", false, true],
  [{ op: "equalTo", value: "é" }, "éé", false, false],
  [{ op: "equalTo", value: "" }, "", false, true],
  [{ op: "matches", value: "a+" }, "aaa", false, true],
  [{ op: "matches", value: "a+" }, "aaa", true, false],
  [{ op: "binaryPrefix", value: Buffer.from([1, 2]) }, Buffer.from([1, 2, 3]), true, true],
  [{ op: "binaryPrefix", value: Buffer.from([1, 2]) }, Buffer.from([1, 2, 3]), false, false],
  [{ op: "binaryPrefix", value: Buffer.from([1, 2]) }, Buffer.from([1]), true, false],
  [{ op: "not", of: { op: "contains", value: "a" } }, "b", false, true],
  [
    {
      op: "and",
      of: [
        { op: "contains", value: "a" },
        { op: "contains", value: "b" },
      ],
    },
    "ab",
    false,
    true,
  ],
  [
    {
      op: "or",
      of: [
        { op: "contains", value: "x" },
        { op: "equalTo", value: "b" },
      ],
    },
    "b",
    false,
    true,
  ],
  [{ op: "matchesJsonPath", expression: "$.a", test: null }, '{"a":1}', false, true],
  [{ op: "matchesJsonPath", expression: "$.a", test: null }, "no json", false, false],
];
for (const [match, message, binary, expected] of table)
  test(`${match.op} of ${JSON.stringify(message)}${binary ? ", binary" : ""}: ${expected}`, () =>
    assert.equal(holds(match, message, binary), expected));
