// The rules that stand in the way of the measured calls without claiming them.

import { calledHost } from "./requests.ts";

export interface BenchRule {
  readonly name: string;
  readonly host: string;
  /** null: any. */
  readonly method: string | null;
  readonly path: string;
  readonly byPrefix: boolean;
}

/** Two in ten name the called host with other paths, one exactly and one by prefix; the others name other hosts. */
export function rulesOf(count: number): readonly BenchRule[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `rule-${index}`,
    host: index % 10 < 2 ? calledHost : `svc-${index}.bench`,
    method: index % 2 === 0 ? "GET" : null,
    path: `/v1/thing-${index}`,
    byPrefix: index % 2 === 1,
  }));
}
