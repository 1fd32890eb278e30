// The store against sources and a compiler made for the test: last good stays, lifetimes, merging, problems with lines.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRules } from "../../../src/control/rules/parse.ts";
import { staticSource } from "../../../src/control/rules/sources/static.ts";
import { createRuleStore, type RuleStore } from "../../../src/control/rules/store.ts";
import type { RuleSpec } from "../../../src/core/rule.ts";
import { RuleProblem } from "../../../src/core/rule-problem.ts";
import type { Compile, RuleSet } from "../../../src/core/rule-set.ts";
import { formatProblem, type RuleSnapshot, type RuleSource } from "../../../src/core/rule-source.ts";
import type { TapEvent } from "../../../src/core/tap.ts";
import { type ManualClock, manualClock } from "../../support/manual-clock.ts";

/** A rule set that only remembers what it was made of. */
function setOf(specs: readonly RuleSpec[], revision: string): RuleSet {
  const rules = specs.map((spec, rank) => ({
    spec,
    rank,
    effects: [],
    terminal: { kind: "relay" as const },
  }));
  return {
    revision,
    rules,
    decide: () => null,
    decideWithBody: () => null,
    decideMessages: () => [],
    bytesNeeded: () => 0,
    decideConnection: () => null,
    concernsTls: () => false,
    concernsConnection: () => true,
    answersHost: () => false,
    answersWebSockets: () => false,
  };
}

/** A source that says what the test hands it. */
class Hand implements RuleSource {
  readonly name: string;
  #queue: RuleSnapshot[] = [];
  #wake: () => void = () => undefined;
  broken: Error | null = null;

  constructor(name: string) {
    this.name = name;
  }

  async give(text: string, revision: string): Promise<void> {
    const parsed = parseRules(text, `${this.name}.yaml`);
    this.#queue.push({ revision, ...parsed });
    this.#wake();
    await new Promise((resolve) => setImmediate(resolve));
  }

  async *watch(signal: AbortSignal): AsyncGenerator<RuleSnapshot> {
    while (!signal.aborted) {
      const next = this.#queue.shift();
      if (this.broken !== null) throw this.broken;
      if (next !== undefined) yield next;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
    }
  }
}

interface Rig {
  readonly store: RuleStore;
  readonly clock: ManualClock;
  readonly events: TapEvent[];
  readonly started: Promise<void>;
  readonly names: () => readonly string[];
  readonly problems: () => readonly string[];
  readonly stop: () => void;
}

function rig(
  sources: readonly RuleSource[],
  compile: Compile = async (specs, revision) => setOf(specs, revision),
): Rig {
  const [clock, events, stopping] = [manualClock(), [] as TapEvent[], new AbortController()];
  const store = createRuleStore({
    sources,
    compile,
    clock,
    empty: setOf([], ""),
    tap: { observe: (event) => events.push(event) },
  });
  return {
    store,
    clock,
    events,
    started: store.start(stopping.signal),
    names: () => store.rules().rules.map((rule) => rule.spec.name),
    problems: () => store.status().problems.map(formatProblem),
    stop: () => stopping.abort(),
  };
}

const file = (...rules: readonly string[]) =>
  `version: 1\nrules:\n${rules.map((rule) => `  - {${rule}}\n`).join("")}`;
const mock = "respond: {}";

test("store: starts empty, takes the first snapshot, then start resolves", async () => {
  const hand = new Hand("a");
  const { store, started, names, events, clock, stop } = rig([hand]);
  assert.deepEqual(store.status(), {
    revision: "",
    rules: 0,
    appliedAtMs: 0,
    problems: [],
    reloads: 0,
    rejected: 0,
  });
  await hand.give(file(`name: x, ${mock}`), "r1");
  await started;
  assert.deepEqual(names(), ["x"]);
  assert.deepEqual(store.status(), {
    revision: "r1",
    rules: 1,
    appliedAtMs: clock.wall(),
    problems: [],
    reloads: 1,
    rejected: 0,
  });
  assert.deepEqual(events, [{ kind: "rules-applied", revision: "r1", rules: 1 }]);
  stop();
});

test("store: without sources, and when the signal aborts first, start resolves at once", async () => {
  await rig([]).started;
  const waiting = rig([new Hand("a")]);
  waiting.stop();
  await waiting.started;
});

test("store: a bad snapshot leaves the last good rules in force and is told", async () => {
  const hand = new Hand("a");
  const { store, names, problems, events, stop } = rig([hand]);
  await hand.give(file(`name: x, ${mock}`), "r1");
  const before = store.rules();
  await hand.give("version: 1\nrules: [{name: x}]", "r2");
  assert.equal(store.rules(), before);
  assert.equal(store.status().rejected, 1);
  const told = ["a.yaml:2: rules[0]: does nothing: expected respond, fault, patch or state.becomes"];
  assert.deepEqual(problems(), told);
  assert.deepEqual(events.at(-1), { kind: "rules-rejected", problems: told });
  await hand.give(file(`name: y, ${mock}`), "r3");
  assert.deepEqual([names(), problems(), store.status().reloads], [["y"], [], 2]);
  stop();
});

