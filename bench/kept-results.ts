// The figures of earlier runs: a run of some scenarios leaves those of the others as they were.

import { existsSync, readFileSync } from "node:fs";
import type { Report } from "./report.ts";
import type { ScenarioResult } from "./scenarios/scenario.ts";

/** A scenario, and how and when it was measured. */
export interface Measured extends ScenarioResult {
  /** ISO 8601. */
  readonly measuredAt: string;
  readonly slices: number;
  readonly seconds: number;
}

/** Where figures of one run may stand beside those of another. */
export type Ground = Pick<Report, "machine" | "node">;

/** What `file` holds of earlier runs on the same ground; nothing where it is missing. Throws where it is no report. */
export function keptResults(file: string, ground: Ground): readonly Measured[] {
  if (!existsSync(file)) return [];
  const report = JSON.parse(readFileSync(file, "utf8")) as Report; // written by an earlier run
  const isSame = report.machine === ground.machine && report.node === ground.node;
  return isSame ? report.scenarios : [];
}

/** The newest figures of each scenario, in the order of `names`. */
export function newest(
  names: readonly string[],
  kept: readonly Measured[],
  now: readonly Measured[],
): readonly Measured[] {
  return names.flatMap((name) => [...now, ...kept].find((scenario) => scenario.name === name) ?? []);
}
