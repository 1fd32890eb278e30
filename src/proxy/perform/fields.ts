// Header and trailer fields that a rule writes: checked before they can break the framing of a message.

import type { HeaderList } from "../../core/headers.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";

/** RFC 9110 §5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 §5.5: CR, LF and NUL would end the field or the head; other controls only ever cause trouble; and a field
 * value is octets, so that a character above U+00FF cannot be written. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const unwritable = /[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/;

const framing: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

/** Throws RuleProblem at `path` for a name that is no token, a value with control characters, or a framing field. */
export function checkFields(fields: HeaderList, path: RulePath): void {
  for (const [name, value] of fields) {
    checkFieldName(name, path);
    if (!isFieldValue(value)) {
      throw new RuleProblem(
        [...path, name],
        `expected Latin-1 characters without control characters, got ${JSON.stringify(value)}`,
      );
    }
  }
}

/** Throws RuleProblem for a name that is no token or that frames a message. */
export function checkFieldName(name: string, path: RulePath): void {
  if (!token.test(name)) {
    throw new RuleProblem(path, `expected the name of a field, got ${JSON.stringify(name)}`);
  }
  if (framing.has(name.toLowerCase())) {
    throw new RuleProblem(
      [...path, name],
      `expected no framing field, got ${name}: it always follows from the body, so leave it out`,
    );
  }
}

/** False for a value that would break out of its line. */
export function isFieldValue(value: string): boolean {
  return !unwritable.test(value);
}

/** The list without the fields that say how long the body is. */
export function withoutFraming(fields: HeaderList): HeaderList {
  return fields.filter(([name]) => !framing.has(name.toLowerCase()));
}
