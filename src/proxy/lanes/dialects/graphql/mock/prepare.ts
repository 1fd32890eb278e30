// The overrides of a mocked schema, made ready while the rules are loaded: coordinates checked, expressions compiled.

import type { GraphQLSchema } from "graphql";
import type { DialectTools } from "../../../../../core/dialect.ts";
import type { GraphqlEvent, GraphqlOverride, GraphqlResolver } from "../../../../../core/rule-graphql.ts";
import { type RulePath, RuleProblem } from "../../../../../core/rule-problem.ts";
import { checkCoordinate, type Named } from "../coordinates.ts";
import type { GraphqlDeps } from "../deps.ts";
import type { GraphqlLibrary } from "../library.ts";
import { checkValue, valuePath } from "../static-value.ts";
import { compileExpression } from "./expression.ts";
import { proxyResolver } from "./proxy-resolver.ts";
import type { Prepared, View } from "./resolve.ts";
import { scriptArguments } from "./script/messages.ts";
import type { ScriptHost } from "./script/script-host.ts";

export interface PrepareDeps extends GraphqlDeps, Pick<DialectTools, "wait"> {
  readonly lib: GraphqlLibrary;
  readonly schema: GraphQLSchema;
  readonly scripts: ScriptHost;
  /** Of the rule; changed by `remember`. */
  readonly state: Record<string, unknown>;
}

/** What subscriptions send, by `Subscription.field`. */
export interface EventScript {
  readonly events: readonly GraphqlEvent[];
  readonly repeat: boolean;
}

export interface PreparedMock {
  readonly overrides: ReadonlyMap<string, Prepared>;
  readonly scripts: ReadonlyMap<string, EventScript>;
}

/** Characters of JSON that one remembered value may have. */
const maxStateChars = 1_048_576;

/** Throws RuleProblem with the place of what is wrong. */
export function prepareOverrides(
  overrides: readonly GraphqlOverride[],
  path: RulePath,
  deps: PrepareDeps,
): PreparedMock {
  const prepared = new Map<string, Prepared>();
  const scripts = new Map<string, EventScript>();
  for (const override of overrides) {
    const { coordinate, resolver } = override;
    const place = [...path, coordinate];
    const named = checkCoordinate(coordinate, deps.schema, deps.lib, place);
    if (!deps.schema.getType(coordinate.split(".", 1)[0] ?? ""))
      throw new RuleProblem(
        place,
        `expected a type or a field of a type such as User.email, got "${coordinate}"`,
      );
    checkWritten(resolver, named, place, deps);
    if (resolver?.kind === "events")
      scripts.set(coordinate, checkedEvents(resolver, coordinate, place, deps));
    prepared.set(coordinate, {
      resolve: resolver === null || resolver.kind === "events" ? null : resolveOf(resolver, place, deps),
      length: override.length,
      error: override.error,
      delay: override.delay,
      remember: rememberOf(override.remember, place, deps),
    });
  }
  return { overrides: prepared, scripts };
}

/** The values that the rule writes, as far as a schema can tell. */
function checkWritten(
  resolver: GraphqlOverride["resolver"],
  { kind, type }: Named,
  place: RulePath,
  deps: PrepareDeps,
): void {
  if (resolver?.kind === "static") {
    // What stands for an abstract type fills in objects whose type is known.
    if (kind === "field" || !deps.lib.isAbstractType(type))
      checkValue(resolver.value, type, valuePath(resolver.value, place), deps);
  } else if (resolver?.kind === "events" && kind === "field")
    for (const [index, { value }] of resolver.events.entries())
      checkValue(value, type, [...place, "events", index, "value"], deps);
}

function checkedEvents(
  { events, repeat }: GraphqlResolver & { readonly kind: "events" },
  coordinate: string,
  place: RulePath,
  { schema }: PrepareDeps,
): EventScript {
  const root = schema.getSubscriptionType()?.name;
  if (root === undefined || !coordinate.startsWith(`${root}.`))
    throw new RuleProblem([...place, "events"], `expected a field of a subscription, got "${coordinate}"`);
  if (repeat && events.every(({ after }) => after === null || (after.type === "fixed" && after.ms === 0)))
    throw new RuleProblem(
      [...place, "repeat"],
      "expected a time in after, so that it does not repeat at once",
    );
  return { events, repeat };
}

function resolveOf(
  resolver: Exclude<GraphqlResolver, { readonly kind: "events" }>,
  place: RulePath,
  deps: PrepareDeps,
): Prepared["resolve"] {
  switch (resolver.kind) {
    case "static": {
      const { value } = resolver;
      return () => value;
    }
    case "dynamic": {
      const evaluate = compileExpression(resolver.expression, [...place, "expression"]);
      return (view) => evaluate(view());
    }
    case "template": {
      const render = deps.textTemplate(resolver.template, [...place, "template"]);
      return (view, call) => render(call.exchange, view());
    }
    case "script":
      checkScript(resolver.script, [...place, "script"]);
      return (view, call) =>
        deps.scripts.run(resolver.script, view(), resolver.timeoutMs, call.exchange.signal);
    case "proxy": {
      const ask = proxyResolver(resolver.url, resolver.timeoutMs, deps, deps.lib);
      return (_view, call, info) => ask(call, info);
    }
    default:
      return resolver satisfies never;
  }
}

/** `import(…)`, also with a comment between: the one word of the language that leads out of a script. */
const importing = /\bimport\s*(?:\(|\.|\/[/*])/;

/** A script that does not parse is a mistake in the rule. It is compiled here, never run. */
function checkScript(script: string, place: RulePath): void {
  if (importing.test(script))
    throw new RuleProblem(place, "expected a script without import: it can reach nothing but its arguments");
  try {
    new Function(...scriptArguments, `"use strict";\n${script}`);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RuleProblem(place, `expected the body of a JavaScript function: ${reason}`, { cause });
  }
}

function rememberOf(
  remember: GraphqlOverride["remember"],
  place: RulePath,
  { state }: PrepareDeps,
): Prepared["remember"] {
  if (remember.length === 0) return null;
  const parts = remember.map(({ name, expression }) => ({
    name,
    evaluate: compileExpression(expression, [...place, "remember", name]),
  }));
  return (view: View) => {
    for (const { name, evaluate } of parts) {
      const text = JSON.stringify(evaluate(view)) ?? "null";
      if (text.length > maxStateChars)
        throw new Error(`remember.${name}: expected at most ${maxStateChars} characters, got ${text.length}`);
      state[name] = JSON.parse(text); // a copy of its own
    }
  };
}
