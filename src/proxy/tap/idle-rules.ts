// Rules that were in force and have answered nothing: a name that does not resolve may be why, since nobody connects to it.

import { printable } from "../../core/printable.ts";
import type { Outcome, Tap } from "../../core/tap.ts";

/** `names`: hosts that were looked up in vain. */
export interface IdleRules extends Tap {
  /** Some lines for people, each ended by a line feed; "" where there is nothing to say. */
  unresolvedText(names: readonly string[]): string;
  /** The same for programs, with more of the names; null where there is nothing to say. */
  unresolvedFields(names: readonly string[]): Readonly<Record<string, unknown>> | null;
}

const maxShown = 5;
const maxFields = 50;
const step = "name the host in the rule that is to answer for it: docs/run.md#names-that-do-not-resolve";

export function createIdleRules(): IdleRules {
  const answers: ReadonlySet<Outcome> = new Set<Outcome>(["mocked", "aborted"]);
  let hadRules = false;
  let haveAnswered = false;
  const isWorthTelling = (names: readonly string[]) => hadRules && !haveAnswered && names.length > 0;
  return {
    observe(event) {
      if (event.kind === "rules-applied") hadRules ||= event.rules > 0;
      if (event.kind === "call" || event.kind === "opaque") haveAnswered ||= answers.has(event.outcome);
    },
    unresolvedText(names) {
      if (!isWorthTelling(names)) return "";
      return `${headline(names)}: ${shortened(names)}\n  next: ${step}\n`;
    },
    unresolvedFields(names) {
      if (!isWorthTelling(names)) return null;
      return { unresolved: names.slice(0, maxFields), msg: `${headline(names)}; ${step}` };
    },
  };
}

function headline({ length }: readonly string[]): string {
  return `no rule has answered, and ${length === 1 ? "1 name" : `${length} names`} did not resolve`;
}

/** `payments.shop, ledger.shop and 3 more`. */
function shortened(names: readonly string[]): string {
  const shown = names.slice(0, maxShown).map(printable).join(", ");
  return names.length > maxShown ? `${shown} and ${names.length - maxShown} more` : shown;
}
