// Reading the W3C Baggage field (https://www.w3.org/TR/baggage/ §3.3): entries that travel with a call on every hop.

/** Key and value pairs of a baggage field, values percent-decoded, properties after `;` left out. Broken members are skipped. */
export function baggagePairs(field: string | undefined): readonly (readonly [key: string, value: string])[] {
  if (field === undefined) return [];
  const pairs: (readonly [string, string])[] = [];
  for (const member of field.split(",")) {
    const semicolon = member.indexOf(";");
    const entry = semicolon === -1 ? member : member.slice(0, semicolon);
    const equals = entry.indexOf("=");
    if (equals === -1) continue;
    const key = entry.slice(0, equals).trim();
    if (key !== "") pairs.push([key, decode(entry.slice(equals + 1).trim())]);
  }
  return pairs;
}

/** The first value of one baggage entry; undefined where it is absent. Keys are case-sensitive. */
export function baggageValue(field: string | undefined, key: string): string | undefined {
  if (field === undefined || !field.includes(key)) return undefined;
  for (const [name, value] of baggagePairs(field)) if (name === key) return value;
  return undefined;
}

function decode(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // Not ours to reject: another hop wrote it.
  }
}
