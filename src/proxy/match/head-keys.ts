// The conditions of one match on the head of a request and on its connection, in the order in which they are tested.

import type { Direction } from "../../core/connection.ts";
import type { MatchSpec, TextMatch } from "../../core/rule.ts";
import type { RulePath } from "../../core/rule-problem.ts";
import type { Call } from "./call.ts";
import { DestinationKey } from "./destination-key.ts";
import { HostKey } from "./host-key.ts";
import type { Anchor, Key } from "./key.ts";
import { HeaderKey, PairsKey } from "./named-keys.ts";
import { PathKey } from "./path-key.ts";
import type { Patterns } from "./pattern.ts";
import { compileText, describeText, describeValue, type TextTest } from "./text-match.ts";

/** Cheap ones first; without body and expression. Throws RuleProblem. */
export function headKeys(match: MatchSpec, path: RulePath, patterns: Patterns): Key[] {
  const keys: Key[] = [];
  if (match.direction) keys.push(new DirectionKey(match.direction));
  if (match.method) keys.push(new MethodKey(match.method, [...path, "method"], patterns));
  if (match.host) keys.push(new HostKey(match.host, [...path, "host"], patterns));
  if (match.path) keys.push(new PathKey(match.path, [...path, "path"], patterns));
  if (match.destination) keys.push(new DestinationKey(match.destination, [...path, "destination"]));
  for (const named of match.headers ?? []) {
    keys.push(new HeaderKey("headers", named, [...path, "headers"], patterns));
  }
  for (const named of match.query ?? []) {
    keys.push(new PairsKey("query", "query", named, [...path, "query"], patterns));
  }
  for (const named of match.cookies ?? []) {
    keys.push(new PairsKey("cookies", "cookies", named, [...path, "cookies"], patterns));
  }
  return keys;
}

class DirectionKey implements Key {
  readonly name = "direction";
  readonly anchor = null;
  readonly #direction: Direction;

  constructor(direction: Direction) {
    this.#direction = direction;
  }

  test(call: Call): boolean {
    return call.connection.direction === this.#direction;
  }

  expected(): string {
    return this.#direction;
  }

  actual(call: Call): string {
    return call.connection.direction;
  }
}

/** Methods are case-sensitive (RFC 9110 §9.1). */
class MethodKey implements Key {
  readonly name = "method";
  readonly anchor: Anchor | null;
  readonly #match: TextMatch;
  readonly #test: TextTest;

  constructor(match: TextMatch, path: RulePath, patterns: Patterns) {
    this.#match = match;
    this.#test = compileText(match, path, patterns);
    this.anchor = match.op === "exact" ? { dimension: "method", value: match.value, settles: true } : null;
  }

  test(call: Call): boolean {
    return this.#test(call.head.method);
  }

  expected(): string {
    return describeText(this.#match);
  }

  actual(call: Call): string {
    return describeValue(call.head.method);
  }
}
