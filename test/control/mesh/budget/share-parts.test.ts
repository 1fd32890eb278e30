// The parts of shared budgets: how they are divided, when a limit moves, what is wanted, and what is told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Demand } from "../../../../src/control/mesh/budget/demand.ts";
import { FigureTable, maxMembers } from "../../../../src/control/mesh/budget/figure-table.ts";
import {
  encodeFigures,
  encodeTable,
  maxToldRules,
  parseFigures,
  parseTable,
} from "../../../../src/control/mesh/budget/figures.ts";
import { ShareLimit } from "../../../../src/control/mesh/budget/share-limit.ts";
import { shareOut } from "../../../../src/control/mesh/budget/share-out.ts";

const sharers = (...wants: readonly number[]) => wants.map((want, i) => ({ name: `m${i}`, want }));

test("shareOut: all of it is given out, the modest get what they want", () => {
  const table: readonly (readonly [number, readonly number[], readonly number[]])[] = [
    [10, [0], [10]],
    [10, [0, 0], [5, 5]],
    [10, [10, 10], [5, 5]],
    [10, [10, 2], [8, 2]],
    [10, [10, 0], [10, 0]],
    [10, [2, 2], [5, 5]],
    [0, [4, 4], [0, 0]],
  ];
  for (const [total, wants, expected] of table)
    assert.deepEqual([...new Map([...shareOut(total, sharers(...wants), "s")].sort()).values()], expected);
});

test("shareOut: every number and every crowd adds up, and remainders go to others with another salt", () => {
  for (let total = 0; total < 30; total++)
    for (let members = 1; members < 9; members++) {
      const wants = Array.from({ length: members }, (_, i) => (i * 7 + total) % 12);
      const sum = [...shareOut(total, sharers(...wants), "s").values()].reduce((a, b) => a + b, 0);
      assert.equal(sum, total);
    }
  const lucky = new Set(
    Array.from(
      { length: 40 },
      (_, i) => [...shareOut(1, sharers(0, 0, 0), `rule-${i}`)].find(([, share]) => share === 1)?.[0],
    ),
  );
  assert.equal(lucky.size, 3);
});

test("limit: falls at once, rises to the least of what was allowed, after its time", () => {
  const limit = new ShareLimit(5);
  limit.aim(3, 0, 1_000);
  assert.equal(limit.value, 3);
  limit.aim(9, 100, 1_000);
  limit.aim(6, 600, 1_000);
  limit.aim(8, 1_099, 1_000);
  assert.equal(limit.value, 3);
  limit.aim(8, 1_100, 1_000);
  assert.equal(limit.value, 6);
  limit.aim(9, 1_200, 1_000);
  limit.aim(6, 1_300, 1_000); // not more after all: the time begins anew
  limit.aim(9, 2_250, 1_000);
  assert.equal(limit.value, 6);
});

test("demand: coarse, never more than the rule has, forgotten after a while", () => {
  const demand = new Demand(10, 0);
  const note = (peak: number, refused: boolean, atMs: number) =>
    demand.note({ active: 0, peak, refused }, atMs);
  assert.equal(demand.want, 0);
  note(3, false, 100);
  assert.equal(demand.want, 4);
  note(9, false, 200);
  assert.equal(demand.want, 10);
  note(0, false, 5_000);
  assert.equal(demand.want, 10);
  note(0, false, 10_000);
  assert.equal(demand.want, 0);
  note(0, true, 10_500);
  assert.equal(demand.want, 10);
  note(1, false, 60_000);
  assert.equal(demand.want, 1);
});

test("figures: what is told comes back, and fits into one broadcast at its largest", () => {
  const rules = new Map(
    Array.from({ length: maxToldRules }, (_, i) => [
      i.toString(16).padStart(8, "0"),
      { want: 999_999, held: 999_999 },
    ]),
  );
  const figures = { from: "n".repeat(128), seq: Number.MAX_SAFE_INTEGER, rules };
  const encoded = encodeFigures(figures);
  assert.ok(encoded.length + "understudy:budget".length <= 1_024, `${encoded.length} bytes`);
  assert.deepEqual(parseFigures(encoded), figures);
  assert.deepEqual(parseTable(encodeTable([figures]), 10), [figures]);
  assert.deepEqual(parseTable(encodeTable([figures, figures]), 1), [figures]);
  assert.deepEqual(parseTable(Buffer.from('[["a",1],[1],"x"]'), 10), [
    { from: "a", seq: 1, rules: new Map() },
  ]);
  assert.deepEqual(parseTable(Buffer.from("{"), 10), []);
});

test("table: the newest word counts, and there is an end to how many are kept", () => {
  const table = new FigureTable();
  const word = (from: string, seq: number, want: number) => ({
    ...{ from, seq },
    rules: new Map([["00000001", { want, held: 1 }]]),
  });
  assert.equal(table.hear(word("a", 2, 1), 10), true);
  assert.equal(table.hear(word("a", 1, 7), 20), false);
  assert.equal(table.hear(word("a", 3, 2), 30), true);
  assert.deepEqual(table.figure("a", "00000001"), { want: 2, held: 1 });
  assert.equal(table.sharedSince("00000001", "b"), 10);
  assert.equal(table.sharedSince("00000001", "a"), Number.POSITIVE_INFINITY);
  for (let i = 0; i < maxMembers + 5; i++) table.hear(word(`m${i}`, 1, 1), 40);
  assert.equal(table.all().length, maxMembers);
  table.keep((name) => name === "a");
  assert.deepEqual(
    table.all().map(({ from }) => from),
    ["a"],
  );
});
