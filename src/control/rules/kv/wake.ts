// A bell for one listener: rings are gathered while nobody listens, and a failure rings for ever.

import type { Clock } from "../../../core/clock.ts";

export class Wake {
  readonly #clock: Clock;
  #rung = false;
  #failure: Error | null = null;
  #notify: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    this.#rung = true;
    this.#notify();
  }

  /** From now on `next` rejects. */
  fail(failure: Error): void {
    this.#failure ??= failure;
    this.#notify();
  }

  /** Resolves at the next ring, or one that was missed; `timeout` after `ms`. Rejects on failure and abort. */
  next(ms: number, signal: AbortSignal): Promise<"woken" | "timeout"> {
    return new Promise((resolve, reject) => {
      const settle = (timedOut: boolean) => {
        timer.cancel();
        signal.removeEventListener("abort", onSignal);
        this.#notify = () => undefined;
        if (signal.aborted) return reject(signal.reason);
        if (this.#failure !== null) return reject(this.#failure);
        this.#rung = false;
        resolve(timedOut ? "timeout" : "woken");
      };
      const onSignal = () => settle(false);
      const timer = this.#clock.after(ms, () => settle(true), { background: true });
      signal.addEventListener("abort", onSignal, { once: true });
      this.#notify = onSignal;
      if (this.#rung || this.#failure !== null || signal.aborted) settle(false);
    });
  }
}
