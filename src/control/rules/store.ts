// The rules in force. Takes whole snapshots from its sources, compiles them, and swaps the result in at once; whatever is
// wrong leaves the last good rules in force and is told instead.
//
//   source ─ snapshot ┐
//   source ─ snapshot ┴ merge → lifetimes → compile → swap, tap "rules-applied"
//                         └ any problem → last good stays, tap "rules-rejected"

import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { RuleSpec } from "../../core/rule.ts";
import type { RuleProblem } from "../../core/rule-problem.ts";
import type { Compile, CompileOutcome, RuleSet } from "../../core/rule-set.ts";
import { formatProblem, type Problem, type RuleSnapshot, type RuleSource } from "../../core/rule-source.ts";
import type { Tap } from "../../core/tap.ts";
import { type Lifetimes, withLifetimes } from "./lifetimes.ts";
import { type Merged, mergeSnapshots, placeIn } from "./merge.ts";
import { inOrderOfLines } from "./problem-order.ts";
import { toldOnce } from "./shared-problems.ts";

/** Problems kept and told of one refusal; the rest is counted. */
const maxProblems = 100;

export interface RuleStoreStatus {
  /** Of the rules in force; "" before the first. */
  readonly revision: string;
  readonly rules: number;
  /** Milliseconds since the Unix epoch at which they were taken; 0 before the first. */
  readonly appliedAtMs: number;
  /** Why the newest snapshot was refused; empty where it was taken. */
  readonly problems: readonly Problem[];
  /** Snapshots taken, and refused, since the start. */
  readonly reloads: number;
  readonly rejected: number;
}

export interface RuleStore {
  /** Never throws; the last good ones, or the empty set before the first. */
  rules(): RuleSet;
  status(): RuleStoreStatus;
  /** Resolves when the first snapshot of each source was taken or refused, or the signal aborted. The sources are followed until then. */
  start(signal: AbortSignal): Promise<void>;
}

export interface RuleStoreDeps {
  readonly sources: readonly RuleSource[];
  readonly compile: Compile;
  readonly empty: RuleSet;
  readonly tap: Tap;
  readonly clock: Clock;
}

export function createRuleStore(deps: RuleStoreDeps): RuleStore {
  return new Store(deps);
}

/** The last word of one source, and the last one of which all was good. */
interface Feed {
  readonly source: RuleSource;
  newest: RuleSnapshot | null;
  /** What is wrong with a later one that could not be read at all. */
  unread: readonly Problem[];
  good: RuleSnapshot | null;
}

class Store implements RuleStore {
  readonly #deps: RuleStoreDeps;
  readonly #feeds: readonly Feed[];
  #rules: RuleSet;
  #lifetimes: Lifetimes = new Map();
  #appliedAtMs = 0;
  #problems: readonly Problem[] = [];
  #reloads = 0;
  #rejected = 0;
  /** The snapshot that is being taken. */
  #taking: Promise<void> = Promise.resolve();

  constructor(deps: RuleStoreDeps) {
    this.#deps = deps;
    this.#rules = deps.empty;
    this.#feeds = deps.sources.map((source) => ({ source, newest: null, unread: [], good: null }));
  }

  rules(): RuleSet {
    return this.#rules;
  }

  status(): RuleStoreStatus {
    return {
      revision: this.#rules.revision,
      rules: this.#rules.rules.length,
      appliedAtMs: this.#appliedAtMs,
      problems: this.#told(),
      reloads: this.#reloads,
      rejected: this.#rejected,
    };
  }

  start(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const silent = new Set(this.#feeds);
      const spoken = (feed: Feed | null) => {
        if (feed !== null) silent.delete(feed);
        if (silent.size === 0 || signal.aborted) resolve();
      };
      spoken(null);
      signal.addEventListener("abort", () => resolve(), { once: true });
      for (const feed of this.#feeds) void this.#follow(feed, signal, () => spoken(feed));
    });
  }

  /** Problems of the rules together, and of sources whose newest rules could not be read. */
  #told(): readonly Problem[] {
    return [...this.#problems, ...bounded(this.#feeds.flatMap(({ unread }) => unread))];
  }

