// Rules that are cut out of their file and read one by one are those of the file read in one piece, whatever a hand has done to it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRules } from "../../../src/control/rules/parse.ts";
import type { Random } from "../../../src/core/random.ts";
import { seededRandom } from "../../../src/core/random.ts";

const yaml = `version: 1
rules:
  - name: a
    matches: [{path: /a}]
    respond:
      body: |
        line one
          two

        three
  - name: b
    matches:
      - path: {prefix: /b}
        headers:
          x-a: "several
            lines"
    # comment
    respond: {json: {a: [1, 2,
      3], b: {c: d}}}
  -
    name: c
    fault: {delay: 10ms}
`;
const indentedLess = `rules:
- name: a
  respond:
    body: >-
      folded
      text
- name: b
  respond: {status: 204}
version: 1
`;
const json = `{"version": 1, "rules": [
 {"name": "a", "matches": [{"path": "/a"}], "respond": {"body": "x ] } , \\" \\\\", "status": 200}},
 {"name": "b", "respond": {"json": {"a": [1, 2, {"b": "c"}]}}},
 {"name": "c", "fault": {"delay": "10ms"}}
]}
`;

type Change = (lines: string[], at: number, upTo: (most: number) => number) => void;

const odd = ["- ", "-", "rules:", "x: 1", "? a", "*a", "!t", "'", '"', "[", "}", "|"];
const changes: readonly Change[] = [
  (lines, at) => lines.splice(at, 0, ""),
  (lines, at, upTo) => lines.splice(at, 0, " ".repeat(upTo(8))),
  (lines, at, upTo) => lines.splice(at, 0, "\t".repeat(1 + upTo(2))),
  (lines, at, upTo) => lines.splice(at, 0, `${upTo(2) === 0 ? " " : "\t"}# comment`),
  (lines, at, upTo) => lines.splice(at, 0, odd[upTo(odd.length)] ?? ""),
  (lines, at) => lines.splice(at, 1),
  (lines, at) => edit(lines, at, (line) => ` ${line}`),
  (lines, at) => edit(lines, at, (line) => line.replace(/^ {1,2}/, "")),
  (lines, at) => edit(lines, at, (line) => `${line} # comment`),
  (lines, at) => edit(lines, at, (line) => (line === "" ? line : `${line}\r`)),
  (lines, at) => edit(lines, at, (line) => line.replace(" ", "\t")),
  (lines, at, upTo) => edit(lines, at, (line) => line.slice(0, upTo(line.length + 1))),
  (lines, at) => edit(lines, at, (line) => line.replace(",", ",,")),
];
function edit(lines: string[], at: number, change: (line: string) => string): void {
  lines[at] = change(lines[at] ?? "");
}

function mistreated(text: string, random: Random): string {
  const upTo = (most: number) => random.uint32() % most;
  const lines = text.split("\n");
  for (let left = 1 + upTo(2); left > 0; left--)
    changes[upTo(changes.length)]?.(lines, upTo(lines.length), upTo);
  return lines.join("\n");
}

/** null: refused. */
function rulesOf(text: string): unknown {
  const { rules, problems } = parseRules(text, "r.yaml");
  return problems.length > 0 ? null : rules.map((rule) => ({ ...rule, origin: "" }));
}

test("rules in pieces are the rules of the whole, or refused as it is", () => {
  const random = seededRandom(7);
  let good = 0;
  for (let round = 0; round < 450; round++) {
    const text = mistreated([yaml, indentedLess, json][round % 3] ?? "", random);
    const inPieces = rulesOf(text);
    // A directive has the text read in one piece.
    assert.deepEqual(inPieces, rulesOf(`%YAML 1.2\n---\n${text}`), JSON.stringify(text));
    if (inPieces !== null) good++;
  }
  assert.ok(good > 150 && good < 400, `${good} of 450 are good`);
});
