// Values that a rule writes, held against a schema while the rules are loaded: a call would end in an error that only its
// client sees.

import type {
  GraphQLLeafType,
  GraphQLNamedType,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLType,
} from "graphql";
import { nearest } from "../../../../core/nearest.ts";
import { type RulePath, RuleProblem } from "../../../../core/rule-problem.ts";
import { unknownName } from "./coordinates.ts";
import type { GraphqlLibrary } from "./library.ts";
import { isRecord } from "./wire/params.ts";

export interface ValueDeps {
  readonly schema: GraphQLSchema;
  readonly lib: GraphqlLibrary;
}

/** null fits everywhere, since a rule may mean it to rise. Throws RuleProblem at the place of what does not fit. */
export function checkValue(value: unknown, type: GraphQLType, path: RulePath, deps: ValueDeps): void {
  const { lib } = deps;
  if (value === null || value === undefined) return;
  const bare = lib.getNullableType(type);
  if (lib.isListType(bare)) {
    if (!Array.isArray(value))
      throw new RuleProblem(path, `expected a list for ${type}, got ${shown(value)}`);
    for (const [index, item] of value.entries()) checkValue(item, bare.ofType, [...path, index], deps);
  } else if (lib.isLeafType(bare)) checkLeaf(value, bare, path, lib);
  else if (lib.isCompositeType(bare)) checkObject(value, bare, path, deps);
}

/** The place of a value that stands under a key of a rule: a mapping has to be written under `value`. */
export function valuePath(value: unknown, place: RulePath): RulePath {
  return isRecord(value) ? [...place, "value"] : place;
}

function checkLeaf(value: unknown, type: GraphQLLeafType, path: RulePath, lib: GraphqlLibrary): void {
  try {
    type.coerceOutputValue(value);
  } catch (cause) {
    const names = lib.isEnumType(type) ? type.getValues().map(({ name }) => name) : [];
    const meant = typeof value === "string" ? nearest(value, names) : undefined;
    const known = names.length > 0 && names.length <= 10 ? ` (${names.join(", ")})` : "";
    const hint = meant === undefined ? "" : `, did you mean "${meant}"?`;
    throw new RuleProblem(path, `expected a value of ${type.name}${known}, got ${shown(value)}${hint}`, {
      cause,
    });
  }
}

function checkObject(value: unknown, type: GraphQLNamedType, path: RulePath, deps: ValueDeps): void {
  if (!isRecord(value))
    throw new RuleProblem(path, `expected an object of ${type.name}, got ${shown(value)}`);
  const object = objectTypeOf(value, type, path, deps);
  const fields = object.getFields();
  for (const [name, member] of Object.entries(value)) {
    if (name === "__typename") continue;
    const field = fields[name];
    if (field === undefined)
      throw unknownName("field", name, object.name, Object.keys(fields), [...path, name]);
    checkValue(member, field.type, [...path, name], deps);
  }
}

function objectTypeOf(
  value: Readonly<Record<string, unknown>>,
  type: GraphQLNamedType,
  path: RulePath,
  { lib, schema }: ValueDeps,
): GraphQLObjectType {
  if (lib.isObjectType(type)) return type;
  const possible = lib.isAbstractType(type) ? schema.getPossibleTypes(type) : [];
  const named = value.__typename;
  const found = possible.find(({ name }) => name === named);
  if (found !== undefined) return found;
  const names = possible.map(({ name }) => name);
  if (typeof named === "string") throw unknownName("type", named, type.name, names, [...path, "__typename"]);
  throw new RuleProblem(path, `expected __typename, to tell which type of ${type.name} it is, got none`);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 100);
}