  async #follow(feed: Feed, signal: AbortSignal, spoken: () => void): Promise<void> {
    const { name } = feed.source;
    try {
      for await (const snapshot of feed.source.watch(signal)) {
        if (signal.aborted) break;
        await this.#inOrder(() => this.#take(feed, snapshot, signal));
        spoken();
      }
    } catch (thrown) {
      // A source ends only on abort; one that breaks leaves the rules as they are.
      if (!signal.aborted) {
        this.#tell(`rules from ${name} are not followed any more: ${messageOf(thrown)}`);
        feed.unread = [{ place: name, path: "", message: messageOf(thrown) }];
        this.#tellRefused(feed.unread);
      }
    }
    spoken();
  }

  /** Compiling takes turns; snapshots of several sources must still be taken one after the other. */
  #inOrder(take: () => Promise<void>): Promise<void> {
    const taken = this.#taking.then(take);
    this.#taking = taken.catch(() => undefined);
    return taken;
  }

  async #take(feed: Feed, snapshot: RuleSnapshot, signal: AbortSignal): Promise<void> {
    feed.unread = snapshot.problems;
    if (snapshot.problems.length > 0) return this.#tellRefused(snapshot.problems);
    feed.newest = snapshot;
    const problems = await this.#apply((each) => each.newest, signal);
    if (problems.length === 0) return;
    // What another source brought, and was refused, must not keep this one from being heard.
    const othersPending = this.#feeds.some((other) => other !== feed && other.newest !== other.good);
    if (!othersPending) return this.#reject(problems);
    const alone = await this.#apply((each) => (each === feed ? each.newest : each.good), signal);
    if (alone.length === 0) this.#problems = bounded(problems);
    else this.#reject(problems);
  }

  /** Puts the chosen snapshots in force, unless there are problems. */
  async #apply(
    choose: (feed: Feed) => RuleSnapshot | null,
    signal: AbortSignal,
  ): Promise<readonly Problem[]> {
    const chosen = this.#feeds.map((feed) => ({ feed, snapshot: choose(feed) }));
    const merged = await mergeSnapshots(
      chosen.flatMap(({ feed, snapshot }) =>
        snapshot === null ? [] : [{ source: feed.source.name, snapshot }],
      ),
    );
    if (merged.problems.length > 0) return merged.problems;
    const problems = await this.#compile(merged, signal);
    if (problems.length === 0) for (const { feed, snapshot } of chosen) feed.good = snapshot;
    return problems;
  }

  async #compile(merged: Merged, signal: AbortSignal): Promise<readonly Problem[]> {
    const nowMs = this.#deps.clock.wall();
    const { rules, lifetimes } = withLifetimes(merged.rules, this.#lifetimes, this.#deps.clock);
    const compiled = await this.#compileSafely(rules, merged.revision, signal);
    if (Array.isArray(compiled)) return compiled;
    if ("problems" in compiled) return placed(merged, compiled.problems);
    this.#rules = compiled;
    this.#lifetimes = lifetimes;
    this.#appliedAtMs = nowMs;
    this.#problems = [];
    this.#reloads++;
    this.#deps.tap.observe({ kind: "rules-applied", revision: merged.revision, rules: rules.length });
    return [];
  }

  /** A compiler that throws is broken, and the rules that broke it are refused like wrong ones. */
  async #compileSafely(
    rules: readonly RuleSpec[],
    revision: string,
    signal: AbortSignal,
  ): Promise<CompileOutcome | Problem[]> {
    try {
      return await this.#deps.compile(rules, revision, signal);
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      this.#tell(`the rules could not be compiled: ${messageOf(thrown)}`);
      return [{ place: "", path: "", message: `could not be compiled: ${messageOf(thrown)}` }];
    }
  }

  #reject(problems: readonly Problem[]): void {
    this.#problems = bounded(problems);
    this.#tellRefused(problems);
  }

  #tellRefused(problems: readonly Problem[]): void {
    this.#rejected++;
    this.#deps.tap.observe({ kind: "rules-rejected", problems: bounded(problems).map(formatProblem) });
  }

  #tell(message: string): void {
    this.#deps.tap.observe({ kind: "trouble", area: "rules", message });
  }
}

/** What the compiler refused, each with its line. */
async function placed(
  merged: Merged,
  refused: readonly { readonly rule: RuleSpec; readonly problem: RuleProblem }[],
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const { rule, problem } of toldOnce(refused)) {
    // Rules with a `ttl` were copied on the way to the compiler; names are unique.
    const home = merged.homes.get(rule.name);
    // Looking a line up takes a moment; nobody sees those of the thousandth problem.
    const place =
      home === undefined || problems.length >= maxProblems
        ? { place: rule.origin, path: "" }
        : await placeIn(home.snapshot, home.rule, problem.path);
    problems.push({ ...place, message: problem.message });
  }
  return inOrderOfLines(problems);
}

function bounded(problems: readonly Problem[]): readonly Problem[] {
  if (problems.length <= maxProblems) return problems;
  const rest = { place: "", path: "", message: `and ${problems.length - maxProblems} more problems` };
  return [...problems.slice(0, maxProblems), rest];
}
