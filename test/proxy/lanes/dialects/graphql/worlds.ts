// Made-up GraphQL worlds for property tests: a schema, what its server knows, an operation, and what a rule answers. All of
// it follows from one seed.

import {
  buildSchema,
  type DefinitionNode,
  type GraphQLSchema,
  Kind,
  parse,
  type SelectionSetNode,
  validate,
} from "graphql";
import { hashText, type Random, seededRandom } from "../../../../../src/core/random.ts";
import type { GraphqlOverlayField } from "../../../../../src/core/rule-graphql.ts";

export interface World {
  readonly sdl: string;
  readonly schema: GraphQLSchema;
  readonly query: string;
  readonly variables: Record<string, unknown>;
  readonly fields: readonly GraphqlOverlayField[];
  readonly seed: number;
}

interface Field {
  readonly name: string;
  /** Named type without wrappers. */
  readonly type: string;
  /** `%` stands for the named type: `[%!]!` */
  readonly shape: string;
}

interface Shape {
  readonly objects: ReadonlyMap<string, readonly Field[]>;
  readonly interfaces: ReadonlyMap<string, readonly Field[]>;
  readonly union: readonly string[];
}

const leaves = ["Int", "String", "Boolean", "ID", "Mood"];
const shapes = ["%", "%", "%!", "[%]", "[%!]", "[%!]!", "[[%]!]"];

export interface Manner {
  /** Nothing is non-null, and a rule answers paths that end in leaves: what can be told without a schema. */
  readonly plain?: boolean;
  /** Aliases that are names of other fields, fragments used twice, mutations, introspection, variables inside lists. */
  readonly wild?: boolean;
}

/** null: what was written at random is no valid operation, which happens to wild ones. */
export function makeWorld(seed: number, { plain = false, wild = false }: Manner = {}): World | null {
  const random = seededRandom(seed);
  const shape = makeShape(random, plain ? ["%", "[%]", "[[%]]"] : shapes, wild);
  const sdl = sdlOf(shape);
  const schema = buildSchema(sdl);
  const writer = new Writer(shape, random, wild);
  const query = writer.operation();
  const problems = validate(schema, parse(query));
  if (problems.length > 0 && wild) return null;
  if (problems.length > 0) throw new Error(`${problems.join("\n")}\n${query}\n${sdl}`);
  const variables = { yes: true, no: false, amount: 1 + (random.uint32() % 5) };
  const used = Object.fromEntries(Object.entries(variables).filter(([name]) => query.includes(`$${name}`)));
  return { sdl, schema, query, variables: used, fields: makeFields(query, shape, random, plain), seed };
}

function makeShape(random: Random, shapes: readonly string[], wild: boolean): Shape {
  const names = ["A", "B", "C"];
  const composites = [...names, "Node", "Either"];
  let count = 0;
  const field = (): Field => {
    const type = random.next() < 0.5 ? pick(leaves, random) : pick(composites, random);
    return { name: `f${count++}`, type, shape: pick(shapes, random) };
  };
  const fields = (least: number) => Array.from({ length: least + (random.uint32() % 3) }, field);
  const node = fields(1);
  const objects = new Map(names.map((name) => [name, [...(name === "C" ? [] : node), ...fields(2)]]));
  objects.set("Query", fields(2));
  if (wild) objects.set("Mutation", fields(2));
  return { objects, interfaces: new Map([["Node", node]]), union: ["A", "C"] };
}

function sdlOf({ objects, interfaces, union }: Shape): string {
  const body = (fields: readonly Field[]) =>
    fields
      .map((one) => `  ${one.name}(n: Int = 3, many: [More!]): ${one.shape.replace("%", one.type)}`)
      .join("\n");
  return [
    `union Either = ${union.join(" | ")}`,
    "enum Mood { GOOD BAD }",
    "input More { n: Int, more: [Int] }",
    ...[...interfaces].map(([name, fields]) => `interface ${name} {\n${body(fields)}\n}`),
    ...[...objects].map(
      ([name, fields]) =>
        `type ${name}${name === "A" || name === "B" ? " implements Node" : ""} {\n${body(fields)}\n}`,
    ),
  ].join("\n");
}

/** Writes an operation that is valid by construction: an alias says all that two fields must agree on to be merged. */
class Writer {
  readonly #shape: Shape;
  readonly #random: Random;
  readonly #wild: boolean;
  readonly #fragments: string[] = [];
  /** Of the types on which the fragments are. */
  readonly #conditions: string[] = [];

  constructor(shape: Shape, random: Random, wild: boolean) {
    this.#shape = shape;
    this.#random = random;
    this.#wild = wild;
  }

