// What answers each field of a mocked schema: what the rule says, else what the object above knows, else a made-up value.

import type { GraphQLFieldResolver, GraphQLResolveInfo, GraphQLSchema, GraphQLTypeResolver } from "graphql";
import type { Exchange } from "../../../../../core/exchange.ts";
import type { DelaySpec } from "../../../../../core/rule.ts";
import type { GraphqlLibrary } from "../library.ts";
import { isRecord } from "../wire/params.ts";
import { type Generator, Made } from "./generate.ts";
import { Relayed } from "./relayed.ts";

/** One call that is being answered. */
export interface MockCall {
  readonly exchange: Exchange;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Values made so far. */
  made: number;
}

/** Values of one answer: lists inside lists multiply. */
const maxMade = 200_000;

/** What a resolver of a rule sees. */
export interface View {
  readonly args: Readonly<Record<string, unknown>>;
  readonly parent: unknown;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly state: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** An override, ready to be asked. */
export interface Prepared {
  /** null: a generated value. May be a promise. */
  readonly resolve: ((view: () => View, call: MockCall, info: GraphQLResolveInfo) => unknown) | null;
  readonly length: number | null;
  readonly error: {
    readonly message: string;
    readonly extensions: Readonly<Record<string, unknown>> | null;
  } | null;
  readonly delay: DelaySpec | null;
  /** Changes the state, before the value is worked out. */
  readonly remember: ((view: View) => void) | null;
}

export interface ResolverDeps {
  readonly lib: GraphqlLibrary;
  readonly schema: GraphQLSchema;
  readonly generator: Generator;
  /** By `User.email`, and by the names of types. */
  readonly overrides: ReadonlyMap<string, Prepared>;
  readonly listLength: number;
  readonly state: Readonly<Record<string, unknown>>;
  readonly wait: (delay: DelaySpec, signal: AbortSignal) => Promise<void>;
}

export type MockFieldResolver = GraphQLFieldResolver<unknown, MockCall>;

export function createResolver(deps: ResolverDeps): MockFieldResolver {
  const { overrides } = deps;
  return (source, args, call, info) => {
    if (++call.made > maxMade) throw new deps.lib.GraphQLError(`The answer has more than ${maxMade} values.`);
    if (source instanceof Relayed) return source.field(info, deps.lib);
    const override =
      overrides.size === 0 ? undefined : overrides.get(`${info.parentType.name}.${info.fieldName}`);
    if (override === undefined) return known(source, args, call, info, deps, deps.listLength);
    const answer = () => overridden(override, source, args, call, info, deps);
    if (override.delay === null) return answer();
    return deps.wait(override.delay, call.exchange.signal).then(answer);
  };
}

function overridden(
  override: Prepared,
  source: unknown,
  args: Readonly<Record<string, unknown>>,
  call: MockCall,
  info: GraphQLResolveInfo,
  deps: ResolverDeps,
): unknown {
  const { lib } = deps;
  const view = () => viewOf(source, args, call, deps);
  override.remember?.(view());
  if (override.error !== null)
    throw new lib.GraphQLError(override.error.message, { extensions: override.error.extensions });
  if (override.resolve !== null) return override.resolve(view, call, info);
  return known(source, args, call, info, deps, override.length ?? deps.listLength);
}

/** From the object above, else of the type, else made up. */
function known(
  source: unknown,
  args: Readonly<Record<string, unknown>>,
  call: MockCall,
  info: GraphQLResolveInfo,
  deps: ResolverDeps,
  length: number,
): unknown {
  const { fieldName, returnType } = info;
  const found = memberOf(source instanceof Made ? source.given : source, fieldName);
  if (found !== undefined && fits(source, returnType, deps.lib)) return found;
  const type =
    deps.overrides.size === 0 ? undefined : deps.overrides.get(deps.lib.getNamedType(returnType).name);
  const key = deps.generator.keyOf(keyOf(source, info, deps), fieldName, args);
  const made = deps.generator.value(returnType, key, fieldName, length, args);
  return type === undefined ? made : ofType(type, made, () => viewOf(source, args, call, deps), call, info);
}

/** A made-up object takes over leaves that it was asked for by; what a rule wrote is taken as it is. */
function fits(source: unknown, type: GraphQLResolveInfo["returnType"], lib: GraphqlLibrary): boolean {
  return !(source instanceof Made) || lib.isLeafType(lib.getNullableType(type));
}

/** An override of a type stands for each value of it; one that is a mapping fills in some fields of an object. */
function ofType(
  override: Prepared,
  made: unknown,
  view: () => View,
  call: MockCall,
  info: GraphQLResolveInfo,
): unknown {
  if (Array.isArray(made)) return made.map((item) => ofType(override, item, view, call, info));
  if (override.resolve === null) return made;
  const value = override.resolve(view, call, info);
  if (!(made instanceof Made) || !isRecord(value)) return value;
  const type = typeof value.__typename === "string" ? value.__typename : made.type;
  return { __typename: type, ...leavesOf(made.given), ...value, [keySymbol]: made.key };
}

/** What an object was asked for by, as far as a field could have it. */
function leavesOf(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => typeof value !== "object"));
}

/** Where an object that a rule began keeps the key for the fields that it left out. */
const keySymbol: unique symbol = Symbol("key");

function keyOf(source: unknown, info: GraphQLResolveInfo, deps: ResolverDeps): number {
  if (source instanceof Made) return source.key;
  if (isRecord(source)) {
    const key = (source as { readonly [keySymbol]?: number })[keySymbol]; // set by ofType alone
    if (key !== undefined) return key;
  }
  // An object that a rule wrote has no key: its place in the answer stands for it.
  let key = 0;
  for (let at = info.path.prev; at !== undefined; at = at.prev)
    key = deps.generator.keyOf(key, String(at.key), {});
  return key;
}

function memberOf(source: unknown, name: string): unknown {
  return isRecord(source) && Object.hasOwn(source, name) ? source[name] : undefined;
}

function viewOf(
  source: unknown,
  args: Readonly<Record<string, unknown>>,
  call: MockCall,
  deps: ResolverDeps,
): View {
  const parent = source instanceof Made ? { __typename: source.type, ...source.given } : (source ?? null);
  return {
    args,
    parent,
    variables: call.variables,
    state: deps.state,
    headers: headersOf(call.exchange),
  };
}

function headersOf({ head }: Exchange): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const [name] of head.headers) headers[name.toLowerCase()] = head.header(name.toLowerCase()) ?? "";
  return headers;
}

/** Which object type a value is: it knows itself, or says so. */
export function createTypeResolver({
  schema,
  lib,
}: Pick<ResolverDeps, "schema" | "lib">): GraphQLTypeResolver<unknown, MockCall> {
  return (value, _call, _info, abstract) => {
    if (value instanceof Made) return value.type;
    if (value instanceof Relayed) return value.typeName;
    const name = memberOf(value, "__typename");
    if (typeof name === "string") return name;
    const [only, ...others] = schema.getPossibleTypes(abstract);
    if (only !== undefined && others.length === 0) return only.name;
    throw new lib.GraphQLError(
      `A value of the rule for ${abstract.name}: expected __typename, to tell its type.`,
    );
  };
}
