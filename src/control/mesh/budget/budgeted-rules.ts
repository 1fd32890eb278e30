// The rules in force that bound their calls, each with a key that is the same in every sidecar that has the very same rule.

import { createHash } from "node:crypto";
import type { RuleSpec } from "../../../core/rule.ts";
import type { RuleSet } from "../../../core/rule-set.ts";

export interface BudgetedRule {
  readonly name: string;
  readonly key: string;
  readonly maxActive: number;
}

/** In the order in which they are tried. */
export function budgetedRules({ rules }: RuleSet): readonly BudgetedRule[] {
  return rules.flatMap(({ spec }) => {
    const { maxActive } = spec.scope;
    return maxActive === null ? [] : [{ name: spec.name, key: keyOf(spec), maxActive }];
  });
}

/** Eight hexadecimal digits. Where a rule was written, and when its time ends after a `ttl`, differs between sidecars. */
function keyOf(spec: RuleSpec): string {
  const { lapsesAtMs: _own, ...scope } = spec.scope;
  const expiresAtMs = scope.ttlMs === null ? scope.expiresAtMs : null;
  const same = { ...spec, origin: "", scope: { ...scope, expiresAtMs } };
  return createHash("sha256").update(JSON.stringify(same)).digest("hex").slice(0, 8);
}
