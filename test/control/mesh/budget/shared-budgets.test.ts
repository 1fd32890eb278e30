// maxActive for the whole mesh, simulated: however the calls come, the members together have about as many as one alone would.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { encodeFigures } from "../../../../src/control/mesh/budget/figures.ts";
import { bounded, rule, type SharingMember, SharingMesh } from "./shared-mesh.ts";

const names = ["a", "b", "c", "d", "e"];

function meshOf(t: TestContext, seed: number, members = names): SharingMesh {
  const mesh = new SharingMesh(seed, members);
  t.after(() => mesh.end());
  return mesh;
}

/** A mesh that has stood for a while when the rule comes to all. */
async function withRule(t: TestContext, seed: number, maxActive: number, members = names) {
  const mesh = meshOf(t, seed, members);
  await mesh.clock.advance(20_000);
  for (const member of mesh.members) member.adopt(bounded(maxActive));
  return mesh;
}

function first(mesh: SharingMesh): SharingMember {
  return mesh.members[0] ?? assert.fail("nobody");
}

test("budget: a rule that is new to all is divided at once, without a word, and never exceeded", async (t) => {
  const mesh = await withRule(t, 1, 12);
  assert.deepEqual([...mesh.shares()].sort(), [2, 2, 2, 3, 3]);
  for (const member of mesh.members) member.begin(100, 12);
  assert.equal(mesh.active, 12);
  await mesh.clock.advance(30_000);
  for (const member of mesh.members) member.begin(100, 12);
  assert.equal(mesh.active, 12);
});

test("budget: where the calls are, the room comes within seconds", async (t) => {
  const mesh = await withRule(t, 2, 10);
  const busy = first(mesh);
  for (let ms = 0; ms < 8_000; ms += 100) {
    busy.begin(100, 10);
    assert.ok(mesh.active <= 10);
    await mesh.clock.advance(100);
  }
  assert.equal(busy.under.length, 10);
  // Another one needs some too: as calls end, each gets its half.
  const other = mesh.members[1] ?? assert.fail();
  for (let ms = 0; ms < 12_000; ms += 100) {
    busy.end(1);
    busy.begin(100, 10);
    other.begin(100, 10);
    assert.ok(mesh.active <= 10, `${mesh.active} at ${ms}`);
    await mesh.clock.advance(100);
  }
  assert.deepEqual([busy.under.length, other.under.length], [5, 5]);
});

test("budget: a random load on five members stays within the bound, with a fifth of the broadcasts lost", async (t) => {
  for (const seed of [3, 4, 5, 6]) {
    const mesh = await withRule(t, seed, 10);
    mesh.lossPercent = 20;
    let used = 0;
    let most = 0;
    const steps = 600;
    for (let step = 0; step < steps; step++) {
      const busy = mesh.members[Math.floor(step / 150) % 5];
      for (const member of mesh.members) {
        member.end(mesh.random.uint32() % 4);
        member.begin(member === busy ? 12 : mesh.random.uint32() % 2, 10);
      }
      used += mesh.active;
      most = Math.max(most, mesh.active);
      await mesh.clock.advance(100);
    }
    assert.ok(most <= 12, `seed ${seed}: ${most} at once`);
    assert.ok(used / steps > 4, `seed ${seed}: ${used / steps} in the mean`);
    mesh.end();
  }
});

test("budget: both sides of a cut together have no more, and the dead give theirs back after an hour", async (t) => {
  const mesh = await withRule(t, 7, 10);
  await mesh.clock.advance(10_000);
  mesh.sideOf = (name) => (name < "c" ? 1 : 2);
  // What the others do is not seen for a while, and then taken for failed.
  for (let ms = 0; ms < 60_000; ms += 250) {
    if (ms === 6_000)
      for (const one of mesh.members)
        for (const name of names)
          if (mesh.sideOf(name) !== mesh.sideOf(one.name)) mesh.judge(one, name, "failed");
    for (const member of mesh.members) if (member.name !== "e") member.begin(100, 10);
    assert.ok(mesh.active <= 10, `${mesh.active} at ${ms}`);
    await mesh.clock.advance(250);
  }
  assert.ok(mesh.active >= 8, `${mesh.active} active`);
  const [a] = mesh.members;
  assert.ok((a?.budgets.report()[0]?.withheld ?? 0) >= 5);
  await mesh.clock.advance(3_600_000);
  a?.begin(100, 10);
  await mesh.clock.advance(10_000);
  assert.equal(a?.budgets.report()[0]?.withheld, 0);
});

