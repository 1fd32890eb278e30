// One rule and the whole file as users write them. The same schemas validate, normalise and give editors their JSON Schema.

import * as z from "zod";
import type { RuleSpec } from "../../../core/rule.ts";
import { fault } from "./fault.ts";
import { descriptors } from "./grpc.ts";
import { across, type Complain, isMapping, mapping, notYet, type Written } from "./mapping.ts";
import { patch } from "./patch.ts";
import { respond } from "./respond.ts";
import { everyCall, scope } from "./scope.ts";
import { selection } from "./selection.ts";
import { checkSocketRule } from "./socket-rule.ts";
import { state } from "./state.ts";
import { nameText } from "./text.ts";

const shape = {
  name: nameText("a name of letters, digits, - and . (at most 200)").describe(
    "Unique name of the rule; letters, digits, - and .",
  ),
  priority: z
    .int("a whole number")
    .min(-1_000_000, "a whole number from -1000000 to 1000000")
    .max(1_000_000, "a whole number from -1000000 to 1000000")
    .exactOptional()
    .describe("Smaller is tried first. Default 100; ties keep the order of writing."),
  matches: z
    .array(selection, "a list of selections")
    .max(1_000, "at most 1000 selections")
    .exactOptional()
    .describe("Which calls: AND inside an item, OR across items; every call where left out."),
  scope: scope.exactOptional().describe("Who is touched: a share, a header, some baggage; and for how long."),
  state: state.exactOptional().describe("A scenario per key (a session, a user)."),
  respond: respond.exactOptional().describe("Answer the call instead of relaying it."),
  fault: fault.exactOptional().describe("Disturb the call."),
  descriptors: descriptors.exactOptional(),
  patch: patch.exactOptional().describe("Change the request or the response on its way."),
};

const later = notYet("replay", "record", "mirror");
const doing = ["respond", "fault", "patch", ...Object.keys(later)];

function checkRule(written: Written, complain: Complain, lacks: Complain): void {
  const moves = isMapping(written.state) && typeof written.state.becomes === "string";
  if (!moves && !doing.some((key) => key in written))
    lacks("does nothing: expected respond, fault, patch or state.becomes");
  const ends = isMapping(written.fault) && (written.fault.abort ?? written.fault.http2 ?? null) !== null;
  for (const key of ["respond", "patch"])
    if (ends && key in written)
      complain(`expected either ${key} or fault.abort, got both: ${abortEnds}`, key);
  checkSocketRule(written, complain);
}

const abortEnds = "an abort ends the call before anything else could happen to it";

/** A rule without the place where it was written. */
export type PlacelessRule = Omit<RuleSpec, "origin">;

/** One item of `rules`. */
export const rule = across(
  mapping("a rule: a mapping of keys such as name, matches, respond", { ...shape, ...later }),
  checkRule,
).transform(
  (written): PlacelessRule => ({
    name: written.name,
    priority: written.priority ?? 100,
    matches: written.matches ?? [],
    scope: written.scope ?? everyCall,
    state: written.state ?? null,
    respond: written.respond ?? null,
    fault: written.fault ?? null,
    patch: written.patch ?? null,
    ...(written.descriptors === undefined ? {} : { descriptors: written.descriptors }),
  }),
);

const version = z.literal(1, "1 (the version of the format)").describe("Version of the format.");
const schemaKey = z.string("text").exactOptional().describe("For editors; not read.");
const expectedFile = "a mapping with version: 1 and rules";

/** All of a file but its rules, which are read one by one. */
export const fileHead = mapping(expectedFile, {
  $schema: schemaKey,
  version,
  descriptors: descriptors.exactOptional(),
  rules: z.array(z.unknown(), "a list of rules"),
});

/** A whole file, for the JSON Schema. */
export const ruleFile = mapping(expectedFile, {
  $schema: schemaKey,
  version,
  descriptors: descriptors.exactOptional(),
  rules: z.array(rule, "a list of rules").describe("The rules, in the order in which ties are tried."),
});
