// A patch of messages: a JSON Merge Patch or a JSON Patch, as changes on the wire, checked against the type before any
// message comes.

import { isDeepStrictEqual } from "node:util";
import { allSteps, type RulePath, RuleProblem } from "../../../../core/rule-problem.ts";
import type { JsonPatchOperation, JsonPatchSpec } from "../../../../core/rule-values.ts";
import { decodeMessage } from "./decode.ts";
import { encodeElement, encodeEntry, encodeField, MessageMismatch, unknownField } from "./encode.ts";
import type { FieldType, MessageType } from "./message-type.ts";
import { rawAt } from "./raw-message.ts";
import { wellKnown } from "./well-known.ts";
import { type Edit, editMessage, TestFailed } from "./wire-edit.ts";

/** One step; the message after it. */
type Change = (bytes: Uint8Array, type: MessageType) => Uint8Array;

function editing(names: readonly string[], edit: Edit): Change {
  return (bytes, type) => editMessage(bytes, type, names, edit);
}

/** The message after all changes. Throws where one does not fit, TestFailed where a test does not hold. */
export type MessageChange = (bytes: Uint8Array) => Uint8Array;

/** `path`: of the patch in its rule. Throws RuleProblem for names and values that the type does not have. */
export function compileChange(spec: JsonPatchSpec, type: MessageType, path: RulePath): MessageChange {
  const changes =
    spec.kind === "merge"
      ? mergeChanges(spec.value, type, [], path)
      : allSteps(
          spec.operations.map((operation, index) => () => operationChange(operation, type, [...path, index])),
        );
  return (bytes) => changes.reduce((left, change) => change(left, type), bytes);
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** RFC 7396, member by member: null removes, a mapping goes deeper, anything else is set. */
function mergeChanges(
  value: unknown,
  type: MessageType,
  names: readonly string[],
  path: RulePath,
): readonly Change[] {
  if (!isMapping(value))
    throw new RuleProblem(path, `expected a mapping: fields of ${type.name}, got ${JSON.stringify(value)}`);
  const steps = Object.entries(value).map(([name, member]) => (): readonly Change[] => {
    const field = type.byName(name);
    const place = [...path, name];
    if (!field) throw new RuleProblem(place, unknownField(name, type));
    const own = [...names, name];
    if (member === null) return [editing(own, { op: "remove" })];
    if (field.mapKey !== null && isMapping(member)) return entryChanges(member, field, own, place);
    const inner = innerType(field);
    if (inner && !field.repeated && isMapping(member) && Object.keys(member).length > 0)
      return mergeChanges(member, inner, own, place);
    checked(() => encodeField(member, field, [], true), place);
    return [editing(own, { op: "set", value: member })];
  });
  return allSteps(steps).flat();
}

function entryChanges(
  entries: Readonly<Record<string, unknown>>,
  field: FieldType,
  names: readonly string[],
  path: RulePath,
): readonly Change[] {
  return Object.entries(entries).flatMap(([key, value]): readonly Change[] => {
    const own = [...names, key];
    const inner = innerType(field);
    if (value === null) return [editing(own, { op: "remove" })];
    if (inner && isMapping(value) && Object.keys(value).length > 0)
      return mergeChanges(value, inner, own, [...path, key]);
    checked(() => encodeEntry(key, value, field, field.mapKey ?? "string", []), [...path, key]);
    return [editing(own, { op: "set", value })];
  });
}

/** A message whose fields can be changed one by one; those with a JSON of their own are set whole. */
function innerType({ value }: FieldType): MessageType | null {
  return value.kind === "message" && !wellKnown.has(value.message.name) ? value.message : null;
}

function operationChange(operation: JsonPatchOperation, type: MessageType, path: RulePath): Change {
  const names = namesOf(operation.path, [...path, "path"]);
  const target = targetOf(names, type, [...path, "path"]);
  const adding = (value: unknown) => editing(names, { op: target.isItem ? "insert" : "set", value });
  switch (operation.op) {
    case "remove":
      return editing(names, { op: "remove" });
    case "add":
    case "replace":
    case "test": {
      const { op, value } = operation;
      checked(() => target(value), [...path, "value"]);
      if (op === "test") return testing(names, value);
      return op === "add" ? adding(value) : editing(names, { op: "set", value });
    }
    case "move":
    case "copy": {
      const from = namesOf(operation.from, [...path, "from"]);
      targetOf(from, type, [...path, "from"]);
      if (operation.op === "move" && names.length > from.length && from.every((name, i) => name === names[i]))
        throw new RuleProblem(
          [...path, "path"],
          `expected a place outside ${operation.from}, got ${operation.path}`,
        );
      const isMove = operation.op === "move";
      return (bytes, whole) => {
        const value = rawAt(bytes, whole, from) ?? valueAt(bytes, whole, from);
        const left = isMove ? editMessage(bytes, whole, from, { op: "remove" }) : bytes;
        return adding(value)(left, whole);
      };
    }
    default:
      return operation satisfies never;
  }
}

function namesOf(pointer: string, path: RulePath): readonly string[] {
  const names = pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  if (names.length === 0) throw new RuleProblem(path, "expected a field of the message, got the whole");
  return names;
}

/** What the value would be set to is what is there already. */
function testing(names: readonly string[], value: unknown): Change {
  return (bytes, type) => {
    const set = editMessage(bytes, type, names, { op: "set", value });
    if (isDeepStrictEqual(decodeMessage(set, type), decodeMessage(bytes, type))) return bytes;
    let found: unknown;
    try {
      found = valueAt(bytes, type, names);
    } catch (thrown) {
      if (!(thrown instanceof TestFailed)) throw thrown;
    }
    throw new TestFailed(`${names.join(".")} is ${JSON.stringify(found) ?? "not there"}`);
  };
}

/** As JSON. Throws TestFailed where nothing stands there. */
function valueAt(bytes: Uint8Array, type: MessageType, names: readonly string[]): unknown {
  let value = decodeMessage(bytes, type);
  let at: MessageType | null = type;
  let isKey = false;
  for (const name of names) {
    const field: FieldType | undefined = isKey ? undefined : at?.byName(name);
    const key = field?.jsonName ?? name;
    const members = value as Readonly<Record<string, unknown>> | null | undefined; // targetOf has seen to it
    if (typeof members !== "object" || members === null || !Object.hasOwn(members, key))
      throw new TestFailed(`nothing stands at ${names.join(".")}`);
    value = members[key];
    isKey = field !== undefined && (field.repeated || field.mapKey !== null);
    if (field) at = innerType(field);
  }
  return value;
}

interface Target {
  /** Encodes a value as it would stand there. */
  (value: unknown): unknown;
  readonly isItem: boolean;
}

function targetOf(names: readonly string[], type: MessageType, path: RulePath): Target {
  const [name = "", ...rest] = names;
  const field = type.byName(name);
  if (!field) throw new RuleProblem(path, unknownField(name, type));
  const [key, ...deeper] = rest;
  const whole = (value: unknown) => encodeField(value, field, [], true);
  if (key === undefined) return Object.assign(whole, { isItem: false });
  const isItem = field.mapKey === null && field.repeated;
  if (isItem && !/^(?:-|0|[1-9]\d{0,8})$/.test(key))
    throw new RuleProblem(path, `expected the place of an item of ${name}, or -, got "${key}"`);
  const isNested = field.mapKey !== null || field.repeated;
  const inside = isNested ? deeper : rest;
  if (inside.length === 0) {
    const { mapKey } = field;
    if (mapKey === null)
      return Object.assign((value: unknown) => encodeElement(value, field, []), { isItem: true });
    return Object.assign((value: unknown) => encodeEntry(key, value, field, mapKey, []), { isItem: false });
  }
  const inner = innerType(field);
  if (!inner) throw new RuleProblem(path, `${name} has no fields of its own to change`);
  return targetOf(inside, inner, path);
}

function checked(encode: () => unknown, path: RulePath): void {
  try {
    encode();
  } catch (thrown) {
    if (thrown instanceof MessageMismatch) throw new RuleProblem([...path, ...thrown.path], thrown.message);
    throw thrown;
  }
}
