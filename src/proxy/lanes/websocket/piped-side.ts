// An end of a relayed WebSocket whose bytes leave as a body, and which is read by a loop: a stream of HTTP/2.

import { UnderstudyError } from "../../../core/errors.ts";
import type { Body } from "../../../core/exchange.ts";
import { BodyPipe } from "../body-pipe.ts";
import type { Side } from "./side.ts";

export interface PipedSideEvents {
  /** It takes bytes again. */
  drained(): void;
  /** Nothing more will be written. */
  ended(): void;
  /** What was written last may never arrive. */
  cut(): void;
}

export class PipedSide implements Side {
  /** Nothing comes behind what was written. */
  hasEnded = false;
  readonly #pipe: BodyPipe;
  readonly #events: PipedSideEvents;
  #full = false;
  #paused = false;
  #waiting: (() => void)[] = [];

  constructor(events: PipedSideEvents) {
    this.#events = events;
    this.#pipe = new BodyPipe({
      start: () => {
        const wasFull = this.#full;
        this.#full = false;
        if (!wasFull) return;
        events.drained();
        this.#wake();
      },
      stop: () => {
        this.#full = true;
      },
    });
  }

  body(): Body {
    return this.#pipe.body(null);
  }

  write(bytes: Buffer): boolean {
    this.#pipe.push(Buffer.from(bytes));
    return !this.#full;
  }

  end(): void {
    this.#pipe.end([]);
    this.hasEnded = true;
    this.#events.ended();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake();
  }

  destroy(): void {
    this.#pipe.fail(new UnderstudyError("body_cut", "the WebSocket was cut"));
    this.free();
    this.#events.cut();
  }

  /** Lets whoever waits go on, for good. */
  free(): void {
    this.#paused = false;
    this.#full = false;
    this.#wake();
  }

  async mayRead(): Promise<void> {
    while (this.#paused) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async hasRoom(): Promise<void> {
    while (this.#full) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
