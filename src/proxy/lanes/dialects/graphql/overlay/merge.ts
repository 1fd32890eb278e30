// Puts the upstream's data and the rule's answers together, as if one server had answered the whole operation: aliases,
// lists, the order of the fields, and nulls that rise to the nearest place that may be null (GraphQL §6.4.4).

import type { GraphQLObjectType, GraphQLOutputType, GraphQLSchema, OperationDefinitionNode } from "graphql";
import type { GraphqlOverlayField } from "../../../../../core/rule-graphql.ts";
import type { GraphqlLibrary } from "../library.ts";
import type { Fragments } from "../measure.ts";
import { isRecord } from "../wire/params.ts";
import {
  type AnswerError,
  type Answering,
  answerField,
  type ResponsePath,
  rising,
  setMember,
} from "./answer.ts";
import type { PrunedEntry, PrunedOperation, PrunedSet } from "./pruned.ts";
import type { Targets } from "./targets.ts";

export interface MergeDeps {
  readonly lib: GraphqlLibrary;
  readonly schema: GraphQLSchema | null;
  readonly targets: Targets;
}

export interface Merged {
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly errors: readonly AnswerError[];
}

/** `data`: of the upstream for the smaller operation; an empty object where it was not asked. */
export function merge(
  pruned: PrunedOperation,
  data: Readonly<Record<string, unknown>>,
  call: {
    readonly operation: OperationDefinitionNode;
    readonly fragments: Fragments;
    readonly variables: Readonly<Record<string, unknown>>;
  },
  deps: MergeDeps,
): Merged {
  const errors: AnswerError[] = [];
  const merging: Merging = { ...deps, ...call, errors };
  const merged = mergeObject(data, [pruned.root], [], merging);
  return { data: merged === rising ? null : merged, errors };
}

type Merging = Answering;

/** One name of the answer, and all that the operation says of it. */
interface Slot {
  readonly entries: (PrunedEntry & { readonly kind: "field" })[];
  readonly place: PrunedSet["place"];
}

function mergeObject(
  data: Readonly<Record<string, unknown>>,
  sets: readonly PrunedSet[],
  path: ResponsePath,
  merging: Merging,
): Record<string, unknown> | typeof rising {
  const slots = new Map<string, Slot>();
  const type = typeOfObject(data, sets, merging);
  const collect = (set: PrunedSet): void => {
    if (!applies(set, data, type)) return;
    for (const entry of set.entries) {
      if (entry.kind === "fragment") collect(entry.set);
      else add(slots, entry, set);
    }
  };
  for (const set of sets) collect(set);
  return fill(data, slots, type, path, merging);
}

/** From the first set that knows it: by its own type, or by what the upstream said in its marker. */
function typeOfObject(
  data: Readonly<Record<string, unknown>>,
  sets: readonly PrunedSet[],
  merging: Merging,
): GraphQLObjectType | null {
  for (const set of sets) {
    const marked = set.marker === null ? undefined : data[set.marker];
    const type =
      set.conditional && marked === undefined ? null : (set.objectType ?? objectTypeOf(marked, merging));
    if (type !== null) return type;
  }
  for (const { entries } of sets) {
    const inner = entries.flatMap((entry) => (entry.kind === "fragment" ? [entry.set] : []));
    const type = inner.length === 0 ? null : typeOfObject(data, inner, merging);
    if (type !== null) return type;
  }
  return null;
}

/** Where nothing tells, it is taken to apply: nothing was taken out of it, so it only has a say in the order of the fields. */
function applies(
  set: PrunedSet,
  data: Readonly<Record<string, unknown>>,
  type: GraphQLObjectType | null,
): boolean {
  if (!set.conditional) return true;
  if (set.marker !== null) return data[set.marker] !== undefined;
  return type === null || set.types === null || set.types.has(type.name);
}

function add(
  slots: Map<string, Slot>,
  entry: PrunedEntry & { readonly kind: "field" },
  set: PrunedSet,
): void {
  const known = slots.get(entry.key);
  if (known === undefined) slots.set(entry.key, { entries: [entry], place: set.place });
  else known.entries.push(entry);
}

function fill(
  data: Readonly<Record<string, unknown>>,
  slots: ReadonlyMap<string, Slot>,
  type: GraphQLObjectType | null,
  path: ResponsePath,
  merging: Merging,
): Record<string, unknown> | typeof rising {
  const result: Record<string, unknown> = {};
  let risen = false;
  for (const [key, slot] of slots) {
    const value = valueOfSlot(data, key, slot, type, [...path, key], merging);
    if (value === undefined) continue;
    // The others are still looked at, since each may have an error to tell.
    if (value === rising && isNonNull(typeOfSlot(slot, type), merging)) risen = true;
    else setMember(result, key, value === rising ? null : value);
  }
  return risen ? rising : result;
}

/** undefined: the upstream left it out. */
function valueOfSlot(
  data: Readonly<Record<string, unknown>>,
  key: string,
  slot: Slot,
  type: GraphQLObjectType | null,
  path: ResponsePath,
  merging: Merging,
): unknown {
  const target = targetOf(slot, type, merging);
  const fieldType = typeOfSlot(slot, type);
  const nodes = slot.entries.map((entry) => entry.node);
  if (target !== null) {
    const name = nodes[0]?.name.value ?? key;
    const place = slot.place?.children.get(name);
    return answerField(target, nodes, { type: fieldType, parent: type?.name ?? null, path, place }, merging);
  }
  if (!Object.hasOwn(data, key)) return undefined;
  if (!slot.entries.some((entry) => entry.changed)) return data[key];
  const below = slot.entries.flatMap((entry) => entry.below ?? []);
  return mergeValue(data[key], below, fieldType, path, merging);
}

function mergeValue(
  value: unknown,
  sets: readonly PrunedSet[],
  type: GraphQLOutputType | null,
  path: ResponsePath,
  merging: Merging,
): unknown {
  if (Array.isArray(value)) {
    const item = itemTypeOf(type, merging);
    const merged = value.map((one, index) => {
      const found = mergeValue(one, sets, item, [...path, index], merging);
      return found === rising && !isNonNull(item, merging) ? null : found;
    });
    return merged.includes(rising) ? rising : merged;
  }
  return isRecord(value) ? mergeObject(value, sets, path, merging) : value;
}

/** What answers this field of this very object; null: the upstream did. */
function targetOf(slot: Slot, type: GraphQLObjectType | null, merging: Merging): GraphqlOverlayField | null {
  const [first] = slot.entries;
  if (first === undefined || slot.entries.every((entry) => entry.answered === "never")) return null;
  const target = merging.targets.of(slot.place, type, first.node.name.value, merging.schema);
  return target === null || target.action.kind === "keep" ? null : target;
}

function typeOfSlot(slot: Slot, type: GraphQLObjectType | null): GraphQLOutputType | null {
  const name = slot.entries[0]?.node.name.value;
  return (name !== undefined && type?.getFields()[name]?.type) || null;
}

function objectTypeOf(name: unknown, { schema, lib }: Merging): GraphQLObjectType | null {
  const type = typeof name === "string" ? schema?.getType(name) : undefined;
  return lib.isObjectType(type) ? type : null;
}

function isNonNull(type: GraphQLOutputType | null, { lib }: Merging): boolean {
  return lib.isNonNullType(type);
}

function itemTypeOf(type: GraphQLOutputType | null, { lib }: Merging): GraphQLOutputType | null {
  if (type === null) return null;
  const nullable = lib.getNullableType(type);
  return lib.isListType(nullable) ? nullable.ofType : null;
}
