// A Lamport clock: orders what members say without any common time.

/** Times stay below what a number holds exactly; a forged time beyond is not followed. */
const mostTime = 2 ** 52;

export class LamportClock {
  #time = 1;

  get time(): number {
    return this.#time;
  }

  /** The time before the step. */
  increment(): number {
    return this.#time++;
  }

  /** Somebody else has seen `time`: ours is later from now on. */
  witness(time: number): void {
    if (time >= this.#time && time < mostTime) this.#time = time + 1;
  }
}
