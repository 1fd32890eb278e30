// The proxy's side of the channel: starts the thread of the mesh and speaks to it. What the mesh says arrives as events; when
// this thread stalls, events wait or are dropped and counted, and the mesh goes on.

import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { HostPort } from "../../../core/address.ts";
import { type Clock, sleep } from "../../../core/clock.ts";
import { type ErrorCode, errorCodes, messageOf, UnderstudyError } from "../../../core/errors.ts";
import type { MeshEvent } from "../mesh.ts";
import {
  type FromWorker,
  maxRequests,
  type Question,
  type RequestName,
  type Requests,
  type ToWorker,
  type WorkerSetup,
} from "./channel.ts";

export interface MeshWorkerOptions extends WorkerSetup {
  readonly onEvent: (event: MeshEvent) => void;
  /** What a question of another member is answered; null, a rejection, or left out: there is no answer. */
  readonly onQuestion?: (question: Question) => Promise<Uint8Array | null> | Uint8Array | null;
  /** The thread ended without being asked to; nothing more comes from it. */
  readonly onExit?: (problem: string) => void;
}

/**
 * A mesh of some thousand members fits well; beyond it the thread ends, and is started anew. What is new is collected in small
 * steps, rather than kept until a space of V8's own size is full.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 256 };

/** For the sockets to be closed. */
const closeMs = 2_000;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class MeshWorker {
  readonly #worker: Worker;
  readonly #options: MeshWorkerOptions;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #problem: string | null = null;
  readonly #started: Promise<HostPort>;
  #settle: Waiting | null = null;
  #address: HostPort = { host: "", port: 0 };

  private constructor(worker: Worker, options: MeshWorkerOptions) {
    this.#worker = worker;
    this.#options = options;
    this.#started = new Promise((resolve, reject) => {
      const ready = resolve as (address: unknown) => void; // `ready` brings an address
      this.#settle = { resolve: ready, reject };
    });
    worker.on("message", (message: FromWorker) => this.#received(message));
    worker.on("error", (error) => this.#ended(messageOf(error)));
    worker.on("exit", () => this.#ended("the thread of the mesh has ended"));
  }

  /** Resolves when the member listens. Rejects with `bad_config`. */
  static async start(options: MeshWorkerOptions): Promise<MeshWorker> {
    const { onEvent: _events, onQuestion: _questions, onExit: _exit, ...setup } = options;
    const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const entry = fileURLToPath(new URL(`./entry.${suffix}`, import.meta.url));
    const mesh = new MeshWorker(new Worker(entry, { workerData: setup, resourceLimits }), options);
    mesh.#address = await mesh.#started;
    return mesh;
  }

  /** Where other members reach it. */
  get address(): HostPort {
    return this.#address;
  }

  /** Rejects with what the mesh says, or `aborted` when the thread has ended. */
  request<N extends RequestName>(name: N, args: Requests[N]["args"]): Promise<Requests[N]["result"]> {
    return new Promise((resolve, reject) => {
      if (this.#problem !== null) return reject(new UnderstudyError("aborted", this.#problem));
      if (this.#waiting.size >= maxRequests)
        return reject(new UnderstudyError("aborted", `gossip: ${maxRequests} requests are waiting already`));
      const id = this.#nextId++;
      const answered = resolve as (result: unknown) => void; // the worker answers a request with its own result
      this.#waiting.set(id, { resolve: answered, reject });
      this.#post({ kind: "request", id, name, args });
    });
  }

  /** Ends member and thread, without a word to the others unless `leave` was requested before; one that hangs too. */
  async close(clock: Clock): Promise<void> {
    if (this.#problem !== null) return;
    const closed = this.request("close", {}).catch(() => null);
    this.#problem = "the mesh was closed";
    const done = new AbortController();
    await Promise.race([closed, sleep(clock, closeMs, done.signal).catch(() => undefined)]);
    done.abort();
    await this.#worker.terminate();
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #received(message: FromWorker): void {
    switch (message.kind) {
      case "event":
        this.#post({ kind: "credit", events: 1 });
        return this.#options.onEvent(message.event);
      case "question":
        return void this.#answer(message.id, message.question);
      case "done":
        return this.#take(message.id)?.resolve(message.result);
      case "refused":
        return this.#take(message.id)?.reject(errorOf(message));
      case "ready":
        return this.#settle?.resolve(message.address);
      case "failed":
        this.#problem = message.message;
        return this.#settle?.reject(errorOf(message));
      default:
        return message satisfies never;
    }
  }

  async #answer(id: number, question: Question): Promise<void> {
    let payload: Uint8Array | null = null;
    try {
      payload = (await this.#options.onQuestion?.(question)) ?? null;
    } catch {
      // Whoever asks learns only that there is no answer.
    }
    if (this.#problem === null)
      this.#post({ kind: "answer", id, payload: payload && Uint8Array.from(payload) });
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #ended(problem: string): void {
    if (this.#problem === null) {
      this.#problem = problem;
      this.#options.onExit?.(problem);
    }
    this.#settle?.reject(new UnderstudyError("aborted", problem)); // without effect once it is ready
    for (const { reject } of this.#waiting.values()) reject(new UnderstudyError("aborted", problem));
    this.#waiting.clear();
  }
}

function errorOf(described: { readonly code: string; readonly message: string }): Error {
  return Object.hasOwn(errorCodes, described.code)
    ? new UnderstudyError(described.code as ErrorCode, described.message) // just looked up in the table
    : new Error(described.message);
}
