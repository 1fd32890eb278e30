// A key-value store in memory that fails, hangs and loses contact when a test says so.

import {
  type Change,
  type Check,
  type Commit,
  type KeyLease,
  type KeyValueStore,
  type KeyView,
  storeUnavailable,
} from "../../src/control/rules/kv/key-value-store.ts";

export class MemoryStore implements KeyValueStore {
  readonly name = "memory://test";
  readonly servers = 1;
  maxOperations = 8;
  readonly maxCommitBytes = 10_000;
  readonly minLeaseMs = 1_000;
  /** Contact cannot be made, and what there was is lost. */
  down = false;
  /** Nothing is heard, and nothing fails. */
  silent = false;
  /** Called before each commit is looked at. */
  beforeCommit: (changes: readonly Change[]) => void | Promise<void> = () => undefined;
  /** The next commit is done, and its answer lost. */
  loseAnswer = false;
  commits = 0;
  closed = false;
  #keys = new Map<string, { value: string; index: number; lease?: string }>();
  #index = 0;
  #leases = 0;
  #changes = 0;
  readonly #waiting = new Set<() => void>();

  async read(prefix: string): Promise<KeyView> {
    this.#refuseWhenDown();
    const keys = [...this.#keys]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, { value, index }]) => ({ key, value, index }))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    return { index: this.#index, keys };
  }

  async *views(prefix: string, signal: AbortSignal): AsyncGenerator<KeyView> {
    let seen = -1; // of the changes, since a wipe turns the index back
    while (!signal.aborted) {
      this.#refuseWhenDown();
      if (seen !== this.#changes && !this.silent) {
        seen = this.#changes;
        yield await this.read(prefix);
        continue;
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal.addEventListener("abort", wake, { once: true });
      });
    }
  }

  async commit(checks: readonly Check[], changes: readonly Change[]): Promise<Commit> {
    this.#refuseWhenDown();
    await this.beforeCommit(changes);
    this.commits++;
    if (checks.some(({ key, index }) => (this.#keys.get(key)?.index ?? 0) !== index))
      return { kind: "conflict" };
    if (checks.length + changes.length > this.maxOperations)
      throw storeUnavailable(this.name, "too many operations");
    this.#index++;
    for (const change of changes) {
      if ("remove" in change) this.#keys.delete(change.remove);
      else this.#keys.set(change.put, { ...change, index: this.#index });
    }
    this.wake();
    if (this.loseAnswer) {
      this.loseAnswer = false;
      throw storeUnavailable(this.name, "the answer was lost");
    }
    return { kind: "done", index: this.#index };
  }

  async lease(withinMs: number): Promise<KeyLease> {
    this.#refuseWhenDown();
    const id = `lease-${++this.#leases}`;
    let ended = false;
    return {
      id,
      ttlMs: withinMs,
      renew: async () => {
        this.#refuseWhenDown();
        return !ended && !this.#ended.has(id);
      },
      end: async () => {
        ended = true;
        this.endLease(id);
      },
    };
  }

  readonly #ended = new Set<string>();

  /** As when its owner is gone. */
  endLease(id: string): void {
    this.#ended.add(id);
    this.#index++;
    for (const [key, { lease }] of this.#keys) if (lease === id) this.#keys.delete(key);
    this.wake();
  }

  put(key: string, value: string): void {
    this.#keys.set(key, { value, index: ++this.#index });
    this.wake();
  }

  remove(key: string): void {
    this.#keys.delete(key);
    this.#index++;
    this.wake();
  }

  /** Everything is gone, and counting begins anew. */
  wipe(): void {
    this.#keys.clear();
    this.#index = 1;
    this.wake();
  }

  keys(): readonly string[] {
    return [...this.#keys.keys()].sort();
  }

  /** Something has changed, or may have. */
  wake(): void {
    this.#changes++;
    for (const wake of [...this.#waiting]) wake();
  }

  close(): void {
    this.closed = true;
  }

  #refuseWhenDown(): void {
    if (this.down) throw storeUnavailable(this.name, "down");
  }
}
