// Calls at once under rules that bound them (`maxActive`): what whoever shares such a bound with others has to know and say.

/** What a rule was asked for since the last look. */
export interface BudgetUse {
  /** Calls under the rule now. */
  readonly active: number;
  /** The most at once since the last look. */
  readonly peak: number;
  /** Whether a call found no room since the last look. */
  readonly refused: boolean;
}

/** The bounds of one process. */
export interface CallBudgets {
  look(rule: string): BudgetUse;
  /** At most so many of the rule's calls at once here; null: the rule is gone, and nothing is kept of it. */
  setShare(rule: string, share: number | null): void;
}
