// Rules from a store that is made in memory, with time turned by hand: what is taken, what is refused, what stays.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Belonging } from "../../../../src/control/rules/registry/keys.ts";
import { backOffMs } from "../../../../src/control/rules/sources/back-off.ts";
import { type LastGood, lastGoodIn } from "../../../../src/control/rules/sources/last-good.ts";
import { storeSource } from "../../../../src/control/rules/sources/store-source.ts";
import { seededRandom } from "../../../../src/core/random.ts";
import { formatProblem, type RuleSnapshot } from "../../../../src/core/rule-source.ts";
import type { TapEvent } from "../../../../src/core/tap.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { MemoryStore } from "../../../support/memory-store.ts";

const everybody: Belonging = { service: null, namespace: null };
const mock = "respond: {}";

function rig(
  context: TestContext,
  options: { belonging?: Belonging; lastGood?: LastGood; store?: MemoryStore } = {},
) {
  const store = options.store ?? new MemoryStore();
  const clock = manualClock();
  const events: TapEvent[] = [];
  const stop = new AbortController();
  let moved = 0;
  const source = storeSource(
    {
      store,
      prefix: "r/",
      belonging: options.belonging ?? everybody,
      lastGood: options.lastGood ?? null,
      moved: () => void moved++,
    },
    { clock, random: seededRandom(1), tap: { observe: (event) => void events.push(event) } },
  );
  const snapshots: RuleSnapshot[] = [];
  let following: Promise<void> | null = null;
  const follow = async () => {
    for await (const snapshot of source.watch(stop.signal)) {
      snapshots.push(snapshot);
      source.inForce([snapshot.revision]);
    }
  };
  const begin = () => {
    following ??= follow();
  };
  const end = async () => {
    stop.abort();
    await following;
  };
  context.after(end);
  return {
    ...{ store, clock, events, source, snapshots, begin, end },
    moved: () => moved,
    /** Names of the newest snapshot, once time has gone on a little. */
    async names(ms = 1): Promise<readonly string[]> {
      begin();
      await clock.advance(ms);
      // Parsing loads modules and takes real turns.
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      return snapshots.at(-1)?.rules.map(({ name }) => name) ?? [];
    },
    problems: () => snapshots.at(-1)?.problems.map(formatProblem) ?? [],
  };
}

test("store source: keys are rules, in YAML or JSON, with or without their name", async (context) => {
  const { store, names, snapshots } = rig(context);
  store.put("r/yaml", `---\n# a comment\nmatches:\n- host: a\nrespond:\n  body: |\n    two\n    lines\n`);
  store.put("r/json", `{"respond": {"status": 201}}`);
  store.put("r/flow", `{${mock}}`);
  store.put("r/named", `name: named\n${mock}`);
  store.put("r/", "");
  assert.deepEqual(await names(), ["flow", "json", "named", "yaml"]);
  const yaml = snapshots.at(-1)?.rules.find(({ name }) => name === "yaml");
  assert.ok(yaml?.respond?.kind === "reply" && yaml.respond.reply.body.kind === "text");
  assert.equal(yaml.respond.reply.body.text, "two\nlines\n");
  assert.equal(yaml.origin, "r/yaml");
});

test("store source: a mistake is told with its key, its line and its path, and nothing is taken", async (context) => {
  const { store, names, problems, snapshots } = rig(context);
  store.put("r/good", mock);
  assert.deepEqual(await names(), ["good"]);
  store.put("r/bad", "fault:\n  delay: fast\n");
  store.put("r/other", '{\n"respond": {"status": 7}}');
  store.put("r/wrong", `name: right\n${mock}`);
  assert.deepEqual(await names(), []);
  assert.deepEqual(problems(), [
    'r/bad:2: fault.delay: expected a duration such as 200ms or 2s, got "fast"',
    "r/other:2: respond.status: expected a final status from 200 to 599, got 7",
    'r/wrong:1: name: expected "wrong", as the key says, or no name at all, got "right"',
  ]);
  for (const name of ["bad", "other", "wrong"]) store.remove(`r/${name}`);
  assert.deepEqual(await names(), ["good"]);
  assert.deepEqual(problems(), []);
  assert.equal(snapshots.at(-1)?.revision, snapshots[0]?.revision);
  store.put("r/.applied/nonsense", "x");
  await names();
  assert.match(problems()[0] ?? "", /^r\/\.applied\/nonsense: expected the name of a rule/);
});

