// What a sidecar and the process that reads rules for it say to each other: each question has one answer, in order.

import type { RuleSpec } from "../../../core/rule.ts";
import type { RulePath } from "../../../core/rule-problem.ts";
import type { Problem } from "../../../core/rule-source.ts";

export type Question =
  /** Read and parse what lies at the path. */
  | { readonly ask: "read"; readonly path: string; readonly known: string }
  /** The rules from that index on, as many as one message should hold. */
  | { readonly ask: "rules"; readonly from: number }
  /** Where a path of the rule of that index was written. */
  | { readonly ask: "locate"; readonly index: number; readonly path: RulePath }
  /** Keep what was read at the path for the next start, in that folder, as read by that program. */
  | { readonly ask: "keep"; readonly path: string; readonly folder: string; readonly program: string };

export type Answer =
  | { readonly kind: "same" }
  | {
      readonly kind: "found";
      readonly digest: string;
      readonly count: number;
      readonly problems: readonly Problem[];
    }
  | { readonly kind: "rules"; readonly rules: readonly RuleSpec[] }
  | { readonly kind: "place"; readonly place: string; readonly path: string }
  | { readonly kind: "kept" }
  /** The question could not be answered at all. */
  | { readonly kind: "failed"; readonly message: string };

/** Said every second, so that long work is told apart from none. */
export interface Beat {
  readonly kind: "alive";
}

export const beatMs = 1_000;
/** Rules in one message: about a millisecond of work for the one who takes it. */
export const rulesPerMessage = 256;
