// How budgets of calls at once are shared in the mesh: what is said and asked about them goes through the member.

import { SharedBudgets } from "../control/mesh/budget/shared-budgets.ts";
import type { SidecarMember } from "../control/mesh/member/sidecar-member.ts";
import type { CallBudgets } from "../core/call-budget.ts";
import type { Clock } from "../core/clock.ts";
import type { Random } from "../core/random.ts";
import type { RuleSet } from "../core/rule-set.ts";

/** Names of the broadcast, and of the question. */
export const budgetBroadcast = "understudy:budget";
export const budgetFetch = "understudy:budgets";
const answerMs = 2_000;

export interface MeshBudgetParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly rules: () => RuleSet;
  readonly calls: CallBudgets;
}

/** Whoever opens them keeps them. */
export function openBudgets(member: SidecarMember, parts: MeshBudgetParts): SharedBudgets {
  return new SharedBudgets({
    ...parts,
    self: member.name,
    members: () => member.members,
    isLost: () => member.isLost,
    say: (payload) => member.broadcast(budgetBroadcast, payload),
    ask: (name) =>
      member
        .request("fetch", {
          member: name,
          name: budgetFetch,
          payload: new Uint8Array(0),
          timeoutMs: answerMs,
        })
        .catch(() => null),
  });
}
