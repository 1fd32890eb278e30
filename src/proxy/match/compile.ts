// Rules as written become rules as decided: conditions compiled, ranked and indexed, all problems collected.

import type { Dialect } from "../../core/dialect.ts";
import { relayTerminal } from "../../core/effect.ts";
import { messageOf } from "../../core/errors.ts";
import type { MatchSpec, RuleSpec } from "../../core/rule.ts";
import { RuleProblem } from "../../core/rule-problem.ts";
import type { Plan, Rule, RuleSet } from "../../core/rule-set.ts";
import { BodyTools, bodyKey } from "./body-match.ts";
import type { Candidate } from "./candidate.ts";
import { dialectKeys } from "./dialect-keys.ts";
import { Expressions } from "./expression.ts";
import { headKeys } from "./head-keys.ts";
import { indexRules } from "./indexed-rules.ts";
import type { Key } from "./key.ts";
import { Patterns } from "./pattern.ts";
import { scopeKeys } from "./scope-keys.ts";

export interface CompileProblem {
  readonly rule: RuleSpec;
  readonly problem: RuleProblem;
}

export type Compiled = RuleSet | { readonly problems: readonly CompileProblem[] };

/** `compileSteps` run to its end at once. */
export function compileRules(
  specs: readonly RuleSpec[],
  plan: (spec: RuleSpec) => Plan,
  revision: string,
  dialects: readonly Dialect[] = [],
): Compiled {
  const steps = compileSteps(specs, plan, revision, dialects);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Rules compiled between two steps. */
const rulesPerStep = 64;

/**
 * The rule set, or every problem of every rule; never throws. Rules are tried by priority, then in the order given.
 * `plan` says what a rule does once it has claimed; a RuleProblem that it throws is a problem of that rule.
 * `dialects`: in whose words a match may speak.
 * In steps of well under a millisecond, so that traffic goes on while 100,000 rules are compiled.
 */
export function* compileSteps(
  specs: readonly RuleSpec[],
  plan: (spec: RuleSpec) => Plan,
  revision: string,
  dialects: readonly Dialect[] = [],
): Generator<void, Compiled> {
  const problems: CompileProblem[] = [];
  const candidates: Candidate[] = [];
  const rules: Rule[] = [];
  const tools = newTools(dialects);
  const ranked = [...specs].sort((a, b) => a.priority - b.priority); // stable: ties keep the order of writing
  for (const spec of ranked) {
    const collect = <T>(compile: () => T): T | null => {
      try {
        return compile();
      } catch (thrown) {
        problems.push({ rule: spec, problem: asProblem(thrown) });
        return null;
      }
    };
    const planned = collect(() => plan(spec));
    const rule: Rule = Object.freeze({
      spec,
      rank: rules.length,
      effects: planned?.effects ?? [],
      terminal: planned?.terminal ?? relayTerminal,
    });
    rules.push(rule);
    candidates.push(...candidatesOf(rule, tools, collect));
    if (rules.length % rulesPerStep === 0) yield;
  }
  return problems.length > 0 ? { problems } : yield* indexRules(revision, rules, candidates, dialects);
}

/** What the conditions of one rule set share, so that each pattern is compiled once. */
export interface Tools {
  readonly patterns: Patterns;
  readonly bodies: BodyTools;
  readonly expressions: Expressions;
  readonly dialects: readonly Dialect[];
}

export function newTools(dialects: readonly Dialect[]): Tools {
  const patterns = new Patterns();
  return { patterns, bodies: new BodyTools(patterns), expressions: new Expressions(patterns), dialects };
}

/** Compiles one part, and deals with what that throws: then it is null. */
export type Collect = <T>(compile: () => T) => T | null;

/** The items of a rule in the order in which they are tried. Throws what `collect` lets through. */
export function candidatesOf(rule: Rule, tools: Tools, collect: Collect): Candidate[] {
  const scope = collect(() => scopeKeys(rule.spec, tools.patterns)) ?? [];
  const { matches } = rule.spec;
  if (matches.length === 0) {
    return [candidate(rule, null, 0, [], [], scope)];
  }
  return matches
    .map((match, i) => {
      const path = ["matches", i] as const;
      const head = collect(() => headKeys(match, path, tools.patterns)) ?? [];
      const body: Key[] = [];
      const onBody = match.body;
      if (onBody) body.push(...(collect(() => [bodyKey(onBody, [...path, "body"], tools.bodies)]) ?? []));
      const source = match.expr;
      const expression =
        source === undefined ? null : collect(() => tools.expressions.compile(source, [...path, "expr"]));
      if (expression) (expression.readsBody ? body : head).push(expression);
      const spoken = collect(() => dialectKeys(match, path, tools.dialects, tools.patterns));
      if (spoken) {
        head.push(...spoken.head);
        body.push(...spoken.body);
      }
      return candidate(rule, match, i, head, body, scope);
    })
    .sort((a, b) => a.order - b.order);
}

function candidate(
  rule: Rule,
  match: MatchSpec | null,
  matchIndex: number,
  headKeys: readonly Key[],
  bodyKeys: readonly Key[],
  scopeKeys: readonly Key[],
): Candidate {
  const order = rule.rank * 2 + (bodyKeys.length > 0 ? 1 : 0);
  return { rule, match, matchIndex, order, headKeys, bodyKeys, scopeKeys };
}

function asProblem(thrown: unknown): RuleProblem {
  return thrown instanceof RuleProblem ? thrown : new RuleProblem([], messageOf(thrown), { cause: thrown });
}
