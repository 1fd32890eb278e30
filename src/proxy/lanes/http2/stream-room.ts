// Who waits for an upstream to take another stream (RFC 9113 §5.1.2), in their order.

export class StreamRoom {
  readonly #waiting = new Set<() => void>();

  /** Resolves when there is room, perhaps, when the link is not usable any more, or when `signal` aborts. */
  changes(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** Lets the next one look: a place is free. */
  passOn(): void {
    for (const wake of this.#waiting) {
      this.#waiting.delete(wake);
      return wake();
    }
  }

  wakeAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}
