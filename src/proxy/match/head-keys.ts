// Conditions on the head of a request and on its connection: host, method, path, headers, query, cookies, destination.

import { formatHostPort } from "../../core/address.ts";
import type { Direction } from "../../core/connection.ts";
import type { DestinationMatch, MatchSpec, NamedMatch, TextMatch } from "../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import { defaultPort, portOf } from "./authority.ts";
import type { Call, Pairs } from "./call.ts";
import { hostKey } from "./host-key.ts";
import { parseIpRange, rangeHas } from "./ip-range.ts";
import type { Key } from "./key.ts";
import { compilePath } from "./path-match.ts";
import type { Patterns } from "./pattern.ts";
import { compileText, describeText, describeValue } from "./text-match.ts";

/** The conditions of one item of `matches`, cheap ones first, without body and expression. Throws RuleProblem. */
export function headKeys(match: MatchSpec, path: RulePath, patterns: Patterns): Key[] {
  const keys: Key[] = [];
  if (match.direction) keys.push(directionKey(match.direction));
  if (match.method) keys.push(methodKey(match.method, [...path, "method"], patterns));
  if (match.host) keys.push(hostKey(match.host, [...path, "host"], patterns));
  if (match.path) {
    const test = compilePath(match.path, [...path, "path"], patterns);
    const expected = describeText(match.path);
    keys.push({
      name: "path",
      test: (call) => test(call.path),
      expected: () => expected,
      actual: (call) => describeValue(call.path),
    });
  }
  if (match.destination) keys.push(destinationKey(match.destination, [...path, "destination"]));
  for (const named of match.headers ?? []) keys.push(headerKey("headers", named, path, patterns));
  for (const named of match.query ?? []) {
    keys.push(pairsKey("query", named, path, patterns, (call) => call.query));
  }
  for (const named of match.cookies ?? []) {
    keys.push(pairsKey("cookies", named, path, patterns, (call) => call.cookies));
  }
  return keys;
}

function directionKey(direction: Direction): Key {
  return {
    name: "direction",
    test: (call) => call.connection.direction === direction,
    expected: () => direction,
    actual: (call) => call.connection.direction,
  };
}

/** Methods are case-sensitive (RFC 9110 §9.1). */
function methodKey(match: TextMatch, path: RulePath, patterns: Patterns): Key {
  const test = compileText(match, path, patterns);
  return {
    name: "method",
    test: (call) => test(call.head.method),
    expected: () => describeText(match),
    actual: (call) => describeValue(call.head.method),
  };
}

/** A repeated field matches by its joined value, or by any single line. */
export function headerKey(section: string, named: NamedMatch, path: RulePath, patterns: Patterns): Key {
  const name = named.name.toLowerCase();
  const test = compileText(named.match, [...path, section, named.name], patterns);
  return {
    name: `${section}.${named.name}`,
    test(call) {
      const joined = call.head.header(name);
      return test(joined) || call.anyLine(name, joined, test);
    },
    expected: () => describeText(named.match),
    actual: (call) => describeValue(call.head.header(name)),
  };
}

/** A repeated name matches by any of its values. */
export function pairsKey(
  section: string,
  named: NamedMatch,
  path: RulePath,
  patterns: Patterns,
  pairsOf: (call: Call) => Pairs,
): Key {
  const { name, match } = named;
  const test = compileText(match, [...path, section, name], patterns);
  return {
    name: `${section}.${name}`,
    test(call) {
      let present = false;
      for (const [key, value] of pairsOf(call)) {
        if (key !== name) continue;
        if (test(value)) return true;
        present = true;
      }
      return !present && test(undefined);
    },
    expected: () => describeText(match),
    actual(call) {
      const values = pairsOf(call).filter(([key]) => key === name);
      return values.length === 0 ? "absent" : values.map(([, value]) => describeValue(value)).join(" and ");
    },
  };
}

function destinationKey(match: DestinationMatch, path: RulePath): Key {
  const range = match.cidr === null ? null : parseIpRange(match.cidr);
  if (match.cidr !== null && range === null) {
    throw new RuleProblem(path, `expected a block such as 10.0.0.0/8, got ${JSON.stringify(match.cidr)}`);
  }
  const hostname = match.hostname?.toLowerCase() ?? null;
  return {
    name: "destination",
    test(call) {
      if (match.port !== null && destinationPort(call) !== match.port) return false;
      if (hostname !== null && call.destinationHost !== hostname) return false;
      if (range === null) return true;
      const words = call.destination;
      return words !== null && rangeHas(range, words);
    },
    expected: () => `${match.hostname ?? match.cidr ?? ""}${match.port === null ? "" : `:${match.port}`}`,
    actual(call) {
      const host = call.destinationHost;
      return host === "" ? "unknown" : formatHostPort({ host, port: destinationPort(call) });
    },
  };
}

/** Where the client dialled; through an explicit proxy, the port that the request names or implies. 0: nobody was named. */
export function destinationPort(call: Call): number {
  const dialled = call.connection.originalDestination;
  if (dialled !== null) return dialled.port;
  return call.authority === "" ? 0 : (portOf(call.authority) ?? defaultPort(call.head.scheme));
}
