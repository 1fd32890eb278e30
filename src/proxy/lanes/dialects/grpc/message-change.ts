// A patch of messages: a JSON Merge Patch or a JSON Patch, as changes on the wire, checked against the type before any
// message comes.

import { isDeepStrictEqual } from "node:util";
import { allSteps, type RulePath, RuleProblem } from "../../../../core/rule-problem.ts";
import type { JsonPatchOperation, JsonPatchSpec } from "../../../../core/rule-values.ts";
import { type Change, checked, editing, innerType } from "./change-step.ts";
import { decodeMessage } from "./decode.ts";
import { encodeElement, encodeEntry, encodeField, unknownField } from "./encode.ts";
import { mergeChanges } from "./merge-change.ts";
import type { FieldType, MessageType } from "./message-type.ts";
import { rawAt } from "./raw-message.ts";
import { editMessage, TestFailed } from "./wire-edit.ts";

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
