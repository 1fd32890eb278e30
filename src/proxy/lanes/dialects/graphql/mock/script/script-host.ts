// Runs the scripts of rules, one after the other, in a process apart: bounded in time, in memory and in number. One that
// fails takes no other along, and the process ends when nobody has needed it for a while.

import type { Clock, Timer } from "../../../../../../core/clock.ts";
import { ScriptRunner } from "./script-runner.ts";

const maxWaiting = 1_000;
const idleMs = 30_000;

interface Job {
  readonly script: string;
  readonly view: unknown;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class ScriptHost {
  readonly #clock: Clock;
  readonly #queue: Job[] = [];
  #runner: ScriptRunner | null = null;
  #isRunning = false;
  #idle: Timer | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * What the script gives, out of JSON. Rejects where it throws, takes longer than `timeoutMs` or more memory than it may,
   * and with the signal's reason where its turn comes too late.
   */
  run(script: string, view: unknown, timeoutMs: number, signal: AbortSignal): Promise<unknown> {
    if (this.#queue.length >= maxWaiting) return Promise.reject(new Error("script: too many are waiting"));
    return new Promise((resolve, reject) => {
      this.#queue.push({ script, view, timeoutMs, signal, resolve, reject });
      if (!this.#isRunning) void this.#work();
    });
  }

  /** Ends the process; the next script gets a new one. */
  close(): void {
    this.#idle?.cancel();
    this.#runner?.close();
    this.#runner = null;
  }

  async #work(): Promise<void> {
    this.#isRunning = true;
    this.#idle?.cancel();
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) await this.#serve(job);
    this.#isRunning = false;
    this.#idle = this.#clock.after(idleMs, () => this.close(), { background: true });
  }

  async #serve({ script, view, timeoutMs, signal, resolve, reject }: Job): Promise<void> {
    try {
      signal.throwIfAborted();
      if (!this.#runner?.isAlive) this.#runner = new ScriptRunner(this.#clock);
      resolve(JSON.parse(await this.#runner.run(script, JSON.stringify(view), timeoutMs)));
    } catch (thrown) {
      reject(thrown);
    }
  }
}
