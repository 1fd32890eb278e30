// The fields that a rule answers, found by their place in an operation or by their type.

import type { GraphQLCompositeType, GraphQLObjectType, GraphQLSchema } from "graphql";
import type { GraphqlOverlayField } from "../../../../../core/rule-graphql.ts";

/** A place in a tree of field names; what an operation selects is walked along with it. */
export interface PathNode {
  readonly children: Map<string, PathNode>;
  target: GraphqlOverlayField | null;
}

/** `User.email`: a type begins with a capital letter, unless a schema knows better. */
export function isTypeCoordinate(coordinate: string, schema: GraphQLSchema | null): boolean {
  const [first = "", second, third] = coordinate.split(".");
  if (second === undefined || third !== undefined) return false;
  return schema === null ? /^[A-Z]/.test(first) : schema.getType(first) !== undefined;
}

export class Targets {
  readonly root: PathNode = { children: new Map(), target: null };
  readonly #byField = new Map<string, { readonly type: string; readonly target: GraphqlOverlayField }[]>();

  constructor(fields: readonly GraphqlOverlayField[], schema: GraphQLSchema | null) {
    for (const target of fields) {
      const names = target.coordinate.split(".");
      if (isTypeCoordinate(target.coordinate, schema)) this.#addType(names, target);
      else this.#addPath(names, target);
    }
  }

  /** What answers a field of an object of exactly this type; a path goes before a type. */
  of(
    place: PathNode | undefined,
    type: GraphQLObjectType | null,
    field: string,
    schema: GraphQLSchema | null,
  ) {
    const byPath = place?.children.get(field)?.target ?? null;
    if (byPath !== null || type === null || schema === null) return byPath;
    const found = this.#byField.get(field)?.find((one) => covers(schema, one.type, type));
    return found?.target ?? null;
  }

  /** Whether a type names this field at all. */
  mayNameField(field: string): boolean {
    return this.#byField.has(field);
  }

  #addPath(names: readonly string[], target: GraphqlOverlayField): void {
    let node = this.root;
    for (const name of names) {
      let next = node.children.get(name);
      if (next === undefined) {
        next = { children: new Map(), target: null };
        node.children.set(name, next);
      }
      node = next;
    }
    node.target = target;
  }

  #addType([type = "", field = ""]: readonly string[], target: GraphqlOverlayField): void {
    const known = this.#byField.get(field) ?? [];
    known.push({ type, target });
    this.#byField.set(field, known);
  }
}

/** Whether the named type is this object type, or an abstract type of it. */
function covers(schema: GraphQLSchema, name: string, type: GraphQLObjectType): boolean {
  if (name === type.name) return true;
  const named = schema.getType(name);
  return isAbstract(named) && schema.isSubType(named, type);
}

function isAbstract(type: unknown): type is Parameters<GraphQLSchema["isSubType"]>[0] {
  return typeof type === "object" && type !== null && "resolveType" in type;
}

/** The object types that something of this type may be. */
export function possibleTypes(
  schema: GraphQLSchema,
  type: GraphQLCompositeType,
): readonly GraphQLObjectType[] {
  return isAbstract(type) ? schema.getPossibleTypes(type) : [type as GraphQLObjectType]; // composite: all that is left
}
