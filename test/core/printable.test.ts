// What others wrote, as people see it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { textTable } from "../../src/commands/text-table.ts";
import { createDebug } from "../../src/core/debug.ts";
import { printable } from "../../src/core/printable.ts";

test("printable: nothing of it is obeyed by a terminal, and everything is seen", () => {
  assert.equal(printable("naïve ✓ 名"), "naïve ✓ 名");
  assert.equal(printable("a\u001b[2Jb\r\n\u009bc\u007f"), "a\\x1b[2Jb\\x0d\\x0a\\x9bc\\x7f");
  assert.equal(printable("gpj.\u202eexe\u2028"), "gpj.\\u202eexe\\u2028");
});

test("text table: a cell of somebody else stays one cell of one line", () => {
  const text = textTable(["NAME", "X"], [["evil\u001b]0;t\u0007\nname", "1"]]);
  assert.equal(text.split("\n").length, 3);
  assert.ok(!text.includes("\u001b"));
});

test("debug: names of others are shown, not obeyed; lines of ours stay lines", () => {
  const lines: string[] = [];
  const debug = createDebug("mesh", { write: (text) => void lines.push(text) }, { now: () => 0 });
  debug("mesh")(() => "evil\u001b[2J\nat");
  assert.deepEqual(lines, ["0.000 MESH evil\\x1b[2J\nat\n"]);
});
