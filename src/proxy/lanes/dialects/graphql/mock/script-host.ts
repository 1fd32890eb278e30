// Runs scripts of rules in a thread apart (script-worker.ts): bounded in time, in memory and in number, ended when idle.

import type { Worker } from "node:worker_threads";
import type { Clock, Timer } from "../../../../../core/clock.ts";
import { messageOf } from "../../../../../core/errors.ts";

const maxHeapMb = 32;
const maxWaiting = 1_000;
/** Beyond the script's own time, for the thread to start and to be heard. */
const graceMs = 2_000;
const idleMs = 30_000;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}

/** A message of the thread. */
interface Answer {
  readonly id: number;
  readonly value?: string;
  readonly error?: string;
}

export class ScriptHost {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Promise<Worker> | null = null;
  #idle: Timer | null = null;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects where the script throws, takes longer than `timeoutMs`, or more memory than it may. */
  async run(script: string, view: unknown, timeoutMs: number): Promise<unknown> {
    if (this.#waiting.size >= maxWaiting) throw new Error("script: too many are waiting");
    this.#idle?.cancel();
    const worker = await this.#started();
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      const late = () => this.#fail(new Error(`script: did not end within ${timeoutMs} ms`));
      const timer = this.#clock.after(timeoutMs + graceMs, late, { background: true });
      this.#waiting.set(id, { resolve, reject, timer });
      worker.postMessage({ id, script, view: JSON.stringify(view), timeoutMs });
    });
  }

  #started(): Promise<Worker> {
    this.#worker ??= this.#start();
    return this.#worker;
  }

  async #start(): Promise<Worker> {
    const { Worker: Thread } = await import("node:worker_threads");
    // The same file as this one is: .ts where the sources run, .js where they were built.
    const entry = new URL(
      `./script-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
      import.meta.url,
    );
    const worker = new Thread(entry, {
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb, maxYoungGenerationSizeMb: 8, stackSizeMb: 2 },
    });
    worker.on("message", (answer: Answer) => this.#settle(answer));
    worker.on("error", (error) => this.#fail(new Error(`script: ${messageOf(error)}`)));
    worker.on("exit", () => this.#fail(new Error("script: its thread has ended")));
    worker.unref(); // after the listeners, which would hold the process again
    return worker;
  }

  #settle({ id, value, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    waiting.timer.cancel();
    if (value === undefined) waiting.reject(new Error(`script: ${error}`));
    else waiting.resolve(JSON.parse(value));
    if (this.#waiting.size > 0) return;
    this.#idle?.cancel();
    this.#idle = this.#clock.after(idleMs, () => this.#end(), { background: true });
  }

  /** The thread is of no more use: whoever waits for it hears so, and the next script gets a new one. */
  #fail(error: Error): void {
    if (this.#worker === null) return;
    for (const { reject, timer } of this.#waiting.values()) {
      timer.cancel();
      reject(error);
    }
    this.#waiting.clear();
    this.#end();
  }

  #end(): void {
    const worker = this.#worker;
    this.#worker = null;
    void worker?.then((one) => {
      one.removeAllListeners();
      return one.terminate();
    });
  }
}
