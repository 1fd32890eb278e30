// One step of a patch of messages, and what all of them need: where messages can be changed inside, and what a value is
// checked against.

import { type RulePath, RuleProblem } from "../../../../core/rule-problem.ts";
import { MessageMismatch } from "./encode.ts";
import type { FieldType, MessageType } from "./message-type.ts";
import { wellKnown } from "./well-known.ts";
import { type Edit, editMessage } from "./wire-edit.ts";

/** The message after the step. Throws where it does not fit. */
export type Change = (bytes: Uint8Array, type: MessageType) => Uint8Array;

/** An edit at the field that these names lead to. */
export function editing(names: readonly string[], edit: Edit): Change {
  return (bytes, type) => editMessage(bytes, type, names, edit);
}

/** A message whose fields can be changed one by one; null for those with a JSON of their own. */
export function innerType({ value }: FieldType): MessageType | null {
  return value.kind === "message" && !wellKnown.has(value.message.name) ? value.message : null;
}

/** Throws RuleProblem where a value does not fit, at its place below `path`. */
export function checked(encode: () => unknown, path: RulePath): void {
  try {
    encode();
  } catch (thrown) {
    if (thrown instanceof MessageMismatch) throw new RuleProblem([...path, ...thrown.path], thrown.message);
    throw thrown;
  }
}
