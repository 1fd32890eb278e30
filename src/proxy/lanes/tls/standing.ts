// How one client stands with our certificate for one server: what is remembered of it, what this connection adds to that, and
// what people are told.

import type { HostPort } from "../../../core/address.ts";
import type { Connection } from "../../../core/connection.ts";
import type { Traffic } from "../../../core/lane.ts";
import { clientKind } from "./client-kind.ts";
import { departureText, distrustText, type Obstacle, obstacleText, receptionOf } from "./departure.ts";
import type { Distrust } from "./distrust.ts";

export interface StandingFacts {
  readonly distrust: Distrust;
  readonly connection: Connection;
  readonly upstream: HostPort;
  /** What the certificate is for. */
  readonly name: string;
  /** Bytes of records that hold the whole ClientHello. */
  readonly hello: Buffer;
  /** By the clock's `now`. */
  readonly startedAtMs: number;
  readonly traffic: Pick<Traffic, "clock" | "tap">;
}

export class Standing {
  readonly #facts: StandingFacts;
  readonly #client: string;

  constructor(facts: StandingFacts) {
    this.#facts = facts;
    // The address alone may stand for many programs, of which one distrusts us: those of a pod, or of one command.
    this.#client = `${facts.connection.downstream.host} ${clientKind(facts.hello)} ${facts.name}`;
  }

  /** True where its connections there are to be left unopened. */
  get isLeftAlone(): boolean {
    return this.#facts.distrust.has(this.#client);
  }

  /** How it took our certificate: null for well. */
  readonly heard = (error: Error | null): void => {
    const { distrust, name } = this.#facts;
    if (error === null) {
      distrust.learn(this.#client, "accepted");
      return;
    }
    this.#report(error);
    const reception = receptionOf(error);
    const lastsMs = distrust.learn(this.#client, reception);
    if (lastsMs !== null) this.#tell(distrustText(reception, name, error, lastsMs));
  };

  /** It could take none, as its ClientHello says. Each connection is left alone for that itself: only the telling is remembered. */
  foresee(obstacle: Obstacle): void {
    const { distrust, name } = this.#facts;
    const lastsMs = distrust.learn(`${this.#client} ${obstacle}`, "unable");
    if (lastsMs !== null) this.#tell(obstacleText(obstacle, name));
  }

  #tell(conduct: string): void {
    const { connection, traffic } = this.#facts;
    const message = `a client at ${connection.downstream.host} ${conduct}`;
    traffic.tap.observe({ kind: "trouble", area: "tls", message });
  }

  /** An opened connection that carried no call leaves no other trace. */
  #report(error: Error): void {
    const { connection, hello, name, startedAtMs, traffic, upstream } = this.#facts;
    const { clock, tap } = traffic;
    const durationMs = clock.now() - startedAtMs;
    tap.observe({
      kind: "opaque",
      connectionId: connection.id,
      direction: connection.direction,
      protocol: "tls",
      serverName: name,
      upstream,
      rule: null,
      outcome: "failed",
      flags: ["DC"],
      detail: `the client did not go on with TLS: ${departureText(error)}`,
      startedAtMs: clock.wall() - durationMs,
      durationMs,
      upBytes: hello.length,
      downBytes: 0,
    });
  }
}
