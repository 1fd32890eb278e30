// Takes out of an operation what a rule answers: the fields, and the arguments, variables and fragments that only they used.
//
//   { user { name plan } }   overlay user.plan   →   { user { name } }
//   { user { plan } }                            →   { user { a: __typename } }      is there a user at all?
//   { node { ... on User { plan } } }            →   { node { ... on User { a: __typename } } }     is it a User?
//
// A fragment is put in place where its use here and its use elsewhere become different things.

import type {
  DocumentNode,
  FieldNode,
  GraphQLCompositeType,
  GraphQLObjectType,
  GraphQLSchema,
  InlineFragmentNode,
  SelectionNode,
  SelectionSetNode,
} from "graphql";
import type { DelaySpec } from "../../../../../core/rule.ts";
import type { GraphqlLibrary } from "../library.ts";
import type { Operation } from "../operation.ts";
import { isIncluded } from "./inclusion.ts";
import { locator } from "./locations.ts";
import { inOnePiece } from "./one-piece.ts";
import type { PrunedEntry, PrunedOperation, PrunedSet } from "./pruned.ts";
import { type PathNode, possibleTypes, type Targets } from "./targets.ts";
import { usedIn } from "./used.ts";

/** Selections looked at for one operation: fragments inside one another multiply. */
const maxSelections = 20_000;
const maxDelays = 100;
/** Types for which a field is asked apart from others. */
const maxTypesApart = 40;

export interface PruneDeps {
  readonly lib: GraphqlLibrary;
  readonly schema: GraphQLSchema | null;
  readonly targets: Targets;
}

/** Throws Error for an operation whose fragments unfold to more than can be looked at. */
export function prune(
  operation: Operation,
  variables: Readonly<Record<string, unknown>>,
  deps: PruneDeps,
): PrunedOperation {
  return new Pruning(operation, variables, deps).run();
}

/** Where a selection set stands. */
interface Place {
  /** null: not known. */
  readonly type: GraphQLCompositeType | null;
  readonly path: PathNode | undefined;
  /** A fragment that may not apply. */
  readonly conditional: boolean;
  /** Names of the types under which a conditional fragment applies; null: not known. */
  readonly types: ReadonlySet<string> | null;
  readonly root: boolean;
}

interface Result {
  readonly set: SelectionSetNode;
  readonly pruned: PrunedSet;
  readonly changed: boolean;
}

class Pruning {
  readonly #operation: Operation;
  readonly #variables: Readonly<Record<string, unknown>>;
  readonly #deps: PruneDeps;
  readonly #delays: DelaySpec[] = [];
  readonly #open = new Set<string>();
  readonly #prefix: string;
  #markers = 0;
  #looked = 0;
  #lasting = true;

  constructor(operation: Operation, variables: Readonly<Record<string, unknown>>, deps: PruneDeps) {
    this.#operation = operation;
    this.#variables = variables;
    this.#deps = deps;
    this.#prefix = unusedPrefix(operation);
  }

