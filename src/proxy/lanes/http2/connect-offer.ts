// Whether the client may ask for WebSockets (RFC 8441 §3): it is told so where a rule could answer one, whatever the upstream
// says, with the first SETTINGS or, where such a rule comes later, with SETTINGS of its own. Nobody may take that back.

import type { Connection } from "../../../core/connection.ts";
import type { Deadlined } from "../../../core/deadlines.ts";
import type { Traffic } from "../../../core/lane.ts";

/** Rules that change are noticed within this. */
const lookMs = 500;

export class ConnectOffer implements Deadlined {
  deadlineAt = Number.POSITIVE_INFINITY;
  seat = -1;
  #isMade = false;
  readonly #connection: Connection;
  readonly #traffic: Traffic;
  readonly #tell: () => void;

  /** `tell`: makes the offer to a client that has had its SETTINGS. */
  constructor(connection: Connection, traffic: Traffic, tell: () => void) {
    this.#connection = connection;
    this.#traffic = traffic;
    this.#tell = tell;
  }

  get isMade(): boolean {
    return this.#isMade;
  }

  /** SETTINGS go to the client now. True: they make the offer; else later rules are looked out for, until `stop`. */
  joins(): boolean {
    this.#isMade ||= this.#traffic.mayAnswerWebSockets(this.#connection);
    if (this.#isMade) this.stop();
    else if (this.deadlineAt === Number.POSITIVE_INFINITY) {
      this.deadlineAt = this.#traffic.clock.now() + lookMs;
      this.#traffic.deadlines.add(this);
    }
    return this.#isMade;
  }

  expire(): void {
    this.deadlineAt = this.#traffic.clock.now() + lookMs;
    if (!this.#traffic.mayAnswerWebSockets(this.#connection)) return;
    this.#isMade = true;
    this.stop();
    this.#tell();
  }

  stop(): void {
    this.#traffic.deadlines.remove(this);
  }
}
