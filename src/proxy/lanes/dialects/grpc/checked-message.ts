// Messages that a rule writes, against their type: all that does not fit is told, not the first mistake alone.

import { type RulePath, RuleProblem } from "../../../../core/rule-problem.ts";
import { encodeMessage, MessageMismatch } from "./encode.ts";
import type { MessageType } from "./message-type.ts";

/** Told of one message at most; of a list the first. */
const maxMistakes = 20;

/** `path`: of the message in its rule. Throws RuleProblem. */
export function encodeChecked(json: unknown, type: MessageType, path: RulePath): Buffer {
  const problems: RuleProblem[] = [];
  for (let rest = json; problems.length < maxMistakes; ) {
    const encoded = attempt(rest, type);
    if (!(encoded instanceof MessageMismatch)) {
      if (problems.length === 0) return encoded;
      break;
    }
    problems.push(new RuleProblem([...path, ...encoded.path], encoded.message));
    // What has been told is taken out, and the rest is tried again.
    const less = without(rest, encoded.path);
    if (less === null) break;
    rest = less;
  }
  const [first, ...others] = problems;
  throw new RuleProblem(first?.path ?? path, first?.message ?? "", { others });
}

function attempt(json: unknown, type: MessageType): Buffer | MessageMismatch {
  try {
    return encodeMessage(json, type);
  } catch (thrown) {
    if (thrown instanceof MessageMismatch) return thrown;
    throw thrown;
  }
}

/** A copy without the member at `path`, or without the list that holds it; null: it is not a member of a mapping. */
function without(json: unknown, [name, ...deeper]: RulePath): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json) || name === undefined) return null;
  if (!Object.hasOwn(json, name) || name === "@type") return null; // nothing can be said of what has no type
  const { [name]: member, ...rest } = json as Readonly<Record<string, unknown>>; // it is an object of JSON
  const less = deeper.length === 0 ? null : without(member, deeper);
  return less === null ? rest : { ...rest, [name]: less };
}