  run(): PrunedOperation {
    const { lib, schema, targets } = this.#deps;
    const { node } = this.#operation;
    const type = schema?.getRootType(node.operation) ?? null;
    const place: Place = { type, path: targets.root, conditional: false, types: null, root: true };
    const { set, pruned, changed } = this.#set(node.selectionSet, place);
    const smaller = { ...node, selectionSet: set };
    const { operation, fragments } = inOnePiece(smaller, this.#operation.fragments, lib);
    const used = usedIn(operation, fragments, lib);
    const definitions = (node.variableDefinitions ?? []).filter((one) =>
      used.variables.has(one.variable.name.value),
    );
    const document: DocumentNode = {
      kind: lib.Kind.DOCUMENT,
      definitions: [{ ...operation, variableDefinitions: definitions }, ...used.fragments],
    };
    const nothingLeft = changed && set.selections.length === 0;
    const query = nothingLeft ? null : lib.print(document);
    return {
      root: pruned,
      query,
      locate: query === null ? () => null : locator(document, query, lib),
      variables: used.variables,
      changed,
      delays: this.#delays,
      lasting: this.#lasting,
    };
  }

  #set(set: SelectionSetNode, place: Place): Result {
    const selections: SelectionNode[] = [];
    const entries: PrunedEntry[] = [];
    let changed = false;
    for (const selection of set.selections) {
      if (++this.#looked > maxSelections) throw new Error(`expected at most ${maxSelections} selections`);
      const one = this.#included(selection)
        ? selection.kind === "Field"
          ? this.#field(selection, place)
          : this.#fragment(selection, place)
        : { selections: [selection], entry: null, changed: false };
      selections.push(...one.selections);
      if (one.entry !== null) entries.push(one.entry);
      changed ||= one.changed;
    }
    return this.#finish(set, selections, entries, changed, place);
  }

  #finish(
    set: SelectionSetNode,
    selections: SelectionNode[],
    entries: PrunedEntry[],
    changed: boolean,
    place: Place,
  ): Result {
    const { schema } = this.#deps;
    const objectType =
      schema && place.type && !("resolveType" in place.type) ? (place.type as GraphQLObjectType) : null;
    const typeOpen = schema !== null && objectType === null;
    const empty = selections.length === 0;
    // A fragment that is left with nothing goes, unless its marker must say whether it applied.
    const needed = changed && !place.root && (place.conditional || typeOpen || empty);
    const marker = needed ? `${this.#prefix}${this.#markers++}` : null;
    if (marker !== null) selections.push(this.#typename(marker));
    const pruned: PrunedSet = {
      marker,
      conditional: place.conditional,
      types: place.types,
      // Unmarked, a fragment that may not apply says nothing of the object.
      objectType: place.conditional && marker === null ? null : objectType,
      place: place.path,
      entries,
    };
    return { set: changed ? { ...set, selections } : set, pruned, changed };
  }

  #field(field: FieldNode, place: Place): One {
    const name = field.name.value;
    const key = field.alias?.value ?? name;
    const answered = this.#answered(name, place);
    if (answered === "always") {
      const entry: PrunedEntry = { kind: "field", key, node: field, answered, below: null, changed: true };
      return { selections: [], entry, changed: true };
    }
    const below = field.selectionSet && this.#below(field, field.selectionSet, place);
    const changed = below?.changed ?? false;
    const entry: PrunedEntry = {
      kind: "field",
      key,
      node: field,
      answered,
      below: below?.pruned ?? null,
      changed,
    };
    const left = changed && below ? { ...field, selectionSet: below.set } : field;
    if (answered === "never") return { selections: [left], entry, changed };
    return { selections: this.#forOthers(left, place), entry, changed: true };
  }

  /**
   * A field that the rule answers for some types, asked for the others alone: an error of the upstream where its answer is
   * not wanted must not take the object away. Many types, or types that differ in the field, are asked for together.
   */
  #forOthers(field: FieldNode, place: Place): readonly SelectionNode[] {
    const { schema, targets, lib } = this.#deps;
    if (schema === null || place.type === null) return [field];
    const name = field.name.value;
    const others = possibleTypes(schema, place.type).filter((type) => {
      const target = targets.of(undefined, type, name, schema);
      return target === null || target.action.kind === "keep";
    });
    const shapes = new Set(others.map((type) => String(type.getFields()[name]?.type)));
    if (others.length > maxTypesApart || shapes.size > 1) return [field];
    return others.map((type) => ({
      kind: lib.Kind.INLINE_FRAGMENT,
      typeCondition: { kind: lib.Kind.NAMED_TYPE, name: { kind: lib.Kind.NAME, value: type.name } },
      selectionSet: { kind: lib.Kind.SELECTION_SET, selections: [field] },
    }));
  }

  #below(field: FieldNode, set: SelectionSetNode, place: Place): Result | null {
    const path = place.path?.children.get(field.name.value);
    const type = this.#typeOf(field, place);
    if (path === undefined && this.#deps.schema === null) return null; // nothing can be named below
    return this.#set(set, { type, path, conditional: false, types: null, root: false });
  }

