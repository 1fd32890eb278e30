// The process that reads rules for a sidecar, so that neither the time nor the memory of parsing is the sidecar's. It
// answers questions over the IPC channel, and ends with it.

import "./short-lived.ts"; // first: what is loaded after it is loaded without being optimised
import { flushCompileCache } from "node:module";
import { systemClock } from "../../../core/clock.ts";
import { messageOf } from "../../../core/errors.ts";
import { optimise } from "../../../core/optimising.ts";
import type { RuleSpec } from "../../../core/rule.ts";
import "../read-rules.ts"; // the parser is loaded while the sidecar still prepares its question
import { keep } from "./kept-rules.ts";
import { type Answer, type Beat, beatMs, type Question, rulesPerMessage } from "./messages.ts";
import { type FoundRules, inlineReader } from "./rule-reader.ts";
import { SharedParts } from "./shared-parts.ts";

/** Some 2,000 rules; a process that reads more lives long enough. */
const unoptimisedMs = 200;

const reader = inlineReader(systemClock);
const forever = new AbortController().signal;
let found: FoundRules | null = null;

function send(message: Answer | Beat): void {
  if (process.connected) process.send?.(message);
}

async function answer(question: Question): Promise<Answer> {
  switch (question.ask) {
    case "read":
      return read(question.path, question.known);
    case "rules":
      return { kind: "rules", rules: slice(question.from) };
    case "locate": {
      const rule = found?.rules[question.index];
      if (!found || !rule) return { kind: "failed", message: `there is no rule ${question.index}` };
      return { kind: "place", ...(await found.locate(rule, question.path)) };
    }
    case "keep":
      if (found !== null) keep(question.path, found, question);
      return { kind: "kept" };
    default:
      return question satisfies never;
  }
}

async function read(path: string, known: string): Promise<Answer> {
  found = await reader.read(path, known, forever);
  if (found === null) return { kind: "same" };
  // This process is killed rather than ended, which would lose what the next one could start faster with.
  setImmediate(flushCompileCache);
  const { digest, rules, problems } = found;
  return { kind: "found", digest, count: rules.length, problems };
}

function slice(from: number): readonly RuleSpec[] {
  const parts = new SharedParts();
  return (found?.rules ?? []).slice(from, from + rulesPerMessage).map((rule) => {
    const copy = { ...rule };
    parts.share(copy);
    return copy;
  });
}

// The sidecar alone holds the other end, and the two are always of one version.
process.on("message", (message) => {
  answer(message as Question).then(send, (thrown: unknown) =>
    send({ kind: "failed", message: messageOf(thrown) }),
  );
});
process.on("disconnect", () => process.exit(0));
setTimeout(() => optimise(true), unoptimisedMs).unref();
setInterval(() => send({ kind: "alive" }), beatMs).unref();
