// Follows the health of the service beside us: asks it over and over, and believes a failure when it comes twice in a row.

import type { AppHealth, HealthProbe } from "../../core/app-health.ts";
import { type Clock, sleep } from "../../core/clock.ts";
import { probeApp } from "./probe-app.ts";

export interface AppWatchOptions {
  readonly probe: HealthProbe;
  readonly intervalMs: number;
  readonly deadlineMs: number;
}

const failuresBelieved = 2;

export class AppWatch {
  readonly #options: AppWatchOptions;
  readonly #clock: Clock;
  readonly #changed: () => void;
  #failures = 0;
  health: AppHealth = "unknown";
  /** Why it is not well; "" where it is. */
  reason = "";

  /** `changed` is called when the health is another one. */
  constructor(options: AppWatchOptions, clock: Clock, changed: () => void) {
    this.#options = options;
    this.#clock = clock;
    this.#changed = changed;
  }

  /** Never rejects. */
  async keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const reason = await this.#ask(signal);
      if (signal.aborted) return;
      this.#take(reason);
      await sleep(this.#clock, this.#options.intervalMs, signal).catch(() => undefined);
    }
  }

  async #ask(signal: AbortSignal): Promise<string | null> {
    const { probe, deadlineMs } = this.#options;
    const late = new AbortController();
    const timer = this.#clock.after(deadlineMs, () => late.abort(), { background: true });
    try {
      return await probeApp(probe, AbortSignal.any([signal, late.signal]));
    } finally {
      timer.cancel();
    }
  }

  #take(reason: string | null): void {
    this.#failures = reason === null ? 0 : this.#failures + 1;
    if (reason !== null && this.#failures < failuresBelieved) return;
    const health = reason === null ? "passing" : "failing";
    this.reason = reason ?? "";
    if (health === this.health) return;
    this.health = health;
    this.#changed();
  }
}
