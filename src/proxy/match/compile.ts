// Rules as written become rules as decided: conditions compiled, ranked and indexed, all problems collected.

import type { Dialect, DialectMessages } from "../../core/dialect.ts";
import { relayTerminal } from "../../core/effect.ts";
import { messageOf as textOf } from "../../core/errors.ts";
import type { CompilePayloadTest, PayloadTest } from "../../core/payload.ts";
import type { MatchSpec, RuleSpec } from "../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import type { MessageRule, Plan, Rule, RuleSet } from "../../core/rule-set.ts";
import { BodyTools, bodyKey } from "./body-match.ts";
import { calmRule } from "./calm-rule.ts";
import type { Candidate } from "./candidate.ts";
import { dialectKeys, matchTools } from "./dialect-keys.ts";
import { Expressions } from "./expression.ts";
import { headKeys } from "./head-keys.ts";
import { indexRules } from "./indexed-rules.ts";
import type { Key } from "./key.ts";
import { Patterns } from "./pattern.ts";
import { payloadTests } from "./payload-test.ts";
import { scopeKeys } from "./scope-keys.ts";
import { webSocketKeys } from "./websocket-keys.ts";

export interface CompileProblem {
  readonly rule: RuleSpec;
  readonly problem: RuleProblem;
}

/** What a rule does once it has claimed; `tests`: for its own conditions on messages. Throws RuleProblem. */
export type PlanRule = (spec: RuleSpec, tests: CompilePayloadTest) => Plan;

export type Compiled = RuleSet | { readonly problems: readonly CompileProblem[] };

/** `compileSteps` run to its end at once. */
export function compileRules(
  specs: readonly RuleSpec[],
  plan: PlanRule,
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
  plan: PlanRule,
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
        for (const problem of problemsIn(thrown))
          if (isNews(problem, problems, spec)) problems.push({ rule: spec, problem });
        return null;
      }
    };
    const planned = collect(() => plan(spec, tools.payloads));
    const bare: Rule = {
      spec,
      rank: rules.length,
      effects: planned?.effects ?? [],
      terminal: planned?.terminal ?? relayTerminal,
      ...(planned?.messages ? { messages: planned.messages } : {}),
      ...(planned?.overSockets ? { overSockets: planned.overSockets } : {}),
    };
    const calm = calmRule(bare);
    const rule: Rule = Object.freeze(calm === undefined ? bare : { ...bare, calm });
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
  readonly payloads: CompilePayloadTest;
  readonly dialects: readonly Dialect[];
}

export function newTools(dialects: readonly Dialect[]): Tools {
  const patterns = new Patterns();
  const bodies = new BodyTools(patterns);
  const expressions = new Expressions(patterns);
  return { patterns, bodies, expressions, payloads: payloadTests(bodies), dialects };
}

/** Compiles one part, and deals with what that throws: then it is null. */
export type Collect = <T>(compile: () => T) => T | null;

/** The items of a rule in the order in which they are tried. Throws what `collect` lets through. */
export function candidatesOf(rule: Rule, tools: Tools, collect: Collect): Candidate[] {
  const scope = collect(() => scopeKeys(rule.spec, tools.patterns)) ?? [];
  const { matches } = rule.spec;
  const words = matchTools(rule.spec, tools.patterns, tools.bodies);
  if (matches.length === 0) {
    const head = collect(() => aboutWebSockets(rule, null, [], tools.patterns)) ?? [];
    const message = messageOf(rule, null, null);
    return [candidate(rule, null, 0, head, [], scope, message), ...overSockets(rule, null, 0, [], [], scope)];
  }
  return matches
    .flatMap((match, i) => {
      const path = ["matches", i] as const;
      const head = collect(() => headKeys(match, path, tools.patterns)) ?? [];
      head.push(...(collect(() => aboutWebSockets(rule, match, path, tools.patterns)) ?? []));
      const body: Key[] = [];
      const onBody = match.body;
      if (onBody) body.push(...(collect(() => [bodyKey(onBody, [...path, "body"], tools.bodies)]) ?? []));
      const source = match.expr;
      const expression =
        source === undefined ? null : collect(() => tools.expressions.compile(source, [...path, "expr"]));
      if (expression) (expression.readsBody ? body : head).push(expression);
      const beside = overSockets(rule, match, i, [...head], body, scope);
      const spoken = collect(() => dialectKeys(match, path, tools.dialects, words, tools.patterns));
      if (spoken) {
        head.push(...spoken.head);
        body.push(...spoken.body);
      }
      const onMessage = match.websocket?.message;
      const test = onMessage ? collect(() => tools.payloads(onMessage, [...path, "message"])) : null;
      return [candidate(rule, match, i, head, body, scope, messageOf(rule, match, test)), ...beside];
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
  message: MessageRule | null,
): Candidate {
  const order = rule.rank * 2 + (bodyKeys.length > 0 ? 1 : 0);
  return { rule, match, matchIndex, order, headKeys, bodyKeys, scopeKeys, message };
}

/** A rule that talks on a WebSocket, or touches one's messages, is about no other call. */
function aboutWebSockets(
  { spec, messages }: Rule,
  match: MatchSpec | null,
  path: RulePath,
  patterns: Patterns,
): readonly Key[] {
  const concerned = match?.websocket || messages || spec.respond?.kind === "websocket";
  return concerned ? webSocketKeys(match, path, patterns) : [];
}

function messageOf(rule: Rule, match: MatchSpec | null, test: PayloadTest | null): MessageRule | null {
  return rule.messages ? { rule, way: match?.websocket?.direction ?? null, test } : null;
}

/** The same match, on the messages of WebSockets that carry a dialect; none where it looks at the body of a call. */
function overSockets(
  rule: Rule,
  match: MatchSpec | null,
  matchIndex: number,
  headKeys: readonly Key[],
  bodyKeys: readonly Key[],
  scopeKeys: readonly Key[],
): readonly Candidate[] {
  const share = rule.overSockets;
  if (!share?.appliesTo(match) || bodyKeys.length > 0) return [];
  const { spec, rank } = rule;
  const acting: Rule = Object.freeze({
    ...{ spec, rank, effects: [], terminal: relayTerminal },
    messages: share.messages,
  });
  const keys = [...headKeys, ...webSocketKeys(match, ["matches", matchIndex], new Patterns()), asking(share)];
  const message: MessageRule = { rule: acting, way: share.way, test: isText };
  return [candidate(acting, match, matchIndex, keys, [], scopeKeys, message)];
}

const isText: PayloadTest = (_bytes, _from, _to, binary) => !binary;

function asking(share: DialectMessages): Key {
  return {
    name: share.asked.key,
    anchor: null,
    test: (call) => share.asks(call.head),
    expected: () => share.asked.expected,
    actual: (call) => `subprotocol ${call.head.header("sec-websocket-protocol") ?? "none"}`,
  };
}

function problemsIn(thrown: unknown): readonly RuleProblem[] {
  if (thrown instanceof RuleProblem) return [thrown, ...thrown.others];
  return [new RuleProblem([], textOf(thrown), { cause: thrown })];
}

/** What several parts of a rule need is missed by each of them, and told once. */
function isNews({ path, message }: RuleProblem, told: readonly CompileProblem[], rule: RuleSpec): boolean {
  const place = JSON.stringify(path);
  for (let i = told.length - 1; i >= 0 && told[i]?.rule === rule; i--) {
    const { problem } = told[i] as CompileProblem; // the condition has looked
    if (problem.message === message && JSON.stringify(problem.path) === place) return false;
  }
  return true;
}
