// The condition on the host of a request. The port counts only where the rule's text names one.

import { isIPv6 } from "node:net";
import { splitAuthority } from "../../core/address.ts";
import type { TextMatch } from "../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import { defaultPort, hostOf, portOf } from "./authority.ts";
import type { Call } from "./call.ts";
import type { Key } from "./key.ts";
import type { Patterns } from "./pattern.ts";
import { compileText, describeText, describeValue } from "./text-match.ts";

/** The host, in the form in which calls are compared, and the port that an exact matcher names. Throws RuleProblem. */
export function exactHost(text: string, path: RulePath): { host: string; port: number | null } {
  if (isIPv6(text)) return { host: text.toLowerCase(), port: null };
  const parts = splitAuthority(text);
  if (!parts || parts.host === "") {
    throw new RuleProblem(path, `expected a host such as api.shop.svc, got ${JSON.stringify(text)}`);
  }
  return { host: hostOf(text), port: parts.port ?? null };
}

export function hostKey(match: TextMatch, path: RulePath, patterns: Patterns): Key {
  const test = compileHost(match, path, patterns);
  return {
    name: "host",
    test,
    expected: () => describeText(match),
    actual: (call) => (call.authority === "" ? "absent" : describeValue(call.authority)),
  };
}

function compileHost(match: TextMatch, path: RulePath, patterns: Patterns): (call: Call) => boolean {
  if (match.op === "absent") return (call) => call.authority === "";
  if (match.op === "exact") {
    const { host, port } = exactHost(match.value, path);
    return (call) => call.host === host && (port === null || effectivePort(call) === port);
  }
  if (match.op === "regex") {
    // Names have no case (RFC 9110 §4.2.3), whatever the pattern was written in.
    const pattern = patterns.compile(match.value, path, { ignoreCase: true });
    return namesPort(match)
      ? (call) => call.authority !== "" && pattern.full(withPort(call))
      : (call) => call.authority !== "" && pattern.full(call.host);
  }
  const test = compileText({ op: match.op, value: match.value.toLowerCase() }, path, patterns);
  return namesPort(match)
    ? (call) => call.authority !== "" && test(withPort(call))
    : (call) => call.authority !== "" && test(call.host);
}

/** Whether a matcher speaks of `host:port`. Colons that belong to the syntax of a pattern do not count. */
export function namesPort(match: TextMatch): boolean {
  if (match.op === "absent") return false;
  const text = match.op === "regex" ? match.value.replace(/\(\?[a-zA-Z-]*:|\[:\^?\w+:\]/g, "") : match.value;
  return text.includes(":");
}

function withPort(call: Call): string {
  return `${call.host}:${effectivePort(call)}`;
}

/** The port that the request names, else the default of its scheme (RFC 9110 §4.2). */
function effectivePort(call: Call): number {
  return portOf(call.authority) ?? defaultPort(call.head.scheme);
}
