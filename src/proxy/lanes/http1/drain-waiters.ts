// Claimed calls that wait until a full side of their connection takes more bytes. Bytes that are relayed as they are wait
// for nobody: their sources are paused.

export class DrainWaiters {
  #waiting: (() => void)[] = [];

  /** Resolves at the next `wake`. */
  drained(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }
}
