// Messages that wait to be sent on, a limited number of times each. What was sent least goes first; of these the larger,
// which is harder to fit in; of these the newer.

interface Queued {
  readonly key: string | null;
  readonly message: Buffer;
  readonly order: number;
  readonly finished: (() => void) | undefined;
  sent: number;
  gone: boolean;
}

/** Messages at once; beyond, the ones that were sent most often go. */
const maxQueued = 8_192;
/** Messages too large for the room left that are passed over in search of a smaller one. */
const maxPassedOver = 16;

export class BroadcastQueue {
  /** By times sent. Each list is sorted when it is read, the next one last. */
  readonly #bySent: Queued[][] = [];
  readonly #sorted: boolean[] = [];
  readonly #byKey = new Map<string, Queued>();
  #order = 0;
  #size = 0;
  /** Messages that are gone and still in a list. */
  #ghosts = 0;

  get size(): number {
    return this.#size;
  }

  /** Replaces what is queued under `key` (null: nothing). `finished` is called when the message leaves, for any reason. */
  add(key: string | null, message: Buffer, finished?: () => void): void {
    if (key !== null) this.#drop(this.#byKey.get(key));
    if (this.#size >= maxQueued) this.#drop(this.#mostSent());
    const queued = { key, message, order: this.#order++, finished, sent: 0, gone: false };
    if (key !== null) this.#byKey.set(key, queued);
    this.#put(queued);
    this.#size++;
  }

  /**
   * Messages that fit into `budgetBytes`, each with `overheadBytes`; each counts as sent once, up to `limit` times.
   * `alone`: nothing else is in the packet, so that one message that fits nowhere may go by itself.
   */
  take(budgetBytes: number, overheadBytes: number, limit: number, alone = false): Buffer[] {
    const taken: Queued[] = [];
    let left = budgetBytes;
    for (let sent = 0; sent < this.#bySent.length && left > overheadBytes && this.#size > 0; sent++) {
      const list = this.#listOf(sent);
      const kept: Queued[] = [];
      while (left > overheadBytes && kept.length < maxPassedOver) {
        const queued = list.pop();
        if (queued === undefined) break;
        if (queued.gone) {
          this.#ghosts--;
          continue;
        }
        const mayGo = alone && taken.length === 0;
        if (queued.message.length + overheadBytes > left && !mayGo) kept.push(queued);
        else {
          taken.push(queued);
          left -= queued.message.length + overheadBytes;
        }
      }
      list.push(...kept.reverse());
    }
    for (const queued of taken) this.#sentOnce(queued, limit);
    return taken.map((queued) => queued.message);
  }

  clear(): void {
    for (const list of [...this.#bySent]) for (const queued of list ?? []) this.#drop(queued);
  }

  #sentOnce(queued: Queued, limit: number): void {
    queued.sent++;
    if (queued.sent >= limit) this.#drop(queued);
    else this.#put(queued);
  }

  #put(queued: Queued): void {
    this.#bySent[queued.sent] ??= [];
    this.#bySent[queued.sent]?.push(queued);
    this.#sorted[queued.sent] = false;
  }

  #listOf(sent: number): Queued[] {
    const list = this.#bySent[sent] ?? [];
    if (!this.#sorted[sent]) list.sort((a, b) => a.message.length - b.message.length || a.order - b.order);
    this.#sorted[sent] = true;
    this.#bySent[sent] = list;
    return list;
  }

  #mostSent(): Queued | undefined {
    return this.#bySent
      .findLast((list) => list?.some((queued) => !queued.gone))
      ?.find((queued) => !queued.gone);
  }

  /** Stays in its list, marked, until the list is read. */
  #drop(queued: Queued | undefined): void {
    if (queued === undefined || queued.gone) return;
    queued.gone = true;
    this.#size--;
    this.#ghosts++;
    if (queued.key !== null && this.#byKey.get(queued.key) === queued) this.#byKey.delete(queued.key);
    if (this.#size === 0 || this.#ghosts > maxQueued) this.#sweep();
    queued.finished?.();
  }

  #sweep(): void {
    for (const [sent, list] of this.#bySent.entries())
      this.#bySent[sent] = list?.filter((queued) => !queued.gone) ?? [];
    if (this.#size === 0) this.#bySent.length = 0;
    this.#ghosts = 0;
  }
}
