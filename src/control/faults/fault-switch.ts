// Whether faults may happen at all in this sidecar: the last word that it said or heard, and who wants to know of a new one.

import { type FaultStop, isLater, neverStopped, shown } from "../../core/fault-stop.ts";

/** `own`: said here, so that others have to be told. */
export type StopListener = (stop: FaultStop, own: boolean) => void;

export class FaultSwitch {
  #stop: FaultStop = neverStopped;
  readonly #listeners = new Set<StopListener>();

  get stop(): FaultStop {
    return this.#stop;
  }

  /** Must not throw. */
  onChange(listener: StopListener): void {
    this.#listeners.add(listener);
  }

  /** Says something new; saying what holds already changes nothing, and is told again. */
  say(halted: boolean, by: string): FaultStop {
    const time = this.#stop.halted === halted ? Math.max(1, this.#stop.time) : this.#stop.time + 1;
    this.#take({ halted, time, by: shown(by) }, true);
    return this.#stop;
  }

  /** What somebody else said; an older word is passed over. */
  hear(stop: FaultStop): void {
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
