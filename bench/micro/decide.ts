// What a decision costs as rules grow: ns per call that hits and that misses, over 10, 1,000 and 100,000 rules of each
// shape. `node bench/micro/decide.ts [SHAPE…]`. Slices of the sizes are interleaved, and the median and the best of each are
// shown. `--alone SIZE` prints the ns of a miss as under load, measured where the compiler has seen one size alone.

import type { ConnectionFacts } from "../../src/core/connection.ts";
import { relayTerminal } from "../../src/core/effect.ts";
import type { RequestHead } from "../../src/core/exchange.ts";
import { type HeaderList, headerValue } from "../../src/core/headers.ts";
import type { Roll, RuleSet } from "../../src/core/rule-set.ts";
import { compileRules } from "../../src/proxy/match/compile.ts";
import { type DescribedRequest, requestHead } from "../../src/proxy/match/request-head.ts";
import { rulesOf, type Shape, shapes, underLoad } from "./decide-shapes.ts";

const sizes = [10, 1_000, 100_000] as const;
/** Distinct calls of the hot column: about what one busy sidecar sees at one time. */
const hotCalls = 64;
const rounds = 9;
const callsPerRound = 40_000;

const connection: ConnectionFacts = {
  id: "c1",
  direction: "outbound",
  downstream: { host: "127.0.0.1", port: 40_000 },
  // As through an explicit proxy: each call names its own destination.
  originalDestination: null,
};
const roll: Roll = {
  nowMs: 0,
  steadyMs: 0,
  seed: 1,
  activeCalls: () => 0,
  hasRoom: () => true,
  faultsHalted: false,
  stateOf: () => undefined,
};

/** Reads authority and path from bytes whenever asked, as a lane does: the strings are new in every decision. */
class WireHead implements RequestHead {
  readonly method: string;
  readonly scheme = "http";
  readonly headers: HeaderList;
  readonly #authority: Buffer;
  readonly #path: Buffer;

  constructor(plain: RequestHead) {
    this.method = plain.method;
    this.headers = plain.headers;
    this.#authority = Buffer.from(plain.authority);
    this.#path = Buffer.from(plain.path);
  }
  get authority(): string {
    return this.#authority.toString("latin1");
  }
  get path(): string {
    return this.#path.toString("latin1");
  }
  header(name: string): string | undefined {
    return headerValue(this.headers, name);
  }
}

interface Series {
  readonly label: string;
  readonly rules: RuleSet;
  readonly heads: readonly RequestHead[];
  readonly hit: boolean;
  readonly samples: number[];
}

function compiled(shape: Shape, count: number): RuleSet {
  const rules = compileRules(
    rulesOf(shape, count),
    () => ({ effects: [], terminal: relayTerminal }),
    "bench",
  );
  if ("problems" in rules) throw new Error(rules.problems[0]?.problem.message ?? "problems");
  return rules;
}

function headOf(request: DescribedRequest): RequestHead {
  const head = requestHead(request);
  if (head === null) throw new Error("no head");
  return head;
}

/** Spread over all rules, so that no part of the index is favoured. */
function headsOf(make: (i: number) => DescribedRequest, rules: number, calls: number): RequestHead[] {
  return Array.from({ length: calls }, (_, k) => headOf(make((k * 7_919) % rules)));
}

function seriesOf(shape: Shape, count: number, rules: RuleSet): Series[] {
  const hits = headsOf(shape.hit, count, hotCalls);
  const misses = headsOf(shape.miss, count, hotCalls);
  const series = (label: string, heads: readonly RequestHead[], hit: boolean): Series => ({
    label,
    rules,
    heads,
    hit,
    samples: [],
  });
  return [
    series("hit", hits, true),
    series("miss", misses, false),
    series(
      "hit, from bytes",
      hits.map((head) => new WireHead(head)),
      true,
    ),
    series("hit, 20,000 calls in turn", headsOf(shape.hit, count, 20_000), true),
  ];
}

function runSlice(series: Series, calls: number): void {
  const { rules, heads, hit } = series;
  let claimed = 0;
  let next = 0;
  const start = performance.now();
  for (let i = 0; i < calls; i++) {
    const head = heads[next];
    if (++next === heads.length) next = 0;
    if (head && rules.decide(head, connection, roll) !== null) claimed++;
  }
  const spentMs = performance.now() - start;
  if (claimed !== (hit ? calls : 0)) throw new Error(`${series.label}: ${claimed} of ${calls} were claimed`);
  series.samples.push((spentMs * 1e6) / calls);
}

function measure(shape: Shape): void {
  const bounded = sizes.map((size) => Math.max(Math.min(size, shape.largest ?? size), shape.smallest ?? 0));
  const used = [...new Set(bounded)];
  const all = used.map((count) => {
    const start = performance.now();
    const rules = compiled(shape, count);
    return { count, compileMs: performance.now() - start, series: seriesOf(shape, count, rules) };
  });
  for (let round = 0; round <= rounds; round++) {
    for (const { series } of all) {
      for (const one of series) {
        runSlice(one, shape.flat ? callsPerRound : 200);
        if (round === 0) one.samples.length = 0; // warming up
      }
    }
  }
  console.log(
    `\n${shape.name}${shape.flat ? "" : " (linear)"}; compiling the largest took ${Math.round(all.at(-1)?.compileMs ?? 0)} ms`,
  );
  const labels = all[0]?.series.map(({ label }) => label) ?? [];
  for (const [i, label] of labels.entries()) {
    const samples = all.map(({ series }) => [...(series[i]?.samples ?? [])].sort((a, b) => a - b));
    const medians = samples.map((sorted) => sorted[sorted.length >> 1] ?? Number.NaN);
    const bests = samples.map((sorted) => sorted[0] ?? Number.NaN);
    const cells = all.map(
      ({ count }, k) =>
        `${String(count).padStart(6)}: ${medians[k]?.toFixed(0).padStart(5)} (${bests[k]?.toFixed(0).padStart(4)})`,
    );
    const ratio = (of: readonly number[]) => `×${((of.at(-1) ?? 0) / (of[0] ?? 1)).toFixed(2)}`;
    console.log(`  ${label.padEnd(26)} ${cells.join("   ")}   ${ratio(medians)} (${ratio(bests)})`);
  }
}

/** Of the CPU, since others may run on it too. */
function measureAlone(count: number): number {
  const rules = compiled(underLoad, count);
  const heads = headsOf(underLoad.miss, count, 256);
  const samples: number[] = [];
  for (let round = -10; round < 40; round++) {
    const start = process.cpuUsage();
    for (let i = 0; i < callsPerRound; i++) {
      const head = heads[i % heads.length];
      if (head && rules.decide(head, connection, roll) !== null) throw new Error("a rule claimed the call");
    }
    const { user, system } = process.cpuUsage(start);
    if (round >= 0) samples.push(((user + system) * 1_000) / callsPerRound);
  }
  return samples.sort((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
}

const [flag, size] = process.argv.slice(2);
if (flag === "--alone") {
  process.stdout.write(`${measureAlone(Number(size))}\n`);
  process.exit();
}

console.log("ns per decision: median (best) of interleaved slices, and the last over the first");
const wanted = process.argv.slice(2);
for (const shape of shapes) {
  if (wanted.length === 0 || wanted.some((word) => shape.name.includes(word))) measure(shape);
}
