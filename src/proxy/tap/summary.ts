// The closing summary: what went through, in a few lines, for the end of a run.

import { printable } from "../../core/printable.ts";
import type { OpaqueEvent, Outcome, Tap } from "../../core/tap.ts";
import { isUnused } from "./call-text.ts";
import { createTally } from "./tally.ts";

export interface Summary extends Tap {
  /** Some lines, each ended by a line feed. */
  text(): string;
}

/** Names of rules that are counted apart, and of those that are shown. */
const maxRules = 1_000;
const maxShownRules = 5;

export function createSummary(): Summary {
  const calls = createTally<Outcome>(8);
  const sockets = createTally<Outcome>(8);
  const opaque = createTally<Outcome>(8);
  const rules = createTally(maxRules);
  let rejected = 0;
  return {
    observe(event) {
      if (event.kind === "rules-rejected") rejected++;
      if (event.kind !== "call" && (event.kind !== "opaque" || isUnused(event))) return;
      const isSocket = event.kind === "opaque" && isUnderstood(event);
      (event.kind === "call" ? calls : isSocket ? sockets : opaque).add(event.outcome);
      // Who answered a WebSocket was told with the call that asked for it.
      if (event.rule !== null && !(isSocket && event.outcome === "mocked")) rules.add(event.rule);
    },
    text() {
      const lines = [
        `${count(total(calls.entries()), "call")}${outcomesText(calls.entries())}`,
        ...partText(sockets.entries(), (value) => count(value, "WebSocket")),
        ...partText(opaque.entries(), (value) => `${count(value, "connection")} not parsed`),
        ...rulesText(rules.entries()),
        ...(rejected === 0 ? [] : [`${count(rejected, "reload")} of the rules refused`]),
      ];
      return lines.map((line) => `${line}\n`).join("");
    },
  };
}

/** A WebSocket that a rule answered, or whose messages rules saw. */
function isUnderstood({ protocol, outcome, messages }: OpaqueEvent): boolean {
  return protocol === "upgraded" && (outcome === "mocked" || messages !== undefined);
}

type Counts = readonly (readonly [name: string, count: number])[];

function total(counts: Counts): number {
  return counts.reduce((sum, [, value]) => sum + value, 0);
}

/** Nothing where nothing was counted. */
function partText(counts: Counts, what: (total: number) => string): readonly string[] {
  const all = total(counts);
  return all === 0 ? [] : [`${what(all)}${outcomesText(counts)}`];
}

/** `: 3 mocked, 9 relayed, 1 failed`. */
function outcomesText(counts: Counts): string {
  const order: readonly Outcome[] = ["mocked", "relayed", "aborted", "failed", "refused"];
  const parts = order.flatMap((outcome) => {
    const found = counts.find(([name]) => name === outcome);
    return found ? [`${found[1]} ${outcome}`] : [];
  });
  return parts.length === 0 ? "" : `: ${parts.join(", ")}`;
}

/** `rules: declined-charge 3, slow-search 2, and 4 more`. */
function rulesText(counts: Counts): readonly string[] {
  if (counts.length === 0) return [];
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  const shown = sorted.slice(0, maxShownRules).map(([name, value]) => `${printable(name)} ${value}`);
  if (sorted.length > maxShownRules) shown.push(`and ${sorted.length - maxShownRules} more`);
  return [`rules: ${shown.join(", ")}`];
}

function count(value: number, noun: string): string {
  return `${value} ${value === 1 ? noun : `${noun}s`}`;
}
