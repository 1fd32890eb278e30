// The servers of one store: which of them is asked, over which connection, for how long, and how their errors are told. Consul
// and etcd each bring their own client and their own words.

import { formatHostPort } from "../../../core/address.ts";
import { type DebugLine, noDebug } from "../../../core/debug.ts";
import { UnderstudyError } from "../../../core/errors.ts";
import type { StoreAccess } from "../../../core/store-access.ts";
import type { StoreUrl } from "../../../core/store-url.ts";
import { type KeyView, storeUnavailable } from "./key-value-store.ts";
import { type OpenAccess, readAccess } from "./read-access.ts";
import { SharedConnection } from "./shared-connection.ts";
import type { StoreDeps } from "./store-deps.ts";
import { TurnsOfHosts } from "./turns-of-hosts.ts";
import { within } from "./within.ts";

/** What one kind of store brings. */
export interface StoreClient<Connection> {
  /** For an answer that a server can give at once. */
  readonly answerMs: number;
  /** `at`: index of the host. */
  connect(at: number, access: OpenAccess): Connection;
  /** Another server would say the same: the token is wrong, or the request is. */
  isRefusal(thrown: unknown): boolean;
  /** What was wrong, for people, in one line. */
  textOf(thrown: unknown): string;
}

/** Asks the servers of one store. Rejects with `store_unavailable`, or the signal's reason where that aborts. */
export class StoreServers<Connection extends { close(): void }> {
  /** `consul://127.0.0.1:8500`. */
  readonly name: string;
  readonly #client: StoreClient<Connection>;
  readonly #hosts: StoreUrl["hosts"];
  readonly #debug: DebugLine;
  readonly #access: StoreAccess;
  readonly #clock: StoreDeps["clock"];
  readonly #turns: TurnsOfHosts;
  readonly #shared: SharedConnection<Connection>;
  readonly #closing = new AbortController();

  /** Connects to nothing yet. */
  constructor(
    { kind, secure, hosts }: StoreUrl,
    access: StoreAccess,
    { clock, random, debug = noDebug }: StoreDeps,
    client: StoreClient<Connection>,
  ) {
    this.name = `${kind}${secure ? "+https" : ""}://${hosts.map(formatHostPort).join(",")}`;
    this.#client = client;
    this.#hosts = hosts;
    this.#debug = debug("stores");
    this.#access = access;
    this.#clock = clock;
    this.#turns = new TurnsOfHosts(hosts, random);
    this.#shared = new SharedConnection(clock, (at) => this.#connect(at));
  }

  get count(): number {
    return this.#turns.count;
  }

  /** Asks one server after the other until one answers; for what may be done twice. */
  async anywhere<T>(
    signal: AbortSignal,
    work: (connection: Connection, stop: AbortSignal) => Promise<T>,
  ): Promise<T> {
    for (let left = this.count; ; left--) {
      try {
        return await this.once(signal, work);
      } catch (thrown) {
        if (left <= 1 || signal.aborted || this.#isRefusal(thrown)) throw thrown;
      }
    }
  }

  /** Asks one server, and another one the next time where it fails. */
  async once<T>(
    signal: AbortSignal,
    work: (connection: Connection, stop: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const at = this.#turns.current;
    try {
      return await this.within(this.#client.answerMs, signal, (stop) =>
        this.#shared.use(at, (connection) => work(connection, stop)),
      );
    } catch (thrown) {
      if (!this.#isRefusal(thrown)) this.#failed(at, thrown);
      throw this.#told(thrown, signal);
    }
  }

  /** Views of one server over a connection of their own, which ends with them. */
  async *follow(
    signal: AbortSignal,
    views: (connection: Connection) => AsyncIterable<KeyView>,
  ): AsyncGenerator<KeyView> {
    const at = this.#turns.current;
    const connection = await this.#connect(at);
    try {
      for await (const view of views(connection)) {
        this.#debug(() => `${this.#hostAt(at)} has ${view.keys.length} keys at ${view.index}`);
        yield view;
      }
    } catch (thrown) {
      this.#failed(at, thrown);
      throw this.#told(thrown, signal);
    } finally {
      connection.close();
    }
  }

  /** Given up after `ms`, and when the store is closed. */
  within<T>(ms: number, signal: AbortSignal, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    return within(this.#clock, ms, AbortSignal.any([signal, this.#closing.signal]), work);
  }

  /** Ends every connection. */
  close(): void {
    this.#shared.close();
    this.#closing.abort(new UnderstudyError("aborted", `${this.name}: closed`));
  }

  #failed(at: number, thrown: unknown): void {
    this.#debug(() => `${this.#hostAt(at)} failed: ${this.#textOf(thrown)}`);
    this.#turns.failed(at);
  }

  #hostAt(at: number): string {
    const host = this.#hosts[at];
    return host === undefined ? "" : formatHostPort(host);
  }

  async #connect(at: number): Promise<Connection> {
    this.#debug(() => `${this.#hostAt(at)} is connected to`);
    return this.#client.connect(at, await readAccess(this.#access));
  }

  #isRefusal(thrown: unknown): boolean {
    const cause = thrown instanceof UnderstudyError ? thrown.cause : thrown;
    return this.#client.isRefusal(cause);
  }

  #told(thrown: unknown, signal: AbortSignal): unknown {
    if (signal.aborted || thrown instanceof UnderstudyError) return thrown;
    return storeUnavailable(this.name, this.#textOf(thrown), thrown);
  }

  #textOf(thrown: unknown): string {
    return this.#client.textOf(thrown).replace(/\s+/g, " ").trim();
  }
}
