// Texts found by a hash of our own: parts of longer texts, equal hashes, what is not there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { hashStep, TextTable } from "../../../src/proxy/match/text-table.ts";

const hashOf = (text: string) => [...text].reduce((hash, char) => hashStep(hash, char.charCodeAt(0)), 0);

test("text table: finds the beginning of a text that is asked for, and nothing else", () => {
  const table = new TextTable(
    new Map([
      ["/a", 1],
      ["/a/b", 2],
      ["", 3],
    ]),
  );
  const cases: readonly (readonly [string, number, number | undefined])[] = [
    ["/a?x=1", 2, 1],
    ["/a/b", 4, 2],
    ["/a/b/c", 4, 2],
    ["/a/b", 3, undefined],
    ["/b", 2, undefined],
    ["anything", 0, 3],
    ["/a/b/c", 6, undefined],
  ];
  for (const [text, end, value] of cases) assert.equal(table.get(text, end), value, `${text} to ${end}`);
  assert.equal(table.get("/a"), 1);
});

test("text table: texts of equal hash are told apart", () => {
  assert.equal(hashOf("Aa"), hashOf("BB"));
  const table = new TextTable(
    new Map([
      ["Aa", 1],
      ["BB", 2],
    ]),
  );
  assert.deepEqual([table.get("Aa"), table.get("BB"), table.get("AaBB")], [1, 2, undefined]);
  assert.equal(new TextTable(new Map([["Aa", 1]])).get("BB"), undefined);
});
