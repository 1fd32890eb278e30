// Objects of another GraphQL server inside a mocked answer: their fields stand under the names of the operation.

import type { GraphQLResolveInfo } from "graphql";
import type { GraphqlLibrary } from "../library.ts";
import { isRecord } from "../wire/params.ts";

export class Relayed {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields;
  }

  get typeName(): string | undefined {
    const name = this.#fields[typeNameAlias];
    return typeof name === "string" ? name : undefined;
  }

  field({ path, returnType }: GraphQLResolveInfo, lib: GraphqlLibrary): unknown {
    const value = Object.hasOwn(this.#fields, path.key) ? this.#fields[path.key] : null;
    return relayedValue(value, lib.isCompositeType(lib.getNamedType(returnType)));
  }
}

/** Under which the type of each object is asked for beside the fields. */
export const typeNameAlias = "understudy_typename";

/** `composite`: objects in it are to be asked field by field. */
export function relayedValue(value: unknown, composite: boolean): unknown {
  if (!composite) return value ?? null;
  if (Array.isArray(value)) return value.map((item) => relayedValue(item, composite));
  return isRecord(value) ? new Relayed(value) : null;
}
