// Rules given in memory: one snapshot, never another.

import { createHash } from "node:crypto";
import type { RuleSpec } from "../../../core/rule.ts";
import type { RuleSource } from "../../../core/rule-source.ts";

/** A source of rules that never change. Its iteration stays open until the signal aborts, as that of any source. */
export function staticSource(rules: readonly RuleSpec[], name = "static"): RuleSource {
  const revision = createHash("sha256").update(JSON.stringify(rules)).digest("hex").slice(0, 16);
  return {
    name,
    async *watch(signal) {
      if (signal.aborted) return;
      yield { revision, rules, problems: [] };
      if (signal.aborted) return;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    },
  };
}
