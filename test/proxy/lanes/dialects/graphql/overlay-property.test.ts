// The promise of the overlay: asking less and merging gives what asking for everything and then overwriting gives. The other
// side of the comparison is graphql-js itself, executing the whole operation with the rule's answers as resolvers.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  execute,
  type GraphQLFieldResolver,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  isObjectType,
  parse,
  validate,
} from "graphql";
import type { GraphqlOverlayField } from "../../../../../src/core/rule-graphql.ts";
import { Documents } from "../../../../../src/proxy/lanes/dialects/graphql/documents.ts";
import { graphqlLibrary } from "../../../../../src/proxy/lanes/dialects/graphql/library.ts";
import { merge } from "../../../../../src/proxy/lanes/dialects/graphql/overlay/merge.ts";
import { prune } from "../../../../../src/proxy/lanes/dialects/graphql/overlay/prune.ts";
import { Targets } from "../../../../../src/proxy/lanes/dialects/graphql/overlay/targets.ts";
import { type Known, knownValue, type Manner, makeWorld, type World } from "./worlds.ts";

const lib = graphqlLibrary();

interface Outcome {
  readonly data: unknown;
  readonly errors: readonly string[];
}

/** Where the seeds begin, and how many worlds each test looks at: OVERLAY_WORLDS=100000:20000 looks further. */
const [start = 1, wanted] = (process.env.OVERLAY_WORLDS ?? "").split(":").filter(Boolean).map(Number);

interface Seen {
  overlaid: number;
  /** The upstream was asked for less. */
  dropped: number;
  unasked: number;
}

/** The same answer both ways, in every world. */
async function compare(count: number, manner: Manner, schemaOf: (world: World) => GraphQLSchema | null) {
  const seen: Seen = { overlaid: 0, dropped: 0, unasked: 0 };
  for (let seed = start; seed < start + (wanted ?? count); seed++) {
    const world = makeWorld(seed, manner);
    if (world === null) continue;
    const expected = await overwritten(world);
    const found = await overlay(world, schemaOf(world)).catch((cause: unknown) => {
      throw new Error(`seed ${seed}\n${world.query}\n${JSON.stringify(world.fields)}`, { cause });
    });
    const story = `seed ${seed}\n${world.query}\n${JSON.stringify(world.variables)}\n${JSON.stringify(world.fields)}\nasked ${found.asked}\n${world.sdl}\ngot ${JSON.stringify(found)}\nwanted ${JSON.stringify(expected)}`;
    if (manner.plain) assert.deepEqual(plain(found.data), plain(expected.data), story);
    else assert.equal(JSON.stringify(found.data), JSON.stringify(expected.data), story);
    assert.deepEqual(found.errors, expected.errors, story);
    seen.overlaid += found.asked === world.query ? 0 : 1;
    seen.unasked += found.asked === null ? 1 : 0;
    seen.dropped += found.asked !== null && found.asked.length < world.query.length ? 1 : 0;
  }
  return seen;
}

test("overlay: equals querying everything and overwriting, over 1,000 made-up worlds", async () => {
  const { overlaid, unasked, dropped } = await compare(1_000, {}, ({ schema }) => schema);
  // The worlds must be interesting ones.
  assert.ok(overlaid > 450 && unasked > 5 && dropped > 150, `${overlaid} ${unasked} ${dropped}`);
});

test("overlay: the same with fragments used twice, aliases like other fields, mutations, introspection", async () => {
  const { overlaid, unasked, dropped } = await compare(1_000, { wild: true }, ({ schema }) => schema);
  assert.ok(overlaid > 350 && unasked > 5 && dropped > 100, `${overlaid} ${unasked} ${dropped}`);
});

test("overlay: by paths alone it needs no schema, over 1,000 made-up worlds", async () => {
  const tame = await compare(500, { plain: true }, () => null);
  const wild = await compare(500, { plain: true, wild: true }, () => null);
  assert.ok(tame.overlaid > 150 && wild.overlaid > 100, `${tame.overlaid} ${wild.overlaid}`);
});

/** The whole operation, executed with the rule's answers in the place of the server's. */
async function overwritten(world: World): Promise<Outcome> {
  const result = await execute({
    schema: world.schema,
    document: parse(world.query),
    variableValues: world.variables,
    rootValue: rootOf(world),
    fieldResolver: resolving(world, (info, names) => targetFor(world, info, names)),
    typeResolver: typeOf,
  });
  return { data: result.data, errors: toldErrors(result.data, result.errors ?? []) };
}