test("store source: rules of a service and a namespace are for those alone", async (context) => {
  const { store, names } = rig(context, { belonging: { service: "pay", namespace: null } });
  store.put("r/a", mock);
  store.put("r/@service/pay/b", mock);
  store.put("r/@service/search/c", mock);
  store.put("r/@namespace/shop/d", mock);
  assert.deepEqual(await names(), ["a", "b"]);
  store.put("r/@service/search/e", "not: valid: at all");
  assert.deepEqual(await names(), ["a", "b"], "what is wrong elsewhere is no concern");
});

test("store source: one name twice is a problem that names both keys", async (context) => {
  const { store, names, problems } = rig(context, { belonging: { service: "pay", namespace: null } });
  store.put("r/a", mock);
  store.put("r/@service/pay/a", mock);
  await names();
  assert.match(problems()[0] ?? "", /got "a", which the rule at r\/.*a already has/);
});

test("store source: contact that is lost is sought again, ever more slowly, and told once", async (context) => {
  const { store, names, events, source, clock, snapshots } = rig(context);
  store.put("r/a", mock);
  assert.deepEqual(await names(), ["a"]);
  store.down = true;
  store.wake();
  await clock.advance(60_000);
  assert.equal(snapshots.length, 1, "the rules stay as they are");
  const state = source.state();
  assert.equal(state.connected, false);
  assert.match(state.reason, /down/);
  assert.ok(state.failures > 8 && state.failures < 25, `${state.failures} failures in a minute`);
  assert.ok((state.silentMs ?? 0) >= 60_000);
  const told = events.filter(({ kind }) => kind === "rule-source");
  assert.deepEqual(
    told.map((event) => event.kind === "rule-source" && event.connected),
    [true, false],
  );
  store.down = false;
  store.put("r/b", mock);
  assert.deepEqual(await names(10_001), ["a", "b"]);
  assert.equal(source.state().connected, true);
});

test("store source: a wiped store is believed", async (context) => {
  const { store, names } = rig(context);
  store.put("r/a", mock);
  assert.deepEqual(await names(), ["a"]);
  store.wipe();
  assert.deepEqual(await names(), []);
});

const leased = (leaseMs: number, ...names: readonly string[]) =>
  JSON.stringify({
    format: 1,
    owner: "alice",
    leaseMs,
    atMs: 0,
    rules: names.map((name) => ({ name, text: `{"respond":{}}` })),
  });

test("store source: rules of an owner end without word from the store, however it falls silent", async (context) => {
  for (const fall of ["silent", "down"] as const) {
    const { store, names, clock, end } = rig(context);
    store.put("r/a", mock);
    store.put("r/.leased/x", leased(5_000, "mine"));
    store.put("r/.leased/y", leased(20_000, "yours"));
    assert.deepEqual(await names(), ["a", "mine", "yours"]);
    store[fall] = true;
    store.wake();
    await clock.advance(4_990);
    assert.deepEqual(await names(), ["a", "mine", "yours"]);
    assert.deepEqual(await names(20), ["a", "yours"], fall);
    assert.deepEqual(await names(15_000), ["a"], fall);
    store[fall] = false;
    store.put("r/b", mock);
    while (!(await names(500)).includes("b")) assert.ok(clock.now() < 60_000);
    assert.deepEqual(await names(), ["a", "b", "mine", "yours"], "back with the store");
    await end();
  }
});

test("store source: what another writer stages moves the index, and is no snapshot", async (context) => {
  const { store, names, snapshots, source, moved } = rig(context);
  store.put("r/a", mock);
  await names();
  const { index } = source.state();
  store.put("r/.applied/rules/x@0", mock);
  await names();
  assert.equal(snapshots.length, 1);
  assert.ok(source.state().index > index);
  assert.equal(moved(), 1);
  store.put("elsewhere", "x");
  await names();
  assert.equal(moved(), 1, "what is written elsewhere is no news");
});

