// The moment from which on an upstream is known by its SETTINGS: what depends on them waits for it.

/** Settled once, by the first SETTINGS or by the end of the link. */
export class Greeting {
  readonly #settled = Promise.withResolvers<void>();

  constructor() {
    this.#settled.promise.catch(() => undefined); // mostly nobody waits
  }

  came(): void {
    this.#settled.resolve();
  }

  fails(error: Error): void {
    this.#settled.reject(error);
  }

  /** Rejects with what the link failed with, or with the signal's reason. */
  async wait(signal: AbortSignal): Promise<void> {
    const left = Promise.withResolvers<never>();
    const leave = () => left.reject(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener("abort", leave, { once: true });
    try {
      await Promise.race([this.#settled.promise, left.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }
}
