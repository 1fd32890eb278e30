// What a match says in the words of gRPC, as HTTP keys that the index can file and conditions of our own.

import type {
  BodyTest,
  CallFacts,
  DialectCondition,
  DialectMatch,
  MatchTools,
} from "../../../../core/dialect.ts";
import type { BodyMatch, MatchSpec, PathMatch } from "../../../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../../../core/rule-problem.ts";
import { encodeChecked } from "./checked-message.ts";
import { decodeMessage } from "./decode.ts";
import { unknownField } from "./encode.ts";
import type { FirstMessages } from "./first-message.ts";
import { flavourOf, methodOf } from "./flavour.ts";
import type { MessageType } from "./message-type.ts";
import { checkNames, type Descriptors, methodOfCall, schemaOfRule } from "./rule-types.ts";
import type { Schema } from "./schema.ts";

export interface MatchDeps {
  readonly descriptors: Descriptors;
  readonly messages: FirstMessages;
}

const speaks: DialectCondition = {
  name: "grpc",
  holds: ({ head }) => flavourOf(head) !== null,
  expected: () => "a call of gRPC, gRPC-Web or Connect",
  actual: ({ head }) => `content-type ${head.header("content-type") ?? "absent"}`,
};

/** null: the match says nothing of gRPC. Throws RuleProblem. */
export function compileGrpcMatch(
  match: MatchSpec,
  path: RulePath,
  tools: MatchTools,
  deps: MatchDeps,
): DialectMatch | null {
  const { grpc } = match;
  if (!grpc) return null;
  const schema = schemaOfRule(tools.spec, deps.descriptors);
  if (schema) checkNames(match, path, schema);
  const head: DialectCondition[] = [speaks];
  for (const key of ["service", "method"] as const) {
    const wanted = grpc[key];
    if (wanted === null || (wanted.op === "exact" && grpc.service?.op === "exact")) continue;
    const test = tools.text(wanted, [...path, "grpc", key]);
    head.push({
      name: `grpc.${key}`,
      holds: (call) => test(methodOf(call.head)?.[key]),
      expected: () => ("value" in wanted ? `${wanted.op} ${JSON.stringify(wanted.value)}` : "absent"),
      actual: (call) => JSON.stringify(methodOf(call.head)?.[key] ?? null),
    });
  }
  const target = impliedPath(grpc);
  return {
    implied: { headers: grpc.metadata, ...(target ? { path: target } : {}) },
    head,
    body: grpc.message ? [messageCondition(grpc.message, match, path, schema, tools, deps)] : [],
  };
}

function impliedPath({ service, method }: NonNullable<MatchSpec["grpc"]>): PathMatch | null {
  if (service?.op === "exact") {
    if (method?.op === "exact") return { op: "exact", value: `/${service.value}/${method.value}` };
    return { op: "prefix", value: `/${service.value}/` };
  }
  return method?.op === "exact" ? { op: "suffix", value: `/${method.value}` } : null;
}

function messageCondition(
  written: BodyMatch,
  match: MatchSpec,
  path: RulePath,
  schema: Schema | null,
  tools: MatchTools,
  deps: MatchDeps,
): DialectCondition {
  const { service, method } = match.grpc ?? {};
  const known =
    service?.op === "exact" && method?.op === "exact"
      ? schema?.method(service.value, method.value)
      : undefined;
  const place = [...path, "message"];
  const plain = tools.body(known ? canonical(written, known.request, place) : written, place);
  // Types that an upstream tells again are other ones: those before are forgotten with it.
  const tests = new WeakMap<MessageType, BodyTest>();
  if (known) tests.set(known.request, plain);
  /** A match may be about several methods: what it compares with is spelled once for each type. */
  const testFor = (type: MessageType | null): BodyTest => {
    if (type === null) return plain;
    const test = tests.get(type) ?? spelled(written, type, place, tools, plain);
    tests.set(type, test);
    return test;
  };
  const typeOf = (call: CallFacts): MessageType | null => {
    // JSON says by itself what it holds: nobody is asked for its sake.
    if (schema === null && flavourOf(call.head)?.codec !== "proto") return null;
    const found = methodOfCall(call.head, call.connection, schema, deps.descriptors);
    if (!(found instanceof Promise)) return found?.request ?? null;
    call.lacks?.(found);
    return null;
  };
  return {
    name: "message",
    holds(call) {
      const type = typeOf(call);
      const json = deps.messages.jsonOf(call, type);
      return json !== null && testFor(type).holds(json);
    },
    expected: () => plain.expected(),
    actual(call) {
      const json = deps.messages.jsonOf(call, typeOf(call));
      return json === null ? "no message that could be read (is its method described?)" : plain.actual(json);
    },
  };
}