test("store source: a manifest without its contents is refused", async (context) => {
  const { store, names, problems } = rig(context);
  const manifest = { format: 1, version: 1, id: "i", atMs: 0, author: "a", reason: "r" };
  store.put("r/.applied/manifest", JSON.stringify({ ...manifest, rules: ["x@00"] }));
  await names();
  assert.match(problems()[0] ?? "", /r\/\.applied\/manifest: rules\[0\]: expected .*x@00 .*no such key/);
  store.put("r/.applied/rules/x@00", mock);
  await names();
  assert.match(problems()[0] ?? "", /another content/);
  store.put("r/.applied/manifest", "{}");
  await names();
  assert.match(problems()[0] ?? "", /expected a manifest/);
});

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "understudy-state-"));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("last good: used where the store is away at the start, without rules of owners, until it is back", async (context) => {
  const state = folder(context);
  const lastGood = lastGoodIn(state, "here");
  const first = rig(context, { lastGood });
  first.store.put("r/a", mock);
  first.store.put("r/.leased/x", leased(60_000, "mine"));
  assert.deepEqual(await first.names(), ["a", "mine"]);
  await first.end();
  const store = new MemoryStore();
  store.down = true;
  const second = rig(context, { lastGood, store });
  while (second.snapshots.length === 0) await second.names();
  assert.deepEqual(await second.names(), ["a"]);
  const [trouble] = second.events.filter(({ kind }) => kind === "trouble");
  assert.match(
    trouble?.kind === "trouble" ? trouble.message : "",
    /is away .*down.* using its rules as they were at 2026/,
  );
  store.down = false;
  store.put("r/b", mock);
  assert.deepEqual(await second.names(10_001), ["b"]);
  await second.end();
});

test("last good: without one, a store that is away is a problem; one that is slow gets two seconds", async (context) => {
  const store = new MemoryStore();
  store.down = true;
  const { problems, names } = rig(context, { store });
  await names();
  assert.deepEqual(problems(), [
    "memory://test/r/: expected a store that answers, got memory://test: down; there is no copy on disk",
  ]);
  const slow = new MemoryStore();
  slow.silent = true;
  const other = rig(context, { store: slow });
  await other.names(1_990);
  assert.equal(other.snapshots.length, 0);
  await other.names(20);
  assert.match(other.problems()[0] ?? "", /no answer within 2000 ms/);
});

test("last good: a copy that is spoilt, foreign or of another store is none", async (context) => {
  const state = folder(context);
  const one = lastGoodIn(state, "one");
  assert.equal(await one.load(), null);
  await one.save([{ place: "r/a", name: "a", text: mock, leaseMs: null }], 5);
  assert.deepEqual(await one.load(), {
    rules: [{ place: "r/a", name: "a", text: mock, leaseMs: null }],
    savedAtMs: 5,
  });
  assert.equal(await lastGoodIn(state, "two").load(), null);
  const [file = assert.fail()] = readdirSync(state);
  for (const text of ["", "{", "[]", readFileSync(join(state, file), "utf8").replace("one", "other")]) {
    writeFileSync(join(state, file), text);
    assert.equal(await one.load(), null, text);
  }
});

test("last good: a disk that refuses is told, and harms nothing", async (context) => {
  const failing: LastGood = { load: async () => null, save: () => Promise.reject(new Error("disk full")) };
  const { store, names, events } = rig(context, { lastGood: failing });
  store.put("r/a", mock);
  assert.deepEqual(await names(), ["a"]);
  await names(1_000);
  const [trouble] = events.filter(({ kind }) => kind === "trouble");
  assert.match(trouble?.kind === "trouble" ? trouble.message : "", /kept on disk: disk full/);
});

test("back-off: doubles up to ten seconds, at least half of it certain", () => {
  const random = seededRandom(7);
  for (let failures = 1; failures < 40; failures++) {
    const full = Math.min(10_000, 100 * 2 ** (failures - 1));
    const ms = backOffMs(failures, random);
    assert.ok(ms >= full / 2 && ms <= full, `${failures}: ${ms}`);
  }
});

test("store source: ends with its signal, also while the store is away", async (context) => {
  const store = new MemoryStore();
  store.down = true;
  const { begin, end, clock } = rig(context, { store });
  begin();
  await clock.advance(5_000);
  await end();
  assert.equal(clock.pending(), 0);
});

test("store source: what another sidecar offers is taken while the store is away, where it is newer", async (context) => {
  const { store, names, source } = rig(context);
  const offered = (index: number, name: string) =>
    source.offer({ index, rules: [{ place: `r/${name}`, name, text: mock, leaseMs: null }] });
  store.put("r/own", mock);
  assert.deepEqual(await names(), ["own"]);
  offered(9, "early");
  assert.deepEqual(await names(), ["own"], "the store is there");
  store.down = true;
  store.wake();
  await names();
  offered(1, "old");
  assert.deepEqual(await names(), ["own"], "nothing newer");
  offered(2, "new");
  assert.deepEqual(await names(), ["new"]);
  assert.equal(source.held().index, 2);
  assert.deepEqual(await names(60_000), ["new"], "and it stays");
  store.down = false;
  assert.deepEqual(await names(60_000), ["own"], "the store itself has the last word");
});