test("budget: who leaves gives back at once, and who takes the address of a failed one proves it dead", async (t) => {
  const mesh = await withRule(t, 8, 10, ["a", "b"]);
  await mesh.clock.advance(10_000);
  assert.deepEqual(mesh.shares(), [5, 5]);
  const [a, b] = [first(mesh), mesh.members[1] ?? assert.fail()];
  b.stop.abort();
  mesh.judge(a, "b", "failed");
  a.begin(100, 10);
  await mesh.clock.advance(20_000);
  a.begin(100, 10);
  assert.equal(a.under.length, 5);
  mesh.judge(a, "b", "left");
  await mesh.clock.advance(10_000);
  a.begin(100, 10);
  assert.equal(a.under.length, 10);
});

test("budget: somebody new has nothing until the others have made room", async (t) => {
  const mesh = await withRule(t, 9, 10, ["a"]);
  const a = first(mesh);
  await mesh.clock.advance(1_000);
  a.begin(100, 10);
  assert.equal(a.under.length, 10);
  const b = mesh.add("b");
  b.adopt(bounded(10));
  for (let ms = 0; ms < 15_000; ms += 250) {
    b.begin(100, 10);
    a.end(1);
    a.begin(100, 10);
    assert.ok(mesh.active <= 10, `${mesh.active} at ${ms}`);
    await mesh.clock.advance(250);
  }
  assert.deepEqual([a.under.length, b.under.length], [5, 5]);
});

test("budget: alone it has all of it; where others should be and nobody answers, nothing", async (t) => {
  const mesh = meshOf(t, 10, ["a"]);
  const a = first(mesh);
  a.isLost = true;
  a.adopt(bounded(10));
  a.begin(100, 10);
  assert.equal(a.under.length, 0);
  a.isLost = false;
  await mesh.clock.advance(500);
  a.begin(100, 10);
  assert.equal(a.under.length, 10);
  assert.equal(a.said, 0);
});

test("budget: nothing is told where nothing changes, and a rule that is gone is forgotten", async (t) => {
  const mesh = await withRule(t, 11, 10);
  await mesh.clock.advance(30_000);
  const before = mesh.members.map(({ said }) => said);
  assert.ok(
    before.every((said) => said >= 1 && said <= 3),
    String(before),
  );
  await mesh.clock.advance(120_000);
  assert.deepEqual(
    mesh.members.map(({ said }) => said),
    before,
  );
  for (const member of mesh.members) member.adopt({ ...bounded(1), rules: [] });
  await mesh.clock.advance(5_000);
  assert.deepEqual(first(mesh).budgets.report(), []);
  assert.equal(first(mesh).calls.hasRoom(rule, 10), false);
  const silent = meshOf(t, 12);
  await silent.clock.advance(60_000);
  assert.deepEqual(
    silent.members.map(({ said }) => said),
    [0, 0, 0, 0, 0],
  );
});

test("budget: a member that says too much, or nonsense, cannot make another exceed the bound", async (t) => {
  const mesh = await withRule(t, 13, 10);
  await mesh.clock.advance(10_000);
  const a = first(mesh);
  const table = JSON.parse(Buffer.from(a.budgets.table()).toString()) as [string, number, [string]][];
  const key = table[0]?.[2]?.[0] ?? assert.fail();
  for (const text of [
    "",
    "{}",
    "[]",
    '["b"]',
    '["b",-1]',
    '["b",9e15,["zz",1,1]]',
    `["b",9e15,["${key}",-1,1]]`,
  ])
    a.budgets.hear(Buffer.from(text));
  assert.deepEqual(a.budgets.table(), Buffer.from(JSON.stringify(table)));
  const rules = new Map([[key, { want: 0, held: 0 }]]);
  for (const from of names) a.budgets.hear(encodeFigures({ from, seq: 8e15, rules }));
  for (let i = 0; i < 50; i++) {
    a.begin(100, 10);
    await mesh.clock.advance(200);
  }
  assert.equal(a.under.length, 10);
});

test("budget: words of an earlier life, with a clock that was ahead, do not outlast the new one's", async (t) => {
  const mesh = await withRule(t, 14, 10, ["a", "b"]);
  await mesh.clock.advance(10_000);
  const [a, b] = [first(mesh), mesh.members[1] ?? assert.fail()];
  const ahead = encodeFigures({ from: "b", seq: mesh.clock.wall() + 1e9, rules: new Map() });
  a.budgets.hear(ahead);
  b.budgets.hear(ahead);
  await mesh.clock.advance(10_000);
  assert.deepEqual([a.budgets.report()[0]?.others, b.budgets.report()[0]?.others], [5, 5]);
});

test("budget: more rules than fit into a broadcast are divided equally", async (t) => {
  const mesh = meshOf(t, 15, ["a", "b"]);
  await mesh.clock.advance(20_000);
  const rules = Array.from({ length: 40 }, (_, i) => bounded(10, `rule-${i}`).rules).flat();
  for (const member of mesh.members) member.adopt({ ...bounded(10), rules });
  await mesh.clock.advance(20_000);
  for (const member of mesh.members)
    assert.deepEqual(new Set(member.budgets.report().map(({ share }) => share)), new Set([5]));
});
