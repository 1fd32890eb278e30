// A JSON Merge Patch (RFC 7396) of messages, as changes on the wire: null removes, a mapping goes deeper, anything else is
// set. What is a mapping in JSON alone (Struct, Value) is merged there, and Any in the message that it holds.

import { allSteps, type RulePath, RuleProblem } from "../../../../core/rule-problem.ts";
import { type Change, checked, editing } from "./change-step.ts";
import { decodeMessage } from "./decode.ts";
import { encodeEntry, encodeField, encodeMessage, MessageMismatch, unknownField } from "./encode.ts";
import type { FieldType, MessageType } from "./message-type.ts";
import { anyParts, RawMessage, rawAt } from "./raw-message.ts";
import { wellKnown } from "./well-known.ts";
import { editMessage } from "./wire-edit.ts";

type Mapping = Readonly<Record<string, unknown>>;

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `names`: of the message in the whole. Throws RuleProblem for names and values that the type does not have. */
export function mergeChanges(
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
    if (field.mapKey !== null && isMapping(member)) return entryChanges(member, field, own, place);
    const check = () => encodeField(member, field, [], true);
    const isOne = field.mapKey === null && !field.repeated;
    return memberChanges(member, isOne ? messageOf(field) : null, own, place, check);
  });
  return allSteps(steps).flat();
}

function entryChanges(
  entries: Mapping,
  field: FieldType,
  names: readonly string[],
  path: RulePath,
): readonly Change[] {
  return Object.entries(entries).flatMap(([key, value]): readonly Change[] => {
    const check = () => encodeEntry(key, value, field, field.mapKey ?? "string", []);
    return memberChanges(value, messageOf(field), [...names, key], [...path, key], check);
  });
}

function messageOf({ value }: FieldType): MessageType | null {
  return value.kind === "message" ? value.message : null;
}

/** `inner`: what stands at the names where that is a message, and not a list of them. */
function memberChanges(
  member: unknown,
  inner: MessageType | null,
  names: readonly string[],
  path: RulePath,
  check: () => unknown,
): readonly Change[] {
  if (member === null) return [editing(names, { op: "remove" })];
  if (inner === null || !isMapping(member)) {
    checked(check, path);
    return [editing(names, { op: "set", value: member })];
  }
  if (inner.name === "google.protobuf.Any") return [anyChange(member, inner, names, path)];
  if (wellKnown.has(inner.name)) {
    checked(check, path);
    return [jsonChange(member, names)];
  }
  if (Object.keys(member).length > 0) return mergeChanges(member, inner, names, path);
  // Nothing is changed in what is there.
  return [(bytes, type) => (messageAt(bytes, type, names) ? bytes : setAt(bytes, type, names, member))];
}

function messageAt(bytes: Uint8Array, type: MessageType, names: readonly string[]): RawMessage | null {
  const found = rawAt(bytes, type, names);
  return found instanceof RawMessage ? found : null;
}

function setAt(bytes: Uint8Array, type: MessageType, names: readonly string[], value: unknown): Uint8Array {
  return editMessage(bytes, type, names, { op: "set", value });
}

function jsonChange(member: Mapping, names: readonly string[]): Change {
  return (bytes, type) => {
    const held = messageAt(bytes, type, names);
    return setAt(bytes, type, names, merged(held && decodeMessage(held.bytes, held.type), member));
  };
}

/** RFC 7396 §2. */
function merged(target: unknown, patch: unknown): unknown {
  if (!isMapping(patch)) return patch;
  const members = new Map(isMapping(target) ? Object.entries(target) : []);
  for (const [name, member] of Object.entries(patch))
    if (member === null) members.delete(name);
    else members.set(name, merged(members.get(name), member));
  return Object.fromEntries(members);
}

/** Merged into a message of the same type, or of any where none is named; another one is replaced. */
function anyChange(member: Mapping, any: MessageType, names: readonly string[], path: RulePath): Change {
  const { "@type": written, ...fields } = member;
  if (written !== undefined) checked(() => encodeMessage(member, any), path);
  const wanted = typeof written === "string" ? written.slice(written.lastIndexOf("/") + 1) : null;
  return (bytes, type) => {
    const held = messageAt(bytes, type, names);
    if (held === null) return setAt(bytes, type, names, member);
    const content = anyParts(held.bytes);
    if ((wanted ?? content.type) !== content.type || wellKnown.has(content.type))
      return setAt(bytes, type, names, { "@type": content.type, ...member });
    const inner = any.find(content.type);
    if (!inner) throw new MessageMismatch([...names], `no descriptor of ${content.type} is known`);
    const changes = mergeChanges(fields, inner, [], path);
    const value = changes.reduce((left, change) => change(left, inner), content.value);
    const coded = Buffer.from(value).toString("base64");
    return setAt(bytes, type, names, new RawMessage(setAt(held.bytes, any, ["value"], coded), any));
  };
}
