// What a decision costs must not grow with the rules. bench/micro/decide.ts has the figures; this is the alarm.

import assert from "node:assert/strict";
import { test } from "node:test";
import { rulesOf, type Shape, shapes } from "../../../bench/micro/decide-shapes.ts";
import type { RequestHead } from "../../../src/core/exchange.ts";
import type { RuleSet } from "../../../src/core/rule-set.ts";
import { compiled, headOf, outbound, rollOf } from "./described.ts";

const [few, many] = [10, 100_000] as const;
const calls = 2_000;
const rounds = 15;
const roll = rollOf();

interface Side {
  readonly rules: RuleSet;
  readonly heads: readonly RequestHead[];
  /** Milliseconds of its fastest round. */
  fastest: number;
}

function sideOf(shape: Shape, rules: RuleSet, call: "hit" | "miss"): Side {
  const count = rules.rules.length;
  const heads = Array.from({ length: 32 }, (_, k) =>
    headOf(shape[call](Math.floor((k * count) / 32) % count)),
  );
  return { rules, heads, fastest: Number.POSITIVE_INFINITY };
}

/** How many calls were claimed. */
function round(side: Side): number {
  let claimed = 0;
  const start = performance.now();
  for (let i = 0; i < calls; i++) {
    const head = side.heads[i & 31];
    if (head && side.rules.decide(head, outbound, roll) !== null) claimed++;
  }
  side.fastest = Math.min(side.fastest, performance.now() - start);
  return claimed;
}

for (const shape of shapes.filter(({ flat, largest }) => flat && largest === undefined)) {
  test(`${shape.name}: a decision among ${many} rules costs about what it costs among few`, () => {
    const sets = [Math.max(few, shape.smallest ?? few), many].map((count) => compiled(rulesOf(shape, count)));
    for (const call of ["hit", "miss"] as const) {
      const sides = sets.map((rules) => sideOf(shape, rules, call));
      for (let i = 0; i < rounds; i++) {
        for (const side of sides) assert.equal(round(side), call === "hit" ? calls : 0);
      }
      const ratio = (sides[1]?.fastest ?? 0) / (sides[0]?.fastest ?? 0);
      assert.ok(ratio < 8, `${call}: ${ratio.toFixed(2)} times as long`);
    }
  });
}
