// The inside of the script sandbox: a process of its own, which may neither read nor write nor dial, and in it a context
// that holds nothing of Node. Scripts get a text of JSON and give one; no object of ours ever comes into their hands.

import { type Context, createContext, Script } from "node:vm";
import { type ScriptAnswer, type ScriptQuestion, scriptArguments } from "./messages.ts";

/** Characters of JSON that a script may give. */
const maxAnswerChars = 1_048_576;
const maxErrorChars = 500;

/**
 * What is taken out of the context: memory beside the heap, whose bound does not count it; what blocks the thread; and
 * what is of no use to a function that only works out a value.
 */
const removed = [
  ...["ArrayBuffer", "SharedArrayBuffer", "DataView", "Atomics", "WebAssembly", "console"],
  ...[
    "Int8Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "Int16Array",
    "Uint16Array",
    "Int32Array",
    "Uint32Array",
  ],
  ...["Float16Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array"],
  ...["FinalizationRegistry", "WeakRef"],
];
/** Compiled; rules rarely have more. */
const scripts = new Map<string, Script>();
const maxScripts = 200;
const removal = new Script(removed.map((name) => `delete globalThis.${name};`).join("\n"));

/**
 * Around the script, in its own context and its own time: also what it throws, and what its value does when it is written
 * as JSON, belongs to it. The tools are taken before it can change them.
 */
const before = `"use strict"; ((write, read, text, Later, input) => {
try {
  const value = (function ({${scriptArguments.join(", ")}}) {
`;
const after = `
})(read(input));
  if (value instanceof Later) throw new TypeError("expected a value, got a promise");
  return "=" + write(value ?? null);
} catch (thrown) {
  try { return "!" + text(thrown); } catch { return "!it threw what is no text"; }
}})(JSON.stringify, JSON.parse, String, Promise, input);`;

/** A fresh context for each run: nothing that a script leaves behind is seen by the next one. */
function run({ id, script, view, timeoutMs }: ScriptQuestion): ScriptAnswer {
  const said: unknown = compiled(script).runInContext(contextWith(view), { timeout: timeoutMs });
  if (typeof said !== "string") return { id, error: "it gave no value" };
  const rest = said.slice(1);
  if (!said.startsWith("=")) return { id, error: rest.slice(0, maxErrorChars) };
  if (rest.length > maxAnswerChars)
    return { id, error: `expected a value of at most ${maxAnswerChars} characters, got ${rest.length}` };
  return { id, value: rest };
}

function compiled(script: string): Script {
  let found = scripts.get(script);
  if (found === undefined) {
    if (scripts.size >= maxScripts) scripts.clear();
    found = new Script(before + script + after, { filename: "script" });
    scripts.set(script, found);
  }
  return found;
}

function contextWith(input: string): Context {
  // Without a prototype, so that no way leads from the context to an object of ours.
  const context = createContext(Object.assign(Object.create(null), { input }), {
    codeGeneration: { strings: false, wasm: false },
    microtaskMode: "afterEvaluate", // what is left for later runs within the script's time
  });
  removal.runInContext(context);
  return context;
}

// The sidecar alone holds the other end, and the two are always of one version.
process.on("message", (question) => {
  const asked = question as ScriptQuestion;
  let answer: ScriptAnswer;
  try {
    answer = run(asked);
  } catch (thrown) {
    // Errors of the engine alone: the script's own are caught where they are thrown.
    const isLate = (thrown as { readonly code?: unknown }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
    answer = { id: asked.id, error: isLate ? `did not end within ${asked.timeoutMs} ms` : "it failed" };
  }
  process.send?.(answer);
});
// Promises that a script left behind are no matter of ours.
process.on("unhandledRejection", () => undefined);
process.on("disconnect", () => process.exit(0));