test("store: what the compiler refuses gets the line where it was written", async () => {
  const hand = new Hand("a");
  const compile: Compile = async (specs, revision) => {
    const bad = specs.filter((spec) => spec.matches[0]?.expr === "bad");
    const problem = new RuleProblem(["matches", 0, "expr"], 'expected a CEL expression, got "bad"');
    return bad.length === 0 ? setOf(specs, revision) : { problems: bad.map((rule) => ({ rule, problem })) };
  };
  const { names, problems, started, stop } = rig([hand], compile);
  // With a ttl the compiler sees a copy of the rule.
  await hand.give(
    "version: 1\nrules:\n  - {name: x, respond: {}}\n  - name: y\n    scope: {ttl: 1m}\n    matches:\n      - host: h\n        expr: bad\n    respond: {}\n",
    "r1",
  );
  await started;
  assert.deepEqual(names(), []);
  assert.deepEqual(problems(), ['a.yaml:8: rules[1].matches[0].expr: expected a CEL expression, got "bad"']);
  stop();
});

test("store: problems are bounded, and a compiler that throws counts as a refusal", async () => {
  const hand = new Hand("a");
  let broken = false;
  const compile: Compile = async (specs) => {
    if (broken) throw new Error("boom");
    return { problems: specs.map((rule) => ({ rule, problem: new RuleProblem(["name"], "no") })) };
  };
  const { store, problems, events, stop } = rig([hand], compile);
  await hand.give(file(...Array.from({ length: 150 }, (_, index) => `name: r${index}, ${mock}`)), "r1");
  assert.equal(problems().length, 101);
  assert.equal(problems().at(-1), "and 50 more problems");
  broken = true;
  await hand.give(file(`name: x, ${mock}`), "r2");
  assert.deepEqual(problems(), ["could not be compiled: boom"]);
  assert.equal(store.status().rejected, 2);
  assert.equal(events.filter((event) => event.kind === "trouble").length, 1);
  stop();
});

test("store: several sources are one list by priority, then source, then order of writing", async () => {
  const [b, a] = [new Hand("b"), new Hand("a")];
  const { store, names, stop } = rig([b, a]);
  await b.give(file(`name: z, ${mock}`, `name: y, ${mock}`), "rb");
  await a.give(
    file(`name: q, priority: 200, ${mock}`, `name: p, ${mock}`, `name: o, priority: 1, ${mock}`),
    "ra",
  );
  assert.deepEqual(names(), ["o", "p", "z", "y", "q"]);
  assert.equal(store.rules().revision, "ra+rb");
  stop();
});

test("store: a name in two sources is refused, and the rest of the world goes on", async () => {
  const [a, b] = [new Hand("a"), new Hand("b")];
  const { names, problems, stop } = rig([a, b]);
  await a.give(file(`name: x, ${mock}`), "a1");
  await b.give(file(`name: y, ${mock}`, `name: x, ${mock}`), "b1");
  const told = [
    'b.yaml:4: rules[1].name: expected a name of its own, got "x", which the rule at a.yaml:3 already has',
  ];
  assert.deepEqual([names(), problems()], [["x"], told]);
  await a.give(file(`name: x, ${mock}`, `name: w, ${mock}`), "a2");
  assert.deepEqual([names(), problems()], [["x", "w"], told], "a is heard although b is pending");
  await a.give(file(`name: w, ${mock}`), "a3");
  assert.deepEqual([names(), problems()], [["w", "y", "x"], []], "b is taken once nothing is in its way");
  stop();
});

test("store: a source that breaks is told and leaves the rules in force", async () => {
  const hand = new Hand("a");
  const { names, problems, started, events, stop } = rig([hand]);
  await hand.give(file(`name: x, ${mock}`), "r1");
  hand.broken = new Error("gone");
  await hand.give(file(`name: y, ${mock}`), "r2");
  await started;
  assert.deepEqual([names(), problems()], [["x"], ["a: gone"]]);
  assert.ok(events.some((event) => event.kind === "trouble"));
  stop();
});

test("store: rules given in memory", async () => {
  const specs = parseRules(file(`name: x, ${mock}`), "m").rules;
  const { store, names, started, stop } = rig([staticSource(specs)]);
  await started;
  assert.deepEqual(names(), ["x"]);
  assert.match(store.status().revision, /^[0-9a-f]{16}$/);
  stop();
  for await (const snapshot of staticSource(specs).watch(AbortSignal.abort())) assert.fail(snapshot.revision);
});

test("ttl: counts from the first taking; an unrelated reload keeps it, a change or a return restarts it", async () => {
  const hand = new Hand("a");
  const { store, clock, stop } = rig([hand]);
  const endOf = (name: string) =>
    store.rules().rules.find((rule) => rule.spec.name === name)?.spec.scope.expiresAtMs;
  const x = `name: x, scope: {ttl: 10m}, ${mock}`;
  const start = clock.wall();
  const inMinutes = (minutes: number) => start + minutes * 60_000;

  await hand.give(file(x), "r1");
  assert.equal(endOf("x"), inMinutes(10));
  const [first] = store.rules().rules;
  assert.equal(first?.spec.scope.lapsesAtMs, clock.now() + 10 * 60_000, "and by the clock that nobody sets");
  await clock.advance(4 * 60_000);
  await hand.give(file(`name: other, ${mock}`, x), "r2");
  assert.deepEqual(
    [endOf("x"), endOf("other")],
    [inMinutes(10), null],
    "moved to another line, still the same rule",
  );
  await hand.give("version: 1\nrules: broken", "r3");
  await hand.give(file(x), "r4");
  assert.equal(endOf("x"), inMinutes(10), "a refused snapshot in between changes nothing");
  await clock.advance(60_000);
  await hand.give(file(x.replace("respond: {}", "respond: {status: 500}")), "r5");
  assert.equal(endOf("x"), inMinutes(15), "changed");
  await clock.advance(60_000);
  await hand.give(file(), "r6");
  await hand.give(file(x), "r7");
  assert.equal(endOf("x"), inMinutes(16), "taken out and back in");
  stop();
});
