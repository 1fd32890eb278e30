// The condition on the host of a request. The port counts only where the rule's text names one.

import { isIPv6 } from "node:net";
import { splitAuthority } from "../../core/address.ts";
import { asciiHost } from "../../core/ascii-host.ts";
import type { TextMatch } from "../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import { defaultPort, hostOf, portOf } from "./authority.ts";
import type { Call } from "./call.ts";
import type { Anchor, Key } from "./key.ts";
import type { Patterns } from "./pattern.ts";
import { compileText, describeText, describeValue, type TextTest } from "./text-match.ts";

const usualPorts: readonly string[] = ["80", "443", "8080", "8443"];

export class HostKey implements Key {
  readonly name = "host";
  readonly anchor: Anchor | null;
  readonly #match: TextMatch;
  /** On the host alone, or on `host:port` where the port counts. */
  readonly #test: TextTest;
  readonly #withPort: boolean;

  /** Throws RuleProblem. */
  constructor(match: TextMatch, path: RulePath, patterns: Patterns) {
    this.#match = match;
    this.#withPort = namesPort(match);
    if (match.op === "exact") {
      const { host, port } = exactHost(match.value, path);
      const wanted = port === null ? host : `${host}:${port}`;
      this.#withPort = port !== null;
      this.#test = (text) => text === wanted;
      this.anchor = { dimension: "host", value: host, settles: port === null };
      return;
    }
    this.#test = compileHost(match, path, patterns);
    this.anchor =
      match.op === "suffix" && !this.#withPort && match.value !== ""
        ? { dimension: "host-suffix", value: asciiHost(match.value).toLowerCase(), settles: true }
        : null;
  }

  test(call: Call): boolean {
    if (call.authority === "") return this.#match.op === "absent";
    return this.#test(this.#withPort ? withPort(call) : call.host);
  }

  /** Whether it holds for `host`, in lower case, on some port: the usual ones are tried, and those that it names itself. */
  couldBe(host: string): boolean {
    const match = this.#match;
    if (match.op === "absent") return false;
    if (!this.#withPort) return this.#test(host);
    const named = match.value.match(/\d+/g) ?? [];
    return [...usualPorts, ...named].some((port) => this.#test(`${host}:${port}`));
  }

  expected(): string {
    return describeText(this.#match);
  }

  actual(call: Call): string {
    return call.authority === "" ? "absent" : describeValue(call.authority);
  }
}

/** The host, in the form in which calls are compared, and the port that the rule names. Throws RuleProblem. */
function exactHost(text: string, path: RulePath): { host: string; port: number | null } {
  if (isIPv6(text)) return { host: text.toLowerCase(), port: null };
  const parts = splitAuthority(text);
  if (!parts || parts.host === "") {
    throw new RuleProblem(path, `expected a host such as api.shop.svc, got ${JSON.stringify(text)}`);
  }
  return { host: hostOf(asciiHost(text)), port: parts.port ?? null };
}

/** Names have no case (RFC 9110 §4.2.3), whatever the matcher was written in. */
function compileHost(match: TextMatch, path: RulePath, patterns: Patterns): TextTest {
  if (match.op === "regex") {
    const pattern = patterns.compile(match.value, path, { lowerCase: true });
    return (text) => text !== undefined && pattern.full(text);
  }
  if (match.op === "absent") return compileText(match, path, patterns);
  const value = asciiHost(match.value).toLowerCase();
  return compileText({ op: match.op, value }, path, patterns);
}

/** Whether a matcher speaks of `host:port`. Colons that belong to the syntax of a pattern do not count. */
function namesPort(match: TextMatch): boolean {
  if (match.op === "absent") return false;
  const text = match.op === "regex" ? match.value.replace(/\(\?[a-zA-Z-]*:|\[:\^?\w+:\]/g, "") : match.value;
  return text.includes(":");
}

/** With the port that the request names, else the default of its scheme (RFC 9110 §4.2). */
function withPort(call: Call): string {
  return `${call.host}:${portOf(call.authority) ?? defaultPort(call.head.scheme)}`;
}
