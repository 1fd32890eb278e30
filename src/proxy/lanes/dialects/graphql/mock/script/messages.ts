// What a sidecar and its script process say to each other.

/** What a script sees, by name. */
export const scriptArguments = ["args", "parent", "variables", "state", "headers"] as const;

export interface ScriptQuestion {
  readonly id: number;
  /** The body of a function of `scriptArguments`. */
  readonly script: string;
  /** Its arguments in JSON. */
  readonly view: string;
  readonly timeoutMs: number;
}

/** One of the two is there. */
export interface ScriptAnswer {
  readonly id: number;
  /** JSON. */
  readonly value?: string;
  readonly error?: string;
}
