// The rule's own answer to a field, brought into the shape that the operation asks for (GraphQL §6.4.3). With a schema it is
// checked as a server checks what its resolvers give; without one it is taken as it is.

import type {
  FieldNode,
  GraphQLLeafType,
  GraphQLObjectType,
  GraphQLOutputType,
  GraphQLSchema,
  OperationDefinitionNode,
  SelectionSetNode,
} from "graphql";
import { messageOf } from "../../../../../core/errors.ts";
import type { GraphqlErrorSpec, GraphqlOverlayField } from "../../../../../core/rule-graphql.ts";
import type { GraphqlLibrary } from "../library.ts";
import type { Fragments } from "../measure.ts";
import { isRecord } from "../wire/params.ts";
import { isIncluded } from "./inclusion.ts";
import type { PathNode, Targets } from "./targets.ts";

export type ResponsePath = readonly (string | number)[];

/** GraphQL §7.1.2. */
export interface AnswerError {
  readonly message: string;
  readonly path: ResponsePath;
  readonly locations?: readonly { readonly line: number; readonly column: number }[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Stands where a field has ended in an error: null here, or further up where null may not stand. */
export const rising: unique symbol = Symbol("null that rises");

export interface Answering {
  readonly lib: GraphqlLibrary;
  readonly schema: GraphQLSchema | null;
  readonly targets: Targets;
  readonly operation: OperationDefinitionNode;
  readonly fragments: Fragments;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Grows. */
  readonly errors: AnswerError[];
}

/** Where the answer is to stand. */
export interface AnswerPlace {
  /** null: not known. */
  readonly type: GraphQLOutputType | null;
  /** Name of the type that has the field; null: not known. */
  readonly parent: string | null;
  readonly path: ResponsePath;
  /** In the tree of paths; further targets may lie below. */
  readonly place: PathNode | undefined;
}

/** The value for the answer, or `rising`. `nodes`: every selection of the field under its name. */
export function answerField(
  target: GraphqlOverlayField,
  nodes: readonly FieldNode[],
  at: AnswerPlace,
  answering: Answering,
): unknown {
  const { action } = target;
  if (action.kind === "error") return failed(action.error, nodes, at.path, answering);
  return completed(action.kind === "value" ? action.value : null, nodes, at, answering);
}

function completed(
  value: unknown,
  nodes: readonly FieldNode[],
  at: AnswerPlace,
  answering: Answering,
): unknown {
  const { lib } = answering;
  if (!lib.isNonNullType(at.type)) return nullable(value, nodes, at, answering);
  const found = nullable(value, nodes, { ...at, type: at.type.ofType }, answering);
  if (found !== null) return found;
  const name = nodes[0]?.name.value ?? "";
  const message = `Cannot return null for non-nullable field ${at.parent ?? "?"}.${name}.`;
  return failed({ message, extensions: null }, nodes, at.path, answering);
}

function nullable(
  value: unknown,
  nodes: readonly FieldNode[],
  at: AnswerPlace,
  answering: Answering,
): unknown {
  const { lib } = answering;
  if (value === null || value === undefined) return null;
  if (lib.isListType(at.type) || (at.type === null && Array.isArray(value)))
    return list(value, nodes, at, answering);
  if (lib.isLeafType(at.type)) return leaf(value, at.type, nodes, at.path, answering);
  const sets = nodes.flatMap((node) => node.selectionSet ?? []);
  if (sets.length === 0) return value;
  if (isRecord(value)) return object(value, sets, nodes, at, answering);
  return failed(
    { message: "The rule's value: expected an object", extensions: null },
    nodes,
    at.path,
    answering,
  );
}

function list(value: unknown, nodes: readonly FieldNode[], at: AnswerPlace, answering: Answering): unknown {
  const { lib } = answering;
  if (!Array.isArray(value)) {
    const message = `The rule's value for ${at.parent ?? "?"}.${nodes[0]?.name.value}: expected a list`;
    return failed({ message, extensions: null }, nodes, at.path, answering);
  }
  const type = lib.isListType(at.type) ? at.type.ofType : null;
  const items = value.map((one, index) => {
    const found = completed(one, nodes, { ...at, type, path: [...at.path, index] }, answering);
    return found === rising && !lib.isNonNullType(type) ? null : found;
  });
  return items.includes(rising) ? rising : items;
}

function leaf(
  value: unknown,
  type: GraphQLLeafType,
  nodes: readonly FieldNode[],
  path: ResponsePath,
  answering: Answering,
): unknown {
  try {
    return type.coerceOutputValue(value) ?? null;
  } catch (thrown) {
    return failed({ message: messageOf(thrown), extensions: null }, nodes, path, answering);
  }
}

function object(
  value: Readonly<Record<string, unknown>>,
  sets: readonly SelectionSetNode[],
  nodes: readonly FieldNode[],
  at: AnswerPlace,
  answering: Answering,
): unknown {
  const type = objectTypeOf(value, at.type, answering);
  if (type === undefined) {
    const message = `The rule's value: expected __typename to say which type of ${at.type} it is`;
    return failed({ message, extensions: null }, nodes, at.path, answering);
  }
  const name = type?.name ?? (typeof value.__typename === "string" ? value.__typename : null);
  const fields = new Map<string, FieldNode[]>();
  for (const set of sets) collect(set, name, fields, answering);
  const result: Record<string, unknown> = {};
  let risen = false;
  for (const [key, found] of fields) {
    const member = fieldOf(value, type, name, found, { ...at, path: [...at.path, key] }, answering);
    if (member !== rising) setMember(result, key, member);
    else if (answering.lib.isNonNullType(type?.getFields()[found[0]?.name.value ?? ""]?.type)) risen = true;
    else setMember(result, key, null);
  }
  return risen ? rising : result;
}

function fieldOf(
  value: Readonly<Record<string, unknown>>,
  type: GraphQLObjectType | null,
  typeName: string | null,
  nodes: readonly FieldNode[],
  at: AnswerPlace,
  answering: Answering,
): unknown {
  const name = nodes[0]?.name.value ?? "";
  if (name === "__typename") return typeName;
  const place: AnswerPlace = {
    type: type?.getFields()[name]?.type ?? null,
    parent: typeName,
    path: at.path,
    place: at.place?.children.get(name),
  };
  const target = answering.targets.of(at.place, type, name, answering.schema);
  if (target !== null && target.action.kind !== "keep") return answerField(target, nodes, place, answering);
  return completed(Object.hasOwn(value, name) ? value[name] : null, nodes, place, answering);
}

/** null: there is no schema. undefined: the value does not say. */
function objectTypeOf(
  value: Readonly<Record<string, unknown>>,
  type: GraphQLOutputType | null,
  { lib, schema }: Answering,
): GraphQLObjectType | null | undefined {
  if (type === null || schema === null) return null;
  if (lib.isObjectType(type)) return type;
  const named = typeof value.__typename === "string" ? schema.getType(value.__typename) : undefined;
  return lib.isObjectType(named) && lib.isAbstractType(type) && schema.isSubType(type, named)
    ? named
    : undefined;
}

/** GraphQL §6.3.2. `type`: name of the object's type; null: not known, then every fragment applies. */
function collect(
  set: SelectionSetNode,
  type: string | null,
  fields: Map<string, FieldNode[]>,
  answering: Answering,
  spread: Set<string> = new Set(),
): void {
  for (const selection of set.selections) {
    if (!isIncluded(selection, answering.operation, answering.variables).included) continue;
    if (selection.kind === "Field") {
      const key = selection.alias?.value ?? selection.name.value;
      const known = fields.get(key);
      if (known === undefined) fields.set(key, [selection]);
      else known.push(selection);
      continue;
    }
    const fragment =
      selection.kind === "InlineFragment" ? selection : fragmentOf(selection.name.value, spread, answering);
    if (fragment && applies(fragment.typeCondition?.name.value, type, answering))
      collect(fragment.selectionSet, type, fields, answering, spread);
  }
}

function fragmentOf(name: string, spread: Set<string>, { fragments }: Answering) {
  if (spread.has(name)) return undefined;
  spread.add(name);
  return fragments.get(name);
}

function applies(condition: string | undefined, type: string | null, { schema, lib }: Answering): boolean {
  if (condition === undefined || type === null || condition === type) return true;
  const [wanted, own] = [schema?.getType(condition), schema?.getType(type)];
  return lib.isAbstractType(wanted) && lib.isObjectType(own) && schema?.isSubType(wanted, own) === true;
}

function failed(
  error: GraphqlErrorSpec,
  nodes: readonly FieldNode[],
  path: ResponsePath,
  { errors, lib }: Answering,
): typeof rising {
  const locations = nodes.flatMap(({ loc }) => (loc ? [lib.getLocation(loc.source, loc.start)] : []));
  errors.push({
    message: error.message,
    locations,
    path,
    ...(error.extensions === null ? {} : { extensions: error.extensions }),
  });
  return rising;
}

/** As JSON has it: `__proto__` is a name like any other. */
export function setMember(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__")
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}
