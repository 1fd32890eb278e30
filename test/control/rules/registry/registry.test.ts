// Writing rules into a store: all or nothing beyond the store's limits, nobody overwritten unseen, versions kept and swept.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { waitForAll } from "../../../../src/control/rules/registry/convergence.ts";
import { type Audience, everyone } from "../../../../src/control/rules/registry/keys.ts";
import { type Member, membersInStore, Presence } from "../../../../src/control/rules/registry/members.ts";
import { leaseRules } from "../../../../src/control/rules/registry/owner-lease.ts";
import { Registry } from "../../../../src/control/rules/registry/registry.ts";
import { diffLines, diffRules, isEmpty } from "../../../../src/control/rules/registry/rule-diff.ts";
import { storedRules } from "../../../../src/control/rules/registry/stored-rules.ts";
import { seededRandom } from "../../../../src/core/random.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { MemoryStore } from "../../../support/memory-store.ts";

const never = new AbortController().signal;
const rules = (count: number, body = "x") =>
  Array.from({ length: count }, (_, index) => ({
    name: `r${index}`,
    text: `{"respond":{"body":"${body}${index}"}}`,
  }));

let ids = 0;
function registryOf(
  store: MemoryStore,
  author: string,
  audience: Audience = everyone,
  keepVersions = 2,
): Registry {
  const deps = { wall: () => 1, newId: () => `id${++ids}` };
  return new Registry({ store, prefix: "r/", audience, keepVersions, author }, deps);
}

async function namesIn(store: MemoryStore): Promise<readonly string[]> {
  const { rules: found, problems } = storedRules(await store.read("r/"), "r/", {
    service: "s",
    namespace: null,
  });
  assert.deepEqual(problems, []);
  return found.map(({ name }) => name);
}

test("registry: more rules than one commit takes are in force at one moment", async () => {
  const store = new MemoryStore();
  const seen: number[] = [];
  store.beforeCommit = async () => void seen.push((await namesIn(store)).length);
  const registry = registryOf(store, "alice");
  const { version } = await registry.put(rules(50), "apply", await registry.state(never), never);
  assert.equal(version, 1);
  assert.equal((await namesIn(store)).length, 50);
  assert.ok(store.commits > 7);
  assert.ok(
    seen.every((count) => count === 0 || count === 50),
    "none or all",
  );
});

test("registry: a change that fits into one commit is one", async () => {
  const store = new MemoryStore();
  store.maxOperations = 16;
  const registry = registryOf(store, "alice");
  await registry.put(rules(2, "old"), "apply", await registry.state(never), never);
  assert.equal(store.commits, 1);
  await registry.put(rules(2, "new"), "apply", await registry.state(never), never);
  assert.equal(store.commits, 2);
  assert.equal((await registry.state(never)).contents.size, 2, "what was replaced is gone with it");
  assert.equal((await registry.past(never)).contents.size, 2, "and kept beside the rules");
});

test("registry: who has not seen the newest version overwrites nothing", async () => {
  const store = new MemoryStore();
  const [alice, bob] = [registryOf(store, "alice"), registryOf(store, "bob")];
  const seen = await alice.state(never);
  await bob.put(rules(2, "bob"), "apply", await bob.state(never), never);
  await assert.rejects(alice.put(rules(1), "apply", seen, never), {
    code: "store_conflict",
    message:
      /r\/\.applied\/manifest: expected what this change was made from, got version 1 by bob \(apply\)/,
  });
  assert.equal((await namesIn(store)).length, 2);
});

test("registry: whoever loses the race for the swap is told, at every commit that another may come before", async () => {
  for (let at = 1; at <= 4; at++) {
    const store = new MemoryStore();
    const [alice, bob] = [registryOf(store, "alice", everyone, 0), registryOf(store, "bob")];
    await alice.put(rules(3, "first"), "apply", await alice.state(never), never);
    const seen = await alice.state(never);
    let commits = 0;
    store.beforeCommit = async () => {
      if (++commits !== at) return;
      store.beforeCommit = () => undefined;
      await bob.put(rules(2, "bob"), "apply", await bob.state(never), never);
    };
    const outcome = await alice.put(rules(12, "alice"), "apply", seen, never).then(
      () => "done",
      (thrown) => thrown.code,
    );
    // Bob wins where he comes before alice's swap, which is her third commit; else he follows her.
    assert.equal(outcome, at <= 3 ? "store_conflict" : "done", `before commit ${at}`);
    assert.equal((await namesIn(store)).length, 2);
  }
});

test("registry: contents that another sweep took away are staged again", async () => {
  const store = new MemoryStore();
  const [alice, bob] = [registryOf(store, "alice"), registryOf(store, "bob")];
  await bob.put(rules(1, "old"), "apply", await bob.state(never), never);
  const seen = await alice.state(never);
  let swept = false;
  store.beforeCommit = (changes) => {
    const isSwap = changes.some((change) => "put" in change && change.put === "r/.applied/manifest");
    if (!isSwap || swept) return;
    swept = true;
    for (const key of store.keys()) if (key.includes("/rules/r") && !key.includes("r0@")) store.remove(key);
    store.put("r/.applied/sweep", "bob");
  };
  await alice.put(rules(9), "apply", seen, never);
  assert.equal((await namesIn(store)).length, 9);
  assert.ok(swept);
});

