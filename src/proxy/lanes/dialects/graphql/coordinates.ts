// The fields that rules name, held against a schema: what is not there is refused with the name that was probably meant.

import type { GraphQLNamedType, GraphQLOutputType, GraphQLSchema } from "graphql";
import { nearest } from "../../../../core/nearest.ts";
import { type RulePath, RuleProblem } from "../../../../core/rule-problem.ts";
import type { GraphqlLibrary } from "./library.ts";

/** What a coordinate names. */
export type Named =
  | { readonly kind: "type"; readonly type: GraphQLNamedType }
  /** `type`: of its values, with its lists. */
  | { readonly kind: "field"; readonly type: GraphQLOutputType };

/** `user.email` from a root, `User.email`, or `User`. Throws RuleProblem at `path`. */
export function checkCoordinate(
  coordinate: string,
  schema: GraphQLSchema,
  lib: GraphqlLibrary,
  path: RulePath,
): Named {
  const names = coordinate.split(".");
  const [first = "", second] = names;
  const type = schema.getType(first);
  if (second === undefined && type !== undefined) return { kind: "type", type };
  if (names.length === 2 && type !== undefined && second !== undefined)
    return { kind: "field", type: fieldOf(type, second, lib, path) };
  const looksLikeType = /^[A-Z]/.test(first) && names.length <= 2;
  if (looksLikeType) throw unknownName("type", first, "the schema", Object.keys(schema.getTypeMap()), path);
  return { kind: "field", type: checkPath(names, schema, lib, path) };
}

/** Under any of the roots, since one rule may claim queries and mutations. */
function checkPath(
  names: readonly string[],
  schema: GraphQLSchema,
  lib: GraphqlLibrary,
  path: RulePath,
): GraphQLOutputType {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].filter(
    (root) => root !== null && root !== undefined,
  );
  const [first = "", ...rest] = names;
  const root = roots.find((one) => one.getFields()[first] !== undefined);
  if (root === undefined) {
    const fields = roots.flatMap((one) => Object.keys(one.getFields()));
    throw unknownName("field", first, roots.map(({ name }) => name).join(", "), fields, path);
  }
  let type = fieldOf(root, first, lib, path);
  for (const name of rest) type = fieldBelow(lib.getNamedType(type), name, schema, lib, path);
  return type;
}

/** In a path also a field of the types that an abstract one may be: fragments lead there. */
function fieldBelow(
  type: GraphQLNamedType,
  name: string,
  schema: GraphQLSchema,
  lib: GraphqlLibrary,
  path: RulePath,
): GraphQLOutputType {
  if (!lib.isAbstractType(type)) return fieldOf(type, name, lib, path);
  const owners = [type, ...schema.getPossibleTypes(type)].flatMap((one) =>
    lib.isUnionType(one) ? [] : [one],
  );
  const owner = owners.find((one) => one.getFields()[name] !== undefined);
  if (owner !== undefined) return fieldOf(owner, name, lib, path);
  const fields = owners.flatMap((one) => Object.keys(one.getFields()));
  throw unknownName("field", name, type.name, [...new Set(fields)], path);
}

/** The type of a field. */
function fieldOf(
  type: GraphQLNamedType,
  name: string,
  lib: GraphqlLibrary,
  path: RulePath,
): GraphQLOutputType {
  const fields = lib.isObjectType(type) || lib.isInterfaceType(type) ? type.getFields() : null;
  const found = fields?.[name];
  if (found !== undefined) return found.type;
  if (fields === null) throw new RuleProblem(path, `expected a type with fields, got ${type.name}`);
  throw unknownName("field", name, type.name, Object.keys(fields), path);
}

/** The problem of a name that is not there, with the one that was probably meant. */
export function unknownName(
  kind: "field" | "type",
  name: string,
  place: string,
  known: readonly string[],
  path: RulePath,
): RuleProblem {
  const meant = nearest(name, known);
  const hint = meant === undefined ? "" : `, did you mean "${meant}"?`;
  return new RuleProblem(path, `expected a ${kind} of ${place}, got "${name}"${hint}`);
}
