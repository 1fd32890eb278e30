// Conditions on what a request carries by name: header fields, query parameters, cookies, baggage entries.

import type { NamedMatch } from "../../core/rule.ts";
import type { RulePath } from "../../core/rule-problem.ts";
import type { Call } from "./call.ts";
import type { Anchor, Key } from "./key.ts";
import type { Patterns } from "./pattern.ts";
import { compileText, describeText, describeValue, type TextTest } from "./text-match.ts";

/** A repeated field holds by its joined value, or by any single line. */
export class HeaderKey implements Key {
  readonly name: string;
  readonly anchor: Anchor | null;
  readonly #named: NamedMatch;
  readonly #field: string;
  readonly #test: TextTest;

  /** `section`: where it is written, `headers` or `scope.headers`. Throws RuleProblem. */
  constructor(section: string, named: NamedMatch, path: RulePath, patterns: Patterns) {
    this.name = `${section}.${named.name}`;
    this.#named = named;
    this.#field = named.name.toLowerCase();
    this.#test = compileText(named.match, [...path, named.name], patterns);
    this.anchor = anchorOf("header", this.#field, named);
  }

  test(call: Call): boolean {
    const joined = call.head.header(this.#field);
    return this.#test(joined) || call.anyLine(this.#field, joined, this.#test);
  }

  expected(): string {
    return describeText(this.#named.match);
  }

  actual(call: Call): string {
    return describeValue(call.head.header(this.#field));
  }
}

const sections = { query: "query", cookies: "cookie", baggage: "baggage" } as const;

/** A repeated name holds by any of its values. */
export class PairsKey implements Key {
  readonly name: string;
  readonly anchor: Anchor | null;
  readonly #pairs: keyof typeof sections;
  readonly #named: NamedMatch;
  readonly #test: TextTest;

  /** `section`: where it is written. Throws RuleProblem. */
  constructor(
    section: string,
    pairs: keyof typeof sections,
    named: NamedMatch,
    path: RulePath,
    patterns: Patterns,
  ) {
    this.name = `${section}.${named.name}`;
    this.#pairs = pairs;
    this.#named = named;
    this.#test = compileText(named.match, [...path, named.name], patterns);
    this.anchor = anchorOf(sections[pairs], named.name, named);
  }

  test(call: Call): boolean {
    let present = false;
    for (const [name, value] of call[this.#pairs]) {
      if (name !== this.#named.name) continue;
      if (this.#test(value)) return true;
      present = true;
    }
    return !present && this.#test(undefined);
  }

  expected(): string {
    return describeText(this.#named.match);
  }

  actual(call: Call): string {
    const values = call[this.#pairs].filter(([name]) => name === this.#named.name);
    return values.length === 0 ? "absent" : values.map(([, value]) => describeValue(value)).join(" and ");
  }
}

function anchorOf(
  kind: "header" | "query" | "cookie" | "baggage",
  name: string,
  { match }: NamedMatch,
): Anchor | null {
  if (match.op !== "exact") return null;
  return { dimension: `${kind} ${name}`, value: match.value, settles: true };
}
