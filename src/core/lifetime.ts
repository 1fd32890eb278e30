// Whether the time of a rule is over.

import type { ScopeSpec } from "./rule.ts";

export type Lifetime = Pick<ScopeSpec, "expiresAtMs" | "lapsesAtMs">;

/** Whether the rule may end by itself at all. */
export function isMortal({ expiresAtMs, lapsesAtMs }: Lifetime): boolean {
  return expiresAtMs !== null || lapsesAtMs !== undefined;
}

/** `wallMs`: since the Unix epoch. `steadyMs`: on `Clock.now()`, asked for only where it matters. */
export function isOver(
  { expiresAtMs, lapsesAtMs }: Lifetime,
  wallMs: number,
  steadyMs: () => number,
): boolean {
  return (
    (expiresAtMs !== null && wallMs >= expiresAtMs) || (lapsesAtMs !== undefined && steadyMs() >= lapsesAtMs)
  );
}
