// One process that runs scripts, one at a time. A thread would not do: a heap that a script fills takes the whole process
// with it, whatever limits the thread was given.

import type { ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Clock, Timer } from "../../../../../../core/clock.ts";
import { messageOf } from "../../../../../../core/errors.ts";
import type { ScriptAnswer } from "./messages.ts";

const maxHeapMb = 32;
/** Beyond the script's own time, for the process to start and to be heard. */
const graceMs = 2_000;

/** By require, because only rules with scripts need it. */
const load = createRequire(import.meta.url);

interface Waiting {
  readonly id: number;
  readonly resolve: (json: string) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}

export class ScriptRunner {
  readonly #clock: Clock;
  readonly #child: ChildProcess;
  #waiting: Waiting | null = null;
  #ended = false;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    const { fork } = load("node:child_process") as typeof import("node:child_process");
    const entry = entryFile();
    this.#child = fork(entry, {
      execArgv: [
        // Nothing but its own files may be read, and nothing else done outside of it.
        ...["--permission", `--allow-fs-read=${fileURLToPath(new URL(".", import.meta.url))}*`],
        ...[`--max-old-space-size=${maxHeapMb}`, "--max-semi-space-size=4"],
        "--disallow-code-generation-from-strings",
      ],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      env: {},
    });
    this.#child.on("message", (answer) => this.#heard(answer as ScriptAnswer)); // the entry sends nothing else
    this.#child.on("error", (error) => this.#end(messageOf(error)));
    this.#child.on("exit", (code, signal) => this.#end(whyEnded(code, signal)));
    this.#rest();
  }

  /** False: whatever it is asked will fail. */
  get isAlive(): boolean {
    return !this.#ended;
  }

  /** JSON of what the script gives. Rejects where it throws, takes too long or too much memory. One at a time. */
  run(script: string, view: string, timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const late = () => this.#end(`did not end within ${timeoutMs} ms`);
      const timer = this.#clock.after(timeoutMs + graceMs, late, { background: true });
      const id = ++this.#count;
      this.#waiting = { id, resolve, reject, timer };
      if (this.#ended) return this.#fail("its process has ended");
      this.#child.ref();
      this.#child.channel?.ref();
      this.#child.send({ id, script, view, timeoutMs });
    });
  }

  close(): void {
    this.#end("its process was let go");
  }

  #heard({ id, value, error }: ScriptAnswer): void {
    const waiting = this.#waiting;
    if (waiting?.id !== id) return;
    if (value === undefined) return this.#fail(error ?? "it failed");
    this.#settled(waiting);
    waiting.resolve(value);
  }

  #fail(why: string): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#settled(waiting);
    waiting.reject(new Error(`script: ${why}`));
  }

  #settled(waiting: Waiting): void {
    this.#waiting = null;
    waiting.timer.cancel();
    this.#rest();
  }

  /** While nothing is asked it does not keep the sidecar alive. */
  #rest(): void {
    this.#child.unref();
    this.#child.channel?.unref();
  }

  #end(why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#fail(why);
    if (this.#child.connected) this.#child.disconnect();
    // One that loops would not notice the end of the channel.
    this.#child.kill("SIGKILL");
  }
}

function whyEnded(code: number | null, signal: string | null): string {
  // V8 ends the process where a heap is full.
  return signal === "SIGABRT"
    ? `took more than ${maxHeapMb} MB of memory`
    : `its process ended with ${signal ?? code}`;
}

function entryFile(): string {
  const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`./entry.${suffix}`, import.meta.url));
}
