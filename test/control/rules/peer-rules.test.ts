import assert from "node:assert/strict";
import { test } from "node:test";
import { readPeerRules, writePeerRules } from "../../../src/control/rules/peer-rules.ts";

const rule = (name: string, leaseMs: number | null = null) => ({
  ...{ place: `r/${name}`, name, leaseMs },
  text: "respond: {}",
});
const written = (...rules: readonly ReturnType<typeof rule>[]) =>
  writePeerRules("here", { index: 7, rules }) ?? assert.fail();

test("peer rules: what is handed over is read as it was, without what belongs to an owner", () => {
  const read = readPeerRules("here", written(rule("a"), rule("leased", 4_000), rule("b")));
  assert.deepEqual(read, { index: 7, rules: [rule("a"), rule("b")] });
});

test("peer rules: nothing known of the store is nothing to hand over, and neither is too much", () => {
  assert.equal(writePeerRules("here", { index: 0, rules: [rule("a")] }), null);
  const large = { ...rule("a"), text: "x".repeat(9 * 1024 * 1024) };
  assert.equal(writePeerRules("here", { index: 7, rules: [large] }), null);
});

test("peer rules: those of another store, spoilt ones and other bytes are refused", () => {
  const bytes = written(rule("a"));
  assert.equal(readPeerRules("elsewhere", bytes), null);
  const text = Buffer.from(bytes).toString();
  const spoilt = [
    text.replace("respond", "Respond"),
    text.slice(1),
    "{}",
    "",
    text.replace('"index":7', '"index":-1'),
  ];
  for (const one of spoilt) assert.equal(readPeerRules("here", Buffer.from(one)), null, one);
  assert.equal(readPeerRules("here", Buffer.alloc(9 * 1024 * 1024, " ")), null);
});
