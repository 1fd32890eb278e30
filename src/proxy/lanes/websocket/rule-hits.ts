// Messages that rules touched on one connection: told to the tap as they happen, and counted for the connection's end.

import type { ConnectionFacts } from "../../../core/connection.ts";
import type { Traffic } from "../../../core/lane.ts";

export class RuleHits {
  total = 0;
  readonly #connection: ConnectionFacts;
  readonly #traffic: Traffic;

  constructor(connection: ConnectionFacts, traffic: Traffic) {
    this.#connection = connection;
    this.#traffic = traffic;
  }

  add(rule: string): void {
    this.total++;
    this.#traffic.tap.observe({ kind: "message-touched", connectionId: this.#connection.id, rule });
  }
}
