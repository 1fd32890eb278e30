// The fast road for YAML against the whole parser: where it gives a value, that is the same, and nothing is wrong with the
// text. Texts are made of what people write, of what YAML makes hard, and of slips in both.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { layoutOf } from "../../../src/control/rules/layout.ts";
import { readPlainYaml } from "../../../src/control/rules/plain-yaml.ts";
import { readYaml } from "../../../src/control/rules/yaml-tree.ts";
import { seededRandom } from "../../../src/core/random.ts";

const random = seededRandom(26);
const chance = (share: number) => random.next() < share;
function pick<T>(all: readonly T[]): T {
  return all[Math.floor(random.next() * all.length)] as T; // never empty here
}

const scalars = [
  ...'a|GET|/v1/x|30m|10.0.0.0/8|a b|a:b|a#c|$.amount|^a$|É|it\'s|say "x"|a\\b|a, b|a]|a}|a{b}|a  b|f|e5|='.split(
    "|",
  ),
  ..."5|-5|0|-0|007|1.0|1.5|0.10|1.|.5|1e3|1e|0x1F|0o17|+1|1_000|1.2.3|1:30|.inf|-.inf|.nan|12345678901234567890".split(
    "|",
  ),
  ..."true|True|null|~|NULL|Infinity|NaN|2026-01-31T12:00:00Z".split("|"),
  ...['"q"', "'it''s'", '"a\\nb"', '"\\x41"', '"a\\', "'a", '"a" #c', '"a"#c', "a #c", "\u00a0x", "a\tb", ""],
  ...["{a: 1}", "{a: [b, 'c', \"d\"], e: {f: g h}}", "[]", "{}", "[a b , c]", "{a: b} # c", "{a: b}#c"],
  ...["{a: , b: c}", "[a,]", "{a}", "[a: b]", "{a: b:c}", "{a: b :c}", '{"a": 1}', '{"a":1}', "{a: 1, a: 2}"],
  ...["{null: 1}", "[null, ~, True]", "[-1, -a, - a]", "{a: /u/{id}}", '{template: "/u/{id}"}', "{a: #x\n}"],
  ...[
    "a: b",
    "a: ",
    "&x a",
    "*x",
    "!!str a",
    "|",
    "|-",
    ">",
    "- a",
    "-",
    "--",
    "---",
    "...",
    "?",
    ":5432",
    "-x",
  ],
  ...["%a", "@a", "`a", "<<"],
];
const keys = [
  ..."a|b|name|matches|x-t|$schema|a.b|a/b|_|true|null|5|<<|? a|__proto__|a b|-|é|.a|constructor".split("|"),
  ...["'q q'", '"a b"', "'null'"],
];

/** Lines of a mapping or a list, indented by about that much. */
function block(indent: number, depth: number): string {
  const isList = chance(0.35);
  let text = "";
  for (let left = 1 + Math.floor(random.next() * 3); left > 0; left--) {
    const pad = " ".repeat(Math.max(0, indent + (chance(0.03) ? pick([-1, 1, 2]) : 0)));
    if (chance(0.06)) text += pick(["\n", "# c\n", `${pad}# c\n`, "   \n"]);
    const head = isList ? `${pad}-${pick([" ", " ", "  "])}` : `${pad}${pick(keys)}:`;
    if (depth < 4 && chance(0.45)) text += below(head, isList, indent, depth);
    else if (chance(0.08)) text += literal(head, pad);
    else text += `${head}${isList ? "" : " "}${pick(scalars)}${pick(["", "", " ", " # c"])}\n`;
  }
  return text;
}

function below(head: string, isList: boolean, indent: number, depth: number): string {
  if (isList && chance(0.7)) return head + block(head.length, depth + 1).slice(head.length);
  const inner = !isList && chance(0.2) ? indent : indent + pick([1, 2, 4]);
  return `${head}${pick(["", "", " ", " # c"])}\n${block(inner, depth + 1)}`;
}

function literal(head: string, pad: string): string {
  const middle = pick(["", "\n", `${pad}   deeper\n`, `${pad}  # text\n`, `${pad}# comment\n`]);
  return `${head} ${pick(["|", "|-", "|+", ">"])}\n${pad}  one\n${middle}${pad}  two${pick(["\n", "\n\n", "\n  \n", ""])}`;
}

const slips = [
  " ",
  "  ",
  "\n",
  ":",
  "#",
  "-",
  "'",
  '"',
  "{",
  "}",
  "[",
  "]",
  ",",
  "&",
  "*",
  "|",
  "0",
  "a",
  "\n  ",
  " #",
  ": ",
];

function withSlips(text: string): string {
  const marks = [...text];
  for (let left = pick([1, 2, 3]); left > 0; left--) {
    const at = Math.floor(random.next() * marks.length);
    if (chance(0.4)) marks.splice(at, 1);
    else marks.splice(at, chance(0.7) ? 0 : 1, pick(slips));
  }
  return marks.join("");
}

const docs = new URL("../../../docs/", import.meta.url);
const examples = readdirSync(docs)
  .filter((name) => name.endsWith(".md"))
  .flatMap((name) => [...readFileSync(new URL(name, docs), "utf8").matchAll(/```yaml\n([\s\S]*?)```/g)])
  .map(([, text = ""]) => text);

/** Whether the fast road gave a value. */
function agree(text: string): boolean {
  const fast = readPlainYaml(text);
  if (fast === undefined) return false;
  const { value, complaints, respelled, malformed } = readYaml(text);
  assert.deepEqual(
    { complaints, respelled, malformed },
    { complaints: [], respelled: [], malformed: false },
    text,
  );
  assert.deepStrictEqual(fast.value, value, text);
  return true;
}

test("plain YAML: every value of the fast road is that of the whole parser", () => {
  let fast = 0;
  for (let round = 0; round < 4_000; round++) {
    const text = chance(0.3) ? withSlips(pick(examples)) : block(pick([0, 2, 4]), 0);
    if (agree(chance(0.3) ? withSlips(text) : text)) fast++;
  }
  assert.ok(fast > 300, `only ${fast} texts took the fast road`);
});

test("plain YAML: each kind of scalar, by itself, in a list and in a flow", () => {
  for (const one of scalars)
    for (const text of [`a: ${one}\n`, `- ${one}\n`, `a: [${one}]`, `{a: ${one}}`]) agree(text);
});

test("plain YAML: nearly all rules of the documentation take the fast road", () => {
  const pieces = examples.flatMap((text) => {
    const layout = layoutOf(text);
    return layout?.format === "yaml"
      ? layout.starts.map((start, at) => text.slice(start, layout.ends[at]))
      : [];
  });
  const slow = pieces.filter((piece) => !agree(piece));
  assert.ok(pieces.length > 10);
  assert.ok(slow.length <= pieces.length / 10, slow.join("\n---\n"));
});

test("plain YAML: what it leaves to the whole parser", () => {
  const left = [
    "a: &x b",
    "a: *x",
    "a: !!str b",
    "a: >\n  b",
    "a: b\n  c",
    "a: 1.0",
    "a: 0x1F",
    "a: b\na: c",
    "a:\tb",
  ];
  for (const text of [
    ...left,
    "a: b\r\n",
    "__proto__: a",
    "--- a",
    "a",
    "- - a",
    "? a",
    `a: ${"[".repeat(60)}${"]".repeat(60)}`,
  ])
    assert.equal(readPlainYaml(text), undefined, text);
});
