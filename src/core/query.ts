// Reading the query of a request target: the same rule for matching, for state keys and for templates.

/** The path without its query: `/a/b` of `/a/b?c=1`. */
export function pathOf(target: string): string {
  const mark = target.indexOf("?");
  return mark === -1 ? target : target.slice(0, mark);
}

/**
 * Name and value pairs in the order of writing, decoded as forms encode them (`+` is a space, then `%XX`).
 * A sequence that is not valid UTF-8 percent-encoding is left as it was sent.
 */
export function queryPairs(target: string): readonly (readonly [name: string, value: string])[] {
  const mark = target.indexOf("?");
  if (mark === -1) return [];
  const pairs: (readonly [string, string])[] = [];
  for (const part of target.slice(mark + 1).split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = equals === -1 ? part : part.slice(0, equals);
    pairs.push([decodeFormText(name), equals === -1 ? "" : decodeFormText(part.slice(equals + 1))]);
  }
  return pairs;
}

/** The first value of one query parameter; undefined where it is absent, "" where it has no value. */
export function queryValue(target: string, name: string): string | undefined {
  let start = target.indexOf("?") + 1;
  if (start === 0) return undefined;
  while (start <= target.length) {
    const next = target.indexOf("&", start);
    const end = next === -1 ? target.length : next;
    const equals = target.indexOf("=", start);
    const nameEnd = equals === -1 || equals > end ? end : equals;
    if (end > start && decodeFormText(target.slice(start, nameEnd)) === name) {
      return decodeFormText(target.slice(Math.min(nameEnd + 1, end), end));
    }
    start = end + 1;
  }
  return undefined;
}

function decodeFormText(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced; // A client may send anything; a stray percent sign is then simply part of the text.
  }
}
