// The inside of the script sandbox: a thread of its own with a heap of its own, and in it a context that holds nothing of
// Node. Scripts get a text of JSON and give one; no object of ours ever comes into their hands.

import { createContext, Script } from "node:vm";
import { parentPort } from "node:worker_threads";

interface Job {
  readonly id: number;
  readonly script: string;
  /** JSON. */
  readonly view: string;
  readonly timeoutMs: number;
}

parentPort?.on("message", ({ id, script, view, timeoutMs }: Job) => {
  try {
    parentPort?.postMessage({ id, value: run(script, view, timeoutMs) });
  } catch (thrown) {
    // Something of the context may have been thrown, whose properties are not to be trusted.
    let message = "the script failed";
    try {
      message = String(thrown).slice(0, 500);
    } catch {
      // It does not even turn into a text.
    }
    parentPort?.postMessage({ id, error: message });
  }
});

/** A fresh context for each run: nothing that a script leaves behind is seen by the next one. */
function run(source: string, view: string, timeoutMs: number): string {
  // Without a prototype, so that no way leads from the context to an object of ours.
  const context = createContext(Object.create(null), {
    codeGeneration: { strings: false, wasm: false },
    microtaskMode: "afterEvaluate",
  });
  const input = new Script(`globalThis.input = ${JSON.stringify(view)}`);
  input.runInContext(context, { timeout: timeoutMs });
  const result: unknown = compiled(source).runInContext(context, { timeout: timeoutMs });
  if (typeof result !== "string") throw new Error("expected a value that JSON can hold");
  return result;
}

function compiled(source: string): Script {
  const names = "{args, parent, variables, state, headers}";
  const call = `(function (${names}) {\n${source}\n})(JSON.parse(input))`;
  return new Script(`"use strict"; JSON.stringify(${call} ?? null)`, { filename: "script" });
}
