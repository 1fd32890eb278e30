// What is wrong with bytes from a peer. Thrown inside the codecs only: every public decoder turns it into an outcome.

/** `incomplete`: more bytes may mend it (streams). `malformed`: nothing will. `too-large`: a bound of ours is hit. */
export type FaultKind = "incomplete" | "malformed" | "too-large";

export class WireFault extends Error {
  readonly kind: FaultKind;

  constructor(kind: FaultKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Runs a decoder; a WireFault becomes its kind, everything else is a defect of ours and is thrown on. */
export function attempt<T extends object>(decode: () => T): T | FaultKind {
  try {
    return decode();
  } catch (thrown) {
    if (thrown instanceof WireFault) return thrown.kind;
    throw thrown;
  }
}
