// Whether faults may happen at all in this sidecar: the last word that it said or heard, and who wants to know of a new one.

import type { Clock } from "../../core/clock.ts";
import {
  type FaultStop,
  isCredible,
  isLater,
  neverStopped,
  shown,
  timeAfter,
} from "../../core/fault-stop.ts";

/** `own`: said here, so that others have to be told. */
export type StopListener = (stop: FaultStop, own: boolean) => void;

export class FaultSwitch {
  readonly #clock: Pick<Clock, "wall">;
  #stop: FaultStop = neverStopped;
  readonly #listeners = new Set<StopListener>();

  constructor(clock: Pick<Clock, "wall">) {
    this.#clock = clock;
  }

  get stop(): FaultStop {
    return this.#stop;
  }

  /** Must not throw. */
  onChange(listener: StopListener): void {
    this.#listeners.add(listener);
  }

  /** Says something new; saying what holds already changes nothing, and is told again. */
  say(halted: boolean, by: string): FaultStop {
    const known = this.#stop;
    const isSame = known.halted === halted && known.time > 0;
    const time = isSame ? known.time : timeAfter(known, this.#clock.wall());
    this.#take({ halted, time, by: shown(by) }, true);
    return this.#stop;
  }

  /** What somebody else said; an older word is passed over, and one that nobody can have said yet. */
  hear(stop: FaultStop): void {
    if (!isCredible(stop, this.#clock.wall())) return;
    if (isLater(stop, this.#stop)) this.#take(stop, false);
    // The tag that tells it does not say by whom, and may be quicker than the broadcast that does.
    else if (stop.time === this.#stop.time && stop.halted === this.#stop.halted && this.#stop.by === "")
      this.#stop = stop;
  }

  #take(stop: FaultStop, own: boolean): void {
    this.#stop = stop;
    for (const listener of this.#listeners) listener(stop, own);
  }
}
