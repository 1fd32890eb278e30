// What kind of conversation it is: what stands between the peers, and how it ends.

import type { RuleSpec } from "../../../src/core/rule.ts";
import { noFault, replyWith } from "../../support/rule-spec.ts";

export interface Scenario {
  readonly name: string;
  /** In force; null: the peers talk to each other directly. */
  readonly rules: readonly Partial<RuleSpec>[] | null;
  /** Put in force by turns with `rules` while the peers talk. */
  readonly otherRules?: readonly Partial<RuleSpec>[];
  readonly isSecure?: boolean;
  /** The upstream breaks off, or says GOAWAY; left out: all is brought to its end. */
  readonly ending?: "cut" | "goAway";
}

const under = (path: string, rest: Partial<RuleSpec>): Partial<RuleSpec> => ({
  name: path,
  matches: [{ path: { op: "prefix", value: path } }],
  ...rest,
});

/** What the mocks answer, by path. */
export const mockBodies: ReadonlyMap<string, string> = new Map([
  ["/mock/", "hi"],
  ["/large/", "L".repeat(150_000)],
]);
export const truncatedPath = "/truncated/";

const elsewhere = [under("/elsewhere/", { respond: replyWith("x") })];
const many = [
  ...[...mockBodies].map(([path, body]) => under(path, { respond: replyWith(body) })),
  under("/delayed/", { fault: { ...noFault, delay: { type: "fixed", ms: 3 } } }),
  under("/sliced/", { fault: { ...noFault, slice: { bytes: 700, delayMs: 0 } } }),
  under(truncatedPath, { fault: { ...noFault, truncate: { afterBytes: 500 } } }),
];

/** What is asked for; the more often a path stands here, the more often. */
export const paths: readonly [string, ...string[]] = [
  ...(["/relayed/", "/relayed/", "/relayed/", "/relayed/", "/relayed/"] as const),
  ...["/mock/", "/mock/", "/large/", "/delayed/", "/delayed/", "/sliced/", truncatedPath],
];
/** What no rule claims. */
export const relayedPath = "/relayed/";

export const scenarios: readonly Scenario[] = [
  { name: "directly", rules: null },
  { name: "without rules", rules: [] },
  { name: "beside rules for other calls", rules: elsewhere },
  { name: "under rules", rules: many },
  { name: "under rules inside TLS", rules: many, isSecure: true },
  { name: "under rules that come and go", rules: many, otherRules: elsewhere },
  { name: "under rules, with an upstream that breaks off", rules: many, ending: "cut" },
  {
    name: "under rules inside TLS, with an upstream that breaks off",
    rules: many,
    isSecure: true,
    ending: "cut",
  },
  { name: "under rules, with an upstream that says GOAWAY", rules: many, ending: "goAway" },
  { name: "under rules that come and go inside TLS", rules: many, otherRules: elsewhere, isSecure: true },
  {
    name: "under rules that come and go, with an upstream that breaks off",
    rules: many,
    otherRules: elsewhere,
    ending: "cut",
  },
  {
    name: "under rules that come and go, with an upstream that says GOAWAY",
    rules: many,
    otherRules: elsewhere,
    ending: "goAway",
  },
  {
    name: "under rules that come and go inside TLS, with an upstream that says GOAWAY",
    rules: many,
    otherRules: elsewhere,
    isSecure: true,
    ending: "goAway",
  },
];
