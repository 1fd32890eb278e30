// The keys below a prefix as events of a watch change them, so that a change costs what has changed and not the whole prefix.
// etcd never splits the events of one revision over two responses (its API guarantees, "atomic"), and none is asked to be sent
// in fragments: after each response the keys are those of one moment.

import type { IWatchResponse } from "etcd3";
import type { KeyView, StoredKey } from "./key-value-store.ts";

export class EtcdKeys {
  #keys = new Map<string, StoredKey>();
  #index = 0;
  /** Up to here all is known from a read; events may tell of it once more, and late. */
  #readAt = 0;

  constructor(read: KeyView) {
    this.begin(read, 0);
  }

  /** Of the newest that is known. */
  get index(): number {
    return this.#index;
  }

  /**
   * Anew, from a read of the whole prefix that was asked for when `known` was the index. Not from one that the watch, which
   * tells all in its order, has overtaken: what was told since would be lost, and the next changes would make a state that
   * never was. A read that is older than what was known then comes from another history (a restore, a wipe), and counts.
   */
  begin({ index, keys }: KeyView, known: number): void {
    if (index >= known && index < this.#index) return;
    this.#keys = new Map(keys.map((one) => [one.key, one]));
    this.#index = index;
    this.#readAt = index;
  }

  /** true: something has changed. */
  change(events: IWatchResponse["events"]): boolean {
    let changed = false;
    for (const { type, kv } of events) {
      const index = Number(kv.mod_revision);
      if (index <= this.#readAt) continue;
      const key = kv.key.toString("utf8");
      // The package's types write it otherwise than what arrives.
      if (type.toUpperCase() === "DELETE") this.#keys.delete(key);
      else this.#keys.set(key, { key, value: kv.value.toString("utf8"), index });
      this.#index = Math.max(this.#index, index);
      changed = true;
    }
    return changed;
  }

  /** Nothing has changed up to `index`. */
  reached(index: number): void {
    this.#index = Math.max(this.#index, index);
  }

  view(): KeyView {
    const keys = [...this.#keys.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    return { index: this.#index, keys };
  }

  /** Number of keys and newest change: every change of the keys changes one of them. */
  fingerprint(): string {
    let newest = 0;
    for (const { index } of this.#keys.values()) newest = Math.max(newest, index);
    return `${this.#keys.size}@${newest}`;
  }
}
