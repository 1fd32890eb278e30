// One connection for the many short questions of a client, so that each does not pay for a new one. It is given up when a
// question fails on it, when another server is asked, and when it is old, so that exchanged secrets come into use.

import type { Clock } from "../../../core/clock.ts";

const oldMs = 30_000;

interface Entry<T> {
  readonly at: number;
  readonly madeAt: number;
  readonly connection: T;
  users: number;
  retired: boolean;
}

export class SharedConnection<T extends { close(): void }> {
  readonly #clock: Clock;
  readonly #open: (at: number) => Promise<T>;
  #entry: Entry<T> | null = null;

  /** `open`: makes a connection to the server of that index. */
  constructor(clock: Clock, open: (at: number) => Promise<T>) {
    this.#clock = clock;
    this.#open = open;
  }

  /** Rejects as `work` does. */
  async use<Result>(at: number, work: (connection: T) => Promise<Result>): Promise<Result> {
    const entry = await this.#entryFor(at);
    entry.users++;
    try {
      return await work(entry.connection);
    } catch (thrown) {
      this.#retire(entry);
      throw thrown;
    } finally {
      entry.users--;
      closeUnused(entry);
    }
  }

  /** Once those who use it are done. */
  close(): void {
    if (this.#entry) this.#retire(this.#entry);
  }

  async #entryFor(at: number): Promise<Entry<T>> {
    const known = this.#entry;
    if (known && !known.retired && known.at === at && this.#clock.now() - known.madeAt < oldMs) return known;
    const made = {
      at,
      madeAt: this.#clock.now(),
      connection: await this.#open(at),
      users: 0,
      retired: false,
    };
    // Another one may have been made meanwhile.
    if (this.#entry) this.#retire(this.#entry);
    this.#entry = made;
    return made;
  }

  #retire(entry: Entry<T>): void {
    entry.retired = true;
    if (this.#entry === entry) this.#entry = null;
    closeUnused(entry);
  }
}

function closeUnused<T extends { close(): void }>({ retired, users, connection }: Entry<T>): void {
  if (retired && users === 0) connection.close();
}
