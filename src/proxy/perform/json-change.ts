// What a rule's `json` patch does to a body: bytes in, bytes out, with the reason where it cannot be done.

import { messageOf } from "../../core/errors.ts";
import type { JsonPatchOperation, JsonPatchSpec } from "../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import { parseJson, rawNumber } from "./json-document.ts";
import { mergeJson } from "./json-merge.ts";
import { type JsonOperation, movesIntoItself, patchJson } from "./json-patch.ts";
import { type JsonPointer, parsePointer } from "./json-pointer.ts";

/** The changed document as UTF-8. Throws Error where the bytes are no JSON or the patch does not apply. */
export type JsonChange = (bytes: Uint8Array) => Uint8Array;

/** `path`: the `json` key in its rule. Throws RuleProblem for a pointer that is none, or a key that reaches a prototype. */
export function compileJsonChange(spec: JsonPatchSpec, path: RulePath): JsonChange {
  const change = compile(spec, path);
  return (bytes) => {
    const document = read(bytes);
    return Buffer.from(JSON.stringify(change(document)));
  };
}

function compile(spec: JsonPatchSpec, path: RulePath): (document: unknown) => unknown {
  if (spec.kind === "merge") {
    refusePrototype(spec.value, path);
    return (document) => mergeJson(document, spec.value);
  }
  const operations = spec.operations.map((operation, index) => compileOperation(operation, [...path, index]));
  return (document) => patchJson(document, operations);
}

function compileOperation(operation: JsonPatchOperation, path: RulePath): JsonOperation {
  const pointer = readPointer(operation.path, [...path, "path"]);
  switch (operation.op) {
    case "add":
    case "replace":
    case "test":
      refusePrototype(operation.value, [...path, "value"]);
      return { op: operation.op, path: pointer, value: operation.value };
    case "remove":
      return { op: "remove", path: pointer };
    case "move":
    case "copy":
      if (movesIntoItself(operation)) {
        throw new RuleProblem(
          [...path, "path"],
          `expected a place outside ${operation.from}, got ${operation.path}`,
        );
      }
      return { op: operation.op, from: readPointer(operation.from, [...path, "from"]), path: pointer };
    default:
      return operation satisfies never;
  }
}

function readPointer(text: string, path: RulePath): JsonPointer {
  const pointer = parsePointer(text);
  if (pointer === undefined) {
    throw new RuleProblem(path, `expected a JSON pointer such as /items/0/id, got ${JSON.stringify(text)}`);
  }
  if (pointer.includes("__proto__")) throw new RuleProblem(path, prototypeRefused);
  return pointer;
}

const prototypeRefused = "expected no key __proto__: it would reach the prototype of all objects";

function refusePrototype(value: unknown, path: RulePath): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (key === "__proto__") throw new RuleProblem([...path, key], prototypeRefused);
    refusePrototype(member, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}

function read(bytes: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes), rawNumber);
  } catch (thrown) {
    throw new Error(`the body is not JSON (${messageOf(thrown)})`, { cause: thrown });
  }
}
