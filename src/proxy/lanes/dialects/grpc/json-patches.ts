// Patches of messages that are coded as JSON: those of HTTP, with the names that JSON has for the fields. Without descriptors
// the names are taken as the rule has them.

import type { DialectTools } from "../../../../core/dialect.ts";
import type { GrpcPatchSpec } from "../../../../core/rule-grpc.ts";
import type { JsonPatchSpec } from "../../../../core/rule-values.ts";
import { innerType } from "./change-step.ts";
import type { MessageChange } from "./message-change.ts";
import type { FieldType, MessageType } from "./message-type.ts";

/** The change of one side for messages of a type, made once; null: that side is not changed. */
export function createJsonPatches(
  spec: GrpcPatchSpec,
  compile: DialectTools["jsonChange"],
): (side: keyof GrpcPatchSpec, type: MessageType | null) => MessageChange | null {
  const typed = { request: new WeakMap<MessageType, MessageChange>(), response: new WeakMap() };
  const plain: { request?: MessageChange; response?: MessageChange } = {};
  return (side, type) => {
    const patch = spec[side];
    if (patch === null) return null;
    const known = type ? typed[side].get(type) : plain[side];
    if (known) return known;
    const made = compile(type ? inNamesOfJson(patch, type) : patch, ["patch", "grpc", side]);
    if (type) typed[side].set(type, made);
    else plain[side] = made;
    return made;
  };
}

function inNamesOfJson(spec: JsonPatchSpec, type: MessageType): JsonPatchSpec {
  if (spec.kind === "merge") return { kind: "merge", value: renamed(spec.value, type) };
  return {
    kind: "patch",
    operations: spec.operations.map((operation) => {
      const path = pointerIn(operation.path, type);
      return operation.op === "move" || operation.op === "copy"
        ? { ...operation, path, from: pointerIn(operation.from, type) }
        : { ...operation, path };
    }),
  };
}

function renamed(value: unknown, type: MessageType | null): unknown {
  if (type === null || typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const field = type.byName(name);
      return field ? [field.jsonName, renamedField(member, field)] : [name, member];
    }),
  );
}

function renamedField(member: unknown, field: FieldType): unknown {
  const type = innerType(field);
  if (Array.isArray(member)) return member.map((item: unknown) => renamed(item, type));
  if (field.mapKey === null || typeof member !== "object" || member === null) return renamed(member, type);
  return Object.fromEntries(Object.entries(member).map(([key, value]) => [key, renamed(value, type)]));
}

/** A pointer as the rule has it; keys of maps and places in lists stay. */
function pointerIn(pointer: string, type: MessageType): string {
  let at: MessageType | null = type;
  let isKey = false;
  const steps = pointer.split("/").map((step, index) => {
    if (index === 0 || at === null) return step;
    if (isKey) {
      isKey = false;
      return step;
    }
    const field: FieldType | undefined = at.byName(step.replaceAll("~1", "/").replaceAll("~0", "~"));
    isKey = field !== undefined && (field.repeated || field.mapKey !== null);
    at = field ? innerType(field) : null;
    return field ? field.jsonName.replaceAll("~", "~0").replaceAll("/", "~1") : step;
  });
  return steps.join("/");
}
