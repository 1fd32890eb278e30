// JSON Patch (RFC 6902). Works on a document of its own and throws at the first operation that does not apply; the
// caller then keeps the original, so a patch is applied whole or not at all (RFC 6902 §5).

import type { JsonPatchOperation } from "../../core/rule.ts";
import { copyJson, equalJson, isJsonObject, memberOf } from "./json-document.ts";
import { arrayIndex, formatPointer, type JsonPointer } from "./json-pointer.ts";

/** An operation with its pointers parsed. */
export type JsonOperation =
  | { readonly op: "add" | "replace" | "test"; readonly path: JsonPointer; readonly value: unknown }
  | { readonly op: "remove"; readonly path: JsonPointer }
  | { readonly op: "move" | "copy"; readonly from: JsonPointer; readonly path: JsonPointer };

/** The patched document. `document` is consumed. Throws Error that names the operation and what it did not find. */
export function patchJson(document: unknown, operations: readonly JsonOperation[]): unknown {
  let result = document;
  for (const [index, operation] of operations.entries()) {
    try {
      result = applyOne(result, operation);
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      const place = `operation ${index} (${operation.op} ${formatPointer(operation.path) || '""'})`;
      throw new Error(`${place}: ${reason}`, { cause: thrown });
    }
  }
  return result;
}

/** True where `from` holds `path` inside itself: such a move could never be carried out (RFC 6902 §4.4). */
export function movesIntoItself(operation: JsonPatchOperation): boolean {
  return operation.op === "move" && operation.path.startsWith(`${operation.from}/`);
}

function applyOne(document: unknown, operation: JsonOperation): unknown {
  const { path } = operation;
  switch (operation.op) {
    case "add":
      return put(document, path, copyJson(operation.value), "add");
    case "replace":
      return put(document, path, copyJson(operation.value), "replace");
    case "remove":
      return remove(document, path);
    case "test":
      if (equalJson(valueAt(document, path), operation.value)) return document;
      throw new Error("the value is another one");
    case "copy":
      return put(document, path, copyJson(valueAt(document, operation.from)), "add");
    case "move": {
      const moved = valueAt(document, operation.from);
      if (formatPointer(operation.from) === formatPointer(path)) return document;
      return put(remove(document, operation.from), path, moved, "add");
    }
    default:
      return operation satisfies never;
  }
}

function valueAt(document: unknown, pointer: JsonPointer): unknown {
  let value = document;
  for (const [depth, token] of pointer.entries()) {
    value = child(value, token);
    if (value === undefined) throw new Error(`there is no ${formatPointer(pointer.slice(0, depth + 1))}`);
  }
  return value;
}

function child(value: unknown, token: string): unknown {
  if (Array.isArray(value)) return value[arrayIndex(token) ?? -1];
  return isJsonObject(value) ? memberOf(value, token) : undefined;
}

function put(document: unknown, pointer: JsonPointer, value: unknown, how: "add" | "replace"): unknown {
  const key = pointer.at(-1);
  if (key === undefined) return value;
  if (how === "replace") valueAt(document, pointer); // RFC 6902 §4.3: it must exist.
  const parent = valueAt(document, pointer.slice(0, -1));
  if (Array.isArray(parent)) {
    // RFC 6902 §4.1: an index may be one past the end, which `-` also names.
    const index = key === "-" ? parent.length : arrayIndex(key);
    if (index === undefined || index > parent.length) {
      throw new Error(`${JSON.stringify(key)} is no place in an array of ${parent.length}`);
    }
    parent.splice(index, how === "replace" ? 1 : 0, value);
  } else if (isJsonObject(parent)) {
    parent[key] = value;
  } else {
    throw new Error("its parent is neither an object nor an array");
  }
  return document;
}

function remove(document: unknown, pointer: JsonPointer): unknown {
  valueAt(document, pointer);
  const key = pointer.at(-1);
  if (key === undefined) throw new Error("the whole document cannot be removed");
  const parent = valueAt(document, pointer.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else if (isJsonObject(parent)) delete parent[key];
  return document;
}
