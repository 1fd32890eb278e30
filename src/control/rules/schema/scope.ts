// Who is touched by a rule that matches. A call outside the scope goes on to the next rule.

import * as z from "zod";
import type { DecideBy, ScopeSpec } from "../../../core/rule.ts";
import { headerMatches, headerName, nameMatches } from "./header.ts";
import { across, mapping, notYet } from "./mapping.ts";
import { duration } from "./quantity.ts";

/** The scope of a rule that names none: every call, for ever. */
export const everyCall: ScopeSpec = Object.freeze({
  percentage: 100,
  decideBy: Object.freeze({ by: "request" as const }),
  expiresAtMs: null,
  ttlMs: null,
  headers: [],
  baggage: [],
  maxActive: null,
});

const decideByExpected = "request, connection, trace or header:NAME";

/** Names of headers compare without case, so the lower-case name is what every sidecar hashes. */
const decideBy = z
  .string(decideByExpected)
  .regex(/^(?:request|connection|trace|header:[!#$%&'*+\-.^_`|~0-9A-Za-z]+)$/, decideByExpected)
  .transform((written): DecideBy => {
    if (written === "connection" || written === "trace") return { by: written };
    if (written.startsWith("header:")) return { by: "header", name: written.slice(7).toLowerCase() };
    return { by: "request" };
  });

const instantExpected = "a date and time with its zone such as 2026-01-31T12:00:00Z";

/** ISO 8601 in the profile of RFC 3339; without a zone two sidecars could disagree on the moment. */
const instant = z.iso
  .datetime({ offset: true, error: instantExpected })
  .transform((written) => Date.parse(written))
  .pipe(z.number(instantExpected));

const yearMs = 366 * 86_400_000;

const shape = {
  percentage: z
    .number("a number from 0 to 100")
    .min(0, "a number from 0 to 100")
    .max(100, "a number from 0 to 100")
    .exactOptional()
    .describe("Share of the calls that are touched, 0 to 100; 0 disturbs not one byte. Default 100."),
  decideBy: decideBy
    .exactOptional()
    .describe(
      "What the percentage is rolled for: request (default), connection, trace, or header:NAME; the same key gives the same verdict everywhere.",
    ),
  ttl: duration({ minMs: 1, maxMs: yearMs })
    .exactOptional()
    .describe("The rule ends by itself so long after it was first loaded: 30m, 1h30m."),
  expiresAt: instant
    .exactOptional()
    .describe("The rule ends by itself at this moment: 2026-01-31T12:00:00Z."),
  headers: headerMatches.exactOptional().describe("Request headers that must match."),
  baggage: nameMatches("baggage entries", headerName)
    .exactOptional()
    .describe("W3C baggage entries that must be present with these values."),
  maxActive: z
    .int("a whole number of calls")
    .min(1, "a whole number of calls, at least 1")
    .exactOptional()
    .describe("Calls under this rule at the same time; further ones are left alone."),
};

export const scope = across(
  mapping("a mapping of keys such as percentage, ttl", {
    ...shape,
    ...notYet("lease", "firstAttempts", "between"),
  }),
  (written, complain) => {
    if ("ttl" in written && "expiresAt" in written)
      complain("expected either ttl or expiresAt, got both", "ttl");
  },
).transform(
  (written): ScopeSpec => ({
    percentage: written.percentage ?? 100,
    decideBy: written.decideBy ?? { by: "request" },
    expiresAtMs: written.expiresAt ?? null,
    ttlMs: written.ttl ?? null,
    headers: written.headers ?? [],
    baggage: written.baggage ?? [],
    maxActive: written.maxActive ?? null,
  }),
);
