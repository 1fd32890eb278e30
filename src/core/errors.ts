// The one error type of the program and the table of its codes. A misbehaving peer is an outcome, not an error.

/** Every code an UnderstudyError can carry, with what it means. */
export const errorCodes = {
  aborted: "the work was cancelled by its owner",
  bad_config: "a flag, an environment variable or the config file holds a wrong value",
  bad_message: "a message that we originate cannot be written: it holds what the wire does not allow",
  bad_rules: "a rule set was refused as a whole; the last good one stays in force",
  body_too_large: "a body is larger than the limit of the place that must hold it whole",
  body_cut: "a body ended before its framing said so, on purpose (fault) or because a peer left",
  connect_failed: "no connection to the upstream could be made",
  connect_timeout: "the upstream did not accept a connection within the deadline",
  namespace_unavailable: "the kernel does not allow the namespaces that transparent mode needs",
  not_found: "a named thing does not exist",
  redirect_failed: "the packet redirection could not be installed, read or removed",
  store_conflict: "somebody else wrote to the rule store in between; nothing was written",
  store_unavailable: "the rule store did not answer, or refused",
  timeout: "a peer did not do its part within the deadline",
  usage: "the command line is not understood",
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** The only error thrown on purpose. `message` names the field, the value and what was expected. */
export class UnderstudyError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "UnderstudyError";
    this.code = code;
  }
}

/** The text of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