test("registry: a swap whose answer was lost is found to be done", async () => {
  const store = new MemoryStore();
  const registry = registryOf(store, "alice");
  const seen = await registry.state(never);
  store.beforeCommit = (changes) => {
    store.loseAnswer = changes.some((change) => "put" in change && change.put === "r/.applied/manifest");
  };
  const { version, index } = await registry.put(rules(2), "apply", seen, never);
  assert.equal(version, 1);
  assert.equal(index, (await registry.state(never)).manifest?.index);
});

test("registry: the last versions are kept, with what they need, and nothing else", async () => {
  const store = new MemoryStore();
  const registry = registryOf(store, "alice");
  for (let version = 1; version <= 6; version++) {
    await registry.put(rules(12, `v${version}-`), "apply", await registry.state(never), never);
  }
  const { contents, manifest } = await registry.state(never);
  const past = await registry.past(never);
  assert.deepEqual(
    past.manifests.map(({ version }) => version),
    [4, 5],
  );
  assert.equal(manifest?.value.version, 6);
  assert.deepEqual([contents.size, past.contents.size], [12, 24]);
  await registry.put([], "apply", await registry.state(never), never);
  assert.deepEqual(await namesIn(store), []);
});

test("registry: a name that a sidecar could see twice is refused, one for others is not", async () => {
  const store = new MemoryStore();
  store.put("r/r0", "respond: {}");
  const registry = registryOf(store, "alice");
  await assert.rejects(registry.put(rules(1), "apply", await registry.state(never), never), {
    code: "bad_rules",
    message: "r0: expected a name of its own, but r/r0 has it too",
  });
  store.remove("r/r0");
  const pay = registryOf(store, "alice", { kind: "service", name: "pay" });
  const search = registryOf(store, "alice", { kind: "service", name: "search" });
  await pay.put(rules(1), "apply", await pay.state(never), never);
  await search.put(rules(1), "apply", await search.state(never), never);
  await assert.rejects(registry.put(rules(1), "apply", await registry.state(never), never), {
    code: "bad_rules",
  });
});

test("registry: what is too large for the store is refused before anything is written", async () => {
  const store = new MemoryStore();
  const registry = registryOf(store, "alice");
  const seen = await registry.state(never);
  const large = [{ name: "a", text: "x".repeat(10_001) }];
  await assert.rejects(
    registry.put(large, "apply", seen, never),
    /a: expected at most 10000 bytes for a rule/,
  );
  await assert.rejects(registry.put(rules(400), "apply", seen, never), /expected fewer rules/);
  assert.equal(store.commits, 0);
});

test("registry: a rule written by hand is removed only as it was seen", async () => {
  const store = new MemoryStore();
  store.put("r/a", "respond: {}");
  const registry = registryOf(store, "alice");
  const seen = await registry.state(never);
  store.put("r/a", "respond: {status: 201}");
  await assert.rejects(registry.removeWritten("a", seen, never), { code: "store_conflict" });
  const { index } = await registry.removeWritten("a", await registry.state(never), never);
  assert.deepEqual(store.keys(), ["r/.applied/sweep"]);
  assert.ok(index > 0);
});

test("registry: a manifest that is none is not overwritten", async () => {
  const store = new MemoryStore();
  store.put("r/.applied/manifest", "by hand");
  await assert.rejects(registryOf(store, "alice").state(never), {
    code: "bad_rules",
    message: /expected a manifest/,
  });
});

test("diff: what comes, goes, changes and moves", () => {
  const before = [
    { name: "a", text: "1" },
    { name: "b", text: "1" },
    { name: "c", text: "1" },
  ];
  const after = [
    { name: "c", text: "1" },
    { name: "b", text: "2" },
    { name: "d", text: "1" },
  ];
  const diff = diffRules(before, after);
  assert.deepEqual(
    [diff.added, diff.removed].map((some) => some.map(({ name }) => name)),
    [["d"], ["a"]],
  );
  assert.deepEqual(diff.changed, [{ name: "b", before: "1", after: "2" }]);
  assert.deepEqual([diff.same, diff.reordered], [1, true]);
  assert.ok(isEmpty(diffRules(before, before)));
  assert.deepEqual(diffLines("a\nb\nc\n", "a\nx\nc\nd\n"), [" a", "-b", "+x", " c", "+d"]);
  assert.deepEqual(diffLines("", "a"), ["+a"]);
  const long = "x\n".repeat(3_000);
  assert.equal(diffLines(long, `${long}y`).length, 6_001);
});

