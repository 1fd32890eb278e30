// The condition on where the client dialled: an address, a block of addresses, a name, a port.

import { formatHostPort } from "../../core/address.ts";
import type { DestinationMatch } from "../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import type { Call } from "./call.ts";
import { type IpRange, ipKey, parseIpRange, rangeHas } from "./ip-range.ts";
import type { Anchor, Key } from "./key.ts";

export class DestinationKey implements Key {
  readonly name = "destination";
  readonly anchor: Anchor | null;
  readonly #match: DestinationMatch;
  readonly #range: IpRange | null;
  readonly #hostname: string | null;

  /** Throws RuleProblem. */
  constructor(match: DestinationMatch, path: RulePath) {
    this.#match = match;
    this.#range = match.cidr === null ? null : parseIpRange(match.cidr);
    if (match.cidr !== null && this.#range === null) {
      throw new RuleProblem(path, `expected a block such as 10.0.0.0/8, got ${JSON.stringify(match.cidr)}`);
    }
    this.#hostname = match.hostname?.toLowerCase() ?? null;
    this.anchor = this.#anchor();
  }

  /** It speaks of addresses: where there is only a name, it never holds. */
  get isAddress(): boolean {
    return this.#range !== null;
  }

  /** The name that it asks for, in lower case; null: none. */
  get hostname(): string | null {
    return this.#hostname;
  }

  test(call: Call): boolean {
    const { port } = this.#match;
    if (port !== null && call.destinationPort !== port) return false;
    if (this.#hostname !== null && call.destinationHost !== this.#hostname) return false;
    if (this.#range === null) return true;
    const words = call.destination;
    return words !== null && rangeHas(this.#range, words);
  }

  expected(): string {
    const { hostname, cidr, port } = this.#match;
    return `${hostname ?? cidr ?? ""}${port === null ? "" : `:${port}`}`;
  }

  actual(call: Call): string {
    const host = call.destinationHost;
    return host === "" ? "unknown" : formatHostPort({ host, port: call.destinationPort });
  }

  #anchor(): Anchor | null {
    const { port } = this.#match;
    const range = this.#range;
    if (range !== null && range.bits === range.words.length * 32) {
      const settles = port === null && this.#hostname === null;
      return { dimension: "address", value: ipKey(range.words), settles };
    }
    if (port === null) return null;
    return { dimension: "port", value: String(port), settles: range === null && this.#hostname === null };
  }
}
