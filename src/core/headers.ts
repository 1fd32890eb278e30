// Header fields as they stood on the wire: order, case and repetition are kept, because peers notice.

/** Name and value pairs in wire order and case. Names compare without case (RFC 9110 §5.1). */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** All values of one field joined by ", " (RFC 9110 §5.3), or undefined where the field is absent. */
export function headerValue(headers: HeaderList, name: string): string | undefined {
  const wanted = name.toLowerCase();
  let found: string | undefined;
  for (const [key, value] of headers) {
    if (key.length !== wanted.length || key.toLowerCase() !== wanted) continue;
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}

/** The list with `name` set to one value: in place of its first occurrence, else at the end. */
export function withHeader(headers: HeaderList, name: string, value: string): HeaderList {
  const wanted = name.toLowerCase();
  const result: (readonly [string, string])[] = [];
  let placed = false;
  for (const pair of headers) {
    if (pair[0].toLowerCase() !== wanted) result.push(pair);
    else if (!placed) {
      result.push([pair[0], value]);
      placed = true;
    }
  }
  if (!placed) result.push([name, value]);
  return result;
}

/** The list without any occurrence of `name`. */
export function withoutHeader(headers: HeaderList, name: string): HeaderList {
  const wanted = name.toLowerCase();
  return headers.filter(([key]) => key.toLowerCase() !== wanted);
}