  operation(): string {
    const isMutation = this.#wild && this.#chance(0.2);
    const set = this.#set(isMutation ? "Mutation" : "Query", 0);
    const text = [`Q ${set}`, ...this.#fragments].join("\n");
    const types = { yes: "Boolean!", no: "Boolean = true", amount: "Int", left: "Boolean = false" };
    const used = Object.entries(types).filter(([name]) => text.includes(`$${name}`));
    const definitions = used.map(([name, type]) => `$${name}: ${type}`).join(", ");
    const head = `${isMutation ? "mutation" : "query"} Q${definitions === "" ? "" : `(${definitions})`}`;
    return text.replace("Q ", `${head} `);
  }

  #set(type: string, depth: number): string {
    const fields = this.#fieldsOf(type);
    const parts: string[] = this.#chance(0.25) ? ["__typename"] : [];
    if (this.#wild) parts.push(...this.#meta(type));
    const wanted = 1 + (this.#random.uint32() % 4);
    for (let i = 0; i < wanted; i++) {
      const chance = this.#random.next();
      if (fields.length > 0 && chance < 0.6) parts.push(this.#field(pick(fields, this.#random), depth));
      else if (depth < 4) parts.push(this.#fragment(type, depth));
    }
    if (parts.length === 0) parts.push("__typename");
    return `{ ${parts.join(" ")} }`;
  }

  #meta(type: string): readonly string[] {
    if (this.#chance(0.1)) return [`t: __typename${this.#directive()}`];
    if (type !== "Query" || !this.#chance(0.2)) return [];
    return ["__schema { queryType { name } }", 't: __type(name: "A") { name fields { name } }'];
  }

  #field(field: Field, depth: number): string {
    const composite = !leaves.includes(field.type);
    if (composite && depth >= 4) return "__typename";
    const text = this.#head(field);
    const set = composite ? ` ${this.#set(field.type, depth + 1)}` : "";
    return `${text}${this.#directive()}${set}`;
  }

  #head(field: Field): string {
    if (this.#wild && this.#chance(0.15)) {
      const names = [...this.#shape.objects.values()].flat().map(({ name }) => name);
      const many = this.#chance(0.5) ? "(many: [{n: $amount}, {more: [1, $amount]}])" : "(n: null)";
      return `${pick(names, this.#random)}: ${field.name}${this.#chance(0.3) ? many : ""}`;
    }
    const kind = this.#random.uint32() % 5;
    const head =
      kind === 0
        ? `x${field.name}: ${field.name}`
        : kind === 1
          ? `y${field.name}: ${field.name}(n: 2)`
          : kind === 2
            ? `z${field.name}: ${field.name}(n: $amount)`
            : field.name;
    return head;
  }

  #fragment(type: string, depth: number): string {
    const inner = pick(this.#overlapping(type), this.#random);
    const again = this.#wild && this.#chance(0.4) ? this.#known(inner) : null;
    if (again !== null) return `...${again}${this.#directive()}`;
    const set = this.#set(inner, depth + 1);
    if (this.#chance(0.5)) return `... on ${inner}${this.#directive()} ${set}`;
    if (inner === type && this.#chance(0.3)) return `...${this.#directive()} ${set}`;
    const name = `F${this.#fragments.length}`;
    this.#fragments.push(`fragment ${name} on ${inner} ${set}`);
    this.#conditions.push(inner);
    return `...${name}${this.#directive()}`;
  }

  /** A fragment on that type that is written already, and therefore spreads none that is not. */
  #known(type: string): string | null {
    const found = this.#conditions.flatMap((condition, index) => (condition === type ? [`F${index}`] : []));
    return found.length === 0 ? null : pick(found, this.#random);
  }

  #directive(): string {
    const chance = this.#random.next();
    if (chance < 0.05) return " @skip(if: true)";
    if (chance < 0.1) return " @include(if: $yes)";
    if (chance < 0.15) return " @skip(if: $no)";
    if (!this.#wild || chance > 0.25) return "";
    return chance < 0.2 ? " @include(if: $yes) @skip(if: $left)" : " @include(if: $left)";
  }

  #overlapping(type: string): readonly string[] {
    switch (type) {
      case "Query":
      case "Mutation":
        return [type];
      case "A":
        return ["A", "Node", "Either"];
      case "B":
        return ["B", "Node"];
      case "C":
        return ["C", "Either"];
      case "Node":
        return ["A", "B", "Node", "Either"];
      default:
        return ["A", "C", "Node", "Either"];
    }
  }

  #fieldsOf(type: string): readonly Field[] {
    return this.#shape.objects.get(type) ?? this.#shape.interfaces.get(type) ?? [];
  }

  #chance(share: number): boolean {
    return this.#random.next() < share;
  }
}

/** Targets among the fields that the operation really selects, by type or by path. */
function makeFields(
  query: string,
  shape: Shape,
  random: Random,
  plain: boolean,
): readonly GraphqlOverlayField[] {
  const found = new Set<string>();
  const all = new Map([...shape.objects, ...shape.interfaces]);
  for (const [type, fields] of plain ? [] : all)
    for (const field of fields) if (query.includes(field.name)) found.add(`${type}.${field.name}`);
  for (const path of pathsOf(query)) found.add(path);
  const coordinates = [...found].filter(() => random.next() < 0.25);
  return coordinates.map((coordinate): GraphqlOverlayField => {
    const name = coordinate.split(".").at(-1) ?? "";
    const field = [...all.values()].flat().find((one) => one.name === name);
    const composite = field !== undefined && !leaves.includes(field.type);
    const kind = plain && composite ? random.uint32() % 4 : random.uint32() % 10;
    const action: GraphqlOverlayField["action"] =
      kind < 2
        ? { kind: "error", error: { message: `broken ${coordinate}`, extensions: null } }
        : kind === 2
          ? { kind: "keep" }
          : kind === 3
            ? { kind: "value", value: null }
            : { kind: "value", value: field ? valueFor(field, shape, random, !plain) : null };
    return { coordinate, action, delay: null };
  });
}

/** Every field that the operation selects, as names of fields from the root. */
function pathsOf(query: string): readonly string[] {
  const { definitions } = parse(query);
  const paths = new Set<string>();
  const walk = (set: SelectionSetNode | undefined, path: string): void => {
    for (const selection of set?.selections ?? []) {
      if (selection.kind === Kind.INLINE_FRAGMENT) walk(selection.selectionSet, path);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const isMeant = (one: DefinitionNode) =>
          one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === selection.name.value;
        const fragment = definitions.find(isMeant);
        if (fragment && "selectionSet" in fragment) walk(fragment.selectionSet, path);
      } else if (!selection.name.value.startsWith("__")) {
        const next = path === "" ? selection.name.value : `${path}.${selection.name.value}`;
        paths.add(next);
        walk(selection.selectionSet, next);
      }
    }
  };
  const operation = definitions.find((one) => one.kind === Kind.OPERATION_DEFINITION);
  walk(operation && "selectionSet" in operation ? operation.selectionSet : undefined, "");
  return [...paths];
}

/** A value for a rule: of the right shape; mostly, where a `strict` schema will tell. */
function valueFor(field: Field, shape: Shape, random: Random, strict: boolean, depth = 0): unknown {
  const build = (text: string): unknown => {
    if (text.endsWith("!")) return build(text.slice(0, -1));
    if (random.next() < 0.08) return null;
    if (text.startsWith("[")) {
      const item = text.slice(1, -1);
      return Array.from({ length: random.uint32() % 3 }, () => build(item));
    }
    return named(field.type);
  };
  const named = (type: string): unknown => {
    switch (type) {
      case "Int":
        return strict && random.next() < 0.05 ? "no number" : random.uint32() % 100;
      case "String":
      case "ID":
        return `v${random.uint32() % 100}`;
      case "Boolean":
        return random.next() < 0.5;
      case "Mood":
        return strict && random.next() < 0.1 ? "UGLY" : "GOOD";
      default: {
        if (depth > 3) return null;
        const concrete =
          type === "Node" ? pick(["A", "B"], random) : type === "Either" ? pick(["A", "C"], random) : type;
        const fields = shape.objects.get(concrete) ?? [];
        return {
          __typename: concrete,
          ...Object.fromEntries(
            fields.map((one) => [one.name, valueFor(one, shape, random, strict, depth + 1)]),
          ),
        };
      }
    }
  };
  return build(field.shape);
}

/** What the made-up server knows of one object. */
export interface Known {
  readonly type: string;
  /** Names of fields and indices from the root. */
  readonly way: readonly (string | number)[];
}

/** The server's value for a field: the same for the same way and arguments. Throws where the field is broken. */
export function knownValue(world: World, known: Known, field: string, args: unknown): unknown {
  const found = world.schema.getType(known.type);
  const text = found && "getFields" in found ? String(found.getFields()[field]?.type ?? "") : "";
  const build = (shape: string, way: readonly (string | number)[]): unknown => {
    const hash = hashText(JSON.stringify([way, args]), world.seed);
    if (shape.endsWith("!")) {
      const inner = shape.slice(0, -1);
      return hash % 41 === 0 ? null : build(inner, [...way, "!"]);
    }
    if (hash % 17 === 0) return null;
    if (hash % 29 === 0) throw new Error(`server broke at ${way.join(".")}`);
    if (shape.startsWith("["))
      return Array.from({ length: hash % 3 }, (_, index) => build(shape.slice(1, -1), [...way, index]));
    return namedValue(shape, hash, way);
  };
  return build(text, [...known.way, field]);
}

function namedValue(type: string, hash: number, way: readonly (string | number)[]): unknown {
  switch (type) {
    case "Int":
      return hash % 1000;
    case "Boolean":
      return hash % 2 === 0;
    case "Mood":
      return hash % 2 === 0 ? "GOOD" : "BAD";
    case "String":
    case "ID":
      return `s${hash % 1000}`;
    case "Node":
      return { type: hash % 2 === 0 ? "A" : "B", way } satisfies Known;
    case "Either":
      return { type: hash % 2 === 0 ? "A" : "C", way } satisfies Known;
    default:
      return { type, way } satisfies Known;
  }
}

function pick<T>(items: readonly T[], random: Random): T {
  const item = items[random.uint32() % items.length];
  if (item === undefined) throw new RangeError("nothing to pick from");
  return item;
}