/** What does not fit the type holds of none of its messages; it may fit another. */
function spelled(
  written: BodyMatch,
  type: MessageType,
  path: RulePath,
  tools: MatchTools,
  plain: BodyTest,
): BodyTest {
  try {
    return tools.body(canonical(written, type, path), path);
  } catch {
    return { ...plain, holds: () => false };
  }
}

/** Compares as messages compare: names and numbers spelled otherwise are the same. Throws RuleProblem for what cannot be. */
function canonical(match: BodyMatch, type: MessageType, path: RulePath): BodyMatch {
  switch (match.op) {
    case "and":
    case "or":
      return {
        ...match,
        of: match.of.map((item, index) => canonical(item, type, [...path, match.op, index])),
      };
    case "not":
      return { op: "not", of: canonical(match.of, type, [...path, "not"]) };
    case "equalToJson": {
      const whole = asMessage(match.value, type, [...path, "equalToJson"]);
      return { ...match, value: match.ignoreExtraElements ? onlyWritten(whole, match.value, type) : whole };
    }
    case "matchesJsonPath":
      checkQuery(match.expression, type, [...path, "matchesJsonPath"]);
      return match;
    default:
      return match;
  }
}

function asMessage(value: unknown, type: MessageType, path: RulePath): unknown {
  return decodeMessage(encodeChecked(value, type, path), type);
}

/** Without the zeros that nobody wrote. */
function onlyWritten(whole: unknown, written: unknown, type: MessageType): unknown {
  if (!isMapping(whole) || !isMapping(written)) return whole;
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(written)) {
    const field = type.byName(name);
    const key = field?.jsonName ?? name;
    const made = whole[key];
    const inner = field?.value.kind === "message" ? field.value.message : null;
    if (!inner) kept[key] = made;
    else if (field?.mapKey !== null && isMapping(made) && isMapping(value))
      kept[key] = Object.fromEntries(
        Object.entries(made).map(([entry, item]) => [entry, onlyWritten(item, value[entry], inner)]),
      );
    else if (Array.isArray(made) && Array.isArray(value))
      kept[key] = made.map((item: unknown, index) => onlyWritten(item, value[index], inner));
    else kept[key] = onlyWritten(made, value, inner);
  }
  return kept;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Follows the plain names that a JSONPath begins with: `$.user.plan`. */
function checkQuery(expression: string, type: MessageType, path: RulePath): void {
  const [, names = ""] = /^\$((?:\.[A-Za-z_]\w*)+)/.exec(expression) ?? [];
  let at: MessageType | null = type;
  for (const name of names.split(".").slice(1)) {
    if (at === null || at.name.startsWith("google.protobuf.")) return;
    const field = at.byName(name);
    if (!field || field.jsonName !== name) {
      const hint = field ? `, which JSON calls "${field.jsonName}"` : "";
      throw new RuleProblem(path, field ? `unknown name "${name}" in JSON${hint}` : unknownField(name, at));
    }
    at =
      field.value.kind === "message" && field.mapKey === null && !field.repeated ? field.value.message : null;
  }
}
