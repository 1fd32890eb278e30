// The building blocks of the written format: mappings that know their keys, and checks that look across keys.
// By convention the `error` of a schema here is an expectation ("a duration such as 200ms"): findings.ts turns it into
// "expected …, got …". What a check reports is a whole sentence.

import * as z from "zod";
import { nearest } from "../../../core/nearest.ts";
import { printValue } from "../print-value.ts";

export const notSupportedYet = "not supported yet";

/** Keys that the format names but this version does not do yet: refused, never ignored. */
export function notYet<K extends string>(...keys: readonly K[]): Record<K, z.ZodExactOptional<z.ZodNever>> {
  const refused = z.never(notSupportedYet).exactOptional();
  const shape = Object.fromEntries(keys.map((key) => [key, refused]));
  // Object.fromEntries forgets which keys it was given.
  return shape as Record<K, z.ZodExactOptional<z.ZodNever>>;
}

/** A mapping with these keys and no others. `expected` says what should stand there instead of, say, a list. */
export function mapping<S extends z.ZodRawShape>(expected: string, shape: S): z.ZodObject<S, z.core.$strict> {
  const known = Object.keys(shape).filter((key) => !isRefused(shape[key]));
  for (const schema of Object.values(shape)) passOverAbsent(schema);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys.map((key) => unknownKey(key, known)).join("\n")
        : expected,
  });
}

/** zod asks the schema of an absent key about `undefined`, and drops the complaints: most of the work of a rule. */
function passOverAbsent(schema: unknown): void {
  if (!(schema instanceof z.ZodExactOptional)) return;
  const { run } = schema._zod;
  schema._zod.run = (payload, context) => (payload.value === undefined ? payload : run(payload, context));
}

function isRefused(schema: unknown): boolean {
  return schema instanceof z.ZodExactOptional && schema.unwrap() instanceof z.ZodNever;
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  if (meant !== undefined) return `unknown key ${printValue(key)}, did you mean ${printValue(meant)}?`;
  return `unknown key ${printValue(key)}; known here: ${known.join(", ")}`;
}

/** Whether the message about an unknown key names one of the same mapping. */
export function namesNear(message: string): boolean {
  return message.includes("did you mean");
}

/** What stands in a mapping: raw where a key was wrong, parsed where it was right. */
export type Written = Readonly<Record<string, unknown>>;
export type Complain = (message: string, ...path: readonly (string | number)[]) => void;

/**
 * Adds a check across keys. It runs even where single keys are wrong, so that all problems show at once. `lacks` complains
 * that something is missing: that stays unsaid next to an unknown key, which most likely is the missing one.
 */
export function across<T extends z.ZodType>(
  schema: T,
  look: (written: Written, complain: Complain, lacks: Complain) => void,
): T {
  return schema.superRefine(
    (value, context) => {
      const teller =
        (lack: boolean): Complain =>
        (message, ...path) =>
          context.addIssue({ code: "custom", message, path: [...path], params: { lack } });
      // `when` has made sure that it is a mapping.
      look(value as Written, teller(false), teller(true));
    },
    { when: (payload) => isMapping(payload.value) },
  );
}

/** Complains unless exactly one of the keys is present. */
export function exactlyOne(
  keys: readonly string[],
): (written: Written, complain: Complain, lacks: Complain) => void {
  return (written, complain, lacks) => {
    const found = keys.filter((key) => key in written);
    const expected = `expected exactly one of ${keys.join(", ")}`;
    if (found.length === 0) lacks(`${expected}, got none of them`);
    else if (found.length > 1) complain(`${expected}, got ${found.join(" and ")}`);
  };
}

/** Complains where two or more of the keys are present. */
export function atMostOne(keys: readonly string[], written: Written, complain: Complain, why = ""): void {
  const found = keys.filter((key) => key in written);
  if (found.length > 1)
    complain(`expected at most one of ${keys.join(", ")}${why}, got ${found.join(" and ")}`);
}

export function isMapping(value: unknown): value is Written {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
