// The results of the gossip benches: rows that say what was measured, kept in bench/results/gossip.json and shown in gossip.md.
// A run replaces the rows that it measured and leaves the others, since some take hours and gigabytes.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";

export interface Row {
  /** What a run replaces: one row each. */
  readonly what: string;
  readonly figure: string;
  readonly goal: string;
  /** null: there is no goal. */
  readonly met: boolean | null;
}

interface Kept extends Row {
  readonly measured: string;
}

const file = (suffix: string) => new URL(`../results/gossip.${suffix}`, import.meta.url);

/** Collects rows and shows each at once. */
export class Results {
  readonly #rows: Row[] = [];

  note(what: string, figure: string, goal: string, met: boolean | null): void {
    this.#rows.push({ what, figure, goal, met });
    console.log(`${met === null ? " " : met ? "✔" : "✖"} ${what.padEnd(58)} ${figure.padEnd(52)} ${goal}`);
  }

  get missed(): boolean {
    return this.#rows.some(({ met }) => met === false);
  }

  /** Into both files. */
  write(): void {
    const measured = new Date().toISOString().slice(0, 10);
    const before: readonly Kept[] = existsSync(file("json"))
      ? JSON.parse(readFileSync(file("json"), "utf8"))
      : [];
    const own = new Map(this.#rows.map((row) => [row.what, { ...row, measured }]));
    const kept = before.map((row) => own.get(row.what) ?? row);
    const added = [...own.values()].filter(({ what }) => !before.some((row) => row.what === what));
    const rows = [...kept, ...added].toSorted((a, b) => order(a.what).localeCompare(order(b.what)));
    writeFileSync(file("json"), `${JSON.stringify(rows, null, 2)}\n`);
    writeFileSync(file("md"), textOf(rows));
  }
}

/** Numbers in the order of their size. */
const order = (what: string): string => what.replace(/\d+/g, (digits) => digits.padStart(8, "0"));

function textOf(rows: readonly Kept[]): string {
  const verdict = (met: boolean | null) => (met === null ? "" : met ? "yes" : "**no**");
  return [
    "# Gossip against its goals",
    "",
    "Written by `npm run bench:gossip` (simulated time) and `npm run bench:gossip:real` (sockets and the machine's own",
    `time, beside real \`serf\` agents), on ${cpus().length} shared virtual cores, Node ${process.versions.node}.`,
    "",
    "| what | figure | goal | met | measured |",
    "|---|---|---|---|---|",
    ...rows.map(
      ({ what, figure, goal, met, measured }) =>
        `| ${what} | ${figure} | ${goal} | ${verdict(met)} | ${measured} |`,
    ),
    "",
  ].join("\n");
}
