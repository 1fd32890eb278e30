// Reading the Cookie field of a request (RFC 6265 §4.2.1): the same rule for matching, for state keys and for templates.

/**
 * Name and value pairs of a Cookie field in the order of writing. Quotes around a value are taken off; nothing is
 * decoded, because cookies have no encoding of their own. A part without `=` is skipped.
 */
export function cookiePairs(field: string | undefined): readonly (readonly [name: string, value: string])[] {
  if (field === undefined) return [];
  const pairs: (readonly [string, string])[] = [];
  for (const part of field.split(";")) {
    const equals = part.indexOf("=");
    if (equals === -1) continue;
    const name = part.slice(0, equals).trim();
    if (name !== "") pairs.push([name, unquote(part.slice(equals + 1).trim())]);
  }
  return pairs;
}

/** The first value of one cookie; undefined where it is absent. Names are case-sensitive. */
export function cookieValue(field: string | undefined, name: string): string | undefined {
  if (field === undefined || !field.includes(name)) return undefined;
  for (const [key, value] of cookiePairs(field)) if (key === name) return value;
  return undefined;
}

function unquote(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}
