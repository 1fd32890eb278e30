// A dialect for tests: bodies of lines, of which the first one counts. Its key in a match is `lines`, as text: `/path word`.

import { bodyOf } from "../../src/core/body.ts";
import type { CallFacts, Dialect, DialectCondition } from "../../src/core/dialect.ts";
import type { MatchSpec } from "../../src/core/rule.ts";
import { RuleProblem } from "../../src/core/rule-problem.ts";

/** A match in its words. */
export function lines(text: string, more: MatchSpec = {}): MatchSpec {
  return { ...more, ...{ lines: text } };
}

function linesOf(match: MatchSpec): string | null {
  return "lines" in match && typeof match.lines === "string" ? match.lines : null;
}

const firstLine = ({ body }: CallFacts): string =>
  body ? (Buffer.from(body).toString().split("\n", 1)[0] ?? "") : "";

function condition(word: string): DialectCondition {
  return {
    name: "lines.first",
    holds: (call) => firstLine(call) === word,
    expected: () => `the line ${word}`,
    actual: (call) => (call.body ? `the line ${firstLine(call)}` : "no body"),
  };
}

const spoken = "text/x-lines";

/** Rules named `shout…` answer in it; rules named `mark…` mark what comes back. */
export const lineDialect: Dialect = {
  name: "lines",
  claims: (head) => head.header("content-type") === spoken,
  compileMatch(match, path) {
    const text = linesOf(match);
    if (text === null) return null;
    const [target = "", word] = text.split(" ");
    if (!target.startsWith("/")) throw new RuleProblem([...path, "lines"], `expected a path, got ${text}`);
    return {
      implied: {
        method: { op: "exact", value: "POST" },
        path: { op: "exact", value: target },
        headers: [{ name: "content-type", match: { op: "exact", value: spoken } }],
      },
      head: [],
      body: word === undefined ? [] : [condition(word)],
    };
  },
  plan(spec) {
    if (spec.name.startsWith("shout")) {
      const text = `shouted by ${spec.name}`;
      return {
        effects: [],
        terminal: {
          kind: "mock",
          fixed: null,
          answer: async () => ({
            kind: "response",
            status: 200,
            reason: "",
            headers: [["content-type", spoken]],
            body: bodyOf(Buffer.from(text)),
          }),
        },
      };
    }
    if (!spec.name.startsWith("mark")) return null;
    return {
      terminal: null,
      effects: [
        {
          kind: "mark",
          fault: false,
          async apply(exchange, next) {
            const reply = await next(exchange);
            if (reply.kind !== "response") return reply;
            return { ...reply, headers: [...reply.headers, ["x-mark", spec.name]] };
          },
        },
      ],
    };
  },
  bytesNeeded: (_head, payload) => (payload.includes(10) ? payload.length : payload.length + 1),
};
