// What one decision costs as rules grow, without sockets. The measuring is done by a program of its own, so that
// the compiler sees one size of rule set at a time.

import { fileURLToPath } from "node:url";
import { cores } from "../machine.ts";
import { runToEnd } from "../processes.ts";
import { median } from "../slices.ts";
import type { Fact, Scenario } from "./scenario.ts";

const program = fileURLToPath(new URL("../micro/decide.ts", import.meta.url));
const sizes = [10, 1_000, 100_000] as const;

export const decision: Scenario = {
  name: "decision",
  title: "One decision, none of the rules claims the call",
  async run({ options, signal, progress }) {
    const times = new Map<number, number[]>(sizes.map((size) => [size, []]));
    const frame = { name: this.name, title: this.title, unit: "request", reference: "", rows: [] } as const;
    try {
      for (let round = 0; round < Math.min(options.slices, 7); round++)
        for (const size of sizes) {
          signal.throwIfAborted();
          times.get(size)?.push(await decideAmong(size));
        }
    } catch (problem) {
      const why = problem instanceof Error ? problem.message : String(problem);
      progress(`left out: understudy: ${why}`);
      return { ...frame, facts: [], leftOut: [{ peer: "understudy", why }] };
    }
    const facts = sizes.map(
      (size): Fact => ({
        peer: "understudy",
        name: `among ${size} rules`,
        value: median(times.get(size) ?? []),
        unit: "µs",
      }),
    );
    const growth = (facts[2]?.value ?? 0) / (facts[0]?.value ?? 1);
    progress(facts.map(({ name, value }) => `${name}: ${value.toFixed(3)} µs`).join(", "));
    const ratio: Fact = { peer: "understudy", name: "100,000 rules against 10", value: growth, unit: "×" };
    return { ...frame, facts: [...facts, ratio], leftOut: [] };
  },
};

/** Microseconds. */
async function decideAmong(rules: number): Promise<number> {
  const args = [program, "--alone", String(rules)];
  const output = await runToEnd(
    { name: "decide", command: process.execPath, args, core: cores.proxy },
    60_000,
  );
  return Number(output) / 1000;
}
