// Holds fresh connections while the sidecar is still getting ready: their clients see an open connection, not a refusal.
// Bounded by the listener's own limit on connections.

export class Gate {
  #waiting: (() => void)[] | null = [];

  /** Runs `enter` now, or when the gate opens. */
  pass(enter: () => void): void {
    if (this.#waiting) this.#waiting.push(enter);
    else enter();
  }

  open(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const enter of waiting) enter();
  }
}
