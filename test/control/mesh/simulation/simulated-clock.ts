// Time of a simulation: a heap of timers, run one after the other without ever waiting.

import type { Clock, Timer } from "../../../../src/core/clock.ts";

interface Pending {
  readonly at: number;
  readonly order: number;
  fire: (() => void) | null;
}

export class SimulatedClock implements Clock {
  readonly #heap: Pending[] = [];
  #now = 0;
  #order = 0;

  now(): number {
    return this.#now;
  }

  wall(): number {
    return 1_767_225_600_000 + this.#now;
  }

  wallAt(nowMs: number): number {
    return 1_767_225_600_000 + nowMs;
  }

  after(delayMs: number, fire: () => void): Timer {
    const pending: Pending = { at: this.#now + Math.max(0, delayMs), order: this.#order++, fire };
    this.#push(pending);
    return {
      cancel: () => {
        pending.fire = null;
      },
    };
  }

  /** Runs everything that falls due within `ms`. */
  run(ms: number): void {
    this.runUntil(() => false, ms);
  }

  /** The same, but stops as soon as `done`; whether it was. */
  runUntil(done: () => boolean, mostMs: number): boolean {
    const end = this.#now + mostMs;
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > end) break;
      this.#pop();
      if (next.fire === null) continue;
      this.#now = Math.max(this.#now, next.at);
      next.fire();
      if (done()) return true;
    }
    this.#now = end;
    return done();
  }

  /** Jumps ahead without running what falls due, as after a stall: the timers then run late. */
  stall(ms: number): void {
    this.#now += ms;
  }

  #push(pending: Pending): void {
    const heap = this.#heap;
    let at = heap.push(pending) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, pending)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = pending;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const [a, b] = [heap[left], heap[left + 1]];
      const child = b !== undefined && a !== undefined && isBefore(b, a) ? left + 1 : left;
      const below = heap[child];
      if (below === undefined || isBefore(last, below)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Pending, b: Pending): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
