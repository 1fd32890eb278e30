// Conditions in the words of a dialect (gRPC, GraphQL), as keys beside those of HTTP.

import type { Dialect, DialectCondition, MatchTools } from "../../core/dialect.ts";
import type { RequestHead } from "../../core/exchange.ts";
import type { HeaderList } from "../../core/headers.ts";
import type { MatchSpec, RuleSpec, TextMatch } from "../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import { type BodyTools, bodyKey } from "./body-match.ts";
import { Call } from "./call.ts";
import { headKeys } from "./head-keys.ts";
import type { Key } from "./key.ts";
import type { Patterns } from "./pattern.ts";
import { compileText } from "./text-match.ts";

export interface DialectKeys {
  readonly head: readonly Key[];
  readonly body: readonly Key[];
}

/**
 * What the dialects make of one match: the HTTP keys that follow from it, so that the index can file it, and their own
 * conditions. Throws RuleProblem, also where what follows contradicts the match's own HTTP keys.
 */
export function dialectKeys(
  match: MatchSpec,
  path: RulePath,
  dialects: readonly Dialect[],
  tools: MatchTools,
  patterns: Patterns,
): DialectKeys {
  const head: Key[] = [];
  const body: Key[] = [];
  for (const dialect of dialects) {
    const made = dialect.compileMatch(match, path, tools);
    if (made === null) continue;
    refuseContradiction(match, made.implied, path, dialect.name, patterns);
    head.push(...headKeys(made.implied, path, patterns), ...made.head.map(keyOf));
    body.push(...made.body.map(keyOf));
  }
  return { head, body };
}

/** What dialects compile conditions with, for one rule. */
export function matchTools(spec: RuleSpec, patterns: Patterns, bodies: BodyTools): MatchTools {
  return {
    spec,
    text: (match, path) => compileText(match, path, patterns),
    body(match, path) {
      const key = bodyKey(match, path, bodies);
      const call = new Call();
      const on = <T>(body: Uint8Array, ask: (call: Call) => T): T => {
        call.reset(undefined, undefined, undefined, body);
        try {
          return ask(call);
        } finally {
          call.reset(); // what is held here would live as long as the rules
        }
      };
      return {
        holds: (body) => on(body, (given) => key.test(given)),
        expected: () => key.expected(),
        actual: (body) => on(body, (given) => key.actual(given)),
      };
    },
  };
}

function keyOf(condition: DialectCondition): Key {
  return {
    name: condition.name,
    anchor: null,
    test: (call) => condition.holds(call),
    expected: () => condition.expected(),
    actual: (call) => condition.actual(call),
  };
}

/** A match that no call can meet is a mistake. Only exact values can be tried against the match's own keys. */
function refuseContradiction(
  match: MatchSpec,
  implied: MatchSpec,
  path: RulePath,
  dialect: string,
  patterns: Patterns,
): void {
  const call = new Call();
  call.reset(impliedHead(implied));
  for (const key of headKeys(comparable(match, implied), path, patterns)) {
    if (key.test(call)) continue;
    const [place = ""] = key.name.split(".");
    throw new RuleProblem(
      [...path, place],
      `expected ${key.actual(call)}, which ${dialect} implies here, or no such key, got ${key.expected()}`,
    );
  }
}

/** The match's own keys on what is implied exactly. */
function comparable(match: MatchSpec, implied: MatchSpec): MatchSpec {
  const names = new Set(
    (implied.headers ?? []).flatMap(({ name, match: { op } }) => (op === "exact" ? [name] : [])),
  );
  return {
    ...(match.method && exact(implied.method) !== null ? { method: match.method } : {}),
    ...(match.path && exact(implied.path) !== null ? { path: match.path } : {}),
    ...(match.host && exact(implied.host) !== null ? { host: match.host } : {}),
    headers: (match.headers ?? []).filter(({ name }) => names.has(name)),
  };
}

function impliedHead(implied: MatchSpec): RequestHead {
  const headers: HeaderList = (implied.headers ?? []).flatMap(({ name, match }) => {
    const value = exact(match);
    return value === null ? [] : [[name, value] as const];
  });
  return {
    method: exact(implied.method) ?? "",
    scheme: "http",
    authority: exact(implied.host) ?? "",
    path: exact(implied.path) ?? "",
    headers,
    header: (name) => headers.find(([key]) => key === name)?.[1],
  };
}

function exact(match: TextMatch | MatchSpec["path"] | undefined): string | null {
  return match?.op === "exact" ? match.value : null;
}
