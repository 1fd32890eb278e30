// Keeps the thread of the mesh running: one that ends by itself is started again, after a while, and nobody else notices.

import type { HostPort } from "../../../core/address.ts";
import { type Clock, sleep } from "../../../core/clock.ts";
import { messageOf, UnderstudyError } from "../../../core/errors.ts";
import type { RequestName, Requests } from "../worker/channel.ts";
import { MeshWorker, type MeshWorkerOptions } from "../worker/mesh-worker.ts";

export interface MeshHostDeps {
  readonly clock: Clock;
  /** Asked at each start: tags and keys may be others by then. */
  readonly setup: () => Omit<MeshWorkerOptions, "onExit">;
  /** A new thread is there, not the first one: it knows nobody. */
  readonly restarted: () => void;
  /** Something broke; it is being mended. */
  readonly trouble: (message: string) => void;
}

const firstWaitMs = 1_000;
const mostWaitMs = 30_000;

export class MeshHost {
  readonly #deps: MeshHostDeps;
  #worker: MeshWorker | null = null;
  #problem = "the mesh is not started";
  readonly #stop = new AbortController();

  constructor(deps: MeshHostDeps) {
    this.#deps = deps;
  }

  /** Why there is no mesh at present; "" while there is one. */
  get problem(): string {
    return this.#worker === null ? this.#problem : "";
  }

  /** null while there is no mesh. */
  get address(): HostPort | null {
    return this.#worker?.address ?? null;
  }

  /** Rejects with `bad_config`; may then be called again. */
  async start(): Promise<void> {
    const worker = await MeshWorker.start({
      ...this.#deps.setup(),
      onExit: (problem) => this.#ended(problem),
    });
    if (this.#stop.signal.aborted) await worker.close(this.#deps.clock);
    else this.#worker = worker;
  }

  /** Starts until it works or the host is closed. Never rejects. */
  async keepStarting(problem: string): Promise<void> {
    this.#problem = problem;
    const { clock, restarted, trouble } = this.#deps;
    for (let waitMs = firstWaitMs; ; waitMs = Math.min(mostWaitMs, waitMs * 2)) {
      await sleep(clock, waitMs, this.#stop.signal).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
      try {
        await this.start();
        return restarted();
      } catch (thrown) {
        if (messageOf(thrown) !== this.#problem) trouble(messageOf(thrown));
        this.#problem = messageOf(thrown);
      }
    }
  }

  /** Rejects with what the mesh says, or `aborted` while there is none. */
  request<N extends RequestName>(name: N, args: Requests[N]["args"]): Promise<Requests[N]["result"]> {
    const worker = this.#worker;
    return worker === null
      ? Promise.reject(new UnderstudyError("aborted", `gossip: ${this.#problem}`))
      : worker.request(name, args);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    const worker = this.#worker;
    this.#worker = null;
    this.#problem = "the mesh was closed";
    await worker?.close(this.#deps.clock);
  }

  #ended(problem: string): void {
    if (this.#worker === null || this.#stop.signal.aborted) return;
    this.#worker = null;
    this.#deps.trouble(problem);
    void this.keepStarting(problem);
  }
}
