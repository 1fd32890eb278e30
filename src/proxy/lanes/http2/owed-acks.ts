// SETTINGS that a peer has been sent and has not acknowledged (RFC 9113 §6.5.3). Until it has, it may act by those that came
// before: the most that any of them allows is what may come from it.

import { defaultFrameBytes, defaultWindowBytes } from "./frames.ts";
import type { PeerSettings } from "./peer-settings.ts";

/** SETTINGS that may go unacknowledged; each takes a place. */
export const maxOwed = 1_000;

/** What one ACK answers. */
export interface Owed {
  readonly from: "us" | "client" | "upstream";
  /** The size of the header table that holds from then on. */
  readonly tableBytes: number;
  readonly frameBytes: number;
  readonly windowBytes: number;
}

export class OwedAcks {
  /** The largest frame that may come. */
  frameBytes = defaultFrameBytes;
  /** The largest window that the peer may take for that of a new stream. */
  windowBytes = defaultWindowBytes;
  #acknowledged: Pick<Owed, "frameBytes" | "windowBytes"> = {
    frameBytes: defaultFrameBytes,
    windowBytes: defaultWindowBytes,
  };
  readonly #owed: Owed[] = [];

  get isFull(): boolean {
    return this.#owed.length >= maxOwed;
  }

  /** SETTINGS have gone out by which `said` holds. */
  sent(from: Owed["from"], { tableBytes, frameBytes, windowBytes }: PeerSettings): void {
    this.#owed.push({ from, tableBytes, frameBytes, windowBytes });
    this.#measure();
  }

  /** An ACK has come; what it answers, undefined where nothing was to be answered. */
  came(): Owed | undefined {
    const answered = this.#owed.shift();
    if (answered) this.#acknowledged = answered;
    this.#measure();
    return answered;
  }

  /** Nothing will come any more; answers what `from` would have been told. */
  drop(from: Owed["from"]): readonly Owed[] {
    const dropped = this.#owed.splice(0);
    this.#measure();
    return dropped.filter((owed) => owed.from === from);
  }

  #measure(): void {
    this.frameBytes = this.#acknowledged.frameBytes;
    this.windowBytes = this.#acknowledged.windowBytes;
    for (const { frameBytes, windowBytes } of this.#owed) {
      this.frameBytes = Math.max(this.frameBytes, frameBytes);
      this.windowBytes = Math.max(this.windowBytes, windowBytes);
    }
  }
}