function leaseRig(context: TestContext) {
  const store = new MemoryStore();
  const clock = manualClock();
  const stop = new AbortController();
  context.after(() => stop.abort());
  const options = { store, prefix: "r/", audience: everyone, owner: "alice", leaseMs: 4_000 };
  return { store, clock, stop, options, deps: { clock, newId: () => "x" } };
}

test("lease: rules live while their owner does, and end with it", async (context) => {
  const { store, clock, stop, options, deps } = leaseRig(context);
  const lease = await leaseRules(rules(2), options, deps, never);
  const keeping = lease.keep(stop.signal);
  await clock.advance(60_000);
  assert.deepEqual(await namesIn(store), ["r0", "r1"]);
  stop.abort();
  await clock.advance(1);
  await keeping;
  assert.deepEqual(await namesIn(store), []);
});

test("lease: an owner learns that the rules are gone, or must be gone", async (context) => {
  for (const how of ["ended", "away"] as const) {
    const { store, clock, stop, options, deps } = leaseRig(context);
    const lease = await leaseRules(rules(1), options, deps, never);
    const keeping = assert.rejects(lease.keep(stop.signal), {
      code: "store_unavailable",
      message: /the rules are gone/,
    });
    if (how === "ended") store.endLease("lease-1");
    else store.down = true;
    await clock.advance(6_000);
    await keeping;
  }
});

test("lease: too short for the store, too large, or with a name that is taken: refused", async (context) => {
  const { store, options, deps } = leaseRig(context);
  await assert.rejects(
    leaseRules(rules(1), { ...options, leaseMs: 999 }, deps, never),
    /--lease: expected at least 1s/,
  );
  await assert.rejects(
    leaseRules(rules(300), options, deps, never),
    /expected at most 10000 bytes of leased rules/,
  );
  store.put("r/r0", "respond: {}");
  await assert.rejects(leaseRules(rules(1), options, deps, never), /r0: expected a name of its own/);
});

const member = (name: string, index: number, service: string | null = null): Member => ({
  ...{ name, service, namespace: null, revision: "r", index, problem: "", startedAtMs: 0, atMs: 0 },
});

test("wait: told as 1/2, 2/2; those of other services do not count", async () => {
  const clock = manualClock();
  const all = [member("a", 5), member("b", 4), member("c", 0, "pay")];
  const told: string[] = [];
  const members = { list: async () => all };
  const target = { audience: { kind: "namespace", name: "none" } as const, index: 5 };
  const nobody = await waitForAll(members, target, 1_000, () => undefined, clock, never);
  assert.equal(nobody.total, 0);
  const waiting = waitForAll(
    { list: async () => all.filter(({ service }) => service === null) },
    { audience: everyone, index: 5 },
    1_000,
    ({ done, total, laggards }) =>
      void told.push(`${done}/${total} ${laggards.map(({ name }) => name).join()}`),
    clock,
    never,
  );
  await clock.advance(250);
  all[1] = member("b", 7);
  await clock.advance(250);
  assert.deepEqual((await waiting).laggards, []);
  assert.deepEqual(told, ["1/2 b", "2/2 "]);
});

test("wait: gives up in time and names who lags; a store that never answers is told", async () => {
  const clock = manualClock();
  const lagging = { list: async () => [member("a", 1)] };
  const target = { audience: everyone, index: 5 };
  const waiting = waitForAll(lagging, target, 1_000, () => undefined, clock, never);
  await clock.advance(1_200);
  assert.deepEqual(
    (await waiting).laggards.map(({ name }) => name),
    ["a"],
  );
  const away = { list: () => Promise.reject(new Error("away")) };
  const failing = assert.rejects(
    waitForAll(away, target, 1_000, () => undefined, clock, never),
    /away/,
  );
  await clock.advance(1_200);
  await failing;
});

test("presence: a member says what is new, comes back after its lease was lost, and leaves no trace", async (context) => {
  const store = new MemoryStore();
  const clock = manualClock();
  const stop = new AbortController();
  context.after(() => stop.abort());
  let index = 1;
  const describe = () => member("a", index);
  const presence = new Presence({ store, key: "m/a", describe }, { clock, random: seededRandom(1) });
  const keeping = presence.keep(stop.signal);
  const members = membersInStore(store, "m/");
  const indices = async () => (await members.list(never)).map((one) => one.index);
  await clock.advance(1);
  assert.deepEqual(await indices(), [1]);
  const { commits } = store;
  await clock.advance(60_000);
  assert.equal(store.commits, commits, "nothing new, nothing written");
  index = 2;
  presence.changed();
  await clock.advance(50);
  assert.deepEqual(await indices(), [2]);
  store.endLease("lease-1");
  assert.deepEqual(await indices(), []);
  await clock.advance(10_000);
  assert.deepEqual(await indices(), [2]);
  store.down = true;
  await clock.advance(30_000);
  store.down = false;
  await clock.advance(20_000);
  assert.deepEqual(await indices(), [2]);
  store.put("m/other", "not a member");
  assert.deepEqual(await indices(), [2]);
  stop.abort();
  await clock.advance(1);
  await keeping;
  assert.deepEqual(await indices(), []);
});
