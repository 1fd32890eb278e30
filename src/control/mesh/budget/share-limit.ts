// How many calls at once a member allows itself: less as soon as the figures say less, more only after they have said so for
// as long as the others need to hear the same figures. So there is no moment at which two members count on the same room.

export class ShareLimit {
  #value: number;
  /** A higher one that waits for its time. */
  #rise: { readonly sinceMs: number; to: number } | null = null;

  constructor(value: number) {
    this.#value = value;
  }

  get value(): number {
    return this.#value;
  }

  /** What the figures of this moment allow. `settleMs`: how long they have to agree to more. */
  aim(target: number, nowMs: number, settleMs: number): void {
    if (target <= this.#value) {
      this.#value = target;
      this.#rise = null;
      return;
    }
    this.#rise ??= { sinceMs: nowMs, to: target };
    this.#rise.to = Math.min(this.#rise.to, target);
    if (nowMs - this.#rise.sinceMs < settleMs) return;
    this.#value = this.#rise.to;
    this.#rise = null;
  }

  /** Without waiting: there is nobody else. */
  jump(value: number): void {
    this.#value = value;
    this.#rise = null;
  }
}
