// JSON that comes out as it went in: numbers that JavaScript cannot hold exactly (64-bit identifiers, 1.10) are kept as
// they were written. A patch must change what it names and nothing else.

/** ECMAScript JSON.parse source text access, which the compiler's library does not describe yet. */
interface ExactJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  /** An object that JSON.stringify copies as it stands. */
  rawJSON(text: string): { readonly rawJSON: string };
  isRawJSON(value: unknown): value is { readonly rawJSON: string };
}

const exactJson = JSON as unknown as ExactJson; // The same object, described by the newer standard.

/** Parses JSON; a number that would print otherwise than it was written becomes `keep(written)`. Throws SyntaxError. */
export function parseJson(text: string, keep: (written: string) => unknown): unknown {
  return exactJson.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source ? keep(source) : value,
  );
}

/** A number as it was written, for JSON.stringify. */
export function rawNumber(written: string): unknown {
  return exactJson.rawJSON(written);
}

/** The text of a raw number; undefined for any other value. */
export function writtenNumber(value: unknown): string | undefined {
  return exactJson.isRawJSON(value) ? value.rawJSON : undefined;
}

export type JsonObject = Record<string, unknown>;

/** True for `{…}`: not for arrays, null or raw numbers. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !exactJson.isRawJSON(value);
}

/** A member of its own; undefined where there is none, also for what every object inherits. */
export function memberOf(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A deep copy, so that one value put into two places can be changed in one of them. */
export function copyJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyJson);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, copyJson(member)]));
}

/** Equal as RFC 6902 §4.6 has it: numbers by value, objects without regard to order. */
export function equalJson(left: unknown, right: unknown): boolean {
  if (Array.isArray(left)) {
    return (
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((item, index) => equalJson(item, right[index]))
    );
  }
  if (isJsonObject(left)) {
    if (!isJsonObject(right)) return false;
    const keys = Object.keys(left);
    return (
      keys.length === Object.keys(right).length &&
      keys.every((key) => Object.hasOwn(right, key) && equalJson(left[key], right[key]))
    );
  }
  return plain(left) === plain(right);
}

function plain(value: unknown): unknown {
  const written = writtenNumber(value);
  return written === undefined ? value : Number(written);
}
