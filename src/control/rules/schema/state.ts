// A scenario per key: a rule that claims only in one state, and moves on to the next.

import * as z from "zod";
import type { StateSpec } from "../../../core/rule.ts";
import { across, mapping } from "./mapping.ts";
import { nameText, text } from "./text.ts";

const keyExpected = "header:NAME, cookie:NAME, query:NAME or baggage:NAME";

const key = z
  .string(keyExpected)
  .regex(/^(?:(?:header|cookie|baggage):[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,200}|query:.{1,200})$/, keyExpected)
  .transform((written): StateSpec["key"] => {
    const colon = written.indexOf(":");
    // The pattern has let only these four through.
    const from = written.slice(0, colon) as "header" | "cookie" | "query" | "baggage";
    const name = written.slice(colon + 1);
    return { from, name: from === "header" ? name.toLowerCase() : name };
  });

export const state = across(
  mapping("a mapping {name, key, is, becomes}", {
    name: nameText("the name of a state (letters, digits, - and .)").describe("Name of the scenario."),
    key: key
      .exactOptional()
      .describe(
        "What tells sessions apart: header:x-session, cookie:sid, query:u, baggage:k. One state for all where left out.",
      ),
    is: text("the name of a state", 200)
      .exactOptional()
      .describe("Claims only in this state; `initial` is the state before the first change."),
    becomes: text("the name of a state", 200).exactOptional().describe("The state from this call on."),
  }),
  (written, _complain, lacks) => {
    if (!("is" in written || "becomes" in written)) lacks("expected is, becomes or both, got none of them");
  },
).transform(
  (written): StateSpec => ({
    name: written.name,
    key: written.key ?? null,
    is: written.is ?? null,
    becomes: written.becomes ?? null,
  }),
);
