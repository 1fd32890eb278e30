// Which names rules could answer for: asked where a name leads nowhere, before there is any connection. Only what names a host
// counts, and only what needs no upstream: of a rule that delays or patches, nothing is left where nobody is behind the name.

import type { ConnectionFacts } from "../../core/connection.ts";
import type { RequestHead } from "../../core/exchange.ts";
import type { Call } from "./call.ts";
import { type Candidate, noKeys } from "./candidate.ts";
import { DestinationKey } from "./destination-key.ts";
import { HostKey } from "./host-key.ts";
import type { Key } from "./key.ts";
import { lifeKeys } from "./secure-candidates.ts";

/** A matcher that holds for all of these, which nobody could have meant, names no host. Single labels count for nothing. */
const strangers = ["q9x.z7k.invalid", "w4-v8.example", "j3.y6.q5.test"];

/** The candidates with only the conditions on the name, and those of the rule's life; one stands for all that are alike. */
export function namedHosts(candidates: readonly Candidate[]): readonly Candidate[] {
  const seen = new Set<string>();
  return candidates.filter(answers).flatMap((candidate) => {
    const key = nameKeyOf(candidate.headKeys);
    if (key === null) return [];
    const scopeKeys = candidate.scopeKeys.filter(({ name }) => lifeKeys.has(name));
    if (key.anchor?.settles && scopeKeys.length === 0) {
      const alike = `${key.anchor.dimension} ${key.anchor.value}`;
      if (seen.has(alike)) return [];
      seen.add(alike);
    }
    return [{ ...candidate, headKeys: [key], bodyKeys: noKeys, scopeKeys }];
  });
}

/** A call of which nothing is known but the name that its client looked up. */
export function headOfName(name: string): RequestHead {
  return { method: "", scheme: "http", authority: name, path: "", headers: [], header: () => undefined };
}

/** Names are looked up by the program itself, for connections that leave it. */
export const lookup: ConnectionFacts = {
  id: "",
  direction: "outbound",
  downstream: { host: "", port: 0 },
  originalDestination: null,
};

function answers({ rule: { spec, terminal }, message }: Candidate): boolean {
  return message === null && (terminal.kind !== "relay" || spec.respond !== null);
}

/** null: it names no host, or a place that a name without an address never leads to. */
function nameKeyOf(headKeys: readonly Key[]): Key | null {
  let name: Key | null = null;
  for (const key of headKeys) {
    if (key.name === "direction" && key.expected() !== lookup.direction) return null;
    if (key instanceof HostKey && name === null) name = hostKeyOf(key);
    if (!(key instanceof DestinationKey)) continue;
    if (key.isAddress) return null;
    // Where the connection goes is what was looked up, whatever the call then says.
    if (key.hostname !== null) name = new NameKey(key.hostname);
  }
  return name;
}

function hostKeyOf(key: HostKey): Key | null {
  const { anchor } = key;
  if (anchor?.dimension === "host") return new NameKey(anchor.value);
  if (strangers.every((stranger) => key.couldBe(stranger))) return null;
  if (anchor?.settles) return key;
  return {
    name: "host",
    anchor: null,
    test: (call) => key.couldBe(call.host),
    expected: () => key.expected(),
    actual: (call) => key.actual(call),
  };
}

/** One name, whatever port is dialled. */
class NameKey implements Key {
  readonly name = "host";
  readonly anchor;
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    this.anchor = { dimension: "host", value, settles: true } as const;
  }

  test(call: Call): boolean {
    return call.host === this.#value;
  }

  expected(): string {
    return JSON.stringify(this.#value);
  }

  actual(call: Call): string {
    return call.host;
  }
}
