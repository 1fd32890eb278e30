// Header fields in the written format: to match (names in lower case) and to send (names and values as written).

import * as z from "zod";
import type { HeaderList } from "../../../core/headers.ts";
import type { NamedMatch, TextMatch } from "../../../core/rule.ts";
import { scalarMatch } from "./text.ts";

/** RFC 9110 §5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/**
 * RFC 9110 §5.5: no control character but HTAB, since CR, LF and NUL would let a value forge another field. A field is bytes:
 * of a character above U+00FF only the low byte would be sent, and that of U+010A is a line feed.
 */
export const fieldText = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

/** A field name (RFC 9110 §5.1). */
export const headerName = z
  .string("a header name")
  .regex(token, "a header name (letters, digits, - and the other characters of an HTTP token)")
  .max(200, "a header name of at most 200 characters");

/** A value that can stand on the wire; integers and true/false may be written bare. */
const headerText = z
  .union([z.string(), z.int(), z.boolean()], { error: "text" })
  .transform(String)
  .pipe(
    z
      .string()
      .regex(fieldText, "a header value of Latin-1 characters, without line breaks and control characters")
      .max(32_768, "a header value of at most 32768 characters"),
  );

/** One value, or a list for a field that is sent several times. */
const headerValues = z
  .union([headerText, z.array(headerText).min(1, "at least one value").max(100, "at most 100 values")], {
    error: "text, or a list of texts",
  })
  .meta({ id: "headerValues", description: "A value, or a list for a field that is sent several times." });

/** Written by the lane from the body that it sends; a second opinion would open request smuggling (RFC 9112 §6.3). */
const framing = new Set(["content-length", "transfer-encoding"]);

/** `{content-type: text/plain, set-cookie: [a=1, b=2]}`; framing fields are refused. */
export const headerFields = z
  .record(headerName, headerValues, "a mapping of header names to values")
  .superRefine(refuseFraming, { when: always })
  .transform(
    (written): HeaderList =>
      Object.entries(written).flatMap(([name, value]) =>
        typeof value === "string" ? [[name, value] as const] : value.map((one) => [name, one] as const),
      ),
  );

/** RFC 9110 §6.5.1: what decides framing, routing or reading of the body cannot come after it. */
const notInTrailers = new Set(["host", "content-type", "content-encoding", "content-range", "trailer", "te"]);

/** Fields sent after the body. */
export const trailerFields = headerFields.superRefine((fields, context) => {
  for (const [name] of fields) {
    if (notInTrailers.has(name.toLowerCase()))
      context.addIssue({
        code: "custom",
        path: [name],
        message: "cannot be sent as a trailer (RFC 9110 §6.5.1)",
      });
  }
});

/** Names of fields to remove, in the case they were written. */
export const headerNames = z
  .array(headerName, "a list of header names")
  .max(1_000, "at most 1000 header names")
  .superRefine(
    (names, context) =>
      names.forEach((name, index) => {
        if (typeof name === "string" && framing.has(name.toLowerCase()))
          context.addIssue(framingIssue(index));
      }),
    { when: (payload) => Array.isArray(payload.value) },
  );

/** Matchers by header name; names compare without case, so two spellings of one name are a mistake. */
export const headerMatches = z
  .record(headerName, scalarMatch, "a mapping of header names to matchers")
  .superRefine(refuseTwins, { when: always })
  .transform((written): readonly NamedMatch[] => namedMatches(written, (name) => name.toLowerCase()));

/** Matchers by name, where case counts: query fields, cookies, baggage. */
export function nameMatches(expected: string, name: z.ZodString) {
  return z
    .record(name, scalarMatch, `a mapping of ${expected} to matchers`)
    .transform((written): readonly NamedMatch[] => namedMatches(written, (key) => key));
}

function namedMatches(
  written: Readonly<Record<string, TextMatch>>,
  spell: (name: string) => string,
): readonly NamedMatch[] {
  return Object.entries(written).map(([name, match]) => ({ name: spell(name), match }));
}

function refuseFraming(written: unknown, context: z.RefinementCtx): void {
  for (const name of Object.keys(Object(written)))
    if (framing.has(name.toLowerCase())) context.addIssue(framingIssue(name));
}

function framingIssue(step: string | number) {
  const message = "cannot be set: the sidecar writes it from the body that is sent (RFC 9112 §6)";
  return { code: "custom" as const, path: [step], message };
}

function refuseTwins(written: unknown, context: z.RefinementCtx): void {
  const seen = new Map<string, string>();
  for (const name of Object.keys(Object(written))) {
    const twin = seen.get(name.toLowerCase());
    if (twin === undefined) seen.set(name.toLowerCase(), name);
    else
      context.addIssue({
        code: "custom",
        path: [name],
        message: `is the same header as ${JSON.stringify(twin)}: names compare without case`,
      });
  }
}

function always(payload: z.core.ParsePayload): boolean {
  return typeof payload.value === "object" && payload.value !== null;
}
