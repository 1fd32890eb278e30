// Conditions on a request for a WebSocket: that it is one, its path, the subprotocols that it offers.

import type { MatchSpec, TextMatch } from "../../core/rule.ts";
import type { RulePath } from "../../core/rule-problem.ts";
import { asksForWebSocket, offeredSubprotocols } from "../../core/websocket-request.ts";
import type { Call } from "./call.ts";
import type { Key } from "./key.ts";
import { PathKey } from "./path-key.ts";
import type { Patterns } from "./pattern.ts";
import { compileText, describeText, describeValue, type TextTest } from "./text-match.ts";

/** The conditions of a rule that is about WebSockets. `match` null: it names nothing else. Throws RuleProblem. */
export function webSocketKeys(match: MatchSpec | null, path: RulePath, patterns: Patterns): readonly Key[] {
  const { path: onPath, subprotocol } = match?.websocket ?? {};
  const place = [...path, "websocket"];
  const keys: Key[] = [upgradeKey];
  if (onPath) keys.unshift(new PathKey(onPath, [...place, "path"], patterns));
  if (subprotocol) keys.push(new SubprotocolKey(subprotocol, [...place, "subprotocol"], patterns));
  return keys;
}

const upgradeKey: Key = {
  name: "websocket",
  anchor: null,
  test: (call) => asksForWebSocket(call.head),
  expected: () => "a request for a WebSocket",
  actual: (call) => `${call.head.method} without an upgrade to websocket`,
};

class SubprotocolKey implements Key {
  readonly name = "websocket.subprotocol";
  readonly anchor = null;
  readonly #match: TextMatch;
  readonly #test: TextTest;

  constructor(match: TextMatch, path: RulePath, patterns: Patterns) {
    this.#match = match;
    this.#test = compileText(match, path, patterns);
  }

  test(call: Call): boolean {
    const offered = offeredSubprotocols(call.head);
    return offered.length === 0 ? this.#test(undefined) : offered.some((name) => this.#test(name));
  }

  expected(): string {
    return describeText(this.#match);
  }

  actual(call: Call): string {
    return describeValue(offeredSubprotocols(call.head).join(", ") || undefined);
  }
}
