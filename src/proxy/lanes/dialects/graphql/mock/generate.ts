// Values made up for a schema. Each follows from the seed, the object, the field and its arguments alone: the same question
// gets the same answer in every sidecar and in any order, and nothing has to be remembered.

import type {
  GraphQLAbstractType,
  GraphQLEnumType,
  GraphQLNamedType,
  GraphQLOutputType,
  GraphQLSchema,
} from "graphql";
import { hashText, mix32 } from "../../../../../core/random.ts";
import type { GraphqlLibrary } from "../library.ts";

/** An object that was made up; its fields are made up when they are asked for. */
export class Made {
  /** Name of its object type. */
  readonly type: string;
  /** Tells it from all others. */
  readonly key: number;
  /** What it was asked for by: `user(id: 7)` has the id 7. */
  readonly given: Readonly<Record<string, unknown>>;

  constructor(type: string, key: number, given: Readonly<Record<string, unknown>>) {
    this.type = type;
    this.key = key;
    this.given = given;
  }
}

const noArguments: Readonly<Record<string, unknown>> = Object.freeze({});

/** Values of a scalar by name: what most schemas mean by it. Without case. */
const scalars: ReadonlyMap<string, (key: number) => unknown> = new Map(
  Object.entries({
    int: (key: number): unknown => key % 1_000,
    float: (key) => (key % 100_000) / 100,
    boolean: (key) => key % 2 === 0,
    id: (key) => String(key),
    date: (key) => dateOf(key).slice(0, 10),
    time: (key) => dateOf(key).slice(11),
    datetime: dateOf,
    timestamp: dateOf,
    gittimestamp: dateOf,
    precisedatetime: dateOf,
    uri: urlOf,
    url: urlOf,
    uuid: uuidOf,
    guid: uuidOf,
    email: (key) => `user${key % 10_000}@example.com`,
    emailaddress: (key) => `user${key % 10_000}@example.com`,
    bigint: (key) => String(key),
    long: (key) => key % 1_000_000,
    decimal: (key) => ((key % 100_000) / 100).toFixed(2),
    json: (key) => ({ key }),
    jsonobject: (key) => ({ key }),
  } satisfies Record<string, (key: number) => unknown>),
);

export interface GeneratorDeps {
  readonly lib: GraphqlLibrary;
  readonly schema: GraphQLSchema;
  readonly seed: number;
}

export class Generator {
  readonly #lib: GraphqlLibrary;
  readonly #schema: GraphQLSchema;
  readonly #seed: number;
  readonly #possible = new Map<string, readonly string[]>();

  constructor({ lib, schema, seed }: GeneratorDeps) {
    this.#lib = lib;
    this.#schema = schema;
    this.#seed = mix32(seed ^ 0x9e3779b9);
  }

  /** The key of a field's value. `parent`: the key of its object; 0 for the root. */
  keyOf(parent: number, field: string, args: Readonly<Record<string, unknown>>): number {
    let key = hashText(field, mix32(parent ^ this.#seed));
    for (const name in args) key = hashText(JSON.stringify(args[name]) ?? "", hashText(name, key));
    return key;
  }

  /** Of the type of a field. `length`: items of its lists. */
  value(
    type: GraphQLOutputType,
    key: number,
    field: string,
    length: number,
    given: Readonly<Record<string, unknown>> = noArguments,
  ): unknown {
    const { isNonNullType, isListType } = this.#lib;
    if (isNonNullType(type)) return this.value(type.ofType, key, field, length, given);
    if (!isListType(type)) return this.#named(type, key, field, given);
    const items: unknown[] = [];
    for (let index = 0; index < length; index++)
      items.push(this.value(type.ofType, mix32(key + index + 1), field, length));
    return items;
  }

  #named(
    type: GraphQLNamedType,
    key: number,
    field: string,
    given: Readonly<Record<string, unknown>>,
  ): unknown {
    const { isObjectType, isAbstractType, isEnumType } = this.#lib;
    if (isObjectType(type)) return new Made(type.name, key, given);
    if (isAbstractType(type)) return this.#abstract(type, key, given);
    if (isEnumType(type)) return pick(valuesOf(type), key);
    const make = scalars.get(type.name.toLowerCase());
    // Text says where it comes from: `name 417` is more use in a log than a sentence of Latin.
    return make ? make(key) : `${field} ${key % 1_000}`;
  }

  /** null where no type could stand here. */
  #abstract(type: GraphQLAbstractType, key: number, given: Readonly<Record<string, unknown>>): Made | null {
    let names = this.#possible.get(type.name);
    if (names === undefined) {
      names = this.#schema
        .getPossibleTypes(type)
        .map(({ name }) => name)
        .sort();
      this.#possible.set(type.name, names);
    }
    const name = pick(names, key);
    return name === undefined ? null : new Made(name, mix32(key), given);
  }
}

function valuesOf(type: GraphQLEnumType): readonly unknown[] {
  return type.getValues().map(({ value }) => value);
}

function pick<T>(items: readonly T[], key: number): T | undefined {
  return items[(key >>> 4) % items.length];
}

/** Within 2020 to 2023, whole seconds. */
function dateOf(key: number): string {
  const firstMs = 1_577_836_800_000;
  return new Date(firstMs + (key % 126_000_000) * 1_000).toISOString();
}

function urlOf(key: number): string {
  return `https://example.com/${key}`;
}

function uuidOf(key: number): string {
  const hex = [key, mix32(key + 1), mix32(key + 2), mix32(key + 3)]
    .map((part) => part.toString(16).padStart(8, "0"))
    .join("");
  // RFC 9562 §5.4: version 4, variant 10.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
