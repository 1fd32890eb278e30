// Which types and fields of a schema an operation selects.

import type { GraphQLNamedType, GraphQLSchema } from "graphql";
import type { ParsedDocument } from "./documents.ts";
import type { GraphqlLibrary } from "./library.ts";
import type { Operation } from "./operation.ts";
import { usedIn } from "./overlay/used.ts";

/** `User` and `User.email`, of each type as the operation names it. Worked out once for each operation. */
export class SelectedCoordinates {
  readonly #lib: GraphqlLibrary;
  readonly #schema: GraphQLSchema;
  readonly #known = new WeakMap<Operation, ReadonlySet<string>>();

  constructor(schema: GraphQLSchema, lib: GraphqlLibrary) {
    this.#schema = schema;
    this.#lib = lib;
  }

  /** Whether it selects a type, or a field of it, also by way of an abstract type that the type has part in. */
  selects(coordinate: string, parsed: ParsedDocument, operation: Operation): boolean {
    const selected = this.#of(parsed, operation);
    if (selected.has(coordinate)) return true;
    const [typeName = "", field] = coordinate.split(".");
    const related = this.#related(this.#schema.getType(typeName));
    return related.some((name) => selected.has(field === undefined ? name : `${name}.${field}`));
  }

  #of(parsed: ParsedDocument, operation: Operation): ReadonlySet<string> {
    const known = this.#known.get(operation);
    if (known !== undefined) return known;
    const found = this.#collect(parsed, operation);
    this.#known.set(operation, found);
    return found;
  }

  #collect(parsed: ParsedDocument, operation: Operation): ReadonlySet<string> {
    const found = new Set<string>();
    const info = new this.#lib.TypeInfo(this.#schema);
    const visitor = this.#lib.visitWithTypeInfo(info, {
      Field: ({ name }) => {
        const parent = info.getParentType()?.name;
        const type = info.getType();
        if (parent) found.add(parent).add(`${parent}.${name.value}`);
        const named = this.#lib.getNamedType(type)?.name;
        if (named) found.add(named);
      },
    });
    const reached = usedIn(operation.node, parsed.fragments, this.#lib).fragments;
    for (const node of [operation.node, ...reached]) this.#lib.visit(node, visitor);
    return found;
  }

  /** Names of abstract types that it is one of, or of the types that it may be. */
  #related(type: GraphQLNamedType | undefined): readonly string[] {
    const { isAbstractType, isObjectType } = this.#lib;
    if (isAbstractType(type)) return this.#schema.getPossibleTypes(type).map(({ name }) => name);
    if (!isObjectType(type)) return [];
    return Object.values(this.#schema.getTypeMap())
      .filter((one) => isAbstractType(one) && this.#schema.isSubType(one, type))
      .map(({ name }) => name);
  }
}
