// One call while it is being decided: what rules ask of it, each worked out at most once and only when asked.
// A rule set owns one and reuses it, so that a decision allocates nothing for it; deciding never waits, so it is never shared.

import { baggagePairs } from "../../core/baggage.ts";
import type { ConnectionFacts } from "../../core/connection.ts";
import { cookiePairs } from "../../core/cookies.ts";
import { noHead, type RequestHead } from "../../core/exchange.ts";
import { queryPairs } from "../../core/query.ts";
import type { Roll } from "../../core/rule-set.ts";
import { defaultPort, hostOf, portOf } from "./authority.ts";
import { type IpWords, parseIp } from "./ip-range.ts";

export type Pairs = readonly (readonly [name: string, value: string])[];

const noConnection: ConnectionFacts = {
  id: "",
  direction: "outbound",
  downstream: { host: "", port: 0 },
  originalDestination: null,
};
const noRoll: Roll = {
  nowMs: 0,
  steadyMs: 0,
  seed: 0,
  activeCalls: () => 0,
  hasRoom: () => true,
  faultsHalted: false,
  stateOf: () => undefined,
};

/** The answer of `json()` for a body that is none. */
export const notJson: unique symbol = Symbol("not JSON");

export class Call {
  head: RequestHead = noHead;
  connection: ConnectionFacts = noConnection;
  roll: Roll = noRoll;
  /** null: unknown, or larger than the limit. */
  body: Uint8Array | null = null;
  /** Takes what conditions on the body still learn; null: nobody waits. */
  lacks: ((what: Promise<unknown>) => void) | null = null;

  /** What came last, since nearly every call of a process goes to a few hosts. */
  #lastAuthority = "";
  #lastHost = "";
  #authority: string | null = null;
  #host: string | null = null;
  #target: string | null = null;
  #pathEnd = -1;
  #path: string | null = null;
  #query: Pairs | null = null;
  #cookies: Pairs | null = null;
  #baggage: Pairs | null = null;
  #destination: IpWords | null | undefined = undefined;
  #text: string | null = null;
  #json: unknown = undefined;
  /** What expressions see; they keep it here, so that several of them share it. */
  view: Record<string, unknown> | null = null;

  /** Starts on another call, or drops the last one where nothing is given. */
  reset(head = noHead, connection = noConnection, roll = noRoll, body: Uint8Array | null = null): void {
    this.head = head;
    this.connection = connection;
    this.roll = roll;
    this.body = body;
    this.#authority = null;
    this.#host = null;
    this.#target = null;
    this.#pathEnd = -1;
    this.#path = null;
    this.#query = null;
    this.#cookies = null;
    this.#baggage = null;
    this.#destination = undefined;
    this.#text = null;
    this.#json = undefined;
    this.view = null;
  }

  get authority(): string {
    this.#authority ??= this.head.authority;
    return this.#authority;
  }

  /** Lower case, without port. */
  get host(): string {
    this.#host ??= this.#readHost();
    return this.#host;
  }

  #readHost(): string {
    const { authority } = this;
    if (authority === this.#lastAuthority) return this.#lastHost;
    this.#lastHost = hostOf(authority);
    this.#lastAuthority = authority;
    return this.#lastHost;
  }

  /** Path with query, as sent. */
  get target(): string {
    this.#target ??= this.head.path;
    return this.#target;
  }

  /** Where the path ends in `target`. */
  get pathEnd(): number {
    if (this.#pathEnd === -1) {
      const mark = this.target.indexOf("?");
      this.#pathEnd = mark === -1 ? this.target.length : mark;
    }
    return this.#pathEnd;
  }

  get path(): string {
    this.#path ??= this.pathEnd === this.target.length ? this.target : this.target.slice(0, this.pathEnd);
    return this.#path;
  }

  get query(): Pairs {
    this.#query ??= queryPairs(this.target);
    return this.#query;
  }

  get cookies(): Pairs {
    this.#cookies ??= this.#readCookies();
    return this.#cookies;
  }

  get baggage(): Pairs {
    this.#baggage ??= baggagePairs(this.head.header("baggage"));
    return this.#baggage;
  }

  /** Address where the client dialled, as numbers; null where that is unknown or a name. */
  get destination(): IpWords | null {
    if (this.#destination === undefined) this.#destination = parseIp(this.destinationHost);
    return this.#destination;
  }

  /** Where the client dialled; through an explicit proxy, what the request names. "" where nobody was named. */
  get destinationHost(): string {
    return this.connection.originalDestination?.host ?? this.host;
  }

  /** 0 where nobody was named. */
  get destinationPort(): number {
    const dialled = this.connection.originalDestination;
    if (dialled !== null) return dialled.port;
    return this.authority === "" ? 0 : (portOf(this.authority) ?? defaultPort(this.head.scheme));
  }

  /** The body as UTF-8 text. */
  get text(): string {
    const bytes = this.body ?? new Uint8Array(0);
    this.#text ??= Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
    return this.#text;
  }

  /** The body as JSON, or `notJson`. */
  get json(): unknown {
    if (this.#json === undefined) this.#json = readJson(this.text);
    return this.#json;
  }

  /** Whether any single field line of that name passes; asked where the joined value did not. */
  anyLine(name: string, joined: string | undefined, test: (text: string) => boolean): boolean {
    if (joined === undefined || !joined.includes(", ")) return false;
    for (const [key, value] of this.head.headers) {
      if (key.length === name.length && key.toLowerCase() === name && test(value)) return true;
    }
    return false;
  }

  #readCookies(): Pairs {
    const joined = this.head.header("cookie");
    if (!joined?.includes(", ")) return cookiePairs(joined);
    // Joining several Cookie lines by commas would glue their cookies together (RFC 6265 §5.4 allows only one).
    return this.head.headers
      .filter(([key]) => key.toLowerCase() === "cookie")
      .flatMap(([, value]) => cookiePairs(value));
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text.startsWith("\uFEFF") ? text.slice(1) : text);
  } catch {
    return notJson;
  }
}