async function overlay(
  world: World,
  schema: GraphQLSchema | null,
): Promise<Outcome & { readonly asked: string | null }> {
  const parsed = new Documents(lib).parse(world.query);
  assert.equal(parsed.kind, "document");
  const operation = parsed.operation(null);
  assert.ok(operation);
  const targets = new Targets(world.fields, schema);
  const deps = { lib, schema, targets };
  const pruned = prune(operation, world.variables, deps);
  if (!pruned.changed) {
    const { data, errors } = await upstream(world, world.query, world.variables);
    return { data, errors: toldErrors(data, errors), asked: world.query };
  }
  const left = Object.entries(world.variables).filter(([name]) => pruned.variables.has(name));
  const reply =
    pruned.query === null
      ? { data: {}, errors: [] }
      : await upstream(world, pruned.query, Object.fromEntries(left));
  if (reply.data === null) return { data: null, errors: toldErrors(null, reply.errors), asked: pruned.query };
  const call = { operation: operation.node, fragments: parsed.fragments, variables: world.variables };
  const merged = merge(pruned, { ...reply.data }, call, deps);
  return {
    data: merged.data,
    errors: toldErrors(merged.data, [...merged.errors, ...reply.errors]),
    asked: pruned.query,
  };
}

function rootOf({ query }: World): Known {
  return { type: query.startsWith("mutation") ? "Mutation" : "Query", way: [] };
}

async function upstream(world: World, query: string, variables: Record<string, unknown>) {
  const document = parse(query);
  assert.deepEqual(validate(world.schema, document), [], query);
  const result = await execute({
    schema: world.schema,
    document,
    variableValues: variables,
    rootValue: rootOf(world),
    fieldResolver: resolving(world, () => null),
    typeResolver: typeOf,
  });
  return { data: result.data ?? null, errors: result.errors ?? [] };
}

type Find = (info: GraphQLResolveInfo, names: readonly string[]) => GraphqlOverlayField | null;

/** Ways of objects that a rule gave: they come without any. */
const given = new WeakMap<object, readonly string[]>();

function resolving(world: World, find: Find): GraphQLFieldResolver<unknown, unknown> {
  return (source, args, _context, info) => {
    const object = source as Known | Record<string, unknown>;
    const isKnown = "way" in object;
    const above = isKnown
      ? (object as Known).way.filter((step): step is string => typeof step === "string" && step !== "!")
      : (given.get(object) ?? []);
    const names = [...above, info.fieldName];
    const target = find(info, names);
    if (target?.action.kind === "error") throw new Error(target.action.error.message);
    const value =
      target?.action.kind === "value"
        ? target.action.value
        : isKnown
          ? knownValue(world, object as Known, info.fieldName, args)
          : (object as Record<string, unknown>)[info.fieldName];
    if (target?.action.kind === "value" || !isKnown) return marked(value, names);
    return value;
  };
}

/** A copy whose objects remember where they stand. */
function marked(value: unknown, names: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => marked(item, names));
  if (typeof value !== "object" || value === null) return value;
  const copy = { ...value };
  given.set(copy, names);
  return copy;
}

function targetFor(
  world: World,
  info: GraphQLResolveInfo,
  names: readonly string[],
): GraphqlOverlayField | null {
  const byPath = world.fields.find((one) => one.coordinate === names.join("."));
  if (byPath) return byPath;
  const parent = info.parentType;
  const mine = [parent.name, ...(isObjectType(parent) ? parent.getInterfaces().map(({ name }) => name) : [])];
  return (
    world.fields.find((one) => {
      const [type = "", field] = one.coordinate.split(".");
      return field === info.fieldName && mine.includes(type) && one.coordinate.split(".").length === 2;
    }) ?? null
  );
}

function typeOf(value: unknown): string {
  const object = value as { type?: string; __typename?: string; way?: unknown };
  return (object.way === undefined ? object.__typename : object.type) ?? "";
}

/**
 * Where a null has risen over several fields, which of their errors are told is left to the server (GraphQL §6.4.4): there
 * the place of the null is compared. Everywhere else it is the message.
 */
function toldErrors(
  data: unknown,
  errors: readonly { readonly message: string; readonly path?: readonly (string | number)[] | undefined }[],
): readonly string[] {
  const told = errors.map(({ message, path = [] }) => {
    let value = data;
    for (const [depth, step] of path.entries()) {
      if (value === null || value === undefined) return `null at ${path.slice(0, depth).join(".")}`;
      value = (value as Record<string | number, unknown>)[step];
    }
    return `${path.join(".")}: ${message}`;
  });
  return [...new Set(told)].sort();
}

/** Without the null prototypes of graphql-js. */
function plain(data: unknown): unknown {
  return JSON.parse(JSON.stringify(data));
}