  #typeOf(field: FieldNode, place: Place): GraphQLCompositeType | null {
    const { schema, lib } = this.#deps;
    if (schema === null || place.type === null || lib.isUnionType(place.type)) return null;
    const found = place.type.getFields()[field.name.value];
    const type = found && lib.getNamedType(found.type);
    return lib.isCompositeType(type) ? type : null;
  }

  /** Under every type that the object can have, under some, or under none. Notes the delays on the way. */
  #answered(name: string, place: Place): "always" | "may" | "never" {
    const { schema, targets } = this.#deps;
    const byPath = targets.of(place.path, null, name, schema);
    if (byPath !== null) return this.#noted(byPath) ? "always" : "never";
    if (schema === null || place.type === null || !targets.mayNameField(name)) return "never";
    const types = possibleTypes(schema, place.type);
    const found = types.map((type) => targets.of(undefined, type, name, schema));
    const first = found.find((target) => target !== null);
    if (!first) return "never";
    const answers = found.map((target) => target !== null && target.action.kind !== "keep");
    this.#noted(first);
    return answers.every(Boolean) ? "always" : answers.some(Boolean) ? "may" : "never";
  }

  /** False for a target that only delays. */
  #noted(target: NonNullable<ReturnType<Targets["of"]>>): boolean {
    if (target.delay !== null && this.#delays.length < maxDelays) this.#delays.push(target.delay);
    return target.action.kind !== "keep";
  }

  #fragment(selection: Exclude<SelectionNode, FieldNode>, place: Place): One {
    const { lib } = this.#deps;
    const found = selection.kind === "FragmentSpread" ? this.#named(selection.name.value) : selection;
    if (found === null) return { selections: [selection], entry: null, changed: false };
    const condition = found.typeCondition?.name.value;
    const inside = this.#inside(condition, place);
    if (inside === null) return { selections: [selection], entry: null, changed: false };
    const spread = selection.kind === "FragmentSpread" ? selection.name.value : null;
    if (spread !== null) this.#open.add(spread);
    const { set, pruned, changed } = this.#set(found.selectionSet, inside);
    if (spread !== null) this.#open.delete(spread);
    const entry: PrunedEntry = { kind: "fragment", set: pruned };
    if (!changed) return { selections: [selection], entry, changed };
    const inPlace: InlineFragmentNode = {
      kind: lib.Kind.INLINE_FRAGMENT,
      typeCondition: found.typeCondition,
      directives: selection.directives,
      selectionSet: set,
    };
    return { selections: set.selections.length === 0 ? [] : [inPlace], entry, changed };
  }

  /** null: unknown, or inside itself, which no server accepts. */
  #named(name: string) {
    return this.#open.has(name) ? null : (this.#operation.fragments.get(name) ?? null);
  }

  /** Where the inside of a fragment stands; null: it never applies here. */
  #inside(condition: string | undefined, place: Place): Place | null {
    const { schema, lib } = this.#deps;
    if (condition === undefined) return { ...place, conditional: false, types: null };
    // A root has one type, so that a fragment on it that is valid applies.
    if (schema === null) return { ...place, conditional: !place.root, types: null };
    const type = schema.getType(condition);
    if (!lib.isCompositeType(type)) return null;
    if (place.type === null) return { ...place, type, conditional: !place.root, types: null };
    const outer = possibleTypes(schema, place.type);
    const inner = new Set(possibleTypes(schema, type));
    const shared = outer.filter((one) => inner.has(one));
    if (shared.length === 0) return null;
    const all = shared.length === outer.length;
    // The narrower of the two types says more.
    const types = new Set(shared.map(({ name }) => name));
    return { ...place, type: all ? place.type : type, conditional: !all && !place.root, types };
  }

  #included(selection: SelectionNode): boolean {
    const verdict = isIncluded(selection, this.#operation.node, this.#variables);
    this.#lasting &&= !verdict.varies;
    return verdict.included;
  }

  #typename(alias: string): FieldNode {
    const { Kind } = this.#deps.lib;
    return {
      kind: Kind.FIELD,
      alias: { kind: Kind.NAME, value: alias },
      name: { kind: Kind.NAME, value: "__typename" },
    };
  }
}

interface One {
  /** What is left of it. */
  readonly selections: readonly SelectionNode[];
  readonly entry: PrunedEntry | null;
  readonly changed: boolean;
}

/** A beginning of aliases that nothing in the document has. */
function unusedPrefix(operation: Operation): string {
  const text = operation.node.loc?.source.body ?? "";
  let prefix = "understudy_";
  while (text.includes(prefix)) prefix += "_";
  return prefix;
}
